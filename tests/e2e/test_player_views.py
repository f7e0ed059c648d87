"""The player's views in a browser: runs side by side, errors, zoom, keys, failures, and what can be taken away."""

from __future__ import annotations

import io
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from db import queries
from tests.e2e.conftest import Served, query
from tests.e2e.player_app import at_frame, pane
from tests.ui.seed import HEIGHT, STRANGE, WIDTH, finish, label_map, launch, write_dataset
from ui.palette import ERRORS
from vos_core.home import Home
from vos_core.masks import read_mask
from vos_core.runs import Grid

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

PIXELS = """canvas => Array.from(new Uint32Array(canvas.getContext("2d")
  .getImageData(0, 0, canvas.width, canvas.height).data.buffer), value => value & 0xffffff)"""


def pixels_of(page: Page, key: str) -> np.ndarray:
    """(H, W) of 0xBBGGRR."""
    return np.array(pane(page, key).locator("canvas").evaluate(PIXELS)).reshape(HEIGHT, WIDTH)


def swapped(colour: str) -> int:
    value = int(colour[1:], 16)
    return (value & 255) << 16 | (value & 0xFF00) | value >> 16


def predicted(home: Home, run_id: int, video: str, frame: int) -> np.ndarray:
    run = queries.run_by_id(home.database, run_id)
    assert run is not None
    return read_mask(home.locate(run.predictions) / video / f"{frame:05d}.png")


def classes(prediction: np.ndarray, truth: np.ndarray, hidden: tuple[int, ...] = ()) -> dict[str, np.ndarray]:
    """Pixels of each class of the error view, of objects that are shown."""
    seen = [np.isin(mask, [0, *hidden], invert=True) for mask in (prediction, truth)]
    counts = seen[0] | seen[1]
    p, a = prediction > 0, truth > 0
    return {
        "hit": counts & p & (prediction == truth),
        "miss": counts & a & ~p,
        "false alarm": counts & p & ~a,
        "wrong object": counts & p & a & (prediction != truth),
    }


def counts_in(page: Page, key: str) -> dict[str, int]:
    items = pane(page, key).locator(".counts [data-error]")
    expect(items).to_have_count(4)
    return {
        str(item.get_attribute("data-error")): int("".join(filter(str.isdigit, item.inner_text())))
        for item in items.all()
    }


def transforms(page: Page) -> list[str]:
    return [
        str(one.evaluate("node => getComputedStyle(node).transform")) for one in page.locator("figure canvas").all()
    ]


def is_look(frame: object) -> bool:
    """Whether the browser sent this by itself: at rest a page looks every 10 s for what happens elsewhere."""
    return isinstance(frame, bytes) and BackMsg.FromString(frame).rerun_script.is_auto_rerun


def test_errors_of_several_runs_are_those_that_numpy_finds(app: Served, runs: dict[str, int], page: Page) -> None:
    done, static = runs["done"], runs["static"]
    page.goto(f"{app.url}/inspect?run={done}&with={static}&video=crossing&frame=14&view=error&opacity=100")
    at_frame(page, 14)
    truth = label_map(14, 24)
    for key, run in (("prediction", done), (f"run-{static}", static)):
        expected = classes(predicted(app.home, run, "crossing", 14), truth)
        assert counts_in(page, key) == {name: int(where.sum()) for name, where in expected.items()}
        shown = pixels_of(page, key)
        for name in ("miss", "false alarm", "wrong object"):
            assert np.array_equal(shown == swapped(ERRORS[name]), expected[name]), (key, name)
    expect(page.get_by_test_id("error-legend")).to_contain_text("Against the annotation")
    # One object put away: only pixels of the others count, whoever they were given to.
    page.get_by_test_id("readout").click()
    page.keyboard.press("1")
    mask = predicted(app.home, static, "crossing", 14)
    expected = {name: int(where.sum()) for name, where in classes(mask, truth, (1,)).items()}
    assert counts_in(page, f"run-{static}") == expected
    assert expected["miss"] and expected["false alarm"]
    page.keyboard.press("e")
    expect(page.locator(".counts [data-error]")).to_have_count(0)


def test_zoom_is_that_of_all_panes(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/inspect?run={runs['done']}&with={runs['static']}&video=crossing&frame=9")
    at_frame(page, 9)
    whole = transforms(page)
    assert len(whole) == 4 and len(set(whole)) == 1
    screen = pane(page, "annotation").locator(".screen")
    box = screen.bounding_box()
    assert box is not None
    x, y = round(box["x"] + 0.8 * box["width"]), round(box["y"] + 0.3 * box["height"])  # a wheel is at whole pixels
    u, v = (x - box["x"]) / box["width"], (y - box["y"]) / box["height"]
    page.mouse.move(x, y)
    for _ in range(4):
        page.mouse.wheel(0, -240)
    expect(page.get_by_test_id("zoom")).not_to_have_text("100 %")
    near = transforms(page)
    assert len(set(near)) == 1 and near != whole
    # What lies under the pointer stays there: the same share of the picture is at the same share of the screen.
    drawn = pane(page, "prediction").locator("canvas").bounding_box()
    other = pane(page, "prediction").locator(".screen").bounding_box()
    assert drawn is not None and other is not None
    assert (drawn["x"] + u * drawn["width"] - other["x"]) / other["width"] == pytest.approx(u, abs=0.01)
    assert (drawn["y"] + v * drawn["height"] - other["y"]) / other["height"] == pytest.approx(v, abs=0.01)
    rendering = pane(page, "picture").locator("canvas").evaluate("node => getComputedStyle(node).imageRendering")
    assert rendering == "pixelated"
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.3, steps=3)
    page.mouse.up()
    dragged = pane(page, "prediction").locator("canvas").bounding_box()
    assert dragged is not None
    assert dragged["x"] - drawn["x"] == pytest.approx(0.1 * box["width"], abs=2)
    assert len(set(transforms(page))) == 1
    screen.dblclick()
    assert transforms(page) == whole
    page.get_by_role("button", name="Zoom in").click()
    expect(page.get_by_test_id("zoom")).to_have_text("150 %")
    page.keyboard.press("0")
    assert transforms(page) == whole


def test_two_fingers_zoom_all_panes(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/inspect?run={runs['done']}&video=crossing&frame=9")
    at_frame(page, 9)
    box = pane(page, "prediction").locator(".screen").bounding_box()
    assert box is not None
    middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, apart: float) -> None:
        points = [{"x": middle + side * apart / 2, "y": y, "id": index} for index, side in enumerate((-1, 1))]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if apart else []})

    fingers("touchStart", 60)
    for apart in (80, 100, 120):
        fingers("touchMove", apart)
    fingers("touchEnd", 0)
    expect(page.get_by_test_id("zoom")).not_to_have_text("100 %")
    scale = int(page.get_by_test_id("zoom").inner_text().removesuffix(" %"))
    assert scale == pytest.approx(200, abs=15), "fingers twice as far apart"
    assert len({one.split(",")[0] for one in transforms(page)}) == 1
    page.wait_for_url("**zoom=**")


def test_deep_link_gives_the_same_view_in_a_fresh_browser(
    app: Served, runs: dict[str, int], page: Page, browser: Browser
) -> None:
    page.goto(f"{app.url}/inspect?run={runs['done']}&with={runs['flow']}&video=crossing&frame=4")
    at_frame(page, 4)
    page.get_by_test_id("error-view").click()
    page.get_by_label("Overlay opacity").fill("80")
    page.get_by_label("true outline").check()
    page.get_by_label("Frames per second").select_option("12")
    page.get_by_role("button", name="picture", exact=True).click()
    page.get_by_role("button", name="Show F", exact=True).click()
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_test_id("readout").click()
    page.keyboard.press("2")
    page.keyboard.press("Shift+ArrowRight")
    at_frame(page, 14)
    page.wait_for_url("**frame=14**")
    expect(page.get_by_test_id("curve-f")).to_be_visible()
    assert query(page) == {
        "run": str(runs["done"]), "with": str(runs["flow"]), "video": "crossing", "frame": "14", "object": "1",
        "view": "error", "opacity": "80", "truth": "1", "speed": "12", "hide": "picture", "curve": "f",
        "zoom": "1.50,0.5000,0.5000",
    }  # fmt: skip
    with browser.new_context(viewport={"width": 1280, "height": 900}) as other:
        again = other.new_page()
        again.goto(page.url)
        at_frame(again, 14)
        expect(pane(again, "picture")).to_be_hidden()
        expect(again.get_by_label("Overlay opacity")).to_have_value("80")
        expect(again.get_by_label("Frames per second")).to_have_value("12")
        expect(again.get_by_test_id("curve-f")).to_be_visible()
        assert transforms(again) == transforms(page)
        for key in ("annotation", "prediction", f"run-{runs['flow']}"):
            assert np.array_equal(pixels_of(again, key), pixels_of(page, key)), key
        again.wait_for_timeout(600)
        assert query(again) == query(page)


def test_failures_move_the_player_without_a_script_run(app: Served, runs: dict[str, int], page: Page) -> None:
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.goto(f"{app.url}/inspect?run={runs['static']}&video=crossing&frame=0")
    at_frame(page, 0)
    stored = [episode for video, episode in queries.failures(app.home.database, runs["static"]) if video == "crossing"]
    frames = sorted({episode.worst_frame for episode in stored})
    assert len(frames) > 1
    items = page.get_by_test_id("failures").get_by_role("button")
    expect(items).to_have_count(len(stored))
    expect(items.first).to_contain_text(stored[0].kind)
    expect(items.first).to_contain_text(f"object {stored[0].object_id}")
    expect(page.locator(".lane [data-kind]")).to_have_count(len(stored))
    page.wait_for_timeout(1000)
    sent.clear()
    items.first.click()
    at_frame(page, stored[0].worst_frame)
    page.keyboard.press("Home")
    for frame in [one for one in frames if one > 0]:
        page.keyboard.press("n")
        at_frame(page, frame)
    page.keyboard.press("p")
    at_frame(page, frames[-2])
    mark = page.get_by_test_id("mark-jf").evaluate("mark => mark.style.left")
    assert float(mark.rstrip("%")) == pytest.approx(100 * frames[-2] / 23, abs=0.1)
    page.get_by_test_id("curve-jf").hover()
    expect(page.locator(".tip")).to_contain_text("object 1")
    assert not [frame for frame in sent if not is_look(frame)]


def test_runs_are_put_beside_and_taken_away(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/inspect?run={runs['done']}&video=crossing&frame=3")
    at_frame(page, 3)
    page.get_by_test_id("readout").click()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("e")
    at_frame(page, 13)
    page.get_by_test_id("add-run").select_option(str(runs["flow"]))
    expect(pane(page, f"run-{runs['flow']}")).to_contain_text("Flow")
    at_frame(page, 13)
    page.get_by_test_id("add-run").select_option(str(runs["running"]))
    waiting = pane(page, f"run-{runs['running']}")
    expect(waiting).to_be_visible()
    at_frame(page, 13)
    page.wait_for_url(f"**with={runs['flow']}%2C{runs['running']}**")
    assert (query(page)["frame"], query(page)["view"]) == ("13", "error")
    page.get_by_role("button", name=f"Take run {runs['done']} away").click()
    expect(pane(page, f"run-{runs['flow']}")).to_have_count(0)
    expect(pane(page, "prediction")).to_contain_text("Flow")
    at_frame(page, 13)
    page.wait_for_url(f"**run={runs['flow']}&**")
    assert query(page)["with"] == str(runs["running"])


def test_a_run_of_another_dataset_is_chosen(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/inspect?run={runs['done']}&with={runs['flow']}&video=crossing&frame=3&zoom=2.00,0.5,0.5")
    at_frame(page, 3)
    page.get_by_test_id("readout").click()
    page.keyboard.press("ArrowRight")
    at_frame(page, 4)
    page.get_by_role("combobox").first.click()
    page.keyboard.type("mose")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("readout")).to_contain_text("of 9")
    at_frame(page, 0)
    expect(pane(page, "prediction")).to_be_visible()
    page.wait_for_timeout(1000)
    expect(page.get_by_test_id("stAlertContainer")).to_have_count(0)
    assert query(page) == {"run": str(runs["mose"]), "video": "only-first", "frame": "0"}


def test_keys_stay_away_from_what_is_typed(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/inspect?run={runs['done']}&video=crossing&frame=3")
    at_frame(page, 3)
    field = page.get_by_role("combobox").nth(1)
    field.click()
    page.keyboard.type("e1")
    expect(page.get_by_test_id("error-view")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    page.get_by_test_id("readout").click()
    page.keyboard.press("?")
    expect(page.get_by_test_id("keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("keys")).to_be_hidden()
    page.keyboard.press("o")
    expect(page.get_by_label("outline", exact=True)).not_to_be_checked()


def test_keys_leave_the_focus_where_it_is(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/inspect?run={runs['static']}&video=crossing&frame=0")
    at_frame(page, 0)
    failure = page.get_by_test_id("failures").get_by_role("button", name="object 1").first
    place = failure.get_attribute("data-focus")
    failure.focus()
    for key in "o", "e", "2", "2":  # outlines, the error view, and another object goes and comes
        page.keyboard.press(key)
        expect(page.locator(f'[data-focus="{place}"]')).to_be_focused()
    measure = page.get_by_role("group", name="Measure").get_by_role("button", name="Show J", exact=True)
    measure.press("Enter")
    expect(measure).to_have_attribute("aria-pressed", "true")
    expect(measure).to_be_focused()


def test_what_is_seen_can_be_taken_away(app: Served, runs: dict[str, int], page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{app.url}/inspect?run={runs['done']}&video=crossing&frame=7&hide=picture")
    at_frame(page, 7)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Save picture").click()
    assert saving.value.suggested_filename == f"{runs['done']}_crossing_7.png"
    picture = Image.open(io.BytesIO(saving.value.path().read_bytes()))
    assert picture.width > 2 * WIDTH and picture.height > HEIGHT  # two panes in a row, with titles
    with page.expect_download() as saving:
        pane(page, "prediction").get_by_role("button", name="Save this pane").click()
    one = np.asarray(Image.open(io.BytesIO(saving.value.path().read_bytes())).convert("RGB"))
    assert one.shape[1] == WIDTH
    shown = pixels_of(page, "prediction")
    packed = (
        one[-HEIGHT:, :, 0].astype(int) | one[-HEIGHT:, :, 1].astype(int) << 8 | one[-HEIGHT:, :, 2].astype(int) << 16
    )
    assert np.array_equal(packed, shown)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Link copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.get_by_text("Save clip").click()
    link = page.get_by_role("link", name="GIF, whole video").evaluate("node => node.href")
    answer = page.request.get(link)
    assert answer.status == 200 and answer.body()[:3] == b"GIF"
    with page.expect_download() as saving:
        page.get_by_role("link", name="MP4, whole video").click()
    assert saving.value.suggested_filename.endswith(" crossing.mp4")
    assert saving.value.path().read_bytes()[4:8] == b"ftyp"


def test_clips_that_are_too_long_are_offered_in_part_and_refusals_are_said(
    home: Home, served: Callable[[], Served], page: Page
) -> None:
    write_dataset(home.data / "mose", {"long": 405}, first_only=True)
    (run_id,) = launch(home, Grid((("mose", home.store(home.data / "mose"), "val"),), ("flow",)))
    finish(home, run_id, drift=4)
    page.goto(f"{served().url}/inspect?run={run_id}&frame=3")
    at_frame(page, 3)
    page.get_by_text("Save clip").click()
    links = page.locator(".cliplinks a")
    expect(links).to_have_text(["MP4, whole video", "GIF, 400 frames from here"])
    page.keyboard.press("ArrowRight")
    at_frame(page, 4)

    def part(link: Locator) -> tuple[str, str]:
        given = parse_qs(urlsplit(str(link.evaluate("node => node.href"))).query)
        return given["start"][0], given["end"][0]

    assert [part(link) for link in links.all()] == [("0", "404"), ("4", "403")]
    said = page.get_by_test_id("clip-said")
    busy = "Another clip is being made: try again in a moment."
    page.route("**/clips/**", lambda route: route.fulfill(status=503, body=busy, content_type="text/plain"))
    links.nth(1).click()
    expect(said).to_have_text(busy)
    page.unroute("**/clips/**")
    page.route("**/clips/**", lambda route: route.abort())
    links.nth(0).click()
    expect(said).to_have_text("The server does not answer: try again.")
    page.unroute("**/clips/**")
    with page.expect_download() as saving:
        links.nth(0).click()
    assert saving.value.suggested_filename.endswith(" long.mp4")
    expect(said).to_have_text("")


def test_a_strange_name_is_no_trouble(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/inspect?run={runs['done']}&video=crossing&frame=0")
    at_frame(page, 0)
    page.get_by_role("combobox").nth(1).click()
    page.get_by_role("option", name=STRANGE).click()
    expect(page.get_by_test_id("readout")).to_contain_text("of 11")
    page.get_by_test_id("add-run").select_option(str(runs["static"]))
    expect(pane(page, f"run-{runs['static']}")).to_be_visible()
    page.get_by_test_id("error-view").click()
    at_frame(page, 0)
    assert counts_in(page, f"run-{runs['static']}")["hit"] > 0
    images = page.get_by_test_id("failures").locator("img")
    for image in images.all()[:2]:
        image.scroll_into_view_if_needed()
        page.wait_for_function("node => node.complete && node.naturalWidth > 0", arg=image.element_handle())


def test_without_annotation_predictions_play(app: Served, runs: dict[str, int], page: Page) -> None:
    page.goto(f"{app.url}/inspect?run={runs['mose']}&frame=3&view=error")
    at_frame(page, 3)
    button = page.get_by_test_id("error-view")
    expect(button).to_be_disabled()
    expect(page.get_by_text("only the first frame is annotated")).to_be_visible()
    page.get_by_test_id("readout").click()
    page.keyboard.press("e")
    expect(page.locator(".counts [data-error]")).to_have_count(0)
    page.get_by_test_id("play").click()
    at_frame(page, 9)
