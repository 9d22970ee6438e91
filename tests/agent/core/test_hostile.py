# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents and CIBs that are damaged, of wrong types, or very large: the whole operation `plan`, without any tool.

What comes back is a plan or a typed refusal that says where; never a crash, and never an edit that nobody asked for.
"""

from __future__ import annotations

import functools
import json
import pathlib
import subprocess
import sys
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple
from xml.etree.ElementTree import Element, SubElement

import pytest
from corpus import CORPUS, FILES, SUITES, refusal, tree
from damage import TAGS, Path, damaged, damaged_xml, paths, put
from documents import documents
from fuzzing import fuzz
from hypothesis import given, strategies as st

from tandem_agent.cib.read import read
from tandem_agent.cib.tree import parse, serialize
from tandem_agent.cib.write import write
from tandem_agent.errors import AgentError, Fault
from tandem_agent.model.document import MOST, read_document
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.plan.render import document_of
from tandem_agent.server import frames
from tandem_agent.server.dispatch import ROOT, Dispatcher
from tandem_agent.server.operations import OPERATIONS

AGENT_FILES = pathlib.Path(__file__).resolve().parents[3] / "roles" / "agent" / "files"
BARE = b"""<cib crm_feature_set="3.3.0" validate-with="pacemaker-3.9" epoch="5" num_updates="2" admin_epoch="0"><configuration>
  <crm_config/><nodes><node id="1" uname="c1"/><node id="2" uname="c2"/></nodes><resources/><constraints/></configuration>
  <status/></cib>"""


class Answer(NamedTuple):
    """What an operation said: one of the two."""

    result: Optional[Dict[str, Any]]
    error: Optional[AgentError]

    @property
    def code(self) -> Optional[str]:
        return self.error.code if self.error else None


class Agent:
    """The operations on a CIB in memory, on a host without Pacemaker."""

    def __init__(self) -> None:
        runner = Runner([], {"CIB_file": "/nonexistent"})
        runner.search_path = []
        self.dispatcher = Dispatcher(OPERATIONS, runner)

    def call(self, cib: bytes, op: str, **params: Any) -> Answer:
        self.dispatcher.tools.query_cib = lambda: cib  # type: ignore[method-assign]
        try:
            answer = Answer(self.dispatcher.call(frames.Request("a", op, params, 60), ROOT, lambda *_event: None), None)
        except AgentError as error:
            answer = Answer(None, error)
        assert answer.code not in ("internal", "host.failed")
        json.loads(frames.error("a", answer.error) if answer.error else frames.result("a", answer.result or {}))
        return answer


AGENT = Agent()


def is_told(error: AgentError) -> None:
    """A refusal of a document names every place and says what is wrong there."""
    assert error.code in ("document.invalid", "params.invalid"), (error.code, error.message)
    faults = error.details["faults"]
    assert faults and all(fault["path"] and fault["message"] for fault in faults)


@functools.lru_cache(None)
def exported(path: pathlib.Path) -> Dict[str, Any]:
    return document_of(read(tree(path)), secrets=True)


def named(path: pathlib.Path) -> str:
    return path.stem


ANY_DOCUMENT = st.sampled_from(FILES).map(exported) | documents()
ANY_CIB = st.sampled_from(FILES).map(tree)


# -- documents ---------------------------------------------------------------------------------------------------------


@fuzz(100)
@given(damaged(ANY_DOCUMENT), st.sampled_from(["none", "all"]))
def test_a_damaged_document_is_planned_or_refused(document: Any, purge: str) -> None:
    answer = AGENT.call(BARE, "plan", document=document, purge=purge)
    if answer.error is not None:
        is_told(answer.error)


@fuzz(80)
@given(st.data())
def test_a_damaged_document_over_the_cluster_it_came_from(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(FILES), label="file")
    document = data.draw(damaged(st.just(exported(path))), label="document")
    answer = AGENT.call(path.read_bytes(), "plan", document=document, purge=data.draw(st.sampled_from(["none", "all"])))
    if answer.error is not None:
        is_told(answer.error)


def places() -> Dict[Tuple[Any, ...], Tuple[Dict[str, Any], Path]]:
    """One document, of one entry, for each place in which a document of the corpus has something of one type."""
    found: Dict[Tuple[Any, ...], Tuple[Dict[str, Any], Path]] = {}
    for file in FILES:
        for section, entries in exported(file).items():
            small = [{section: [entry]} for entry in entries] if isinstance(entries, list) else [{section: entries}]
            for document in small:
                for path in paths(document):
                    shape = tuple("*" if isinstance(step, int) else step for step in path)
                    value: Any = functools.reduce(lambda inner, step: inner[step], path, document)
                    found.setdefault((shape, type(value)), (document, path))
    return found


WRONG: Dict[type, List[Any]] = {
    dict: [[], "x", 7, True, [{}]],
    list: [{}, "x", 7, True],
    str: [{}, [], ["x"], {"x": 1}],
    bool: [{}, [], "x", 7],
}
# Where something of another type has a meaning: a value given by reference is a map, an option may be a plain value, and
# a set may be empty where the word `plain` stands.
ALSO_RIGHT = ("same_as", "plain")


def test_wrong_types_at_every_place_are_named_by_their_path() -> None:
    tried, unnamed = 0, []
    for (_shape, kind), (document, path) in places().items():
        where = "document" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        for wrong in WRONG.get(kind, []):
            faults: List[Fault] = []
            made = read_document(put(document, path, wrong), faults)
            told = faults + [doubt for entry in made.entries for doubt in entry.doubts]
            tried += 1
            if not any(fault.path.startswith(where) or where.startswith(fault.path) for fault in told):
                before = functools.reduce(lambda inner, step: inner[step], path, document)  # type: ignore[arg-type, return-value]
                if before != "plain" and not (isinstance(before, dict) and "same_as" in before):
                    unnamed.append((where, wrong, told))
    assert tried > 3000
    assert unnamed == []


@pytest.mark.parametrize(
    "document", [None, True, 0, 1.5, "x", [], [{}], [[]], {"": 1}, {"\x00": {}}, {"x" * 70_000: 1}], ids=range(11)
)
def test_what_is_no_document_at_all(document: Any) -> None:
    answer = AGENT.call(BARE, "plan", document=document)
    assert answer.error is not None
    is_told(answer.error)
    assert len(answer.error.message) < 1000


def test_what_failed_is_no_condition_of_an_answer() -> None:
    """Without crm_mon it is said that nobody knows; the answer stands."""
    cib = next(path for path in FILES if path.name == "maintenance-day.xml").read_bytes()
    answer = AGENT.call(cib, "plan", document=document_of(read(parse(cib)), secrets=True))
    assert answer.result is not None and answer.result["changed"] is False
    assert answer.result["failures"] == [] and answer.result["fail_counts"] == []
    assert any(told.startswith("what has failed is not known: crm_mon ") for told in answer.result["warnings"])


WEIRD_PARAMS = [True, -1, 7, 1.5, 10**60, -(10**60), "x", "", [], [1], [{}], [None], {}, {"x": 1}, "\x00", "9" * 5000]


@pytest.mark.parametrize("op", sorted(set(OPERATIONS) - {"cluster.apply", "cluster.plan", "cluster.info"}))
@pytest.mark.parametrize("name", ["document", "purge", "allow", "wait", "request", "secrets", "limit", "transaction", "plan_only",
                                  "resource", "node", "devices", "nonsense"])  # fmt: skip
def test_parameters_of_wrong_types(op: str, name: str) -> None:
    """Whatever stands in whichever parameter of whichever operation: a refusal, or what was asked."""
    base: Dict[str, Any] = {"document": {}} if op in ("plan", "apply") else {}
    for weird in WEIRD_PARAMS:
        error = AGENT.call(BARE, op, **{**base, name: weird}).error
        assert error is None or error.code in (
            "params.invalid", "document.invalid", "tool.missing", "journal.unknown", "fence.refused", "cib.unavailable"
        ), (op, name, weird, error.code)  # fmt: skip


# -- CIBs --------------------------------------------------------------------------------------------------------------


def accepted(root: Element, scratch: pathlib.Path) -> List[str]:
    """The suites whose Pacemaker would run with such a CIB."""
    file = scratch / "cib.xml"
    file.write_bytes(serialize(root))
    return [suite for suite in SUITES if not refusal(suite, file)]


@fuzz(100)
@given(damaged_xml(ANY_CIB))
def test_a_damaged_cib_is_read_or_refused(root: Element) -> None:
    cib = serialize(root)
    for op in ("export", "status"):
        answer = AGENT.call(cib, op)
        assert answer.error is None or answer.error.code in ("cib.schema", "tool.missing")
    nothing = AGENT.call(cib, "plan", document={})
    assert nothing.error is None and nothing.result is not None and nothing.result["changed"] is False
    again = parse(cib)
    write(again, [])
    assert serialize(again) == cib


@fuzz(100)
@given(root=damaged_xml(st.sampled_from([path for path in FILES if path.parent.name == "corpus"]).map(tree)))
def test_what_a_damaged_cib_exports_edits_nothing(root: Element, tmp_path_factory: pytest.TempPathFactory) -> None:
    """At least where Pacemaker would take it: forms that no schema allows may be read as less than they are."""
    cib = serialize(root)
    document = document_of(read(parse(cib)), secrets=True)
    answer = AGENT.call(cib, "plan", document=document)
    if answer.error is not None:
        is_told(answer.error)
    elif answer.result is not None and answer.result["changed"]:
        by = accepted(root, tmp_path_factory.mktemp("cib"))
        assert by == [], f"{by} would run with it: {[entry['summary'] for entry in answer.result['plan']]}"


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("place", ["podman", "network", "network/port-mapping", "storage", "storage/storage-mapping"])
def test_what_does_not_belong_into_a_bundle_is_not_read(place: str, tag: str) -> None:
    path = CORPUS / "every-bundle-3.9.xml"
    root = tree(path)
    for found in root.findall(f".//bundle/{place}"):
        SubElement(found, tag, {"id": "stray"})
    assert serialize(root) != serialize(tree(path))
    assert document_of(read(root)) == document_of(read(tree(path)))


@fuzz(50)
@given(damaged_xml(ANY_CIB), documents(), st.sampled_from(["none", "all"]))
def test_a_document_over_a_damaged_cib(root: Element, document: Dict[str, Any], purge: str) -> None:
    error = AGENT.call(serialize(root), "plan", document=document, purge=purge).error
    if error is not None and error.code != "cib.schema":
        is_told(error)


BYTES = st.binary(max_size=4) | st.sampled_from(
    [b"<", b">", b"&", b'"', b"<!--", b"]]>", b"<?", b"&#0;", b"&x;", b"\xff", b"\x00", b"<a>"]
)


@fuzz(250)
@given(st.sampled_from(FILES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), BYTES), min_size=1, max_size=3))
def test_damaged_bytes(path: pathlib.Path, edits: List[Tuple[float, int, bytes]]) -> None:
    cib = path.read_bytes()
    for place, length, piece in edits:
        start = int(place * len(cib))
        cib = cib[:start] + piece + cib[start + length :]
    error = AGENT.call(cib, "plan", document={}).error
    assert error is None or error.code == "cib.schema"


# -- sizes -------------------------------------------------------------------------------------------------------------


def many(count: int) -> Dict[str, Any]:
    return {"resources": [{"id": f"r{number}", "agent": "ocf:pacemaker:Dummy"} for number in range(count)]}


MEASURE = """
import json, resource, sys, time
from tandem_agent.model.document import read_document
from tandem_agent.server import frames
line = sys.stdin.buffer.read()
before, started, faults = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time(), []
found = read_document(frames.decode(line).params["document"], faults)
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps([len(found.entries), [fault.message for fault in faults], time.process_time() - started, used // 1024]))
"""


@pytest.mark.parametrize("more", [0, 1])
def test_fifty_thousand_objects_are_read_and_one_more_is_not(more: int) -> None:
    line = json.dumps({"v": 1, "id": "a", "op": "plan", "params": {"document": many(MOST + more)}}).encode()
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        input=line,
        env={"PYTHONPATH": str(AGENT_FILES)},
        stdout=subprocess.PIPE,
        check=True,
    )
    count, faults, seconds, memory = json.loads(done.stdout)
    print(
        f"\n{count} objects in {len(line)} bytes: read with {seconds:.1f} s of a processor and {memory} MiB more memory"
    )
    assert faults == ([f"declares {count} objects; at most {MOST} are allowed"] if more else [])
    assert seconds < 60 and memory < 300


def test_five_thousand_objects_are_planned() -> None:
    started = time.process_time()
    answer = AGENT.call(BARE, "plan", document=many(5000))
    seconds = time.process_time() - started
    print(f"\n5000 objects planned, written and read back with {seconds:.1f} s of a processor")
    assert answer.result is not None and len(answer.result["plan"]) == 5000
    assert seconds < 30  # 1 s; what grows with the square takes minutes


@pytest.mark.parametrize("depth", [49, 51, 60])
def test_rules_inside_rules(depth: int) -> None:
    rule: Dict[str, Any] = {"expressions": [{"attribute": "a", "operation": "defined"}]}
    for _level in range(depth // 2):
        rule = {"expressions": [{"rule": rule}]}
    document = {
        "resources": [{"id": "a", "agent": "ocf:pacemaker:Dummy"}],
        "constraints": [{"kind": "location", "resource": "a", "rule": {**rule, "score": "1"}}],
    }
    answer = AGENT.call(BARE, "plan", document=document)
    assert answer.error is None or "nested" in answer.error.message


@pytest.mark.parametrize(
    "resources",
    [
        [{"id": "k", "kind": "clone", "resource": "k"}],
        [{"id": "g", "kind": "group", "members": ["g"]}],
        [{"id": "a", "kind": "clone", "resource": "b"}, {"id": "b", "kind": "clone", "resource": "a"}],
        [{"id": "a", "kind": "group", "members": ["b"]}, {"id": "b", "kind": "group", "members": ["a"]}],
        [{"id": "b", "kind": "bundle", "container": {"image": "i"}, "resource": "b", "network": {"control_port": 1}}],
    ],
    ids=["clone", "group", "two clones", "two groups", "bundle"],
)
@pytest.mark.parametrize("purge", ["none", "owned", "all"])
def test_what_is_inside_of_itself(resources: List[Dict[str, Any]], purge: str) -> None:
    error = AGENT.call(BARE, "plan", document={"name": "x", "resources": resources}, purge=purge).error
    assert error is not None
    is_told(error)
