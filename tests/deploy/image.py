"""The Dockerfile's steps without a container engine: run by a shell in a root file system that is thrown away.

The file system is an overlay over this machine's own (or over `VOSLAB_TEST_ROOTFS`, a folder with a Debian in it), so
apt-get, useradd and the installation do what they do in an image, at the image's paths, and leave no trace. What this
does not show is the base image itself.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TRANSPORT = ("PIP_", "SSL_CERT", "REQUESTS_CA")  # of this machine: how its package index is reached


def read_instructions(path: Path) -> list[tuple[str, str]]:
    """A Dockerfile's instructions in order, each with what stands behind it; no comments, continued lines joined."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(name, text.strip()) for name, _, text in (line.strip().partition(" ") for line in joined) if name]


def ignored(path: str, patterns: list[str]) -> bool:
    """Whether a .dockerignore of `patterns` leaves out `path` (relative, with slashes) or a folder above it."""
    parts = path.split("/")
    for length in range(1, len(parts) + 1):
        head = "/".join(parts[:length])
        for pattern in patterns:
            plain = pattern.removeprefix("**/")
            if fnmatch.fnmatchcase(head, plain) and ("/" in plain or "/" not in head):
                return True
            if pattern.startswith("**/") and fnmatch.fnmatchcase(parts[length - 1], plain):
                return True
    return False


def copy_context(source: Path, target: Path) -> None:
    """What `docker build` would be sent of the folder `source`."""
    patterns = [line for line in (source / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]

    def leave_out(folder: str, names: list[str]) -> set[str]:
        inside = Path(folder).relative_to(source)
        return {name for name in names if ignored((inside / name).as_posix(), patterns)}

    shutil.copytree(source, target, ignore=leave_out, symlinks=True)


@dataclass
class Image:
    """What a Dockerfile says an image is, and the shell lines that make it; `$root` is its root there.

    Raises ValueError for an instruction that is not known here.
    """

    context: Path
    arguments: dict[str, str]  # of the build: they win over the defaults of ARG
    lines: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    workdir: str = "/"
    words: dict[str, list[str]] = field(default_factory=dict)  # of ENTRYPOINT, CMD and HEALTHCHECK
    volumes: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    base: str = ""

    def take(self, name: str, text: str) -> None:
        """One instruction."""
        match name:
            case "FROM":
                self.base = text
            case "RUN":
                self.lines += [f"echo {shlex.quote(f'--- {text[:70]}')}", self.chroot(["sh", "-c", text])]
            case "COPY":
                self._copy(shlex.split(text))
            case "ENV":
                for word in shlex.split(text):
                    key, _, value = word.partition("=")
                    self.variables[key] = re.sub(r"\$(\w+)", lambda match: self._argument(match[1]), value)
            case "ARG":
                key, _, default = text.partition("=")
                self.arguments.setdefault(key, default.strip('"'))
            case "WORKDIR":
                self.workdir = text
                self.lines.append(f'mkdir -p "$root"{text}')
            case "USER":
                self.user = text
            case "ENTRYPOINT" | "CMD":
                self.words[name] = json.loads(text)
            case "HEALTHCHECK":
                self.words[name] = json.loads(text.partition("CMD ")[2])
            case "VOLUME":
                self.volumes.append(text)
            case "EXPOSE":
                self.ports.append(text)
            case _:
                raise ValueError(f"{name} is not known here")

    def chroot(self, words: list[str], **settings: str) -> str:
        """A command in the image, as its user and with its variables at this point, and with no others."""
        own = {"PATH": PATH, "HOME": "/home/voslab", **self.arguments, **self.variables, **settings}
        transport = {key: value for key, value in os.environ.items() if key.startswith(TRANSPORT)}
        pairs = [f"{key}={value}" for key, value in {**transport, **own}.items()]
        inner = ["env", "-i", *pairs, "sh", "-c", f'cd {shlex.quote(self.workdir)} && exec "$@"', "sh", *words]
        return f'chroot --userspec={self.user} "$root" {shlex.join(inner)}'

    def _argument(self, name: str) -> str:
        return self.arguments.get(name, self.variables.get(name, ""))

    def _copy(self, words: list[str]) -> None:
        user, group = next((word[8:] for word in words if word.startswith("--chown=")), "0:0").split(":")
        *sources, target = [word for word in words if not word.startswith("--")]
        for source in sources:
            packed = (
                f"tar -C {shlex.quote(str(self.context))} --numeric-owner --owner={user} --group={group} -c {source}"
            )
            self.lines.append(f'{packed} | tar --numeric-owner -C "$root"{Path(self.workdir) / target} -x')


def read_image(path: Path, context: Path, **arguments: str) -> Image:
    """The image of a Dockerfile."""
    image = Image(context, dict(arguments))
    for name, text in read_instructions(path):
        image.take(name, text)
    return image


@contextlib.contextmanager
def running(image: Image, prepare: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Make the image and start its command with further variables `settings`, as `docker run -e` does; its words are in
    the process's pipe. `prepare` are shell lines that come before the image's own. Ended and gone afterwards.
    """
    below = os.environ.get("VOSLAB_TEST_ROOTFS", "/")
    setup = f"""
        set -euo pipefail
        mount -t tmpfs tmpfs /mnt
        mkdir /mnt/upper /mnt/work /mnt/root
        root=/mnt/root
        mount -t overlay overlay -o lowerdir={below},upperdir=/mnt/upper,workdir=/mnt/work $root
        mount -t proc proc $root/proc
        mount --rbind /dev $root/dev
        mkdir -p $root/home $root/tmp
    """
    start = [*image.words["ENTRYPOINT"], *image.words["CMD"]]
    program = "\n".join([setup, prepare, *image.lines, "echo --- CMD", f"exec {image.chroot(start, **settings)}"])
    process = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "bash", "-c", program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def tini(process: subprocess.Popen[str]) -> psutil.Process:
    """The image's first process in what `running` started."""
    (first,) = psutil.Process(process.pid).children()
    return first


def _enter(image: Image, process: subprocess.Popen[str], words: list[str], **settings: str) -> str | None:
    """What a command says inside of what `running` started; None when it fails."""
    enter = ["nsenter", f"--target={tini(process).pid}", "--mount", "--pid", "bash", "-c"]
    done = subprocess.run(
        [*enter, f"root=/mnt/root; {image.chroot(words, **settings)}"], capture_output=True, text=True, timeout=60
    )
    return done.stdout if done.returncode == 0 else None


def healthy(image: Image, process: subprocess.Popen[str], **settings: str) -> bool:
    """Whether the image's health check passes inside of what `running` started."""
    return _enter(image, process, image.words["HEALTHCHECK"], **settings) is not None


def inside(image: Image, process: subprocess.Popen[str], line: str) -> list[str]:
    """The lines that a shell line says inside of what `running` started, as `docker exec` gives them."""
    answer = _enter(image, process, ["sh", "-c", line])
    assert answer is not None, line
    return answer.splitlines()
