# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab is: parsed, checked, frozen.  Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from . import el
from .errors import SpecError

KINDS = ("bmc", "esxi", "redfish")
"""Power controllers: IPMI over the network, an ESXi host over SSH, Redfish over HTTPS."""

DEBIAN = ("bookworm", "bullseye", "trixie")
SUITES = (*DEBIAN, *el.BASES)
"""Releases of Debian, and what is one only in the shape of another distribution."""
DEFAULT_NETWORKS = ({"name": "mgmt", "subnet": "10.42.0.0/24"}, {"name": "ring1", "subnet": "10.42.1.0/24"})
DEFAULT_PACKAGES = (
    "corosync",
    "corosync-qdevice",
    "corosync-qnetd",
    "fence-agents-ipmilan|fence-agents",
    "fence-agents-redfish|python3-requests",
    "ipmitool",
    "libxml2-utils",
    "nftables",
    "pacemaker",
    "pacemaker-cli-utils",
    "pcs",
    "resource-agents",
)
DEFAULT_SYSCTLS = {"net.ipv4.ip_nonlocal_bind": "1"}
DEFAULT_POST_DELAY = 25.0

_LAB_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")
_HOST_NAME = re.compile(r"(?=.{1,40}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
_NETWORK_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}$")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(\|[a-z0-9][a-z0-9+.-]+)*$")
_SYSCTL = re.compile(r"net\.[a-z0-9_.-]+$")
_IMAGE = re.compile(r"localhost/[a-z0-9][a-z0-9._/-]*:[A-Za-z0-9][A-Za-z0-9._-]*$")


@dataclass(frozen=True)
class Network:
    """One layer-2 segment; the control side has the first host address."""

    name: str
    subnet: IPv4Network

    @property
    def control(self) -> IPv4Address:
        return self.subnet[1]


@dataclass(frozen=True)
class Controller:
    """What switches a node's power from outside.  No password in either field: made when the lab is."""

    kind: str
    address: IPv4Address
    user: str = "tandem"
    password: Optional[str] = field(default=None, repr=False)
    password_file: Optional[str] = None
    machine: Optional[str] = None
    """What the node is called on its ESXi host, when it is not called like itself."""


@dataclass(frozen=True)
class Node:
    """One machine: the suite on its disk, an address per network it is cabled to."""

    name: str
    suite: str
    addresses: Mapping[str, IPv4Address]
    controllers: Mapping[str, Controller] = field(default_factory=dict)

    @property
    def bmc(self) -> Optional[Controller]:
        """The one that speaks IPMI."""
        return self.controllers.get("bmc")


@dataclass(frozen=True)
class Image:
    """A container image that the machine builds for the nodes, of packages that the build installs.

    `newer` is a later suite of which the build may take the files of `newer_packages`.
    """

    name: str
    context: Path
    suite: str
    base: str = ""
    packages: Tuple[str, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)
    newer: str = ""
    newer_packages: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Spec:
    """A whole lab.  ``networks[0]`` is where SSH and the control side are."""

    name: str
    networks: Tuple[Network, ...]
    nodes: Mapping[str, Node]
    post_delay: float = DEFAULT_POST_DELAY
    repository_packages: Tuple[str, ...] = DEFAULT_PACKAGES
    sysctls: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_SYSCTLS))
    images: Tuple[Image, ...] = ()

    def address(self, node: str) -> IPv4Address:
        """Where the node answers SSH."""
        return self.nodes[node].addresses[self.networks[0].name]

    def network_of(self, address: IPv4Address) -> Network:
        return next(network for network in self.networks if address in network.subnet)

    def suites(self) -> Tuple[str, ...]:
        return tuple(sorted({node.suite for node in self.nodes.values()}))

    def has_shapes(self) -> bool:
        """Whether a node has the shape of another distribution than Debian."""
        return any(el.is_shape(suite) for suite in self.suites())

    def image_packages(self) -> Mapping[str, Tuple[str, ...]]:
        """Per suite the packages that go into images."""
        wanted: Dict[str, Tuple[str, ...]] = {}
        for image in self.images:
            for suite, packages in ((image.suite, image.packages), (image.newer, image.newer_packages)):
                if suite:
                    wanted[suite] = tuple(sorted({*wanted.get(suite, ()), *packages}))
        return wanted


def parse(raw: Any) -> Spec:
    """Make a Spec of parsed JSON.  Raises SpecError with every fault found."""
    return _Parser().parse(raw)


def dump(spec: Spec) -> Dict[str, Any]:
    """The JSON form, without passwords: what a lab remembers of itself."""
    return {
        "name": spec.name,
        "networks": [{"name": network.name, "subnet": str(network.subnet)} for network in spec.networks],
        "nodes": {name: _dump_node(node) for name, node in spec.nodes.items()},
        "post_delay": spec.post_delay,
        "repository_packages": list(spec.repository_packages),
        "sysctls": dict(spec.sysctls),
        "images": [_dump_image(image) for image in spec.images],
    }


def _dump_image(image: Image) -> Dict[str, Any]:
    return {
        "name": image.name,
        "context": str(image.context),
        "suite": image.suite,
        "base": image.base,
        "packages": list(image.packages),
        "arguments": dict(image.arguments),
        "newer": image.newer,
        "newer_packages": list(image.newer_packages),
    }


def _dump_node(node: Node) -> Dict[str, Any]:
    raw: Dict[str, Any] = {
        "suite": node.suite,
        "addresses": {name: str(address) for name, address in node.addresses.items()},
    }
    for kind, controller in node.controllers.items():
        raw[kind] = {"address": str(controller.address), "user": controller.user}
        if controller.machine:
            raw[kind]["machine"] = controller.machine
    return raw


class _Parser:
    """Collects faults, each beginning with the path of the wrong value."""

    def __init__(self) -> None:
        self.faults: List[str] = []
        self.networks: List[Network] = []
        self.taken: Dict[IPv4Address, str] = {}

    def parse(self, raw: Any) -> Spec:
        known = ("name", "networks", "nodes", "post_delay", "repository_packages", "sysctls", "images")
        raw = self.mapping("", raw, known)
        name = self.text(
            "name", raw.get("name", "lab"), _LAB_NAME, "lower-case letters, digits and inner dashes, at most 32"
        )
        for index, item in enumerate(self.items("networks", raw.get("networks", list(DEFAULT_NETWORKS)))):
            self.network("networks[%d]" % index, item)
        if not self.networks:
            self.fault("networks", "at least one is needed")
        nodes = self.nodes(raw.get("nodes"))
        spec = Spec(
            name=name,
            networks=tuple(self.networks),
            nodes=nodes,
            post_delay=self.seconds("post_delay", raw.get("post_delay", DEFAULT_POST_DELAY)),
            repository_packages=self.packages(raw.get("repository_packages", list(DEFAULT_PACKAGES))),
            sysctls=self.sysctls(raw.get("sysctls", DEFAULT_SYSCTLS)),
            images=tuple(
                self.image("images[%d]" % index, item)
                for index, item in enumerate(self.items("images", raw.get("images", [])))
            ),
        )
        if self.faults:
            raise SpecError(self.faults)
        return spec

    def network(self, path: str, raw: Any) -> None:
        raw = self.mapping(path, raw, ("name", "subnet"))
        name = self.text(path + ".name", raw.get("name"), _NETWORK_NAME, "a lower-case word of at most 31 characters")
        try:
            subnet = IPv4Network(raw.get("subnet"))
        except (ValueError, TypeError) as error:
            self.fault(path + ".subnet", "not an IPv4 subnet: %s" % error)
            return
        if not 8 <= subnet.prefixlen <= 29:
            self.fault(path + ".subnet", "%s is too large or too small: give a prefix from /8 to /29" % subnet)
            return
        for other in self.networks:
            if other.name == name:
                self.fault(path + ".name", "%s is already the name of another network" % name)
            if other.subnet.overlaps(subnet):
                self.fault(path + ".subnet", "%s overlaps %s of %s" % (subnet, other.subnet, other.name))
        self.networks.append(Network(name, subnet))

    def nodes(self, raw: Any) -> Dict[str, Node]:
        if not isinstance(raw, dict) or not raw:
            self.fault("nodes", "at least one node is needed, as a map from its name to its description")
            return {}
        for network in self.networks:
            self.taken[network.control] = "the control side of " + network.name
        return {name: self.node(name, item) for name, item in raw.items()}

    def node(self, name: str, raw: Any) -> Node:
        path = "nodes." + str(name)
        self.text(path, name, _HOST_NAME, "a host name: lower-case letters, digits, inner dashes and dots, at most 40")
        raw = self.mapping(path, raw, ("suite", "addresses", *KINDS))
        suite = self.suite(path + ".suite", raw.get("suite", SUITES[0]))
        addresses = self.addresses(path, raw.get("addresses"))
        found = [self.controller("%s.%s" % (path, kind), raw[kind], kind) for kind in KINDS if raw.get(kind)]
        return Node(str(name), suite, addresses, {controller.kind: controller for controller in found})

    def suite(self, path: str, raw: Any, known: Tuple[str, ...] = SUITES) -> str:
        if raw not in known:
            self.fault(path, "unknown suite %r: use one of %s" % (raw, ", ".join(known)))
        return str(raw)

    def addresses(self, path: str, raw: Any) -> Dict[str, IPv4Address]:
        owner, path = path[len("nodes.") :], path + ".addresses"
        if not isinstance(raw, dict):
            self.fault(path, "a map from network to address is needed")
            return {}
        by_name = {network.name: network for network in self.networks}
        found = {}
        for name, value in raw.items():
            if name not in by_name:
                self.fault("%s.%s" % (path, name), "no such network: there is %s" % (", ".join(by_name) or "none"))
                continue
            address = self.address("%s.%s" % (path, name), value, (by_name[name],), owner)
            if address:
                found[name] = address
        if self.networks and self.networks[0].name not in raw:
            self.fault(path, "an address in %s is needed: SSH uses the first network" % self.networks[0].name)
        return found

    def controller(self, path: str, raw: Any, kind: str) -> Controller:
        known = ("address", "user", "password", "password_file") + (("machine",) if kind == "esxi" else ())
        raw = self.mapping(path, raw, known)
        address = self.address(path + ".address", raw.get("address"), tuple(self.networks), path[len("nodes.") :])
        user, password = raw.get("user", "tandem"), raw.get("password")
        machine = raw.get("machine")
        if machine is not None and (not isinstance(machine, str) or not machine or "\n" in machine):
            self.fault(path + ".machine", "%r is not a name" % (machine,))
        # IPMI 2.0's own limits, which are enough for the others: 16 bytes of user name, 20 of password.
        if not isinstance(user, str) or not 1 <= len(user.encode()) <= 16:
            self.fault(path + ".user", "1 to 16 characters are needed")
        if password is not None and (not isinstance(password, str) or not 1 <= len(password.encode()) <= 20):
            self.fault(path + ".password", "1 to 20 characters are needed")
        if password is not None and raw.get("password_file") is not None:
            self.fault(path, "password and password_file exclude each other")
        return Controller(kind, address or IPv4Address(0), str(user), password, raw.get("password_file"), machine)

    def address(self, path: str, value: Any, networks: Tuple[Network, ...], owner: str) -> Optional[IPv4Address]:
        try:
            address = ipaddress.IPv4Address(value)
        except ValueError as error:
            self.fault(path, "not an IPv4 address: %s" % error)
            return None
        home = next((network for network in networks if address in network.subnet), None)
        if home is None:
            where = " or ".join("%s (%s)" % (network.subnet, network.name) for network in networks)
            self.fault(path, "%s is outside %s" % (address, where or "every network"))
            return None
        if address in (home.subnet.network_address, home.subnet.broadcast_address):
            self.fault(path, "%s is the network's own or broadcast address" % address)
        if address in self.taken:
            self.fault(path, "%s is already the address of %s" % (address, self.taken[address]))
        self.taken[address] = owner
        return address

    def image(self, path: str, raw: Any) -> Image:
        known = ("name", "context", "suite", "base", "packages", "arguments", "newer", "newer_packages")
        raw = self.mapping(path, raw, known)
        name = self.text(
            path + ".name", raw.get("name"), _IMAGE, "a name like localhost/NAME:TAG in lower-case letters"
        )
        context = Path(str(raw.get("context")))
        if not context.is_absolute():
            self.fault(path + ".context", "%r is not the absolute path of a directory" % str(context))
        return Image(
            name=name,
            context=context,
            suite=self.suite(path + ".suite", raw.get("suite", SUITES[0]), DEBIAN),
            base=self.text(path + ".base", raw["base"], _IMAGE, "a name like localhost/NAME:TAG")
            if raw.get("base")
            else "",
            packages=self.packages(raw.get("packages") or [], path + ".packages"),
            arguments={str(key): str(value) for key, value in dict(raw.get("arguments") or {}).items()},
            newer=self.suite(path + ".newer", raw["newer"], DEBIAN) if raw.get("newer") else "",
            newer_packages=self.packages(raw.get("newer_packages") or [], path + ".newer_packages"),
        )

    def packages(self, raw: Any, path: str = "repository_packages") -> Tuple[str, ...]:
        packages = self.items(path, raw)
        for index, package in enumerate(packages):
            self.text(
                "%s[%d]" % (path, index),
                package,
                _PACKAGE,
                "the name of a Debian package, or alternatives with | between them",
            )
        return tuple(sorted({str(package) for package in packages}))

    def sysctls(self, raw: Any) -> Dict[str, str]:
        if not isinstance(raw, dict):
            self.fault("sysctls", "a map from name to value is needed")
            return {}
        for name in raw:
            # Anything else is the machine's, not the node's: only the network part is per namespace.
            self.text("sysctls." + str(name), name, _SYSCTL, "a name that begins with net.")
        return {str(name): str(value) for name, value in raw.items()}

    def seconds(self, path: str, raw: Any) -> float:
        try:
            value = float(raw)
        except (TypeError, ValueError):
            value = -1.0
        if not 0 <= value <= 3600:
            self.fault(path, "%r is not a number of seconds from 0 to 3600" % (raw,))
        return value

    def text(self, path: str, raw: Any, pattern: re.Pattern[str], meaning: str) -> str:
        if not isinstance(raw, str) or not pattern.match(raw):
            self.fault(path, "%r is not %s" % (raw, meaning))
        return str(raw)

    def mapping(self, path: str, raw: Any, known: Tuple[str, ...]) -> Dict[str, Any]:
        if not isinstance(raw, dict):
            self.fault(path or "spec", "a map is needed, not %s" % type(raw).__name__)
            return {}
        for key in raw:
            if key not in known:
                self.fault(("%s.%s" % (path, key)).lstrip("."), "unknown; known are %s" % ", ".join(known))
        return raw

    def items(self, path: str, raw: Any) -> List[Any]:
        if not isinstance(raw, list):
            self.fault(path, "a list is needed")
            return []
        return raw

    def fault(self, path: str, message: str) -> None:
        self.faults.append("%s: %s" % (path, message))
