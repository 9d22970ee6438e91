# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's disk: a writable layer over the suite's root, kept until the lab goes down."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from . import access
from .files import read, write
from .paths import Paths
from .spec import Node


def base(paths: Paths, node: str) -> Path:
    """The root this disk was laid over."""
    return Path((read(paths.node(node) / "base") or "").strip() or "/nonexistent")


def present(paths: Paths, node: str) -> bool:
    """Whether a complete disk exists; what it is laid over is written last."""
    return base(paths, node).is_dir()


def make(paths: Paths, node: Node, root: Path) -> None:
    """An empty disk with the node's identity on it: name, machine id, host key, who may log in."""
    home = paths.node(node.name)
    shutil.rmtree(str(home), ignore_errors=True)
    for part in ("upper", "work", "root", "containers"):
        (home / part).mkdir(parents=True, mode=0o755)
    access.make_key(access.host_key(paths, node.name), "root@" + node.name)
    etc, ssh, login = (home / "upper" / part for part in ("etc", "etc/ssh", "root/.ssh"))
    ssh.mkdir(parents=True, mode=0o755)
    login.mkdir(parents=True, mode=0o700)
    login.parent.chmod(0o700)
    write(etc / "hostname", node.name + "\n")
    write(etc / "machine-id", uuid.uuid4().hex + "\n", 0o444)
    for suffix, mode in (("", 0o600), (".pub", 0o644)):
        text = access.host_key(paths, node.name).with_name("ssh_host_ed25519_key" + suffix).read_text()
        write(ssh / ("ssh_host_ed25519_key" + suffix), text, mode)
    write(login / "authorized_keys", paths.key.with_suffix(".pub").read_text(), 0o600)
    write(home / "base", str(root) + "\n")
