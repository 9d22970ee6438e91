# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host called c1, and the power to cut it off between any two things it does."""

from __future__ import annotations

import os
import pathlib
import shutil
import time
from typing import Any, Callable, Iterator

import pytest
from fakes import Host, Killed


@pytest.fixture
def new_host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Host]]:
    """Makes hosts; file operations of the agent count as steps of the newest one."""
    made: list[Host] = []
    real_uname = os.uname()

    def uname() -> Any:
        return os.uname_result((real_uname.sysname, made[-1].name, *real_uname[2:]))

    def counted(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            host = made[-1]
            if host.kill_at is not None and host.count >= host.kill_at:
                raise Killed  # the dead clean nothing up
            host.step()
            result = real(*args, **kwargs)
            host.step()
            return result

        monkeypatch.setattr(owner, name, wrapper)

    monkeypatch.setattr(os, "uname", uname)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    monkeypatch.setattr("tandem_agent.membership.hands.SYNCED", 0.05)
    monkeypatch.setattr("tandem_agent.membership.hands.RELOADED", 0.05)
    monkeypatch.setattr("tandem_agent.membership.hands.JOINED", 0.05)
    for name in ("rename", "unlink", "fsync", "fchmod"):
        counted(os, name)
    counted(pathlib.Path, "unlink")

    def make() -> Host:
        made.append(Host(tmp_path / str(len(made))))
        return made[-1]

    yield make
    monkeypatch.undo()
    for host in made:
        shutil.rmtree(host.paths.root, ignore_errors=True)
