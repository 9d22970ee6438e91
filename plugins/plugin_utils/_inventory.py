# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""From what `tandem status` and `tandem info` say to hosts, groups and variables. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.tandem.ha.plugins.module_utils import _health as health

# Always there, if empty: a play for `standby` must not fail where nobody is.
STATES = ("online", "offline", "standby", "maintenance", "unclean", "dc", "vip_holder")
_PROMOTED = ("Promoted", "Master")

Said = Mapping[str, Any]


class Host(NamedTuple):
    """One host: its name, the groups it is in, its variables."""

    name: str
    groups: tuple[str, ...]
    variables: dict[str, Any]


class Groups(NamedTuple):
    """What the groups are called that are not states."""

    controllers: str = "controllers"
    witness: str = "witness"
    prefix: str = ""


def hosts(status: Said, info: Said, link: int, names: Groups) -> Iterator[Host]:
    """The members, each with its state and what runs on it, then the witness if there is one."""
    links = _links(info)
    for node in health.members(status):
        name = str(node["id"])
        running = [one for one in status["resources"] if name in _places(status, one)]
        groups = [names.controllers, *(names.prefix + group for group in _groups(status, node, running))]
        variables: dict[str, Any] = {"tandem_node": dict(node), "tandem_resources": [_short(one) for one in running]}
        if 0 <= link < len(links.get(name, [])):
            variables["ansible_host"] = links[name][link]
        yield Host(name, tuple(dict.fromkeys(groups)), variables)
    witness = _witness(info)
    if witness:
        yield Host(witness, (names.witness,), {})


def groups(names: Groups) -> list[str]:
    """The groups that there are in any case."""
    return [names.controllers, names.witness, *(names.prefix + state for state in STATES)]


def everywhere(status: Said, info: Said) -> dict[str, Any]:
    """Variables of all hosts: the cluster as a whole."""
    return {
        "tandem_cluster": dict(status["cluster"]),
        "tandem_failures": list(status["failures"]),
        "tandem_bans": list(status["bans"]),
        "tandem_timing": dict((info.get("cluster") or {}).get("timing") or {}),
    }


def _groups(status: Said, node: Said, running: list[Said]) -> Iterator[str]:
    yield "online" if node["online"] else "offline"
    yield from (state for state in ("standby", "maintenance", "unclean", "dc") if node[state])
    addresses = health.virtual_addresses(status)
    if any(one["id"] in addresses for one in running):
        yield "vip_holder"
    for one in running:
        if one["role"] in _PROMOTED:
            yield f"{_word(one['agent'].split(':')[-1])}_promoted"


def _places(status: Said, resource: Said) -> list[str]:
    """The members on which a resource runs: what runs inside a container runs where the container's node does."""
    found = []
    for place in resource["nodes"]:
        found += [str(place)] if health.member(status, place) else health.where(status, place)
    return found


def _short(resource: Said) -> dict[str, Any]:
    return {key: resource[key] for key in ("id", "agent", "role", "managed", "failed")}


def _word(text: str) -> str:
    """As Ansible wants the names of groups."""
    return re.sub(r"\W", "_", text)


def _membership(info: Said) -> Said:
    found: Said = (info.get("cluster") or {}).get("cluster") or {}
    return found


def _links(info: Said) -> dict[str, list[str]]:
    return {str(node["name"]): list(node["links"]) for node in _membership(info).get("nodes") or []}


def _witness(info: Said) -> str:
    return str((_membership(info).get("qdevice") or {}).get("host") or "")
