# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the module speaks to RabbitMQ: what it runs, what it says, and what it makes of refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.tandem.ha.plugins.modules import ha_rabbitmq_objects

PASSWORD = "correct horse"
EXPORT = ["export_definitions", "-", "--format", "json"]
IMPORT = ["import_definitions", "--format", "json"]


class Failed(Exception):
    """What the module gave to fail_json."""


class Module:
    """As much of AnsibleModule as it uses, before a RabbitMQ that takes everything, or nothing."""

    def __init__(self, check_mode: bool = False, **params: Any) -> None:
        self.check_mode = check_mode
        self.params = {name: option.get("default") for name, option in ha_rabbitmq_objects.OPTIONS.items()}
        self.params.update(params, wait=0)
        self.there: dict[str, Any] = {"users": [{"name": "guest", "password_hash": "", "tags": []}]}
        self.container = "rabbitmq-bundle-podman-0"
        self.refusal = (0, "", "")
        self.deaf = False
        self.ran: list[list[str]] = []

    def get_bin_path(self, name: str) -> str:
        return "/usr/bin/" + name

    def fail_json(self, msg: str) -> None:
        raise Failed(msg)

    def run_command(self, argv: list[str], data: str | None = None) -> tuple[int, str, str]:
        if argv[1] == "ps":
            return 0, self.container + "\n", ""
        assert argv[:6] == ["/usr/bin/podman", "exec", "--interactive", self.container, "rabbitmqctl", "--quiet"]
        words = argv[6:]
        self.ran.append(words)
        assert PASSWORD not in " ".join(words)
        if words == EXPORT:
            return (1, "", "no server") if self.deaf else (0, "noise\n" + json.dumps(self.there), "")
        if words == IMPORT and not self.refusal[0]:
            assert PASSWORD not in str(data)
            for kind, entries in json.loads(str(data)).items():
                self.there.setdefault(kind, []).extend(entries)
        if words[0] == "delete_user" and not self.refusal[0]:
            self.there["users"] = [entry for entry in self.there["users"] if entry["name"] != words[1]]
        return self.refusal


DECLARED: dict[str, Any] = {
    "vhosts": ["shop"],
    "users": [{"name": "shop", "password": PASSWORD, "tags": [], "permissions": [{"vhost": "shop"}]}],
    "absent_users": ["guest"],
}


def test_what_is_missing_is_imported_and_a_second_time_there_is_nothing_to_do() -> None:
    module = Module(**DECLARED)
    found = ha_rabbitmq_objects.keep(module)
    assert found["objects"] == ["vhost shop", "user shop", "permission shop/shop", "user guest"]
    assert module.ran == [EXPORT, IMPORT, ["delete_user", "guest"], EXPORT]
    assert PASSWORD not in str(found)
    assert ha_rabbitmq_objects.keep(module) == {"changed": False, "objects": [], "diff": []}


def test_a_check_only_looks() -> None:
    module = Module(check_mode=True, **DECLARED)
    assert ha_rabbitmq_objects.keep(module)["changed"]
    assert module.ran == [EXPORT]


def test_a_check_of_a_bare_host_says_that_everything_is_missing() -> None:
    module = Module(check_mode=True, **DECLARED)
    module.container = ""
    assert ha_rabbitmq_objects.keep(module)["objects"] == ["vhost shop", "user shop", "permission shop/shop"]
    assert module.ran == []


def test_without_a_container_it_fails() -> None:
    module = Module(**DECLARED)
    module.container = ""
    with pytest.raises(Failed, match="no container of rabbitmq-bundle runs on this host"):
        ha_rabbitmq_objects.keep(module)


def test_a_server_that_does_not_answer_fails_with_what_it_said() -> None:
    module = Module(**DECLARED)
    module.deaf = True
    with pytest.raises(Failed, match="does not say what it has: no server"):
        ha_rabbitmq_objects.keep(module)


def test_a_refusal_fails_with_its_reason() -> None:
    module = Module(**DECLARED)
    module.refusal = (65, "", "Error: ha-mode is no policy")
    with pytest.raises(Failed, match="refuses import_definitions: Error: ha-mode is no policy"):
        ha_rabbitmq_objects.keep(module)


def test_what_was_not_taken_over_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ha_rabbitmq_objects.Server, "apply", lambda _self, _changes: None)
    with pytest.raises(Failed, match="did not take over: vhost shop, user shop"):
        ha_rabbitmq_objects.keep(Module(**DECLARED))
