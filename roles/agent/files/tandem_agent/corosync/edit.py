# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small changes to a corosync.conf tree. Each does nothing when the tree already says so."""

from __future__ import annotations

from typing import Iterable, Optional, Union

from .parse import Note, Option, Section

STEP = "    "


def put(section: Section, key: str, value: Optional[str]) -> None:
    """Make `key` exactly `value` in this section; None removes it. Doubles go: Corosync would take the last."""
    found = list(section.options(key))
    if value is None:
        section.items = [item for item in section.items if item not in found]
    elif found:
        if found[-1].value != value:
            found[-1].change(value)
        section.items = [item for item in section.items if item not in found[:-1]]
    else:
        _insert(section, Option(key, value, f"{_indent(section)}{key}: {value}"))


def put_in(tree: Section, name: str, key: str, value: Optional[str]) -> None:
    """`put` for a top-level section that may be written in several pieces."""
    pieces = [piece for piece in tree.sections(name) if piece.get(key) is not None]
    for piece in pieces[:-1]:
        put(piece, key, None)
    if pieces:
        put(pieces[-1], key, value)
    elif value is not None:
        put(child(tree, name), key, value)


def child(parent: Section, name: str) -> Section:
    """The first section `name`, made when there is none."""
    return parent.section(name) or add(parent, name)


def add(parent: Section, name: str) -> Section:
    """A new section `name` at the end of its kind, else at the end of its parent."""
    indent = _indent(parent)
    section = Section(name, f"{indent}{name} {{", f"{indent}}}")
    kin = parent.sections(name)
    if kin:
        parent.items.insert(parent.items.index(kin[-1]) + 1, section)
        return section
    if not parent.opening and any(not isinstance(item, Note) for item in parent.items):
        _insert(parent, Note(""))  # top-level sections stand apart
    _insert(parent, section)
    return section


def drop(parent: Section, sections: Iterable[Section]) -> None:
    """Remove these sections."""
    gone = list(sections)
    parent.items = [item for item in parent.items if item not in gone]


def _insert(section: Section, new: Union[Note, Option, Section]) -> None:
    """Options after the last option, sections after everything but the blank lines at the end."""
    at = len(section.items)
    if isinstance(new, Option):
        options = [index for index, item in enumerate(section.items) if isinstance(item, Option)]
        at = options[-1] + 1 if options else 0
    else:
        while at and _blank(section.items[at - 1]):
            at -= 1
    section.items.insert(at, new)


def _blank(item: Union[Note, Option, Section]) -> bool:
    return isinstance(item, Note) and not item.line.strip()


def _indent(section: Section) -> str:
    """The indentation of what stands in this section."""
    for item in section.items:
        line = item.opening if isinstance(item, Section) else item.line
        if not isinstance(item, Note):
            return line[: len(line) - len(line.lstrip())]
    if not section.opening:
        return ""
    return section.opening[: len(section.opening) - len(section.opening.lstrip())] + STEP
