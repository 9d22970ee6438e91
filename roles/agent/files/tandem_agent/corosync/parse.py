# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""corosync.conf as a tree that remembers how it was written.

The grammar is Corosync's own (exec/coroparse.c): a line holds `name {`, `key: value`, `}`, a comment or nothing. Comments,
blank lines, order, indentation and options that nobody here knows are kept, so that `render(parse(text)) == text`.
"""

from __future__ import annotations

from typing import Iterator, List, Optional, Union

from ..errors import AgentError

LONGEST_LINE = 510  # Corosync reads lines into a buffer of 512 bytes and refuses longer ones
BLANK = " \t"


class Note:
    """A line without meaning: a comment or nothing."""

    def __init__(self, line: str) -> None:
        self.line = line


class Option:
    """`key: value`, with the line it was read from."""

    def __init__(self, key: str, value: str, line: str) -> None:
        self.key = key
        self.value = value
        self.line = line

    def change(self, value: str) -> None:
        """Give it another value, keeping its indentation."""
        indent = self.line[: len(self.line) - len(self.line.lstrip())]
        self.value = value
        self.line = f"{indent}{self.key}: {value}"


class Section:
    """`name { … }`; the whole file is a section without a name and without lines of its own."""

    def __init__(self, name: str, opening: str = "", closing: str = "") -> None:
        self.name = name
        self.opening = opening
        self.closing = closing
        self.items: List[Union[Note, Option, Section]] = []

    def options(self, key: Optional[str] = None) -> Iterator[Option]:
        """Its own options, or those called `key`, in order."""
        for item in self.items:
            if isinstance(item, Option) and key in (None, item.key):
                yield item

    def sections(self, name: Optional[str] = None) -> List[Section]:
        """Its own sections, or those called `name`, in order."""
        return [item for item in self.items if isinstance(item, Section) and name in (None, item.name)]

    def get(self, key: str) -> Optional[str]:
        """The value of `key`; Corosync takes the last one when there are several."""
        value = None
        for option in self.options(key):
            value = option.value
        return value

    def section(self, name: str) -> Optional[Section]:
        """The first section called `name`."""
        found = self.sections(name)
        return found[0] if found else None


def parse(text: str) -> Section:
    """Read corosync.conf. A file that Corosync would refuse raises `cluster.unreadable` with the line."""
    root = Section("")
    open_sections = [root]
    for number, line in enumerate(text.split("\n"), 1):
        current = open_sections[-1]
        bare = line.rstrip("\r").strip(BLANK)
        if len(line.encode()) > LONGEST_LINE:
            raise unreadable(number, "the line is too long for Corosync")
        if not bare or bare.startswith("#"):
            current.items.append(Note(line))
        elif "{" in bare:
            name, _brace, rest = bare.partition("{")
            if not name.strip(BLANK) or rest.strip(BLANK):
                raise unreadable(number, "a section must open with a name and `{`, and nothing behind it")
            section = Section(name.strip(BLANK), opening=line)
            current.items.append(section)
            open_sections.append(section)
        elif ":" in bare:
            key, _colon, value = bare.partition(":")
            current.items.append(Option(key.strip(BLANK), value.strip(BLANK), line))
        elif bare == "}" and len(open_sections) > 1:
            open_sections.pop().closing = line
        else:
            raise unreadable(number, "neither `name {`, nor `key: value`, nor a `}` that closes something")
    if len(open_sections) > 1:
        raise unreadable(text.count("\n") + 1, f"the section {open_sections[-1].name} is not closed")
    return root


def unreadable(number: int, why: str) -> AgentError:
    """The error for a file that Corosync itself would not read."""
    return AgentError(
        "cluster.unreadable",
        f"/etc/corosync/corosync.conf, line {number}: {why}. Correct the line, or move the file away if this host has no cluster",
        {"line": number},
    )
