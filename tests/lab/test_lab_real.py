# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real lab, brought up, ill-treated and taken down: needs root and the lab's packages."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest

from tandem_lab import tools

pytestmark = pytest.mark.lab

NAME = "test-%d" % os.getpid()
FILES = Path(__file__).resolve().parents[2] / "roles/lab/files"
SPEC: Dict[str, Any] = {
    "name": NAME,
    "post_delay": 5,  # long enough to be seen on a busy machine
    "networks": [{"name": "mgmt", "subnet": "10.199.0.0/27"}, {"name": "ring", "subnet": "10.199.1.0/27"}],
    "nodes": {
        "a-node-with-a-long-name": {
            "addresses": {"mgmt": "10.199.0.11", "ring": "10.199.1.11"},
            "bmc": {"address": "10.199.0.21", "user": "operator"},
        },
        "n2": {"addresses": {"mgmt": "10.199.0.12", "ring": "10.199.1.12"}, "bmc": {"address": "10.199.0.22"}},
    },
}
N1, N2 = SPEC["nodes"]


def lab(*argv: str, spec: Optional[Dict[str, Any]] = None, code: int = 0) -> Any:
    """Run the program as people do; its JSON answer."""
    which = ["--spec", "-"] if spec else ["--name", NAME]
    done = subprocess.run(
        [sys.executable, "-m", "tandem_lab", argv[0], *which, *argv[1:]],
        input=json.dumps(spec) if spec else None,
        env={**os.environ, "PYTHONPATH": str(FILES)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout + done.stderr


def node(name: str) -> Dict[str, Any]:
    state: Dict[str, Any] = lab("status")["nodes"][name]
    return state


def ssh(address: str, command: str) -> subprocess.CompletedProcess[str]:
    where = lab("status")
    argv = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=3", "-i", where["ssh"]["key"]]
    argv += ["-o", "UserKnownHostsFile=" + where["ssh"]["known_hosts"], "-o", "StrictHostKeyChecking=yes"]
    argv += ["-o", "ProxyCommand=nsenter --net=/run/netns/%s nc -w 3 %%h %%p" % where["namespace"]]
    argv += ["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=3", "root@" + address, command]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


def ipmi(number: int, *command: str, password: Optional[str] = None) -> subprocess.CompletedProcess[str]:
    bmc = node([N1, N2][number - 1])["bmc"]
    secret = password or Path(bmc["password_file"]).read_text().strip()
    argv = ["nsenter", "--net=/run/netns/tandem-" + NAME, "ipmitool", "-I", "lanplus", "-R", "2", "-N", "1"]
    argv += ["-H", bmc["address"], "-U", bmc["user"], "-E", *command]
    env = {**os.environ, "IPMI_PASSWORD": secret}
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, env=env, check=False)


def until(what: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "not within %d s" % seconds
        time.sleep(0.2)


def traces() -> List[str]:
    """Whatever on this machine bears the lab's name, and every interface outside namespaces."""
    found = [line for line in Path("/proc/self/mounts").read_text().splitlines() if NAME in line]
    found += [str(path) for path in Path("/run/netns").glob("*%s*" % NAME)]
    for root in ("/sys/fs/cgroup", "/var/lib/tandem-lab", "/run/tandem-lab", "/run/systemd/nspawn"):
        for place, directories, names in os.walk(root):
            found += [os.path.join(place, name) for name in directories + names if NAME in name]
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if NAME in entry.read_bytes().decode(errors="replace"):
                found.append(entry.read_text().replace("\0", " "))
        except OSError:
            continue
    return sorted(found) + sorted(os.listdir("/sys/class/net"))


@pytest.fixture(scope="module")
def up() -> Iterator[Dict[str, Any]]:
    """The lab, up; afterwards it must be gone without a trace."""
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    if tools.missing_packages():
        pytest.skip("a lab needs the packages " + " ".join(tools.missing_packages()))
    before = traces()
    assert not any(NAME in line for line in before)
    answer = None
    try:
        answer = lab("up", spec=SPEC)
        yield answer
    finally:
        gone = lab("down")
        assert gone["changed"] or answer is None
        assert traces() == before
        assert lab("down")["changed"] is False


@pytest.fixture
def running(up: Dict[str, Any]) -> None:
    """Both nodes on and well, whatever the test before did."""
    for name in (N1, N2):
        lab("bmc", name, "--mode", "ok")
    lab("up")


def test_up_twice_changes_nothing_and_check_mode_agrees(up: Dict[str, Any]) -> None:
    assert up["changed"]
    assert lab("up", "--check", spec=SPEC)["steps"] == []
    started = time.monotonic()
    assert lab("up", spec=SPEC)["changed"] is False
    assert time.monotonic() - started < 5


def test_nodes_are_bare_whole_and_themselves(running: None) -> None:
    state = lab("status")
    assert state["up"] is True
    first = state["nodes"][N1]
    assert (first["power"], first["ssh"], first["bmc"]["power"]) == ("on", True, "on")
    told = ssh(first["address"], "hostname; systemctl --failed --no-legend | wc -l; ls /usr/sbin/pacemakerd")
    assert told.stdout.split() == [N1, "0"], told.stderr
    ids = {ssh(state["nodes"][name]["address"], "cat /etc/machine-id").stdout for name in (N1, N2)}
    assert len(ids) == 2


def test_nodes_reach_each_other_and_the_other_bmc_but_nothing_else(running: None) -> None:
    for address in ("10.199.0.12", "10.199.1.12", "10.199.0.22", "10.199.0.1"):
        lab("exec", N1, "--", "ping", "-c", "1", "-W", "2", address)
    lab("exec", N1, "--", "ping", "-c", "1", "-W", "1", "192.0.2.1", code=2)


def test_packages_come_from_the_lab(running: None) -> None:
    lab("exec", N2, "--", "sh", "-c", "apt-get -qq update && apt-get -qq --simulate install pacemaker corosync pcs")


def test_a_power_cut_is_silent_and_the_disk_stays(running: None) -> None:
    address = node(N1)["address"]
    assert ssh(address, "echo kept > /root/file; sync").returncode == 0
    assert lab("power", N1, "cut")["changed"] is True
    assert lab("power", N1, "cut")["changed"] is False
    assert node(N1)["ssh"] is False
    lab("exec", N2, "--", "ping", "-c", "1", "-W", "1", address, code=1)
    assert "is off" in ipmi(1, "power", "status").stdout
    assert lab("up")["steps"] == ["switch %s on" % N1]
    assert ssh(address, "cat /root/file").stdout == "kept\n"


def test_the_bmc_switches_the_node(running: None) -> None:
    boots, other = node(N1)["boots"], node(N2)["since"]
    assert ipmi(1, "power", "off").returncode == 0
    assert "is off" in ipmi(1, "power", "status").stdout
    assert node(N1)["state"] == "off"
    assert ipmi(1, "power", "cycle").returncode != 0, "what is off cannot be cycled"
    assert ipmi(1, "power", "on").returncode == 0
    assert "is on" in ipmi(1, "power", "status").stdout
    assert node(N1)["state"] == "post", "the self test takes its time"
    until(lambda: node(N1)["ssh"])
    assert ipmi(1, "power", "cycle").returncode == 0
    until(lambda: node(N1)["ssh"])
    assert node(N1)["boots"] == boots + 2
    assert node(N2)["since"] == other, "the other node is none of its business"


def test_a_wrong_password_opens_nothing(running: None) -> None:
    assert ipmi(2, "power", "off", password="wrong").returncode != 0
    assert node(N2)["power"] == "on"


def test_the_password_is_on_no_command_line(running: None) -> None:
    secret = Path(node(N1)["bmc"]["password_file"]).read_text().strip().encode()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert secret not in entry.read_bytes()
        except OSError:
            continue


def test_faulty_bmcs(running: None) -> None:
    lab("bmc", N2, "--mode", "error")
    assert ipmi(2, "power", "off").returncode != 0
    lab("bmc", N2, "--mode", "lying")
    assert "is off" in ipmi(2, "power", "status").stdout
    assert node(N2)["power"] == "on"
    lab("bmc", N2, "--mode", "pretending")
    assert "is on" in ipmi(2, "power", "status").stdout
    assert ipmi(2, "power", "off").returncode == 0
    assert "is off" in ipmi(2, "power", "status").stdout
    assert node(N2)["ssh"] is True
    lab("bmc", N2, "--mode", "silent")
    assert ipmi(2, "power", "status").returncode != 0
    assert node(N2)["bmc"]["power"] is None
    lab("bmc", N2, "--mode", "ok")
    assert "is on" in ipmi(2, "power", "status").stdout


def test_a_bmc_that_dies_is_started_again(running: None) -> None:
    old = node(N2)["pids"]["bmc"]
    os.kill(old, signal.SIGKILL)
    until(lambda: node(N2)["pids"]["bmc"] not in (None, old) and node(N2)["bmc"]["power"] == "on")


def test_a_hung_node_and_its_awakening(running: None) -> None:
    assert lab("power", N2, "freeze")["frozen"] is True
    assert node(N2)["ssh"] is False
    assert node(N2)["power"] == "on"
    assert lab("power", N2, "thaw")["frozen"] is False
    assert node(N2)["ssh"] is True
    lab("power", N2, "freeze")
    lab("power", N2, "cycle")
    until(lambda: node(N2)["ssh"])


def test_a_shutdown_and_a_reboot_from_inside(running: None) -> None:
    assert lab("power", N2, "off")["reason"] == "shut down"
    lab("up")
    boots = node(N2)["boots"]
    ssh(node(N2)["address"], "systemctl reboot")
    until(lambda: node(N2)["boots"] == boots + 1 and node(N2)["ssh"])


def test_exec_hands_on_the_exit_code(running: None) -> None:
    lab("exec", N1, "--", "sh", "-c", "exit 7", code=7)
    assert lab("exec", N1, "--", "hostname") == N1 + "\n"


def test_a_node_more_and_a_node_less(running: None) -> None:
    grown = json.loads(json.dumps(SPEC))
    grown["nodes"]["n3"] = {"addresses": {"mgmt": "10.199.0.13"}, "bmc": {"address": "10.199.0.23"}}
    boots = node(N1)["boots"]
    assert not any(re.search("%s|%s" % (N1, N2), step) for step in lab("up", spec=grown)["steps"])
    assert node("n3")["ssh"] is True
    assert node(N1)["boots"] == boots
    assert "remove the node n3" in lab("up", spec=SPEC)["steps"]
    assert "n3" not in lab("status")["nodes"]


def test_what_exists_is_not_changed_unasked(running: None) -> None:
    other = json.loads(json.dumps(SPEC))
    other["nodes"][N2]["suite"] = "trixie"
    assert "use `reset`" in lab("up", spec=other, code=1)


def test_a_lab_that_was_cut_off_is_mended(running: None) -> None:
    os.kill(node(N1)["pids"]["chassis"], signal.SIGKILL)
    until(lambda: node(N1)["state"] == "lost")
    assert lab("up")["changed"] is True
    assert node(N1)["ssh"] is True
    subprocess.run(["ip", "netns", "delete", "tandem-" + NAME], check=True)
    assert lab("up")["changed"] is True
    assert lab("status")["up"] is True
    assert lab("up")["changed"] is False


def test_reset_makes_new_disks(running: None) -> None:
    before = ssh(node(N1)["address"], "cat /etc/machine-id").stdout
    assert lab("reset")["changed"] is True
    after = ssh(node(N1)["address"], "cat /etc/machine-id")
    assert after.returncode == 0, after.stderr
    assert after.stdout != before
