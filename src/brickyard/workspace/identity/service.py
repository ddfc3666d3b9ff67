"""Who may come in: the parts of a workspace that know principals, groups, tokens and permissions."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from brickyard.workspace.api.errors import FeatureDisabled, InvalidParameterValue, ResourceDoesNotExist, Unauthenticated
from brickyard.workspace.identity.audit import Audit
from brickyard.workspace.identity.directory import Directory
from brickyard.workspace.identity.oauth import OAuth
from brickyard.workspace.identity.permissions import Permissions, Securable
from brickyard.workspace.identity.principals import Principal, Principals
from brickyard.workspace.identity.settings import Settings
from brickyard.workspace.identity.tokens import TokenRecord, Tokens

if TYPE_CHECKING:
    from brickyard.workspace.store import Store
    from brickyard.workspace.workspace import Workspace

__all__ = ["TOKEN_USE", "Identity", "Principal", "TokenRecord", "build"]

TOKEN_USE = Securable("authorization", "tokens")  # CAN_USE on it lets somebody make personal access tokens


class Identity:
    """Authenticates calls, and holds what that needs.

    Attributes:
        principals: Who calls: users and service principals with their groups.
        directory: Users, service principals and groups, as administrators change them.
        tokens: What callers sign in with.
        oauth: How service principals get tokens.
        permissions: Who may do what with which object.
        settings: What holds for the whole workspace.
        audit: The record of what was changed and what was refused.
    """

    def __init__(self, store: Store) -> None:
        self.principals = Principals(store)
        self.permissions = Permissions(store)
        self.directory = Directory(store, self.principals, self.permissions)
        self.tokens = Tokens(store)
        self.oauth = OAuth(store, self.principals, self.tokens)
        self.settings = Settings(store)
        self.audit = Audit(store)
        if not self.settings.is_done("tokens for everybody"):
            self.permissions.grant(TOKEN_USE, self.principals.users, "CAN_USE")
            self.settings.mark_done("tokens for everybody")

    def close(self) -> None:
        """End what runs beside the calls."""
        self.tokens.close()

    @property
    def owner(self) -> Principal:
        """The user who made the workspace."""
        return self.principals.owner

    def authenticate(self, authorization: str | None) -> Principal:
        """The principal behind an `Authorization` header.

        Raises:
            Unauthenticated: There is no token, or it is unknown, expired or of another workspace.
        """
        value = _token(authorization or "")
        if not value:
            raise Unauthenticated("Credential was not sent or was of an unsupported type for this API.")
        principal_id = self.tokens.check(value)
        try:
            return self.principals.get(principal_id)
        except ResourceDoesNotExist as error:
            raise Unauthenticated("The token's user is not active in this workspace.") from error

    def token_lifetime(self, wanted: int | None) -> int:
        """How many seconds a personal access token is accepted that somebody asks for.

        Args:
            wanted: What was asked for; nothing where the longest is meant.

        Raises:
            FeatureDisabled: This workspace has no personal access tokens.
            InvalidParameterValue: It is longer than this workspace allows.
        """
        if not self.settings.tokens_enabled:
            raise FeatureDisabled("Personal access tokens are disabled in this workspace (enableTokensConfig).")
        longest = self.settings.longest_token_seconds
        if wanted is not None and wanted > longest:
            raise InvalidParameterValue(
                f"lifetime_seconds must be at most {longest}, the maximum lifetime of tokens in this workspace"
            )
        return longest if wanted is None else wanted

    def create_token(
        self, principal: Principal, comment: str, lifetime_seconds: int | None = None, *, listed: bool = True
    ) -> tuple[str, TokenRecord]:
        """Issue a token of the workspace's own; see `Tokens.create`."""
        return self.tokens.create(principal, comment, lifetime_seconds, listed=listed)

    def issue_token(self, principal: Principal, comment: str, lifetime_seconds: int | None = None) -> str:
        """A token for a task or process of the workspace itself; not listed among the user's."""
        return self.create_token(principal, comment, lifetime_seconds, listed=False)[0]

    def revoke_token(self, value: str) -> None:
        """End a token by its value; does nothing where it is unknown."""
        self.tokens.revoke(value)

    def delete_token(self, principal: Principal, token_id: str) -> None:
        """End one of the principal's tokens by its id.

        Raises:
            ResourceDoesNotExist: The principal has no such token.
        """
        self.tokens.delete(token_id, principal)

    def principal_named(self, user_name: str) -> Principal:
        """The principal of that name.

        Raises:
            ResourceDoesNotExist: There is none.
        """
        return self.principals.named(user_name)


def _token(authorization: str) -> str:
    """The token in a header: a bearer, or the password of the user `token`, as in `.netrc`; else empty."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        user, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        return ""
    return password if user == "token" else ""


def build(workspace: Workspace) -> Identity:
    """The identity service of a workspace."""
    return Identity(workspace.store)
