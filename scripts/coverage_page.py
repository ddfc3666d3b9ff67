"""Write what a local workspace answers of the vendor's API: `docs/coverage.md`, and the names of the SDK's operations.

The operations are read from the source of `databricks-sdk`; which of them work is asked of a running workspace, which
is started for it: an operation that answers 501 does not, one that answers anything else does.
"""

from __future__ import annotations

import ast
import http.client
import importlib
import os
import pkgutil
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import databricks.sdk.service as service

import brickyard.workspace.api as api
from brickyard.workspace.api.base import Family

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"
SURFACE = ROOT / "src" / "brickyard" / "workspace" / "api" / "surface.txt"
_ACCOUNT = "/accounts/{account_id}"
_REFUSED = ("GET /oidc/v1/authorize",)  # declared to say why it is not implemented
_INTRODUCTION = """# What a local workspace answers

Written by `python scripts/coverage_page.py`, which asks a running workspace; do not edit. The operations are those of
the API classes of `databricks-sdk` {version} (without the account's). What is not implemented answers 501 with the
error code `NOT_IMPLEMENTED` and the name of the operation. An operation that works may still refuse a field or a value
by name.
"""


@dataclass(frozen=True, order=True)
class Operation:
    """One call of the SDK; placeholders in the path are `{name}`."""

    family: str
    name: str
    method: str
    path: str


def surface() -> list[Operation]:
    """All calls of the SDK's workspace API classes."""
    found = set()
    for module in pkgutil.iter_modules(service.__path__):
        source = Path(importlib.import_module(f"{service.__name__}.{module.name}").__file__ or "").read_text()
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("API"):
                found |= set(_in_collections(_calls(node)))
    return sorted(one for one in found if _ACCOUNT not in one.path)


def _in_collections(calls: Iterable[Operation]) -> Iterator[Operation]:
    """The calls of a family; where a path begins with the name of a resource, with its collection, as in
    `domains/{name}`.
    """
    calls = list(calls)
    begun = [found[1] for one in calls if (found := re.match(r"/api/[0-9.]+/([a-z-]+)", one.path))]
    for one in calls:
        yield replace(one, path=re.sub(r"^(/api/[0-9.]+/)(?=\{)", rf"\1{begun[0]}/", one.path) if begun else one.path)


def _calls(family: ast.ClassDef) -> Iterator[Operation]:
    for method in family.body:
        if not isinstance(method, ast.FunctionDef):
            continue
        for node in ast.walk(method):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "self._api.do":
                if len(node.args) < 2:  # the data plane's address is not the workspace's
                    continue
                verb, path = node.args[0], node.args[1]
                assert isinstance(verb, ast.Constant)
                yield Operation(family.name, method.name, str(verb.value), _text(path))


def _text(path: ast.expr) -> str:
    if isinstance(path, ast.Constant):
        return str(path.value)
    assert isinstance(path, ast.JoinedStr)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{" + ast.unparse(_value(part)) + "}"
        for part in path.values
    ).replace("self._api.account_id", "account_id")


def _value(part: ast.expr) -> ast.expr:
    """What an f-string shows, without the function that quotes it."""
    assert isinstance(part, ast.FormattedValue)
    value = part.value
    return value.args[0] if isinstance(value, ast.Call) and value.args else value


def answered(host: str, token: str, wanted: Iterable[Operation]) -> dict[Operation, bool]:
    """Which operations a workspace implements."""
    connection = http.client.HTTPConnection(urlsplit(host).netloc, timeout=60)
    found = {}
    for one in wanted:
        path = re.sub(r"\{[^}]*path[^}]*\}", "/nothing", one.path)
        path = re.sub(r"\{[^}]*\}", "0", path)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(one.method, path, body=None if one.method in ("GET", "HEAD") else "{}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        found[one] = answer.status != 501
    return found


def page(found: dict[Operation, bool]) -> str:
    """The page."""
    from databricks.sdk.version import __version__

    by_family: dict[str, list[Operation]] = defaultdict(list)
    for one in found:
        by_family[one.family].append(one)
    partly = {name: ones for name, ones in by_family.items() if any(found[one] for one in ones)}
    lines = [_INTRODUCTION.format(version=__version__), "## Families with operations that work", ""]
    lines += ["| family | work | answer 501 |", "|---|---|---|"]
    for name, ones in sorted(partly.items()):
        done, rest = [one for one in ones if found[one]], [one for one in ones if not found[one]]
        lines.append(f"| `{name}` ({len(done)} of {len(ones)}) | {_list(done)} | {_list(rest)} |")
    lines += ["", "## Families of which nothing works yet", ""]
    lines += [f"- `{name}` ({len(ones)} operations)" for name, ones in sorted(by_family.items()) if name not in partly]
    lines += [
        "",
        "## Operations that are not in the SDK",
        "",
        "Of other clients of the vendor: MLflow, bundles, sign-in.",
    ]
    lines += ["", *(f"- `{one}`" for one in sorted(_beyond(found), key=lambda line: line.split(" ")[::-1]))]
    return "\n".join(lines) + "\n"


def _list(ones: list[Operation]) -> str:
    return "<br>".join(f"{one.name} `{one.method} {one.path}`" for one in ones)


def _beyond(found: Iterable[Operation]) -> set[str]:
    """What the families declare and the SDK does not call."""
    known = {(one.method, re.sub(r"\{[^}]*\}", "{}", one.path)) for one in found}
    declared = set()
    for module in pkgutil.iter_modules(api.__path__):
        family = getattr(importlib.import_module(f"{api.__name__}.{module.name}"), "family", None)
        declared |= set(family.operations()) if isinstance(family, Family) else set()
    return {
        line
        for line in declared
        if "{rest:path}" not in line
        and line not in _REFUSED
        and (line.split(" ")[0], re.sub(r"\{[^}]*\}", "{}", line.split(" ")[1])) not in known
    }


def names(found: Iterable[Operation]) -> str:
    """The file from which the workspace names what it does not implement."""
    return "".join(f"{one.method} {one.path} {one.family}.{one.name}\n" for one in found)


def main() -> None:
    """Start a workspace, ask it, and write both files."""
    wanted = surface()
    SURFACE.write_text(names(wanted))
    with tempfile.TemporaryDirectory() as home:
        os.environ["BRICKYARD_HOME"] = home
        from brickyard.workspace import process

        started = process.start("coverage")
        try:
            PAGE.write_text(page(answered(started.url or "", started.token or "", wanted)))
        finally:
            process.stop("coverage")


if __name__ == "__main__":
    main()
