# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents for property tests: small worlds in which names meet often."""

from __future__ import annotations

from typing import Any, Dict, List

from hypothesis import strategies as st

NAMES = ["a", "b", "c", "d"]
NODES = ["c1", "c2"]
text = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"), min_size=1, max_size=12
)
values = st.one_of(st.sampled_from(["1", "30", "30s", "PT30S", "true", "yes", "<&>\"'", "-x", "ä"]), text)
params = st.dictionaries(st.sampled_from(["ip", "nic", "passwd", "arg"]), values, max_size=3)
metas = st.dictionaries(
    st.sampled_from(["priority", "failure-timeout", "target-role", "is-managed", "migration-threshold"]),
    st.sampled_from(["1", "30", "30s", "true", "Started", "INFINITY"]),
    max_size=3,
)
operation = st.fixed_dictionaries(
    {"name": st.sampled_from(["monitor", "start"]), "interval": st.sampled_from(["0s", "10", "10s", "PT10S", "20s"])},
    optional={"timeout": st.sampled_from(["20", "20s", "1min"]), "on-fail": st.sampled_from(["restart", "block"])},
)


def _unique(operations: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    seconds = {"0s": 0, "10": 10, "10s": 10, "PT10S": 10, "20s": 20}
    return list({(item["name"], seconds[item["interval"]]): item for item in operations}.values())


operations = st.lists(operation, max_size=3).map(_unique)


span = st.fixed_dictionaries({}, optional={"hours": st.sampled_from(["9-16", "1"]), "weekdays": st.just("1-5")})
test = st.one_of(
    st.fixed_dictionaries(
        {
            "attribute": st.sampled_from(["pingd", "#uname"]),
            "operation": st.sampled_from(["lt", "eq"]),
            "value": values,
        },
        optional={"type": st.sampled_from(["number", "string"]), "value_source": st.just("literal")},
    ),
    st.fixed_dictionaries({"attribute": st.just("pingd"), "operation": st.sampled_from(["defined", "not_defined"])}),
    st.fixed_dictionaries({"date": st.fixed_dictionaries({"operation": st.just("date_spec"), "spec": span})}),
    st.fixed_dictionaries(
        {"date": st.just({"operation": "in_range", "start": "2026-01-01", "duration": {"years": "1"}})}
    ),
    st.fixed_dictionaries({"op": st.just({"name": "monitor", "interval": "10s"})}),
    st.fixed_dictionaries(
        {"agent": st.fixed_dictionaries({}, optional={"class": st.just("ocf"), "type": st.just("x")})}
    ),
)
tests = st.recursive(
    st.lists(test, min_size=1, max_size=2),
    lambda inner: st.lists(
        st.builds(lambda tests: {"rule": {"operator": "or", "expressions": tests}}, inner), min_size=1, max_size=2
    ),
    max_leaves=3,
)
rules = st.fixed_dictionaries({"expressions": tests}, optional={"operator": st.sampled_from(["and", "or"])})
option_set = st.fixed_dictionaries(
    {"options": params}, optional={"score": st.sampled_from(["1", "INFINITY"]), "rule": rules}
).filter(lambda found: found["options"] and ("rule" in found or "score" in found))
option_sets = st.one_of(
    st.lists(option_set, max_size=2), st.lists(option_set, min_size=1, max_size=2).map(lambda sets: [*sets, "plain"])
)


def _switch(draw: Any, entry: Dict[str, Any]) -> None:
    """Perhaps say whether it runs and is managed, where `meta` does not."""
    meta = entry.get("meta") or {}
    if "target-role" not in meta and draw(st.booleans()):
        entry["state"] = draw(st.sampled_from(["present", "started", "stopped"]))
    if "is-managed" not in meta and draw(st.booleans()):
        entry["managed"] = draw(st.booleans())


@st.composite
def documents(draw: Any) -> Dict[str, Any]:
    """A document that holds together: primitives, perhaps grouped or cloned, and constraints between them."""
    made: List[Dict[str, Any]] = []
    free = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    for name in free:
        entry: Dict[str, Any] = {"id": name, "agent": draw(st.sampled_from(["ocf:heartbeat:Dummy", "systemd:x"]))}
        optional = (
            ("params", params), ("meta", metas), ("ops", operations), ("param_sets", option_sets), ("meta_sets", option_sets),
            ("utilization", st.dictionaries(st.sampled_from(["cpu", "memory"]), st.sampled_from(["1", "02"]), max_size=2)),
        )  # fmt: skip
        for key, values_of in optional:
            if draw(st.booleans()):
                entry[key] = draw(values_of)
        _switch(draw, entry)
        made.append(entry)
    top = list(free)
    if len(top) > 1 and draw(st.booleans()):
        members = draw(st.lists(st.sampled_from(top), unique=True, min_size=1))
        made.append({"id": "g", "kind": "group", "members": members, "meta": draw(metas)})
        _switch(draw, made[-1])
        top = [name for name in top if name not in members] + ["g"]
    if top and draw(st.booleans()):
        inner = draw(st.sampled_from(top))
        made.append({"id": "k", "kind": "clone", "resource": inner, "promotable": draw(st.booleans())})
        top.remove(inner)
    if draw(st.booleans()):
        made.append(draw(_bundle([name for name in top if name != "g"])))
    if draw(st.booleans()):
        made.append({"id": "t", "kind": "template", "agent": "ocf:heartbeat:Dummy", "params": draw(params)})
        made.append({"id": "of-t", "template": "t", "meta": draw(metas)})
    ids = [entry["id"] for entry in made if entry.get("kind") != "template"]
    document: Dict[str, Any] = {"resources": made, "constraints": draw(_constraints(ids)) if ids else []}
    if draw(st.booleans()):
        document["properties"] = draw(
            st.dictionaries(
                st.sampled_from(["cluster-recheck-interval", "maintenance-mode"]),
                st.sampled_from(["60", "1min", "true"]),
            )
        )
    _draw_others(draw, document, ids)
    document["nodes"] = [
        {
            "id": node,
            "standby": draw(st.booleans()),
            "attributes": draw(st.dictionaries(st.sampled_from(["x", "y"]), values)),
        }
        for node in draw(st.lists(st.sampled_from(NODES), unique=True))
    ]
    return document


@st.composite
def _bundle(draw: Any, free: List[str]) -> Dict[str, Any]:
    """Containers, perhaps with a resource inside."""
    entry: Dict[str, Any] = {
        "id": "box",
        "kind": "bundle",
        "container": {"type": draw(st.sampled_from(["podman", "docker"])), "image": "i:1", "replicas": 2},
        "network": {"control_port": 3121, "ports": [{"id": "box-port", "port": draw(st.sampled_from([80, 443]))}]},
        "storage": [{"source_dir": "/s", "target_dir": f"/t{number}"} for number in range(draw(st.integers(0, 2)))],
    }
    entry["resource"] = draw(st.sampled_from([*free, ""]))  # an empty one: nothing inside
    if draw(st.booleans()):
        entry["meta"] = draw(metas)
    return entry


def _draw_others(draw: Any, document: Dict[str, Any], ids: List[str]) -> None:
    """Sections of their own: sets with rules, alerts, access control, tags."""
    if draw(st.booleans()):
        found = draw(st.lists(st.tuples(rules, params.filter(bool)), max_size=2, unique_by=repr))
        document["property_sets"] = [
            {"id": f"set-{number}", "rule": rule, "options": options, "ahead": draw(st.booleans())}
            for number, (rule, options) in enumerate(found)
        ]
    if draw(st.booleans()):
        recipient = {"id": "mail", "value": draw(values), "params": draw(params)}
        select = draw(
            st.sampled_from([{"nodes": True}, {"attributes": ["pingd"]}, {"fencing": True, "attributes": []}])
        )
        document["alerts"] = [{"id": "bell", "path": "/bin/true", "select": select, "recipients": [recipient],
                               "meta": draw(metas)}]  # fmt: skip
    if draw(st.booleans()):
        permissions = [
            {"kind": "read", "xpath": "/cib"},
            {"kind": "deny", "object_type": "nvpair", "attribute": "value"},
        ]
        permissions += [{"kind": "write", "reference": name} for name in ids[:1]]
        document["acls"] = [
            {"id": "operator", "kind": "role", "permissions": draw(st.permutations(permissions))},
            {"id": "1eva", "kind": "user", "roles": ["operator"]},
        ]
    if ids and draw(st.booleans()):
        document["tags"] = [{"id": "some", "references": draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))}]


@st.composite
def _constraints(draw: Any, ids: List[str]) -> List[Dict[str, Any]]:
    made: Dict[Any, Dict[str, Any]] = {}
    for _number in range(draw(st.integers(0, 4))):
        first, then = draw(st.sampled_from(ids)), draw(st.sampled_from(ids))
        kind = draw(st.sampled_from(["location", "rule", "colocation", "order", "sets", "ticket"]))
        score = draw(st.sampled_from(["100", "INFINITY", "-INFINITY"]))
        if kind == "location":
            node = draw(st.sampled_from(NODES))
            made[kind, first, node] = {"kind": kind, "resource": first, "node": node, "score": score}
        elif kind == "rule":
            pings = [
                {"attribute": "pingd", "operation": "lt", "value": "1"},
                {"attribute": "pingd", "operation": "not_defined"},
            ]
            rule = {"operator": "or", "score": score, "expressions": draw(st.one_of(st.just(pings), tests))}
            made[kind, first] = {"kind": "location", "resource": first, "rule": rule}
        elif kind == "sets":
            sets = [{"resources": [first], "role": "Started"}]
            sets += [{"resources": [then], "sequential": draw(st.booleans())}] if then != first else []
            which = draw(st.sampled_from(["colocation", "order", "ticket", "location"]))
            entry = {"kind": which, "sets": sets}
            entry.update({"ticket": "T"} if which == "ticket" else {})
            entry.update({"node": "c1", "score": score} if which == "location" else {})
            made[which, repr(sets)] = entry
        elif kind == "ticket":
            made[kind, first] = {"kind": kind, "ticket": "T", "resource": first, "loss_policy": "stop"}
        elif first != then and kind == "colocation":
            made[kind, first, then] = {"kind": kind, "resource": first, "with": then, "score": score}
        elif first != then:
            mode = draw(st.sampled_from([None, "Mandatory", "Optional"]))
            made[kind, first, then] = {"kind": kind, "first": first, "then": then, **({"mode": mode} if mode else {})}
    return list(made.values())
