# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as people read it and as a document writes it; secrets are shown nowhere, only that they change."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Mapping, Optional

from ..model.objects import (
    Clone,
    Colocation,
    Group,
    Level,
    Location,
    Node,
    Object,
    Operation,
    Order,
    Primitive,
    Rule,
    Setting,
    State,
    Tag,
)  # fmt: skip
from ..model.secrets import MASK, is_secret
from ..model.values import boolean
from .declare import FOREIGN_SETTINGS, RUN_TIME_CONSTRAINTS
from .diff import Change

Document = Dict[str, Any]


# -- objects as a document writes them ---------------------------------------------------------------------------------


def entry_of(found: Object, secrets: bool = False) -> Document:
    """The object as an entry of a document; secret values masked unless `secrets`."""
    made = _ENTRIES[type(found)](found)
    return made if secrets else _masked(made)


def document_of(state: State, secrets: bool = False) -> Document:
    """The whole configuration as a document that declares it; run-time bans and what the cluster writes itself aside."""
    sections: Dict[str, Any] = {}
    for key, found in state.objects.items():
        if isinstance(found, Setting):
            if found.name not in FOREIGN_SETTINGS:
                value = MASK if is_secret(found.name) and not secrets else found.value
                sections.setdefault(_SETTING_SECTION[found.kind], {})[found.name] = value
        elif isinstance(found, Node):
            if found.attributes:
                sections.setdefault("nodes", []).append(entry_of(found, secrets))
        elif not isinstance(found, Tag) and not key.id.startswith(RUN_TIME_CONSTRAINTS):
            sections.setdefault(_section_of(found), []).append(entry_of(found, secrets))
    return {name: sections[name] for name in _SECTION_ORDER if name in sections}


_SETTING_SECTION = {
    "property": "properties",
    "resource_default": "resource_defaults",
    "operation_default": "operation_defaults",
}
_SECTION_ORDER = (
    "properties",
    "resource_defaults",
    "operation_defaults",
    "nodes",
    "resources",
    "stonith",
    "levels",
    "constraints",
)


def _section_of(found: Object) -> str:
    if isinstance(found, Level):
        return "levels"
    if isinstance(found, (Location, Colocation, Order)):
        return "constraints"
    return "stonith" if found.kind == "stonith" else "resources"


def _setting(found: Setting) -> Document:
    return {found.name: found.value}


def _node(found: Node) -> Document:
    made: Document = {"id": found.id}
    attributes = dict(found.attributes)
    for switch in ("standby", "maintenance"):
        if switch in attributes:
            value = boolean(attributes[switch] or "")
            if value is not None:
                made[switch] = value
                attributes.pop(switch)
    return _filled(made, attributes=attributes)


def _primitive(found: Primitive) -> Document:
    stonith = found.kind == "stonith"
    made: Document = {"id": found.id}
    if found.agent:
        made["agent"] = found.agent[len("stonith:") :] if stonith else found.agent
    made = _filled(made, template=found.template, description=found.description, params=found.params, meta=found.meta)
    if found.ops:
        made["ops"] = [_operation(operation) for operation in found.ops]
    return made


def _operation(found: Operation) -> Document:
    made: Document = {"name": found.name, "interval": found.interval}
    return _filled(made, role=found.role, **found.options)


def _group(found: Group) -> Document:
    return _filled(
        {"id": found.id, "kind": "group", "members": list(found.members or ())},
        meta=found.meta,
        description=found.description,
    )


def _clone(found: Clone) -> Document:
    return _filled(
        {"id": found.id, "kind": "clone", "resource": found.resource}, meta=found.meta, description=found.description
    )


def _level(found: Level) -> Document:
    target = {"node": "target", "pattern": "target_pattern", "attribute": "target_attribute"}[found.by]
    made: Document = {"id": found.id, target: found.target}
    if found.by == "attribute":
        made["target_value"] = found.value
    made.update(level=found.level, devices=list(found.devices))
    return made


def _location(found: Location) -> Document:
    made: Document = {"id": found.id, "kind": "location", "resource": found.resource}
    made = _filled(made, node=found.node, score=found.score, role=found.role)
    if found.rule is not None:
        made["rule"] = _rule(found.rule)
    return made


def _rule(found: Rule) -> Document:
    made: Document = {"operator": found.operator}
    made = _filled(made, score=found.score, score_attribute=found.score_attribute, role=found.role)
    made["expressions"] = [
        _filled({"attribute": test.attribute, "operation": test.operation}, value=test.value, type=test.type)
        for test in found.expressions
    ]
    return made


def _colocation(found: Colocation) -> Document:
    made: Document = {"id": found.id, "kind": "colocation", "resource": found.resource, "with": found.with_resource}
    return _filled(made, resource_role=found.resource_role, with_role=found.with_role, score=found.score)


def _order(found: Order) -> Document:
    made: Document = {"id": found.id, "kind": "order", "first": found.first, "first_action": found.first_action}
    made.update({"then": found.then, "then_action": found.then_action})
    return _filled(made, mode=found.mode, symmetrical=found.symmetrical)


def _tag(found: Tag) -> Document:
    return {"id": found.id, "references": list(found.references)}


_ENTRIES: Dict[type, Callable[[Any], Document]] = {
    Setting: _setting,
    Node: _node,
    Primitive: _primitive,
    Group: _group,
    Clone: _clone,
    Level: _level,
    Location: _location,
    Colocation: _colocation,
    Order: _order,
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


def _masked(made: Document) -> Document:
    masked: Document = {}
    for name, value in made.items():
        if isinstance(value, dict):
            masked[name] = _masked(value)
        else:
            masked[name] = MASK if is_secret(name) and value is not None else value
    return masked


# -- changes -----------------------------------------------------------------------------------------------------------


def plan_of(changes: List[Change]) -> List[Document]:
    """The plan as the protocol carries it."""
    return [
        {
            "action": change.action,
            "kind": change.object.kind,
            "id": change.key.id,
            "summary": summary(change),
            "before": None if change.before is None else entry_of(change.before),
            "after": None if change.after is None else entry_of(change.after),
            "because": change.because,
        }
        for change in changes
    ]


def diff_of(changes: List[Change]) -> List[Document]:
    """Before and after of each object, for Ansible's diff mode."""
    found = []
    for change in changes:
        header = f"{change.object.kind} {change.key.id}"
        sides = [
            None if side is None else _flat(entry_of(side, secrets=True)) for side in (change.before, change.after)
        ]
        before, after = (_mask_changes(side, other) for side, other in (sides, sides[::-1]))
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
        text += ": " + "; ".join(_differences(change.before, change.after))
    elif isinstance(found, Primitive) and found.agent:
        text += f" ({found.agent})"
    elif isinstance(found, Setting) and change.after is not None:
        text += f" = {MASK if is_secret(found.name) else found.value}"
    return text + (f", because {change.because}" if change.because else "")


def _differences(before: Object, after: Object) -> List[str]:
    left, right = _flat(entry_of(before, secrets=True)), _flat(entry_of(after, secrets=True))
    lines = []
    for name in list(left) + [name for name in right if name not in left]:
        old, new = left.get(name), right.get(name)
        if old == new:
            continue
        if is_secret(name):
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
            label = f"{item['name']} {item['interval']}" if "interval" in item else str(index)
            found.update(
                _flat({k: v for k, v in item.items() if k not in ("name", "interval")} or "present", f"{path}[{label}]")
            )
    elif isinstance(entry, list):
        found[path] = " ".join(str(item) for item in entry)
    elif entry is not None:
        found[path] = json.dumps(entry) if isinstance(entry, bool) else str(entry)
    return found


def _mask_changes(side: Optional[Mapping[str, str]], other: Optional[Mapping[str, str]]) -> str:
    """One side of a diff as text. A secret that changes must look changed without being shown."""
    if side is None:
        return ""
    lines = []
    for name, value in sorted(side.items()):
        changed = other is not None and other.get(name) not in (None, value) and _later(side, other)
        shown = value if not is_secret(name) else f"{MASK} (changed)" if changed else MASK
        lines.append(f"{name}: {shown}\n")
    return "".join(lines)


def _later(side: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Which of the two sides carries the mark "(changed)"; any stable choice does."""
    return sorted(side.items()) > sorted(other.items())
