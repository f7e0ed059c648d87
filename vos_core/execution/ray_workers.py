"""Workers on a Ray cluster: an actor in each slot, which runs the same worker process that a local slot runs.

Ray is imported only here, and only when a cluster's address is given.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vos_core.cores import MOST_CPU_WORKERS, cpu_workers
from vos_core.cores import VARIABLE as WORKERS_VARIABLE
from vos_core.cuda import CLUSTER_VARIABLE
from vos_core.errors import InputError, VosLabError
from vos_core.execution.messages import Message, Stop, decode, encode
from vos_core.execution.slots import THREAD_VARIABLES, Slot
from vos_core.execution.worker_handle import Gone, Inbox, WorkerHandle, worker_environment
from vos_core.execution.worker_process import how_it_ended
from vos_core.home import Home

POLL_SECONDS = 1.0
LOST_SECONDS = 15.0  # an actor that does not answer for so long is given up
SILENCE_SECONDS = 10.0  # an actor that is not polled for so long ends itself: before the dispatcher gives it up
CONNECT_SECONDS = 5.0
RECONNECT_SECONDS = 10.0
NODES_SECONDS = 1.0

log = logging.getLogger("dispatcher")


@dataclass(frozen=True, kw_only=True)
class RaySlot(Slot):
    """A slot on a node of the cluster. Ray binds the actor to its GPU; `gpu` stays None: launches choose local GPUs."""

    node_id: str
    host: str


def require_ray(what: str, instead: str = "") -> None:
    """Raises InputError with what to do when Ray is not installed and `what` asks for it."""
    if importlib.util.find_spec("ray") is None:
        raise InputError(f"Ray is not installed, and {what} asks for it: make install-ray{instead}.")


def check_cluster(address: str) -> None:
    """Raises InputError with what to do unless Ray is installed here and a cluster answers at `address`."""
    connect(address)
    import ray

    ray.shutdown()


def connect(address: str) -> None:
    """Make this process a driver of the running cluster at `address` (`auto`, or HOST:PORT of its head).

    Raises InputError with what to do when it cannot be.
    """
    instead = f"or leave out --address and {CLUSTER_VARIABLE} to run on this machine"
    require_ray(f"the address {address}", f", {instead}")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is reported anywhere
    import ray
    from ray import cloudpickle
    from ray._private.services import canonicalize_bootstrap_address

    from vos_core.execution import ray_relay

    try:
        found = canonicalize_bootstrap_address(address) or address
        host, _, port = found.rpartition(":")
        # Ray itself would try for a minute and a half.
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        ray.init(address=found, log_to_driver=False, configure_logging=False, namespace="voslab")
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        said = (isinstance(error, OSError) and error.strerror) or str(error)
        reason = said.strip().partition("\n")[0].rstrip(".")
        raise InputError(
            f"No Ray cluster can be joined at {address} ({reason}): start one with `python -m vos_core cluster start`, "
            f"{instead}."
        ) from error
    cloudpickle.register_pickle_by_value(ray_relay)


class RayWorker(WorkerHandle):
    """An actor with a worker process. A thread creates it and polls it, so that nothing here waits for the cluster."""

    def __init__(self, slot: RaySlot, home: Home, inbox: Inbox) -> None:
        super().__init__(slot, home)
        self.host, self.pid, self.process_started = slot.host, 0, 0.0
        self._node_id = slot.node_id
        self._environment = worker_environment(slot, home)
        self._cwd = str(home.root)
        self._actor: Any = None
        self._killed = threading.Event()
        self._ended = threading.Event()
        threading.Thread(target=self._live, args=(inbox,), daemon=True, name=f"read-{slot.name}").start()

    def send(self, message: Message) -> None:
        """Hand it to the actor, without waiting. A worker that has not started is not asked to stop, but ended."""
        if self._actor is not None and self.ready:
            with contextlib.suppress(Exception):
                self._actor.send.remote(encode(message))
        elif isinstance(message, Stop):
            self.kill()

    def wait(self, seconds: float) -> bool:
        """Whether it ended within that time."""
        return self._ended.wait(seconds)

    def kill(self) -> None:
        """Have Ray kill the actor; the worker ends with it."""
        import ray

        self._killed.set()
        if self._actor is not None:
            with contextlib.suppress(Exception):
                ray.kill(self._actor)

    def _live(self, inbox: Inbox) -> None:
        gone = Gone("its actor failed")
        try:
            self._actor = self._create()
            self.pid = self._answer(self._actor.pid.remote())
            code = None
            while code is None:
                lines, code = self._answer(self._actor.poll.remote(POLL_SECONDS), LOST_SECONDS)
                for line in lines:
                    with contextlib.suppress(VosLabError):
                        inbox.put((self, decode(line)))
            gone = how_it_ended(code)
        except _Lost as lost:
            gone = Gone(str(lost), by_itself=False)
        except Exception as error:  # Ray's own, and what the actor raised
            gone = Gone(f"its actor or its node {self.host} is gone ({type(error).__name__})")
            if self._killed.is_set():
                gone = Gone("killed by its dispatcher", by_itself=False)
            else:
                log.warning("worker %s: %s", self.slot.name, error)
        finally:
            self.kill()
            self._ended.set()
            inbox.put((self, gone))

    def _create(self) -> Any:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from vos_core.execution.ray_relay import Relay

        on_gpu = self.slot.device == "cuda"
        options = ray.remote(Relay).options(
            num_gpus=1 if on_gpu else 0,
            num_cpus=0 if on_gpu else 1,
            max_concurrency=2,  # a message is sent while a poll waits
            scheduling_strategy=NodeAffinitySchedulingStrategy(self._node_id, soft=False),
        )
        arguments = ["-m", "vos_core.execution.worker", self.slot.name]
        return options.remote(arguments, self._environment, self._cwd, str(self.log), SILENCE_SECONDS)

    def _answer(self, reference: Any, limit: float | None = None) -> Any:
        """What an actor's method returns. Raises _Lost when it was killed meanwhile, or silent for `limit` seconds."""
        import ray

        began = time.monotonic()
        while True:
            try:
                return ray.get(reference, timeout=1.0)
            except ray.exceptions.GetTimeoutError:
                if self._killed.is_set():
                    raise _Lost("killed by its dispatcher") from None
                if limit is not None and time.monotonic() - began > limit:
                    raise _Lost(f"no answer from {self.host} for {limit:.0f} s") from None


class _Lost(Exception):
    """An actor was given up; says why."""


class RayWorkers:
    """The cluster's GPUs and cores as slots. A thread keeps the connection and looks which nodes there are."""

    def __init__(self, address: str, home: Home) -> None:
        self._address = address
        self._home = home
        self._slots: Sequence[Slot] = ()
        threading.Thread(target=self._watch, daemon=True, name="cluster").start()

    def slots(self) -> Sequence[Slot]:
        """Of the nodes that live; none while no cluster answers."""
        return self._slots

    def start(self, slot: Slot, inbox: Inbox) -> WorkerHandle:
        """Start an actor on the slot's node."""
        assert isinstance(slot, RaySlot)
        return RayWorker(slot, self._home, inbox)

    def _watch(self) -> None:
        while True:
            try:
                connect(self._address)
                break
            except InputError as error:
                log.error("%s Trying again every %.0f s.", error, RECONNECT_SECONDS)
                time.sleep(RECONNECT_SECONDS)
        import ray

        log.info("workers run on the Ray cluster at %s", self._address)
        names: dict[str, str] = {}
        while True:
            try:
                living = [node for node in ray.nodes() if node["Alive"]]
            except Exception as error:  # the head is away
                log.warning("the cluster does not say which nodes it has: %s", error)
                living = []
            now = name_nodes(living, names)
            for node_id in sorted(now.keys() ^ names.keys()):
                joined = node_id in now
                log.info("node %s %s", (now if joined else names)[node_id], "joined" if joined else "left")
            names = now
            self._slots = cluster_slots(living, names)
            time.sleep(NODES_SECONDS)


def name_nodes(nodes: Iterable[Mapping[str, Any]], known: Mapping[str, str]) -> dict[str, str]:
    """Node id -> name: what the node was called when it joined, else its host name; of several on one host, the later
    ones are numbered. A node keeps the name that it has in `known`."""
    nodes = sorted(nodes, key=lambda node: (node["NodeID"] not in known, not _is_head(node), node["NodeID"]))
    names: dict[str, str] = {}
    for node in nodes:
        given = node["NodeName"]
        name = base = given if given != node["NodeManagerAddress"] else node["NodeManagerHostname"]
        number = 1
        while name in names.values():
            number += 1
            name = f"{base}.{number}"
        names[node["NodeID"]] = known.get(node["NodeID"], name)
    return names


def cluster_slots(
    nodes: Iterable[Mapping[str, Any]], names: Mapping[str, str], environment: Mapping[str, str] = os.environ
) -> list[RaySlot]:
    """A slot for each GPU of the nodes, and CPU slots beside them: as many a node as it has cores for Ray, at most 8,
    or `VOSLAB_CPU_WORKERS`."""
    most = MOST_CPU_WORKERS
    if environment.get(WORKERS_VARIABLE):
        with contextlib.suppress(InputError):  # launches are refused with it
            most = cpu_workers(environment)
    gpu_slots, cpu_slots = [], []
    for node in sorted(nodes, key=lambda node: names[node["NodeID"]]):
        name, where = names[node["NodeID"]], {"node_id": node["NodeID"], "host": node["NodeManagerHostname"]}
        gpus, cores = (int(node["Resources"].get(resource, 0)) for resource in ("GPU", "CPU"))
        workers = min(cores, most)
        threads = {variable: str(cores // workers) for variable in THREAD_VARIABLES} if workers else {}
        # Ray would allow a GPU's worker a single thread.
        shared = {variable: str(max(1, cores // gpus)) for variable in THREAD_VARIABLES} if gpus else {}
        gpu_slots += [RaySlot(f"gpu-{index}@{name}", "cuda", shared, **where) for index in range(gpus)]
        bound = {"CUDA_VISIBLE_DEVICES": "", **threads}
        cpu_slots += [RaySlot(f"cpu-{index}@{name}", "cpu", bound, **where) for index in range(workers)]
    return gpu_slots + cpu_slots


def _is_head(node: Mapping[str, Any]) -> bool:
    return "node:__internal_head__" in node["Resources"]
