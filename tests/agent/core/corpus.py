# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the corpus, and what Pacemaker itself says of a CIB."""

from __future__ import annotations

import copy
import functools
import os
import pathlib
import re
import subprocess
from typing import FrozenSet, List, Sequence
from xml.etree.ElementTree import Element, SubElement

import pytest
from schema import schemas, words

from tandem_agent.cib.tree import parse, serialize

TOP = pathlib.Path(__file__).resolve().parents[3]
CORPUS = TOP / "tests/agent/corpus"
FILES = sorted(CORPUS.glob("**/*.xml"))
SOUND = [path for path in FILES if path.parent == CORPUS]

UNPACKED = TOP / ".build/pacemaker"
SUITES = [suite for suite in ("bookworm", "trixie", "bullseye") if (UNPACKED / suite / "bin/cibadmin").exists()]
SCHEMAS = [path for suite in SUITES for path in schemas(UNPACKED / suite / "root/usr/share/pacemaker")]


def tree(path: pathlib.Path) -> Element:
    return parse(path.read_bytes())


def nothing(said: Sequence[object]) -> None:
    """Fails with all of it, unless there is nothing to say."""
    if said:
        pytest.fail("\n".join(str(one) for one in said), pytrace=False)


@functools.lru_cache(None)
def known() -> FrozenSet[str]:
    """The words of all schemas of all suites."""
    return frozenset(word for schema in SCHEMAS for word in words(schema))


def suites_of(root: Element) -> List[str]:
    """The suites whose Pacemaker has the schema that a CIB names."""
    name = root.get("validate-with")
    found = [suite for suite in SUITES if (UNPACKED / suite / f"root/usr/share/pacemaker/{name}.rng").exists()]
    assert found, f"no suite has {name}; unpack all with: tests/gates/pacemaker-tools bullseye bookworm trixie"
    return found


def _run(suite: str, tool: str, *options: str, cib: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **({"CIB_file": cib} if cib else {})}
    return subprocess.run(
        [str(UNPACKED / suite / "bin" / tool), *options],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def refusal(suite: str, path: pathlib.Path) -> str:
    """Why Pacemaker does not load a CIB; empty when it does. It holds a file against the schema that the file names."""
    done = _run(suite, "cibadmin", "--query", cib=str(path))
    if done.returncode == 0:
        return ""
    told = _run(suite, "crm_verify", "-V", "--xml-file", str(path))
    return f"{path.name} in {suite}: rc {done.returncode}: {told.stderr or done.stderr}"


def decisions(suite: str, path: pathlib.Path) -> List[str]:
    """What the scheduler would do with a CIB on a cold start, and all scores it came to; in no order."""
    done = _run(
        suite, "crm_simulate", "--xml-file", str(path), "--run", "--show-scores", "--set-datetime", "2026-11-21 12:00Z"
    )
    told = re.sub(r"one-or-more:\S+", "one-or-more", done.stdout)  # the id of a set
    return sorted(" ".join(line.split()) for line in told.splitlines()) + [f"exit code {done.returncode}"]


def cold(root: Element) -> Element:
    """The same configuration on nodes that are all up, with nothing started."""
    made = copy.deepcopy(root)
    for status in made.findall("status"):
        made.remove(status)
    status = SubElement(made, "status")
    for node in made.iterfind("configuration/nodes/node"):
        if node.get("type", "member") in ("member", "normal"):
            name = {"id": node.attrib["id"], "uname": node.attrib["uname"]}
            state = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}
            lrm = SubElement(SubElement(status, "node_state", {**name, **state}), "lrm", {"id": node.attrib["id"]})
            SubElement(lrm, "lrm_resources")
    made.set("have-quorum", "1")
    return made


def written(root: Element, path: pathlib.Path) -> pathlib.Path:
    path.write_bytes(serialize(root))
    return path
