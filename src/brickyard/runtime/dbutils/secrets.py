"""`dbutils.secrets`: secrets of the workspace; what is read is taken out of everything the task prints."""

from __future__ import annotations

import base64
from typing import NamedTuple

from brickyard.runtime import uses
from brickyard.runtime.context import TaskContext
from brickyard.runtime.dbutils.base import Part
from brickyard.runtime.redaction import texts_of
from brickyard.runtime.rest import ApiFailure, WorkspaceApi

__all__ = ["SecretMetadata", "SecretScope", "Secrets"]


class SecretMetadata(NamedTuple):
    """A secret, without its value."""

    key: str


class SecretScope(NamedTuple):
    """A scope of secrets."""

    name: str

    def getName(self) -> str:
        """The scope's name."""
        return self.name


_Metadata = list[SecretMetadata]
_Scopes = list[SecretScope]


class Secrets(Part):
    """Reads secrets."""

    _name = "dbutils.secrets"

    def __init__(self, context: TaskContext) -> None:
        self._context = context
        self._api = WorkspaceApi(context.api_url, context.token)

    def get(self, scope: str, key: str) -> str:
        """A secret's value as text."""
        return self.getBytes(scope, key).decode()

    def getBytes(self, scope: str, key: str) -> bytes:
        """A secret's value as bytes."""
        uses.reads_secrets(scope, key, lambda: self._updated(scope))
        try:
            answer = self._api.get("/api/2.0/secrets/get", scope=scope, key=key)
        except ApiFailure as error:
            if error.status != 404:
                raise
            raise ValueError(
                f"java.lang.IllegalArgumentException: Secret does not exist with scope: {scope} and key: {key}"
            ) from None
        value = base64.b64decode(answer["value"])
        for text in texts_of(value):
            self._context.host.hide(text)
        return value

    def list(self, scope: str) -> _Metadata:
        """The keys of a scope."""
        uses.reads_secrets(scope, "", lambda: self._updated(scope))
        answer = self._api.get("/api/2.0/secrets/list", scope=scope)
        return [SecretMetadata(secret["key"]) for secret in answer.get("secrets", [])]

    def _updated(self, scope: str) -> dict[str, int]:
        try:
            answer = self._api.get("/api/2.0/secrets/list", scope=scope)
        except ApiFailure:  # as reading will say
            return {}
        return {secret["key"]: secret.get("last_updated_timestamp", 0) for secret in answer.get("secrets", [])}

    def listScopes(self) -> _Scopes:
        """The scopes of the workspace."""
        answer = self._api.get("/api/2.0/secrets/scopes/list")
        return [SecretScope(scope["name"]) for scope in answer.get("scopes", [])]
