# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of Pacemaker's RELAX NG schemas: what may stand inside <configuration>.

Four forms of words: `primitive` (an element), `group/primitive` (one inside another), `primitive/@class` (an attribute)
and `primitive/@class=ocf` (a value, where the schema lists them).
"""

from __future__ import annotations

import pathlib
import re
from typing import Dict, FrozenSet, Iterator, List, Optional, Set, Tuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

NAMESPACE = "{http://relaxng.org/ns/structure/1.0}"


class _Grammar:
    """A <grammar>: its definitions by name, and the one around it, which `parentRef` speaks to."""

    def __init__(self, directory: pathlib.Path, element: Element, around: Optional[_Grammar] = None) -> None:
        self.directory = directory
        self.around = around
        self.defines: Dict[str, List[Element]] = {}
        self._add(element, frozenset())

    def _add(self, element: Element, overridden: FrozenSet[str]) -> None:
        for part in element:
            name = part.get("name", "start")
            if part.tag == NAMESPACE + "include":
                inside = _root(self.directory / part.attrib["href"])
                self._add(inside, overridden | {inner.get("name", "start") for inner in part})
                self._add(part, frozenset())
            elif name not in overridden:
                self.defines.setdefault(name, []).append(part)


def _root(path: pathlib.Path) -> Element:
    return ElementTree.parse(str(path)).getroot()


class _Walk:
    """Collects the words that patterns allow. `owner` is the element, or element and attribute, that they are in."""

    def __init__(self) -> None:
        self.words: Set[str] = set()
        self._seen: Set[Tuple[Element, _Grammar, str]] = set()
        self._files: Dict[str, _Grammar] = {}

    def below(self, grammar: _Grammar, patterns: Element, owner: str) -> None:
        for pattern in patterns:
            self._pattern(grammar, pattern, owner)

    def _pattern(self, grammar: _Grammar, pattern: Element, owner: str) -> None:
        tag, name = str(pattern.tag).replace(NAMESPACE, ""), pattern.get("name", "").strip()
        if tag == "element":
            self.words.update((name, f"{owner}/{name}"))
            self.below(grammar, pattern, name)
        elif tag == "attribute":
            self.words.add(f"{owner}/@{name}")
            self.below(grammar, pattern, f"{owner}/@{name}")
        elif tag == "value":
            self.words.add(f"{owner}={pattern.text}")
        elif tag == "ref":
            self._define(grammar, name, owner)
        elif tag == "parentRef":
            assert grammar.around is not None
            self._define(grammar.around, name, owner)
        elif tag == "externalRef":
            self._define(self._file(grammar.directory, pattern.attrib["href"]), "start", owner)
        elif tag == "grammar":
            self._define(_Grammar(grammar.directory, pattern, grammar), "start", owner)
        elif tag != "except":
            self.below(grammar, pattern, owner)

    def _define(self, grammar: _Grammar, name: str, owner: str) -> None:
        for found in grammar.defines[name]:
            if (found, grammar, owner) not in self._seen:
                self._seen.add((found, grammar, owner))
                self.below(grammar, found, owner)

    def _file(self, directory: pathlib.Path, href: str) -> _Grammar:
        """A file's grammar; none of Pacemaker's speaks to what is around it."""
        if href not in self._files:
            self._files[href] = _Grammar(directory, _root(directory / href))
        return self._files[href]


def words(schema: pathlib.Path) -> Set[str]:
    """All words that one schema, such as `pacemaker-3.9.rng`, allows inside <configuration>."""
    root, walk = _root(schema), _Walk()
    grammar = _Grammar(schema.parent, root)
    for element in root.iter(NAMESPACE + "element"):
        if element.get("name") == "configuration":
            walk.below(grammar, element, "configuration")
    return walk.words


def schemas(directory: pathlib.Path) -> List[pathlib.Path]:
    """The schemas of one suite that a CIB may name."""
    return sorted(path for path in directory.iterdir() if re.match(r"pacemaker-(\d+\.\d+|next)\.rng$", path.name))


def spoken(element: Element) -> Iterator[str]:
    """The words that a tree speaks."""
    for child in element:
        if isinstance(child.tag, str):
            yield from (child.tag, f"{element.tag}/{child.tag}")
            for name, value in child.attrib.items():
                yield from (f"{child.tag}/@{name}", f"{child.tag}/@{name}={value}")
            yield from spoken(child)
