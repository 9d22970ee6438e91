# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both agents as they are installed, the real SDK, and the emulated cloud on loopback."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional
from unittest import mock

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

TOP = Path(__file__).resolve().parents[2]
ROLE = TOP / "roles" / "oci"
sys.path[:0] = [str(Path(__file__).parent), str(ROLE / "files")]

from oci_emulator import identity as identities, server  # noqa: E402
from oci_emulator.identity import Identity, private_pem  # noqa: E402
from oci_emulator.network import PrivateIp, Tenancy  # noqa: E402
from oci_emulator.power import Pretended  # noqa: E402
from oci_emulator.service import Service  # noqa: E402
from tandem_oci import clock, fence, resource  # noqa: E402

KEYS = [identities.new_key() for _number in range(10)]  # making them anew for every test would take most of the time
SUBNET, OTHER = "ocid1.subnet.oc1.test.a", "ocid1.subnet.oc1.test.b"
VIP = "10.0.0.200"


class Ran(NamedTuple):
    """What an agent said and how it ended."""

    code: int
    out: str
    err: str


class World:
    """The cloud, and this host in it: instance `node1` unless said otherwise."""

    def __init__(self, directory: Path) -> None:
        with mock.patch.object(identities, "new_key", itertools.cycle(KEYS).__next__):
            self._make(directory)

    def _make(self, directory: Path) -> None:
        self.directory = directory
        self.power = Pretended()
        self.tenancy = Tenancy(
            "ocid1.tenancy.oc1..test", "eu-test-1", "ocid1.compartment.oc1..test",
            {SUBNET: "10.0.0.0/24", OTHER: "10.0.1.0/24"}, self.power,
        )  # fmt: skip
        self.identity = Identity(self.tenancy.id)
        for number, name in enumerate(("node1", "node2"), 1):
            cards = [
                {"subnet": OTHER, "address": "10.0.1.1%d" % number, "mac": "02:00:00:00:01:0%d" % number},
                {"subnet": SUBNET, "address": "10.0.0.1%d" % number, "mac": "02:00:00:00:00:0%d" % number},
            ]
            self.identity.add_instance(self.tenancy.add_instance(name, cards).id)
        self.service = Service(self.tenancy, self.identity, directory)
        self.api = server.start(server.api(self.service, "127.0.0.1", 0, server.tls(directory, ["127.0.0.1"])))
        self.metadata = {
            name: server.start(server.metadata(self.service, "127.0.0.1", 0, lambda _, name=name: name))
            for name in ("node1", "node2")
        }
        self.endpoint = "https://127.0.0.1:%d" % self.api.server_port

    def close(self) -> None:
        for listener in (self.api, *self.metadata.values()):
            listener.shutdown()
            listener.server_close()

    # What the host has

    def settings(self, host: str = "node1", **changes: str) -> str:
        values = {
            "auth": "instance_principal",
            "endpoint": self.endpoint,
            "federation_endpoint": self.endpoint + "/v1/x509",
            "ca_bundle": str(self.directory / "ca.pem"),
            "metadata_url": "http://127.0.0.1:%d/opc/v2" % self.metadata[host].server_port,
            "connect_timeout": "20",
            "read_timeout": "20",
            **changes,
        }
        path = self.directory / ("%s.ini" % host)
        path.write_text("[oci]\n" + "".join("%s = %s\n" % item for item in values.items()))
        return str(path)

    def api_key(self, **changes: str) -> str:
        """A configuration file as the CLI makes it, for a user of the group."""
        user = "ocid1.user.oc1..somebody"
        key = self.identity.add_user(user)
        (self.directory / "key.pem").write_text(private_pem(key))
        (self.directory / "key.pem").chmod(0o600)
        values = {
            "tenancy": self.tenancy.id,
            "user": user,
            "fingerprint": self.identity.users[user][0].rsplit("/", 1)[1],
            "key_file": str(self.directory / "key.pem"),
            "region": "eu-frankfurt-1",
            **changes,
        }
        path = self.directory / "config"
        path.write_text("[DEFAULT]\n" + "".join("%s=%s\n" % item for item in values.items()))
        path.chmod(0o600)
        return str(path)

    # The agents, in this process; and as they are installed, by the system's Python and from there by the SDK's

    def resource(self, action: str, host: str = "node1", timeout: float = 60, **parameters: str) -> Ran:
        environment = self.environment(host, timeout, **{"python": sys.executable, **parameters})
        return _here(lambda: resource.main(["oci-private-ip", action]), environment)

    def installed_resource(self, action: str, host: str = "node1", timeout: float = 60, **parameters: str) -> Ran:
        return self._run("oci-private-ip", [action], self.environment(host, timeout, **parameters))

    def environment(self, host: str, timeout: float, **parameters: str) -> Dict[str, str]:
        given = {"ip": VIP, "settings": str(self.directory / ("%s.ini" % host)), **parameters}
        if not Path(given["settings"]).exists() and "settings" not in parameters:
            self.settings(host)
        return {
            "PATH": os.environ["PATH"],
            "HA_RSCTMP": str(self.directory / ("tmp-" + host)),
            "OCF_ROOT": "/usr/lib/ocf",
            "OCF_RESOURCE_INSTANCE": "Cluster_VIP-cloud",
            "OCF_RESKEY_CRM_meta_timeout": str(int(timeout * 1000)),
            **{"OCF_RESKEY_" + name: value for name, value in given.items()},
        }

    def fence(self, action: str, **options: str) -> Ran:
        given = {"action": action, "settings": self.settings(), "python": sys.executable, **options}
        return _here(lambda: fence.main(["fence_oci_instance"]), {"PATH": os.environ["PATH"]}, _lines(given))

    def installed_fence(self, argv: List[str], **options: str) -> Ran:
        return self._run("fence_oci_instance", argv, {"PATH": os.environ["PATH"]}, _lines(options))

    def _run(self, program: str, argv: List[str], environment: Dict[str, str], stdin: str = "") -> Ran:
        done = subprocess.run(
            [str(installed(self.directory, program)), *argv],
            check=False, input=stdin, capture_output=True, text=True, env=environment, timeout=120,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    # The cloud, looked at and spoilt

    def vip(self) -> Optional[PrivateIp]:
        return next((one for one in self.tenancy.addresses.values() if one.address == VIP), None)

    def vnic(self, host: str, subnet: str = SUBNET) -> str:
        return next(one.id for one in self.tenancy.vnics.values() if host in one.id and one.subnet == subnet)

    def calls(self, operation: str) -> List[Dict[str, Any]]:
        path = self.directory / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [entry for entry in map(json.loads, lines) if entry["operation"] == operation]

    def spoil(self, *rules: Dict[str, Any]) -> None:
        (self.directory / "faults.jsonl").write_text("".join(json.dumps(rule) + "\n" for rule in rules))


def _lines(options: Dict[str, str]) -> str:
    return "".join("%s=%s\n" % item for item in options.items())


def _here(run: Any, environment: Dict[str, str], stdin: str = "") -> Ran:
    """The agent's main, with an environment and streams of its own, and less patience between two questions."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, environment, clear=True))
        stack.enter_context(mock.patch.object(sys, "stdin", io.StringIO(stdin)))
        stack.enter_context(mock.patch.object(clock, "FIRST_PAUSE", 0.1))
        stack.enter_context(mock.patch.object(fence, "POLL", 0.1))
        # The key that the SDK makes for each session.
        stack.enter_context(mock.patch.object(rsa, "generate_private_key", return_value=KEYS[-1]))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        code = run()
    return Ran(code, out.getvalue(), err.getvalue())


def installed(directory: Path, program: str) -> Path:
    """What the role installs, in a directory of its own: the program, the package, and the SDK's environment."""
    home = directory / "installed"
    if not home.exists():
        home.mkdir()
        (home / "tandem_oci").symlink_to(ROLE / "files" / "tandem_oci")
        (home / "venv").symlink_to(sys.prefix)
    path = home / program
    if not path.exists():
        text = (ROLE / "templates" / (program + ".j2")).read_text()
        # What Ansible would make of it; the first line is quoted because only modules may be templates with one.
        path.write_text(
            text.replace("{{ '#!/usr/bin/python3' }}", "#!/usr/bin/python3").replace("{{ oci_directory }}", str(home))
        )
        path.chmod(0o755)
    return path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()
