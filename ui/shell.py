"""What a browser loads before any page: Streamlit's HTML with what our pages need named in it, and its scripts.

Streamlit asks for the scripts of an element when the first one arrives, one level of imports after the other, and
serves each from disk as it is. Here the HTML names those that every page of ours uses, so that they come beside the
others, and scripts and styles go compressed and from memory. All of it is found in Streamlit's own folder; what is not
found there is left to Streamlit.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config

from ui.navigation import ROOT, paths

_STATIC = Path(st.__file__).parent / "static"
# Elements that (nearly) every page of ours draws, as Streamlit calls their scripts.
ELEMENTS = ("Html", "BidiComponent", "Selectbox", "PageLink", "Button")
LATER = ("PlotlyChart",)  # large: fetched when the first page has long been there
_IMPORT = re.compile(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""")
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_LARGEST = 200_000  # bytes; a larger script is not worth holding up the first page for
_FOR_EVER = "public, max-age=31536000, immutable"  # their names carry a hash of what is in them
# A page's address has one part after the app's own: without this Streamlit asks for its server below the page first.
_PLACE = '<script>window.__streamlit = { BACKEND_BASE_URL: new URL(".", document.baseURI).href }</script>'

# Before Streamlit's own scripts: they write the history of the browser.
_HISTORY = f"<script>\n{(ROOT / 'ui' / 'history.js').read_text(encoding='utf-8')}</script>"

_LATER = """<script>setTimeout(() => document.head.append(Object.assign(document.createElement("link"),
  { rel: "prefetch", href: "./static/js/%s" })), 6000)</script>
"""


class Shell:
    """ASGI middleware that answers for a page's HTML and for Streamlit's scripts and styles."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on what is not ours."""
        answer: Response | None = None
        if scope["type"] == "http" and scope["method"] == "GET":
            request = Request(scope)
            path = _own_path(request)
            if path in paths():
                answer = HTMLResponse(page_html(root=path == ""), headers={"Cache-Control": "no-cache"})
            elif path is not None and path.startswith("static/"):
                answer = await asyncio.to_thread(_script, request, path.removeprefix("static/"))
        await (answer or self._app)(scope, receive, send)


def base_path() -> str:
    """Where a proxy that keeps its prefix puts the app (`server.baseUrlPath`): `/app`, or nothing."""
    prefix = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{prefix}" if prefix else ""


def prefixed(routes: Sequence[Route]) -> list[Route]:
    """The routes below `base_path`: Streamlit puts its own there, and not those that it is given."""
    base = base_path()
    return [Route(f"{base}{route.path}", route.endpoint, methods=list(route.methods or ())) for route in routes]


def warm() -> None:
    """Have the scripts compressed that the first page asks for."""
    for name in re.findall(r'(?:modulepreload|module)"[^>]*"\./static/([^"]+)"', page_html(root=True)):
        compressed(name)


def _own_path(request: Request) -> str | None:
    """The path below the app's own, without its first slash; None for what is not below it."""
    start = f"{base_path()}/"
    return request.url.path.removeprefix(start) if request.url.path.startswith(start) else None


def _script(request: Request, name: str) -> Response | None:
    content = compressed(name) if "gzip" in request.headers.get("accept-encoding", "") else None
    if content is None:
        return None
    headers = {"Content-Encoding": "gzip", "Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)


@lru_cache(maxsize=2)
def page_html(*, root: bool) -> str:
    """Streamlit's HTML with links to the scripts of `preloaded`; `root` is the app's own address."""
    links = "".join(f'<link rel="modulepreload" crossorigin href="./static/js/{name}">\n' for name in preloaded())
    links += "".join(_LATER % name for name in _scripts_of(LATER))
    first = ("" if root else _PLACE) + _HISTORY
    return _html().replace("<head>", f"<head>{first}", 1).replace("</head>", f"{links}</head>", 1)


@lru_cache(maxsize=1)
def preloaded() -> tuple[str, ...]:
    """Names of the scripts of `ELEMENTS` and of what these import, less what Streamlit's HTML names itself."""
    folder, html = _STATIC / "static" / "js", _html()
    there = {path.name: path.stat().st_size for path in folder.glob("*.js")}
    wanted: dict[str, None] = {}
    left = _scripts_of(ELEMENTS)
    while left:
        name = left.pop(0)
        if name in wanted or name in html or there.get(name, _LARGEST + 1) > _LARGEST:
            continue
        wanted[name] = None
        left += _IMPORT.findall((folder / name).read_text(encoding="utf-8"))
    return tuple(wanted)


def _scripts_of(elements: Sequence[str]) -> list[str]:
    names = sorted(path.name for path in (_STATIC / "static" / "js").glob("*.js"))
    return [name for element in elements for name in names if re.fullmatch(rf"{element}\.[\w-]+\.js", name)]


@lru_cache(maxsize=400)
def compressed(name: str) -> bytes | None:
    """Gzip of a script or style of Streamlit's `static` folder; None when there is no such file."""
    if name not in _files():
        return None
    return gzip.compress((_STATIC / "static" / name).read_bytes(), compresslevel=6, mtime=0)


@lru_cache(maxsize=1)
def _files() -> frozenset[str]:
    folder = _STATIC / "static"
    return frozenset(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in _TYPES and path.is_file()
    )


@lru_cache(maxsize=1)
def _html() -> str:
    return (_STATIC / "index.html").read_text(encoding="utf-8")
