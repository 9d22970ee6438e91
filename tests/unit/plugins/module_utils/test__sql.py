# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts as statements: nothing but harmless characters gets in, and no password in the clear."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tandem.ha.plugins.module_utils import _sql

SHOP = {"name": "shop", "hosts": ["10.0.0.%"], "password": "c4nary-0815", "privileges": {"shop.*": "insert, SELECT"}}
HASH = "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"


def test_a_password_is_said_as_the_server_keeps_it() -> None:
    # What a MariaDB 10.11 made of this password itself.
    assert _sql.hashed("secret") == HASH
    assert _sql.hashed(None) == ""


def test_no_password_is_said_in_the_clear() -> None:
    text = _sql.first([SHOP])
    assert "c4nary" not in text
    assert "ALTER USER 'shop'@'10.0.0.%' IDENTIFIED VIA mysql_native_password USING '*" in text
    assert "GRANT INSERT, SELECT ON `shop`.* TO 'shop'@'10.0.0.%';" in text


@pytest.mark.parametrize(("tls", "said"), [(True, " REQUIRE SSL;"), (False, " REQUIRE NONE;"), (None, "';")])
def test_an_account_may_be_for_tls_alone(tls: bool | None, said: str) -> None:
    statement = next(line for line in _sql.first([{**SHOP, "tls": tls}]).splitlines() if line.startswith("ALTER USER"))
    assert statement.endswith(said)


def test_an_answer_in_columns_is_understood() -> None:
    answer = "account\tshop\t%%\t%s\t1\naccount\thaproxy\t10.0.0.11\t\t0\naccount\told\t%%\tNULL\tNULL\n" % HASH
    assert _sql.encrypted(answer) == {("shop", "%")}
    assert _sql.present(answer) == {("shop", "%"): HASH, ("haproxy", "10.0.0.11"): "", ("old", "%"): ""}


def test_privileges_are_compared_whatever_their_order() -> None:
    answer = (
        "GRANT USAGE ON *.* TO `shop`@`%%` IDENTIFIED BY PASSWORD '%s'\n"
        "GRANT SELECT, INSERT ON `shop`.* TO `shop`@`%%`\nGRANT ALL PRIVILEGES ON `x`.`y` TO `shop`@`%%`\n" % HASH
    )
    granted = _sql.granted(answer)
    assert granted == {("`shop`.*", "INSERT, SELECT"), ("`x`.`y`", "ALL PRIVILEGES")}
    assert set(_sql.grants(SHOP)) <= granted
    assert set(_sql.grants({"privileges": {"x.y": "all"}})) <= granted
    assert not set(_sql.grants({"privileges": {"shop.*": "SELECT, DELETE"}})) <= granted


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "a'b"}, "is no name"),
        ({"password": "short"}, "the password of shop is shorter than 8 characters"),
        ({"hosts": ["%'; DROP DATABASE x; --"]}, "is no host"),
        ({"privileges": {"shop": "ALL"}}, r"privileges on 'shop': write database.table"),
        ({"privileges": {"shop.*": "ALL; DROP"}}, "are no privileges"),
        ({"privileges": {"a`b.*": "ALL"}}, "privileges on"),
    ],
)
def test_what_could_do_harm_is_refused(wrong: dict[str, Any], said: str) -> None:
    _sql.check([SHOP])
    with pytest.raises(_sql.Invalid, match=said) as fault:
        _sql.check([{**SHOP, **wrong}])
    assert "c4nary" not in str(fault.value)
