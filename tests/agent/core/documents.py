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
        for key, values_of in (("params", params), ("meta", metas), ("ops", operations)):
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
    ids = [entry["id"] for entry in made]
    document: Dict[str, Any] = {"resources": made, "constraints": draw(_constraints(ids)) if ids else []}
    if draw(st.booleans()):
        document["properties"] = draw(
            st.dictionaries(
                st.sampled_from(["cluster-recheck-interval", "maintenance-mode"]),
                st.sampled_from(["60", "1min", "true"]),
            )
        )
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
def _constraints(draw: Any, ids: List[str]) -> List[Dict[str, Any]]:
    made: Dict[Any, Dict[str, Any]] = {}
    for _number in range(draw(st.integers(0, 4))):
        first, then = draw(st.sampled_from(ids)), draw(st.sampled_from(ids))
        kind = draw(st.sampled_from(["location", "rule", "colocation", "order"]))
        score = draw(st.sampled_from(["100", "INFINITY", "-INFINITY"]))
        if kind == "location":
            node = draw(st.sampled_from(NODES))
            made[kind, first, node] = {"kind": kind, "resource": first, "node": node, "score": score}
        elif kind == "rule":
            tests = [
                {"attribute": "pingd", "operation": "lt", "value": "1"},
                {"attribute": "pingd", "operation": "not_defined"},
            ]
            rule = {"operator": "or", "score": score, "expressions": tests}
            made[kind, first] = {"kind": "location", "resource": first, "rule": rule}
        elif first != then and kind == "colocation":
            made[kind, first, then] = {"kind": kind, "resource": first, "with": then, "score": score}
        elif first != then:
            mode = draw(st.sampled_from([None, "Mandatory", "Optional"]))
            made[kind, first, then] = {"kind": kind, "first": first, "then": then, **({"mode": mode} if mode else {})}
    return list(made.values())
