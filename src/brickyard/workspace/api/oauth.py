"""OAuth 2.0: service principals exchange a secret for an access token of an hour (RFC 6749, section 4.4)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_plus

import anyio.to_thread

from brickyard.workspace.api.access import anyone
from brickyard.workspace.api.base import Call, Family, json_response
from brickyard.workspace.api.errors import NotImplementedByWorkspace, RequestTooLarge
from brickyard.workspace.identity.oauth import ACCESS_SECONDS
from brickyard.workspace.workspace import Workspace

if TYPE_CHECKING:
    from starlette.responses import Response

__all__ = ["family"]

family = Family()
_LONGEST = 64 * 1024
_SCOPE = "all-apis"


@family.call("GET", "/oidc/.well-known/oauth-authorization-server", access=anyone)
@family.call("GET", "/oidc/.well-known/openid-configuration", access=anyone)
def authorization_server(workspace: Workspace, call: Call) -> dict[str, Any]:
    """Where tokens are given, and how (RFC 8414)."""
    return {
        "issuer": f"{workspace.url}/oidc",
        "authorization_endpoint": f"{workspace.url}/oidc/v1/authorize",
        "token_endpoint": f"{workspace.url}/oidc/v1/token",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": [_SCOPE],
    }


@family.call("GET", "/oidc/v1/authorize", access=anyone)
def authorize(workspace: Workspace, call: Call) -> Response:
    """Say how people sign in, to clients that read this address from the metadata and would open it in a browser."""
    raise NotImplementedByWorkspace(
        f"signing in with a browser is not implemented by the local workspace: use a personal access token, such as"
        f" `brickyard workspace token {workspace.name}` prints"
    )


@family.call("POST", "/oidc/v1/token", access=anyone, stream=True)
async def token(workspace: Workspace, call: Call) -> Response:
    """Give an access token for a secret; refusals have the shape of RFC 6749, section 5.2."""
    call.request.state.principal = None  # who it is, is only known in the end
    form = await _form(call)
    client_id, client_secret = _client(call.request.headers.get("authorization"), form)
    if not client_id or not client_secret:
        return _refused("invalid_client", "The client id and the client secret are required.", 401)
    refusal = _wrong(form)
    if refusal is not None:
        return refusal
    signed_in = await anyio.to_thread.run_sync(workspace.identity.oauth.sign_in, client_id, client_secret)
    if signed_in is None:
        return _refused("invalid_client", "The client id is unknown, or the secret is wrong or has expired.", 401)
    value, call.request.state.principal = signed_in
    body = {"access_token": value, "token_type": "Bearer", "expires_in": ACCESS_SECONDS, "scope": _SCOPE}
    return _unstored(json_response(body))


def _wrong(form: Mapping[str, str]) -> Response | None:
    """What is wrong with a request, if something is, before it is asked who sends it."""
    grant = form.get("grant_type")
    if not grant:
        return _refused("invalid_request", "grant_type is required.")
    if grant != "client_credentials":
        return _refused("unsupported_grant_type", f"Supported is client_credentials, not {grant[:80]!r}.")
    if set(form.get("scope", _SCOPE).split()) - {_SCOPE}:
        return _refused("invalid_scope", f"The local workspace has one scope: {_SCOPE}.")
    if "authorization_details" in form:
        return _refused("invalid_authorization_details", "The local workspace has no tokens that may do less.")
    if "assume_group" in form:
        return _refused("invalid_request", "assume_group is not implemented by the local workspace.")
    return None


async def _form(call: Call) -> dict[str, str]:
    body = b""
    async for chunk in call.request.stream():
        body += chunk
        if len(body) > _LONGEST:
            raise RequestTooLarge(f"the request body is larger than {_LONGEST} bytes")
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def _client(authorization: str | None, form: Mapping[str, str]) -> tuple[str, str]:
    """Client id and secret, from HTTP Basic or the form; empty where they are missing."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)


def _refused(error: str, description: str, status: int = 400) -> Response:
    response = _unstored(json_response({"error": error, "error_description": description}, status))
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="workspace"'
    return response


def _unstored(response: Response) -> Response:
    """An answer that no cache may keep."""
    response.headers["Cache-Control"] = "no-store"
    return response
