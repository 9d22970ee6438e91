# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""Checks of what the inventory says: names, links, the witness, passwords. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_base import (
    NAME,
    NODE_NAME,
    Fault,
    Looks,
    Site,
    links_of,
    own_addresses,
    parse,
    shared,
)

MOST_LINKS = 8
SHORTEST_PASSWORD = 8


def names(site: Site, _looks: Looks) -> Iterator[Fault]:
    cluster = str(site.get("cluster") or "")
    if not NAME.match(cluster):
        message = (
            f"the cluster's name {cluster!r} must begin with a letter and hold only letters, digits, '_', '.' and '-': "
            "set cluster_name"
        )
        yield Fault("name.cluster", [], message)
    elif cluster == "debian":
        message = (
            "the cluster's name 'debian' is the one of the one-node cluster that Debian's packages start: "
            "set cluster_name to another one"
        )
        yield Fault("name.cluster", [], message)
    if not site["controllers"]:
        message = (
            "no controller is in the inventory: put at least one host into the group that tandem_controllers names"
        )
        yield Fault("site.empty", [], message)
    yield from _node_names(site)


def _node_names(site: Site) -> Iterator[Fault]:
    for node in site["controllers"]:
        name = str(node["node"])
        if not NODE_NAME.match(name):
            message = f"{name!r} is no node name: use letters, digits, '_', '.' and '-', beginning and ending with a letter or digit"
            yield Fault("name.node", [node["host"]], message)
    for name, holders in shared((str(node["node"]).lower(), node["host"]) for node in site["controllers"]):
        yield Fault(
            "name.node", holders, f"{' and '.join(holders)} have the same node name {name!r}: give each its own"
        )


def links(site: Site, looks: Looks) -> Iterator[Fault]:
    for node in site["controllers"]:
        given, host = links_of(node), node["host"]
        if not given:
            message = (
                f"{host} has no link address: the cluster does not know where to find it. Give it one in cluster_nodes"
            )
            yield Fault("link.none", [host], message)
        if len(given) > MOST_LINKS:
            yield Fault(
                "link.many", [host], f"{host} has {len(given)} links; Corosync knows at most {MOST_LINKS}: remove some"
            )
        for index, link in enumerate(given):
            yield from _link(host, index, link, looks)
    yield from _all_links(site)


def _link(host: str, index: int, link: str, looks: Looks) -> Iterator[Fault]:
    address = parse(link)
    if address is None:
        if not NODE_NAME.match(link):  # a host name is allowed; what it resolves to is the resolver's business
            message = f"{host}: link {index} is {link!r}, which is neither an address nor a host name: correct it in cluster_nodes"
            yield Fault("link.invalid", [host], message)
    elif address.is_loopback() or address.is_multicast() or (address.is_link_local() and address.version == 6):
        message = f"{host}: link {index} is {link}, which other hosts cannot reach: use an address of one of its network cards"
        yield Fault("link.invalid", [host], message)
    elif host in looks and looks[host].get("nics") and link not in own_addresses(looks[host]):
        there = ", ".join(sorted(own_addresses(looks[host]))) or "none"
        message = f"{host}: link {index} is {link}, but the host has only {there}: correct the inventory or configure the address"
        yield Fault("link.elsewhere", [host], message)


def _all_links(site: Site) -> Iterator[Fault]:
    counts = {node["host"]: len(links_of(node)) for node in site["controllers"]}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{host} {count}" for host, count in counts.items())
        message = f"the controllers have different numbers of links ({told}): every link needs an address on each"
        yield Fault("link.count", list(counts), message)
    for index in range(max(counts.values(), default=0)):
        given = {
            node["host"]: parse(links_of(node)[index]) for node in site["controllers"] if len(links_of(node)) > index
        }
        if len({address.version for address in given.values() if address is not None}) > 1:
            yield Fault(
                "link.family", list(given), f"link {index} mixes IPv4 and IPv6 addresses: use one family per link"
            )
    for link, holders in shared((link, node["host"]) for node in site["controllers"] for link in links_of(node)):
        yield Fault(
            "link.shared", holders, f"the address {link} is given to {' and '.join(holders)}: each link needs its own"
        )


def witness(site: Site, _looks: Looks) -> Iterator[Fault]:
    found = site.get("witness") or {}
    if not found:
        return
    host, address = str(found.get("host")), found.get("address")
    if not address:
        yield Fault(
            "witness.address", [host], f"the witness {host} has no address: set witness_address or ansible_host for it"
        )
    for node in site["controllers"]:
        if host == node["host"] or (address and address in links_of(node)):
            message = (
                f"{node['host']} is a controller and the witness: a witness must be a third host, "
                "or its vote falls together with the controller"
            )
            yield Fault("witness.controller", [node["host"]], message)


def passwords(site: Site, _looks: Looks) -> Iterator[Fault]:
    length = int(site.get("password_length") or 0)
    if length == 0:
        message = "no password for the user hacluster is given: set node_hacluster_password, from your vault"
        yield Fault("password.none", [], message)
    elif length < SHORTEST_PASSWORD:
        message = f"the password for the user hacluster has {length} characters: use at least {SHORTEST_PASSWORD}"
        yield Fault("password.short", [], message)
