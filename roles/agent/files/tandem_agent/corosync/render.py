# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree as corosync.conf again, and as the flat keys under which Corosync holds it at run time."""

from __future__ import annotations

from typing import Dict, Iterator, List

from .parse import Section


def render(tree: Section) -> str:
    """The file's text; what was not changed comes out letter by letter as it was read."""
    return "\n".join(_lines(tree))


def _lines(section: Section) -> Iterator[str]:
    for item in section.items:
        if isinstance(item, Section):
            yield item.opening
            yield from _lines(item)
            yield item.closing
        else:
            yield item.line


def flat(tree: Section) -> Dict[str, str]:
    """`totem`, `quorum` and `nodelist` under the names that `corosync-cmapctl` prints.

    Nodes are numbered by position, interfaces by their link number, which is not kept apart; everything else by its path.
    """
    keys: Dict[str, str] = {}
    for name in ("totem", "quorum"):
        for section in tree.sections(name):
            _flatten(section, name, keys)
    position = 0
    for nodelist in tree.sections("nodelist"):
        for node in nodelist.sections("node"):
            _flatten(node, f"nodelist.node.{position}", keys)
            position += 1
    return keys


def _flatten(section: Section, prefix: str, keys: Dict[str, str]) -> None:
    for option in section.options():
        if section.name != "interface" or option.key not in ("linknumber", "ringnumber"):
            keys[f"{prefix}.{option.key}"] = option.value
    for child in section.sections():
        path = f"{prefix}.{child.name}"
        if path == "totem.interface":
            path += "." + (child.get("linknumber") or child.get("ringnumber") or "0")
        _flatten(child, path, keys)


def nodes_of(tree: Section) -> List[Section]:
    """The node sections of all node lists, in order."""
    return [node for nodelist in tree.sections("nodelist") for node in nodelist.sections("node")]
