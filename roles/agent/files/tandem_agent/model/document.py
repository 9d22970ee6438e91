# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a JSON document to declarations (docs/model.md), with every fault named by its path.

A kind of object is one reader in one of the tables below; the next kind is one more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Set, Tuple

from ..errors import Fault
from .entries import read_child, read_part, read_sets
from .fields import Fields
from .grammar import CONTAINERS, INTERVAL, ROLE, Child, sets_key
from .objects import (
    CONSTRAINTS,
    OPTION_SETS,
    RECORDS,
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
    Setting,
    Tag,
)
from .parts import Part, part
from .secrets import secret_fault
from .values import AGENT_PART, boolean, id_fault, length_fault, same, whole

CLASSES = ("ocf", "systemd", "lsb", "service", "stonith", "upstart", "nagios", "heartbeat")
STATES = ("present", "absent", "started", "stopped")  # of a resource
OPERATION_OPTIONS = (
    "timeout", "start-delay", "on-fail", "enabled", "record-pending", "interval-origin", "description", "requires",
)  # fmt: skip
_OPERATION_KEYS = tuple((option, option.replace("-", "_")) for option in OPERATION_OPTIONS)
MOST = 50_000  # objects in one document


@dataclass(frozen=True)
class Declaration:
    """One entry of a document: the object, or the wish that it be gone."""

    object: Object
    path: str
    absent: bool = False
    explicit_id: bool = True  # false: the id was made from the meaning
    kind_said: bool = True  # false: an id alone, to be removed whatever it is
    doubts: Tuple[Fault, ...] = ()  # faults only where the object is written anew: a cluster may have lived with them


@dataclass(frozen=True)
class Document:
    """What somebody wants to be so."""

    name: str
    entries: Tuple[Declaration, ...]
    unset: Tuple[Tuple[str, str], ...] = ()  # settings to remove: (kind, name)
    order: Tuple[str, ...] = ()  # of new resources, where it is not that of the sections
    verbatim: FrozenSet[str] = (
        frozenset()
    )  # properties to be called as they are here, whatever this Pacemaker calls them


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


def _identifier(item: Fields, key: str, required: bool = True) -> str:
    text = item.text(key, required=required)
    wrong = id_fault(text) if text else None
    if wrong:
        item.doubt(key, wrong)
    return text


def _node_name(item: Fields, key: str) -> str:
    """A node's name: a host name, which unlike an id may start with a digit."""
    text = item.text(key, required=True)
    if text and id_fault("n" + text):
        item.doubt(key, f"{text!r} is no node name: use letters, digits, _ . and -")
    elif text.startswith("-"):
        item.doubt(key, f"{text!r} is no node name: it must not start with -")
    return text


def _absent(item: Fields) -> bool:
    return item.choice("state", ("present", "absent"), "present") == "absent"


def _sets(item: Fields, *keys: str) -> Dict[str, Tuple[Part, ...]]:
    """The sets of options beside the plain ones, of those kinds that are given."""
    return {
        _SET_TAGS[key]: tuple(read_sets(item, sets_key(key), _SET_TAGS[key]))
        for key in keys
        if item.raw(sets_key(key)) is not None
    }


_SET_TAGS = {
    "params": "instance_attributes",
    "attributes": "instance_attributes",
    "meta": "meta_attributes",
    "utilization": "utilization",
}


def _nodes(item: Fields) -> Optional[Declaration]:
    name = _node_name(item, "id")
    attributes: Map = dict(item.mapping("attributes") or {})
    for switch in ("standby", "maintenance"):
        wanted = item.optional_flag(switch)
        if wanted is not None:
            attributes[switch] = "on" if wanted else None
    made = Node(
        name, attributes, item.mapping("utilization"), _sets(item, "attributes", "utilization"),
        item.optional_text("description"), item.optional_text("type"), item.optional_text("score"),
        item.optional_text("number"), item.mapping("ids") or {},
    )  # fmt: skip
    item.finish()
    return Declaration(made, item.path) if name else None


def _primitive(item: Fields) -> Object:
    agent = item.text("agent")
    template = item.optional_text("template")
    if agent:
        wrong = agent_fault(agent)
        if wrong:
            item.doubt("agent", wrong)
    meta = item.mapping("meta")
    params = item.mapping("params")
    return Primitive(
        id=_identifier(item, "id"),
        agent=agent,
        params=params,
        secrets=_secrets(item, params),
        meta=meta,
        ops=_operations(item),
        template=template,
        description=item.optional_text("description"),
        utilization=item.mapping("utilization"),
        sets=_sets(item, "params", "meta", "utilization"),
        ops_same_as=item.optional_text("ops_same_as"),
        group=_identifier(item, "group", required=False) or None,
        switches=_switches(item, meta),
        ids=item.mapping("ids") or {},
    )


def _template(item: Fields) -> Object:
    found = _primitive(item)
    assert isinstance(found, Primitive)
    for key, given in (("group", found.group), ("template", found.template)):
        if given:
            item.fault(key, "makes no sense for a template")
    if found.secrets:
        item.fault(
            "secrets", "makes no sense for a template: Pacemaker keeps secrets by resource; give them to each one"
        )
    return replace(found, is_template=True)


def _group(item: Fields) -> Object:
    members = item.texts("members") if item.raw("members") is not None else None
    seen: Set[str] = set()
    for index, member in enumerate(members or ()):
        if id_fault(member):
            item.doubt(f"members[{index}]", str(id_fault(member)))
        if member in seen:
            item.fault(f"members[{index}]", f"{member} is listed twice")
        seen.add(member)
    meta = item.mapping("meta")
    return Group(
        id=_identifier(item, "id"),
        members=None if members is None else tuple(members),
        meta=meta,
        description=item.optional_text("description"),
        params=item.mapping("params"),
        sets=_sets(item, "params", "meta"),
        switches=_switches(item, meta),
        ids=item.mapping("ids") or {},
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
        params=item.mapping("params"),
        sets=_sets(item, "params", "meta"),
        switches=switches,
        ids=item.mapping("ids") or {},
    )


def _bundle(item: Fields) -> Object:
    meta = item.mapping("meta")
    container = network = storage = None
    if item.raw("container") is not None:
        inner = item.object("container")
        tag = inner.choice("type", CONTAINERS, "podman")
        container = read_part(inner, tag)
    if item.raw("network") is not None:
        network = read_part(item.object("network"), "network")
    given = read_child(item, Child("storage", "many", ("storage-mapping",)))
    for index, mapping in enumerate(given or ()):
        if (mapping.get("source-dir") is None) == (mapping.get("source-dir-root") is None):
            item.doubt(f"storage[{index}]", "needs either source_dir or source_dir_root")
    if given is not None:
        storage = tuple(given)
    return Bundle(
        id=_identifier(item, "id"),
        container=container,
        network=network,
        storage=storage,
        resource=item.optional_text("resource"),
        meta=meta,
        description=item.optional_text("description"),
        params=item.mapping("params"),
        sets=_sets(item, "params", "meta"),
        switches=_switches(item, meta),
        ids=item.mapping("ids") or {},
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


RESOURCES: Dict[str, Callable[[Fields], Object]] = {
    "primitive": _primitive,
    "group": _group,
    "clone": _clone,
    "bundle": _bundle,
    "template": _template,
}


def _resources(item: Fields) -> Optional[Declaration]:
    kind = item.choice("kind", tuple(RESOURCES), "primitive")
    absent = item.choice("state", STATES, "present") == "absent"
    made = RESOURCES[kind](item)
    item.finish()
    return (
        Declaration(made, item.path, absent, kind_said=item.raw("kind") is not None or not absent) if made.id else None
    )


def _stonith(item: Fields) -> Optional[Declaration]:
    absent = _absent(item)
    agent = item.text("agent")
    if agent and not agent.startswith("stonith:"):
        agent = "stonith:" + agent
    if agent and agent_fault(agent):
        item.doubt("agent", str(agent_fault(agent)))
    params = item.mapping("params")
    also: Map = {}
    if item.raw("targets") is not None:
        also = {"pcmk_host_list": " ".join(item.texts("targets")), "pcmk_host_check": "static-list"}
        for name, value in also.items():
            if (params or {}).get(name, value) != value:
                item.fault(f"params.{name}", f"is {(params or {})[name]!r}, but targets says {value!r}")
    made = Primitive(
        id=_identifier(item, "id"),
        agent=agent or ("" if item.raw("template") else "stonith:"),
        params=params,
        secrets=_secrets(item, params),
        meta=item.mapping("meta"),
        ops=_operations(item),
        template=item.optional_text("template"),
        description=item.optional_text("description"),
        utilization=item.mapping("utilization"),
        sets=_sets(item, "params", "meta", "utilization"),
        ops_same_as=item.optional_text("ops_same_as"),
        also=also,
        ids=item.mapping("ids") or {},
    )
    item.finish()
    return Declaration(made, item.path, absent) if made.id else None


def _secrets(item: Fields, params: Optional[Map]) -> Optional[Map]:
    """Parameters whose values are kept from everybody but the agent."""
    given = item.mapping("secrets")
    for name, value in (given or {}).items():
        wrong = secret_fault(name, value)
        if wrong:
            item.fault(f"secrets.{name[:80]}", wrong)
        if value is not None and (params or {}).get(name) is not None:
            item.fault(f"secrets.{name}", f"and params.{name} speak of the same; leave one of them out")
    return given


def _operations(item: Fields) -> Optional[Tuple[Operation, ...]]:
    if item.raw("ops") is None:
        return None
    made: List[Operation] = []
    keys: Set[Tuple[str, object, str]] = set()
    for entry in item.objects("ops"):
        interval = entry.text("interval", "0s")
        if INTERVAL.fault(interval):
            entry.doubt("interval", f"{interval!r} is no interval; write for example 30s, 5min or PT30S")
        options: Map = {}
        given = entry.keys()
        for option, underscored in _OPERATION_KEYS:
            key = option if option in given else underscored
            text = entry.optional_text(key) if key in given else None
            if text is not None:
                options[option] = text
        for option in ("timeout", "start-delay"):
            wrong = INTERVAL.fault(options.get(option) or "0")
            if wrong:
                entry.doubt(option, wrong)
        name = entry.text("name", required=True)
        if name and id_fault(name):
            entry.doubt("name", str(id_fault(name)))
        operation = Operation(
            name, interval, _role(entry, "role"), options, entry.mapping("params") or {}, entry.mapping("meta") or {},
            _sets(entry, "params", "meta"), entry.optional_text("id"), entry.mapping("ids") or {},
        )  # fmt: skip
        entry.finish(OPERATION_OPTIONS)
        if operation.key in keys:
            entry.doubt("", f"declares the operation {name} with interval {interval} twice")
        keys.add(operation.key)
        made.append(operation)
    return tuple(made)


def _role(item: Fields, key: str) -> str:
    text = item.text(key)
    if text and ROLE.fault(text):
        item.doubt(key, str(ROLE.fault(text)))
    return ROLE.spell(text) if text else ""


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
    if level and not 1 <= (whole(level) or 0) <= 9:
        item.doubt("level", f"{level!r} is no fencing level; allowed is 1 to 9")
    devices = item.texts("devices")
    for index, device in enumerate(devices):
        if id_fault(device):
            item.doubt(f"devices[{index}]", str(id_fault(device)))
    if not devices and not absent:
        item.fault("devices", "is required")
    stated = _identifier(item, "id", required=False)
    item.finish()
    made = Level(stated or _fit(f"fl-{value or target}-{level}"), by, target, value, level, tuple(devices))
    return Declaration(made, item.path, absent, bool(stated))


# -- constraints -------------------------------------------------------------------------------------------------------


def _constraints(item: Fields) -> Optional[Declaration]:
    kind = item.choice("kind", tuple(CONSTRAINTS), "")
    if not kind:
        item.fault("kind", f"is required; choose one of {', '.join(CONSTRAINTS)}")
        return None
    absent = _absent(item)
    stated = _identifier(item, "id", required=False)
    if absent and stated and item.keys() <= {"id", "kind", "state"}:
        return Declaration(Record(kind, part(CONSTRAINTS[kind], {}, (), stated)), item.path, True)
    found = read_part(item, CONSTRAINTS[kind])
    made = Record(kind, found, said=item.keys())
    _CHECKS[kind](item, made)
    named = Part(found.tag, found.attributes, found.parts, stated or _fit(_constraint_id(made)))
    return Declaration(Record(kind, named, said=made.said), item.path, absent, bool(stated))


def _check_rules(item: Fields, path: str, rules: Tuple[Part, ...], scored: bool) -> None:
    """What the grammar alone cannot say about rules."""
    for rule in rules:
        if rule.get("id-ref") is None and not rule.parts:
            item.doubt(path, "needs at least one expression")
        if scored and rule.get("id-ref") is None and not _is_scored(rule):
            item.doubt(f"{path}.score", "a rule needs either score or score_attribute")
        for test in rule.all("expression"):
            unary = test.get("operation") in ("defined", "not_defined")
            if unary and test.get("value") is not None:
                item.doubt(path, f"value makes no sense with {test.get('operation')}")
            if not unary and test.get("operation") and test.get("value") is None:
                item.doubt(path, f"value is required with {test.get('operation')}")
        _check_rules(item, path, rule.all("rule"), False)


def _is_scored(rule: Part) -> bool:
    """Whether it has one score, or a rule inside does: so Pacemaker 3 rewrites what had a lifetime."""
    given = [name for name in ("score", "score-attribute") if rule.get(name) is not None]
    return len(given) == 1 or (not given and any(map(_is_scored, rule.all("rule"))))


def _exactly_one(item: Fields, made: Record, *names: str) -> None:
    """One of some attributes, or resource sets in their place."""
    sets = made.part.all("resource_set")
    given = [name for name in names if made.part.get(name) is not None]
    keys = {"rsc": "resource", "rsc-pattern": "resource_pattern", "with-rsc": "with"}
    spelt = [keys.get(name, name) for name in names]
    if not given and not sets:
        item.doubt(spelt[0], "is required" + (f" (or {' or '.join(spelt[1:])})" if len(spelt) > 1 else ""))
    elif len(given) > 1:
        item.doubt(spelt[1], f"and {spelt[0]} exclude each other")
    elif given and sets:
        item.doubt("sets", f"and {spelt[0]} exclude each other")


def _check_location(item: Fields, made: Record) -> None:
    _exactly_one(item, made, "rsc", "rsc-pattern")
    rules = made.part.all("rule")
    if rules:
        for other in ("node", "score"):
            if made.part.get(other) is not None:
                item.doubt(other, "makes no sense with a rule; put the score into the rule")
        _check_rules(item, "rule", rules, True)
    elif made.part.get("node") is None:
        item.doubt("node", "is required")
    else:
        node = made.part.get("node") or ""
        if id_fault("n" + node) or node.startswith("-"):
            item.doubt("node", f"{node!r} is no node name: use letters, digits, _ . and -")


def _check_colocation(item: Fields, made: Record) -> None:
    _exactly_one(item, made, "rsc")
    if not made.part.all("resource_set"):
        _exactly_one(item, made, "with-rsc")
        if made.part.get("rsc") == made.part.get("with-rsc") is not None:
            item.doubt("with", f"{made.part.get('rsc')} cannot be colocated with itself")


def _check_order(item: Fields, made: Record) -> None:
    _exactly_one(item, made, "first")
    if not made.part.all("resource_set"):
        _exactly_one(item, made, "then")
        first, before = made.part.get("first"), made.part.get("first-action") or "start"
        if first == made.part.get("then") is not None and same(
            "action", before, made.part.get("then-action") or before
        ):
            item.doubt("then", f"{first} cannot wait for itself")


def _check_ticket(item: Fields, made: Record) -> None:
    _exactly_one(item, made, "rsc")


_CHECKS: Dict[str, Callable[[Fields, Record], None]] = {
    "location": _check_location,
    "colocation": _check_colocation,
    "order": _check_order,
    "ticket": _check_ticket,
}


def _constraint_id(made: Record) -> str:
    """The id pcs would give."""
    get = made.part.get
    score = f"-{get('score')}" if get("score") else ""
    if made.part.all("resource_set"):
        return "-".join((made.kind, "set", *made.resources))
    if made.kind == "location":
        node = f"-{get('node')}" if get("node") else ""
        return f"location-{get('rsc') or get('rsc-pattern')}{node}{score if node else ''}"
    if made.kind == "colocation":
        return f"colocation-{get('rsc')}-{get('with-rsc')}{score}"
    if made.kind == "order":
        return f"order-{get('first')}-{get('then')}-{(get('kind') or 'mandatory').lower()}"
    return f"ticket-{get('ticket')}-{get('rsc')}-{get('rsc-role') or 'Started'}"


# -- other records -----------------------------------------------------------------------------------------------------


def _record(item: Fields, kind: str, id_needed: bool = True) -> Declaration:
    absent = _absent(item)
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
    _identifier(item, "id")
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
        _check_rules(item, "rule", found.all("rule"), False)
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
    absent = _absent(item)
    name, listed = _identifier(item, "id"), item.texts("references")
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


TAG_PREFIX = "tandem."


def _fit(text: str) -> str:
    """An id made of other ids and names, within what an id may be."""
    return _NOT_IN_IDS.sub("_", text[:200])


_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.-]")


_BY_PATH = ("ocf", "lsb")  # classes of which Pacemaker runs a script from anywhere, by its absolute path


def agent_fault(agent: str) -> Optional[str]:
    """Why `agent` names no resource agent, or None."""
    parts = agent.split(":", 2)
    if len(parts) < 2 or parts[0] not in CLASSES:
        return f"{agent!r} is no agent; write class:type or ocf:provider:type with a class of {', '.join(CLASSES)}"
    if (parts[0] == "ocf") != (len(parts) == 3):
        return f"{agent!r} is no agent; ocf agents are written ocf:provider:type, others class:type"
    for index, name in enumerate(parts[1:], 2):
        by_path = index == len(parts) and parts[0] in _BY_PATH
        if not AGENT_PART.match(name[1:] if by_path and name.startswith("/") else name) or ".." in name:
            return f"{agent!r} is no agent; {name!r} holds characters that an agent's name cannot have"
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
    "tags": _tags,
    "alerts": _alerts,
    "acls": _acls,
    **{f"{kind}s": _option_sets(kind) for kind in OPTION_SETS},
}
