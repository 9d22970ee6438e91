# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CIB's resources as the scheduler sees them: what is inside what, and which option holds for whom. Pure.

This looks at the tree, not at the model: what the cluster does is judged by all that the CIB says.
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, Optional, Set, Tuple
from xml.etree.ElementTree import Element

from ..model.values import boolean, duration_ms, other_meta, setting_name

_RESOURCES = ("primitive", "group", "clone", "master", "bundle")
_CONTAINERS = ("docker", "podman", "rkt")


class Structure:
    """The resources of a CIB, by id."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.resources: Dict[str, Element] = {}
        self._parents: Dict[str, str] = {}
        self._bundles: List[str] = []
        self._sets = {
            found.get("id"): found for found in root.iterfind("configuration//meta_attributes") if "id" in found.attrib
        }
        for top in root.iterfind("configuration/resources/*"):
            self._take(top, None)

    def _take(self, element: Element, parent: Optional[str]) -> None:
        if element.tag not in _RESOURCES:
            return
        id = element.get("id", "")
        self.resources[id] = element
        if parent is not None:
            self._parents[id] = parent
        if element.tag == "bundle":
            self._bundles.append(id)
        for child in element:
            self._take(child, id)

    def tag(self, id: str) -> str:
        found = self.resources.get(id)
        return "" if found is None else str(found.tag)

    def inside(self, id: str) -> List[str]:
        """The ids directly inside."""
        return [child.get("id", "") for child in self.resources.get(id, ()) if child.tag in _RESOURCES]

    def primitives(self, id: str) -> List[str]:
        """`id` itself, or all primitives inside it."""
        return (
            [id]
            if self.tag(id) == "primitive"
            else [one for child in self.inside(id) for one in self.primitives(child)]
        )

    def chain(self, id: str) -> List[str]:
        """The resource, then what contains it, outwards."""
        found = [id]
        while found[-1] in self._parents:
            found.append(self._parents[found[-1]])
        return found

    def predecessors(self, id: str) -> List[str]:
        """What must run before `id` in its group."""
        parent = self._parents.get(id, "")
        if self.tag(parent) != "group":
            return []
        members = self.inside(parent)
        return members[: members.index(id)]

    def meta(self, id: str, name: str) -> Optional[str]:
        """A meta attribute as it holds for `id`: its own, its template's, that of what it is in, the default."""
        template = self.resources[id].get("template") if id in self.resources else None
        places = [*self.chain(id)[:1], *([template] if template else []), *self.chain(id)[1:]]
        for place in places:
            holder = self.resources.get(place)
            if holder is None:
                holder = self.root.find(f"configuration/resources/template[@id='{place}']")
            for pairs in [] if holder is None else holder.iterfind("meta_attributes"):
                value = self._value(pairs, name)
                if value is not None:
                    return value
        for pairs in self.root.iterfind("configuration/rsc_defaults/meta_attributes"):
            value = self._value(pairs, name)
            if value is not None:
                return value
        return None

    def _value(self, pairs: Element, name: str) -> Optional[str]:
        """What a set says of `name`. One with a rule holds only sometimes: it is passed over."""
        pairs = self._sets.get(pairs.get("id-ref"), pairs)
        if pairs.find("rule") is not None:
            return None
        for pair in pairs.iterfind("nvpair"):
            if pair.get("name") in (name, other_meta(name)):
                return pair.get("value")
        return None

    def flag(self, id: str, name: str) -> Optional[bool]:
        return boolean(self.meta(id, name) or "")

    def setting(self, name: str) -> Optional[str]:
        """A cluster property, by its older name."""
        for pair in self.root.iterfind("configuration/crm_config/cluster_property_set/nvpair"):
            if setting_name(pair.get("name", "")) == name:
                return pair.get("value")
        return None

    def operations(self, id: str) -> List[Element]:
        """The operations of a primitive, and those of its template that it does not give itself."""
        own = self.resources.get(id, Element("none"))
        found = list(own.iterfind("operations/op"))
        names = {(one.get("name"), duration_ms(one.get("interval", "0"))) for one in found}
        template = own.get("template")
        more = (
            self.root.iterfind(f"configuration/resources/template[@id='{template}']/operations/op") if template else ()
        )
        return found + [one for one in more if (one.get("name"), duration_ms(one.get("interval", "0"))) not in names]

    def ignores(self, id: str, operation: str, interval: int) -> bool:
        """Whether a failure of this operation counts for nothing (on-fail=ignore)."""
        return any(
            one.get("name") == operation
            and one.get("on-fail") == "ignore"
            and (duration_ms(one.get("interval", "0")) or 0) == interval
            for one in self.operations(id)
        )

    # -- bundles

    def bundle_of(self, resource: str) -> Optional[str]:
        """The bundle that `resource` is inside of, or was made for: a container, its address, the connection to it."""
        for id in self.bundles():
            made = rf"(?:(?:{'|'.join(_CONTAINERS)})-\d+|ip-.+|\d+)"
            if resource in self.inside(id) or re.match(rf"{re.escape(id)}-{made}\Z", resource):
                return id
        return None

    def made_for(self, names: Set[str], resources: Iterable[str]) -> Set[str]:
        """Those of `resources` that exist because of bundles among `names`."""
        return {resource for resource in resources if self.bundle_of(resource) in names}

    def bundles(self) -> List[str]:
        return self._bundles

    def guests(self) -> Dict[str, str]:
        """Nodes that are inside a resource, each with that resource."""
        found = {guest: container for bundle in self.bundles() for container, guest in self.containers(bundle)}
        for id, element in self.resources.items():
            guest = self.meta(id, "remote-node") if element.tag == "primitive" else None
            if guest:
                found[guest] = id
        return found

    def containers(self, bundle: str) -> List[Tuple[str, str]]:
        """A bundle's containers, each with the name of the node that is inside of it."""
        about = self._container(bundle)
        if about is None:
            return []
        count = about.get("replicas") or about.get("promoted-max") or about.get("masters") or "1"
        numbers = range(int(count)) if count.isdigit() else range(1)
        return [(f"{bundle}-{about.tag}-{number}", f"{bundle}-{number}") for number in numbers]

    def _container(self, bundle: str) -> Optional[Element]:
        return next((about for about in self.resources.get(bundle, ()) if about.tag in _CONTAINERS), None)

    def promotes(self, id: str) -> bool:
        """Whether an instance of this clone or bundle is to be promoted."""
        about = self._container(id)
        if about is not None:
            return (about.get("promoted-max") or about.get("masters") or "0") != "0"
        promotable = self.tag(id) == "master" or (self.tag(id) == "clone" and self.flag(id, "promotable") is True)
        return promotable and self.meta(id, "promoted-max") != "0"

    # -- fencing

    def is_fence(self, id: str) -> bool:
        return id in self.resources and self.resources[id].get("class") == "stonith"

    def has_watchdog(self) -> bool:
        """Whether nodes fence themselves, so that no device is needed."""
        return duration_ms(self.setting("stonith-watchdog-timeout") or "0") != 0
