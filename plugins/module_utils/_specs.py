# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""The options of a document's entries (docs/model.md), shared by ha_config and the modules of single objects.

What was not given is not sent: for the agent "absent" and "left as it is" are the same, and null means "remove".
"""

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from ansible_collections.tandem.ha.plugins.module_utils._module import MASK, Refusal, is_secret
from ansible_collections.tandem.ha.plugins.module_utils._parts import (
    ACTION,
    FLAG,
    IDENTIFIER,
    MAP,
    MODE,
    NUMBER,
    OPTION_SET,
    RESOURCE_SET,
    ROLE,
    RULE,
    SETS,
    TEXT,
    TEXTS,
    Spec,
    many,
    one,
)

ABSENT_OR_NOT: Dict[str, Any] = {"type": "str", "choices": ["present", "absent"], "default": "present"}

OPERATION: Spec = {
    "id": TEXT,
    "name": IDENTIFIER,
    "interval": TEXT,
    "timeout": TEXT,
    "role": ROLE,
    "start_delay": TEXT,
    "on_fail": TEXT,
    "enabled": FLAG,
    "record_pending": FLAG,
    "interval_origin": TEXT,
    "requires": TEXT,
    "description": TEXT,
    "params": MAP,
    "meta": MAP,
    "param_sets": SETS,
    "meta_sets": SETS,
    "ids": MAP,
}

NODE: Spec = {
    "id": IDENTIFIER,
    "standby": FLAG,
    "maintenance": FLAG,
    "attributes": MAP,
    "utilization": MAP,
    "attributes_sets": SETS,
    "utilization_sets": SETS,
    "description": TEXT,
    "type": TEXT,
    "score": TEXT,
    "number": TEXT,
    "ids": MAP,
}

# What a primitive, a template and a fence device have in common.
_RUN: Spec = {
    "id": IDENTIFIER,
    "agent": TEXT,
    "template": TEXT,
    "params": MAP,
    "secrets": {"type": "dict", "no_log": True},
    "meta": MAP,
    "utilization": MAP,
    "param_sets": SETS,
    "meta_sets": SETS,
    "utilization_sets": SETS,
    "ops": many(OPERATION),
    "ops_same_as": TEXT,
    "description": TEXT,
    "ids": MAP,
}

CONTAINER: Spec = {
    "type": {"type": "str", "choices": ["podman", "docker", "rkt"], "default": "podman"},
    "image": IDENTIFIER,
    "replicas": NUMBER,
    "replicas_per_host": NUMBER,
    "promoted_max": NUMBER,
    "run_command": TEXT,
    "network": TEXT,
    "options": TEXT,
}

PORT: Spec = {"id": TEXT, "port": NUMBER, "internal_port": NUMBER, "range": TEXT}

NETWORK: Spec = {
    "id": TEXT,
    "ip_range_start": TEXT,
    "control_port": NUMBER,
    "host_interface": TEXT,
    "host_netmask": NUMBER,
    "add_host": FLAG,
    "ports": many(PORT),
}

STORAGE: Spec = {
    "id": TEXT,
    "source_dir": TEXT,
    "source_dir_root": TEXT,
    "target_dir": IDENTIFIER,
    "options": TEXT,
}

RESOURCE: Spec = dict(
    _RUN,
    kind={
        "type": "str",
        "choices": ["primitive", "group", "clone", "bundle", "template"],
        "default": "primitive",
    },
    state={"type": "str", "choices": ["present", "absent", "started", "stopped"], "default": "present"},
    managed=FLAG,
    group=TEXT,
    members=TEXTS,
    resource=TEXT,
    promotable=FLAG,
    container=one(CONTAINER),
    network=one(NETWORK),
    storage=many(STORAGE),
)

STONITH: Spec = dict(_RUN, state=ABSENT_OR_NOT, targets=TEXTS)

LEVEL: Spec = {
    "id": TEXT,
    "state": ABSENT_OR_NOT,
    "target": TEXT,
    "target_pattern": TEXT,
    "target_attribute": TEXT,
    "target_value": TEXT,
    "level": {"type": "int", "required": True},
    "devices": TEXTS,
}

CONSTRAINT: Spec = {
    "id": TEXT,
    "kind": {"type": "str", "choices": ["location", "colocation", "order", "ticket"], "required": True},
    "state": ABSENT_OR_NOT,
    "resource": TEXT,
    "resource_pattern": TEXT,
    "node": TEXT,
    "role": ROLE,
    "score": TEXT,
    "discovery": {"type": "str", "choices": ["always", "never", "exclusive"]},
    "rule": one(RULE),
    "rules": many(RULE),
    "with": TEXT,
    "resource_role": ROLE,
    "with_role": ROLE,
    "node_attribute": TEXT,
    "influence": FLAG,
    "score_attribute": TEXT,
    "score_attribute_mangle": TEXT,
    "resource_instance": NUMBER,
    "with_instance": NUMBER,
    "first": TEXT,
    "first_action": ACTION,
    "first_instance": NUMBER,
    "then": TEXT,
    "then_action": ACTION,
    "then_instance": NUMBER,
    "mode": MODE,
    "symmetrical": FLAG,
    "require_all": FLAG,
    "ticket": TEXT,
    "loss_policy": {"type": "str", "choices": ["stop", "demote", "fence", "freeze"]},
    "sets": many(RESOURCE_SET),
    "lifetime": many(RULE),
}

SETTING_SET: Spec = dict(OPTION_SET, state=ABSENT_OR_NOT, ahead=FLAG)

TAG: Spec = {"id": IDENTIFIER, "state": ABSENT_OR_NOT, "references": TEXTS}

SELECT: Spec = {"nodes": FLAG, "fencing": FLAG, "resources": FLAG, "attributes": TEXTS}

_TOLD: Spec = {"description": TEXT, "params": MAP, "meta": MAP, "param_sets": SETS, "meta_sets": SETS}

ALERT: Spec = dict(
    _TOLD,
    id=IDENTIFIER,
    state=ABSENT_OR_NOT,
    path=TEXT,
    select=one(SELECT),
    recipients=many(dict(_TOLD, id=TEXT, value=IDENTIFIER)),
)

_OLD_RIGHT: Spec = {"id": TEXT, "xpath": TEXT, "object_type": TEXT, "reference": TEXT, "attribute": TEXT}

PERMISSION: Spec = dict(
    _OLD_RIGHT,
    kind={"type": "str", "choices": ["read", "write", "deny"]},
    description=TEXT,
    read=one(_OLD_RIGHT),
    write=one(_OLD_RIGHT),
    deny=one(_OLD_RIGHT),
)

ACL: Spec = {
    "id": IDENTIFIER,
    "kind": {"type": "str", "choices": ["role", "user", "group", "old_user"], "default": "role"},
    "state": ABSENT_OR_NOT,
    "description": TEXT,
    "permissions": many(PERMISSION),
    "roles": TEXTS,
    "name": TEXT,
}

DOCUMENT: Spec = {
    "name": TEXT,
    "properties": MAP,
    "resource_defaults": MAP,
    "operation_defaults": MAP,
    "property_sets": many(SETTING_SET),
    "resource_default_sets": many(SETTING_SET),
    "operation_default_sets": many(SETTING_SET),
    "nodes": many(NODE),
    "resources": many(RESOURCE),
    "stonith": many(STONITH),
    "levels": many(LEVEL),
    "constraints": many(CONSTRAINT),
    "tags": many(TAG),
    "alerts": many(ALERT),
    "acls": many(ACL),
    "order": TEXTS,
    "verbatim": TEXTS,
    "ids": MAP,
}

# Sent under the name that Pacemaker has for it.
_DASHED = ("start_delay", "on_fail", "record_pending", "interval_origin")

# Which kind of object a field belongs to; what is not here belongs to all.
_RUNNING = ("agent", "utilization", "utilization_sets", "ops", "ops_same_as")
_KINDS: Dict[str, Dict[str, Sequence[str]]] = {
    "resources": {
        "primitive": _RUNNING + ("template", "group"),
        "group": ("members",),
        "clone": ("resource", "promotable"),
        "bundle": ("container", "network", "storage", "resource"),
        "template": _RUNNING,
    },
    "constraints": {
        "location": (
            "resource", "resource_pattern", "node", "role", "score", "discovery", "rule", "rules", "sets", "lifetime",
        ),
        "colocation": (
            "resource", "with", "resource_role", "with_role", "score", "score_attribute", "score_attribute_mangle",
            "node_attribute", "influence", "resource_instance", "with_instance", "sets", "lifetime",
        ),
        "order": (
            "first", "first_action", "first_instance", "then", "then_action", "then_instance", "mode", "symmetrical",
            "require_all", "sets", "lifetime",
        ),
        "ticket": ("ticket", "resource", "resource_role", "loss_policy", "sets"),
    },
    "acls": {
        "role": ("permissions", "description"),
        "user": ("roles", "name"),
        "group": ("roles", "name"),
        "old_user": ("roles", "permissions"),
    },
}  # fmt: skip


def single(spec: Spec) -> Spec:
    """The options of a module for one object: it is called `name` there."""
    options = {key: value for key, value in spec.items() if key != "id"}
    options["name"] = spec["id"]
    return options


def given(spec: Mapping[str, Mapping[str, Any]], params: Mapping[str, Any]) -> Dict[str, Any]:
    """What of `params` was given, as the document spells it. A score that is an empty text is null: there is to be none."""
    found: Dict[str, Any] = {}
    for key, option in spec.items():
        value = params.get(key)
        if value is None:
            continue
        if key == "score" and value == "":
            value = None
        inner = option.get("options")
        if inner and isinstance(value, list):
            value = [given(inner, item) for item in value]
        elif inner and value is not None:
            value = given(inner, value)
        found[key.replace("_", "-") if key in _DASHED else key] = value
    return found


def entry(spec: Mapping[str, Mapping[str, Any]], params: Mapping[str, Any]) -> Dict[str, Any]:
    """A document's entry from the options of a module for one object."""
    found = given({key: option for key, option in spec.items() if key not in ("id", "name")}, params)
    name = params.get("name") or params.get("id")
    if name:
        found["id"] = name
    return found


def misplaced(section: str, item: Mapping[str, Any], path: str = "") -> List[str]:
    """Fields that do not belong to the kind of an entry; the agent would only say that they are unknown."""
    kinds = _KINDS[section]
    kind = item["kind"]
    foreign = [
        (field, [other for other, fields in kinds.items() if field in fields])
        for field in item
        if field not in kinds[kind] and any(field in fields for fields in kinds.values())
    ]
    return [
        "%s%s makes no sense with kind=%s; it belongs to kind=%s" % (path, field, kind, " and kind=".join(owners))
        for field, owners in sorted(foreign)
    ]


def plain_secrets(tree: Any, path: str = "") -> List[str]:
    """Why the secrets in a fence device's entry must not go into the CIB, each with its remedy.

    The mask that an export shows in place of a secret is none; the agent keeps what it stands for.
    """
    return [
        "%s would stand in the CIB, in pacemaker.log and in every saved scheduler input; %s, "
        "or set allow_password_in_cib=true" % (place, _elsewhere(name))
        for name, place in sorted(_places(tree, "", path))
    ]


def _places(tree: Any, name: str, path: str) -> Iterator[Tuple[str, str]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            if name in ("ids", "secrets"):
                continue  # what options are called, be they secret ones; and what Pacemaker keeps elsewhere
            yield from _places(value, str(key), "%s.%s" % (path, key) if path else str(key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _places(value, name, "%s[%d]" % (path, index))
    elif is_secret(name) and tree is not None and tree != MASK:
        yield name, path


def _elsewhere(name: str) -> str:
    if name.endswith(("passwd", "password")):
        script = "password_script" if name in ("passwd", "password") else name + "_script"
        return "let %s name a root-only program that prints it (the role tandem.ha.fencing makes one)" % script
    return "let the agent take it from a root-only file if it can"


def refuse(faults: Sequence[str]) -> None:
    """Raise Refusal with all of `faults`, if there are any."""
    if faults:
        raise Refusal("; ".join(faults))
