# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML ids that read as if pcs had made them (`vip-monitor-interval-30s`), and never clash."""

from __future__ import annotations

import re
from typing import Dict, FrozenSet, Iterable, Set
from xml.etree.ElementTree import Element

from ..model.parts import REFERRING
from ..model.values import LONGEST_ID

_NO_IDENTITY = REFERRING | {"node", "acl_target"}


class Ids:
    """The ids of one document, to make more of."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken: Set[str] = set(taken)
        self._reserved: Set[str] = set()
        self._numbers: Dict[str, int] = {}  # the last one that was given; thousands may want the same id

    @classmethod
    def of(cls, root: Element) -> Ids:
        """All ids of a CIB's configuration."""
        return cls(cls.taken(root))

    @staticmethod
    def taken(root: Element) -> FrozenSet[str]:
        """The ids of a configuration. The status repeats them, also of what is long gone; nodes and users have their own."""
        configuration = root.find("configuration")
        found = () if configuration is None else configuration.iter()
        return frozenset(
            element.attrib["id"] for element in found if "id" in element.attrib and element.tag not in _NO_IDENTITY
        )

    def reserve(self, wanted: Iterable[str]) -> None:
        """Keep ids for who will claim them: none of them is made up for anything else."""
        self._reserved.update(wanted)

    def claim(self, wanted: str) -> bool:
        """Take an id that somebody chose; false when it is taken already."""
        if wanted in self._taken:
            return False
        self._taken.add(wanted)
        return True

    def fresh(self, *parts: str) -> str:
        """A new id made of `parts`; numbered when that one is taken."""
        wanted = sanitize("-".join(part for part in parts if part))
        found = wanted
        while found in self._taken or found in self._reserved:
            self._numbers[wanted] = self._numbers.get(wanted, 0) + 1
            found = f"{wanted}-{self._numbers[wanted]}"
        self._taken.add(found)
        return found


_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.-]")


def sanitize(text: str) -> str:
    """The nearest id: whatever an id cannot hold becomes `_`."""
    clean = _NOT_IN_IDS.sub("_", text)
    if not clean or not (clean[0].isalpha() or clean[0] == "_"):
        clean = "_" + clean
    return clean[: LONGEST_ID - 8]  # room for a number
