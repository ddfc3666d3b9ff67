"""How a family of the vendor's API is declared: functions from a call to a wire type."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from brickyard.workspace.api.access import Access, anyone
from brickyard.workspace.api.errors import (
    InvalidParameterValue,
    MalformedRequest,
    NotImplementedByWorkspace,
    RequestTooLarge,
)
from brickyard.workspace.api.shape import MAX_INTEGER
from brickyard.workspace.api.surface import not_implemented

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Scope

    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Call", "Family", "Handler", "Operation", "json_object", "json_response", "whole_body"]

Handler = Callable[["Workspace", "Call"], Any]
_WITHOUT_BODY = ("GET", "HEAD")  # what they are about is in the path and the query, and nowhere else
MAX_JSON_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Call:
    """One request: who calls, with what.

    Attributes:
        request: The request itself, for bodies that are streamed.
        principal: Who calls.
        path: Parameters in the path.
        query: Parameters after the question mark; the last one wins where a name is repeated.
        body: The JSON body, an empty mapping where there is none.
    """

    request: Request
    principal: Principal
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def fields(self) -> Mapping[str, Any]:
        """What the call is about, where the operation takes it from: the query of GET and HEAD, else the body."""
        return self.query if self.request.method in _WITHOUT_BODY else self.body

    def required(self, name: str) -> str:
        """A text that the call must give in `fields`.

        Raises:
            InvalidParameterValue: It is missing, empty or no text.
        """
        value = self.fields.get(name)
        if not isinstance(value, str) or not value:
            raise InvalidParameterValue(f"Missing required field: {name}")
        return value


@dataclass(frozen=True)
class Operation:
    """What answers one method and path.

    Attributes:
        function: The function that does it.
        stream: Whether it reads the body itself.
        changes: Whether it changes anything, so that it belongs into the audit record.
        access: Who may call it.
    """

    function: Handler
    stream: bool
    changes: bool
    access: Access

    @property
    def name(self) -> str:
        """Its name in the audit record."""
        return self.function.__name__.rstrip("_")  # `import_` is a function, as `import` cannot be one


class Family:
    """The operations of one API family.

    Attributes:
        asgi: A whole application behind the family's prefixes, for what is mounted rather than written here.

    Args:
        asgi: As above.
        lenient: Whether a path may end with a slash too many.
    """

    def __init__(self, asgi: Callable[[Workspace], ASGIApp] | None = None, *, lenient: bool = False) -> None:
        self.asgi = asgi
        self._lenient = lenient
        self._routes: list[tuple[Route, Operation]] = []

    def call(
        self, method: str, path: str, *, access: Access, stream: bool = False, changes: bool | None = None
    ) -> Callable[[Handler], Handler]:
        """Declare an operation.

        Args:
            method: The HTTP method.
            path: The path, with parameters as `{name}` or, across slashes, `{name:path}`.
            access: Who may call it; see `brickyard.workspace.api.access`.
            stream: The function reads the body from `call.request` itself; it must be `async`.
            changes: Whether it changes anything; by default all but GET and HEAD do.
        """

        def declare(function: Handler) -> Handler:
            route = Route(path, endpoint=_unused, methods=[method])
            route.methods = {method}  # Starlette adds HEAD to GET; here HEAD is declared by its own
            writes = method not in ("GET", "HEAD") if changes is None else changes
            self._routes.append((route, Operation(function, stream, writes, access)))
            return function

        return declare

    def operations(self) -> list[str]:
        """What is declared, as `METHOD path`."""
        return [f"{method} {route.path}" for route, _ in self._routes for method in route.methods or ()]

    async def handle(self, workspace: Workspace, principal: Principal, request: Request) -> Response:
        """Answer one request.

        Raises:
            ApiError: The operation refused, or there is none at this method and path.
        """
        operation, path = self.find(request.scope)
        call = Call(request, principal, path, dict(request.query_params), {})
        request.state.operation, request.state.call = operation, call  # for the audit record, also of refusals
        if not operation.stream and request.method not in _WITHOUT_BODY:
            call = request.state.call = replace(call, body=await _json_body(request))
        if inspect.iscoroutinefunction(operation.function):
            await _check(operation.access, workspace, call)
            result = await operation.function(workspace, call)
        else:
            result = await anyio.to_thread.run_sync(_guarded, operation, workspace, call)
        return result if isinstance(result, Response) else json_response(result)

    def find(self, scope: Scope) -> tuple[Operation, dict[str, str]]:
        """The operation at a request's method and path, and the parameters in the path.

        Raises:
            NotImplementedByWorkspace: There is none here, but the vendor has one.
            EndpointNotFound: The vendor has none.
        """
        found = self._match(scope)
        if found is None and self._lenient:
            found = self._match({**scope, "path": scope["path"].removesuffix("/")})
        if found is not None:
            return found
        raise not_implemented(scope["method"], scope["path"])

    def _match(self, scope: Scope) -> tuple[Operation, dict[str, str]] | None:
        for route, operation in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                return operation, child["path_params"]
        return None


async def _check(access: Access, workspace: Workspace, call: Call) -> None:
    if inspect.iscoroutinefunction(access):
        await access(workspace, call)
    elif access is not anyone:
        await anyio.to_thread.run_sync(access, workspace, call)


def _guarded(operation: Operation, workspace: Workspace, call: Call) -> Any:
    operation.access(workspace, call)
    return operation.function(workspace, call)


def json_response(result: Any, status: int = 200) -> Response:
    """A wire type, mapping or nothing as the JSON answer."""
    if result is None:
        result = {}
    elif hasattr(result, "as_dict"):
        result = result.as_dict()
    return Response(json.dumps(result), status_code=status, media_type="application/json")


async def _unused(request: Request) -> Response:  # the router is used for matching only
    raise NotImplementedByWorkspace(request.url.path)


async def whole_body(request: Request, most: int, refusal: str) -> bytes:
    """The body of a request, refused as soon as it is larger than `most` bytes.

    Raises:
        RequestTooLarge: In the words of `refusal`.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise RequestTooLarge(refusal)
        chunks.append(chunk)
    return b"".join(chunks)


async def _json_body(request: Request) -> Mapping[str, Any]:
    text = await whole_body(request, MAX_JSON_BYTES, f"the request body is larger than {MAX_JSON_BYTES} bytes")
    return json_object(text) if text.strip() and _is_json(request) else {}


def json_object(text: bytes) -> dict[str, Any]:
    """The object that is the JSON of a body.

    Raises:
        MalformedRequest: It is no JSON, or no object.
    """
    try:
        body = json.loads(text, parse_int=_whole_number)
        if b"\\ud" in text.lower():  # an escape can name half of a character, which is no text
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(
            f"Invalid JSON given in the body of the request - failed to parse given JSON: {error}"
        ) from error
    if not isinstance(body, dict):
        raise MalformedRequest("the request body must be a JSON object")
    return body


def _whole_number(text: str) -> int:
    value = int(text)
    if abs(value) > MAX_INTEGER:
        raise ValueError(f"{text[:25]} has more than 64 bits")
    return value


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "application/json")
    return "json" in kind or kind.startswith("text/plain") or kind.startswith("application/x-www-form")
