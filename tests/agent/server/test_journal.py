# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal in a directory that others have been at."""

from __future__ import annotations

import errno
import json
import os
import pathlib
from typing import Any, Dict

import pytest

from tandem_agent.errors import AgentError
from tandem_agent.journal import KEPT, Journal
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.server.dispatch import ROOT, Dispatcher
from tandem_agent.server.frames import Request
from tandem_agent.server.operations import OPERATIONS

NAME = "20260101T000000-0001-c1"
SETTING = {"_": "Setting", "kind": "property", "name": "a", "value": "1"}


@pytest.fixture
def journal(tmp_path: pathlib.Path) -> Journal:
    return Journal(str(tmp_path))


def entry(number: int = 1, **more: Any) -> Dict[str, Any]:
    return {"id": f"20260101T{number:06d}-0001-c1", "plan": [], "outcome": "settled", "changes": [], **more}


def test_what_could_not_be_written_leaves_nothing(
    journal: Journal, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert journal.write(entry(outcome="started")) is None

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    warning = journal.write(entry())
    assert warning is not None and "No space left on device" in warning
    assert journal.read(entry()["id"])["outcome"] == "started"
    assert len(os.listdir(str(tmp_path))) == 1


def test_only_root_may_read_it(journal: Journal, tmp_path: pathlib.Path) -> None:
    before = os.umask(0)
    try:
        Journal(str(tmp_path / "new")).write(entry())
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / f"{entry()['id']}.json").stat().st_mode & 0o777 == 0o600


def test_a_link_in_its_place_is_not_followed(journal: Journal, tmp_path: pathlib.Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f"{entry()['id']}.new").symlink_to(victim)
    assert journal.write(entry()) is not None
    assert victim.read_text() == "precious"


def test_only_the_newest_are_kept(journal: Journal) -> None:
    for number in range(KEPT + 3):
        journal.write(entry(number))
    kept = [one["id"] for one in journal.history(1000)]
    assert len(kept) == KEPT
    assert kept[0] == entry(KEPT + 2)["id"] and kept[-1] == entry(3)["id"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        "\x00",
        "{}",
        '{"id": 7}',
        "[" * 100_000,
        '{"id": "another"}',
        '{"id": "x", "plan": 7}',
    ],
)
def test_a_damaged_entry_is_passed_over(journal: Journal, tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / f"{NAME}.json").write_text(text)
    (tmp_path / "rubbish.json").write_text(text)
    (tmp_path / f"{NAME}.json.bak").mkdir()
    journal.write(entry())
    assert [one["id"] for one in journal.history(9)] == [entry()["id"]]


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "/etc/passwd", NAME + "/../x", NAME + "\n", "\0", NAME + "x" * 5000]
)
def test_names_that_are_none(journal: Journal, name: str) -> None:
    with pytest.raises(AgentError) as caught:
        journal.read(name)
    assert caught.value.code == "journal.unknown"


@pytest.mark.parametrize(
    "changes",
    [
        None,
        7,
        "text",
        [7],
        [None],
        [{}],
        [{"before": None}],
        [{"before": None, "after": None}],
        [{"before": None, "after": 7}],
        [{"before": None, "after": []}],
        [{"before": None, "after": {"_": "Setting"}}],
        [{"before": None, "after": {"_": "Subprocess", "args": "reboot"}}],
        [{"before": None, "after": {"_": ["Setting"]}}],
        [{"before": None, "after": {**SETTING, "more": 1}}],
        [{"before": None, "after": {"_": "map", "items": 7}}],
        [{"before": None, "after": SETTING}, {"before": None, "after": SETTING}],
    ],
    ids=repr,
)
def test_what_cannot_be_undone_is_refused(
    journal: Journal, tmp_path: pathlib.Path, cib_file: str, changes: object
) -> None:
    """A record of another version, or one that somebody edited: no crash, no guess."""
    made = Dispatcher(OPERATIONS, Runner([], {"CIB_file": cib_file}))
    made.journal = journal
    (tmp_path / f"{NAME}.json").write_text(json.dumps({"id": NAME, "changes": changes}))
    request = Request("a", "rollback", {"transaction": NAME, "plan_only": True}, 20)
    with pytest.raises(AgentError) as caught:
        made.call(request, ROOT, lambda *_event: None)
    assert caught.value.code == "journal.unknown"
    assert "cannot be undone" in caught.value.message
