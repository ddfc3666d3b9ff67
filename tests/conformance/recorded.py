"""What the reference engine answered, kept beside the checks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.conformance.model import Check

DIRECTORY = Path(__file__).with_name("reference")


def load() -> dict[str, Any]:
    """All recorded answers, by the keys of the checks."""
    return {f"{file.stem}: {name}": answer for file in _files() for name, answer in _read(file)["answers"].items()}


def engine() -> str:
    """The engine that answered."""
    return str(_read(next(_files()))["engine"])


def save(name: str, checks: Iterable[Check], answers: dict[str, Any]) -> None:
    """Keep the answers to these checks, a file for each group."""
    groups: dict[str, dict[str, Any]] = {}
    for check in checks:
        groups.setdefault(check.group, {})[check.name] = answers[check.key]
    for group, found in groups.items():
        lines = [f"  {_json(key)}: {_json(answer)}" for key, answer in found.items()]
        text = f'{{"engine": {_json(name)}, "answers": {{\n' + ",\n".join(lines) + "\n}}\n"
        (DIRECTORY / f"{group}.json").write_text(text)


def _files() -> Iterable[Path]:
    return iter(sorted(DIRECTORY.glob("*.json")))


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
