"""Slots and names of a cluster's nodes, and what is said without Ray or without a cluster; no cluster is started."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from db import queries
from tests.clips import write_dataset
from tests.faults.processes import dispatchers, end_all, plan, until
from tests.test_architecture import ROOT, SOURCES, imports_of
from vos_core.cli import main
from vos_core.cuda import CLUSTER_VARIABLE
from vos_core.errors import InputError
from vos_core.execution import submit
from vos_core.execution.leftovers import worker_processes
from vos_core.execution.ray_cluster import is_this_machine, read_nodes
from vos_core.execution.ray_workers import cluster_slots, name_nodes
from vos_core.home import Home


def node(node_id: str, host: str, *, name: str = "", cpu: float = 4, gpu: float = 0, head: bool = False) -> Any:
    resources = {"CPU": cpu, "GPU": gpu, **({"node:__internal_head__": 1.0} if head else {})}
    return {
        "NodeID": node_id,
        "NodeName": name or "10.0.0.1",
        "NodeManagerAddress": "10.0.0.1",
        "NodeManagerHostname": host,
        "Resources": {key: value for key, value in resources.items() if value},
    }


HEAD, SECOND, GPUS = node("b", "box", head=True), node("a", "box"), node("c", "gpu-box", gpu=2)


@pytest.mark.parametrize(
    ("nodes", "known", "names"),
    [
        ([HEAD], {}, {"b": "box"}),
        ([SECOND, HEAD], {}, {"b": "box", "a": "box.2"}),
        ([node("d", "box", name="node-7")], {}, {"d": "node-7"}),
        # The first one left: the second keeps its name, and one that joins later takes the free one.
        ([SECOND], {"b": "box", "a": "box.2"}, {"a": "box.2"}),
        ([SECOND, node("e", "box")], {"a": "box.2"}, {"a": "box.2", "e": "box"}),
        ([HEAD, node("0", "box")], {"b": "box"}, {"b": "box", "0": "box.2"}),
    ],
)
def test_names(nodes: list[Any], known: dict[str, str], names: dict[str, str]) -> None:
    assert name_nodes(nodes, known) == names


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        (
            {},
            [
                ("gpu-0@gpu-box", "cuda", "2"),
                ("gpu-1@gpu-box", "cuda", "2"),
                *((f"cpu-{index}@{name}", "cpu", "1") for name in ("box", "gpu-box") for index in range(4)),
            ],
        ),
        (
            {"VOSLAB_CPU_WORKERS": "1"},
            [
                ("gpu-0@gpu-box", "cuda", "2"),
                ("gpu-1@gpu-box", "cuda", "2"),
                ("cpu-0@box", "cpu", "4"),
                ("cpu-0@gpu-box", "cpu", "4"),
            ],
        ),
    ],
)
def test_slots(environment: dict[str, str], wanted: list[tuple[str, str, str]]) -> None:
    """GPUs first; cores are shared out; on a CPU slot no GPU is seen, and on a GPU slot Ray says which."""
    slots = cluster_slots([GPUS, HEAD], {"c": "gpu-box", "b": "box"}, environment)
    assert [(slot.name, slot.device, slot.environment["OMP_NUM_THREADS"]) for slot in slots] == wanted
    assert all(("CUDA_VISIBLE_DEVICES" in slot.environment) == (slot.device == "cpu") for slot in slots)
    assert {(slot.node_id, slot.host) for slot in slots} == {("c", "gpu-box"), ("b", "box")}


def test_a_node_without_cores_for_ray_has_no_cpu_slots() -> None:
    assert cluster_slots([node("a", "box", cpu=0)], {"a": "box"}, {}) == []


def test_nodes_of_a_list(tmp_path: Path) -> None:
    listed = tmp_path / "nodes.txt"
    listed.write_text("# mine\nnode-0\n\n  node-1  # the other\nnode-0\n")
    assert read_nodes(listed) == ["node-0", "node-1"]
    listed.write_text("\n")
    with pytest.raises(InputError, match="names none"):
        read_nodes(listed)
    with pytest.raises(InputError, match="cannot be read"):
        read_nodes(tmp_path / "none.txt")
    assert is_this_machine(socket.gethostname()) and not is_this_machine("node-0.example")


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 2
    return capsys.readouterr().err


def test_without_ray_an_address_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOSLAB_HOME", str(tmp_path))
    monkeypatch.delenv(CLUSTER_VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)  # type: ignore[arg-type]  # as if it were not installed
    said = refusal(["run", "--dataset", "DAVIS", "--model", "static", "--address", "auto"], capsys)
    assert "Ray is not installed" in said and "make install-ray" in said
    assert "make install-ray" in refusal(["cluster", "start"], capsys)
    monkeypatch.setenv(CLUSTER_VARIABLE, "node-0:6379")
    assert "make install-ray" in refusal(["resume"], capsys)
    assert not list(tmp_path.rglob("*.db"))  # nothing was queued


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense"])
def test_an_address_where_no_cluster_answers_is_refused(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (make install-ray)")
    monkeypatch.setenv("VOSLAB_HOME", str(tmp_path))
    said = refusal(["run", "--dataset", "DAVIS", "--model", "static", "--address", address], capsys)
    assert f"No Ray cluster can be joined at {address}" in said and "cluster start" in said
    assert not list(tmp_path.rglob("*.db"))


@pytest.mark.parametrize("importer", sorted(SOURCES))
def test_no_module_imports_ray_at_its_top(importer: str) -> None:
    assert not {name for name in imports_of(SOURCES[importer], top_level_only=True) if name.split(".")[0] == "ray"}


def test_nothing_but_a_cluster_loads_ray() -> None:
    """With Ray out of reach, dispatcher, commands and workers still import."""
    modules = [name for name in SOURCES if name.startswith(("vos_core.execution", "vos_core.cli"))]
    code = "import sys, importlib\nsys.modules['ray'] = None\n"
    code += "".join(f"importlib.import_module({name!r})\n" for name in modules)
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_a_dispatcher_without_its_cluster_answers_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It queues and cancels, starts no worker of its own accord on this machine, and ends when told to."""
    monkeypatch.setenv(CLUSTER_VARIABLE, "127.0.0.1:1")
    home = Home.from_environment({}, cwd=tmp_path)
    write_dataset(home.data / "DAVIS", {"short": 6})
    try:
        launched = submit.submit(plan(home, "DAVIS", ("static",)), home)
        ids = submit.wait(home, launched)["runs"]
        until(lambda: "Trying again" in (home.logs / "dispatcher.log").read_text(), 90)
        assert [run.state for run in queries.runs(home.database, ids)] == ["queued"]
        assert not worker_processes(home)
        submit.wait(home, submit.cancel(home, ids))
        assert [run.state for run in queries.runs(home.database, ids)] == ["cancelled"]
        (dispatcher,) = dispatchers(home)
        dispatcher.terminate()
        dispatcher.wait(10)
    finally:
        end_all(home)
