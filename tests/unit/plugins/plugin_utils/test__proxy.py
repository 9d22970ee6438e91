# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy listens to: complete with few words, and wrong words said by name. That the bytes are right, a real MariaDB says."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tandem.ha.plugins.plugin_utils._documents import Invalid
from ansible_collections.tandem.ha.plugins.plugin_utils._proxy import services

NODES = [{"node": "c1", "links": ["10.0.0.11", "10.1.0.11"]}, {"node": "c2", "links": ["fd00::12"]}]
SQL = {"name": "sql", "port": 3306, "check": "galera", "check_port": 3307}


def test_few_words_are_enough_for_a_database() -> None:
    (found,) = services([SQL], NODES, ["10.0.0.100", "fd00::100"])
    assert found["binds"] == ["10.0.0.100:3306", "[fd00::100]:3306"]
    assert found["servers"] == [
        {"name": "c1", "address": "10.0.0.11:3306", "options": ""},
        {"name": "c2", "address": "[fd00::12]:3306", "options": ""},
    ]
    assert (found["mode"], found["single"], found["timeout"], found["check_port"]) == ("tcp", True, "90m", 3307)


def test_a_database_is_asked_in_its_own_protocol() -> None:
    lines = services([SQL], NODES, ["10.0.0.100"])[0]["check"]
    login, question, farewell = (bytes.fromhex(line.split()[-1]) for line in lines if "send-binary" in line)
    assert login[:4] == bytes([len(login) - 4, 0, 0, 1])
    assert login[36:] == b"haproxy\0\0"
    assert question == bytes([31, 0, 0, 0, 3]) + b"SHOW STATUS LIKE 'wsrep_ready'"
    assert farewell == bytes([1, 0, 0, 0, 1])
    expected = [line.split()[-1] for line in lines if "expect" in line]
    assert bytes.fromhex(expected[-1]) == b"\x0bwsrep_ready\x02ON"


def test_the_web_is_asked_for_a_page() -> None:
    entry = {
        "name": "web",
        "port": 80,
        "server_port": 8080,
        "path": "/healthz",
        "servers": [{"name": "x", "address": "1.2.3.4"}],
    }
    (found,) = services([entry], NODES, ["10.0.0.100"])
    assert found["mode"] == "http"
    assert found["check"][1] == "http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host localhost"
    assert found["servers"] == [{"name": "x", "address": "1.2.3.4:8080", "options": ""}]
    assert (found["single"], found["timeout"]) == (False, None)


def test_clients_and_servers_may_be_spoken_to_over_tls() -> None:
    entry = {"name": "web", "port": 443, "server_port": 8443, "tls": "site", "server_tls": "inner"}
    (found,) = services([entry], NODES, ["10.0.0.100"], ["site", "inner"])
    assert found["bind_options"] == " ssl crt /etc/haproxy/tls/site/all.pem alpn h2,http/1.1"
    assert found["servers"][0]["options"] == (
        " ssl check-ssl verify required ca-file /etc/haproxy/tls/inner/ca.pem verifyhost c1"
    )
    (found,) = services([{**entry, "check": "tcp", "server_name": "web"}], NODES, ["10.0.0.100"], ["site", "inner"])
    assert found["bind_options"] == " ssl crt /etc/haproxy/tls/site/all.pem"
    assert found["servers"][1]["options"].endswith(" verifyhost web")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"port": 70000}, "sql: port 70000 is no port: use a number from 1 to 65535"),
        ({"port": None}, "sql: port None is no port"),
        ({"check": "ping"}, "check 'ping' is unknown; known are galera, http, tcp"),
        ({"prot": 1}, "sql: unknown key 'prot'"),
        ({"name": "a b"}, "'a b' is no name"),
        ({"tls": "site"}, "sql: tls names the certificate 'site', which is not in haproxy_certificates; there is own"),
        ({"server_tls": "own"}, "tls and server_tls do not go with the check galera"),
    ],
)
def test_wrong_words_are_said_by_name(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        services([{**SQL, **wrong}], NODES, ["10.0.0.100"], ["own"])


def test_two_cannot_listen_in_one_place() -> None:
    with pytest.raises(Invalid, match=r"other and sql both listen on 10.0.0.100:3306"):
        services([SQL, {**SQL, "name": "other"}], NODES, ["10.0.0.100"])


def test_somewhere_it_has_to_listen() -> None:
    with pytest.raises(Invalid, match="sql has no address to listen on"):
        services([SQL], NODES, [])
