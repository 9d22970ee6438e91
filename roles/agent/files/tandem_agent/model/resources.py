# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources and fence devices of a document: one reader for a kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, List, Optional, Set, Tuple

from .agents import agent_fault
from .declaration import Declaration
from .entries import read_child, read_part
from .fields import Fields
from .grammar import CONTAINERS, INTERVAL, ROLE, Child
from .objects import Bundle, Clone, Group, Map, Object, Operation, Primitive
from .reading import identifier, is_absent, sets_beside
from .secrets import secret_fault
from .values import boolean, id_fault

STATES = ("present", "absent", "started", "stopped")  # of a resource
OPERATION_OPTIONS = (
    "timeout", "start-delay", "on-fail", "enabled", "record-pending", "interval-origin", "description", "requires",
)  # fmt: skip
_OPERATION_KEYS = tuple((option, option.replace("-", "_")) for option in OPERATION_OPTIONS)


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
        id=identifier(item, "id"),
        agent=agent,
        params=params,
        secrets=_secrets(item, params),
        meta=meta,
        ops=_operations(item),
        template=template,
        description=item.optional_text("description"),
        utilization=item.mapping("utilization"),
        sets=sets_beside(item, "params", "meta", "utilization"),
        ops_same_as=item.optional_text("ops_same_as"),
        group=identifier(item, "group", required=False) or None,
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
        id=identifier(item, "id"),
        members=None if members is None else tuple(members),
        meta=meta,
        description=item.optional_text("description"),
        params=item.mapping("params"),
        sets=sets_beside(item, "params", "meta"),
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
        id=identifier(item, "id"),
        resource=identifier(item, "resource", required=False) or None,
        meta=meta,
        description=item.optional_text("description"),
        params=item.mapping("params"),
        sets=sets_beside(item, "params", "meta"),
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
        id=identifier(item, "id"),
        container=container,
        network=network,
        storage=storage,
        resource=item.optional_text("resource"),
        meta=meta,
        description=item.optional_text("description"),
        params=item.mapping("params"),
        sets=sets_beside(item, "params", "meta"),
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


def resource(item: Fields) -> Optional[Declaration]:
    kind = item.choice("kind", tuple(RESOURCES), "primitive")
    absent = item.choice("state", STATES, "present") == "absent"
    made = RESOURCES[kind](item)
    item.finish()
    return (
        Declaration(made, item.path, absent, kind_said=item.raw("kind") is not None or not absent) if made.id else None
    )


def fence_device(item: Fields) -> Optional[Declaration]:
    absent = is_absent(item)
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
        id=identifier(item, "id"),
        agent=agent or ("" if item.raw("template") else "stonith:"),
        params=params,
        secrets=_secrets(item, params),
        meta=item.mapping("meta"),
        ops=_operations(item),
        template=item.optional_text("template"),
        description=item.optional_text("description"),
        utilization=item.mapping("utilization"),
        sets=sets_beside(item, "params", "meta", "utilization"),
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
            sets_beside(entry, "params", "meta"), entry.optional_text("id"), entry.mapping("ids") or {},
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
