# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent on CIBs as clusters have them: every file of `corpus/` is read, exported, rebuilt and edited.

The files together speak every word of Pacemaker's schemas, and each is what the schema it names allows, but for those
in `broken-but-live/`: what a cluster was left with all the same.
"""

from __future__ import annotations

import copy
import json
import os
import pathlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from difflib import unified_diff
from typing import Any, Dict, List, Tuple
from xml.etree.ElementTree import Comment, Element

import pytest
from corpus import (
    CORPUS,
    FILES,
    SCHEMAS,
    SOUND,
    SUITES,
    TOP,
    UNPACKED,
    cold,
    decisions,
    known,
    nothing,
    refusal,
    suites_of,
    tree,
    written,
)  # fmt: skip
from meaning import CLUSTERS_OWN, differences, meaning
from schema import spoken

from tandem_agent.cib.read import read
from tandem_agent.cib.tree import parse, serialize
from tandem_agent.cib.write import write
from tandem_agent.errors import Fault
from tandem_agent.model.document import read_document
from tandem_agent.plan.declare import declare
from tandem_agent.plan.diff import Change, advance, diff
from tandem_agent.plan.render import diff_of, document_of, plan_of
from tandem_agent.plan.validate import validate

# For the command: what people have, in old and new schemas.
COMMAND = (
    "pcs-two-node-web", "heartbeat-era-lsb", "tripleo-bundles-podman", "every-rule-4.0",
    "broken-but-live/validation-switched-off",
)  # fmt: skip
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
every_sound_file = pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)


# -- the files themselves ----------------------------------------------------------------------------------------------


def test_the_corpus_speaks_every_word_of_the_schemas() -> None:
    said = {word for path in SOUND for word in spoken(tree(path))}
    nothing(sorted(known() - said))


def test_every_schema_is_named_by_a_file() -> None:
    named = {tree(path).get("validate-with") for path in FILES}
    nothing(sorted({schema.stem for schema in SCHEMAS} - named))


@every_file
def test_a_file_says_what_it_is_about(path: pathlib.Path) -> None:
    assert path.read_text().startswith(("<!-- ", '<?xml version="1.0" encoding="UTF-8"?>\n<!-- '))


def test_what_names_a_schema_is_valid_in_it() -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        nothing([said for said in pool.map(lambda path: refusal(suites_of(tree(path))[0], path), SOUND) if said])


# -- the laws ----------------------------------------------------------------------------------------------------------


@every_file
def test_writing_no_change_changes_no_byte(path: pathlib.Path) -> None:
    root = tree(path)
    before = serialize(root)
    write(root, diff(read(root), read(root)))
    assert serialize(root) == before


@every_file
def test_what_is_exported_plans_to_nothing(path: pathlib.Path) -> None:
    root = tree(path)
    nothing(summaries(planned(root, exported(root))))
    nothing(summaries(planned(root, exported(root), "all")))  # all that is there is declared
    mark(root)
    nothing(summaries(planned(root, exported(root))))  # nor does what is foreign come between


@every_sound_file
def test_an_export_rebuilds_the_cluster(path: pathlib.Path) -> None:
    root = tree(path)
    document = exported(root)
    rebuilt = applied(emptied(root), document)
    nothing(differences(meaning(root, known()), meaning(rebuilt, known())))
    assert exported(rebuilt) == document
    nothing(summaries(planned(rebuilt, document)))


@every_sound_file
def test_a_rebuilding_can_be_undone_and_taken_up_again(path: pathlib.Path) -> None:
    root = tree(path)
    bare, document = emptied(root), exported(root)
    changes = planned(bare, document)
    rebuilt = changed(bare, changes)
    state = read(rebuilt)
    undone = changed(rebuilt, diff(state, advance(state, [change.reverse for change in changes])))
    nothing(differences(meaning(bare, known()), meaning(undone, known())))
    halfway = changed(bare, changes[: len(changes) // 2])
    lost = differences(meaning(rebuilt, known()), meaning(applied(halfway, document), known()))
    nothing([line for line in lost if not line.startswith("configuration/resources: the order was")])


@every_sound_file
def test_the_scheduler_decides_the_same_for_the_rebuilt_cluster(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Pacemaker's own judgement of the two configurations: valid, and the same to the last score."""
    root = tree(path)
    rebuilt = applied(emptied(root), exported(root))
    suite = suites_of(root)[0]
    files = [written(cold(one), tmp_path / f"{name}.xml") for name, one in (("was", root), ("is", rebuilt))]
    nothing([said for said in [refusal(suite, files[1])] if said])
    with ThreadPoolExecutor(2) as pool:
        before, after = pool.map(lambda file: decisions(suite, file), files)
    assert before[-1] == "exit code 0"
    nothing(list(unified_diff(before, after, n=0, lineterm="")))


@every_file
def test_an_edit_keeps_all_that_is_foreign(path: pathlib.Path) -> None:
    root = tree(path)
    mark(root)
    document, expected = edit(root)
    nothing(list(unified_diff(lines(expected), lines(without_new(applied(root, document))), n=1, lineterm="")))


@every_sound_file
def test_a_change_of_every_object_keeps_all_that_is_foreign(path: pathlib.Path) -> None:
    root = tree(path)
    mark(root)
    after = without_new(applied(root, stirred(exported(root))))
    nothing(list(unified_diff(outline(root), outline(after), n=1, lineterm="")))


def exported(root: Element) -> Dict[str, Any]:
    """The document, as it comes back from JSON."""
    found: Dict[str, Any] = json.loads(json.dumps(document_of(read(root), secrets=True)))
    return found


def planned(root: Element, raw: Dict[str, Any], purge: str = "none") -> List[Change]:
    """What a document would change, without a fault on the way."""
    faults: List[Fault] = []
    document = read_document(raw, faults)
    nothing(faults)
    current = read(root)
    wanted = declare(current, document, purge)
    nothing(wanted.faults)
    changes = diff(current, wanted.state, wanted.because)
    nothing(validate(wanted.state, document, {change.key for change in changes}))
    assert len(plan_of(changes)) == len(changes)  # whatever is planned can be told
    assert len(diff_of(changes)) <= len(changes)
    return changes


def summaries(changes: List[Change]) -> List[str]:
    return [entry["summary"] for entry in plan_of(changes)]


def applied(root: Element, raw: Dict[str, Any]) -> Element:
    return changed(root, planned(root, raw))


def changed(root: Element, changes: List[Change]) -> Element:
    made = copy.deepcopy(root)
    write(made, changes)
    return parse(serialize(made))


EMPTIED = (
    "crm_config", "resources", "constraints", "fencing-topology", "tags", "acls", "alerts", "rsc_defaults", "op_defaults",
)  # fmt: skip


def emptied(root: Element) -> Element:
    """The same cluster as it was formed: its nodes, what it says of itself, and nothing configured."""
    made = copy.deepcopy(root)
    for section in made.iterfind("configuration/*"):
        if section.tag in EMPTIED:
            for child in list(section):
                own = [pair for pair in child if pair.get("name") in CLUSTERS_OWN]
                child[:] = own
                if section.tag != "crm_config" or not own:
                    section.remove(child)
    for node in made.iterfind("configuration/nodes/node"):
        node[:] = []
        node.attrib = {name: value for name, value in node.attrib.items() if name in ("id", "uname", "type")}
    return made


# -- what is foreign ---------------------------------------------------------------------------------------------------

MARK = "x-mark"
HOSTS = frozenset((  # where an element of somebody else's may stand without making its parent a riddle
    "configuration", "crm_config", "nodes", "node", "resources", "primitive", "template", "group", "clone", "bundle",
    "operations", "instance_attributes", "meta_attributes", "utilization", "cluster_property_set", "constraints",
    "fencing-topology", "tags", "acls", "alerts", "alert",
))  # fmt: skip


def mark(root: Element) -> None:
    """Put an attribute and a comment of somebody else's everywhere, and an element where it may stand."""
    configuration = root.find("configuration")
    assert configuration is not None
    for number, element in enumerate([one for one in configuration.iter() if isinstance(one.tag, str)]):
        element.set(MARK, str(number))
        element.insert(0, Comment(f" note {number} "))
        if element.tag in HOSTS:
            element.append(Element("x-thing", {MARK: f"thing {number}", "says": '<\u00e4 & "\u00f6">'}))


def edit(root: Element) -> Tuple[Dict[str, Any], Element]:
    """A document that sets a property, makes a primitive, and changes a parameter of each where there is a plain one.

    With it the tree in which those parameters are changed by hand.
    """
    expected = copy.deepcopy(root)
    resources: List[Dict[str, Any]] = [{"id": "corpus-new", "agent": "ocf:pacemaker:Dummy", "params": {"state": "/x"}}]
    entries = {entry["id"]: entry for entry in exported(root).get("resources", [])}
    for primitive in expected.iterfind("configuration/resources//primitive"):
        nvsets = primitive.findall("instance_attributes")
        pair = primitive.find("instance_attributes/nvpair")
        params = entries.get(primitive.get("id", ""), {}).get("params", {})
        if len(nvsets) == 1 and pair is not None and pair.get("name") in params:
            pair.set("value", pair.attrib["value"] + "-changed")
            resources.append({"id": primitive.get("id"), "params": {**params, pair.get("name"): pair.get("value")}})
    return {"properties": {"corpus-probe": "1"}, "resources": resources}, expected


FREE = {"image", "run_command", "path", "description", "source_dir", "options"}  # options that may hold any text


def stirred(entry: Any, key: str = "") -> Any:
    """The document with other scores, timeouts and texts in every entry."""
    if isinstance(entry, dict):
        return {name: stirred(value, name) for name, value in entry.items()}
    if isinstance(entry, list):
        return [stirred(value) for value in entry]
    if isinstance(entry, str):
        return {"score": "7", "timeout": "77s"}.get(key, entry + "-changed" if key in FREE else entry)
    return entry


def outline(root: Element, depth: int = 0) -> List[str]:
    """Elements with the names of their attributes and with their mark, comments with their text."""
    if not isinstance(root.tag, str):
        return [" " * depth + str(root.text)]
    line = [" " * depth + root.tag, *sorted(root.attrib), root.get(MARK, "")]
    return [" ".join(line)] + [inner for child in root for inner in outline(child, depth + 1)]


def without_new(root: Element) -> Element:
    """The tree without the elements that the edit made: those that bear no mark."""
    made = copy.deepcopy(root)
    configuration = made.find("configuration")
    assert configuration is not None
    for parent in list(configuration.iter()):
        for child in list(parent):
            if isinstance(child.tag, str) and MARK not in child.attrib:
                parent.remove(child)
    return made


def lines(root: Element) -> List[str]:
    return serialize(root).decode().replace("<", "\n<").splitlines()


# -- the command -------------------------------------------------------------------------------------------------------

NOWHERE = "import sys, tandem_agent.pacemaker.runner as r; r.SEARCH_PATH = (); from tandem_agent.cli import main; "


@pytest.mark.parametrize("tools", ["with tools", "without tools"])
@pytest.mark.parametrize("name", COMMAND)
def test_the_command_exports_what_it_plans_to_nothing(name: str, tools: str, tmp_path: pathlib.Path) -> None:
    original = CORPUS / f"{name}.xml"
    cib = tmp_path / "cib.xml"
    shutil.copyfile(original, cib)
    environment = {"PATH": "", "PYTHONPATH": str(TOP / "roles/agent/files"), "CIB_file": str(cib)}
    code = NOWHERE
    if tools == "with tools":
        suite = (suites_of(tree(original)) if original in SOUND else SUITES)[0]
        environment["TANDEM_TOOLS"] = str(UNPACKED / suite / "bin")
        code = "import sys; from tandem_agent.cli import main; "

    def run(*words: str, stdin: str = "") -> Dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-c", code + "sys.exit(main(sys.argv[1:]))", *words, "--json"],
            input=stdin, env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        found: Dict[str, Any] = json.loads(done.stdout)
        return found

    document = run("export")
    assert document["document"]["resources"]
    plan = run("plan", "-", stdin=json.dumps(document))
    assert (plan["changed"], plan["plan"]) == (False, [])
    assert cib.read_bytes() == original.read_bytes()
