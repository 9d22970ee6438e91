# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys: one for the control side, one for each node, every node's pinned from the start."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
from pathlib import Path
from typing import Optional

from . import names, netns, tools
from .files import read, write
from .paths import Paths
from .spec import Controller, Spec


def make_key(path: Path, comment: str) -> None:
    """An Ed25519 pair beside each other; an incomplete one is replaced."""
    public = path.with_name(path.name + ".pub")
    if path.exists() and public.exists():
        return
    for left in (path, public):
        with contextlib.suppress(FileNotFoundError):
            left.unlink()
    tools.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def host_key(paths: Paths, node: str) -> Path:
    return paths.node(node) / "ssh_host_ed25519_key"


def known_hosts(paths: Paths, spec: Spec) -> str:
    """The text of the lab's known_hosts: every node by name and by every address."""
    lines = []
    for node in spec.nodes.values():
        public = read(host_key(paths, node.name).with_suffix(".pub"))
        if public:
            kind, key = public.split()[:2]
            who = ",".join([node.name, *(str(address) for address in node.addresses.values())])
            lines.append("%s %s %s\n" % (who, kind, key))
    return "".join(lines)


def wanted_password(controller: Controller) -> Optional[str]:
    """The password the description gives, if it gives one."""
    if controller.password_file:
        return Path(controller.password_file).read_text().rstrip("\n")
    return controller.password


def password_is_right(paths: Paths, node: str, controller: Controller) -> bool:
    have, wanted = read(paths.password(node, controller.kind)), wanted_password(controller)
    return bool(have) and (wanted is None or have == wanted + "\n")


def make_password(paths: Paths, node: str, controller: Controller) -> None:
    """Keep the controller's password, a random one unless given: 16 characters, the most `ipmitool` sends unasked."""
    text = (wanted_password(controller) or secrets.token_hex(8)) + "\n"
    write(paths.password(node, controller.kind), text, 0o600)


def close_connections(paths: Paths) -> None:
    """End the control side's persistent SSH connections: they would outlive the nodes."""
    if paths.ssh_control.is_dir():
        for control in paths.ssh_control.iterdir():
            if control.is_socket():
                tools.run(
                    ["ssh", "-O", "exit", "-o", "ControlPath=%s" % control, "lab"], accept=(0, 1, 255), timeout=10
                )
        shutil.rmtree(str(paths.ssh_control), ignore_errors=True)


def ssh_answers(spec: Spec, node: str, timeout: float = 1.0) -> bool:
    """Whether the node's SSH server sends its banner."""
    try:
        with netns.socket_in(names.lab_name(spec.name), socket.AF_INET, socket.SOCK_STREAM) as stream:
            stream.settimeout(timeout)
            stream.connect((str(spec.address(node)), 22))
            return stream.recv(4) == b"SSH-"
    except OSError:
        return False
