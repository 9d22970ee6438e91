# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of docs/guard.md is asked for, on the pair it speaks of: the answer is what the page says."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Dict, List, NamedTuple

import pytest
import yaml
from clusters import LOST, Cluster, bundle, clone, group, location, primitive
from played import PlayedTools

from tandem_agent import requests
from tandem_agent.context import Context, Deadline
from tandem_agent.errors import AgentError
from tandem_agent.journal import Journal
from tandem_agent.model.fields import Fields
from tandem_agent.pacemaker.metadata import Metadata
from tandem_agent.pacemaker.simulate import Action
from tandem_agent.transaction import ALLOWANCES

pytestmark = pytest.mark.offline
PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "guard.md"
TEXT = PAGE.read_text(encoding="utf-8")


class Example(NamedTuple):
    title: str
    request: str
    answer: List[str]

    def comment(self, word: str) -> str:
        found = re.search(rf"^# {word}: (.+)$", self.request, re.MULTILINE)
        return found.group(1) if found else ""


EXAMPLES = [
    Example(title, request, answer.splitlines())
    for title, request, answer in re.findall(
        r"^### (.+?)\n\n```yaml\n(.*?)```\n\n```text\n(.*?)```$", TEXT, re.MULTILINE | re.DOTALL
    )
]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, str]:
    """The pair as each suite's simulator runs it; made once."""
    return {}


def pair(suite: str, directory: pathlib.Path, made: Dict[str, str]) -> str:
    if suite not in made:
        cluster = Cluster(
            primitive("fence-c1"), primitive("fence-c2"), group("site", primitive("web"), primitive("log")),
            clone("pings", primitive("ping")), clone("dbs", primitive("db"), promotable="true"), bundle("box", primitive("inner")),
            constraints="".join(
                location(f"l{one}{node}", one, node, score)
                for one, node, score in (("site", "c1", "50"), ("fence-c1", "c1", "-50"), ("fence-c2", "c2", "-50"))
            ),
            stonith_enabled="true", no_quorum_policy="ignore",
        )  # fmt: skip
        cluster.set("c1", **{"master-db": "10"}).set("c2", **{"master-db": "5"})
        tools = PlayedTools(suite, directory / "pair.xml", cluster.text())
        tools.play()
        made[suite] = tools.path.read_text()
    return made[suite]


def before(text: str, words: str) -> str:
    """The pair, with what the example says of it."""
    if "fencing is off" in words:
        text = text.replace('name="stonith-enabled" value="true"', 'name="stonith-enabled" value="false"')
    if "c2 is lost" in words:
        state = re.search(r'<node_state id="2" uname="c2"[^>]*>', text)
        assert state is not None
        lost = "".join(f' {name}="{value}"' for name, value in LOST.items())
        text = text.replace(state.group(), f'<node_state id="2" uname="c2"{lost}>')
    return text


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.title[:50] for example in EXAMPLES])
def test_the_answer_is_what_the_page_says(
    any_suite: str, tmp_path: pathlib.Path, pairs: Dict[str, str], example: Example
) -> None:
    text = before(pair(any_suite, tmp_path, pairs), example.comment("before"))
    tools = PlayedTools(any_suite, tmp_path / "cib.xml", text)
    context = Context(tools.runner, tools, Metadata(tools), Journal(None), Deadline(60), node="c1")
    params: Dict[str, Any] = {"document": yaml.safe_load(example.request)}
    if example.comment("allow"):
        params["allow"] = example.comment("allow").split(", ")
    try:
        actions = requests.plan(context, Fields(params, "params", []))["preview"]["actions"]
        told = [str(Action(one["action"], one["resource"], one["node"], one["from"])) for one in actions]
    except AgentError as error:
        told = [f"refused: {reason}" for reason in error.details.get("refused", [error.message])]
    assert sorted(told) == sorted(example.answer)


def test_the_page_shows_every_word_of_allow_and_every_action() -> None:
    assert len(EXAMPLES) >= 11 and len(EXAMPLES) == TEXT.count("\n### ")
    for word in ALLOWANCES:
        assert any(f"(allow: {word})" in line for example in EXAMPLES for line in example.answer)
        assert any(word in example.comment("allow") for example in EXAMPLES)
    for action in ("start", "stop", "restart", "move", "migrate", "promote", "demote", "reload", "fence", "unfence"):
        assert f"`{action}`" in TEXT
