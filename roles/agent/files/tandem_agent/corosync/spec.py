# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster is to be: the `cluster` parameter, read and checked. All faults are found, not the first."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Tuple

from ..model.fields import Fields
from ..model.values import whole
from . import timing
from .options import DEVICE, HEURISTICS, LINK, NET, QUORUM, TOTEM, Rule, nearest

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}))*\Z")
MOST_LINKS, HIGHEST_ID = 8, 0xFFFFFFFF
CIPHERS = ("aes256", "aes192", "aes128", "none")
HASHES = ("sha256", "sha384", "sha512", "sha1", "md5", "none")

Values = Optional[Dict[str, Optional[str]]]
"""A map of options: None leaves the file as it is, otherwise known options not in it are removed (as are those that are None)."""


@dataclass(frozen=True)
class Node:
    """One declared member. `id` is None when it is to be kept, or chosen for a new one."""

    name: str
    id: Optional[int]
    links: Tuple[str, ...]


@dataclass(frozen=True)
class Crypto:
    """Encryption and authentication of the traffic between members."""

    cipher: str = "aes256"
    hash: str = "sha256"
    model: Optional[str] = None


@dataclass(frozen=True)
class QDevice:
    """The quorum device: options of `quorum.device`, its `net` part and its heuristics, as written."""

    device: Dict[str, Optional[str]]
    net: Dict[str, Optional[str]]
    heuristics: Values

    @property
    def tls(self) -> bool:
        """Whether the client needs certificates."""
        return self.net.get("tls", "on") != "off"


@dataclass(frozen=True)
class Spec:
    """A whole cluster. `manage_qdevice` is False when the request does not mention a quorum device at all."""

    name: str
    nodes: Tuple[Node, ...] = ()
    transport: str = "knet"
    crypto: Crypto = field(default_factory=Crypto)
    totem: Values = None
    links: Optional[Dict[int, Dict[str, Optional[str]]]] = None
    quorum: Values = None
    qdevice: Optional[QDevice] = None
    manage_qdevice: bool = False
    profile: Optional[str] = None
    fencing: timing.Fencing = field(default_factory=timing.Fencing)

    def names(self) -> List[str]:
        """The declared members' names."""
        return [node.name for node in self.nodes]


def read_spec(fields: Fields, members: bool = True) -> Spec:
    """The `cluster` parameter. Faults go to `fields.faults`; without `members` only the name is needed."""
    name = fields.text("name", required=True)
    if name and not NAME.match(name):
        fields.fault("name", f"{name!r} is no cluster name: letters, digits, _ . and - only, at most 128 characters")
    transport = fields.choice("transport", ("knet", "udpu", "udp"), "knet")
    spec = Spec(
        name=name,
        nodes=_nodes(fields, transport, members),
        transport=transport,
        crypto=_crypto(fields.object("crypto"), transport),
        totem=_options(fields, "totem", TOTEM),
        links=_links(fields, transport),
        quorum=_options(fields, "quorum", QUORUM),
        qdevice=_qdevice(fields),
        manage_qdevice=fields.has("qdevice"),
        profile=fields.choice("timing", tuple(timing.PROFILES), "") or None,
        fencing=_fencing(fields.object("fencing")),
    )
    _together(spec, fields)
    fields.finish()
    return spec


def _nodes(fields: Fields, transport: str, needed: bool) -> Tuple[Node, ...]:
    nodes = tuple(_node(item) for item in fields.objects("nodes"))
    if needed and not nodes:
        fields.fault("nodes", "is required: list every member, reachable or not")
    most = MOST_LINKS if transport == "knet" else 1
    seen: Dict[str, str] = {}
    for index, node in enumerate(nodes):
        where = f"nodes[{index}]"
        _unique(fields, seen, "name " + node.name.lower(), f"{where}.name", f"{node.name!r} is the name of two members")
        if node.id is not None:
            _unique(fields, seen, f"id {node.id}", f"{where}.id", f"{node.id} is the id of two members")
        if not 1 <= len(node.links) <= most:
            fields.fault(f"{where}.links", f"has {len(node.links)} addresses; {transport} needs 1 to {most}")
        elif len(node.links) != len(nodes[0].links):
            other = f"{nodes[0].name} has {len(nodes[0].links)}"
            fields.fault(
                f"{where}.links", f"has {len(node.links)} addresses, {other}; every member needs one for each link"
            )
        for link, address in enumerate(node.links):
            _unique(fields, seen, "address " + address.lower(), f"{where}.links[{link}]", f"{address} is used twice")
    _families(fields, nodes)
    return nodes


def _unique(fields: Fields, seen: Dict[str, str], what: str, where: str, message: str) -> None:
    if what in seen:
        fields.fault(where, f"{message}, see {seen[what]}")
    seen.setdefault(what, fields.at(where))


def _families(fields: Fields, nodes: Tuple[Node, ...]) -> None:
    """Corosync allows IPv4 and IPv6 side by side, but not within one link."""
    for link in range(MOST_LINKS):
        versions = {
            version for node in nodes if link < len(node.links) for version in [_version(node.links[link])] if version
        }
        if len(versions) > 1:
            fields.fault("nodes", f"link {link} mixes IPv4 and IPv6; one link has one family on all members")


def _version(address: str) -> Optional[int]:
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return None


def _node(item: Fields) -> Node:
    name = item.text("name", required=True)
    if name and not NAME.match(name):
        item.fault("name", f"{name!r} is no node name: letters, digits, _ . and - only, at most 128 characters")
    number = item.optional_text("id")
    if number is not None and not (re.match(r"[0-9]{1,10}\Z", number) and 1 <= int(number) <= HIGHEST_ID):
        item.fault("id", f"{number!r} is no node id: a whole number from 1 to {HIGHEST_ID}")
        number = None
    links = item.texts("links")
    for index, address in enumerate(links):
        wrong = _address_fault(address)
        if wrong:
            item.fault(f"links[{index}]", wrong)
    item.finish()
    return Node(name, None if number is None else int(number), tuple(links))


def _address_fault(address: str) -> Optional[str]:
    """Why `address` can't be a link's address; None when it is an IP address or could be a host name."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        numeric = re.match(r"[0-9.]+\Z", address) or ":" in address
        return f"{address!r} is neither an IP address nor a host name" if numeric or not HOST.match(address) else None
    if ip.is_unspecified or ip.is_multicast or ip.is_loopback or ip.is_link_local or str(ip) == "255.255.255.255":
        return f"{address} can't be reached by other members"
    return None


def _crypto(fields: Fields, transport: str) -> Crypto:
    standard = Crypto() if transport == "knet" else Crypto("none", "none")
    crypto = Crypto(
        fields.choice("cipher", CIPHERS, standard.cipher), fields.choice("hash", HASHES, standard.hash),
        fields.choice("model", ("nss", "openssl", "gcrypt"), "") or None,
    )  # fmt: skip
    if crypto.cipher != "none" and crypto.hash == "none":
        fields.fault("hash", f"must not be none while cipher is {crypto.cipher}")
    if transport != "knet" and (crypto.cipher, crypto.hash) != ("none", "none"):
        fields.fault("cipher", f"{transport} can't encrypt; use transport knet, or cipher none and hash none")
    fields.finish()
    return crypto


def _options(fields: Fields, key: str, rules: Mapping[str, Rule]) -> Values:
    values = fields.mapping(key)
    for name, value in (values or {}).items():
        rule = rules.get(name)
        if rule is None:
            fields.fault(
                f"{key}.{name}",
                "is not known to corosync.conf(5), or has an option of its own here" + nearest(name, list(rules)),
            )
        elif value is not None:
            written = values[name] = _written(rule, value)  # type: ignore[index]
            _check(fields, f"{key}.{name}", rule, written)
    return values


def _written(rule: Rule, value: str) -> str:
    """A boolean as this option spells it: YAML and JSON turn `yes` into true."""
    for pair in (("yes", "no"), ("on", "off"), ("1", "0")):
        if set(pair) <= set(rule.choices) and value in ("true", "false"):
            return pair[value == "false"]
    return value


def _check(fields: Fields, path: str, rule: Rule, value: str) -> None:
    wrong = rule.fault(value)
    if wrong:
        fields.fault(path, wrong)


def _links(fields: Fields, transport: str) -> Optional[Dict[int, Dict[str, Optional[str]]]]:
    if fields.raw("links") is None:
        return None
    links: Dict[int, Dict[str, Optional[str]]] = {}
    for item in fields.objects("links"):
        number = item.text("number", required=True)
        options = {name: item.optional_text(name) for name in LINK if item.has(name)}
        for name, value in options.items():
            if value is not None:
                _check(item, name, LINK[name], value)
        if transport != "knet" and any(name.startswith("knet_") for name in options):
            item.fault("", f"has knet options, but the transport is {transport}")
        item.finish()
        if not re.match(r"[0-7]\Z", number):
            item.fault("number", f"{number!r} is no link number: 0 to {MOST_LINKS - 1}")
        elif int(number) in links:
            item.fault("number", f"link {number} is described twice")
        else:
            links[int(number)] = options
    return links


def _qdevice(fields: Fields) -> Optional[QDevice]:
    if fields.raw("qdevice") is None:
        return None
    part = fields.object("qdevice")
    part.choice("model", ("net",), "net")
    device = {name: part.optional_text(name) for name in DEVICE if part.has(name)}
    net = {name: part.optional_text(name) for name in NET if part.has(name)}
    for rules, values in ((DEVICE, device), (NET, net)):
        for name, value in values.items():
            if value is not None:
                written = values[name] = _written(rules[name], value)
                _check(part, name, rules[name], written)
    host = net.get("host")
    if not host:
        part.fault("host", "is required: the address of the witness, where corosync-qnetd runs")
    elif _address_fault(host):
        part.fault("host", _address_fault(host) or "")
    if not re.match(r"(lowest|highest|[0-9]{1,10})\Z", net.get("tie_breaker") or "lowest"):
        part.fault("tie_breaker", f"{net['tie_breaker']!r} is not allowed; choose lowest, highest or a node id")
    net.setdefault("algorithm", "ffsplit")
    heuristics = _heuristics(part)
    part.finish()
    return QDevice(device, net, heuristics)


def _heuristics(part: Fields) -> Values:
    values = part.mapping("heuristics")
    for name, value in (values or {}).items():
        program = Rule() if re.match(r"exec_[A-Za-z0-9_-]{1,100}\Z", name) else None
        rule = HEURISTICS.get(name, program)
        if rule is None:
            part.fault(f"heuristics.{name}", "is unknown" + nearest(name, [*HEURISTICS, "exec_NAME"]))
        elif value is not None:
            written = values[name] = _written(rule, value)  # type: ignore[index]
            _check(part, f"heuristics.{name}", rule, written)
    return values


def _fencing(fields: Fields) -> timing.Fencing:
    fencing = timing.Fencing(
        fields.number("power_wait", 2.0, 0, 600),
        fields.number("delay", 0.0, 0, 600),
        fields.choice("action", ("reboot", "off"), "reboot"),
    )
    fields.finish()
    return fencing


def _together(spec: Spec, fields: Fields) -> None:
    """What is right by itself and wrong in company."""
    quorum = {name: value for name, value in (spec.quorum or {}).items() if value not in (None, "0")}
    if spec.qdevice is not None:
        for name in ("two_node", "last_man_standing", "auto_tie_breaker", "allow_downscale"):
            if name in quorum:
                fields.fault(f"quorum.{name}", "can't be used together with a quorum device")
    if "two_node" in quorum and len(spec.nodes) != 2:
        fields.fault("quorum.two_node", f"is for two members, {len(spec.nodes)} are declared")
    if "two_node" in quorum and "auto_tie_breaker" in quorum:
        fields.fault("quorum.auto_tie_breaker", "can't be used together with two_node")
    for number in spec.links or {}:
        if spec.nodes and number >= len(spec.nodes[0].links):
            fields.fault("links", f"describes link {number}, but the members have {len(spec.nodes[0].links)} addresses")
    _consensus(spec, fields)


def _consensus(spec: Spec, fields: Fields) -> None:
    numbers = {name: whole(value) for name, value in (spec.totem or {}).items()}
    values = {name: value for name, value in numbers.items() if value is not None}
    if "consensus" not in values:
        return
    profile = timing.PROFILES.get(spec.profile or "", timing.Profile(timing.TOKEN))
    token, consensus, join = values.get("token", profile.token), values["consensus"], values.get("join", timing.JOIN)
    coefficient = values.get("token_coefficient", timing.COEFFICIENT)
    real = timing.Totem(token, consensus, coefficient, nodes=len(spec.nodes)).effective_token
    if len(spec.nodes) > 2 and consensus < real:
        fields.fault(
            "totem.consensus", f"{consensus} is below the token timeout, which is {real} with {len(spec.nodes)} members"
        )
    elif consensus < join:
        fields.fault("totem.consensus", f"{consensus} is below join, which is {join}")
