# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""What all preflight checks share: what a fault is, and how addresses and doubles are recognised. Pure.

A `site` is what `ha_preflight` documents as its option; `looks` maps inventory names to what the module returned
there, and lacks the hosts that could not be asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

try:
    from netaddr import AddrFormatError, IPAddress, IPNetwork
except ImportError:  # the action says so, with the remedy
    IPAddress = IPNetwork = None
    AddrFormatError = ValueError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}\Z")
NODE_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,253}[A-Za-z0-9])?\Z")

Site = Mapping[str, Any]
Look = Mapping[str, Any]
Looks = Mapping[str, Look]


class Fault(NamedTuple):
    """One thing that is wrong: a word for programs, the hosts it concerns, a sentence that ends with the remedy."""

    code: str
    hosts: list[str]
    message: str


Check = Callable[[Site, Looks], Iterator[Fault]]


def have_netaddr() -> bool:
    return IPAddress is not None


def absent(site: Site, looks: Looks) -> list[str]:
    """Controllers that did not answer, or that this run does not include."""
    return [node["host"] for node in site["controllers"] if node["host"] not in looks]


def links_of(node: Mapping[str, Any]) -> list[str]:
    return [str(link) for link in node.get("links") or []]


def shared(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Values that more than one holder has."""
    holders: dict[str, list[str]] = {}
    for value, holder in pairs:
        holders.setdefault(value, []).append(holder)
    return ((value, found) for value, found in holders.items() if len(found) > 1)


def cards(look: Look) -> dict[str, Mapping[str, Any]]:
    """A host's network cards but the loopback."""
    return {name: card for name, card in look.get("nics", {}).items() if name != "lo"}


def own_addresses(look: Look) -> set[str]:
    return {item.split("/")[0] for card in cards(look).values() for item in card["addresses"]}


def parse(text: str) -> Any:
    """An address, or None."""
    try:
        return IPAddress(text)
    except (AddrFormatError, ValueError, TypeError):
        return None


def parse_network(text: str) -> Any:
    """An address with its prefix length, or None; a bare address has no prefix and is refused."""
    if "/" not in text:
        return None
    try:
        return IPNetwork(text)
    except (AddrFormatError, ValueError, TypeError):
        return None


def networks_of(card: Mapping[str, Any]) -> list[Any]:
    return [network for item in card["addresses"] for network in [parse_network(item)] if network is not None]
