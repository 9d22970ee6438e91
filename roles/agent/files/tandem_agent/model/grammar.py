# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of everything that is described and not coded: how a document calls what an element of the CIB says.

One table serves three readers: documents become parts, parts become documents, and faults name what is allowed.
Elements and attributes are those of Pacemaker's schemas, 1.x to 4.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Callable, FrozenSet, Mapping, Optional, Tuple

from .values import boolean, duration_ms, id_fault, role, score, score_text, whole


def _as_is(text: str) -> str:
    return text


@dataclass(frozen=True)
class Form:
    """How a value is judged, and how documents spell it."""

    fault: Callable[[str], Optional[str]]
    spell: Callable[[str], str] = _as_is


def _one_of(words: Tuple[str, ...]) -> Form:
    spelt = {word.lower(): word for word in words}

    def fault(text: str) -> Optional[str]:
        return None if text.lower() in spelt else f"{text!r} is not allowed; choose one of {', '.join(words)}"

    return Form(fault, lambda text: spelt.get(text.lower(), text))


def _judged(reader: Callable[[str], object], words: str) -> Callable[[str], Optional[str]]:
    return lambda text: f"{text!r} is {words}" if reader(text) is None else None


ROLES = ("Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave")
ACTIONS = ("start", "stop", "promote", "demote")
MODES = ("Mandatory", "Optional", "Serialize")
OPERATORS = ("lt", "gt", "lte", "gte", "eq", "ne", "defined", "not_defined")

TEXT = Form(lambda _text: None)
IDENTIFIER = Form(id_fault)
SCORE = Form(_judged(score, "no score; write an integer, INFINITY or -INFINITY"), score_text)
BOOLEAN = Form(_judged(boolean, "not a boolean; write true or false"))
INTEGER = Form(_judged(whole, "no whole number"))
INTERVAL = Form(_judged(duration_ms, "no time span; write for example 30s, 5min or PT30S"))
ROLE = Form(_one_of(ROLES).fault, role)


@dataclass(frozen=True)
class Attribute:
    """One attribute: `name` in the CIB, `key` in a document."""

    name: str
    key: str = ""
    form: Form = TEXT
    required: bool = False
    dashed: str = ""  # the key as it may be written too: with dashes, as the CIB writes it

    def __post_init__(self) -> None:
        if not self.key:
            object.__setattr__(self, "key", self.name.replace("-", "_"))
        object.__setattr__(self, "dashed", self.key.replace("_", "-"))


@dataclass(frozen=True)
class Child:
    """Elements inside: under which key a document lists them, and how.

    one     a single object                     many    a list of objects
    names   a list of texts, held by `field`    flag    true when the element is there
    options `params` and `param_sets`: the key is `params`
    """

    key: str
    form: str
    shapes: Tuple[str, ...]
    wrapper: str = ""  # an element around all of them
    field: str = "id"
    single: str = ""  # of many: the key that takes one object instead of a list

    @cached_property
    def keys(self) -> Tuple[str, ...]:
        """Where a document may speak of them."""
        also = sets_key(self.key) if self.form == "options" else self.single
        return (self.key, also) if also else (self.key,)


@dataclass(frozen=True)
class Shape:
    """One kind of element. Its children are in the order in which old schemas want them."""

    attributes: Tuple[Attribute, ...] = ()
    children: Tuple[Child, ...] = ()
    under: str = ""  # in a list of different things: the key that tells this one
    shows_id: bool = False  # the id is worth a document's space even where nothing refers to it
    suffix: str = ""  # what a made-up id ends with

    @cached_property
    def keys(self) -> FrozenSet[str]:
        """How a document may spell the attributes."""
        return frozenset(key for attribute in self.attributes for key in (attribute.key, attribute.dashed))


def sets_key(key: str) -> str:
    """`params` has `param_sets` beside it."""
    return "param_sets" if key == "params" else key + "_sets"


def _attributes(*names: str, form: Form = TEXT) -> Tuple[Attribute, ...]:
    return tuple(Attribute(name, form=form) for name in names)


SAME_AS = Attribute("id-ref", "same_as", IDENTIFIER)
_SPANS = ("years", "months", "weeks", "days", "hours", "minutes", "seconds", "monthdays", "weekdays", "yeardays",
          "yearsdays", "weekyears", "moon")  # fmt: skip
_SETS = Child("sets", "many", ("resource_set",))
_LIFETIME = Child("lifetime", "many", ("rule",), wrapper="lifetime")
_ALLOWED = (
    Attribute("kind", form=_one_of(("read", "write", "deny")), required=True), Attribute("xpath"),
    Attribute("reference", form=IDENTIFIER), Attribute("object-type"), Attribute("attribute"), Attribute("description"),
)  # fmt: skip
_CONTAINER = Shape((
    Attribute("image", required=True), Attribute("replicas", form=INTEGER), Attribute("replicas-per-host", form=INTEGER),
    Attribute("promoted-max", form=INTEGER), Attribute("run-command"), Attribute("network"), Attribute("options"),
))  # fmt: skip
CONTAINERS = ("podman", "docker", "rkt")
_BEFORE_ACL_2 = ("read", "write", "deny")  # permissions as schemas before pacemaker-2.0 have them
_HOLDER = Shape((Attribute("name"),), (Child("roles", "names", ("role",)),))
_OPTIONS = (Child("params", "options", ("instance_attributes",)), Child("meta", "options", ("meta_attributes",)))

SHAPES: Mapping[str, Shape] = {
    "rule": Shape(
        (
            Attribute("boolean-op", "operator", _one_of(("and", "or"))), Attribute("score", form=SCORE),
            Attribute("score-attribute"), Attribute("role", form=ROLE), SAME_AS,
        ),
        (Child("expressions", "many", ("expression", "date_expression", "op_expression", "rsc_expression", "rule")),),
        under="rule",
        suffix="rule",
    ),
    "expression": Shape(
        (
            Attribute("attribute", required=True), Attribute("operation", form=_one_of(OPERATORS), required=True),
            Attribute("value"), Attribute("type", form=_one_of(("string", "integer", "number", "version"))),
            Attribute("value-source", form=_one_of(("literal", "param", "meta"))),
        ),
        suffix="expr",
    ),
    "date_expression": Shape(
        (
            Attribute("operation", form=_one_of(("in_range", "gt", "lt", "date_spec", "eq", "neq"))),
            Attribute("start"), Attribute("end"),
        ),
        (Child("duration", "one", ("duration",)), Child("spec", "one", ("date_spec",))),
        under="date",
        suffix="expr",
    ),
    "duration": Shape(_attributes(*_SPANS), suffix="duration"),
    "date_spec": Shape(_attributes(*_SPANS), suffix="datespec"),
    "op_expression": Shape((Attribute("name", required=True), Attribute("interval")), under="op", suffix="op-expr"),
    "rsc_expression": Shape(_attributes("class", "provider", "type"), under="agent", suffix="rsc-expr"),
    "resource_set": Shape(
        (
            Attribute("sequential", form=BOOLEAN), Attribute("require-all", form=BOOLEAN),
            Attribute("ordering", form=_one_of(("group", "listed"))), Attribute("action", form=_one_of(ACTIONS)),
            Attribute("role", form=ROLE), Attribute("score", form=SCORE), Attribute("kind", "mode", _one_of(MODES)), SAME_AS,
        ),
        (Child("resources", "names", ("resource_ref",)),),
        suffix="set",
    ),
    "rsc_location": Shape(
        (
            Attribute("rsc", "resource", IDENTIFIER), Attribute("rsc-pattern", "resource_pattern"), Attribute("role", form=ROLE),
            Attribute("node"), Attribute("score", form=SCORE),
            Attribute("resource-discovery", "discovery", _one_of(("always", "never", "exclusive"))),
        ),
        (_SETS, Child("rules", "many", ("rule",), single="rule"), _LIFETIME),
    ),
    "rsc_colocation": Shape(
        (
            Attribute("rsc", "resource", IDENTIFIER), Attribute("with-rsc", "with", IDENTIFIER),
            Attribute("rsc-role", "resource_role", ROLE), Attribute("with-rsc-role", "with_role", ROLE),
            Attribute("score", form=SCORE), Attribute("score-attribute"), Attribute("score-attribute-mangle"),
            Attribute("node-attribute"), Attribute("influence", form=BOOLEAN),
            Attribute("rsc-instance", "resource_instance", INTEGER), Attribute("with-rsc-instance", "with_instance", INTEGER),
        ),
        (_LIFETIME, _SETS),
    ),
    "rsc_order": Shape(
        (
            Attribute("first", form=IDENTIFIER), Attribute("first-action", form=_one_of(ACTIONS)),
            Attribute("then", form=IDENTIFIER), Attribute("then-action", form=_one_of(ACTIONS)),
            Attribute("kind", "mode", _one_of(MODES)), Attribute("symmetrical", form=BOOLEAN),
            Attribute("require-all", form=BOOLEAN), Attribute("first-instance", form=INTEGER),
            Attribute("then-instance", form=INTEGER),
        ),
        (_LIFETIME, _SETS),
    ),
    "rsc_ticket": Shape(
        (
            Attribute("ticket", required=True), Attribute("rsc", "resource", IDENTIFIER),
            Attribute("rsc-role", "resource_role", ROLE),
            Attribute("loss-policy", form=_one_of(("stop", "demote", "fence", "freeze"))),
        ),
        (_SETS,),
    ),
    "alert": Shape(
        (Attribute("path"), Attribute("description")),
        (*_OPTIONS, Child("select", "one", ("select",)), Child("recipients", "many", ("recipient",))),
    ),
    "select": Shape(
        (),
        (
            Child("nodes", "flag", ("select_nodes",)), Child("fencing", "flag", ("select_fencing",)),
            Child("resources", "flag", ("select_resources",)),
            Child("attributes", "names", ("attribute",), wrapper="select_attributes", field="name"),
        ),
    ),
    "recipient": Shape(
        (Attribute("value", required=True), Attribute("description")), _OPTIONS, shows_id=True, suffix="recipient"
    ),
    "acl_role": Shape((Attribute("description"),), (Child("permissions", "many", ("acl_permission", *_BEFORE_ACL_2)),)),
    "acl_user": Shape(
        (),
        (
            Child("roles", "names", ("role_ref",)),
            Child("permissions", "many", ("acl_permission", *_BEFORE_ACL_2)),
        ),
    ),
    **{
        kind: Shape(
            (
                Attribute("xpath"), Attribute("tag", "object_type"), Attribute("ref", "reference", IDENTIFIER),
                Attribute("attribute"),
            ),
            under=kind,
            suffix=kind,
        )
        for kind in _BEFORE_ACL_2
    },
    "acl_permission": Shape(_ALLOWED, suffix="permission"),
    "acl_target": _HOLDER,
    "acl_group": _HOLDER,
    "podman": _CONTAINER,
    "docker": _CONTAINER,
    "rkt": _CONTAINER,
    "network": Shape(
        (
            Attribute("ip-range-start"), Attribute("control-port", form=INTEGER), Attribute("host-interface"),
            Attribute("host-netmask", form=INTEGER), Attribute("add-host", form=BOOLEAN),
        ),
        (Child("ports", "many", ("port-mapping",)),),
    ),
    "port-mapping": Shape(
        (Attribute("port", form=INTEGER), Attribute("internal-port", form=INTEGER), Attribute("range")),
        shows_id=True,
        suffix="port-map",
    ),
    "storage-mapping": Shape(
        (Attribute("source-dir"), Attribute("source-dir-root"), Attribute("target-dir", required=True), Attribute("options")),
        shows_id=True,
        suffix="storage-map",
    ),
    # Inside instance_attributes and their like; options themselves are a map and not described here.
    "nvset": Shape(
        (Attribute("score", form=SCORE), SAME_AS),
        (Child("rule", "one", ("rule",)),),
    ),
    "nvpair": Shape((SAME_AS, Attribute("name"))),
}  # fmt: skip
