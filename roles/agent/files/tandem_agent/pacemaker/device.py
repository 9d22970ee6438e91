# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fence device: which nodes it is for, and what it says about their power.

Fence agents (FenceAgentAPI.md of fence-agents) read `name=value` lines on standard input, so no password is ever on a
command line of ours. `action=status` ends with 0 for on, 2 for off, anything else for "could not find out".
"""

from __future__ import annotations

import enum
import os
import re
from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..errors import AgentError
from ..model.agents import agent_fault
from ..model.secrets import ELSEWHERE, hidden, is_secret
from ..model.values import duration_ms
from .cibsecret import SecretFiles
from .metadata import AgentMetadata
from .runner import Completed, Runner

TIMEOUT = 20.0  # seconds for one answer, when pcmk_status_timeout says nothing
TRIES = 2  # a management controller that is busy or just booted drops a request now and then

# Agents that switch the one host they talk to: two of them at one address are a mistake.
_ONE_HOST = re.compile(r"fence_(ipmilan|ipmilanplus|idrac|ilo\w*|imm|redfish|amt\w*|drac\w*)\Z")
_QUIET = {"PYTHONWARNINGS": "ignore"}  # agents are Python, and their deprecations are not our user's business
# Pacemaker's grammar (build_port_aliases in its fencer): a comma divides the plugs of one node, never two nodes, and a
# backslash takes a sign's meaning away.
_MAPPING = re.compile(r"(?:\\.|[^\\; \t])+")
_HALF = re.compile(r"(?:\\.|[^\\:=])+")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ (ERROR|WARNING|INFO|DEBUG): ")


class Power(enum.Enum):
    """What a device says about its target. UNKNOWN: it answers, but for no target in particular."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"
    FAILED = "failed"


class Device(NamedTuple):
    """A stonith resource: its id, its agent without `stonith:`, its parameters as the CIB has them."""

    id: str
    agent: str
    params: Mapping[str, str]
    kept: FrozenSet[str] = frozenset()  # parameters that are secret because they are not in the CIB

    def knowing(self, files: Optional[SecretFiles]) -> Device:
        """The device with the parameters that Pacemaker keeps in files of this node, as the fencer fills them in."""
        elsewhere = {name for name, value in self.params.items() if value == ELSEWHERE}
        if files is None or not elsewhere:
            return self
        have = {name: value for name, value in files.values(self.id).items() if name in elsewhere}
        return self._replace(params={**self.params, **have}, kept=frozenset(have))

    @property
    def plugs(self) -> Dict[str, str]:
        """Plug by node, from pcmk_host_map; a node of pcmk_host_list is its own plug."""
        found = {name: name for name in re.split(r"[\s,;]+", self.params.get("pcmk_host_list", "")) if name}
        for mapping in _MAPPING.findall(self.params.get("pcmk_host_map", "")):
            halves = _HALF.findall(mapping)[-2:]
            if len(halves) == 2:
                found[halves[0]] = halves[1].replace("\\", "")
        return found

    @property
    def targets(self) -> Tuple[str, ...]:
        """The nodes it is for; empty when it finds that out by itself (a dynamic list) or is for all."""
        return tuple(sorted(self.plugs))

    def status(self, runner: Runner, metadata: Optional[AgentMetadata], target: Optional[str]) -> Tuple[Power, str]:
        """Ask for the power of `target` (None: only whether the device answers), and a sentence about the answer."""
        misnamed = agent_fault(f"stonith:{self.agent}")
        if misnamed:  # a path would run any program as root
            return Power.FAILED, misnamed
        if not runner.has(self.agent):
            return Power.FAILED, f"the agent {self.agent} is not installed on this node (package fence-agents)"
        wrong = self._script_fault() or self._secret_fault()
        if wrong:
            return Power.FAILED, wrong
        words = self._input(metadata, target)
        message = ""
        for _try in range(TRIES):
            try:
                completed = runner.run([self.agent], words, self._timeout(), environment=_QUIET)
            except AgentError as error:
                if error.code != "tool.timeout":
                    return Power.FAILED, error.message
                message = f"no answer within {self._timeout():g} s: is {self.address} reachable from this node?"
                continue
            power = _power(completed, target)
            if power is not Power.FAILED:
                return power, f"{target} is {power.value}" if target else "the device answers"
            message = self._complaint(completed)
        return Power.FAILED, message

    def _input(self, metadata: Optional[AgentMetadata], target: Optional[str]) -> bytes:
        action = self.params.get("pcmk_status_action", "status") if target else "monitor"
        given = {
            name: value for name, value in self.params.items() if not name.startswith("pcmk_") and name != "action"
        }
        given["action"] = action
        if target:
            given.update(self._plug(metadata, target))
            given["nodename"] = target
        return "".join(f"{name}={value}\n" for name, value in given.items() if "\n" not in name + value).encode("utf-8")

    def _plug(self, metadata: Optional[AgentMetadata], target: str) -> Dict[str, str]:
        """The parameter that names the target to the agent, by Pacemaker's rules (pcmk_host_argument)."""
        known = metadata.parameters if metadata else {}
        default = "plug" if "plug" in known else "port"
        name = self.params.get("pcmk_host_argument", default)
        if name == "none" or name in self.params:  # a plug that is configured wins over a derived one
            return {}
        return {name: self.plugs.get(target, target)}

    def _timeout(self) -> float:
        milliseconds = duration_ms(self.params.get("pcmk_status_timeout", ""))
        return max(1.0, min(60.0, milliseconds / 1000)) if milliseconds else TIMEOUT

    @property
    def address(self) -> str:
        """Where the device is, for messages."""
        return self.params.get("ip") or self.params.get("ipaddr") or "the device"

    def _script_fault(self) -> Optional[str]:
        """A password script that can't run makes the agent try an empty password, and a tool that is not there ends in
        a riddle: say what is really wrong.
        """
        for name, value in self.params.items():
            path = value.split(" ")[0]
            if name.endswith(("_script", "_path")) and path.startswith("/") and not os.access(path, os.X_OK):
                return f"{name} {path} is missing on this node or not executable"
        return None

    def _secret_fault(self) -> Optional[str]:
        missing = [name for name, value in self.params.items() if value == ELSEWHERE]
        if missing:
            return f"this node has no usable file with its {', '.join(missing)}; apply the document that has it here"
        return None

    def _complaint(self, completed: Completed) -> str:
        text = (completed.stderr or completed.stdout).decode("utf-8", "replace")
        lines: List[str] = []
        for line in text.splitlines():
            said = _STAMP.sub("", line).strip()
            if said and said not in lines and "Please use '-h'" not in said:
                lines.append(said)
        secrets = [value for name, value in self.params.items() if is_secret(name) or name in self.kept]
        said = hidden(" ".join(lines), secrets)[:500] or f"exit code {completed.rc}"
        return f"{self.address} gave no power status: {said}; check address, user, password and plug"


def _power(completed: Completed, target: Optional[str]) -> Power:
    if completed.rc == 0:
        return Power.ON if target else Power.UNKNOWN
    if completed.rc == 2:
        return Power.OFF if target else Power.UNKNOWN
    return Power.FAILED


def duplicates(devices: Sequence[Device]) -> Dict[str, str]:
    """A message for each device that switches the same host as another one which is for another node."""
    found: Dict[str, str] = {}
    for device in devices:
        for other in devices:
            same = device.id != other.id and _place(device) is not None and _place(device) == _place(other)
            if same and set(device.targets) != set(other.targets):
                found[device.id] = (
                    f"{device.id} and {other.id} switch the same host at {device.address}, but are for"
                    f" {', '.join(device.targets)} and {', '.join(other.targets)}: one of them has a wrong address"
                )
    return found


def _place(device: Device) -> Optional[Tuple[str, str]]:
    if not _ONE_HOST.match(device.agent):
        return None
    address = device.params.get("ip") or device.params.get("ipaddr")
    return (address, device.params.get("ipport", "")) if address else None
