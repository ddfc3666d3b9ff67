"""What the model registry knows of a model and of a version."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

from brickyard.workspace.api.errors import InvalidParameterValue
from brickyard.workspace.api.shape import MAX_INTEGER

__all__ = ["ModelVersion", "NewVersion", "Page", "PageRequest", "RegisteredModel", "Status"]

T = TypeVar("T")
_DEFAULT_PAGE = 100
_LARGEST_PAGE = 1000
_SIZE = re.compile(r"[0-9]{1,18}")
_NOT_OURS = "page_token is not one that this workspace gave out"


class Status(StrEnum):
    """Where a version is in its registration; only a `READY` one can be loaded."""

    PENDING = "PENDING_REGISTRATION"
    READY = "READY"


@dataclass(frozen=True)
class RegisteredModel:
    """A registered model. Times are epoch milliseconds."""

    name: str
    description: str | None
    owner: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    aliases: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelVersion:
    """A version of a registered model. Times are epoch milliseconds.

    Attributes:
        name: The full name of the model.
        path: The directory with its files, `MLmodel` at the top; do not write to it.
        run_workspace_id: The workspace whose tracking server has the run.
        model_id: The logged model that it was registered from.
    """

    name: str
    version: int
    path: Path
    status: Status
    id: str
    source: str | None
    run_id: str | None
    run_workspace_id: str | None
    model_id: str | None
    description: str | None
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NewVersion:
    """What a client says of a version that it is about to upload."""

    source: str | None = None
    run_id: str | None = None
    run_workspace_id: str | None = None
    model_id: str | None = None
    description: str | None = None
    feature_deps: str | None = None
    dependencies: tuple[Mapping[str, str], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of the results, and the token for the next ones where there are more."""

    items: list[T]
    next_page_token: str | None = None


@dataclass(frozen=True)
class PageRequest:
    """Which part of a listing is wanted.

    Attributes:
        size: How many at most.
        after: The key of the last item of the page before; none for the first page.
    """

    size: int
    after: tuple[Any, ...] | None = None

    @classmethod
    def parse(cls, max_results: object, page_token: object, *key: type) -> PageRequest:
        """Read the two fields as clients send them; 0 or nothing means the server's choice.

        Args:
            max_results: How many at most.
            page_token: One that `token` made.
            key: The types of the key in the token.

        Raises:
            InvalidParameterValue: The size is negative or not a number, or the token is not one of ours.
        """
        text = str(max_results or 0)
        if not _SIZE.fullmatch(text):
            raise InvalidParameterValue(f"max_results must be a number from 0 to {_LARGEST_PAGE}, not {text[:40]!r}")
        size = min(int(text) or _DEFAULT_PAGE, _LARGEST_PAGE)
        if not page_token:
            return cls(size)
        try:
            found = json.loads(base64.urlsafe_b64decode(str(page_token)))
        except (binascii.Error, ValueError, RecursionError) as error:
            raise InvalidParameterValue(_NOT_OURS) from error
        if not isinstance(found, list) or tuple(map(type, found)) != key:
            raise InvalidParameterValue(_NOT_OURS)
        if any(isinstance(part, int) and abs(part) > MAX_INTEGER for part in found):
            raise InvalidParameterValue(_NOT_OURS)
        return cls(size, tuple(found))

    @staticmethod
    def token(*key: object) -> str:
        """The token of the page that starts after this key."""
        return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()
