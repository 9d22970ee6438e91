# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What services in bundles need of a host: each thing that is missing or taken is said, and what is the service's own is not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_bundles import bundles

IMAGE, SOURCE = "localhost/tandem/galera:pcmklatest", "registry.example.com/ha/galera:10.11"
GALERA = {
    "service": "galera",
    "bundle": "galera-bundle",
    "engine": "podman",
    "image": IMAGE,
    "check_user": "haproxy",
    "ports": [
        {"port": 3306, "addresses": ["node"], "option": "galera_settings.port"},
        {"port": 3123, "addresses": ["any"], "option": "galera_control_port"},
    ],
    "room": [{"path": "/var/lib/mysql", "bytes": 1 << 30, "option": "galera_gcache and 256 MiB"}],
}
HAPROXY = {
    "service": "haproxy",
    "bundle": "haproxy-bundle",
    "engine": "podman",
    "image": "localhost/tandem/haproxy:pcmklatest",
    "check_users": ["haproxy"],
    "ports": [
        {"name": "sql", "port": 3306, "addresses": ["10.0.0.100"], "option": "haproxy_services: sql"},
        {"port": 8404, "addresses": ["node", "10.0.0.100"], "option": "haproxy_health_port"},
    ],
}
SITE: dict[str, Any] = {
    "controllers": [
        {"host": "c1", "node": "c1", "links": ["10.0.0.11"]},
        {"host": "c2", "node": "c2", "links": ["10.0.0.12"]},
    ],
    "services": [GALERA, HAPROXY],
    "images": [{"name": IMAGE, "source": SOURCE}, {"name": HAPROXY["image"], "archive": "/srv/haproxy.tar"}],
}
LOOK: dict[str, Any] = {
    "listeners": [],
    "images": [],
    "files": ["/srv/haproxy.tar"],
    "room": [{"path": "/var/lib/mysql", "free": 2 << 30, "empty": True}],
}


@pytest.fixture
def site() -> dict[str, Any]:
    return copy.deepcopy(SITE)


@pytest.fixture
def looks() -> dict[str, Any]:
    return {host: copy.deepcopy(LOOK) for host in ("c1", "c2")}


def told(site: dict[str, Any], looks: dict[str, Any]) -> list[tuple[str, list[str], str]]:
    return [tuple(fault) for fault in bundles(site, looks)]


def listener(port: int, address: str = "0.0.0.0", process: str = "mariadbd", container: str = "") -> dict[str, Any]:
    return {"address": address, "port": port, "process": process, "container": container}


def test_one_port_on_two_addresses_is_well(site: dict[str, Any], looks: dict[str, Any]) -> None:
    assert told(site, looks) == []
    assert told({**site, "services": []}, looks) == []
    assert told({"controllers": site["controllers"]}, {}) == []


@pytest.mark.parametrize(
    ("service", "port", "words"),
    [
        (
            1,
            {"port": 3123, "addresses": ["any"], "option": "redis_control_port"},
            "galera (galera_control_port) and by",
        ),
        (1, {"port": 3306, "addresses": ["10.0.0.12"], "option": "x"}, "port 3306 is wanted by galera"),
        (1, {"port": 3306, "addresses": ["0.0.0.0"], "option": "x"}, "port 3306 is wanted by galera"),
        (0, {"port": 2224, "addresses": ["node"], "option": "galera_control_port"}, "it is that of pcsd"),
    ],
)
def test_two_cannot_have_one_port(
    site: dict[str, Any], looks: dict[str, Any], service: int, port: dict[str, Any], words: str
) -> None:
    site["services"][service]["ports"].append(port)
    found = told(site, looks)
    assert [code for code, _hosts, _message in found] == ["service.port"] * len(found) and found
    assert words in found[0][2]


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (listener(3306), "c1: mariadbd listens on port 3306 already, which galera needs (galera_settings.port)"),
        (listener(3306, "::"), "mariadbd listens on port 3306"),
        (listener(3123, process="", container="db-podman-0"), "the container db-podman-0 listens on port 3123"),
        (listener(8404, "10.0.0.11", ""), "somebody listens on port 8404 already, which haproxy needs"),
        # The name of a bundle that begins alike is another's.
        (listener(3123, container="galera-bundle-old-podman-0"), "the container galera-bundle-old-podman-0"),
    ],
)
def test_who_listens_already_is_named(
    site: dict[str, Any], looks: dict[str, Any], seen: dict[str, Any], words: str
) -> None:
    looks["c1"]["listeners"] = [seen]
    found = told(site, looks)
    assert [(code, hosts) for code, hosts, _message in found] == [("service.port", ["c1"])] * len(found) and found
    assert words in found[0][2]


@pytest.mark.parametrize(
    "seen",
    [
        listener(3306, "127.0.0.1"),
        listener(3306, "10.0.0.11", container="galera-bundle-podman-0"),
        listener(3306, "10.0.0.100", "haproxy", "haproxy-bundle-docker-1"),
        listener(22),
    ],
)
def test_what_is_its_own_or_elsewhere_is_no_fault(
    site: dict[str, Any], looks: dict[str, Any], seen: dict[str, Any]
) -> None:
    looks["c1"]["listeners"] = [seen]
    assert told(site, looks) == []


@pytest.mark.parametrize("images", [None, []])
def test_an_image_that_nothing_brings(site: dict[str, Any], looks: dict[str, Any], images: list[str] | None) -> None:
    site["images"] = site["images"][1:]
    looks["c1"]["images"], looks["c2"]["images"] = [IMAGE], images
    ((code, hosts, message),) = told(site, looks)
    assert (code, hosts) == ("service.image", ["c2"])
    assert message.startswith(f"c2: there is no image {IMAGE}, which galera runs")


def test_an_image_that_is_not_where_it_is_said_to_be(site: dict[str, Any], looks: dict[str, Any]) -> None:
    site["images"][0]["pull"] = "never"
    looks["c1"]["images"], looks["c2"]["files"] = [SOURCE], []
    assert [(code, hosts) for code, hosts, _message in told(site, looks)] == [
        ("service.image", ["c2"]),
        ("service.image", ["c2"]),
    ]
    looks["c2"] = {**LOOK, "images": None}  # no engine yet: it cannot be asked, and the role asks
    assert told(site, looks) == []


def test_a_disk_too_small_for_a_new_database(site: dict[str, Any], looks: dict[str, Any]) -> None:
    looks["c1"]["room"][0]["free"] = looks["c2"]["room"][0]["free"] = 100 << 20
    looks["c2"]["room"][0]["empty"] = False
    ((code, hosts, message),) = told(site, looks)
    assert (code, hosts) == ("service.room", ["c1"])
    assert "/var/lib/mysql has room for 100 MiB, but a new galera needs 1024 MiB (galera_gcache and 256 MiB)" in message


def test_a_check_by_a_user_whom_nobody_knows(site: dict[str, Any], looks: dict[str, Any]) -> None:
    site["services"][1]["check_users"] = ["monitor"]
    ((code, _hosts, message),) = told(site, looks)
    assert code == "service.check" and "as the user 'monitor'" in message
    del site["services"][0]["check_user"]
    assert told(site, looks) == [], "the database is somebody else's"
