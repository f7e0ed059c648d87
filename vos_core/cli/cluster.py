"""`cluster`: make a Ray cluster of several machines, and end it; `--address` of the commands that use one."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from vos_core.cuda import CLUSTER_VARIABLE
from vos_core.execution import ray_cluster
from vos_core.execution.ray_workers import require_ray
from vos_core.execution.submit import use_cluster
from vos_core.home import Home


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("cluster", help="make a Ray cluster of several machines, and end it")
    actions = parser.add_subparsers(dest="action", metavar="<action>", required=True)
    lines = {
        "start": "make this machine the head, and ask the others by ssh to join; what runs already stays",
        "stop": "end all nodes",
        "join": "make this machine a node of the cluster at --address",
        "leave": "end this machine's node",
    }
    for action, line in lines.items():
        one = actions.add_parser(action, help=line, description=line)
        if action in ("start", "stop"):
            one.add_argument(
                "--nodes",
                metavar="FILE",
                type=Path,
                help=f"host names, one a line (default: {ray_cluster.UCLOUD_NODES}, else this machine alone)",
            )
            one.add_argument("--ssh", metavar="COMMAND", default=ray_cluster.SSH, help="instead of %(default)r")
        else:
            one.add_argument("--name", default=os.uname().nodename, help="the node's name (default: %(default)s)")
        if action == "start":
            one.add_argument("--port", type=int, default=ray_cluster.PORT, help="of the head (default: %(default)s)")
        if action == "join":
            one.add_argument("--address", metavar="HOST:PORT", required=True, help="the head's")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when every node is as asked, 1 when one is not."""
    require_ray("the command cluster")
    home = Home.from_environment()
    if args.action == "join":
        ray_cluster.join(home, args.name, args.address)
        return 0
    if args.action == "leave":
        ray_cluster.leave(home, args.name)
        return 0
    listed = args.nodes or (ray_cluster.UCLOUD_NODES if ray_cluster.UCLOUD_NODES.exists() else None)
    nodes = ray_cluster.read_nodes(listed) if listed else []
    if args.action == "start":
        address, problems = ray_cluster.start(home, nodes, args.port, args.ssh)
        print(f"cluster at {address}: {max(1, len(nodes)) - len(problems)} of {max(1, len(nodes))} nodes")
        print(f"use it with --address auto, or for the app and all commands: export {CLUSTER_VARIABLE}={address}")
    else:
        problems = ray_cluster.stop(home, nodes, args.ssh)
    for node, problem in problems.items():
        print(f"error: node {node}: {problem}", file=sys.stderr)
    return 1 if problems else 0


def add_address_argument(parser: argparse.ArgumentParser) -> None:
    """`--address`, for a command that may start the dispatcher."""
    parser.add_argument(
        "--address",
        metavar="auto|HOST:PORT",
        help=f"of a running Ray cluster: its nodes do the work (default: {CLUSTER_VARIABLE}, else this machine)",
    )


def apply_address(args: argparse.Namespace, home: Home) -> None:
    """Have the dispatcher use the cluster that was asked for. Raises InputError when it cannot."""
    address = args.address or os.environ.get(CLUSTER_VARIABLE)
    if address:
        use_cluster(home, address)
