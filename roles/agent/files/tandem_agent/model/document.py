# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a JSON document to declarations (docs/model.md), with every fault named by its path.

A section is one reader in the table at the end; the next section is one more. The readers of resources and of
constraints have modules of their own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..errors import Fault
from .constraints import check_rules, constraint
from .declaration import Declaration, Document
from .entries import read_part
from .fields import Fields
from .objects import OPTION_SETS, RECORDS, Level, Map, Node, Record, Setting, Tag
from .parts import Part, part
from .reading import fit, identifier, is_absent, node_name, sets_beside
from .resources import fence_device, resource
from .values import id_fault, length_fault, whole

MOST = 50_000  # objects in one document
TAG_PREFIX = "tandem."


def read_document(value: Any, faults: List[Fault], path: str = "document") -> Document:
    """Read a document; what is wrong is appended to `faults`, and what could be read is returned."""
    top = Fields(value, path, faults)
    name = top.text("name")
    if name and id_fault(name):
        top.fault("name", str(id_fault(name)))
    entries: List[Declaration] = []
    unset: List[Tuple[str, str]] = []
    ids = top.mapping("ids") or {}
    for section, kind in SETTINGS.items():
        for setting, text in (top.mapping(section) or {}).items():
            where, wrong = f"{path}.{section}.{setting[:80]}", id_fault(setting) or length_fault(text or "")
            if text is None:
                unset.append((kind, setting))
            else:
                doubts = (Fault(where, wrong),) if wrong else ()
                named = {"option": ids.get(f"{section}.{setting}"), "set": ids.get(section)}
                entries.append(Declaration(Setting(kind, setting, text, named), where, doubts=doubts))
    for section, reader in SECTIONS.items():
        for item in top.objects(section):
            item.doubts = []
            entry = reader(item)
            if entry is not None:
                entries.append(replace(entry, doubts=tuple(item.doubts)) if item.doubts else entry)
    order, verbatim = top.texts("order"), top.texts("verbatim")
    top.finish()
    if len(entries) > MOST:
        top.fault("", f"declares {len(entries)} objects; at most {MOST} are allowed")
    _twice(entries, faults)
    return Document(name, tuple(_clashing(entries)), tuple(unset), tuple(order), frozenset(verbatim))


def _twice(entries: List[Declaration], faults: List[Fault]) -> None:
    """Two entries for one object would make the result depend on their order."""
    seen: Dict[Any, str] = {}
    for entry in entries:
        identity: Any = entry.object.key
        if not entry.explicit_id:
            identity = getattr(entry.object, "meaning", None) or identity
        if identity in seen:
            faults.append(Fault(entry.path, f"declares {entry.object.id} a second time; the first is {seen[identity]}"))
        else:
            seen[identity] = entry.path


def _clashing(entries: List[Declaration]) -> List[Declaration]:
    """Resources, constraints and all else that has an id share one name space; settings, nodes and users have their own."""
    owners: Dict[str, Declaration] = {}
    judged = []
    for entry in entries:
        made = entry.object
        if entry.explicit_id and not entry.absent and not isinstance(made, (Setting, Node)) and made.kind != "acl_user":
            other = owners.setdefault(made.key.id, entry)
            if other.object.key != made.key:
                doubt = Fault(
                    entry.path, f"the id {made.key.id} is that of {other.path} too; every id stands for one thing"
                )
                entry = replace(entry, doubts=(*entry.doubts, doubt))  # noqa: PLW2901
        judged.append(entry)
    return judged


def _nodes(item: Fields) -> Optional[Declaration]:
    name = node_name(item, "id")
    attributes: Map = dict(item.mapping("attributes") or {})
    for switch in ("standby", "maintenance"):
        wanted = item.optional_flag(switch)
        if wanted is not None:
            attributes[switch] = "on" if wanted else None
    made = Node(
        name, attributes, item.mapping("utilization"), sets_beside(item, "attributes", "utilization"),
        item.optional_text("description"), item.optional_text("type"), item.optional_text("score"),
        item.optional_text("number"), item.mapping("ids") or {},
    )  # fmt: skip
    item.finish()
    return Declaration(made, item.path) if name else None


def _levels(item: Fields) -> Optional[Declaration]:
    absent = is_absent(item)
    given = [key for key in ("target", "target_pattern", "target_attribute") if item.raw(key) is not None]
    if len(given) != 1:
        item.fault("", "needs exactly one of target, target_pattern and target_attribute")
        return None
    by = {"target": "node", "target_pattern": "pattern", "target_attribute": "attribute"}[given[0]]
    target = item.text(given[0])
    value = item.text("target_value", required=by == "attribute")
    level = item.text("level", required=True)
    if level and not 1 <= (whole(level) or 0) <= 9:
        item.doubt("level", f"{level!r} is no fencing level; allowed is 1 to 9")
    devices = item.texts("devices")
    for index, device in enumerate(devices):
        if id_fault(device):
            item.doubt(f"devices[{index}]", str(id_fault(device)))
    if not devices and not absent:
        item.fault("devices", "is required")
    stated = identifier(item, "id", required=False)
    item.finish()
    made = Level(stated or fit(f"fl-{value or target}-{level}"), by, target, value, level, tuple(devices))
    return Declaration(made, item.path, absent, bool(stated))


def _record(item: Fields, kind: str, id_needed: bool = True) -> Declaration:
    absent = is_absent(item)
    stated = item.text("id", required=id_needed)
    ahead = item.flag("ahead") if kind in OPTION_SETS else False
    made = Record(
        kind, _bare(item, stated) if absent and stated else read_part(item, RECORDS[kind]), ahead, item.keys()
    )
    return Declaration(replace(made, part=replace(made.part, id=stated or None)), item.path, absent, bool(stated))


def _bare(item: Fields, stated: str) -> Part:
    for key in item.keys() - {"id", "kind", "state", "ahead"}:
        item.raw(key)
    return part("", {}, (), stated)


def _alerts(item: Fields) -> Optional[Declaration]:
    identifier(item, "id")
    return _record(item, "alert")


def _acls(item: Fields) -> Optional[Declaration]:
    kind = "acl_" + item.choice("kind", ("role", "user", "group", "old_user"), "role")
    made = _record(item, kind)
    assert isinstance(made.object, Record)
    for index, permission in enumerate(made.object.part.all("acl_permission")):
        given = [name for name in ("xpath", "reference", "object-type") if permission.get(name) is not None]
        if len(given) != 1:
            item.doubt(f"permissions[{index}]", "needs exactly one of xpath, reference and object_type")
    return made


def _option_sets(kind: str) -> Callable[[Fields], Optional[Declaration]]:
    def reader(item: Fields) -> Optional[Declaration]:
        made = _record(item, kind, id_needed=False)
        assert isinstance(made.object, Record)
        found = made.object.part
        check_rules(item, "rule", found.all("rule"), False)
        if not made.explicit_id and not made.object.meaning:
            item.fault("id", "is required for a set without rule")
            return None
        suggested = f"{_SET_NAMES[kind]}-{RECORDS[kind]}"
        if found.get("id-ref") is not None and not made.explicit_id:
            suggested = f"same_as:{found.get('id-ref')}"  # another's set has no id of its own
        return (
            made if made.explicit_id else replace(made, object=replace(made.object, part=replace(found, id=suggested)))
        )

    return reader


_SET_NAMES = {"property_set": "options", "resource_default_set": "rsc_defaults", "operation_default_set": "op_defaults"}


def _tags(item: Fields) -> Optional[Declaration]:
    absent = is_absent(item)
    name, listed = identifier(item, "id"), item.texts("references")
    for index, reference in enumerate(listed):
        wrong = id_fault(reference)
        if wrong:
            item.doubt(f"references[{index}]", wrong)
    if not listed and not absent:
        item.doubt("references", "is required")
    if name.startswith(TAG_PREFIX):
        item.fault("id", f"tags that begin with {TAG_PREFIX} say which document owns what; they cannot be declared")
    item.finish()
    return Declaration(Tag(name, tuple(dict.fromkeys(listed))), item.path, absent) if name else None


SETTINGS = {
    "properties": "property",
    "resource_defaults": "resource_default",
    "operation_defaults": "operation_default",
}
SECTIONS: Dict[str, Callable[[Fields], Optional[Declaration]]] = {
    "nodes": _nodes,
    "resources": resource,
    "stonith": fence_device,
    "levels": _levels,
    "constraints": constraint,
    "tags": _tags,
    "alerts": _alerts,
    "acls": _acls,
    **{f"{kind}s": _option_sets(kind) for kind in OPTION_SETS},
}
