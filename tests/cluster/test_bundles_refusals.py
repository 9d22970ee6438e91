# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services in bundles on hosts without what they need: said at the beginning or by the service concerned, and no data is touched."""

from __future__ import annotations

import functools
import json
import os
from typing import Any, Dict, Iterator, List, Optional

import pytest
from pair import BUNDLES, Pair

pytestmark = pytest.mark.slow

KEEP = os.environ.get("TANDEM_KEEP_LAB") == "1"
DATADIR = "/var/lib/mysql"
GALERA_ALONE = {"tandem_services": ["galera"], "redis_vips": [], "galera_gcache": "32M"}
LISTEN = (
    "systemd-run --quiet --collect --unit=squatter python3 -c "
    "'import http.server; http.server.HTTPServer((\"0.0.0.0\", {port}), http.server.SimpleHTTPRequestHandler).serve_forever()'"
    " && until ss -tln | grep -q :{port}; do sleep 0.1; done"
)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Nodes on which nothing was installed."""
    found = Pair(tmp_path_factory.mktemp("bundles"), "test-bundles", "10.147", BUNDLES, ("b1", "b2"))
    made = found.up("up" if KEEP else "reset")
    assert made.ok, made.text
    yield found
    if not KEEP:
        gone = found.down()
        assert gone.ok, gone.text


def refused(pair: Pair, variables: Dict[str, Any], *words: str) -> None:
    """A run of the site that says these words and changes nothing."""
    run = pair.site("-e", json.dumps(variables))
    assert run.rc != 0 and run.changed == {}, run.text
    told = " ".join(run.text.split())
    for word in words:
        assert word in told, run.text


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {"galera_control_port": 3124},
            ["port 3124 is wanted by galera (galera_control_port) and by redis (redis_control_port)"],
        ),
        ({"redis_control_port": 2224}, ["port 2224 is wanted by redis (redis_control_port), but it is that of pcsd"]),
        (
            {"image_images": []},
            ["b1, b2: there is no image localhost/tandem/galera:pcmklatest, which galera runs", "image_images"],
        ),
        ({"galera_check_user": "monitor"}, ["haproxy asks the database as the user 'haproxy'"]),
        ({"galera_gcache": "900G"}, ["b1: /var/lib/mysql has room for", "but a new galera needs 921856 MiB"]),
        ({"tandem_services": ["galera", "mongodb"]}, ["tandem_services: mongodb is unknown"]),
    ],
)
def test_the_preflight_knows_what_an_inventory_cannot_have(
    bare: Pair, variables: Dict[str, Any], words: List[str]
) -> None:
    refused(bare, variables, *words)


@pytest.mark.parametrize(("port", "option"), [(3306, "galera_settings.port"), (3123, "galera_control_port")])
def test_a_daemon_of_the_host_that_has_the_port(bare: Pair, port: int, option: str) -> None:
    bare.node("b2", LISTEN.format(port=port))
    try:
        refused(bare, {}, f"b2: python3 listens on port {port} already, which galera needs ({option})")
    finally:
        bare.node("b2", "systemctl stop squatter")


@pytest.fixture(scope="module")
def made(bare: Pair) -> Pair:
    """The pair with Galera alone, whose data on the second controller lie on a small disk."""
    mounted = f"mkdir -p {DATADIR} && mount -t tmpfs -o size=400m,mode=0755 tmpfs {DATADIR}"
    bare.node("b2", f"mountpoint -q {DATADIR} || {{ {mounted}; }}")
    run = bare.site("-e", json.dumps(GALERA_ALONE))
    assert run.ok, run.text
    return bare


@pytest.fixture
def galera(made: Pair) -> Iterator[Pair]:
    """Galera, well before the test and well after it."""
    made.until(lambda: well(made), 300, "Galera is not well")
    yield made
    made.until(lambda: well(made), 300, "Galera is not well")


def well(pair: Pair) -> bool:
    text = pair.node("b1", "pcs status", code=None)
    return "Failed" not in text and all(f"Promoted {name}" in text for name in pair.controllers)


def sql(pair: Pair, node: str, text: str, code: Optional[int] = 0) -> str:
    found = pair.node(node, "podman ps --quiet --filter name=^galera-bundle").strip()
    return pair.node(node, f"podman exec -i {found} mariadb --batch --skip-column-names", code=code, stdin=text).strip()


def files(pair: Pair, node: str) -> str:
    """What lies in the directory of the data, but what a server that runs writes all the time."""
    listed = "find . -type f ! -name '*.log' ! -name 'ib*' ! -name 'galera.cache' ! -name '*.dat' -exec sha256sum {} +"
    return pair.node(node, f"cd {DATADIR} && {listed} | sort -k2")


def test_an_image_that_is_nowhere_and_may_not_be_fetched(galera: Pair) -> None:
    entry = {"name": "localhost/tandem/galera:pcmklatest", "source": "localhost/tandem-lab/none:1", "pull": "never"}
    refused(
        galera,
        {**GALERA_ALONE, "image_images": [entry]},
        "image_images: b1 has no image localhost/tandem-lab/none:1",
        "pull is never",
    )


def test_the_data_of_another_cluster_are_not_overwritten(galera: Pair) -> None:
    galera.node("b1", "pcs node standby b2 --wait=120")
    try:
        other = f"sed -i 's/^uuid:.*/uuid: 11111111-1111-11f1-a1bd-111af111de1a/' {DATADIR}/grastate.dat"
        galera.node("b2", f"cp -p {DATADIR}/grastate.dat /root/ && {other}")
        before = files(galera, "b2")
        run = galera.site("-e", json.dumps(GALERA_ALONE))
        assert run.rc != 0 and run.changed == {}, run.text
        assert "the members' data do not belong together" in run.text, run.text
        assert files(galera, "b2") == before
    finally:
        galera.node("b2", f"cp -p /root/grastate.dat {DATADIR}/")
        galera.node("b1", "pcs node unstandby b2 --wait=300", timeout=330)


def test_a_database_that_lets_nobody_in_is_said_with_its_remedy(galera: Pair) -> None:
    """Unmanaged meanwhile: the resource agent logs in the same way, and would restart the database for it."""
    galera.node("b1", "pcs resource unmanage galera-bundle")
    try:
        sql(galera, "b1", "ALTER USER root@localhost IDENTIFIED BY 'not-ours-1';")
        run = galera.site("-e", json.dumps(GALERA_ALONE))
        assert run.rc != 0 and run.changed == {}, run.text
        assert "Access denied for user 'root'@'localhost'" in run.text, run.text
        assert "IDENTIFIED VIA unix_socket" in run.text, run.text
    finally:
        found = galera.node("b1", "podman ps --quiet --filter name=^galera-bundle").strip()
        galera.node(
            "b1",
            f"MYSQL_PWD=not-ours-1 podman exec -i --env MYSQL_PWD {found} mariadb",
            stdin="ALTER USER root@localhost IDENTIFIED VIA unix_socket;",
        )
        galera.node("b1", "pcs resource manage galera-bundle && pcs resource cleanup", timeout=300)


ROWS = 10  # in one call; of 30 kB, so that each is one packet of Galera's


def acknowledged(pair: Pair, call: int) -> bool:
    """Whether the first controller has taken some rows; while a member leaves it refuses, and a client asks again."""
    rows = (
        f"REPLACE INTO full.t (id, text) VALUES ({call * ROWS + row + 1}, REPEAT('x', 30000));" for row in range(ROWS)
    )
    return sql(pair, "b1", "".join(rows) + "SELECT 'taken';", code=None) == "taken"


def test_a_full_disk_stops_one_member_and_not_the_other(galera: Pair) -> None:
    """What was acknowledged stays; the member comes back when there is room again."""
    sql(galera, "b1", "CREATE DATABASE full; CREATE TABLE full.t (id INT AUTO_INCREMENT PRIMARY KEY, text LONGBLOB);")
    try:
        galera.node("b2", f"dd if=/dev/zero of={DATADIR}/filler bs=1M status=none", code=None)
        for call in range(10):
            galera.until(
                functools.partial(acknowledged, galera, call), 60, f"the rows of call {call} are not acknowledged"
            )
        assert sql(galera, "b1", "SELECT COUNT(*) FROM full.t;") == "100"
    finally:
        galera.node("b2", f"rm -f {DATADIR}/filler")
        galera.node("b1", "pcs resource cleanup", code=None, timeout=300)
    galera.until(lambda: well(galera), 300, "the member that had no room did not come back")
    assert sql(galera, "b2", "SET SESSION wsrep_sync_wait = 1; SELECT COUNT(*) FROM full.t;") == "100"
    sql(galera, "b1", "DROP DATABASE full;")
