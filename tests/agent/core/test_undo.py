# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the journal keeps holds no secret of any kind of object, and leads back to exactly what was there."""

from __future__ import annotations

import json
from typing import Any, Dict, Tuple

import pytest
from documents import documents
from hypothesis import given
from test_laws import bare, document

from tandem_agent.cib.read import read
from tandem_agent.errors import AgentError
from tandem_agent.model.codec import dump, load_object
from tandem_agent.model.objects import Setting, State
from tandem_agent.model.redact import masked, redacted, unmasked
from tandem_agent.model.secrets import is_secret
from tandem_agent.plan.declare import declare
from tandem_agent.plan.diff import advance, diff
from tandem_agent.plan.undo import record, recorded, undone

CANARY = "canary-8484"


def poisoned(tree: Any, name: str = "") -> Any:
    """The document with the canary as every secret."""
    if isinstance(tree, dict):
        return {key: poisoned(item, key) for key, item in tree.items()}
    if isinstance(tree, list):
        return [poisoned(item, name) for item in tree]
    return CANARY if is_secret(name) and isinstance(tree, str) else tree


def state_of(raw: Dict[str, Any], over: State) -> State:
    return declare(over, document(raw)).state


def journey(first: Dict[str, Any], second: Dict[str, Any]) -> Tuple[State, State, str]:
    """Two states, and what the journal keeps of the way from one to the other."""
    before = state_of(first, read(bare()))
    after = state_of(second, before)
    return before, after, json.dumps({"changes": record(diff(before, after))})


@given(documents(), documents())
def test_no_secret_is_kept_and_the_way_back_is_exact_or_refused(first: Dict[str, Any], second: Dict[str, Any]) -> None:
    before, after, kept = journey(poisoned(first), poisoned(second))
    assert CANARY not in kept
    entry = json.loads(kept)
    undoings = recorded(entry, "x")
    if any(change["lost"] for change in entry["changes"]):
        with pytest.raises(AgentError, match="keeps no secrets"):
            undone(after, undoings, "x")
    else:
        assert advance(after, diff(after, undone(after, undoings, "x").state)).objects == before.objects


PAIR = {"_": "Part", "tag": "nvpair", "attributes": [["name", "passwd"], ["value", CANARY]], "parts": [], "id": "n"}


@pytest.mark.parametrize(
    "kept",
    [
        dump(Setting("property", "x-password", CANARY)),
        {"_": "Record", "kind": "alert", "part": {"_": "Part", "tag": "alert", "attributes": [], "parts": [PAIR]}},
        {"_": "map", "items": [["_", "x"], ["passwd", CANARY]]},
        [{"params": {"passwd": CANARY, "ip": "y"}}],
    ],
)
def test_secrets_are_found_in_every_form_and_put_back(kept: Any) -> None:
    assert CANARY not in json.dumps(masked(kept))
    assert unmasked(masked(kept), kept) == kept
    assert masked(kept) != kept and redacted(kept, kept)["lost"] == []
    assert redacted(kept, None)["lost"] and redacted(None, kept)["lost"] == []


def test_a_name_of_an_element_is_no_secret() -> None:
    kept = {"ids": {"params.passwd": "web-passwd"}, "params": {"passwd_script": "/x"}}
    assert masked(kept) == kept and load_object(None) is None


def test_an_option_that_is_a_secret_on_one_side_was_one_on_the_other() -> None:
    plain, secret = {"params": {"pin": CANARY}}, {"params": {"pin": "lrm://"}}
    for before, after in ((plain, secret), (secret, plain)):
        kept = redacted(before, after)
        assert CANARY not in json.dumps(kept) and kept["lost"] == ["pin"]
