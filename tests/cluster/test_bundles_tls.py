# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All services over TLS, and what their clients notice of new certificates and of new images."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
from pair import BUNDLES, PLAY, TOP, Pair

pytestmark = pytest.mark.slow

KEEP = os.environ.get("TANDEM_KEEP_LAB") == "1"
NETWORK = "10.148"
VIP, REDIS = f"{NETWORK}.0.100", f"{NETWORK}.0.101"
CONTROLLERS, WITNESS = ("b1", "b2"), "bw"
AUTHORITY = "/etc/tandem/galera/tls/ca.pem"  # on the witness, which made all certificates
SERVICES = ("galera", "haproxy", "rabbitmq", "redis")
# Where a client is shown a certificate, and how openssl begins there; those of a host once for each of them.
SHOWN: Dict[str, Tuple[str, str]] = {
    **{f"galera on {host}": (f"{NETWORK}.0.1{host[1]}:3306", "-starttls mysql") for host in CONTROLLERS},
    **{f"rabbitmq on {host}": (f"{NETWORK}.0.1{host[1]}:5671", "") for host in CONTROLLERS},
    "redis": (f"{REDIS}:6379", ""),
    "haproxy": (f"{VIP}:8443", ""),
}
# What answers behind HAProxy: a page with the host's name, over TLS, with the certificate that HAProxy has there.
WEB = """
import http.server, os, ssl
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = os.uname().nodename.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(name)))
        self.end_headers()
        self.wfile.write(name)
    do_HEAD = do_GET
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(("ADDRESS", 8080), Page)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/tandem/haproxy/tls/site/all.pem")
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The pair with all services, made from nothing, where nobody is served without TLS."""
    found = Pair(tmp_path_factory.mktemp("bundles"), "test-tls", NETWORK, BUNDLES, CONTROLLERS)
    (found.inventory / "group_vars" / "all" / "tls.yml").write_text(json.dumps(tls()))
    made = found.up("up" if KEEP else "reset")
    assert made.ok, made.text
    run = found.site()
    assert run.ok, run.text
    for host in CONTROLLERS:
        page = WEB.replace("ADDRESS", f"{NETWORK}.0.1{host[1]}")
        found.node(host, "systemctl is-active --quiet web || { cat > /root/web.py; systemd-run --quiet --collect --unit=web "
                         "python3 /root/web.py; }", stdin=page)  # fmt: skip
    yield found
    if not KEEP:
        gone = found.down()
        assert gone.ok, gone.text


def tls() -> Dict[str, Any]:
    """What an inventory says so that everything is spoken to over TLS only."""
    over: Dict[str, Any] = {"tls": True, "ca": AUTHORITY}
    by_name = {"user": "drill", "password": "{{ drill_password }}", **over}
    queue = {"kind": "amqp", "vhost": "drill", **by_name}
    return {
        "galera_tls": True,
        "galera_tls_clients": "required",
        "rabbitmq_tls": True,
        "rabbitmq_tls_clients": "required",
        "redis_tls": True,
        "haproxy_certificates": [{"name": "site", "names": ["www.example.com"]}],
        "haproxy_services": [
            {"name": "galera", "port": 3306, "check": "galera", "check_port": 3307},
            {"name": "web", "port": 8443, "server_port": 8080, "tls": "site",
             "server_tls": "site", "server_name": "www.example.com"},
        ],
        "drill_clients": [
            {"name": "SQL", "kind": "sql", "address": VIP, **by_name},
            {"name": "mirrored-queue", "queue": "drill-mirrored", **queue},
            {"name": "quorum-queue", "queue": "drill-quorum", "queue_type": "quorum", **queue},
            {"name": "Redis", "kind": "redis", "address": REDIS, "password": "{{ redis_password }}", **over},
            {"name": "HTTP", "kind": "http", "address": VIP, "port": 8443, "path": "/", **over},
        ],
    }  # fmt: skip


def under_clients(pair: Pair, playbook: str, *arguments: str) -> None:
    """A drill in which nothing happens but this playbook: nothing is lost, and all clients are served meanwhile."""
    command = [str(PLAY), "-i", str(pair.inventory), f"{TOP}/playbooks/{playbook}.yml", *arguments]
    report = pair.drill(drill_fault="command", drill_command=command, drill_deadline=600)
    assert report["faults"] == [] and report["failures"] == [], report
    # The ones that wait for a copy in Redis have none while its other member is away; all others go on.
    for name, client in report["clients"].items():
        assert client["acknowledged"] > 0 and not client["lost"], (name, client)
        assert name == "Redis+wait" or client["longest"] < 20, (name, client)


def shown(pair: Pair) -> Dict[str, str]:
    """The certificate that each service shows to a client that trusts the site's authority, by its number."""
    found = {}
    for name, (address, how) in SHOWN.items():
        ask = f"timeout 10 openssl s_client -connect {address} {how} -CAfile {AUTHORITY} -verify_return_error </dev/null 2>&1"
        text = pair.node(WITNESS, f"{ask} | openssl x509 -noout -serial")
        found[name] = text.strip()
    return found


def test_a_second_run_and_a_check_change_nothing(served: Pair) -> None:
    for arguments in ((), ("--check", "--diff")):
        run = served.site(*arguments)
        assert run.ok and run.changed == {}, run.text


def test_certificates_made_anew_reach_clients_without_a_restart(served: Pair) -> None:
    before = shown(served)
    started = containers(served, "{{.Id}} {{.State.StartedAt}}")
    under_clients(served, "site", "-e", "certificate_renew=400")
    old = {name for name, _serial in shown(served).items() & before.items()}
    assert old <= {f"rabbitmq on {host}" for host in CONTROLLERS}, "the others are told of it"
    # RabbitMQ looks at its files every two minutes.
    served.until(lambda: not shown(served).items() & before.items(), 150, f"still the old certificate: {sorted(old)}")
    assert containers(served, "{{.Id}} {{.State.StartedAt}}") == started


def containers(pair: Pair, form: str) -> Dict[str, str]:
    """What the engine says of each service's container, on each controller."""
    inspect = "podman inspect --format '{form}' $(podman ps --quiet --filter name=^{name}-bundle-podman)"
    return {
        f"{name} on {host}": pair.node(host, inspect.format(form=form, name=name)).strip()
        for host in CONTROLLERS
        for name in SERVICES
    }


def test_new_images_reach_both_controllers_under_clients(served: Pair) -> None:
    """Each service's image is made anew, with something in it that the old one has not."""
    build = "podman build --quiet --pull=never --tag localhost/test/{name}:new -"
    recipe = "FROM localhost/tandem-lab/{name}:latest\nLABEL tandem.test=new\n"
    for host in CONTROLLERS:
        for name in SERVICES:
            served.node(host, build.format(name=name), stdin=recipe.format(name=name))
    images = [
        {"name": f"localhost/tandem/{name}:pcmklatest", "source": f"localhost/test/{name}:new", "pull": "never"}
        for name in SERVICES
    ]
    # By its name it comes after the inventory's own services.yml, and goes before it.
    (served.inventory / "group_vars" / "all" / "tls-images.yml").write_text(json.dumps({"image_images": images}))
    before = served.cib()
    for node in (served.other(), served.holder()):  # the address moves with the second one
        under_clients(served, "update", "-e", "update_what=images", "-e", f"update_node={node}")
    label = containers(served, '{{index .Config.Labels "tandem.test"}}')
    assert set(label.values()) == {"new"}, label
    assert served.cib() == before
    run = served.site()
    assert run.ok and run.changed == {}, run.text


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (f"import pymysql; pymysql.connect(host='{VIP}', user='drill', password=PASSWORD)", "Access denied"),
        (f"import socket; socket.create_connection(('{NETWORK}.0.11', 5672), 5)", "Connection refused"),
        (f"import redis; redis.Redis('{REDIS}').ping()", "ConnectionError"),
        (f"import http.client as h; c = h.HTTPConnection('{VIP}', 8443); c.request('GET', '/'); print(c.getresponse())", "closed"),
    ],
    ids=["sql", "amqp", "redis", "http"],
)  # fmt: skip
def test_nobody_is_served_in_the_clear(served: Pair, program: str, told: str) -> None:
    """With the right password, and the libraries that served the clients of the tests above over TLS."""
    secret = Path(f"/var/lib/tandem-lab/{served.name}/drill.password").read_text().strip()
    text = served.node(WITNESS, "python3 -", code=1, stdin=f"PASSWORD = {secret!r}\n{program}\n")
    assert told in text
