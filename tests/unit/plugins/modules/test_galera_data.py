# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member's directory holds: the wrong answer here costs somebody a database."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.tandem.ha.plugins.modules import ha_galera_data

UUID = "cd462469-eac7-11f1-a2bd-777af467de1a"
STATE = f"# GALERA saved state\nversion: 2.1\nuuid:    {UUID}\nseqno:   4711\nsafe_to_bootstrap: 0\n"
NOBODY = STATE.replace(UUID, ha_galera_data.NOBODY).replace("4711", "-1")


@pytest.mark.parametrize(
    ("files", "found", "uuid", "seqno"),
    [
        ({}, "empty", "", -1),
        ({"lost+found": ""}, "empty", "", -1),
        ({"ibdata1": "", "mysql": "", "grastate.dat": STATE}, "member", UUID, 4711),
        ({"ibdata1": "", "mysql": "", ".tandem-new": ""}, "new", "", -1),
        ({"ibdata1": "", "mysql": "", ".tandem-new": "", "grastate.dat": STATE}, "member", UUID, 4711),
        ({"ibdata1": "", ".tandem-begun": ""}, "begun", "", -1),
        ({"ibdata1": "", "mysql": ""}, "alone", "", -1),
        ({"ibdata1": "", "mysql": "", "grastate.dat": NOBODY}, "new", "", -1),
        ({"photos.tar": ""}, "other", "", -1),
        ({"mysql": "", "grastate.dat": "uuid: " + UUID + "\nseqno: what\n"}, "member", UUID, -1),
    ],
)
def test_a_directory_is_what_it_holds(tmp_path: Path, files: dict[str, str], found: str, uuid: str, seqno: int) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert ha_galera_data.look(str(tmp_path)) == {"found": found, "uuid": uuid, "seqno": seqno}


def test_no_directory_is_an_empty_one(tmp_path: Path) -> None:
    assert ha_galera_data.look(str(tmp_path / "none"))["found"] == "empty"


def test_what_was_cut_off_goes_its_mark_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (".tandem-begun", "zzz", "lost+found"):
        (tmp_path / name).write_text("")
    (tmp_path / "mysql").mkdir()
    order: list[str] = []
    unlink = ha_galera_data.os.unlink
    monkeypatch.setattr(ha_galera_data.os, "unlink", lambda path: (order.append(Path(path).name), unlink(path)))
    ha_galera_data.clear(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["lost+found"]
    assert order == ["zzz", ".tandem-begun"]
