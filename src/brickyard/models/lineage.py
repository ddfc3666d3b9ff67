"""Where a version came from and who approved it, as tags of the version. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from brickyard.models.history import Event

__all__ = [
    "APPROVAL_PREFIX",
    "ORIGIN",
    "SOURCE",
    "VERIFIED",
    "Approval",
    "Origin",
    "approval_tag",
    "approvals",
    "read_origin",
]

SOURCE = "brickyard_source"
ORIGIN = "brickyard_origin"
VERIFIED = "brickyard_verified"
APPROVAL_PREFIX = "brickyard_approval_"
_VALUE_LIMIT = 1000


@dataclass(frozen=True)
class Origin:
    """A version elsewhere that has the same files.

    Attributes:
        environment: The environment it is in.
        host: The workspace.
        model: Full name of the registered model.
        version: Its number there.
        run_id: The run that made it; empty where that run is in yet another workspace.
        commit: The git commit of that run; empty where it did not say.
    """

    environment: str
    host: str
    model: str
    version: str
    run_id: str = ""
    commit: str = ""

    def tag(self) -> str:
        """The origin as the value of a tag."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def __str__(self) -> str:
        return f"{self.environment} version {self.version}"


@dataclass(frozen=True)
class Approval:
    """Somebody's consent to a version's becoming live.

    Attributes:
        by: Who.
        at: When, ISO 8601 in UTC.
        digest: The hash of the files that were approved.
        note: The comment, if any.
    """

    by: str
    at: str
    digest: str
    note: str = ""


def read_origin(tags: Mapping[str, str], key: str) -> Origin | None:
    """The origin that a tag names, if it is there."""
    return Origin(**json.loads(tags[key])) if tags.get(key) else None


def approval_tag(approval: Approval) -> tuple[str, str]:
    """Key and value of an approval's tag; the key is the person's, so nobody counts twice.

    A note that does not fit the 1000 characters of a Unity Catalog tag is cut.
    """
    person = hashlib.sha256(approval.by.encode()).hexdigest()[:12]
    for room in (len(approval.note), 400, 80, 0):
        value = json.dumps(asdict(approval) | {"note": approval.note[:room]}, separators=(",", ":"), ensure_ascii=False)
        if len(value) <= _VALUE_LIMIT:
            break
    return APPROVAL_PREFIX + person, value


def approvals(tags: Mapping[str, str], version: str, digest: str, events: Sequence[Event]) -> list[Approval]:
    """The approvals that count: for these files, and not from before the version was rolled back.

    Args:
        tags: The version's tags.
        version: Its number.
        digest: The hash of its files.
        events: The history of the model in the same environment.
    """
    undone = max((e.at for e in events if e.action == "rollback" and e.previous == version), default="")
    given = [Approval(**json.loads(value)) for key, value in tags.items() if key.startswith(APPROVAL_PREFIX)]
    counted = [approval for approval in given if approval.digest == digest and approval.at > undone]
    return sorted(counted, key=lambda approval: approval.at)
