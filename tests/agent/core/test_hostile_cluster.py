# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `cluster.apply` may be asked, and what may stand in corosync.conf and in Corosync's map: damaged, of wrong types."""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, List, Optional, Tuple

from damage import WEIRD, at, paths, put
from fuzzing import fuzz
from hypothesis import given, strategies as st

from tandem_agent.corosync import read, timing
from tandem_agent.corosync.parse import Section, parse
from tandem_agent.corosync.render import flat, render
from tandem_agent.corosync.runtime import classify, differences, read_map
from tandem_agent.errors import AgentError
from tandem_agent.membership.host import live_members
from tandem_agent.membership.request import read_request
from tandem_agent.model.fields import Fields

BASE = """totem {
  version: 2
  cluster_name: lab
  transport: knet
  token: 3000
  consensus: 3600
  token_coefficient: 650
  token_retransmits_before_loss_const: 10
  interface {
    linknumber: 0
    knet_link_priority: 1
  }
}
nodelist {
  node {
    ring0_addr: 10.0.0.1
    name: c1
    nodeid: 1
  }
  node {
    ring0_addr: 10.0.0.2
    nodeid: 2
  }
}
quorum {
  provider: corosync_votequorum
  device {
    model: net
    timeout: 10000
    net {
      host: 10.0.0.9
      algorithm: ffsplit
    }
  }
}
"""
MAP = """nodelist.node.0.nodeid (u32) = 1
nodelist.node.0.name (str) = c1
runtime.members.1.status (str) = joined
totem.token (u32) = 3000
quorum.device.timeout (u32) = 10000
"""
REQUEST: Dict[str, Any] = {
    "state": "started",
    "cluster": {
        "name": "lab",
        "nodes": [
            {"name": name, "id": n, "links": [f"10.0.0.{n}", f"10.1.0.{n}"]} for n, name in ((1, "c1"), (2, "c2"))
        ],
        "transport": "knet",
        "crypto": {"cipher": "aes256", "hash": "sha256", "model": "openssl"},
        "totem": {"token": 3000, "consensus": 3600, "token_coefficient": 650, "join": 50},
        "links": [{"number": 0, "knet_link_priority": 1}, {"number": 1}],
        "quorum": {"wait_for_all": True},
        "qdevice": {"model": "net", "host": "10.0.0.9", "algorithm": "ffsplit", "heuristics": {"mode": "sync"}},
        "fencing": {"power_wait": 5, "delay": 1, "action": "off"},
    },
    "remove_nodes": ["c9"],
    "unreached": ["c2"],
    "keys": {"corosync": base64.b64encode(b"k" * 256).decode(), "pacemaker": base64.b64encode(b"k" * 256).decode()},
    "base": BASE,
    "activate": True,
    "restart": "never",
    "enabled": True,
    "wait": 10,
    "pcs": {"password": "5ecret"},
}


def refusal(params: Dict[str, Any]) -> Optional[AgentError]:
    try:
        read_request(Fields(params, "", []))
    except AgentError as error:
        return error
    return None


def test_the_request_is_good() -> None:
    assert read_request(Fields(REQUEST, "", [])).spec.names() == ["c1", "c2"]


def test_weird_values_at_every_place_of_a_request() -> None:
    """Refused with a path, or what was meant; no secret is in what is told."""
    places = list(paths(REQUEST))[1:]
    refusals = [refusal(put(REQUEST, path, weird)) for path in places for weird in WEIRD]
    refused = [error for error in refusals if error is not None]
    assert len(refused) > 2000
    for error in refused:
        assert error.code in ("params.invalid", "cluster.invalid")
        assert all(fault["path"] and fault["message"] for fault in error.details["faults"])
        told = json.dumps(error.details) + error.message
        assert "5ecret" not in told and "a2tra2tr" not in told


def test_wrong_types_in_a_request_are_named_by_their_path() -> None:
    wrong: Dict[type, List[Any]] = {dict: [7, "x", ["x"]], list: [7, "x", {"x": 1}], str: [{}, ["x"]], int: [{}, ["x"]]}
    for path in list(paths(REQUEST))[1:]:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]
        for weird in wrong.get(type(at(REQUEST, path)), []):
            error = refusal(put(REQUEST, path, weird))
            faults = [fault["path"] for fault in error.details["faults"]] if error else []
            assert any(fault.startswith(where) or where.startswith(fault) for fault in faults), (where, weird, faults)


# -- corosync.conf and the map -----------------------------------------------------------------------------------------

TEXTS = [text for text in WEIRD if isinstance(text, str) and text.isprintable()] + [
    "\t",
    "a\rb",
    "token:",
    ": 1",
    "}",
    "x {",
    "#",
]
EDIT = st.tuples(
    st.sampled_from(["drop", "again", "value", "line", "open", "close"]), st.integers(0, 40), st.integers(0, 40), st.sampled_from(TEXTS)
)  # fmt: skip
EDITS = st.lists(EDIT, min_size=1, max_size=4)


def edited(text: str, edits: List[Tuple[str, int, int, str]]) -> str:
    lines = text.split("\n")
    for how, place, other, piece in edits:
        here = place % len(lines)
        if how == "drop" and len(lines) > 1:
            del lines[here]
        elif how == "again":
            lines.insert(here, lines[other % len(lines)])
        elif how == "value":
            sign = "=" if "=" in lines[here] else ":"
            lines[here] = lines[here].partition(sign)[0] + f"{sign} {piece}"
        elif how == "line":
            lines[here] = piece
        else:
            lines[here] = lines[here].replace("{", "") if how == "close" else lines[here] + " {"
    return "\n".join(lines)


@fuzz(800)
@given(EDITS, EDITS)
def test_a_damaged_corosync_conf_is_read_or_refused(edits: List[Any], of_map: List[Any]) -> None:
    running = read_map(edited(MAP, of_map))
    live_members(running)
    tree = read_or_refused(edited(BASE, edits))
    if tree is not None:
        json.dumps(read.describe(tree))
        read.totem_of(tree), read.qdevice_timeout_of(tree), read.prediction_of(tree, timing.Fencing()), read.ids(tree)
        classify(differences(flat(tree), running))
        assert flat(parse(render(tree))) == flat(tree)


def read_or_refused(text: str) -> Optional[Section]:
    try:
        return parse(text)
    except AgentError as error:
        code = error.code
    assert code == "cluster.unreadable"
    return None
