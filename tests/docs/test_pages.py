# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages tell people to type exists: playbooks and their variables, make's targets, the agent's commands, codes, files."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from tandem_agent import cli

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "awx"))
from description import code_of  # noqa: E402 - what a playbook reads, with all that it imports

PAGES = sorted([*TOP.glob("*.md"), *TOP.glob("docs/**/*.md"), *TOP.glob("roles/*/README.md")])
GUIDES = sorted(TOP.glob("docs/guides/*.md"))
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)\s#]+)")
# In a block with a prompt, or between backticks.
TYPED = re.compile(
    r"^\$ (.+)$|`((?:ansible-playbook|make|tandem) [^`\n]+)`|^((?:ansible-playbook|make) .+)$", re.MULTILINE
)
A_CODE = re.compile(r"`([a-z]+\.[a-z_]+)`")


def commands(page: Path, program: str) -> Iterator[List[str]]:
    """What a page tells to type, as words, without what is said about it."""
    for found in TYPED.finditer(page.read_text()):
        line = re.split(r"\s+(?:#\s|>)", next(filter(None, found.groups()), ""))[0]
        words = shlex.split(line)
        if words[0] == program:
            yield words


def all_commands(program: str) -> List[Tuple[str, List[str]]]:
    return [(page.relative_to(TOP).as_posix(), words) for page in PAGES for words in commands(page, program)]


def extra_variables(words: List[str]) -> Iterator[str]:
    for option, value in zip(words, words[1:]):
        if option == "-e" and value.startswith("{"):
            yield from json.loads(value)
        elif option == "-e" and not value.startswith("@"):
            yield value.split("=")[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(TOP).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    lost = [name for name in LINK.findall(page.read_text()) if not Path(os.path.normpath(page.parent / name)).exists()]
    assert lost == []


def test_playbooks_exist_and_read_what_they_are_given() -> None:
    seen = 0
    for page, words in all_commands("ansible-playbook"):
        for name in (word for word in words if word.startswith("tandem.ha.") and not word.endswith("NAME")):
            path = TOP / "playbooks" / (name[len("tandem.ha.") :].replace(".", "/") + ".yml")
            assert path.exists(), f"{page}: {name}"
            text = code_of(path)
            for variable in extra_variables(words):
                assert re.search(rf"\b{variable}\b", text), f"{page}: {name} does not read {variable}"
            seen += 1
    assert seen > 20


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+)(?: [a-z-]+)*:", (TOP / "Makefile").read_text(), re.MULTILINE))
    targets |= {
        word
        for line in re.findall(r"^\.PHONY: (.+)$", (TOP / "Makefile").read_text(), re.MULTILINE)
        for word in line.split()
    }
    seen = 0
    for page, words in all_commands("make"):
        wanted = [word for word in words[1:] if "=" not in word and word != "NAME"]
        assert set(wanted) <= targets, f"{page}: {' '.join(words)}"
        seen += 1
    assert seen > 10


def test_the_agents_commands_are_its_own() -> None:
    parser = cli._parser()
    seen = 0
    for page, words in all_commands("tandem"):
        if "|" in words:
            continue
        if len(words) == 2 and words[1] in ("apply", "plan", "rollback"):
            words.append("FILE")  # the command is spoken of, not typed
        assert _end(parser, words[1:]) in (0, None), f"{page}: {' '.join(words)}"
        seen += 1
    assert seen > 10


def _end(parser: argparse.ArgumentParser, words: List[str]) -> object:
    try:
        parser.parse_args(words)
    except SystemExit as end:
        return end.code
    return None


def test_codes_that_the_guides_name_are_codes() -> None:
    sources = [*TOP.glob("roles/agent/files/**/*.py"), *TOP.glob("plugins/**/*.py")]
    known = set(re.findall(r'"([a-z]+\.[a-z_]+)"', "\n".join(path.read_text() for path in sources)))
    for page in GUIDES:
        named = {
            code for code in A_CODE.findall(page.read_text()) if not code.endswith((".yml", ".json", ".conf", ".md"))
        }
        assert named <= known, page.name


def test_every_page_is_in_the_site() -> None:
    index = (TOP / "docs" / "site" / "index.rst").read_text()
    pages = {path.relative_to(TOP / "docs").with_suffix("").as_posix() for path in TOP.glob("docs/**/*.md")}
    told = set(re.findall(r"^   ([a-z/-]+)$", index, re.MULTILINE))
    assert {page for page in pages if not page.startswith("decisions/")} == told - {"reference/index"}
