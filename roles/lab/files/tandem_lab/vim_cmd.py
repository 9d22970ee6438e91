# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
r"""What `vim-cmd vmsvc/...` of an ESXi host prints: emulated, since no such host can exist here. Pure but for the switches.

Formats after outputs that people published: the columns of `getallvms` (their order, widths and centred titles, "Skipping
invalid VM") and the faults as apache/vcl's VIM_SSH.pm quotes them; exit code 1 of a refused power.off after
hashicorp/packer#3980. That `%`, `/` and `\` of a name are written as escapes is the vSphere API's rule for names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Protocol, Sequence, Tuple

Answer = Tuple[str, int]

TITLES = ("Vmid", "Name", "File", "Guest OS", "Version", "Annotation")
POWERED = {"on": "Powered on", "off": "Powered off", "suspended": "Suspended"}
STATES = {"on": "poweredOn", "off": "poweredOff", "suspended": "suspended"}


class Power(Protocol):
    """The switches of one machine."""

    def state(self) -> str:
        """`on`, `off` or `suspended`."""

    def switch(self, action: str) -> None:
        """Do `on`, `off`, `reset` or `shutdown`."""


@dataclass
class Pretence:
    """A machine that is only a word: it is as it was told to be."""

    power: str = "off"

    def state(self) -> str:
        return self.power

    def switch(self, action: str) -> None:
        self.power = "on" if action in ("on", "reset") else "off"


@dataclass(frozen=True)
class Machine:
    """One registered machine."""

    number: int
    name: str
    power: Power
    file: str = ""
    guest: str = "debian11_64Guest"
    version: str = "vmx-19"
    annotation: str = ""
    tools: bool = True

    def row(self) -> Tuple[str, ...]:
        shown = self.name.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c")
        return (
            str(self.number),
            shown,
            self.file or "[datastore1] %s/%s.vmx" % (shown, shown),
            self.guest,
            self.version,
            self.annotation,
        )


class Host:
    """The host's machines, and what it says when it is asked."""

    def __init__(self, machines: Sequence[Machine], invalid: Sequence[int] = ()) -> None:
        self.machines: Dict[str, Machine] = {str(machine.number): machine for machine in machines}
        self.invalid = invalid

    def answer(self, argv: Sequence[str]) -> Answer:
        """What `vim-cmd` prints and its exit code."""
        command, *arguments = argv or [""]
        command = command.lstrip("/")
        if command == "vmsvc/getallvms":
            return self.listing(), 0
        known = {"vmsvc/power." + action: action for action in ("getstate", "on", "off", "reset", "shutdown")}
        if command not in known:
            return "Invalid command '%s'.\n" % command, 1
        if not arguments:
            return "Insufficient arguments.\nUsage: %s vmid\n" % command[len("vmsvc/") :], 1
        machine = self.machines.get(arguments[0])
        if machine is None:
            return not_found(arguments[0]), 1
        return getstate(machine) if known[command] == "getstate" else switch(machine, known[command])

    def listing(self) -> str:
        """Sorted by the number's digits, padded by bytes, titles in the middle of their columns."""
        rows = [machine.row() for _number, machine in sorted(self.machines.items())]
        widths = [max(_width(row[column]) for row in [TITLES, *rows]) for column in range(len(TITLES))]
        title = "   ".join(_centred(word, width) for word, width in zip(TITLES, widths)).rstrip()
        lines = ["Skipping invalid VM '%d'" % number for number in self.invalid]
        lines.append(title)
        lines += ["   ".join(_padded(word, width) for word, width in zip(row, [*widths[:-1], 0])) for row in rows]
        return "\n".join(lines) + "\n"


def _width(text: str) -> int:
    return len(text.encode())


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _centred(text: str, width: int) -> str:
    return _padded(" " * ((width - _width(text)) // 2) + text, width)


def getstate(machine: Machine) -> Answer:
    return "Retrieved runtime info\n%s\n" % POWERED[machine.power.state()], 0


def switch(machine: Machine, action: str) -> Answer:
    """Do it, or refuse it as ESXi does: what is on cannot be switched on, and only tools can shut a guest down."""
    head = {"on": "Powering on VM:\n", "off": "Powering off VM:\n", "reset": "Reset VM:\n", "shutdown": ""}[action]
    before = machine.power.state()
    wrong = before == "on" if action == "on" else before == "off" if action == "off" else before != "on"
    if wrong:
        return head + invalid_power_state(before, "off" if action in ("off", "shutdown") else "on"), 1
    if action == "shutdown" and not machine.tools:
        return tools_unavailable(), 1
    machine.power.switch(action)
    return head, 0


def _fault(kind: str, *lines: str) -> str:
    told = ["(%s) {" % kind, "   faultCause = (vmodl.MethodFault) null, ", "   faultMessage = <unset>, "]
    return "\n".join([*told, *("   " + line for line in lines), "}"]) + "\n"


def not_found(number: str) -> str:
    return _fault("vim.fault.NotFound", 'msg = "Unable to find a VM corresponding to "%s""' % number)


def invalid_power_state(existing: str, requested: str) -> str:
    return _fault(
        "vim.fault.InvalidPowerState",
        'requestedState = "%s", ' % STATES[requested],
        'existingState = "%s", ' % STATES[existing],
        'msg = "The attempted operation cannot be performed in the current state (%s)."' % POWERED[existing],
    )


def tools_unavailable() -> str:
    said = "Cannot complete operation because VMware Tools is not running in this virtual machine."
    return _fault("vim.fault.ToolsUnavailable", 'msg = "%s"' % said)


def broken() -> str:
    """What a host says whose management agent is not well."""
    return _fault(
        "vmodl.fault.SystemError",
        'reason = "emulated fault", ',
        'msg = "A general system error occurred: emulated fault"',
    )
