# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as one file: the same bytes whoever packs it, and it runs."""

from __future__ import annotations

import glob
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import pytest

TOP = pathlib.Path(__file__).resolve().parents[3]
PACK = TOP / "plugins" / "plugin_utils" / "_pack.py"
PYTHONS = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python"))) + ["/usr/bin/python3"]


def load() -> Any:
    spec = importlib.util.spec_from_file_location("_pack", str(PACK))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pack() -> Any:
    return load()


@pytest.fixture(scope="module")
def archive(pack: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("zipapp") / "agent.pyz"
    path.write_bytes(pack.pack(sys.executable))
    path.chmod(0o755)
    return str(path)


def version(python: str) -> tuple[int, ...]:
    said = subprocess.run(
        [python, "-c", "import sys; print(*sys.version_info[:2])"], stdout=subprocess.PIPE, check=False
    )
    return tuple(int(word) for word in said.stdout.split()) if said.returncode == 0 else (0,)


def test_it_runs(archive: str) -> None:
    said = subprocess.run([archive, "--version"], stdout=subprocess.PIPE, check=True)
    assert said.stdout.startswith(b"tandem ")


def test_the_same_bytes_from_every_python_and_every_copy(pack: Any, tmp_path: pathlib.Path) -> None:
    """Neither the interpreter, nor times, modes, compiled files, order or place of the sources make a difference."""
    wanted = pack.checksum(pack.pack("/usr/bin/python3"))
    copy = tmp_path / "elsewhere"
    shutil.copytree(str(pack.ROLE_FILES), str(copy))
    for path in copy.rglob("*.py"):
        os.utime(str(path), (1, 1))
        path.chmod(0o600)
    junk = copy / "tandem_agent" / "__pycache__"
    junk.mkdir(exist_ok=True)
    (junk / "x.py").write_text("junk")
    assert pack.checksum(pack.pack("/usr/bin/python3", str(copy))) == wanted
    code = f"import importlib.util as u; s = u.spec_from_file_location('p', {str(PACK)!r}); m = u.module_from_spec(s);"
    code += "s.loader.exec_module(m); print(m.checksum(m.pack('/usr/bin/python3')))"
    packers = [python for python in PYTHONS if version(python) >= (3, 8)]  # what controls runs 3.10 and newer
    for python in packers:
        said = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, check=True)
        assert said.stdout.decode().strip() == wanted, python


def test_every_python_runs_it_or_says_what_it_needs(archive: str) -> None:
    for python in PYTHONS:
        said = subprocess.run([python, archive, "--version"], capture_output=True, check=False)
        if version(python) >= (3, 8):
            assert (said.returncode, said.stderr) == (0, b""), python
        elif version(python) >= (3,):
            assert said.returncode == 1, python
            assert b"needs Python 3.8 or newer" in said.stderr
            assert b"Traceback" not in said.stderr


def test_the_interpreter_is_in_the_first_line(pack: Any) -> None:
    assert pack.pack("/opt/python3.9").startswith(b"#!/opt/python3.9\n")


def test_units_are_filled_in(pack: Any) -> None:
    units = pack.units("/usr/local/lib/tandem/agent.pyz", 30)
    assert "ExecStart=/usr/local/lib/tandem/agent.pyz serve --idle 30\n" in units["tandem-agent.service"]
    assert not any("@" in text for text in units.values())
    assert "ListenStream=/run/tandem/agent.sock\n" in units["tandem-agent.socket"]
