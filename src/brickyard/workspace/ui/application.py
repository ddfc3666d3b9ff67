"""The pages as one ASGI application: signs people in, finds the view, answers with HTML."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Match, Route

from brickyard.workspace.api.base import whole_body
from brickyard.workspace.api.errors import (
    ApiError,
    NotFound,
    NotImplementedByWorkspace,
    Unauthenticated,
)
from brickyard.workspace.ui import clusters, data, endpoints, experiments, files, home, jobs, models, runs, sql
from brickyard.workspace.ui.page import Page, View
from brickyard.workspace.ui.render import HEADERS, render
from brickyard.workspace.ui.sessions import LIFETIME_SECONDS, Sessions

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from brickyard.workspace.identity import Principal
    from brickyard.workspace.workspace import Workspace

__all__ = ["Pages"]

_MAX_FORM_BYTES = 16 * 1024
# The first that matches wins. The addresses are those of the vendor's workspace, which its clients print.
_VIEWS: tuple[tuple[str, View], ...] = (
    ("/", home.home),
    ("/jobs", home.home),
    ("/jobs/{job}", jobs.job),
    ("/jobs/{job}/runs/{run}", runs.run),
    ("/compute/clusters", clusters.clusters),
    ("/compute/clusters/{cluster}", clusters.cluster),
    ("/ml/experiments", experiments.experiments),
    ("/ml/experiments/{experiment}", experiments.experiment),
    ("/ml/experiments/{experiment}/runs/{run}", experiments.run),
    ("/ml/endpoints", home.home),
    ("/ml/endpoints/{name}", endpoints.endpoint),
    ("/sql/warehouses", sql.warehouses),
    ("/sql/warehouses/{warehouse}", sql.warehouse),
    ("/sql/history", sql.history),
    ("/sql/history/{statement}", sql.statement),
    ("/explore/data", data.explorer),
    ("/explore/data/models/{catalog}/{schema}/{model}", models.model),
    ("/explore/data/models/{catalog}/{schema}/{model}/version/{version}", models.version),
    ("/explore/data/functions/{catalog}/{schema}/{function}", data.function),
    ("/explore/data/volumes/{catalog}/{schema}/{volume}", files.volume),
    ("/explore/data/volumes/{catalog}/{schema}/{volume}/{path:path}", files.volume),
    ("/explore/data/{catalog}", data.catalog),
    ("/explore/data/{catalog}/{schema}", data.schema),
    ("/explore/data/{catalog}/{schema}/{table}", data.table),
)


class Pages:
    """Everything a browser is shown. A cookie opens these pages and nothing else."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._sessions = Sessions(workspace.identity)
        self._cookie = f"brickyard_pages_{workspace.workspace_id}"  # a host's ports share their cookies
        self._views = [(Route(path, endpoint=_unused, methods=["GET"]), view) for path, view in _VIEWS]
        self._forms: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {
            ("GET", "/login"): self._ask,
            ("HEAD", "/login"): self._ask,
            ("POST", "/login"): self._sign_in,
            ("POST", "/logout"): self._sign_out,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            ApiError: It is no request for a page, or its `Authorization` header is not accepted.
        """
        response = await self._answer(Request(scope, receive))
        response.headers.update(HEADERS)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        form = self._forms.get((request.method, request.url.path))
        if form is not None:
            return await form(request)
        authorization = request.headers.get("authorization")
        if request.method not in ("GET", "HEAD"):  # not for browsers: without the cookie
            self._workspace.identity.authenticate(authorization)
            raise NotImplementedByWorkspace(
                f"{request.method} {request.url.path} is not implemented by the local workspace"
            )
        principal = self._sessions.principal(request.cookies.get(self._cookie))
        if authorization is not None:
            principal = self._workspace.identity.authenticate(authorization)
        request.state.principal = principal  # for the audit record
        if principal is None:
            return RedirectResponse(f"/login?next={quote(_address(request), safe='/')}", 303)
        return self._show(await self._page(request, principal), principal)

    async def _page(self, request: Request, principal: Principal) -> Page:
        try:
            view, parameters = self._find(request.scope)
            found = await anyio.to_thread.run_sync(view, self._workspace, principal, parameters)
            return await found if inspect.isawaitable(found) else found
        except ApiError as error:
            status = 404 if error.status == 400 else error.status  # an address that names nothing
            title = "There is no such page" if status == 404 else "This cannot be shown"
            return Page("error.html", title, values={"message": error.message}, status=status)

    def _find(self, scope: Scope) -> tuple[View, dict[str, str]]:
        path = scope["path"].rstrip("/") or "/"
        for route, view in self._views:
            match, child = route.matches({**scope, "path": path, "method": "GET"})
            if match is Match.FULL:
                return view, child["path_params"]
        raise NotFound(f"The workspace has no page at {scope['path']}.")

    def _show(self, page: Page, principal: Principal | None) -> Response:
        return HTMLResponse(render(page, self._workspace, principal), page.status)

    async def _ask(self, request: Request) -> Response:
        return self._login(_safe(request.query_params.get("next")))

    async def _sign_in(self, request: Request) -> Response:
        request.state.action = "sign_in"  # for the audit record
        refusal = f"the form is larger than {_MAX_FORM_BYTES} bytes"
        body = await whole_body(request, _MAX_FORM_BYTES, refusal)
        fields = parse_qs(body.decode(errors="replace"))
        following = _safe(fields.get("next", [""])[0])
        try:
            session = self._sessions.open(fields.get("token", [""])[0].strip())
        except Unauthenticated as error:
            return self._login(following, error.message)
        request.state.principal = self._sessions.principal(session)
        response = RedirectResponse(following, 303)
        response.set_cookie(self._cookie, session, max_age=LIFETIME_SECONDS, httponly=True, samesite="strict")
        return response

    async def _sign_out(self, request: Request) -> Response:
        session = request.cookies.get(self._cookie, "")
        request.state.action, request.state.principal = "sign_out", self._sessions.principal(session)
        self._sessions.close(session)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(self._cookie, httponly=True, samesite="strict")
        return response

    def _login(self, following: str, failure: str = "") -> Response:
        values = {"next": following, "failure": failure}
        return self._show(Page("login.html", "Sign in", values=values, status=401 if failure else 200), None)


def _safe(address: str | None) -> str:
    """A path of this workspace, for a redirect; the home page for anything that could lead elsewhere."""
    if not address or not address.startswith("/") or "\\" in address or any(ord(letter) < 33 for letter in address):
        return "/"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    elsewhere = address.startswith("//") or parts.scheme or parts.netloc or parts.path in ("/login", "/logout")
    return "/" if elsewhere else address


def _address(request: Request) -> str:
    path: str = request.scope["raw_path"].decode("ascii")
    return path + (f"?{request.url.query}" if request.url.query else "")


async def _unused(request: Request) -> Response:  # the routes are used for matching only
    raise NotImplementedByWorkspace(request.url.path)
