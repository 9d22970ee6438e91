# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One boot of one node: the container from its start to its last process."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import IO, List, Optional

from . import containers, disk, images, names, netns, repository, tools
from .cgroups import Group
from .errors import LabError
from .paths import Paths
from .spec import Node, Spec

REBOOT = 133
"""systemd-nspawn's exit code for "the machine wants to start again"."""

# The disk is mounted in a mount namespace of its own: it is gone when the node's last process is.
# nspawn's notes about the container are kept from the machine's /run for the same reason, and other nodes'
# network namespaces are let go: held from in here, they would outlive their power cuts.
_MOUNT = (
    'rm -rf "$2/work/work/incompat";'
    ' mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work,volatile" "$2/root";'
    " mkdir -p /run/systemd/nspawn; mount -t tmpfs -o mode=755 tmpfs /run/systemd/nspawn;"
    ' for name in /run/netns/*; do [ "$name" = "$3" ] || umount -l "$name" 2>&- || :; done;'
    ' shift 3; exec "$@"'
)


def group(lab: str, node: Optional[str] = None, part: str = "nodes") -> Group:
    """The lab's control group, or a node's in it: `nodes` for itself, `chassis` for who runs it."""
    own = names.lab_name(lab)
    return Group(own if node is None else "%s/%s/%s" % (own, part, node))


def start(paths: Paths, spec: Spec, node: Node, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Cable the node and start its container; returns at once."""
    own = group(spec.name, node.name)
    own.create()
    own.freeze(False)  # a frozen node that lost power would otherwise never wake again
    netns.plug(spec, node)
    home = paths.node(node.name)
    mounted = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _MOUNT, "sh"]
    argv = [
        *mounted,
        str(disk.base(paths, node.name)),
        str(home),
        str(_namespace(spec, node)),
        *_nspawn(paths, spec, node),
    ]
    return subprocess.Popen(
        own.entering(argv),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={"PATH": tools.PATH, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "TERM": "dumb"},
        start_new_session=True,
    )


def _nspawn(paths: Paths, spec: Spec, node: Node) -> List[str]:
    home = paths.node(node.name)
    return [
        "systemd-nspawn",
        "--quiet",
        "--boot",
        "--register=no",
        "--keep-unit",
        "--console=passive",
        "--capability=all",
        "--system-call-filter=@keyring bpf",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        "--directory=%s" % (home / "root"),
        "--machine=" + names.machine(spec.name, node.name),
        "--hostname=" + node.name,
        "--network-namespace-path=%s" % _namespace(spec, node),
        # A real file system for container storage: overlay on overlay does not work.
        "--bind=%s:/var/lib/containers" % (home / "containers"),
        "--bind-ro=%s:%s" % (repository.directory(paths.cache, node.suite), images.target(node.suite)),
        *containers.mounts(paths),
    ]


def _namespace(spec: Spec, node: Node) -> Path:
    return netns.path(names.node_namespace(spec.name, node.name))


def cut(spec: Spec, node: Node) -> None:
    """The plug is pulled: silence on the wire first, then every process at once."""
    netns.pull_cables(spec, node)
    clear(spec, node)


def clear(spec: Spec, node: Node) -> None:
    """Remove what a dead node leaves; kills what is still alive of it."""
    own = group(spec.name, node.name)
    own.kill()
    netns.unplug(spec, node)
    own.remove()


def leader(nspawn: int) -> int:
    """The number, out here, of the node's process 1.  Raises LabError when it has none yet."""
    try:
        children = Path("/proc/%d/task/%d/children" % (nspawn, nspawn)).read_text().split()
    except OSError:
        children = []
    for child in children:
        try:
            status = Path("/proc/%s/status" % child).read_text()
        except OSError:
            continue
        numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
        if len(numbers) == 2 and numbers[1] == "1":
            return int(child)
    raise LabError("the node runs no init: it is off or just starting")


def execute(spec: Spec, node: str, pid: int, argv: List[str]) -> int:
    """Run a command in the node whose process 1 is `pid`; returns its exit code."""
    own = Group("%s/exec" % group(spec.name, node).path)
    own.create()
    # In the node's own group, so that a power cut ends this too.
    inside = ["nsenter", "--target", str(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
    # The directory is entered in the node: nsenter's own option means one out here.
    clean = ["env", "-i", "--chdir=/root", "PATH=" + tools.PATH, "HOME=/root", "USER=root", "LANG=C.UTF-8"]
    terminal = "TERM=" + os.environ.get("TERM", "dumb")
    return subprocess.call(own.entering([*inside, *clean, terminal, *argv]))
