# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""Checks of what the hosts said of themselves: rights, Python, releases, clocks, other clusters. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_base import (
    Fault,
    Look,
    Looks,
    Site,
    absent,
    cards,
    links_of,
    shared,
)

MODULE_PYTHON = (3, 6)  # what the modules run with
AGENT_PYTHON = (3, 8)  # what the agent runs with


def hosts(_site: Site, looks: Looks) -> Iterator[Fault]:
    for host, look in sorted(looks.items()):
        if not look.get("root", True):
            yield Fault("host.root", [host], f"{host}: root's rights are needed: set `become: true` or log in as root")
    macs = (
        (card["mac"], host) for host, look in looks.items() for card in cards(look).values() if card.get("addresses")
    )
    for mac, holders in shared(macs):
        if len(set(holders)) > 1:  # the cards of one bond share theirs
            told = " and ".join(sorted(set(holders)))
            message = (
                f"{told} have a network card with the same MAC {mac}: they are one machine under two names, or clones"
            )
            yield Fault("host.same", sorted(set(holders)), message)


def pythons(site: Site, looks: Looks) -> Iterator[Fault]:
    controllers = {node["host"] for node in site["controllers"]}
    for host, look in sorted(looks.items()):
        needed, what = (AGENT_PYTHON, "the agent") if host in controllers else (MODULE_PYTHON, "Ansible's modules")
        if tuple(look["python"][:2]) < needed:
            has, wants = _dotted(look["python"]), _dotted(needed)
            message = f"{host} has Python {has}, but {what} needs {wants}: install a newer one and name it in ansible_python_interpreter"
            yield Fault("host.python", [host], message)


def _dotted(version: Any) -> str:
    return ".".join(str(part) for part in version)


def distributions(site: Site, looks: Looks) -> Iterator[Fault]:
    found = {node["host"]: _release(looks[node["host"]]) for node in site["controllers"] if node["host"] in looks}
    if len(set(found.values())) > 1:
        told = ", ".join(f"{host} {name} {version}".rstrip() for host, (name, version) in found.items())
        message = (
            f"the controllers run different releases ({told}): a pair must run the same one; "
            "during an upgrade, accept it with preflight_skip: [host.release]"
        )
        yield Fault("host.release", list(found), message)


def _release(look: Look) -> tuple[str, str]:
    return look["os"]["id"], look["os"]["version"].split(".")[0]


def clusters(site: Site, looks: Looks) -> Iterator[Fault]:
    """A host that is in another cluster; and a new cluster that cannot be formed because a controller is missing."""
    present = [node for node in site["controllers"] if node["host"] in looks]
    formed = False
    for node in present:
        found = looks[node["host"]].get("cluster")
        if not found or _pristine(found):
            continue
        if _same_cluster(found, site):
            formed = True
        else:
            message = (
                f"{node['host']} belongs to another cluster, {_told(found)}: nothing is taken over. "
                "Remove it there first, or correct the inventory"
            )
            yield Fault("cluster.foreign", [node["host"]], message)
    missing = absent(site, looks)
    if missing and present and not formed:
        message = f"{', '.join(missing)} did not answer, and there is no cluster yet: to form one, all controllers must be reachable"
        yield Fault("cluster.incomplete", missing, message)


def _told(found: Mapping[str, Any]) -> str:
    nodes = [str(node["name"] or " ".join(node["links"])) for node in found["nodes"]]
    return f"{found['name'] or 'without a name'} ({', '.join(nodes) or 'no nodes'})"


def _pristine(found: Mapping[str, Any]) -> bool:
    """The one-node cluster that Debian's packages start when they are installed."""
    nodes = [(node["name"], node["links"]) for node in found["nodes"]]
    return found["name"] == "debian" and nodes == [("node1", ["127.0.0.1"])]


def _same_cluster(found: Mapping[str, Any], site: Site) -> bool:
    known = {str(node["node"]) for node in site["controllers"]} | {
        link for node in site["controllers"] for link in links_of(node)
    }
    there = {node["name"] for node in found["nodes"]} | {link for node in found["nodes"] for link in node["links"]}
    return found["name"] == site.get("cluster") and bool(known & there)


def skewed_clocks(looks: Looks, most: float) -> Iterator[Fault]:
    """Two clocks that certainly differ by more than `most` seconds.

    `offset` holds the least and the greatest number of seconds by which a host's clock may be ahead of the control node's.
    """
    known = [(host, look["offset"]) for host, look in sorted(looks.items()) if look.get("offset")]
    for (one, first), (other, second) in combinations(known, 2):
        apart = max(first[0] - second[1], second[0] - first[1])
        if apart > most:
            message = (
                f"the clocks of {one} and {other} are at least {apart:.1f} s apart, {most:g} are allowed: "
                "set up time synchronisation (chrony)"
            )
            yield Fault("host.clock", [one, other], message)
