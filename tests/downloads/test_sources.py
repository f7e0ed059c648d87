"""Sources and the mirrors that stand in for them: the exact addresses that a mirror must serve."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from vos_core.downloads import Drive, Hub, Source, Web, catalogue
from vos_core.downloads.locate import host_of, key_of
from vos_core.downloads.sources import mirrored, sources_today
from vos_core.errors import InputError

MIRROR = {"VOSLAB_MIRROR": "https://mirror.example/vos/"}
URL = Web("https://a.example/x/b.pt?k=1")


@pytest.mark.parametrize(
    ("source", "environment", "expected"),
    [
        (URL, {}, URL),
        (URL, MIRROR, Web("https://mirror.example/vos/x/b.pt?k=1")),
        (Web(URL.url, "in/side"), MIRROR, Web("https://mirror.example/vos/x/b.pt?k=1", "in/side")),
        (
            Hub("a/b", "c d/e.zip", "in/side"),
            MIRROR,
            Web("https://mirror.example/vos/datasets/a/b/resolve/main/c%20d/e.zip", "in/side"),
        ),
        (Drive("1x_Y"), MIRROR, Web("https://mirror.example/vos/drive/1x_Y/some%20file.zip")),
        (Drive("1x_Y"), {**MIRROR, "VOSLAB_MIRROR_MOSE_TRAIN": "http://h/m/"}, Web("http://h/m/some%20file.zip")),
        (Hub("a/b", "r.zip", "in/side"), {"VOSLAB_MIRROR_MOSE_TRAIN": "http://h/m"}, Web("http://h/m/some%20file.zip")),
        (Drive("1x_Y"), {"VOSLAB_MIRROR_MOSE": "http://h/m"}, Drive("1x_Y")),
    ],
)
def test_what_is_asked_for(source: Source, environment: dict[str, str], expected: Source) -> None:
    assert sources_today("mose-train", "some file.zip", (source,), environment) == (expected,)


@pytest.mark.parametrize(
    ("environment", "setting"),
    [({"VOSLAB_MIRROR": "mirror.example"}, "VOSLAB_MIRROR"), ({"VOSLAB_MIRROR_A_B": "ftp://h"}, "VOSLAB_MIRROR_A_B")],
)
def test_a_mirror_that_is_no_url_is_named(environment: dict[str, str], setting: str) -> None:
    with pytest.raises(InputError, match=f"{setting} is '.*': give a base URL"):
        sources_today("a.b", "f", (URL,), environment)


@pytest.mark.parametrize(
    ("mirror", "said"),
    [
        ("https://mirror.example/vos?sig=hush", "has a query or a fragment .* give a base URL without"),
        ("https://mirror.example/vos?", "has a query or a fragment"),
        ("https://mirror.example/vos#hush", "has a query or a fragment"),
        ("https://me:hu?sh@mirror.example", "has a query or a fragment"),
        ("https://me:hush/x@mirror.example", "is no base URL .*written %2F and %40"),
        ("https://me/hush@mirror.example", "is no base URL"),
        ("me:hush@mirror.example/vos", "is no base URL"),
        ("https://[hush@mirror.example/vos", "is no base URL"),
        ("https://mirror.example:port/vos", "is 'https://mirror.example:port/vos': give a base URL"),
    ],
)
def test_a_mirror_that_will_not_do_is_told_without_its_password(mirror: str, said: str) -> None:
    with pytest.raises(InputError, match=f"VOSLAB_MIRROR {said}") as caught:
        sources_today("a.b", "f", (URL,), {"VOSLAB_MIRROR": mirror})
    assert "hu" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "key", "host"),
    [
        (Web("https://me:hush@mirror.example:8443/vos/a.pt?sig=hush#x"), "https://mirror.example:8443/vos/a.pt", None),
        (Web("https://mirror.example/a@2.pt"), "https://mirror.example/a@2.pt", "mirror.example"),
        (Web("HTTPS://hush@mirror.example/a.pt"), "https://mirror.example/a.pt", "mirror.example"),
        (Hub("a/b", "c.zip"), "hub:a/b/c.zip", "Hugging Face"),
        (Drive("1x_Y"), "drive:1x_Y", "Google Drive"),
    ],
)
def test_who_is_asked_is_told_and_noted_without_secrets(source: Source, key: str, host: str | None) -> None:
    assert (key_of(source), host_of(source)) == (key, host or "mirror.example:8443")


def test_no_two_files_share_an_address_on_a_mirror() -> None:
    files = [
        (source.on("https://m", file.name).url, source.member)
        for item in catalogue().values()
        for file in (*item.files, *([item.order] if item.order else []))
        for source in file.sources
    ]
    assert len(set(files)) == len(files) and all(unquote(url).startswith("https://m/") for url, _ in files)


def test_an_address_without_a_mirror_is_left_alone() -> None:
    assert mirrored(URL.url, None) == URL.url
