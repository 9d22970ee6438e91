# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""The options of a document's entries (docs/model.md), shared by ha_config and the modules of single objects.

What was not given is not sent: for the agent "absent" and "left as it is" are the same, and null means "remove".
"""

from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.tandem.ha.plugins.module_utils._module import Refusal, is_secret

Spec = Dict[str, Dict[str, Any]]

ROLES = ["Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave"]
ACTIONS = ["start", "stop", "promote", "demote"]
ABSENT_OR_NOT: Dict[str, Any] = {"type": "str", "choices": ["present", "absent"], "default": "present"}
TEXT: Dict[str, Any] = {"type": "str"}
TEXTS: Dict[str, Any] = {"type": "list", "elements": "str"}
MAP: Dict[str, Any] = {"type": "dict"}
FLAG: Dict[str, Any] = {"type": "bool"}
IDENTIFIER: Dict[str, Any] = {"type": "str", "required": True}

OPERATION: Spec = {
    "name": IDENTIFIER,
    "interval": TEXT,
    "timeout": TEXT,
    "role": {"type": "str", "choices": ROLES},
    "start_delay": TEXT,
    "on_fail": TEXT,
    "enabled": FLAG,
    "record_pending": FLAG,
    "interval_origin": TEXT,
    "description": TEXT,
}

OPERATIONS: Dict[str, Any] = {"type": "list", "elements": "dict", "options": OPERATION}

NODE: Spec = {
    "id": IDENTIFIER,
    "standby": FLAG,
    "maintenance": FLAG,
    "attributes": MAP,
}

RESOURCE: Spec = {
    "id": IDENTIFIER,
    "kind": {"type": "str", "choices": ["primitive", "group", "clone"], "default": "primitive"},
    "state": {"type": "str", "choices": ["present", "absent", "started", "stopped"], "default": "present"},
    "managed": FLAG,
    "agent": TEXT,
    "template": TEXT,
    "params": MAP,
    "meta": MAP,
    "ops": OPERATIONS,
    "group": TEXT,
    "members": TEXTS,
    "resource": TEXT,
    "promotable": FLAG,
    "description": TEXT,
}

STONITH: Spec = {
    "id": IDENTIFIER,
    "state": ABSENT_OR_NOT,
    "agent": TEXT,
    "targets": TEXTS,
    "params": MAP,
    "meta": MAP,
    "ops": OPERATIONS,
    "description": TEXT,
}

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

EXPRESSION: Spec = {
    "attribute": IDENTIFIER,
    "operation": {
        "type": "str",
        "required": True,
        "choices": ["lt", "gt", "lte", "gte", "eq", "ne", "defined", "not_defined"],
    },
    "value": {"type": "raw"},
    "type": {"type": "str", "choices": ["string", "integer", "number", "version"]},
}

RULE: Spec = {
    "score": TEXT,
    "score_attribute": TEXT,
    "operator": {"type": "str", "choices": ["and", "or"], "default": "and"},
    "role": {"type": "str", "choices": ROLES},
    "expressions": {"type": "list", "elements": "dict", "required": True, "options": EXPRESSION},
}

CONSTRAINT: Spec = {
    "id": TEXT,
    "kind": {"type": "str", "choices": ["location", "colocation", "order"], "required": True},
    "state": ABSENT_OR_NOT,
    "resource": TEXT,
    "node": TEXT,
    "role": {"type": "str", "choices": ROLES},
    "score": TEXT,
    "rule": {"type": "dict", "options": RULE},
    "with": TEXT,
    "resource_role": {"type": "str", "choices": ROLES},
    "with_role": {"type": "str", "choices": ROLES},
    "first": TEXT,
    "first_action": {"type": "str", "choices": ACTIONS},
    "then": TEXT,
    "then_action": {"type": "str", "choices": ACTIONS},
    "mode": {"type": "str", "choices": ["Mandatory", "Optional", "Serialize"]},
    "symmetrical": FLAG,
}

DOCUMENT: Spec = {
    "name": TEXT,
    "properties": MAP,
    "resource_defaults": MAP,
    "operation_defaults": MAP,
    "nodes": {"type": "list", "elements": "dict", "options": NODE},
    "resources": {"type": "list", "elements": "dict", "options": RESOURCE},
    "stonith": {"type": "list", "elements": "dict", "options": STONITH},
    "levels": {"type": "list", "elements": "dict", "options": LEVEL},
    "constraints": {"type": "list", "elements": "dict", "options": CONSTRAINT},
}

# Sent under the name that Pacemaker has for it.
_DASHED = ("start_delay", "on_fail", "record_pending", "interval_origin")

# Which kind of object a field belongs to; what is not here belongs to all.
_KINDS: Dict[str, Dict[str, Sequence[str]]] = {
    "resources": {
        "primitive": ("agent", "template", "params", "ops", "group"),
        "group": ("members",),
        "clone": ("resource", "promotable"),
    },
    "constraints": {
        "location": ("resource", "node", "role", "score", "rule"),
        "colocation": ("resource", "with", "resource_role", "with_role", "score"),
        "order": ("first", "first_action", "then", "then_action", "mode", "symmetrical"),
    },
}


def single(spec: Spec) -> Spec:
    """The options of a module for one object: it is called `name` there."""
    options = {key: value for key, value in spec.items() if key != "id"}
    options["name"] = spec["id"]
    return options


def given(spec: Mapping[str, Mapping[str, Any]], params: Mapping[str, Any]) -> Dict[str, Any]:
    """What of `params` was given, as the document spells it."""
    found: Dict[str, Any] = {}
    for key, option in spec.items():
        value = params.get(key)
        if value is None:
            continue
        inner = option.get("options")
        if inner and isinstance(value, list):
            value = [given(inner, item) for item in value]
        elif inner:
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


def plain_secrets(params: Mapping[str, Any], path: str = "params") -> List[str]:
    """Why the secrets in a fence device's `params` must not go into the CIB, each with its remedy."""
    return [
        "%s.%s would stand in the CIB, in pacemaker.log and in every saved scheduler input; %s, "
        "or set allow_password_in_cib=true" % (path, name, _elsewhere(name))
        for name in sorted(params)
        if is_secret(name) and params[name] is not None
    ]


def _elsewhere(name: str) -> str:
    if name.endswith(("passwd", "password")):
        script = "passwd_script" if name == "password" else name + "_script"
        return "let %s name a root-only program that prints it (the role tandem.ha.fencing makes one)" % script
    return "let the agent take it from a root-only file if it can"


def refuse(faults: Sequence[str]) -> None:
    """Raise Refusal with all of `faults`, if there are any."""
    if faults:
        raise Refusal("; ".join(faults))
