"""Environment variables of scoring processes: plain values, and references to secrets.

The vendor writes a reference as `{{secrets/SCOPE/KEY}}`. It is kept and shown as it was written; its value is looked
up when a process is about to start, and is given to that process only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from brickyard.workspace.api.errors import ApiError, InvalidParameterValue, NotImplementedByWorkspace

if TYPE_CHECKING:
    from brickyard.workspace.identity import Principal

__all__ = ["Environment", "SecretUnavailable", "SecretValues", "parse_environment", "resolve", "scopes_of"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MENTIONS_SECRET = re.compile(r"\{\{\s*secrets/")
_REFERENCE = re.compile(r"\{\{\s*secrets/(?P<scope>[\w.@-]+)/(?P<key>[\w.@-]+)\s*\}\}", re.ASCII)


class SecretValues(Protocol):
    """What an endpoint asks of the workspace's secrets."""

    def read_as(self, reader: str, scope: str, key: str, use: str) -> bytes:
        """A value, with the rights of a principal; an `ApiError` where it cannot be had."""
        ...

    def require_read(self, principal: Principal, scope: str) -> None:
        """An `ApiError` where there is no such scope, or the principal may not read it."""
        ...


class SecretUnavailable(Exception):
    """A variable refers to a secret that cannot be had."""


@dataclass(frozen=True)
class Environment:
    """Variables with their values; not shown, because some are secrets.

    Attributes:
        variables: Value by name.
        secrets: The values that came from secrets, to be taken out of what the process prints.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


def parse_environment(given: Any) -> dict[str, str]:
    """Read `environment_vars`; references stay as they are.

    Raises:
        InvalidParameterValue: It is not an object of strings, or a name is not one of a variable.
        NotImplementedByWorkspace: A reference is only a part of a value.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidParameterValue("environment_vars must be an object of strings")
    return {_name(name): _value(name, value) for name, value in given.items()}


def scopes_of(values: Iterable[str]) -> list[str]:
    """The scopes of the secrets that values of variables refer to, each once."""
    return sorted({match["scope"] for value in values if (match := _REFERENCE.fullmatch(value))})


def resolve(written: Mapping[str, str], secrets: SecretValues, reader: str, use: str) -> Environment:
    """Look up what the references in `written` mean now.

    Args:
        written: The variables as they were written.
        secrets: Where the values are.
        reader: Who made the endpoint, and needs READ on the secrets' scopes.
        use: What the values are for, as the audit record names it.

    Raises:
        SecretUnavailable: Names the variable and the secret.
    """
    references = {name: match for name, value in written.items() if (match := _REFERENCE.fullmatch(value))}
    found = {name: _secret(name, match, secrets, (reader, use)) for name, match in references.items()}
    return Environment({**written, **found}, tuple(found.values()))


def _secret(variable: str, reference: re.Match[str], secrets: SecretValues, who: tuple[str, str]) -> str:
    scope, key = reference["scope"], reference["key"]
    reader, use = who
    try:
        value = secrets.read_as(reader, scope, key, use)
    except ApiError as error:
        raise SecretUnavailable(f"environment_vars.{variable}: {error.message}") from error
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise SecretUnavailable(f"environment_vars.{variable}: the secret {scope}/{key} is not text") from error
    if "\0" in text:
        raise SecretUnavailable(f"environment_vars.{variable}: the secret {scope}/{key} contains a null character")
    return text


def _name(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidParameterValue(
            f"environment_vars: {name!r} is not a name: letters, digits and '_', no digit first"
        )
    return name


def _value(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if "\0" in text or value is None or isinstance(value, dict | list):
        raise InvalidParameterValue(f"environment_vars.{name} must be a string without null characters")
    if _MENTIONS_SECRET.search(text) and not _REFERENCE.fullmatch(text):
        raise NotImplementedByWorkspace(
            f"serving endpoints: environment_vars.{name} must be exactly {{{{secrets/SCOPE/KEY}}}}; a reference inside "
            "a longer value is not supported"
        )
    return text
