"""What a statement of a script has raised, as handlers see it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from google.rpc import error_details_pb2, status_pb2

from brickyard.workspace.compute.engines import Capabilities
from brickyard.workspace.compute.gateway.errors import unsupported
from brickyard.workspace.compute.gateway.statuses import status_of
from brickyard.workspace.compute.gateway.sugar.constants import string

__all__ = ["Raised"]


@dataclass(frozen=True)
class Raised:
    """An error.

    Args:
        error: What was raised.
        line: The line of its statement.
        engine: What has raised it, perhaps.
    """

    error: Exception
    line: int
    engine: Capabilities

    @cached_property
    def _status(self) -> Any:
        found = dict(status_of(self.error, self.engine).trailing_metadata)
        return status_pb2.Status.FromString(found["grpc-status-details-bin"])

    @cached_property
    def _facts(self) -> dict[str, str]:
        info = error_details_pb2.ErrorInfo()
        for detail in self._status.details:
            if detail.Unpack(info):
                return dict(info.metadata)
        return {}

    @property
    def condition(self) -> str:
        """Its error class."""
        return self._facts.get("errorClass", "")

    @property
    def state(self) -> str:
        """Its SQLSTATE."""
        return self._facts.get("sqlState", "")

    @property
    def message(self) -> str:
        """Its text, without the error class and SQLSTATE."""
        text = str(self._status.message).removeprefix(f"[{self.condition}] ")
        return re.sub(r"\s*SQLSTATE: \w{5}.*", "", text, flags=re.DOTALL)

    def item(self, name: str) -> str:
        """An item of GET DIAGNOSTICS, as an expression."""
        items = {
            "MESSAGE_TEXT": string(self.message),
            "RETURNED_SQLSTATE": string(self.state),
            "CONDITION_IDENTIFIER": string(self.condition),
            "LINE_NUMBER": str(self.line),
        }
        if name not in items:
            raise unsupported(f"{name} in GET DIAGNOSTICS", f"Use one of {', '.join(items)}.")
        return items[name]
