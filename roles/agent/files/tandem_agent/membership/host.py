# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""EFFECT: looks at this host and changes nothing."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, FrozenSet, Mapping, Optional, Tuple

from ..cib.tree import parse as parse_xml
from ..context import Context
from ..corosync.files import read_optional
from ..corosync.parse import Section, parse
from ..corosync.runtime import read_map
from ..errors import AgentError
from ..model.values import whole
from ..pacemaker.tools import failed
from .strays import CibNode, read_nodes

UNITS = ("corosync", "corosync-qdevice", "pacemaker")
CERTIFICATE = "Cluster Cert"  # its nickname in the client's database (corosync-qdevice-net-certutil)


@dataclass(frozen=True)
class Paths:
    """Where things are; tests put another root in front."""

    root: str = "/"

    def at(self, path: str) -> Path:
        """`path` below the root."""
        return Path(self.root) / path.lstrip("/")

    @property
    def conf(self) -> Path:
        return self.at("/etc/corosync/corosync.conf")

    @property
    def keys(self) -> Dict[str, Path]:
        """The two keys by the names that `keys` of the request uses."""
        return {"corosync": self.at("/etc/corosync/authkey"), "pacemaker": self.at("/etc/pacemaker/authkey")}

    @property
    def cib(self) -> Path:
        return self.at("/var/lib/pacemaker/cib")

    @property
    def corosync_state(self) -> Path:
        return self.at("/var/lib/corosync")

    @property
    def certificates(self) -> Path:
        """The quorum device client's database of certificates and its private key."""
        return self.at("/etc/corosync/qdevice/net/nssdb")

    @property
    def known_hosts(self) -> Path:
        """The hosts that this host's pcs may command, with their tokens."""
        return self.at("/var/lib/pcsd/known-hosts")


@dataclass(frozen=True)
class Service:
    """A systemd unit. `loaded` is False when its package is not installed."""

    loaded: bool = False
    active: bool = False
    enabled: bool = False


@dataclass(frozen=True)
class Snapshot:
    """All that a plan is made from. `running` is Corosync's map, None when it does not run."""

    hostname: str
    conf: Optional[str]
    tree: Optional[Section]
    keys: Mapping[str, Optional[bytes]]
    cib_objects: Optional[
        int
    ]  # resources and constraints in the CIB on disk; None when that can't be read, 0 without a CIB
    services: Mapping[str, Service]
    running: Optional[Mapping[str, str]]
    trusted: Mapping[str, FrozenSet[str]] = field(default_factory=dict)  # hosts known to pcs -> their addresses
    certificates: bool = False  # whether the quorum device's client has a database of certificates
    addresses: Tuple[str, ...] = ()  # this host's own; only asked for when Corosync does not run
    cib_nodes: FrozenSet[CibNode] = frozenset()  # the nodes that Pacemaker knows, when it answers

    def service(self, unit: str) -> Service:
        """What systemd says about `unit`."""
        return self.services.get(unit, Service())


def look(context: Context, paths: Paths, removing: bool = False, remembered: bool = False) -> Snapshot:
    """Everything a plan needs: four files and two tools. Errors: `cluster.unreadable`, `cluster.read`, `tool.*`.

    Pacemaker is asked which nodes it knows when some are `removing`, or to find those that it only `remembered`.
    """
    conf = read_optional(paths.conf)
    text = None if conf is None else _decode(paths.conf, conf)
    services = _services(context)
    active = services["corosync"].active
    return Snapshot(
        hostname=os.uname().nodename,
        conf=text,
        tree=None if text is None else parse(text),
        keys={name: read_optional(path) for name, path in paths.keys.items()},
        cib_objects=_cib_objects(paths.cib / "cib.xml"),
        services=services,
        running=running_map(context) if active else None,
        trusted=trusted_hosts(paths),
        certificates=(paths.certificates / "cert9.db").exists(),
        addresses=() if active else local_addresses(context),
        cib_nodes=_cib_nodes(context, removing)
        if (removing or remembered) and services["pacemaker"].active
        else frozenset(),
    )


def _decode(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AgentError("cluster.unreadable", f"{path} is not UTF-8: {error}", {"path": str(path)}) from error


def _services(context: Context) -> Dict[str, Service]:
    """The three units in one call; `systemctl show` prints a block for each, in order, also for unknown ones."""
    argv = [
        "systemctl",
        "show",
        "--property=LoadState,ActiveState,UnitFileState",
        *[f"{unit}.service" for unit in UNITS],
    ]
    completed = context.runner.run(argv)
    if completed.rc != 0:
        raise failed("systemctl", completed)
    blocks = completed.stdout.decode("utf-8", "replace").strip().split("\n\n")
    return {unit: _service(block) for unit, block in zip(UNITS, [*blocks, "", "", ""])}


def _service(block: str) -> Service:
    values = dict(line.partition("=")[::2] for line in block.splitlines())
    return Service(
        values.get("LoadState") == "loaded",
        values.get("ActiveState") in ("active", "activating", "reloading"),
        values.get("UnitFileState") in ("enabled", "enabled-runtime"),
    )


def running_map(context: Context) -> Optional[Dict[str, str]]:
    """Corosync's map; None when it does not answer."""
    completed = context.runner.run(["corosync-cmapctl"], timeout=10)
    return read_map(completed.stdout.decode("utf-8", "replace")) if completed.rc == 0 else None


def live_members(running: Optional[Mapping[str, str]]) -> Dict[int, Optional[str]]:
    """Ids and names of the nodes that are in the membership now. A name is None when the node list has no such id."""
    names = {}
    for key, value in (running or {}).items():
        match = re.match(r"nodelist\.node\.([0-9]+)\.nodeid\Z", key)
        number = whole(value)
        if match and number is not None:
            names[number] = (running or {}).get(f"nodelist.node.{match.group(1)}.name")
    found: Dict[int, Optional[str]] = {}
    for key, value in (running or {}).items():
        match = re.match(r"runtime\.members\.([0-9]{1,15})\.status\Z", key)
        if match and value == "joined":
            found[int(match.group(1))] = names.get(int(match.group(1)))
    return found


def _cib_objects(path: Path) -> Optional[int]:
    data = read_optional(path)
    if data is None:
        return 0
    try:
        root = parse_xml(data)
    except AgentError:
        return None
    sections = [root.find(f"configuration/{name}") for name in ("resources", "constraints", "fencing-topology")]
    return sum(len(section) for section in sections if section is not None)


def trusted_hosts(paths: Paths) -> Dict[str, FrozenSet[str]]:
    """The hosts that pcs has a token for, and the addresses it reaches them at."""
    try:
        known = json.loads(read_optional(paths.known_hosts) or b"{}").get("known_hosts", {})
        return {
            str(name): frozenset(str(place.get("addr")) for place in host.get("dest_list", []))
            for name, host in known.items()
            if host.get("token")
        }
    except (ValueError, AttributeError, TypeError):
        return {}


def local_addresses(context: Context) -> Tuple[str, ...]:
    """The addresses this host has now."""
    completed = context.runner.run(["ip", "-json", "address", "show"], timeout=10)
    try:
        links = json.loads(completed.stdout or b"[]")
    except ValueError:
        links = []
    return tuple(str(address.get("local")) for link in links for address in link.get("addr_info", []))


def cib_nodes(context: Context) -> FrozenSet[CibNode]:
    """All nodes that the CIB knows."""
    return read_nodes(parse_xml(context.tools.query_cib()))


def _cib_nodes(context: Context, needed: bool) -> FrozenSet[CibNode]:
    try:
        return cib_nodes(context)
    except AgentError as error:
        if needed or error.code != "cib.unavailable":
            raise
        return frozenset()  # it is only coming up, which is waited for later


def certificate_of(context: Context, paths: Paths) -> Optional[str]:
    """The cluster name in the quorum device client's certificate; None when it has none."""
    if not (paths.certificates / "cert9.db").exists() or not context.runner.has("certutil"):
        return None
    completed = context.runner.run(["certutil", "-L", "-d", str(paths.certificates), "-n", CERTIFICATE], timeout=10)
    match = re.search(r'Subject: "CN=([^",]*)"', completed.stdout.decode("utf-8", "replace"))
    return match.group(1) if completed.rc == 0 and match else None


def same_host(declared: str, hostname: str) -> bool:
    """Corosync's rule for finding oneself in the node list: the host name, with or without its domain on either side."""
    return (
        declared == hostname or declared.split(".", maxsplit=1)[0].lower() == hostname.split(".", maxsplit=1)[0].lower()
    )
