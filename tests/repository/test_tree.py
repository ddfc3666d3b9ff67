"""The repository's own promises: no machine's paths, no download addresses, suppressions refused."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r"--(extra-)?index-url|\"resolved\": *\"http|url = \"https?://[^\"]*\.(whl|tar\.gz)|@ https?://")


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def test_requirements_are_hashed_and_carry_no_address() -> None:
    text = (ROOT / "requirements" / "dev.txt").read_text()
    pins = [line for line in text.splitlines() if re.match(r"^[a-z0-9].*==", line)]
    assert len(pins) > 50
    assert all(line.rstrip().endswith("\\") for line in pins), "a pin without hashes"
    assert not ADDRESS.search(text)


def test_no_source_file_is_too_long() -> None:
    long = {
        str(p.relative_to(ROOT)): n
        for p in _tracked()
        if p.suffix == ".py" and (n := len(p.read_text().splitlines())) > 400
    }
    assert long == {}


def test_a_new_suppression_is_refused(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "suppressions.py"
    assert subprocess.run([sys.executable, str(script)], cwd=ROOT, check=False).returncode == 0
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "scripts").mkdir()
    for name in ("suppressions.py", "suppressions.txt"):
        (tmp_path / "scripts" / name).write_text((ROOT / "scripts" / name).read_text())
    (tmp_path / "new.py").write_text("import os  # no" + "qa\n")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "scripts" / "suppressions.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "new.py:1" in done.stdout
