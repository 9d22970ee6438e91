# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as people read it and as a document writes it; secrets are shown nowhere, only that they change."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional

from ..model.document import TAG_PREFIX
from ..model.entries import entry_of_part, entry_of_sets
from ..model.objects import (
    ACLS,
    CONSTRAINTS,
    OPTION_SETS,
    Bundle,
    Clone,
    Group,
    Level,
    Map,
    Node,
    Object,
    Operation,
    Primitive,
    Record,
    Sets,
    Setting,
    State,
    Tag,
    contents,
)  # fmt: skip
from ..model.resources import OPERATION_OPTIONS
from ..model.secrets import ELSEWHERE, MASK, SEAL, is_secret
from ..model.values import boolean, setting_name
from .diff import Change
from .laying import FOREIGN_SETTINGS

Document = Dict[str, Any]


# -- objects as a document writes them ---------------------------------------------------------------------------------


def entry_of(found: Object, secrets: bool = False, shown: FrozenSet[str] = frozenset()) -> Document:
    """The object as an entry of a document; secret values masked unless `secrets`.

    Ids below the object are given only where something refers to them (`shown`).
    """
    made = _ENTRIES[type(found)](found, shown)
    return made if secrets else _masked(made)


def document_of(state: State, secrets: bool = False) -> Document:
    """The whole configuration as a document that declares it; what the cluster writes itself and who owns what aside."""
    sections: Dict[str, Any] = {}
    for found in state.objects.values():
        if isinstance(found, Setting):
            if found.name not in FOREIGN_SETTINGS:
                value = MASK if is_secret(found.name) and not secrets else found.value
                sections.setdefault(_SETTING_SECTION[found.kind], {})[found.name] = value
            continue
        if isinstance(found, Tag) and found.id.startswith(TAG_PREFIX):
            continue
        entry = _unsealed(entry_of(found, secrets, state.referred))
        if not isinstance(found, Node) or len(entry) > 1:
            sections.setdefault(_section_of(found), []).append(entry)
    if "acls" in sections:  # roles first: in that order they are made, as others name them
        sections["acls"].sort(key=lambda entry: entry["kind"] != "role")
    order = _order_of(state)
    if order:
        sections["order"] = order
    verbatim = _verbatim(state)
    if verbatim:
        sections["verbatim"] = verbatim
    ids = _ids_of_settings(state)
    if ids:
        sections["ids"] = ids
    return {name: sections[name] for name in _SECTION_ORDER if name in sections}


def _order_of(state: State) -> List[str]:
    """The resources of the top level, where fence devices stand between the others."""
    held = {name for found in state.objects.values() for name in contents(found)}
    top = [found for key, found in state.objects.items() if key.family == "resource" and key.id not in held]
    devices = [found.kind == "stonith" for found in top]
    return [found.id for found in top] if devices != sorted(devices) else []


def _verbatim(state: State) -> List[str]:
    """The properties that are called as another version of Pacemaker than this one calls them."""
    names = [found.name for found in state.objects.values() if isinstance(found, Setting) and found.kind == "property"]
    return [name for name in names if name != setting_name(name, state.modern_names)]


def _ids_of_settings(state: State) -> Document:
    """What the options and sets of settings are called to which something refers."""
    made: Document = {}
    for found in state.objects.values():
        if isinstance(found, Setting):
            section = _SETTING_SECTION[found.kind]
            for place, name in (("set", section), ("option", f"{section}.{found.name}")):
                if found.ids.get(place):
                    made[name] = found.ids[place]
    return made


def _unsealed(entry: Document) -> Document:
    """Without the mark of secrets, which is of this cluster and is made anew in another."""
    meta = {name: value for name, value in entry.get("meta", {}).items() if name != SEAL}
    return {name: meta if name == "meta" else value for name, value in entry.items() if name != "meta" or meta}


_SETTING_SECTION = {
    "property": "properties",
    "resource_default": "resource_defaults",
    "operation_default": "operation_defaults",
}
_SECTION_ORDER = (
    *_SETTING_SECTION.values(),
    *(f"{kind}s" for kind in OPTION_SETS),
    "nodes",
    "resources",
    "stonith",
    "levels",
    "constraints",
    "tags",
    "alerts",
    "acls",
    "order",
    "verbatim",
    "ids",
)


def _section_of(found: Object) -> str:
    if isinstance(found, Record):
        if found.kind in CONSTRAINTS:
            return "constraints"
        return "acls" if found.kind in ACLS else f"{found.kind}s"
    if found.kind in ("level", "tag", "node"):
        return f"{found.kind}s"
    return "stonith" if found.kind == "stonith" else "resources"


def _setting(found: Setting, _shown: FrozenSet[str]) -> Document:
    return {found.name: found.value}


def _node(found: Node, shown: FrozenSet[str]) -> Document:
    made: Document = {"id": found.id}
    attributes = dict(found.attributes)
    for switch in ("standby", "maintenance"):
        if boolean(attributes.get(switch) or ""):  # one that is off stays what it is: an attribute
            made[switch] = True
            attributes.pop(switch)
    made = _filled(
        made,
        type=found.type,
        score=found.score,
        description=found.description,
        attributes=attributes,
        utilization=found.utilization,
    )
    return {**made, **_sets(found.sets, shown, "attributes"), **_ids(found.ids, shown)}


def _sets(sets: Sets, shown: FrozenSet[str], params: str = "params") -> Document:
    made: Document = {}
    for key, tag in ((params, "instance_attributes"), ("meta", "meta_attributes"), ("utilization", "utilization")):
        made.update(entry_of_sets(sets.get(tag, ()), key, shown))
    return made


def _ids(ids: Map, shown: FrozenSet[str]) -> Document:
    kept = {place: name for place, name in ids.items() if name in shown}
    return {"ids": kept} if kept else {}


def _primitive(found: Primitive, shown: FrozenSet[str]) -> Document:
    stonith = found.kind == "stonith"
    made: Document = {"id": found.id, **({"kind": "template"} if found.is_template else {})}
    if found.agent:
        made["agent"] = found.agent[len("stonith:") :] if stonith else found.agent
    plain = {name: value for name, value in (found.params or {}).items() if value != ELSEWHERE}
    made = _filled(
        made, template=found.template, description=found.description, params=plain,
        secrets=dict.fromkeys(_elsewhere(found), MASK), meta=found.meta, utilization=found.utilization,
    )  # fmt: skip
    made.update(_sets(found.sets, shown))
    if found.ops:
        made["ops"] = [_operation(operation, shown) for operation in found.ops]
    if found.ops_same_as:
        made["ops_same_as"] = found.ops_same_as
    return {**made, **_ids(found.ids, shown)}


def _elsewhere(found: Optional[Object]) -> List[str]:
    """The options whose values Pacemaker keeps outside of the CIB."""
    params = (found.params or {}) if isinstance(found, Primitive) else {}
    return [name for name, value in params.items() if value == ELSEWHERE]


def _operation(found: Operation, shown: FrozenSet[str]) -> Document:
    made: Document = {"name": found.name, "interval": found.interval}
    if found.id in shown:
        made["id"] = found.id
    made = _filled(made, role=found.role)
    made.update({name: value for name, value in found.options.items() if name in OPERATION_OPTIONS})
    made = _filled(made, params=found.params, meta=found.meta)
    return {**made, **_sets(found.sets, shown), **_ids(found.ids, shown)}


def _container(kind: str, inner: str) -> Callable[[Any, FrozenSet[str]], Document]:
    """Groups, clones and bundles: what they hold, and their options."""

    def entry(found: Any, shown: FrozenSet[str]) -> Document:
        held = getattr(found, inner)
        made: Document = {"id": found.id, "kind": kind}
        if kind == "bundle":
            made.update(_bundle_parts(found, shown))
        if held or kind != "bundle":
            made[inner] = list(held or ()) if inner == "members" else held
        made = _filled(made, description=found.description, params=found.params, meta=found.meta)
        return {**made, **_sets(found.sets, shown), **_ids(found.ids, shown)}

    return entry


def _bundle_parts(found: Bundle, shown: FrozenSet[str]) -> Document:
    made: Document = {}
    if found.container is not None:
        made["container"] = {"type": found.container.tag, **entry_of_part(found.container, shown)}
    if found.network is not None:
        made["network"] = entry_of_part(found.network, shown)
    if found.storage:
        made["storage"] = [entry_of_part(one, shown) for one in found.storage]
    return made


def _level(found: Level, _shown: FrozenSet[str]) -> Document:
    target = {"node": "target", "pattern": "target_pattern", "attribute": "target_attribute"}[found.by]
    made: Document = {"id": found.id, target: found.target}
    if found.by == "attribute":
        made["target_value"] = found.value
    made.update(level=found.level, devices=list(found.devices))
    return made


def _record(found: Record, shown: FrozenSet[str]) -> Document:
    """Any record, by the grammar: first what identifies it, then what it is."""
    kind = found.kind[len("acl_") :] if found.kind in ACLS else found.kind
    made: Document = {} if found.part.get("id-ref") else {"id": found.id}
    if found.kind in CONSTRAINTS or found.kind in ACLS:
        made["kind"] = kind
    entry = entry_of_part(found.part, shown)
    entry.pop("id", None)
    if found.kind == "colocation" and not {"score", "score_attribute", "sets"} & set(entry):
        entry["score"] = None  # left out, a new one would be mandatory
    made.update(entry)
    if found.ahead:
        made["ahead"] = True
    return made


def _tag(found: Tag, _shown: FrozenSet[str]) -> Document:
    return {"id": found.id, "references": list(found.references)}


_ENTRIES: Dict[type, Callable[[Any, FrozenSet[str]], Document]] = {
    Setting: _setting,
    Node: _node,
    Primitive: _primitive,
    Group: _container("group", "members"),
    Clone: _container("clone", "resource"),
    Bundle: _container("bundle", "resource"),
    Level: _level,
    Record: _record,
    Tag: _tag,
}


def _filled(made: Document, **more: Any) -> Document:
    """`made` with those of `more` that say something."""
    made.update(
        {
            name: dict(value) if isinstance(value, dict) else value
            for name, value in more.items()
            if value not in (None, "", {})
        }
    )
    return made


def _masked(made: Any) -> Any:
    """A copy without the values of options that are secret."""
    if isinstance(made, list):
        return [_masked(item) for item in made]
    if not isinstance(made, dict):
        return made
    return {
        name: MASK if is_secret(name) and isinstance(value, str) and name != "ticket"
        else value if name == "ids" else _masked(value)
        for name, value in made.items()
    }  # fmt: skip


# -- changes -----------------------------------------------------------------------------------------------------------


def plan_of(changes: List[Change]) -> List[Document]:
    """The plan as the protocol carries it."""
    return [
        {
            "action": change.action,
            "kind": change.object.kind,
            "id": change.key.id,
            "summary": summary(change),
            "before": _side(change.before, change),
            "after": _side(change.after, change),
            "because": change.because,
        }
        for change in changes
    ]


def _side(found: Optional[Object], change: Change) -> Optional[Document]:
    """One side of a change. What is a secret on one side was one on the other."""
    if found is None:
        return None
    made = entry_of(found)
    hidden = _hidden(change)
    for name in made.get("params", {}):
        if f"params.{name}" in hidden:
            made["params"][name] = MASK
    return made


def diff_of(changes: List[Change]) -> List[Document]:
    """Before and after of each object, for Ansible's diff mode."""
    found = []
    for change in changes:
        header = f"{change.object.kind} {change.key.id}"
        sides = [
            None if side is None else _flat(entry_of(side, secrets=True)) for side in (change.before, change.after)
        ]
        hidden = _hidden(change)
        before, after = (_mask_changes(side, other, hidden) for side, other in (sides, sides[::-1]))
        if change.before is not None and change.after is not None and before == after:
            continue
        found.append({"before_header": header, "after_header": header, "before": before, "after": after})
    return _labelled(found)


def _labelled(found: List[Document]) -> List[Document]:
    """An object that appears or goes has an empty other side; its header says so."""
    for entry in found:
        if not entry["before"]:
            entry["before_header"] += " (absent)"
        if not entry["after"]:
            entry["after_header"] += " (absent)"
    return found


def summary(change: Change) -> str:
    """One line for a person."""
    found = change.object
    text = f"{change.action} {found.kind} {change.key.id}"
    if change.before is not None and change.after is not None:
        text += ": " + "; ".join(_differences(change.before, change.after, _hidden(change)))
    elif isinstance(found, Primitive) and found.agent:
        text += f" ({found.agent})"
    elif isinstance(found, Setting) and change.after is not None:
        text += f" = {MASK if is_secret(found.name) else found.value}"
    return text + (f", because {change.because}" if change.because else "")


def _hidden(change: Change) -> FrozenSet[str]:
    """Where the values stand that are secret on one of the two sides, and so on both."""
    return frozenset(f"params.{name}" for side in (change.before, change.after) for name in _elsewhere(side))


def _differences(before: Object, after: Object, hidden: FrozenSet[str]) -> List[str]:
    left, right = _flat(entry_of(before, secrets=True)), _flat(entry_of(after, secrets=True))
    lines = []
    for name in list(left) + [name for name in right if name not in left]:
        old, new = left.get(name), right.get(name)
        if old == new:
            continue
        if name == f"meta.{SEAL}":
            lines.append("its secrets change")
        elif is_secret(name) or name in hidden:
            lines.append(f"{name} changes (secret)")
        elif old is None:
            lines.append(f"{name} = {new}")
        elif new is None:
            lines.append(f"{name} {old} is removed")
        else:
            lines.append(f"{name} {old} -> {new}")
    return lines


def _flat(entry: Any, path: str = "") -> Dict[str, str]:
    """An entry as `path: value` pairs; lists of options by position or, for operations, by what they are."""
    found: Dict[str, str] = {}
    if isinstance(entry, dict):
        for name, value in entry.items():
            found.update(_flat(value, f"{path}.{name}" if path else name))
    elif isinstance(entry, list) and any(isinstance(item, dict) for item in entry):
        for index, item in enumerate(entry):
            if not isinstance(item, dict):  # the word `plain` among sets
                found[f"{path}[{index}]"] = str(item)
                continue
            label = f"{item['name']} {item['interval']}" if "interval" in item else str(index)
            found.update(
                _flat({k: v for k, v in item.items() if k not in ("name", "interval")} or "present", f"{path}[{label}]")
            )
    elif isinstance(entry, list):
        found[path] = " ".join(str(item) for item in entry)
    elif entry is not None:
        found[path] = json.dumps(entry) if isinstance(entry, bool) else str(entry)
    return found


def _mask_changes(side: Optional[Mapping[str, str]], other: Optional[Mapping[str, str]], hidden: FrozenSet[str]) -> str:
    """One side of a diff as text. A secret that changes must look changed without being shown."""
    if side is None:
        return ""
    lines = []
    for name, value in sorted(side.items()):
        changed = other is not None and other.get(name) not in (None, value) and _later(side, other)
        secret = is_secret(name) or name in hidden
        shown = value if not secret else f"{MASK} (changed)" if changed else MASK
        lines.append(f"{name}: {shown}\n")
    return "".join(lines)


def _later(side: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Which of the two sides carries the mark "(changed)"; any stable choice does."""
    return sorted(side.items()) > sorted(other.items())
