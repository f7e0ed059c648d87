"""The log-in in front of the whole app: ASGI middleware that lets nobody pass without a session.

Pages, websocket, pictures, downloads, scripts and uploads alike; only the health check answers everybody. The cookie
is set without a path at `login`, which lies directly below the app's own address: browsers then send it below that
address and nowhere else, whatever prefix a proxy has put before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.gate.brake import Brake
from ui.gate.page import CONTENT_POLICY, login_page, logout_page
from ui.gate.sessions import LIFETIME_SECONDS, Sessions, read_password, read_secret
from ui.navigation import paths
from ui.shell import base_path
from vos_core.errors import InputError
from vos_core.home import Home

HEALTH, LOGIN, LOGOUT = "_stcore/health", "login", "logout"
LARGEST_BODY = 1 << 16  # bytes of a log-in: the address that was asked for is in it, of a launch of many videos say
BODY_SECONDS = 10.0
LOGGED_OUT = 4401  # code with which a websocket is closed
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_PAGE_HEADERS = {**_HEADERS, "Content-Security-Policy": CONTENT_POLICY, "Referrer-Policy": "same-origin"}


def doors(environment: Mapping[str, str] = os.environ) -> list[Middleware]:
    """The gate when a password is set, else nothing. Ends the process with a sentence when the password is unusable."""
    try:
        password = read_password(environment)
        if password is None:
            return []
        return [Middleware(Gate, Sessions(password, read_secret(Home.from_environment(environment).state)))]
    except InputError as error:
        sys.exit(str(error))


class Gate:
    """Passes on what comes with a session's cookie; answers `login` and `logout` itself."""

    def __init__(self, app: ASGIApp, sessions: Sessions, brake: Brake | None = None) -> None:
        self._app = app
        self._sessions = sessions
        self._brake = brake or Brake()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or pass on."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            answer = await self._answer(Request(scope, receive))
            await (answer or self._app)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """None is for the app."""
        path = _own_path(request)
        if path == HEALTH and request.method in ("GET", "HEAD"):
            return None
        inside = self._inside(request)
        if path == LOGIN and request.method == "POST":
            return await self._log_in(request)
        if path == LOGOUT and request.method == "POST":
            return self._log_out(request)
        if path in (LOGIN, LOGOUT):
            return HTMLResponse(logout_page() if inside else login_page("./"), headers=_PAGE_HEADERS)
        if inside:
            return None
        if path is None and request.url.path == base_path():
            return RedirectResponse(f"{base_path()}/", 303, headers=_HEADERS)
        if path is None or request.method != "GET" or "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse("Log in first.", 401, headers=_HEADERS)
        after = f"{path}?{request.url.query}" if path in paths() and request.url.query else path
        return HTMLResponse(login_page(_up(request, path), after), 401, headers=_PAGE_HEADERS)

    async def _log_in(self, request: Request) -> Response:
        if not _same_origin(request):
            return PlainTextResponse("The log-in came from another site.", 403, headers=_HEADERS)
        fields = await _form(request)
        if fields is None:
            return PlainTextResponse("That is no log-in of ours.", 400, headers={**_HEADERS, "Connection": "close"})
        after, address = own_address(fields.get("next", "")), request.client.host if request.client else ""
        # From here on nothing waits: two tries at once cannot both be looked at before one is counted.
        if wait := self._brake.wait(address):
            problem = f"Too many wrong passwords. Try again in {wait} s." if wait > 1 else "Try again in a second."
            headers = {**_PAGE_HEADERS, "Retry-After": str(wait)}
            return HTMLResponse(login_page("./", after, problem), 429, headers=headers)
        if not self._sessions.is_password(fields.get("password", "")):
            self._brake.failed(address)
            return HTMLResponse(login_page("./", after, "That is not the password."), 401, headers=_PAGE_HEADERS)
        self._brake.passed(address)
        answer = RedirectResponse(f"./{after}", 303, headers=_HEADERS)
        self._set_cookie(request, answer, self._sessions.issue(), LIFETIME_SECONDS)
        return answer

    def _log_out(self, request: Request) -> Response:
        if not _same_origin(request):
            return PlainTextResponse("The log-out came from another site.", 403, headers=_HEADERS)
        for token in self._tokens(request):
            self._sessions.end(token)
        answer = RedirectResponse("./login", 303, headers=_HEADERS)
        self._set_cookie(request, answer, "", 0)
        return answer

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse it without a session; hang up when the session ends while it is open."""
        connection = HTTPConnection(scope)
        if not self._inside(connection):
            await receive()  # its wish to connect; closing before that is accepted is answered as HTTP 403
            await send({"type": "websocket.close", "code": LOGGED_OUT, "reason": "Log in first."})
            return
        ended = False

        async def watched() -> Message:
            nonlocal ended
            message = await receive()
            if message["type"] == "websocket.receive" and not self._inside(connection):
                ended = True
                return {"type": "websocket.disconnect", "code": LOGGED_OUT}
            return message

        await self._app(scope, watched, send)
        if ended:
            with contextlib.suppress(RuntimeError, OSError):  # the app, or the browser, has closed it
                await send({"type": "websocket.close", "code": LOGGED_OUT, "reason": "Logged out."})

    def _inside(self, connection: HTTPConnection) -> bool:
        return any(self._sessions.valid(token) for token in self._tokens(connection))

    def _tokens(self, connection: HTTPConnection) -> list[str]:
        """All cookies of our name: a browser sends one for each path that fits, and a stale one must not hide ours."""
        found = []
        for line in connection.headers.getlist("cookie"):
            for part in line.split(";"):
                name, _, value = part.strip().partition("=")
                if name == self._sessions.cookie:
                    found.append(value)
        return found[:8]

    def _set_cookie(self, request: Request, answer: Response, token: str, seconds: int) -> None:
        secure = request.url.scheme == "https" or _first(request.headers, "x-forwarded-proto") == "https"
        # No path on purpose: see above.
        answer.set_cookie(
            self._sessions.cookie, token, max_age=seconds, path=None, secure=secure, httponly=True, samesite="lax"
        )


def own_address(text: str) -> str:
    """`text` when it is one of our pages and its query, else the home page; relative to the app's address."""
    path, _, query = text.partition("?")
    if path not in paths():
        return ""
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=50)
    except ValueError:
        return path
    return f"{path}?{urlencode(fields)}" if fields else path


def _own_path(request: Request) -> str | None:
    """The path below the app's own address; None for what is not below it."""
    start = f"{base_path()}/"
    return request.scope["path"].removeprefix(start) if request.scope["path"].startswith(start) else None


def _up(request: Request, path: str) -> str:
    """From a path below the app's address back to that; counted in the address as it was sent."""
    sent = request.scope.get("raw_path") or request.scope["path"].encode()
    below = sent.count(b"/") - base_path().count("/") - 1
    return "../" * below if "/" in path and below > 0 else "./"


def _same_origin(request: Request) -> bool:
    """Whether a form of ours sent this, as far as the browser says; what is no browser says nothing."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:  # holds whatever a proxy makes of the host's name
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    hosts = {request.headers.get("host"), _first(request.headers, "x-forwarded-host")}
    return origin is None or (urlsplit(origin).netloc or None) in hosts - {None}


def _first(headers: Headers, name: str) -> str | None:
    value = headers.get(name)
    return value.partition(",")[0].strip() if value else None


async def _form(request: Request) -> dict[str, str] | None:
    """The fields of a small form; None when it is something else, too large, or does not come."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return None
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > LARGEST_BODY:
                    return None
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=8, errors="strict")
    except (TimeoutError, ValueError):  # UnicodeDecodeError is one
        return None
    return {name: values[0] for name, values in fields.items()}
