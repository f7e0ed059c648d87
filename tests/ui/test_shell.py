"""The shell names the scripts that pages need, and serves Streamlit's own ones: the same bytes, compressed."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit import config

from ui import shell
from ui.warmup import imported

STATIC = Path(st.__file__).parent / "static"


@pytest.fixture
def client() -> Iterator[TestClient]:
    """The shell before an app that answers `passed on` to everything."""

    def rest(_request: Request) -> Response:
        return PlainTextResponse("passed on")

    app = Starlette(routes=[Route("/{path:path}", rest)], middleware=[Middleware(shell.Shell)])
    with TestClient(app) as client:
        yield client


def test_html_names_the_scripts_of_our_elements_and_their_imports() -> None:
    named = shell.preloaded()
    for element in shell.ELEMENTS:
        assert any(name.startswith(f"{element}.") for name in named), element
    for name in named:
        text = (STATIC / "static" / "js" / name).read_text(encoding="utf-8")
        for other in re.findall(r'from\s*"\./([\w.-]+\.js)"', text):
            large = (STATIC / "static" / "js" / other).stat().st_size > 200_000
            assert large or other in shell.page_html(root=True), f"{name} imports {other}"


@pytest.mark.parametrize(("path", "place"), [("/", False), ("/inspect", True), ("/results", None), ("/other", None)])
def test_pages_get_the_html(client: TestClient, path: str, place: bool | None) -> None:
    answer = client.get(f"{path}?run=3")
    if place is None:
        assert answer.text == "passed on"
        return
    assert answer.headers["cache-control"] == "no-cache"
    assert "BidiComponent" in answer.text
    # On the home page the address alone says where the server is, with or without a last slash.
    assert ("BACKEND_BASE_URL" in answer.text) is place


def test_scripts_are_the_same_bytes_compressed(client: TestClient) -> None:
    script = next((STATIC / "static" / "js").glob("index.*.js"))
    with client.stream("GET", f"/static/js/{script.name}", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith("text/javascript")
        assert gzip.decompress(b"".join(answer.iter_raw())) == script.read_bytes()


@pytest.mark.parametrize(
    ("path", "encoding"),
    [
        ("/static/js/nothing.js", "gzip"),
        ("/static/../index.html", "gzip"),
        ("/static/js/%2e%2e/%2e%2e/index.html", "gzip"),
        ("/_stcore/health", "gzip"),
        ("/static/js/{index}", "identity"),
    ],
)
def test_everything_else_is_passed_on(client: TestClient, path: str, encoding: str) -> None:
    index = next((STATIC / "static" / "js").glob("index.*.js")).name
    assert client.get(path.format(index=index), headers={"Accept-Encoding": encoding}).text == "passed on"


def test_under_a_prefix(client: TestClient) -> None:
    before = config.get_option("server.baseUrlPath")
    config.set_option("server.baseUrlPath", "/tools/lab/")
    try:
        assert shell.base_path() == "/tools/lab"
        assert "BidiComponent" in client.get("/tools/lab/inspect").text
        assert client.get("/inspect").text == "passed on"
    finally:
        config.set_option("server.baseUrlPath", before)


def test_imports_of_a_script(tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text("import json as j\nfrom ui.parts.live import live\nraise SystemExit\n")
    assert imported(script) == ["json", "ui.parts.live"]
