# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""The options of what stands inside a document's entries: rules, sets of resources, sets of options."""

from typing import Any, Dict

Spec = Dict[str, Dict[str, Any]]

TEXT: Dict[str, Any] = {"type": "str"}
TEXTS: Dict[str, Any] = {"type": "list", "elements": "str"}
NUMBER: Dict[str, Any] = {"type": "int"}
MAP: Dict[str, Any] = {"type": "dict"}
FLAG: Dict[str, Any] = {"type": "bool"}
IDENTIFIER: Dict[str, Any] = {"type": "str", "required": True}
ROLE: Dict[str, Any] = {
    "type": "str",
    "choices": ["Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave"],
}
ACTION: Dict[str, Any] = {"type": "str", "choices": ["start", "stop", "promote", "demote"]}
MODE: Dict[str, Any] = {"type": "str", "choices": ["Mandatory", "Optional", "Serialize"]}


def one(spec: Spec) -> Dict[str, Any]:
    """An option that holds one object."""
    return {"type": "dict", "options": spec}


def many(spec: Spec) -> Dict[str, Any]:
    """An option that holds a list of objects."""
    return {"type": "list", "elements": "dict", "options": spec}


# Texts, since most take ranges: 9-16.
SPANS: Spec = {
    "id": TEXT,
    "years": TEXT,
    "months": TEXT,
    "weeks": TEXT,
    "days": TEXT,
    "hours": TEXT,
    "minutes": TEXT,
    "seconds": TEXT,
    "monthdays": TEXT,
    "weekdays": TEXT,
    "yeardays": TEXT,
    "yearsdays": TEXT,
    "weekyears": TEXT,
    "moon": TEXT,
}

DATE: Spec = {
    "id": TEXT,
    "operation": {"type": "str", "choices": ["in_range", "gt", "lt", "date_spec", "eq", "neq"]},
    "start": TEXT,
    "end": TEXT,
    "duration": one(SPANS),
    "spec": one(SPANS),
}

EXPRESSION: Spec = {
    "id": TEXT,
    "attribute": TEXT,
    "operation": {"type": "str", "choices": ["lt", "gt", "lte", "gte", "eq", "ne", "defined", "not_defined"]},
    "value": {"type": "raw"},
    "type": {"type": "str", "choices": ["string", "integer", "number", "version"]},
    "value_source": {"type": "str", "choices": ["literal", "param", "meta"]},
    "date": one(DATE),
    "op": one({"id": TEXT, "name": IDENTIFIER, "interval": TEXT}),
    "agent": one({"id": TEXT, "class": TEXT, "provider": TEXT, "type": TEXT}),
    "rule": MAP,  # a rule again; an option's spec cannot hold itself, so the agent alone judges what is in it
}

RULE: Spec = {
    "id": TEXT,
    "score": TEXT,
    "score_attribute": TEXT,
    "operator": {"type": "str", "choices": ["and", "or"]},
    "role": ROLE,
    "same_as": TEXT,
    "expressions": many(EXPRESSION),
}

RESOURCE_SET: Spec = {
    "id": TEXT,
    "resources": TEXTS,
    "sequential": FLAG,
    "require_all": FLAG,
    "ordering": {"type": "str", "choices": ["group", "listed"]},
    "action": ACTION,
    "role": ROLE,
    "score": TEXT,
    "mode": MODE,
    "same_as": TEXT,
}

# Beside plain options: maps as OPTION_SET, and perhaps the word `plain`. A list of both has no spec.
SETS: Dict[str, Any] = {"type": "list", "elements": "raw"}

OPTION_SET: Spec = {
    "id": TEXT,
    "score": TEXT,
    "rule": one(RULE),
    "options": MAP,
    "references": TEXTS,
    "ids": MAP,
    "same_as": TEXT,
}
