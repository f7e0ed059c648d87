"""Dataset folders with files in them that none should have: pipes, devices, huge files, other formats, links away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import split_objects, write_dataset
from tests.datasets.layouts import write_mose
from vos_core.datasets import open_dataset
from vos_core.datasets.checks import check_videos
from vos_core.datasets.findings import Kind
from vos_core.datasets.lists import read_own_list
from vos_core.datasets.mose import read_meta
from vos_core.datasets.pictures import read_frame
from vos_core.datasets.survey import survey
from vos_core.errors import InputError
from vos_core.masks import mask_size, read_mask
from vos_core.per_object import read_binary

FRAME, MASK = "JPEGImages/480p/a/00002.jpg", "Annotations/480p/a/00002.png"
LIST = "ImageSets/2017/val.txt"
HUGE = 8 << 40
Damage = Callable[[Path], object]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "DAVIS", {"a": 6, "b": 5})


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    """Hardly a byte on the disk, and it ends as a whole picture does."""
    end = path.read_bytes()[-8:]
    with path.open("r+b") as file:
        file.seek(HUGE)
        file.write(end)


def in_format(kind: str) -> Damage:
    def write(path: Path) -> None:
        with Image.open(path) as image:
            image.convert("RGB").save(path, kind)
        with path.open("ab") as file:
            file.write(b"\xff\xd9")  # or it is told as cut off

    return write


FRAME_TOLD = [
    (pipe, "it is a pipe, not a file", "it is a pipe, not a file"),
    (device, "it is a device, not a file", "it is a device, not a file"),
    (huge, "it has 8,796,093,022,2[0-9]+ bytes", "it has 8,796,093,022,2[0-9]+ bytes"),
    *((in_format(kind), "neither a JPEG nor a PNG", "is no picture") for kind in ("BMP", "EPS", "GIF", "TIFF", "WEBP")),
]


@pytest.mark.parametrize(("damage", "surveyed", "launched"), FRAME_TOLD)
def test_a_frame(root: Path, damage: Damage, surveyed: str, launched: str, no_waiting: None) -> None:
    damage(root / FRAME)
    (problem,) = survey(open_dataset(root)).problems
    assert (problem.kind, problem.video, problem.frame) == (Kind.UNREADABLE_FRAME, "a", "00002")
    with pytest.raises(InputError, match=surveyed):
        raise InputError(problem.sentence)
    with pytest.raises(InputError, match=rf"^Video a: frame .*00002\.jpg .*{launched}"):
        check_videos(open_dataset(root), ["a", "b"])


@pytest.mark.parametrize(
    ("damage", "told"), [(pipe, "it is a pipe"), (device, "it is a device"), (huge, "it has 8,796,093,022,2")]
)
def test_an_annotation(root: Path, damage: Damage, told: str, no_waiting: None) -> None:
    damage(root / MASK)
    problems = survey(open_dataset(root)).problems
    assert [(one.kind, one.video, one.frame) for one in problems] == [(Kind.UNREADABLE_ANNOTATION, "a", "00002")]
    assert f"{MASK} cannot be read: {told}" in problems[0].sentence
    with pytest.raises(InputError, match=told):
        check_videos(open_dataset(root), ["a", "b"])
    for read in (read_mask, mask_size, read_binary):
        with pytest.raises(InputError, match=rf"00002\.png cannot be read: {told}"):
            read(root / MASK)


def test_an_objects_mask(root: Path, no_waiting: None) -> None:
    for video in ("a", "b"):
        split_objects(root / "Annotations/480p" / video)
    masks = next((root / "Annotations/480p/a").iterdir())
    pipe(masks / "00002.png")
    problems = survey(open_dataset(root)).problems
    assert [(one.kind, one.frame) for one in problems] == [(Kind.UNREADABLE_ANNOTATION, "00002")]
    with pytest.raises(InputError, match="it is a pipe"):
        check_videos(open_dataset(root), ["a"])


@pytest.mark.parametrize(
    ("damage", "told"), [(pipe, "it is a pipe"), (device, "it is a device"), (huge, "it has 8,796,093,022,2")]
)
def test_a_list(root: Path, damage: Damage, told: str, no_waiting: None) -> None:
    damage(root / LIST)
    with pytest.raises(InputError, match=rf"The video list .*val\.txt cannot be read: {told}"):
        open_dataset(root).video_names()
    problems = survey(open_dataset(root)).problems
    assert [one.kind for one in problems if told in one.sentence] == [Kind.LIST]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"videos": ' + "[" * 100_000, "its brackets are nested too deep"),
        ('{"videos": {"v1": {"objects": [Infinity]}}}', "cannot convert float infinity"),
        ('{"videos": {"v1": {"length": "' + "x" * 100_000 + '"}}}', r"^.{,500}\.\.\.\): expected"),
    ],
)
def test_a_meta_file(tmp_path: Path, text: str, told: str) -> None:
    root = write_mose(tmp_path / "MOSE")
    (meta,) = {path for path in open_dataset(root).lists.values() if path.name == "meta_valid.json"}
    meta.write_text(text)
    with pytest.raises(InputError, match=told):
        open_dataset(root).video_names("val")
    assert any(
        one.kind is Kind.LIST and "is no meta file" in one.sentence for one in survey(open_dataset(root)).problems
    )


def test_a_meta_file_that_is_a_pipe(tmp_path: Path, no_waiting: None) -> None:
    """It may be anybody's by its name: it is looked into when the folder is opened."""
    root = write_dataset(tmp_path / "valid", {"a": 3})
    (root / LIST).unlink()
    os.mkfifo(root / "meta.json")
    assert open_dataset(root).video_names() == ("a",)
    with pytest.raises(InputError, match=r"meta\.json cannot be read: it is a pipe"):
        read_meta(root / "meta.json")


def test_a_jpeg_that_pillow_takes_for_mpo(root: Path) -> None:
    with Image.open(root / FRAME) as image:
        image.load()
        image.save(root / FRAME, "MPO", save_all=True, append_images=[image.copy()])
    with Image.open(root / FRAME) as image:
        assert image.format == "MPO"
    assert survey(open_dataset(root)).problems == ()
    assert check_videos(open_dataset(root), ["a"])[0].width == 64


def test_frames_may_be_linked_from_anywhere(root: Path, tmp_path: Path) -> None:
    (root / "JPEGImages").rename(tmp_path / "big disk")
    (root / "JPEGImages").symlink_to(tmp_path / "big disk")
    assert survey(open_dataset(root)).problems == ()
    assert len(check_videos(open_dataset(root), ["a", "b"])) == 2


SMALL_MEMORY = """
import resource, sys
from pathlib import Path
from vos_core.datasets.pictures import read_frame
from vos_core.errors import InputError
from vos_core.masks import read_mask
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (60 << 20),) * 2)
for read in (read_mask, lambda path: read_frame("a", path)):
    try:
        read(Path(sys.argv[1]))
    except InputError as error:
        print(error)
"""


def test_what_does_not_fit_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "00000.png"
    Image.fromarray(np.zeros((12_000, 12_000), np.uint8)).save(path, compress_level=1)
    done = subprocess.run([sys.executable, "-c", SMALL_MEMORY, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        f"{path} does not fit into this machine's memory: it is no mask of a frame.",
        f"Video a: frame {path} is damaged (it does not fit into this machine's memory): replace the file.",
    ], done.stderr


def test_a_jpeg_that_says_it_is_huge(root: Path) -> None:
    data = bytearray((root / FRAME).read_bytes())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xdc\xff\xdc"
    (root / FRAME).write_bytes(data)
    with pytest.raises(InputError, match=r"00002\.jpg says that it is too large to be a frame"):
        read_frame("a", root / FRAME)
    with pytest.raises(InputError, match=r"00002\.jpg is no picture that can be read"):
        check_videos(open_dataset(root), ["a"])


SECRET = "root:x:0:0"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "val.txt"
    path.parent.mkdir()
    path.write_text(f"a\n{SECRET}\nb\n\n{SECRET}\n")
    return path


def link_list(root: Path, elsewhere: Path) -> None:
    (root / LIST).unlink()
    (root / LIST).symlink_to(elsewhere)


def link_folder(root: Path, elsewhere: Path) -> None:
    (root / LIST).unlink()
    (root / "ImageSets/2017").rmdir()
    (root / "ImageSets").rmdir()
    (root / "ImageSets").symlink_to(elsewhere.parent)


@pytest.mark.parametrize("link", [link_list, link_folder])
def test_a_list_that_leads_out_is_not_quoted(root: Path, elsewhere: Path, link: Callable[[Path, Path], None]) -> None:
    link(root, elsewhere)
    with pytest.raises(InputError, match=r"val\.txt line 2 names a video, which has no folder") as caught:
        open_dataset(root).video_names()
    assert SECRET not in str(caught.value)
    found = survey(open_dataset(root))
    lines = [one.sentence.split(" line ")[1].split(" ")[0] for one in found.problems if one.kind is Kind.LIST]
    assert sorted(lines) == ["2", "4", "5"]
    assert SECRET not in json.dumps(found.to_json(), default=str)


def test_a_list_of_a_sibling_is_read(root: Path, elsewhere: Path) -> None:
    elsewhere.write_text("b\na\n")
    link_list(root, elsewhere)
    assert open_dataset(root).video_names() == ("b", "a")
    assert survey(open_dataset(root)).problems == ()


def link_within(root: Path, tmp_path: Path) -> Path:
    (root / LIST).rename(root / "list of mine.txt")
    (root / LIST).symlink_to(root / "list of mine.txt")
    return root


def link_root(root: Path, tmp_path: Path) -> Path:
    (tmp_path / "link").symlink_to(root)
    return tmp_path / "link"


@pytest.mark.parametrize("link", [link_within, link_root, lambda root, _: root])
def test_a_list_of_its_own_is_quoted(root: Path, tmp_path: Path, link: Callable[[Path, Path], Path]) -> None:
    (root / LIST).write_text(f"a\nb\n{SECRET}\n" + "z" * 100_000)
    opened = open_dataset(link(root, tmp_path))
    with pytest.raises(InputError, match=rf"line 3 names video '{SECRET}', which"):
        opened.video_names()
    sentences = [one.sentence for one in survey(opened).problems]
    assert any(f"line 3 names video '{SECRET}'" in one for one in sentences)
    assert any("line 4 names video 'zzz" in one and len(one) < 500 for one in sentences)


def test_a_list_elsewhere_in_the_dataset_is_quoted_by_the_survey(tmp_path: Path) -> None:
    """`valid/` has its list beside it: out of its own folder, and in the dataset all the same."""
    root = tmp_path / "MOSE"
    write_dataset(root / "valid", {"a": 3})
    (root / "val.txt").write_text(f"a\n{SECRET}\n")
    link_list(root / "valid", root / "val.txt")
    (problem,) = survey(open_dataset(root)).problems
    assert f"line 2 names video '{SECRET}'" in problem.sentence


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"videos": {f"{SECRET}/": {}}}),
        json.dumps({"videos": {"v1": {"length": SECRET}}}),
        json.dumps({"videos": {"v1": {"objects": [SECRET]}}}),
    ],
)
def test_a_meta_file_that_leads_out_is_not_quoted(tmp_path: Path, text: str) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "meta.json").write_text(text)
    link = tmp_path / "here" / "meta.json"
    link.symlink_to(tmp_path / "meta.json")
    with pytest.raises(InputError, match=r"is no meta file of MOSE: expected") as caught:
        read_meta(link)
    assert SECRET not in str(caught.value)
    with pytest.raises(InputError, match=SECRET):
        read_meta(link, tmp_path)


def test_what_a_meta_file_that_leads_out_says_is_not_told(tmp_path: Path) -> None:
    root = write_mose(tmp_path / "MOSE")
    (meta,) = {path for path in open_dataset(root).lists.values() if path.name == "meta_valid.json"}
    videos = json.loads(meta.read_text())["videos"]
    for facts in videos.values():
        facts["length"], facts["objects"] = 4321, ["87"]
    meta.unlink()
    (tmp_path / "secret.json").write_text(json.dumps({"videos": videos}))
    meta.symlink_to(tmp_path / "secret.json")
    told = [one.sentence for one in survey(open_dataset(root)).problems if one.kind is Kind.META]
    assert any("frames but another number by" in one for one in told)
    assert any("names objects, which no annotation shows" in one for one in told)
    assert not [one for one in told if "4321" in one or "87" in one]


def test_a_persons_own_list_may_come_through_a_pipe(tmp_path: Path, no_waiting: None) -> None:
    read, write = os.pipe()
    os.write(write, b"a\nb\n")
    os.close(write)
    try:
        assert read_own_list(Path(f"/dev/fd/{read}"), frozenset("ab")) == ("a", "b")
    finally:
        os.close(read)
