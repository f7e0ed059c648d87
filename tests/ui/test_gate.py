"""The gate before an app that answers `inside` to everything: who passes, and what the others get."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit import config

from tests.ui.loops import run
from ui.gate.brake import FREE_TRIES
from ui.gate.doors import LARGEST_BODY, Gate, doors, own_address
from ui.gate.sessions import Sessions

PASSWORD = "open sesame ü"
HTML = {"Accept": "text/html,*/*"}


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(PASSWORD, bytes(32))


@pytest.fixture
def client(sessions: Sessions) -> Iterator[TestClient]:
    def rest(_request: Request) -> Response:
        return PlainTextResponse("inside")

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
    routes = [Route("/{path:path}", rest, methods=methods), WebSocketRoute("/{path:path}", echo)]
    with TestClient(
        Starlette(routes=routes, middleware=[Middleware(Gate, sessions)]), follow_redirects=False
    ) as client:
        yield client


def log_in(client: TestClient, base: str = "", password: str = PASSWORD, **more: str) -> Response:
    return client.post(f"{base}/login", data={"password": password, **more})  # type: ignore[return-value]


@pytest.mark.parametrize(
    "path",
    ["/", "/run?run=1", "/pictures/a/b/c/0.jpg", "/submissions/1", "/media/x.csv", "/static/js/index.js",
     "/_stcore/host-config", "/_stcore/script-health-check", "/_stcore/health/", "/_stcore/healthy", "//_stcore/health",
     "/x/%2e%2e/_stcore/health", "/_stcore/health%2f..", "/_STCORE/HEALTH", "/app/_stcore/health", "/login/", "/LOGIN"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_nothing_passes_without_a_session(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, f"http://testserver{path}")
    assert answer.status_code == 401
    assert "inside" not in answer.text and answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("POST", 401), ("PUT", 401)])
def test_health_is_for_everybody(client: TestClient, method: str, status: int) -> None:
    assert client.request(method, "/_stcore/health").status_code == status


def test_log_in_and_out(client: TestClient, sessions: Sessions) -> None:
    answer = log_in(client, next="run?run=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "./run?run=3")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "max-age=604800" in cookie
    assert "path=" not in cookie and "secure" not in cookie and "domain" not in cookie
    assert client.get("/run?run=3").text == "inside"
    assert client.put("/_stcore/upload_file/1").text == "inside"
    assert "Log out" in client.get("/login").text and client.get("/logout").status_code == 200
    kept = client.cookies[sessions.cookie]
    answer = client.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "./login")
    assert sessions.cookie not in client.cookies
    assert client.get("/").status_code == 401
    assert client.get("/", headers={"Cookie": f"{sessions.cookie}={kept}"}).status_code == 401, "a kept copy"


@pytest.mark.parametrize(
    ("url", "headers", "secure"),
    [
        ("http://testserver", {}, False),
        ("https://testserver", {}, True),
        ("http://testserver", {"X-Forwarded-Proto": "https"}, True),
        ("http://testserver", {"X-Forwarded-Proto": "https, http"}, True),
        ("http://testserver", {"X-Forwarded-Proto": "http"}, False),
    ],
)
def test_cookie_is_secure_by_https(client: TestClient, url: str, headers: dict[str, str], secure: bool) -> None:
    answer = client.post(f"{url}/login", data={"password": PASSWORD}, headers=headers)
    assert ("secure" in answer.headers["set-cookie"].lower()) is secure


@pytest.mark.parametrize(
    ("path", "action", "after"),
    [
        ("/", "./login", ""),
        ("/run?run=1&x=%22%3E%3Cscript%3E", "./login", "run?run=1&x=%22%3E%3Cscript%3E"),
        ("/run?x=\"><script>alert(1)</script>", "./login", None),
        ("/nowhere", "./login", "nowhere"),
        ("/run/", "../login", None),
        ("/pictures/a/b%2fc/d.jpg", "../../../login", None),
    ],
)  # fmt: skip
def test_pages_show_the_log_in(client: TestClient, path: str, action: str, after: str | None) -> None:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 401
    assert f'action="{action}"' in answer.text
    assert "<script" not in answer.text and "form-action 'self'" in answer.headers["content-security-policy"]
    if after is not None:
        assert f'name="next" value="{after.replace("&", "&amp;")}"' in answer.text


def test_a_long_address_is_returned_to(client: TestClient) -> None:
    videos = ",".join(f"video-{number:010d}" for number in range(600))
    asked = f"launch?videos={videos}"
    assert client.get(f"/{asked}", headers=HTML).status_code == 401
    answer = log_in(client, next=asked)
    assert answer.status_code == 303 and answer.headers["location"].endswith(videos.replace(",", "%2C"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", ""),
        ("run?run=3", "run?run=3"),
        ("inspect?run=3&video=a%20b&with=1,2", "inspect?run=3&video=a+b&with=1%2C2"),
        ("?tag=a", "?tag=a"),
        ("run?x=\r\nSet-Cookie: a=b", "run?x=%0D%0ASet-Cookie%3A+a%3Db"),
        ("//evil.example", ""),
        ("https://evil.example", ""),
        ("\\\\evil.example", ""),
        ("/\\evil.example", ""),
        ("../../x", ""),
        ("javascript:alert(1)", ""),
        ("logout", ""),
        ("run/../..//evil.example", ""),
        ("run?" + "&".join("a=b" for _ in range(1000)), "run"),
    ],
)
def test_nobody_is_sent_to_another_site(client: TestClient, text: str, address: str) -> None:
    assert own_address(text) == address
    if len(text) < 2000:
        location = log_in(client, next=text).headers["location"]
        there = urlsplit(location)
        assert location.startswith("./") and not there.netloc and not there.scheme and "\n" not in location


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Origin": "http://testserver"}, 303),
        ({"Origin": "https://testserver"}, 303),  # TLS ended before us
        ({"Origin": "https://lab.example", "X-Forwarded-Host": "lab.example"}, 303),
        ({"Origin": "https://rewritten.example", "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://testserver:81"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["login", "logout"])
def test_forms_of_other_sites_are_refused(client: TestClient, path: str, headers: dict[str, str], status: int) -> None:
    answer = client.post(f"/{path}", data={"password": PASSWORD}, headers=headers)
    assert answer.status_code == status
    assert ("set-cookie" in answer.headers) is (status == 303)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"password=" + b"x" * LARGEST_BODY, "application/x-www-form-urlencoded"),
        (b"password=open+sesame+%FF", "application/x-www-form-urlencoded"),
        (b"password=\xff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=b" for _ in range(50)), "application/x-www-form-urlencoded"),
        (b'{"password": "open sesame"}', "application/json"),
        (b"password=open+sesame+%C3%BC", "text/plain"),
    ],
)
def test_bodies_that_are_no_log_in(client: TestClient, content: bytes, kind: str) -> None:
    assert client.post("/login", content=content, headers={"Content-Type": kind}).status_code == 400


def test_body_without_end_is_not_read_to_its_end(sessions: Sessions) -> None:
    read = 0

    async def receive() -> dict[str, object]:
        nonlocal read
        read += 1000
        return {"type": "http.request", "body": b"a" * 1000, "more_body": True}

    sent: list[dict[str, object]] = []

    async def send(message) -> None:
        sent.append(message)

    async def app(*_: object) -> None:
        raise AssertionError("passed on")

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "method": "POST", "path": "/login", "headers": headers, "query_string": b""}
    run(Gate(app, sessions)(scope, receive, send))
    assert sent[0]["status"] == 400 and read < LARGEST_BODY + 2000


def test_unknown_kinds_of_connection_do_not_pass(sessions: Sessions) -> None:
    async def app(*_: object) -> None:
        raise AssertionError("passed on")

    run(Gate(app, sessions)({"type": "webtransport", "path": "/"}, app, app))


def test_guesses_are_slowed_down(client: TestClient) -> None:
    for _ in range(FREE_TRIES):
        answer = log_in(client, password="wrong", next="queue")
        assert answer.status_code == 401 and "That is not the password" in answer.text
        assert 'value="queue"' in answer.text and "set-cookie" not in answer.headers
    answer = log_in(client)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) == 1, "not even the right one is looked at"
    assert client.get("/_stcore/health").status_code == 200


@pytest.mark.parametrize("cookie", ["{name}=", "{name}=forged", "other={token}", "{name}x={token}", "{name}={token}x"])
def test_forged_cookies(client: TestClient, sessions: Sessions, cookie: str) -> None:
    text = cookie.format(name=sessions.cookie, token=sessions.issue())
    assert client.get("/", headers={"Cookie": text}).status_code == 401


def test_a_stale_cookie_does_not_hide_the_good_one(client: TestClient, sessions: Sessions) -> None:
    name, token = sessions.cookie, sessions.issue()
    assert client.get("/", headers={"Cookie": f'a="b; c"; {name}=stale; {name}={token}'}).text == "inside"


def test_websocket(client: TestClient, sessions: Sessions) -> None:
    with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect("/_stcore/stream"):
        pass
    assert refused.value.code == 4401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/health"):
        pass
    token = sessions.issue()
    headers = {"Cookie": f"{sessions.cookie}={token}"}
    with client.websocket_connect("/_stcore/stream", headers=headers) as websocket:
        websocket.send_text("hello")
        assert websocket.receive_text() == "hello"
        sessions.end(token)
        websocket.send_text("still here?")
        with pytest.raises(WebSocketDisconnect) as hung_up:
            websocket.receive_text()
        assert hung_up.value.code == 4401


def test_under_a_prefix(client: TestClient, sessions: Sessions) -> None:
    before = config.get_option("server.baseUrlPath")
    config.set_option("server.baseUrlPath", "/tools/lab/")
    try:
        assert client.get("/tools/lab/_stcore/health").text == "inside"
        assert client.get("/_stcore/health").status_code == 401
        assert client.get("/login").status_code == 401, "not ours"
        assert client.get("/tools/lab").headers["location"] == "/tools/lab/"
        answer = client.get("/tools/lab/run?run=1", headers=HTML)
        assert 'action="./login"' in answer.text and 'value="run?run=1"' in answer.text
        assert log_in(client, "/tools/lab").status_code == 303
        assert client.get("/tools/lab/queue").text == "inside"
        assert client.get("/queue").status_code == 401, "the cookie is sent below the prefix only"
    finally:
        config.set_option("server.baseUrlPath", before)


def test_doors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"VOSLAB_HOME": str(tmp_path)}
    assert doors(environment) == [] and not (tmp_path / "state").exists()
    (middleware,) = doors({**environment, "VOSLAB_PASSWORD": "p"})
    assert middleware.cls is Gate and (tmp_path / "state" / "gate.key").is_file()
    with pytest.raises(SystemExit, match="is set but empty"):
        doors({**environment, "VOSLAB_PASSWORD": ""})


def test_the_app_itself_is_behind_the_gate() -> None:
    """Before everything else that app.py puts around Streamlit."""
    source = (Path(__file__).parents[2] / "app.py").read_text(encoding="utf-8")
    assert re.search(r"middleware=\[\*doors\(\), ", source)
