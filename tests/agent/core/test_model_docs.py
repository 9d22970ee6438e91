# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of docs/model.md is applied: it has no fault, changes something once, and Pacemaker accepts the result.

Comments in an example say what the test does before: `# there are: web, db-clone` makes these resources, and
`# schemas: from 3.7`, `to 3.9` or `next` choose among Pacemaker's schemas, `# with: Pacemaker 2` among its versions.
Together the examples show every key.
"""

from __future__ import annotations

import copy
import pathlib
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Set, Tuple
from xml.etree.ElementTree import Element

import pytest
import yaml
from conftest import SUITES, tools_of

from tandem_agent.cib.read import read
from tandem_agent.cib.tree import parse, serialize
from tandem_agent.cib.write import write
from tandem_agent.errors import Fault
from tandem_agent.model.document import SECTIONS, SETTINGS, read_document
from tandem_agent.model.fields import Fields
from tandem_agent.model.grammar import SHAPES
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.tools import Tools
from tandem_agent.plan.declare import declare
from tandem_agent.plan.diff import Change, diff
from tandem_agent.plan.render import plan_of
from tandem_agent.plan.validate import validate

TOP = pathlib.Path(__file__).resolve().parents[3]
PAGE = TOP / "docs" / "model.md"
UNPACKED = TOP / ".build" / "pacemaker"
PACEMAKER = {"bullseye": "Pacemaker 2", "bookworm": "Pacemaker 2", "trixie": "Pacemaker 3"}
Version = Tuple[int, int]


# -- the examples ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Example:
    """One block of the page."""

    line: int
    text: str

    @property
    def document(self) -> Dict[str, Any]:
        found: Dict[str, Any] = yaml.safe_load(self.text)
        return found

    def comment(self, word: str) -> str:
        """What a comment of its own line says of something; empty when there is none."""
        found = re.search(rf"^# {word}: (.+)$", self.text, re.MULTILINE)
        return found.group(1) if found else ""

    @property
    def there(self) -> List[str]:
        """The resources that are there before."""
        return self.comment("there are").split(", ") if self.comment("there are") else []

    def schema(self, suite: str) -> Optional[str]:
        """The newest schema of a suite that the example is for."""
        wanted = self.comment("schemas")
        if self.comment("with") not in ("", PACEMAKER[suite]):
            return None
        if wanted == "next":
            return "pacemaker-next" if (_schemas(suite) / "pacemaker-next.rng").exists() else None
        low, high = (_limit(word, wanted) for word in ("from", "to"))
        fitting = [one for one in _versions(suite) if (low is None or one >= low) and (high is None or one <= high)]
        return "pacemaker-{}.{}".format(*fitting[-1]) if fitting else None


def _limit(word: str, wanted: str) -> Optional[Version]:
    found = re.search(rf"{word} (\d+)\.(\d+)", wanted)
    return (int(found.group(1)), int(found.group(2))) if found else None


def _schemas(suite: str) -> pathlib.Path:
    return UNPACKED / suite / "root/usr/share/pacemaker"


def _versions(suite: str) -> List[Version]:
    names = [re.match(r"pacemaker-(\d+)\.(\d+)\.rng$", path.name) for path in _schemas(suite).glob("*.rng")]
    return sorted((int(name.group(1)), int(name.group(2))) for name in names if name)


def examples() -> List[Example]:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.finditer(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Example(text.count("\n", 0, found.start()) + 1, found.group(1)) for found in blocks]


EXAMPLES = examples()
CASES = [(suite, one, one.schema(suite)) for one in EXAMPLES for suite in SUITES if one.schema(suite)]


def test_every_example_is_tried_somewhere() -> None:
    assert len(EXAMPLES) > 20
    assert [one for one in EXAMPLES if not any(map(one.schema, PACEMAKER))] == []


@pytest.mark.parametrize(
    ("suite", "example", "schema"),
    CASES,
    ids=lambda value: f"line-{value.line}" if isinstance(value, Example) else value,
)
def test_an_example_can_be_applied(suite: str, example: Example, schema: str) -> None:
    before = with_resources(bare(schema), example.there)
    changes = planned(before, example.document)
    assert changes, "it changes nothing"
    after = applied(before, changes)
    assert summaries(planned(after, example.document)) == []
    assert complaints(suite, after) == []


# -- applying ----------------------------------------------------------------------------------------------------------


def bare(schema: str) -> Element:
    """A cluster of two nodes that need not be fenced, and nothing else."""
    return parse(
        f'<cib crm_feature_set="3.0.14" validate-with="{schema}" epoch="5" num_updates="2" admin_epoch="0"><configuration>'
        '<crm_config><cluster_property_set id="cib-bootstrap-options">'
        '<nvpair id="cib-bootstrap-options-stonith-enabled" name="stonith-enabled" value="false"/></cluster_property_set>'
        '</crm_config><nodes><node id="1" uname="c1"/><node id="2" uname="c2"/></nodes>'
        "<resources/><constraints/></configuration><status/></cib>".encode()
    )


def with_resources(root: Element, names: Iterable[str]) -> Element:
    """Resources by their names: `x` is a primitive, `x-clone` a promotable clone of x, `fence-x` a fence device."""
    document: Dict[str, Any] = {"resources": [], "stonith": []}
    for name in names:
        if name.startswith("fence-"):
            document["stonith"].append({"id": name, "agent": "fence_dummy"})
        elif name.endswith("-clone"):
            inner = name[: -len("-clone")]
            document["resources"].append({"id": name, "kind": "clone", "resource": inner, "promotable": True})
        else:
            document["resources"].append({"id": name, "agent": "ocf:pacemaker:Stateful"})
    return applied(root, planned(root, document))


def planned(root: Element, raw: Dict[str, Any]) -> List[Change]:
    """What a document would change, without a fault on the way."""
    faults: List[Fault] = []
    document = read_document(raw, faults)
    current = read(root)
    wanted = declare(current, document)
    changes = diff(current, wanted.state, wanted.because)
    assert faults + wanted.faults + validate(wanted.state, document) == []
    return changes


def summaries(changes: List[Change]) -> List[str]:
    return [entry["summary"] for entry in plan_of(changes)]


def applied(root: Element, changes: List[Change]) -> Element:
    made = copy.deepcopy(root)
    write(made, changes)
    return parse(serialize(made))


def complaints(suite: str, root: Element) -> List[str]:
    """What Pacemaker has against a configuration; what it only warns of, such as words that are to go, does not count."""
    tools = Tools(Runner([tools_of(suite), "/usr/bin", "/bin"], {}))
    return tools.verify(serialize(root)).errors


# -- nothing is left out -----------------------------------------------------------------------------------------------

Place = Tuple[str, str]  # the key an entry stands under, and its kind where that decides what it may have
Keys = Dict[Place, Set[str]]
ALIKE = {
    "rules": "rule", "lifetime": "rule", "meta_sets": "param_sets", "attributes_sets": "param_sets",
    "utilization_sets": "param_sets", "property_sets": "settings", "resource_default_sets": "settings",
    "operation_default_sets": "settings", "write": "read", "deny": "read", "duration": "span", "spec": "span",
}  # fmt: skip
KINDS = {"resources": "primitive", "acls": "role", "constraints": ""}  # sections of several kinds, and their default
PRIMITIVE = ("resources", "primitive")
LIKE_PRIMITIVES = (("stonith", ""), ("resources", "template"))
HANDLES = {"id", "same_as"}  # almost everything has them, and the page says so once


def place(key: str, entry: Any, depth: int) -> Place:
    return ALIKE.get(key, key), str(entry.get("kind", KINDS[key])) if depth == 1 and key in KINDS else ""


def shown() -> Keys:
    """The keys that examples give."""
    found: Keys = {}

    def walk(value: Any, key: str, depth: int) -> None:
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict):
                found.setdefault(place(key, entry, depth), set()).update(name.replace("-", "_") for name in entry)
                for name, inner in entry.items():
                    walk(inner, name, depth + 1)

    for example in EXAMPLES:
        walk(example.document, "document", 0)
    return found


def asked(monkeypatch: pytest.MonkeyPatch) -> Keys:
    """The keys that the agent asks for while it reads the examples."""
    found: Keys = {}
    finish = Fields.finish

    def gather(self: Fields, also: Iterable[str] = ()) -> None:
        path = re.sub(r"\[\d+\]", "", self.path)
        where = place(path.rpartition(".")[2], self._value, path.count("."))
        found.setdefault(where, set()).update(key.replace("-", "_") for key in self._seen.union(also))
        finish(self, also)

    monkeypatch.setattr(Fields, "finish", gather)
    for example in EXAMPLES:
        read_document(example.document, [])
    return found


def test_every_key_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    known, given = asked(monkeypatch), shown()
    missing = []
    for (key, kind), keys in known.items():
        fellows = [fellow for fellow in known if kind and fellow[0] == key and fellow[1]]
        common = set.intersection(keys, *(known[fellow] for fellow in fellows)) if fellows else set()
        enough = given[key, kind] | HANDLES | (common & set().union(*(given[fellow] for fellow in fellows)))
        enough |= given[PRIMITIVE] if (key, kind) in LIKE_PRIMITIVES else set()
        missing += [f"{key} {kind}: {name}" for name in sorted(keys - enough)]
    assert missing == []


def test_every_section_and_every_word_of_the_grammar_is_shown() -> None:
    given = set().union(*shown().values())
    words = set(SECTIONS) | set(SETTINGS)
    for shape in SHAPES.values():
        words |= {attribute.key for attribute in shape.attributes} | {child.key for child in shape.children}
        words |= {child.single for child in shape.children if child.single} | ({shape.under} if shape.under else set())
    assert sorted(words - given) == []
