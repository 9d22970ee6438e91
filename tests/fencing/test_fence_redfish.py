# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The distribution's fence_redfish against the lab's emulated controller, over HTTPS on the loopback."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Iterator, Tuple

import pytest
import requests
from conftest import PACKAGES, SUITES, Agent, library

from tandem_lab import https, redfish

PASSWORD = "c4nary-0815"
# Debian 13 has it in a package of its own, which is not unpacked.
RELEASES = [suite for suite in SUITES if (PACKAGES / suite / "root/usr/sbin/fence_redfish").exists()]


class Switches:
    on = True

    def is_on(self) -> bool:
        return self.on

    def press(self, operation: str, ordered: bool) -> None:
        self.on = ordered


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Tuple[https.Server, Switches]]:
    switches = Switches()
    service = redfish.Service(switches, "c1", "tandem", lambda: PASSWORD)
    server = https.Server(("127.0.0.1", 0), service, tmp_path / "certificate", lambda: ("ok", 0.0))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server, switches
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=RELEASES or ["none"])
def agent(request: pytest.FixtureRequest, controller: Tuple[https.Server, Switches], tmp_path: Path) -> Agent:
    if not RELEASES:
        pytest.fail("fence_redfish is missing; make it with: tests/gates/pacemaker-tools bookworm bullseye trixie")
    port = controller[0].server_address[1]
    options = {"ip": "127.0.0.1", "ipport": str(port), "username": "tandem", "password": PASSWORD, "ssl_insecure": "1"}
    program = PACKAGES / str(request.param) / "root" / "usr" / "sbin" / "fence_redfish"
    # The agent needs python3-requests; the tools' own, which is plain Python, stands in for it.
    more = Path(requests.__file__).resolve().parents[1]
    return Agent(program, Path("%s:%s" % (library(str(request.param)), more)), tmp_path, options)


def test_it_switches(agent: Agent, controller: Tuple[https.Server, Switches]) -> None:
    _server, switches = controller
    assert agent("monitor").code == 0
    assert agent("status").out == "Status: ON\n"
    assert (agent("off").out, switches.on) == ("Success: Powered OFF\n", False)
    assert agent("status").code == 2
    assert (agent("reboot").out, switches.on) == ("Success: Rebooted\n", True)


def test_a_wrong_password_or_an_unknown_certificate_is_an_error(
    agent: Agent, controller: Tuple[https.Server, Switches]
) -> None:
    assert agent("off", password="wrong").code == 1
    assert agent("off", ssl_insecure=None).code == 1
    assert controller[1].on
