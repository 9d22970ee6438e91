# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated vim-cmd prints what a real one was seen to print."""

from __future__ import annotations

import pytest

from tandem_lab import vim_cmd
from tandem_lab.vim_cmd import Host, Machine, Pretence

# As published by the owner of an ESXi 6.5 host with a machine whose files were lost.
SEEN = """\
Skipping invalid VM '6'
Vmid          Name                               File                             Guest OS       Version   Annotation
1      ubuntu-desktop       [HDD] ubuntu-desktop/ubuntu-desktop.vmx           ubuntu64Guest      vmx-13
11     ubuntu-server-1710   [HDD] ubuntu-server-1710/ubuntu-server-1710.vmx   ubuntu64Guest      vmx-13
2      ubuntu-server        [HDD] ubuntu-server/ubuntu-server.vmx             ubuntu64Guest      vmx-13
3      windows-7            [HDD] windows-7/windows-7.vmx                     windows7_64Guest   vmx-13
"""


def machine(number: int, name: str, guest: str) -> Machine:
    return Machine(number, name, Pretence(), "[HDD] %s/%s.vmx" % (name, name), guest, "vmx-13")


@pytest.fixture
def host() -> Host:
    names = {1: "ubuntu-desktop", 2: "ubuntu-server", 11: "ubuntu-server-1710", 3: "windows-7"}
    guest = "windows7_64Guest"
    machines = [machine(number, name, guest if number == 3 else "ubuntu64Guest") for number, name in names.items()]
    return Host(machines, invalid=[6])


def test_the_list_is_laid_out_as_it_was_seen(host: Host) -> None:
    text, code = host.answer(["vmsvc/getallvms"])
    assert ([line.rstrip() for line in text.splitlines()], code) == (SEEN.splitlines(), 0)


def test_signs_of_a_name_are_escaped() -> None:
    assert "a%2fb%25c%5cd" in Host([Machine(1, "a/b%c\\d", Pretence())]).listing()


def test_what_is_on_cannot_be_switched_on(host: Host) -> None:
    assert host.answer(["vmsvc/power.getstate", "1"]) == ("Retrieved runtime info\nPowered off\n", 0)
    assert host.answer(["vmsvc/power.on", "1"]) == ("Powering on VM:\n", 0)
    text, code = host.answer(["vmsvc/power.on", "1"])
    assert code == 1 and text.startswith("Powering on VM:\n(vim.fault.InvalidPowerState) {\n")
    assert 'existingState = "poweredOn"' in text and "current state (Powered on)." in text
    assert host.answer(["vmsvc/power.off", "1"]) == ("Powering off VM:\n", 0)
    assert "InvalidPowerState" in host.answer(["vmsvc/power.reset", "1"])[0]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["vmsvc/power.off", "99"], 'msg = "Unable to find a VM corresponding to "99""'),
        (["vmsvc/power.off", "windows-7"], "vim.fault.NotFound"),
        (["vmsvc/power.off"], "Insufficient arguments."),
        (["vmsvc/destroy", "1"], "Invalid command 'vmsvc/destroy'."),
        ([], "Invalid command"),
    ],
)
def test_what_makes_no_sense_fails(host: Host, argv: list[str], said: str) -> None:
    text, code = host.answer(argv)
    assert said in text and code == 1


def test_only_tools_shut_a_guest_down() -> None:
    host = Host([Machine(1, "bare", Pretence("on"), tools=False), Machine(2, "full", Pretence("on"))])
    assert "ToolsUnavailable" in host.answer(["vmsvc/power.shutdown", "1"])[0]
    assert host.answer(["vmsvc/power.shutdown", "2"]) == ("", 0)
    assert vim_cmd.POWERED[host.machines["2"].power.state()] == "Powered off"
