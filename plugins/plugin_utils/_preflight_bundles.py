# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""Checks of what services in bundles need of a host: ports, images, room on disks. Pure.

A service says what it needs: its `ports`, each with `port`, `addresses` and the `option` that sets it, its `image`, and `room`,
a list of directories with the `bytes` that must be free. An address is one that a controller has, or will have, or `node` for a
controller's own first one, or `any`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_base import Fault, Looks, Site, links_of

Need = Mapping[str, Any]

# What the cluster itself listens to on every controller.
OF_THE_CLUSTER = {2224: "pcsd"}
ANY = ("any", "0.0.0.0", "::", "*")  # noqa: S104 - compared, not listened to
MIB = 1 << 20


class Port(NamedTuple):
    """A port that a service listens on, on one controller."""

    service: str
    bundle: str
    address: str
    port: int
    option: str


def bundles(site: Site, looks: Looks) -> Iterator[Fault]:
    needs = [need for need in site.get("services") or [] if need]
    yield from _ports(needs, site)
    yield from _taken(needs, site, looks)
    yield from _images(needs, site, looks)
    yield from _room(needs, site, looks)
    yield from _questions(needs)


def wanted_ports(needs: list[Need], node: Mapping[str, Any]) -> list[Port]:
    """Every port of the services as one controller will listen to it."""
    first = next(iter(links_of(node)), "any")
    return [
        Port(
            str(need["service"]),
            str(need["bundle"]),
            first if str(address) == "node" else str(address),
            int(one["port"]),
            str(one["option"]),
        )
        for need in needs
        for one in need.get("ports") or []
        for address in one["addresses"]
    ]


def _meet(one: str, other: str) -> bool:
    return one == other or one in ANY or other in ANY


def _ports(needs: list[Need], site: Site) -> Iterator[Fault]:
    """Two services, or a service and the cluster, in one place."""
    told = set()
    for node in site["controllers"]:
        ports = wanted_ports(needs, node)
        for one, other in combinations(ports, 2):
            if one.port == other.port and _meet(one.address, other.address):
                told.add(
                    f"port {one.port} is wanted by {one.service} ({one.option}) and by {other.service} ({other.option}): "
                    "on one host each needs its own; change one of the two"
                )
        for one in ports:
            if one.port in OF_THE_CLUSTER:
                told.add(
                    f"port {one.port} is wanted by {one.service} ({one.option}), but it is that of {OF_THE_CLUSTER[one.port]}: "
                    f"choose another"
                )
    for message in sorted(told):
        yield Fault("service.port", [], message)


def _taken(needs: list[Need], site: Site, looks: Looks) -> Iterator[Fault]:
    """A port that somebody else on the host listens to already."""
    for node in site["controllers"]:
        told = {}
        for seen in looks.get(node["host"], {}).get("listeners") or []:
            for one in wanted_ports(needs, node):
                if seen["port"] == one.port and _meet(seen["address"], one.address) and not _own(seen, one.bundle):
                    who = f"the container {seen['container']}" if seen["container"] else seen["process"] or "somebody"
                    told[(one.port, one.option)] = (
                        f"{node['host']}: {who} listens on port {one.port} already, which {one.service} needs ({one.option}): "
                        "stop and disable it there, or choose another port"
                    )
        for message in told.values():
            yield Fault("service.port", [node["host"]], message)


def _own(seen: Mapping[str, Any], bundle: str) -> bool:
    return re.match(re.escape(bundle) + r"-(podman|docker)-\d+\Z", seen["container"] or "") is not None


def _images(needs: list[Need], site: Site, looks: Looks) -> Iterator[Fault]:
    """An image that nothing brings, or that cannot be brought from where it is said to be."""
    brought = {str(entry.get("name")): entry for entry in site.get("images") or []}
    for need in needs:
        image = str(need["image"])
        entry = brought.get(image)
        if entry is None:
            lacking = [node["host"] for node in site["controllers"] if _lacks(looks, node["host"], image)]
            if lacking:
                message = (
                    f"{', '.join(lacking)}: there is no image {image}, which {need['service']} runs, and image_images has no entry of "
                    "that name: add one, or bring the image"
                )
                yield Fault("service.image", lacking, message)
            continue
        for node in site["controllers"]:
            yield from _origin(image, entry, node["host"], looks)


def _lacks(looks: Looks, host: str, image: str) -> bool:
    """Whether a host that was asked does not have an image; without an engine it has none."""
    return host in looks and image not in (looks[host].get("images") or [])


def _origin(image: str, entry: Mapping[str, Any], host: str, looks: Looks) -> Iterator[Fault]:
    source, archive = entry.get("source"), entry.get("archive")
    # An engine that is not there yet knows nothing of the images that the host may have.
    engine = looks.get(host, {}).get("images") is not None
    if source and entry.get("pull") == "never" and engine and _lacks(looks, host, str(source)):
        message = f"image_images: {host} has no image {source}, of which {image} is made, and pull is never: bring it, or say missing"
        yield Fault("service.image", [host], message)
    if archive and host in looks and str(archive) not in (looks[host].get("files") or []):
        yield Fault(
            "service.image", [host], f"image_images: {host} has no file {archive}, of which {image} is loaded: bring it"
        )


def _room(needs: list[Need], site: Site, looks: Looks) -> Iterator[Fault]:
    for node in site["controllers"]:
        found = {one["path"]: one for one in looks.get(node["host"], {}).get("room") or []}
        for need in needs:
            for one in need.get("room") or []:
                seen = found.get(str(one["path"]))
                wanted = int(one["bytes"])
                if seen is None or not seen["empty"] or seen["free"] >= wanted:
                    continue
                message = (
                    f"{node['host']}: {one['path']} has room for {seen['free'] // MIB} MiB, but a new {need['service']} needs "
                    f"{wanted // MIB} MiB ({one['option']}): give it a larger disk"
                )
                yield Fault("service.room", [node["host"]], message)


def _questions(needs: list[Need]) -> Iterator[Fault]:
    """A check that logs in as a user whom the database does not know."""
    known = {str(need["check_user"]) for need in needs if need.get("check_user") is not None}
    for need in needs:
        for user in sorted({str(one) for one in need.get("check_users") or []} - known) if known else []:
            message = (
                f"{need['service']} asks the database as the user {user!r}, which it does not know (galera_check_user is "
                f"{', '.join(sorted(known)) or 'empty'}): it would count every member as dead; use one name in both"
            )
            yield Fault("service.check", [], message)
