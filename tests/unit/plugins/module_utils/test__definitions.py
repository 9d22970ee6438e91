# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""RabbitMQ's objects: what is declared, what differs from an export, and what is imported for it."""

from __future__ import annotations

import pytest
from ansible_collections.tandem.ha.plugins.module_utils import _definitions as definitions

PASSWORD = "correct horse"
USER = {"name": "shop", "password": PASSWORD, "tags": ["monitoring"], "permissions": [{"vhost": "shop"}]}
POLICY = {"name": "mirrored", "pattern": ".*", "definition": {"ha-mode": "all"}}


def wanted(vhosts=("shop",), users=(USER,), policies=(POLICY,)):
    return definitions.declared(vhosts, users, policies)


def there(**changes):
    """What RabbitMQ 3.10 exports of it."""
    return {
        "rabbit_version": "3.10.8",
        "users": [
            {
                "name": "shop",
                "password_hash": definitions.hashed(PASSWORD, b"salt"),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": ["monitoring"],
                "limits": {},
            }
        ],
        "vhosts": [{"name": "shop", "limits": [], "metadata": {"description": "", "tags": []}}],
        "permissions": [{"user": "shop", "vhost": "shop", "configure": ".*", "write": ".*", "read": ".*"}],
        "policies": [
            {
                "vhost": "shop",
                "name": "mirrored",
                "pattern": ".*",
                "apply-to": "queues",
                "definition": {"ha-mode": "all"},
                "priority": 0,
            }
        ],
        **changes,
    }


def names(changes):
    return [str(change) for change in changes]


def test_the_hash_is_the_one_that_rabbitmq_documents():
    # Salt and password of the page "Credentials and Passwords".
    assert definitions.hashed("test12", bytes.fromhex("908DC60A")) == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def test_what_is_as_declared_is_left_alone():
    assert definitions.differing(there(), wanted()) == []


def test_of_an_empty_server_everything_is_missing_and_imported_with_hashes():
    changes = definitions.differing({}, wanted())
    assert names(changes) == ["vhost shop", "user shop", "permission shop/shop", "policy shop/mirrored"]
    imported = definitions.importable(changes)
    assert definitions.fits(imported["users"][0], PASSWORD)
    assert PASSWORD not in str(imported)
    assert definitions.differing(imported, wanted()) == []


def test_a_document_is_the_same_each_time_and_has_no_password():
    found = definitions.document(wanted(), "cookie")
    assert found == definitions.document(wanted(), "cookie")
    assert found["users"] != definitions.document(wanted(), "another")["users"]
    assert PASSWORD not in str(found)
    assert definitions.differing(found, wanted()) == []


def test_another_password_is_noticed_and_not_shown():
    users = [dict(there()["users"][0], password_hash=definitions.hashed("another one"))]
    (change,) = definitions.differing(there(users=users), wanted())
    shown = definitions.shown(change)
    assert str(change) == "user shop"
    assert (shown["before"]["password"], shown["after"]["password"]) == ("another one", "as declared")
    assert PASSWORD not in str(shown)
    assert "password_hash" not in str(shown)


def test_a_hash_that_fits_is_kept_when_something_else_changes():
    users = [dict(there()["users"][0], tags=[])]
    (change,) = definitions.differing(there(users=users), wanted())
    imported = definitions.importable([change])["users"][0]
    assert imported["password_hash"] == users[0]["password_hash"]
    assert imported["tags"] == ["monitoring"]


@pytest.mark.parametrize("broken", ["", "?", "AAAA", None])
def test_a_hash_that_is_none_fits_nobody(broken):
    assert not definitions.fits({"password_hash": broken}, PASSWORD)


def test_a_hash_of_an_unknown_kind_fits_nobody():
    assert not definitions.fits(dict(there()["users"][0], hashing_algorithm="rabbit_password_hashing_md5"), PASSWORD)


def test_tags_as_words_are_tags():
    users = [dict(there()["users"][0], tags="monitoring")]
    assert definitions.differing(there(users=users), wanted()) == []


def test_a_policy_without_a_virtual_host_is_in_all_of_them():
    found = wanted(vhosts=["shop", "other"])
    assert [entry["vhost"] for entry in found["policies"]] == ["shop", "other"]


def test_what_is_not_declared_stays():
    assert definitions.differing(there(), wanted([], [], [])) == []


def test_absent_users_go_and_their_permissions_with_them():
    changes = definitions.differing(there(), wanted([], [], []), absent_users=["shop", "nobody"])
    assert [definitions.removal(change) for change in changes] == [["delete_user", "shop"]]


def test_purged_is_what_is_not_declared_of_a_kind():
    changes = definitions.differing(there(), wanted([], [], []), purge=["permissions", "policies"])
    assert [definitions.removal(change) for change in changes] == [
        ["clear_policy", "--vhost", "shop", "mirrored"],
        ["clear_permissions", "--vhost", "shop", "shop"],
    ]


def test_with_a_virtual_host_everything_in_it_goes_by_itself():
    changes = definitions.differing(there(), wanted([], [], []), purge=list(definitions.KINDS))
    assert names(changes) == ["user shop", "vhost shop"]


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("fewer than 8 characters", {"users": [dict(USER, password="short")]}),
        ("is no name", {"vhosts": ["-x"]}),
        ("is no name", {"vhosts": ["a\nb"]}),
        ("is no name", {"vhosts": [""]}),
        ("'other' is not in vhosts (shop)", {"users": [dict(USER, permissions=[{"vhost": "other"}])]}),
        ("'other' is not in vhosts (shop)", {"policies": [dict(POLICY, vhost="other")]}),
        ("definition is empty", {"policies": [dict(POLICY, definition={})]}),
        ("is there twice", {"users": [USER, USER]}),
        ("is there twice", {"policies": [POLICY, POLICY]}),
    ],
)
def test_what_cannot_be_is_refused(said, arguments):
    with pytest.raises(definitions.Invalid, match=said.replace("(", "\\(").replace(")", "\\)")):
        wanted(**arguments)
