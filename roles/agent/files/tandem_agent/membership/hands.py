# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""EFFECT: takes the steps of a plan. Each method is one kind of step, and may be taken again after it was cut off."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import time
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ..context import Context
from ..corosync.files import remove, write_atomic
from ..corosync.options import QDEVICE, RELOAD, cost_of
from ..corosync.runtime import QDEVICE_MARK, differences
from ..errors import AgentError
from ..pacemaker.tools import cleaned, failed
from .host import Paths, cib_nodes, live_members, running_map, trusted_hosts

SYNCED = 10.0  # seconds the first member gets to log in everywhere and to tell the others
JOINED = 15.0  # seconds a member that a reload made known gets to join
RELOADED = 5.0  # seconds until a reload must show in Corosync's map

Owner = Callable[[str, str], Optional[Tuple[int, int]]]


def system_owner(user: str, group: str) -> Tuple[int, int]:
    """Numbers of a user and a group. `tool.missing` when Pacemaker's package has not made them."""
    try:
        return pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
    except KeyError as error:
        message = f"{error.args[0]}; the package pacemaker makes it, install it (role tandem.ha.node)"
        raise AgentError("tool.missing", message, {"tool": "pacemaker"}) from error


class Hands:
    """Does what a plan says, on this host."""

    def __init__(self, context: Context, paths: Paths, owner: Owner = system_owner) -> None:
        self.context = context
        self.paths = paths
        self.owner = owner

    # -- files

    def write_conf(self, text: str) -> None:
        _directory(self.paths.conf.parent, 0o755, None)
        write_atomic(self.paths.conf, text.encode())

    def write_key(self, name: str, key: bytes) -> None:
        """Corosync's key is root's alone; Pacemaker's is read by its daemons, which run as hacluster."""
        path = self.paths.keys[name]
        if name == "corosync":
            _directory(path.parent, 0o755, None)
            write_atomic(path, key, 0o400, self.owner("root", "root"))
        else:
            _directory(path.parent, 0o750, self.owner("root", "haclient"))
            write_atomic(path, key, 0o400, self.owner("hacluster", "haclient"))

    def remove_cluster(self) -> None:
        """Keys, CIB and certificates first, corosync.conf last: until it is gone, the host is known to be this cluster's."""
        self._remove_state()
        for path in self.paths.keys.values():
            remove(path)
        shutil.rmtree(self.paths.certificates.parent, ignore_errors=True)
        remove(self.paths.conf)

    def clear(self) -> None:
        """Stop the packages' own cluster and forget it; its corosync.conf is overwritten by the next step."""
        self.stop(("pacemaker", "corosync"))
        self._remove_state()
        remove(self.paths.keys["pacemaker"])  # the package's; later it could not be told from the cluster's

    def _remove_state(self) -> None:
        for directory, pattern in (
            (self.paths.cib, "cib*"),
            (self.paths.corosync_state, "ringid_*"),
            (self.paths.corosync_state, "ev_tracking"),
        ):
            for path in sorted(directory.glob(pattern)):
                remove(path)

    # -- services

    def start(self, units: Sequence[str]) -> None:
        """Systemd brings them up in their order, and goes on with it if we are killed."""
        self._systemctl("start", units)
        if "corosync-qdevice" in units:
            self._unmark(QDEVICE_MARK)

    def stop(self, units: Sequence[str]) -> None:
        self._systemctl("stop", units)

    def restart(self, units: Sequence[str], others: Sequence[str]) -> None:
        """One job of systemd, so that nothing stays down if we are killed. Only while all other members are there."""
        until = time.monotonic() + min(JOINED, self.context.deadline.remaining())
        while True:
            here = live_members(running_map(self.context))
            away = [name for name in others if name not in here.values()]
            if not away or time.monotonic() > until:
                break
            time.sleep(0.25)
        if away:
            raise AgentError(
                "cluster.member_offline",
                f"a rolling restart needs every other member online; {', '.join(away)} {'is' if len(away) == 1 else 'are'} not. "
                "The new configuration is written and takes effect with the next restart",
                {"offline": away},
            )
        self._systemctl("restart", units)

    def restart_qdevice(self) -> None:
        self._systemctl("restart", ("corosync-qdevice",))
        self._unmark(QDEVICE_MARK)

    def enable(self, units: Sequence[str], on: bool) -> None:
        self._systemctl("enable" if on else "disable", units)

    def _systemctl(self, verb: str, units: Sequence[str]) -> None:
        argv = ["systemctl", verb, *[f"{unit}.service" for unit in units]]
        completed = self.context.runner.run(argv, timeout=max(10.0, self.context.deadline.remaining()))
        if completed.rc != 0:
            raise AgentError(
                "cluster.service",
                f"systemctl {verb} {' '.join(units)} failed: {cleaned(completed.stderr)}; see journalctl -u {' -u '.join(units)}",
                {"units": list(units), "rc": completed.rc},
            )

    # -- the running Corosync

    def mark(self, key: str, value: str) -> None:
        completed = self.context.runner.run(["corosync-cmapctl", "-s", key, "str", value], timeout=10)
        if completed.rc != 0:
            raise failed("corosync-cmapctl", completed)

    def _unmark(self, key: str) -> None:
        self.context.runner.run(["corosync-cmapctl", "-d", key], timeout=10)  # it may not be there

    def reload(self, wanted: Mapping[str, str]) -> None:
        """All members reload at once, each its own file; afterwards ours must be in effect."""
        completed = self.context.runner.run(["corosync-cfgtool", "-R"], timeout=30)
        until = time.monotonic() + RELOADED
        while completed.rc == 0:
            left = differences(wanted, running_map(self.context) or {})
            if not any(cost_of(key) in (RELOAD, QDEVICE) for key in left):
                return
            if time.monotonic() > until:
                break
            time.sleep(0.2)
        said = cleaned(completed.stderr + b" " + completed.stdout) or "it said nothing"
        raise AgentError(
            "cluster.reload_failed",
            f"Corosync did not take over the new configuration (corosync-cfgtool -R: {said}); see journalctl -u corosync",
            {"rc": completed.rc},
        )

    # -- Pacemaker and pcs

    def forget(self, name: str) -> None:
        """Pacemaker's own way first; entries that an old version leaves in the CIB afterwards."""
        self.context.tools.remove_node(name)
        if name not in {node.name for node in cib_nodes(self.context)}:
            return
        for xpath in (f"//nodes/node[@uname='{name}']", f"//status/node_state[@uname='{name}']"):
            completed = self.context.runner.run(["cibadmin", "--delete-all", "--force", "--xpath", xpath])
            if completed.rc not in (0, 105):  # 105: no such object
                raise failed("cibadmin", completed)

    def authenticate(self, hosts: Dict[str, str], password: str, local: str, configured: Mapping[str, int]) -> None:
        """Log in at every member's pcsd. In a formed cluster pcs tells the others, so its first member goes ahead."""
        first = min(configured, key=lambda name: configured[name], default=local)
        if first != local and local in configured:
            until = time.monotonic() + min(SYNCED, self.context.deadline.remaining())
            while time.monotonic() < until:
                if self._trusts(hosts):
                    return
                time.sleep(0.25)
        places: List[str] = []
        for name, address in hosts.items():
            places += [name, f"addr={address}"]
        # All the time there is: pcs itself gives a silent host 60 s, and then says which one it was.
        completed = self.context.runner.run(
            ["pcs", "host", "auth", *places, "-u", "hacluster"],
            f"{password}\n".encode(),
            timeout=max(10.0, self.context.deadline.remaining()),
        )
        if completed.rc != 0:
            raise _refused(
                cleaned(completed.stderr + b"\n" + completed.stdout).replace(password, "********"), list(hosts)
            )

    def _trusts(self, hosts: Mapping[str, str]) -> bool:
        trusted = trusted_hosts(self.paths)
        return all(address in trusted.get(name, frozenset()) for name, address in hosts.items())


def _directory(path: Path, mode: int, owner: Optional[Tuple[int, int]]) -> None:
    """Make a directory that the packages have not made; the agent's own umask must not decide who may look into it."""
    if path.is_dir():
        return
    path.mkdir(parents=True)
    if owner is not None:
        os.chown(path, *owner)
    path.chmod(mode)


def _refused(said: str, hosts: Sequence[str]) -> AgentError:
    """Pcs names each host that refused; the remedy depends on why."""
    if "password is incorrect" in said:
        bad = [name for name in hosts if f"{name}: Username and/or password is incorrect" in said] or list(hosts)
        return AgentError(
            "cluster.password",
            f"{', '.join(bad)} {'does' if len(bad) == 1 else 'do'} not accept `hacluster_password` for the user hacluster; set the same "
            "password on every member (the role tandem.ha.node does), then run this again",
            {"hosts": bad},
        )
    return AgentError(
        "cluster.pcsd",
        f"pcs could not log in at every member: {said}. pcsd must run on all members, and port 2224 must be open between them",
        {"hosts": list(hosts)},
    )
