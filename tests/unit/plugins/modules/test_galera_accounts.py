# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody is locked out: an account is for TLS alone only where the database speaks it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tandem.ha.plugins.modules import ha_galera_accounts as accounts

SHOP = ("shop", "10.0.0.%")


class Refused(Exception):
    """The module failed."""


class Module:
    def fail_json(self, msg: str) -> None:
        raise Refused(msg)


class Database:
    container = "galera-bundle-podman-0"

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.module = Module()

    def say(self, text: str) -> str:
        assert text == "SELECT @@have_ssl;"
        return self.answer


def ask(answer: str, tls: bool | None, found: list[tuple[str, str]]) -> None:
    wanted: dict[tuple[str, str], Any] = {SHOP: {"name": "shop", "tls": tls}}
    accounts.refuse_lockout(Database(answer), wanted, found)


@pytest.mark.parametrize(
    ("answer", "tls", "found"),
    [("YES\n", True, [SHOP]), ("DISABLED\n", True, []), ("DISABLED\n", False, [SHOP]), ("DISABLED\n", None, [SHOP])],
)
def test_who_can_log_in_is_let(answer: str, tls: bool | None, found: list[tuple[str, str]]) -> None:
    ask(answer, tls, found)


def test_where_the_database_speaks_no_tls_nothing_is_changed() -> None:
    with pytest.raises(Refused, match=r"shop@10.0.0.% may log in over TLS only, .* Nothing was changed"):
        ask("DISABLED\n", True, [SHOP])
