# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that keeps a fence device's password: run for real, with a program that tells what it sees of it."""

from __future__ import annotations

import pathlib
import shlex
import subprocess

import pytest
from jinja2 import Environment

TEMPLATE = pathlib.Path(__file__).resolve().parents[4] / "roles" / "fencing" / "templates" / "secret.sh.j2"
SECRET = 'it\'s a $HOME \\ "secret" `id`'


@pytest.fixture
def script(tmp_path):
    """The rendered script, with a stand-in for ipmitool that writes down its arguments and its environment."""
    tool = tmp_path / "ipmitool"
    tool.write_text("#!/bin/sh\nfor word; do printf '<%s>' \"$word\"; done\nprintf '\\n%s' \"$IPMITOOL_PASSWORD\"\n")
    environment = Environment(autoescape=False, keep_trailing_newline=True)
    environment.filters["quote"] = shlex.quote
    path = tmp_path / "fence-c1"
    path.write_text(
        environment.from_string(TEMPLATE.read_text()).render(
            fencing_secret={"password": SECRET}, fencing_ipmitool=str(tool)
        )
    )
    for program in (tool, path):
        program.chmod(0o700)
    return path


def run(*words):
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, check=True, text=True).stdout


def test_alone_it_prints_the_password(script):
    assert run(script) == SECRET + "\n"


def test_as_ipmitool_it_hides_the_password(script):
    said = run(
        script,
        "-I",
        "lanplus",
        "-H",
        "10.42.0.111",
        "-U",
        "two words",
        "-P",
        "",
        "-L",
        "administrator",
        "chassis",
        "power",
        "status",
    )
    arguments, _newline, environment = said.partition("\n")
    assert arguments == "<-I><lanplus><-H><10.42.0.111><-U><two words><-E><-L><administrator><chassis><power><status>"
    assert environment == SECRET


def test_words_that_look_like_options_of_the_shell_stay_words(script):
    assert run(script, "-e", "-P", "", "*", "-n").partition("\n")[0] == "<-e><-E><*><-n>"
