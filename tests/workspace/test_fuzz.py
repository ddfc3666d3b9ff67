"""Whatever is sent to whichever operation: no server error, except the 501 that says what is not implemented."""

from __future__ import annotations

import ast
import http.client
import importlib
import json
import pkgutil
import random
import re
import string
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.support import LocalWorkspace, WorkspaceHome

ROOT = Path(__file__).parents[2]
WORDS = (
    "main",
    "default",
    "/Shared",
    "/Users",
    "0",
    "-1",
    "1",
    "a",
    "main.default.t",
    "admins",
    "users",
    "..",
    "/",
    "",
)
ODD = (
    "\x00",
    "é",
    "💥",
    "%2e%2e",
    "../../etc/passwd",
    "' OR 1=1 --",
    "a" * 300,
    "²",
    "\u202e",
    "{{secrets/a/b}}",
    "NaN",
)
NUMBERS = (0, 1, -1, 2**31, 2**53, 2**63, -(2**63), 10**30, 0.5, 1e308)


def fields_of_calls() -> dict[str, list[str]]:
    """Operation -> the fields that the SDK puts into its query or body."""
    import databricks.sdk.service as service

    found: dict[str, list[str]] = {}
    for module in pkgutil.iter_modules(service.__path__):
        source = Path(importlib.import_module(f"{service.__name__}.{module.name}").__file__ or "").read_text()
        for family in ast.parse(source).body:
            if isinstance(family, ast.ClassDef) and family.name.endswith("API"):
                for method in family.body:
                    if isinstance(method, ast.FunctionDef):
                        text = ast.unparse(method)
                        found[f"{family.name}.{method.name}"] = re.findall(r"(?:body|query)\['(\w+)'\] = ", text)
    return found


class Sender:
    """Sends requests made from a random generator."""

    def __init__(self, workspace: LocalWorkspace, seed: int) -> None:
        self._netloc = urlsplit(workspace.host).netloc
        self._token = workspace.token
        self._random = random.Random(seed)
        self._connection = http.client.HTTPConnection(self._netloc, timeout=60)
        self.sent = 0

    def value(self, depth: int = 0) -> Any:
        kind = self._random.randrange(9 if depth < 3 else 6)
        if kind < 2:
            return self._random.choice(WORDS)
        if kind == 2:
            return self._random.choice(ODD)
        if kind == 3:
            return self._random.choice(NUMBERS)
        if kind == 4:
            return self._random.choice((True, False, None))
        if kind == 5:
            return "".join(self._random.choices(string.printable, k=self._random.randrange(12)))
        if kind == 6:
            return [self.value(depth + 1) for _ in range(self._random.randrange(3))]
        keys = ("name", "key", "value", "path", "type", "permission_level", "user_name", "task_key", "notebook_task")
        return {self._random.choice(keys): self.value(depth + 1) for _ in range(self._random.randrange(3))}

    def send(self, method: str, template: str, fields: list[str]) -> tuple[int, str]:
        """Send one request; answers the status and a description."""
        path = re.sub(r"\{[^}]*\}", lambda _: quote(str(self._random.choice(WORDS + ODD)), safe="/"), template)
        given = {name: self.value() for name in fields if self._random.random() < 0.7}
        body: bytes | None = None
        if method in ("GET", "HEAD", "DELETE") and self._random.random() < 0.9:
            pairs = [f"{name}={quote(str(value))}" for name, value in given.items()]
            path += "?" + "&".join(pairs) if pairs else ""
        else:
            odd = self._random.choice((b"", b"[]", b"null", b"{", b'{"a": NaN}', b"\xff", b'"text"'))
            body = odd if self._random.random() < 0.1 else json.dumps(given).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            self._connection.request(method, path, body=body, headers=headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, ConnectionError) as error:
            self._connection.close()
            return 599, f"{method} {path} {body!r}: {error!r}"
        self.sent += 1
        return answer.status, f"{method} {path} {body!r}: {answer.status} {text[:300]!r}"


def operations() -> Iterator[tuple[str, str, list[str]]]:
    """The operations that work, with their fields; also those that are not in the SDK."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import coverage_page

    fields = fields_of_calls()
    page = coverage_page.PAGE.read_text()
    for one in coverage_page.surface():
        if f"`{one.method} {one.path}`" in page:
            yield one.method, one.path, fields[f"{one.family}.{one.name}"]
    for line in re.findall(r"^- `(\w+ /\S+)`$", page, re.MULTILINE):
        method, path = line.split(" ")
        yield method, path, ["name", "path", "page_token", "max_results", "version", "key", "value", "run_id"]


def failures(workspace: LocalWorkspace, rounds: int, seed: int) -> tuple[list[str], int]:
    sender, known = Sender(workspace, seed), list(operations())
    found = []
    for _ in range(rounds):
        for method, path, fields in known:
            status, shown = sender.send(method, path, fields)
            if status >= 500 and status != 501:
                found.append(shown)
    return found, sender.sent


def test_no_request_makes_the_server_fail(workspaces: WorkspaceHome) -> None:
    found, sent = failures(workspaces.start("fuzz"), rounds=3, seed=2026)
    assert not found, "\n".join(found[:40])
    assert sent > 500


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_request_of_many_makes_the_server_fail(workspaces: WorkspaceHome) -> None:
    found, _ = failures(workspaces.start("fuzz"), rounds=150, seed=random.randrange(10**6))
    assert not found, "\n".join(found[:40])
