# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a JSON document to declarations (docs/model.md), with every fault named by its path.

A kind of object is one reader in one of the tables below; the next kind is one more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..errors import Fault
from .fields import Fields
from .objects import (
    Clone,
    Colocation,
    Expression,
    Group,
    Level,
    Location,
    Map,
    Node,
    Object,
    Operation,
    Order,
    Primitive,
    Rule,
    Setting,
)
from .values import AGENT_PART, boolean, duration_ms, id_fault, role, score, score_text

CLASSES = ("ocf", "systemd", "lsb", "service", "stonith", "upstart", "nagios")
ACTIONS = ("start", "stop", "promote", "demote")
ROLES = ("Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave")
STATES = ("present", "absent", "started", "stopped")  # of a resource
MODES = ("Mandatory", "Optional", "Serialize")
OPERATORS = ("lt", "gt", "lte", "gte", "eq", "ne", "defined", "not_defined")
OPERATION_OPTIONS = (
    "timeout", "start-delay", "on-fail", "enabled", "record-pending", "interval-origin", "description",
)  # fmt: skip
MOST = 50_000  # objects in one document


@dataclass(frozen=True)
class Declaration:
    """One entry of a document: the object, or the wish that it be gone."""

    object: Object
    path: str
    absent: bool = False
    explicit_id: bool = True  # false: the id was made from the meaning


@dataclass(frozen=True)
class Document:
    """What somebody wants to be so."""

    name: str
    entries: Tuple[Declaration, ...]
    unset: Tuple[Tuple[str, str], ...] = ()  # settings to remove: (kind, name)


def read_document(value: Any, faults: List[Fault], path: str = "document") -> Document:
    """Read a document; what is wrong is appended to `faults`, and what could be read is returned."""
    top = Fields(value, path, faults)
    name = top.text("name")
    if name and id_fault(name):
        top.fault("name", str(id_fault(name)))
    entries: List[Declaration] = []
    unset: List[Tuple[str, str]] = []
    for section, kind in SETTINGS.items():
        for setting, text in (top.mapping(section) or {}).items():
            wrong = id_fault(setting)
            if wrong:
                top.fault(f"{section}.{setting[:80]}", wrong)
            elif text is None:
                unset.append((kind, setting))
            else:
                entries.append(Declaration(Setting(kind, setting, text), f"{path}.{section}.{setting}"))
    for section, reader in SECTIONS.items():
        for item in top.objects(section):
            entry = reader(item)
            if entry is not None:
                entries.append(entry)
    top.finish()
    if len(entries) > MOST:
        top.fault("", f"declares {len(entries)} objects; at most {MOST} are allowed")
    _twice(entries, faults)
    return Document(name, tuple(entries), tuple(unset))


def _twice(entries: List[Declaration], faults: List[Fault]) -> None:
    """Two entries for one object would make the result depend on their order."""
    seen: Dict[Any, str] = {}
    for entry in entries:
        identity = getattr(entry.object, "meaning", None) or entry.object.key
        if identity in seen:
            faults.append(Fault(entry.path, f"declares {entry.object.id} a second time; the first is {seen[identity]}"))
        else:
            seen[identity] = entry.path


def _identifier(item: Fields, key: str, required: bool = True) -> str:
    text = item.text(key, required=required)
    wrong = id_fault(text) if text else None
    if wrong:
        item.fault(key, wrong)
        return ""
    return text


def _node_name(item: Fields, key: str) -> str:
    """A node's name: a host name, which unlike an id may start with a digit."""
    text = item.text(key, required=True)
    if text and id_fault("n" + text):
        item.fault(key, f"{text!r} is no node name: use letters, digits, _ . and -")
        return ""
    if text.startswith("-"):
        item.fault(key, f"{text!r} is no node name: it must not start with -")
    return text


def _absent(item: Fields) -> bool:
    return item.choice("state", ("present", "absent"), "present") == "absent"


def _nodes(item: Fields) -> Optional[Declaration]:
    name = _node_name(item, "id")
    attributes: Map = dict(item.mapping("attributes") or {})
    for switch in ("standby", "maintenance"):
        wanted = item.optional_flag(switch)
        if wanted is not None:
            attributes[switch] = "on" if wanted else None
    item.finish()
    return Declaration(Node(name, attributes), item.path) if name else None


def _primitive(item: Fields) -> Object:
    agent = item.text("agent")
    template = item.optional_text("template")
    if agent:
        wrong = agent_fault(agent)
        if wrong:
            item.fault("agent", wrong)
    meta = item.mapping("meta")
    return Primitive(
        id=_identifier(item, "id"),
        agent=agent,
        params=item.mapping("params"),
        meta=meta,
        ops=_operations(item),
        template=template,
        description=item.optional_text("description"),
        group=_identifier(item, "group", required=False) or None,
        switches=_switches(item, meta),
    )


def _group(item: Fields) -> Object:
    members = item.texts("members") if item.raw("members") is not None else None
    for index, member in enumerate(members or ()):
        if id_fault(member):
            item.fault(f"members[{index}]", str(id_fault(member)))
        elif member in (members or [])[:index]:
            item.fault(f"members[{index}]", f"{member} is listed twice")
    meta = item.mapping("meta")
    return Group(
        id=_identifier(item, "id"),
        members=None if members is None else tuple(members),
        meta=meta,
        description=item.optional_text("description"),
        switches=_switches(item, meta),
    )


def _clone(item: Fields) -> Object:
    meta = item.mapping("meta")
    switches = _switches(item, meta)
    promotable = item.optional_flag("promotable")
    if promotable is not None:
        switches["promotable"] = "true" if promotable else None
        if boolean((meta or {}).get("promotable") or "") not in (None, promotable):
            item.fault("promotable", "contradicts meta.promotable")
    return Clone(
        id=_identifier(item, "id"),
        resource=_identifier(item, "resource", required=False) or None,
        meta=meta,
        description=item.optional_text("description"),
        switches=switches,
    )


def _switches(item: Fields, meta: Optional[Map]) -> Map:
    """What `state` and `managed` say, as meta attributes; None is "not set", which means started and managed."""
    wanted: Map = {}
    state = item.choice("state", STATES, "present")
    if state in ("started", "stopped"):
        wanted["target-role"] = "Stopped" if state == "stopped" else None
    managed = item.optional_flag("managed")
    if managed is not None:
        wanted["is-managed"] = None if managed else "false"
    for name, option in (("target-role", "state"), ("is-managed", "managed")):
        if name in wanted and (meta or {}).get(name) is not None:
            item.fault(option, f"and meta.{name} speak of the same; leave one of them out")
    return wanted


RESOURCES: Dict[str, Callable[[Fields], Object]] = {"primitive": _primitive, "group": _group, "clone": _clone}


def _resources(item: Fields) -> Optional[Declaration]:
    kind = item.choice("kind", tuple(RESOURCES), "primitive")
    absent = item.choice("state", STATES, "present") == "absent"
    made = RESOURCES[kind](item)
    item.finish()
    return Declaration(made, item.path, absent) if made.id else None


def _stonith(item: Fields) -> Optional[Declaration]:
    absent = _absent(item)
    agent = item.text("agent")
    if agent and not agent.startswith("stonith:"):
        agent = "stonith:" + agent
    if agent and agent_fault(agent):
        item.fault("agent", str(agent_fault(agent)))
    params = item.mapping("params")
    also: Map = {}
    if item.raw("targets") is not None:
        also = {"pcmk_host_list": " ".join(item.texts("targets")), "pcmk_host_check": "static-list"}
        for name, value in also.items():
            if (params or {}).get(name, value) != value:
                item.fault(f"params.{name}", f"is {(params or {})[name]!r}, but targets says {value!r}")
    made = Primitive(
        id=_identifier(item, "id"),
        agent=agent or "stonith:",
        params=params,
        meta=item.mapping("meta"),
        ops=_operations(item),
        description=item.optional_text("description"),
        also=also,
    )
    item.finish()
    return Declaration(made, item.path, absent) if made.id else None


def _operations(item: Fields) -> Optional[Tuple[Operation, ...]]:
    if item.raw("ops") is None:
        return None
    made: List[Operation] = []
    for entry in item.objects("ops"):
        interval = entry.text("interval", "0s")
        if duration_ms(interval) is None:
            entry.fault("interval", f"{interval!r} is no interval; write for example 30s, 5min or PT30S")
        options: Map = {}
        for option in OPERATION_OPTIONS:
            spelt = option if entry.has(option) else option.replace("-", "_")
            text = entry.optional_text(spelt)
            if text is not None:
                options[option] = text
        for option in ("timeout", "start-delay"):
            if option in options and duration_ms(options[option] or "") is None:
                entry.fault(option, f"{options[option]!r} is no time span; write for example 30s or 2min")
        name = entry.text("name", required=True)
        if name and id_fault(name):
            entry.fault("name", str(id_fault(name)))
        operation = Operation(name, interval, _role(entry, "role"), options)
        entry.finish(OPERATION_OPTIONS)
        if any(operation.key == other.key for other in made):
            entry.fault("", f"declares the operation {name} with interval {interval} twice")
        made.append(operation)
    return tuple(made)


def _role(item: Fields, key: str) -> str:
    text = item.choice(key, ROLES, "", fold=True)
    return role(text) if text else ""


def _levels(item: Fields) -> Optional[Declaration]:
    absent = _absent(item)
    given = [key for key in ("target", "target_pattern", "target_attribute") if item.raw(key) is not None]
    if len(given) != 1:
        item.fault("", "needs exactly one of target, target_pattern and target_attribute")
        return None
    by = {"target": "node", "target_pattern": "pattern", "target_attribute": "attribute"}[given[0]]
    target = item.text(given[0])
    value = item.text("target_value", required=by == "attribute")
    level = item.text("level", required=True)
    if level and (not level.isdigit() or not 1 <= int(level) <= 9):
        item.fault("level", f"{level!r} is no fencing level; allowed is 1 to 9")
    devices = item.texts("devices")
    for index, device in enumerate(devices):
        if id_fault(device):
            item.fault(f"devices[{index}]", str(id_fault(device)))
    if not devices and not absent:
        item.fault("devices", "is required")
    stated = _identifier(item, "id", required=False)
    item.finish()
    made = Level(stated or _fit(f"fl-{value or target}-{level}"), by, target, value, level, tuple(devices))
    return Declaration(made, item.path, absent, bool(stated))


def _rule(item: Fields) -> Rule:
    tests: List[Expression] = []
    for entry in item.objects("expressions"):
        operation = entry.choice("operation", OPERATORS, "")
        unary = operation in ("defined", "not_defined")
        if not operation:
            entry.fault("operation", f"is required; choose one of {', '.join(OPERATORS)}")
        value = entry.optional_text("value")
        if unary and value is not None:
            entry.fault("value", f"makes no sense with {operation}")
        if not unary and operation and value is None:
            entry.fault("value", f"is required with {operation}")
        kind = entry.choice("type", ("string", "integer", "number", "version"), "") or None
        tests.append(Expression(entry.text("attribute", required=True), operation, value, kind))
        entry.finish()
    if not tests:
        item.fault("expressions", "needs at least one expression")
    number, attribute = item.optional_text("score"), item.optional_text("score_attribute")
    if (number is None) == (attribute is None):
        item.fault("score", "a rule needs either score or score_attribute")
    elif number is not None and score(number) is None:
        item.fault("score", _NO_SCORE.format(number))
    made = Rule(
        operator=item.choice("operator", ("and", "or"), "and"),
        expressions=tuple(tests),
        score=None if number is None else score_text(number),
        score_attribute=attribute,
        role=_role(item, "role"),
    )
    item.finish()
    return made


_NO_SCORE = "{!r} is no score; write an integer, INFINITY or -INFINITY"


def _score(item: Fields) -> Optional[str]:
    text = item.optional_text("score")
    if text is not None and score(text) is None:
        item.fault("score", _NO_SCORE.format(text))
    return None if text is None else score_text(text)


def _location(item: Fields, stated: str) -> Object:
    resource, place = _identifier(item, "resource"), _role(item, "role")
    if item.raw("rule") is not None:
        rule = _rule(item.object("rule"))
        for other in ("node", "score"):
            if item.raw(other) is not None:
                item.fault(other, "makes no sense with a rule; put the score into the rule")
        return Location(stated or _fit(f"location-{resource}"), resource, None, None, place, rule)
    node = _node_name(item, "node")
    value = _score(item)
    suffix = f"-{value}" if value else ""
    return Location(stated or _fit(f"location-{resource}-{node}{suffix}"), resource, node, value, place)


def _colocation(item: Fields, stated: str) -> Object:
    resource, other = _identifier(item, "resource"), _identifier(item, "with")
    value = _score(item)
    if resource and resource == other:
        item.fault("with", f"{resource} cannot be colocated with itself")
    suffix = f"-{value}" if value else ""
    return Colocation(
        stated or _fit(f"colocation-{resource}-{other}{suffix}"),
        resource,
        other,
        _role(item, "resource_role"),
        _role(item, "with_role"),
        value,
    )


def _order(item: Fields, stated: str) -> Object:
    first, then = _identifier(item, "first"), _identifier(item, "then")
    before = item.choice("first_action", ACTIONS, "start")
    after = item.choice("then_action", ACTIONS, before)
    mode = item.choice("mode", MODES, "", fold=True) or None
    both = item.optional_flag("symmetrical")
    if first and first == then and before == after:
        item.fault("then", f"{first} cannot wait for itself")
    suffix = f"-{mode.lower()}" if mode else "-mandatory"
    return Order(
        stated or _fit(f"order-{first}-{then}{suffix}"), first, then, before, after, mode,
        None if both is None else ("true" if both else "false"),
    )  # fmt: skip


CONSTRAINTS: Dict[str, Callable[[Fields, str], Object]] = {
    "location": _location,
    "colocation": _colocation,
    "order": _order,
}


def _constraints(item: Fields) -> Optional[Declaration]:
    kind = item.choice("kind", tuple(CONSTRAINTS), "")
    if not kind:
        item.fault("kind", f"is required; choose one of {', '.join(CONSTRAINTS)}")
        return None
    absent = _absent(item)
    stated = _identifier(item, "id", required=False)
    if absent and stated and not any(item.has(key) for key in ("resource", "first")):
        item.finish(("id", "kind", "state"))
        gone = Location(stated, "")  # known by its id alone; the planner finds what kind it is
        return Declaration(gone, item.path, True)
    made = CONSTRAINTS[kind](item, stated)
    item.finish()
    return Declaration(made, item.path, absent, bool(stated))


def _fit(text: str) -> str:
    """An id made of other ids and names, within what an id may be."""
    clean = "".join(char if char.isascii() and (char.isalnum() or char in "_.-") else "_" for char in text)
    return clean[:200]


def agent_fault(agent: str) -> Optional[str]:
    """Why `agent` names no resource agent, or None."""
    parts = agent.split(":", 2)
    if len(parts) < 2 or parts[0] not in CLASSES:
        return f"{agent!r} is no agent; write class:type or ocf:provider:type with a class of {', '.join(CLASSES)}"
    if (parts[0] == "ocf") != (len(parts) == 3):
        return f"{agent!r} is no agent; ocf agents are written ocf:provider:type, others class:type"
    for part in parts[1:]:
        if not AGENT_PART.match(part) or ".." in part:
            return f"{agent!r} is no agent; {part!r} holds characters that an agent's name cannot have"
    return None


SETTINGS = {
    "properties": "property",
    "resource_defaults": "resource_default",
    "operation_defaults": "operation_default",
}
SECTIONS: Dict[str, Callable[[Fields], Optional[Declaration]]] = {
    "nodes": _nodes,
    "resources": _resources,
    "stonith": _stonith,
    "levels": _levels,
    "constraints": _constraints,
}
