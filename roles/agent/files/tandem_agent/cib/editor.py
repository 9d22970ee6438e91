# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CIB's tree being edited: what an edit has to know, and moving elements about."""

from __future__ import annotations

from typing import Callable, Container, Dict, List, Mapping, Optional, Sequence, Set, Tuple
from xml.etree.ElementTree import Element, SubElement

from ..model.objects import ACLS, CONSTRAINTS, RECORDS
from .ids import Ids
from .parts import PartWriter, is_plain, pairs
from .read import SETTING_SECTIONS, modern_roles
from .tree import elements, ensure, section


class Editor:
    """A tree being edited, with what an edit has to know: ids, parents and resources by id."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.ids = Ids.of(root)
        self.parts = PartWriter(
            self.ids, modern_roles(root), not root.get("validate-with", "").startswith("pacemaker-2.")
        )
        self.by_id: Dict[str, Element] = {}
        self.parents: Dict[str, Element] = {}
        self._index(section(root, "resources"))
        self._known: Dict[Tuple[str, str], Dict[str, Element]] = {}
        self._new: List[Element] = []
        self._dropped: Dict[Element, Set[Element]] = {}
        self.emptied: Dict[Element, Element] = {}  # sets of plain options that have none left, and their parents

    @property
    def resources(self) -> Element:
        """Where resources of the top level are; made with the first of them."""
        return ensure(self.root, "resources")

    def _index(self, parent: Optional[Element]) -> None:
        if parent is None:
            return
        for child in elements(parent):
            if child.tag in ("primitive", "template", "group", "clone", "master", "bundle") and child.get("id"):
                self.by_id[child.attrib["id"]] = child
                self.parents[child.attrib["id"]] = parent
                self._index(child)

    def add_resource(self, tag: str, name: str) -> Element:
        self.ids.claim(name)
        made = SubElement(self.resources, tag, {"id": name})
        self.by_id[name], self.parents[name] = made, self.resources
        self._new.append(made)
        return made

    def order_new(self, places: Mapping[str, int]) -> None:
        """Put the new resources of the top level into the order they were declared in: the cluster places them in it."""
        if not self._new:
            return
        new = [element for element in self._new if self.parents.get(element.attrib["id"]) is self.resources]
        if new:
            moving = set(new)
            rest = [element for element in self.resources if element not in moving]
            self.resources[:] = rest + sorted(new, key=lambda element: places[element.attrib["id"]])

    def move_resource(self, name: str, parent: Element) -> None:
        """Put a resource, with all that is in it, somewhere else."""
        element = self.by_id[name]
        self.parents[name].remove(element)
        parent.append(element)
        self.parents[name] = parent

    def gather(self, names: Sequence[str], parent: Element, position: int) -> None:
        """Put resources into `parent`, in this order, before what is its child number `position`."""
        moving = {self.by_id[name]: None for name in names}
        for other in {self.parents[name] for name in names} - {parent}:
            _take_out(other, moving)
        self.parents.update(dict.fromkeys(names, parent))
        children = list(parent)
        front, back = children[:position], children[position:]
        parent[:] = [
            *(child for child in front if child not in moving), *moving, *(child for child in back if child not in moving)
        ]  # fmt: skip

    def remove_resource(self, name: str) -> None:
        """Remove a resource; what is inside moves up, to be removed or kept by changes of its own."""
        element, parent = self.by_id.pop(name), self.parents.pop(name)
        for child in elements(element):
            if child.get("id") in self.by_id:
                self.move_resource(child.attrib["id"], self.resources)
        self.drop(parent, element)

    def drop(self, parent: Element, element: Element) -> None:
        """Remove an element, at the end: to look for each among thousands takes time."""
        self._dropped.setdefault(parent, set()).add(element)

    def finish(self) -> None:
        for parent, gone in self._dropped.items():
            _take_out(parent, gone)
        for nvset, parent in self.emptied.items():
            if nvset in parent and not elements(nvset) and not _before_another(nvset, parent):
                parent.remove(nvset)

    def known(self, where: str, tag: str, name: Callable[[Element], Optional[str]]) -> Dict[str, Element]:
        """The elements of a section by their names. The index is kept: there may be thousands."""
        if (where, tag) not in self._known:
            found: Dict[str, Element] = {}
            for child in ensure(self.root, where).iterfind(tag):
                found.setdefault(name(child) or "", child)
            self._known[where, tag] = found
        return self._known[where, tag]

    def records(self, kind: str) -> Dict[str, Element]:
        """The elements of one kind of record; what is another's is known by what it refers to."""
        return self.known(_SECTIONS[kind], RECORDS[kind], lambda one: one.get("id") or f"same_as:{one.get('id-ref')}")

    def section_of(self, kind: str) -> Element:
        return ensure(self.root, _SECTIONS[kind])


_SECTIONS = {
    **dict.fromkeys(CONSTRAINTS, "constraints"),
    **dict.fromkeys(ACLS, "acls"),
    **{f"{kind}_set": where for kind, (where, _tag) in SETTING_SECTIONS.items()},
    "alert": "alerts",
}


def _before_another(plain: Element, parent: Element) -> bool:
    """Whether another set would be taken for the plain one, were it not there."""
    others = (child for child in elements(parent) if child.tag == plain.tag and child is not plain)
    return any(is_plain(child) and pairs(child) for child in others)


def _take_out(parent: Element, gone: Container[Element]) -> None:
    parent[:] = [child for child in parent if child not in gone]
