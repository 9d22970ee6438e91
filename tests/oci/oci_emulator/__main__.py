# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated cloud in a lab's network namespace: its instances are the lab's nodes, its power buttons really switch them.

    nsenter --net=/run/netns/tandem-NAME python -m oci_emulator --lab NAME --state-dir DIR --run-dir DIR --directory DIR

It is the network between them too: an address passes only the port of the card that it was given to.
It listens on the control side's address and on the metadata service's, which it puts on the bridge, and leaves in
`directory` ca.pem, which vouches for its certificate, calls.jsonl, and state.json: which card each address points to.
faults.jsonl there is read with every request. With --background it returns when it listens.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, List

from . import fabric, server
from .identity import Identity
from .network import Tenancy
from .power import OfLab
from .service import Service

METADATA = "169.254.169.254"
REGION = "eu-frankfurt-1"
HOSTS = ["iaas.%s.oraclecloud.com" % REGION, "auth.%s.oraclecloud.com" % REGION]
SUBNET = "ocid1.subnet.oc1.test.regional"
PATIENCE = 20.0


def main() -> int:
    asked = _arguments()
    directory = Path(asked.directory)
    directory.mkdir(parents=True, exist_ok=True)
    if asked.background:
        return _background(directory)
    raw = json.loads((Path(asked.state_dir) / "spec.json").read_text())
    tenancy, hosts = _tenancy(raw, OfLab(raw["name"], asked.state_dir, asked.run_dir))
    identity = Identity(tenancy.id)
    for ocid in tenancy.instances:
        identity.add_instance(ocid)
    ports = _ports(raw)

    def changed() -> None:
        _tell(directory, tenancy)
        fabric.apply(_rules(tenancy, ports))

    service = Service(tenancy, identity, directory, changed)
    control = _control(raw)
    server.start(server.api(service, control, 443, server.tls(directory, [*HOSTS, control])))
    server.start(server.metadata(service, METADATA, 80, lambda address: hosts.get(address, "")))
    changed()
    threading.Event().wait()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="oci_emulator")
    for name in ("lab", "state-dir", "run-dir", "directory"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--background", action="store_true")
    return parser.parse_args()


def _tenancy(raw: Dict[str, Any], power: OfLab) -> tuple[Tenancy, Dict[str, str]]:
    """Every node an instance with one card, as the lab has cabled it; and who has which address."""
    from tandem_lab import names

    network = raw["networks"][0]
    made = Tenancy(
        "ocid1.tenancy.oc1..test", REGION, "ocid1.compartment.oc1..test", {SUBNET: network["subnet"]}, power
    )  # fmt: skip
    hosts = {}
    for name, node in raw["nodes"].items():
        address = node["addresses"][network["name"]]
        card = {"subnet": SUBNET, "address": address, "mac": names.mac(raw["name"], name, network["name"])}
        made.add_instance(name, [card])
        hosts[address] = name
    return made, hosts


def _control(raw: Dict[str, Any]) -> str:
    """The control side's address, with the metadata service's beside it on the bridge."""
    from tandem_lab import names

    network = raw["networks"][0]
    subprocess.run(["ip", "addr", "replace", METADATA + "/32", "dev", names.bridge(network["name"])], check=True)
    return str(ipaddress.ip_network(network["subnet"])[1])


def _ports(raw: Dict[str, Any]) -> Dict[str, str]:
    """The bridge's port of each instance."""
    from tandem_lab import names

    return {name: names.port(name, 0) for name in raw["nodes"]}


def _rules(tenancy: Tenancy, ports: Dict[str, str]) -> str:
    having: Dict[str, List[str]] = {port: [] for port in ports.values()}
    for one in tenancy.addresses.values():
        if one.vnic:
            having[ports[tenancy.instances[tenancy.vnics[one.vnic].instance].name]].append(one.address)
    return fabric.rules(having, str(ipaddress.ip_network(tenancy.subnets[SUBNET])[-1]))


def _tell(directory: Path, tenancy: Tenancy) -> None:
    """Where each secondary address points, for whoever compares it with the network cards."""
    where = {
        one.address: tenancy.instances[tenancy.vnics[one.vnic].instance].name
        for one in tenancy.addresses.values()
        if not one.primary and one.vnic
    }
    beside = directory / "state.json.new"
    beside.write_text(json.dumps(where))
    beside.replace(directory / "state.json")


def _background(directory: Path) -> int:
    log = (directory / "log").open("ab")
    argv = [sys.executable, "-m", "oci_emulator", *(word for word in sys.argv[1:] if word != "--background")]
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/")
    (directory / "pid").write_text(str(child.pid))
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and child.poll() is None:
        if _answers():
            return 0
        time.sleep(0.1)
    print((directory / "log").read_text()[-2000:], file=sys.stderr)
    return 1


def _answers() -> bool:
    try:
        socket.create_connection((METADATA, 80), 1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
