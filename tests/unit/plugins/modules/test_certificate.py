# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate's whole life with the real openssl: made, signed, kept, renewed, and what does not belong together refused."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tandem.ha.plugins.modules import ha_certificate

NAMES, ADDRESSES = ["c1.example.com", "c1"], ["192.0.2.11", "2001:DB8::b"]


class Ended(Exception):
    """The module said its last word."""


class Module:
    """What the module asks of Ansible, and nothing else."""

    def __init__(self, check_mode: bool = False, **params: Any) -> None:
        defaults = {name: option.get("default") for name, option in ha_certificate.OPTIONS.items()}
        self.params = {**defaults, "names": NAMES, "addresses": ADDRESSES, "owner": os.getuid(), **params}
        self.check_mode = check_mode
        self.result: dict[str, Any] = {}

    def get_bin_path(self, name: str, required: bool = False) -> str | None:
        return shutil.which(name)

    def run_command(self, argv: list[str], data: str | None = None) -> tuple[int, str, str]:
        done = subprocess.run(argv, input=data or "", capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def exit_json(self, **result: Any) -> None:
        self.result = result
        raise Ended

    def fail_json(self, msg: str, **more: Any) -> None:
        self.result = {"failed": True, "msg": msg, **more}
        raise Ended


def say(phase: str, directory: Path, **params: Any) -> dict[str, Any]:
    module = Module(phase=phase, directory=str(directory), **params)
    with pytest.raises(Ended):
        getattr(ha_certificate, phase)(ha_certificate.Host(module))
    return module.result


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Files belong to whom they should without root's rights too: to this user.
    monkeypatch.setattr(ha_certificate.os, "fchown", lambda *_arguments: None)
    return tmp_path / "authority"


def made(host: Path, authority: Path, **params: Any) -> dict[str, Any]:
    found = say("look", host)
    signed = say("sign", authority, request=found["request"], **params)
    return say("keep", host, certificate=signed["certificate"], authority=signed["authority"])


def test_it_is_made_signed_and_kept_and_then_left_alone(tmp_path: Path, authority: Path) -> None:
    host = tmp_path / "tls"
    checked = say("look", host, check_mode=True)
    assert (checked["due"], checked["reason"], checked["request"]) == (True, "there is none", None)
    assert not host.exists()
    assert made(host, authority)["changed"]
    assert say("look", host) == {"changed": False, "due": False, "reason": "", "request": None}
    assert say("keep", host) == {"changed": False}
    modes = {path.name: path.stat().st_mode & 0o777 for path in [*host.iterdir(), *authority.iterdir()]}
    assert modes == {"key.pem": 0o600, "all.pem": 0o600, "cert.pem": 0o644, "ca.pem": 0o644}
    assert authority.stat().st_mode & 0o777 == 0o700
    assert (host / "all.pem").read_text() == (host / "cert.pem").read_text() + (host / "key.pem").read_text()


def test_a_key_that_others_may_read_is_hidden_again(tmp_path: Path, authority: Path) -> None:
    host = tmp_path / "tls"
    made(host, authority)
    (host / "key.pem").chmod(0o644)
    assert say("keep", host, check_mode=True) == {"changed": True}
    assert say("keep", host) == {"changed": True}
    assert (host / "key.pem").stat().st_mode & 0o777 == 0o600
    assert say("keep", host) == {"changed": False}


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"renew": 366}, "it ends within 366 days"),
        ({"names": ["c1"]}, "it is for other names or addresses"),
        ({"addresses": ["192.0.2.11"]}, "it is for other names or addresses"),
    ],
)
def test_it_is_due_when_it_ends_or_is_for_others(
    tmp_path: Path, authority: Path, params: dict[str, Any], reason: str
) -> None:
    host = tmp_path / "tls"
    made(host, authority)
    key = (host / "key.pem").read_text()
    found = say("look", host, **params)
    assert (found["due"], found["reason"]) == (True, reason)
    assert "BEGIN CERTIFICATE REQUEST" in found["request"]
    assert (host / "key.pem").read_text() == key


def test_another_authority_makes_it_due(tmp_path: Path, authority: Path) -> None:
    host = tmp_path / "tls"
    made(host, authority)
    made(tmp_path / "other", tmp_path / "second")
    shutil.copy(tmp_path / "other" / "ca.pem", host / "ca.pem")
    assert say("look", host)["reason"] == "it is not signed by the authority"
    shutil.copy(tmp_path / "other" / "key.pem", host / "key.pem")
    assert say("look", host)["reason"] == "it is not that of the key"


def test_what_does_not_belong_together_is_refused_and_nothing_is_written(tmp_path: Path, authority: Path) -> None:
    one, other, host = tmp_path / "one", tmp_path / "other", tmp_path / "host"
    made(one, authority)
    made(other, tmp_path / "second")
    given = {"certificate": (one / "cert.pem").read_text(), "key": (one / "key.pem").read_text()}
    right = {**given, "authority": (one / "ca.pem").read_text()}
    for wrong, words in (
        ({"certificate": "x"}, "certificate: this is no certificate in PEM"),
        ({"key": "x"}, "key: this is no key in PEM"),
        ({"key": (other / "key.pem").read_text()}, "key: this is not the key of the certificate"),
        ({"authority": (other / "ca.pem").read_text()}, "authority: it has not signed the certificate"),
    ):
        result = say("keep", host, **{**right, **wrong})
        assert result["msg"].startswith(words) and result["msg"].endswith("Nothing was written")
        assert not host.exists()
    assert say("keep", host, check_mode=True, **right) == {"changed": True}
    assert not host.exists()
    assert say("keep", host, **right) == {"changed": True}
    assert say("keep", host, **right) == {"changed": False}
