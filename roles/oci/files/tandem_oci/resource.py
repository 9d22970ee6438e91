# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource agent ocf:tandem:oci-private-ip: a secondary private IP that points to the card of this instance.

Used beside ocf:heartbeat:IPaddr2 in one group, which puts the address on the card itself.

The resource is active here from its start to its stop, which a file of this host tells; so a probe and a stop need no
answer of the cloud. A stop leaves the address where it is: whoever starts next takes it.

`monitor` knows three answers. Ours: well. Another card's, or nobody's: not running. No answer: nothing is known, and
what was known stays true for the time of `grace`. An address that works is not taken away because an API is ill.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import struct
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional

from . import clock, interpreter, metadata, ocf
from .faults import CannotAsk, Conflict, Fault, Misconfigured, NotInstalled, Refused
from .held import Held, Marker, now
from .manual import METADATA, USAGE
from .settings import DEFAULT_FILE, Settings, load

DEFAULT_GRACE = "300"
SIOCGIFHWADDR = 0x8927


class Agent:
    """One call of the agent."""

    def __init__(self, environment: Mapping[str, str], argv: List[str]) -> None:
        self._argv = argv
        self._environment = environment
        self.marker = Marker(
            environment.get("HA_RSCTMP") or "/run/resource-agents",
            environment.get("OCF_RESOURCE_INSTANCE") or "by-hand",
        )
        self.actions: Dict[str, Callable[[], int]] = {
            "start": self.start,
            "stop": self.stop,
            "monitor": self.monitor,
            "validate-all": self.validate,
            "reload-agent": self.reload,
        }

    def _parameter(self, name: str, default: str = "") -> str:
        return ocf.parameter(self._environment, name, default)

    # What is set, judged when it is needed: a stop must not fail for it.

    def _address(self) -> str:
        text = self._parameter("ip")
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            raise Misconfigured(
                "ip: %r is no address: write it as 10.0.0.200, without a prefix length" % text
            ) from None

    def _vnic_id(self) -> str:
        return self._ocid("vnic_id")

    def _ocid(self, name: str) -> str:
        text = self._parameter(name)
        if text and not metadata.OCID.match(text):
            raise Misconfigured("%s: %r is no OCID: it begins with ocid1." % (name, text))
        return text

    def _grace(self) -> float:
        return ocf.seconds("grace", self._parameter("grace", DEFAULT_GRACE))

    def _settings(self) -> Settings:
        return load(self._parameter("settings", DEFAULT_FILE))

    def _check(self) -> Settings:
        """Everything that can be judged without asking anybody."""
        self._address(), self._vnic_id(), self._ocid("subnet_id"), self._grace()
        return self._settings()

    # Actions

    def start(self) -> int:
        """Make the address point to our card; where it does already, change nothing."""
        settings = self._check()
        interpreter.enter(self._python(), self._argv)
        budget = clock.Budget(ocf.time_limit(self._environment))
        with clock.limited(budget):
            held = clock.again(budget, lambda: self._take(settings), lambda said: ocf.log("warn", said))
        self.marker.write(held)
        return ocf.SUCCESS

    def stop(self) -> int:
        self.marker.remove()
        return ocf.SUCCESS

    def monitor(self) -> int:
        held = self.marker.read()
        if held is None:
            return ocf.NOT_RUNNING
        try:
            confirmed = self._confirm(held)
        except (CannotAsk, NotInstalled) as fault:
            return self._unknown(held, fault)
        if confirmed is None:
            return ocf.NOT_RUNNING
        self.marker.write(confirmed)
        return ocf.SUCCESS

    def validate(self) -> int:
        """Ask everything that a start asks, and change nothing."""
        settings = self._check()
        interpreter.enter(self._python(), self._argv)
        budget = clock.Budget(ocf.time_limit(self._environment))
        with clock.limited(budget):
            cloud = interpreter.imported_cloud()(settings)
            vnic = self._vnic(settings)
            cloud.private_ip(self._subnet(cloud, vnic), self._address())
        return ocf.SUCCESS

    def reload(self) -> int:
        """Everything is read anew by every action."""
        self._check()
        return ocf.SUCCESS

    # Steps of them

    def _python(self) -> str:
        return self._parameter("python", interpreter.DEFAULT)

    def _vnic(self, settings: Settings) -> metadata.Vnic:
        vnic = metadata.choose(metadata.vnics(settings), self._address(), self._vnic_id())
        nic = self._parameter("nic")
        mac = _mac(nic) if nic else vnic.mac
        if mac != vnic.mac:
            raise Misconfigured(
                "nic: the network card %s has the MAC %s, but %s, in whose subnet %s is, has %s"
                % (nic, mac, vnic.id, self._address(), vnic.mac)
            )
        return vnic

    def _subnet(self, cloud: Any, vnic: metadata.Vnic) -> str:
        """The subnet of our card; `subnet_id` saves the question, and is checked where the address is asked for."""
        return self._ocid("subnet_id") or str(cloud.subnet_of(vnic.id))

    def _take(self, settings: Settings) -> Held:
        cloud, vnic, address = interpreter.imported_cloud()(settings), self._vnic(settings), self._address()
        subnet = self._subnet(cloud, vnic)
        found = cloud.private_ip(subnet, address)
        if found is None:
            found = cloud.assign(vnic.id, address)
            ocf.log("info", "%s was nobody's: assigned to %s" % (address, vnic.id))
        elif found.vnic != vnic.id:
            if found.primary:
                raise Misconfigured(
                    "ip: %s is the primary address of %s and cannot move: choose a secondary one"
                    % (address, found.vnic)
                )
            before, found = found.vnic, cloud.move(found, vnic.id)
            ocf.log("info", "%s moved from %s to %s" % (address, before or "nobody", vnic.id))
        if found.vnic != vnic.id:
            raise Conflict("%s points to %s after it was assigned to %s" % (address, found.vnic or "nobody", vnic.id))
        return Held(address, vnic.id, subnet, now())

    def _confirm(self, held: Held) -> Optional[Held]:
        """Ask whether the address is still ours; None, with the reason said, when it is not."""
        settings = self._settings_or_unknown()
        interpreter.enter(self._python(), self._argv)
        budget = clock.Budget(ocf.time_limit(self._environment))
        with clock.limited(budget):
            found = clock.again(budget, lambda: self._ask(settings, held), lambda said: ocf.log("info", said))
        if found is not None and found.vnic == held.vnic:
            return Held(held.address, held.vnic, held.subnet, now())
        where = "points to %s" % found.vnic if found is not None and found.vnic else "is assigned to no network card"
        ocf.reason("%s has moved away: it %s, not to our %s" % (held.address, where, held.vnic))
        return None

    def _ask(self, settings: Settings, held: Held) -> Any:
        return interpreter.imported_cloud()(settings).private_ip(held.subnet, held.address)

    def _settings_or_unknown(self) -> Settings:
        """A settings file that was spoilt after the start says nothing about where the address is."""
        try:
            return self._settings()
        except Misconfigured as fault:
            raise CannotAsk(str(fault)) from fault

    def _unknown(self, held: Held, fault: Fault) -> int:
        """No answer: what was known last stays true for a while."""
        age, grace = held.age(), self._grace()
        if age <= grace:
            ocf.log(
                "warn",
                "cannot ask where %s is, keeping what was known %.0f s ago (grace %.0f s): %s"
                % (held.address, age, grace, fault),
            )
            return ocf.SUCCESS
        ocf.reason("nothing known of %s for %.0f s (grace %.0f s): %s" % (held.address, age, grace, fault))
        return ocf.ERROR


def _mac(nic: str) -> str:
    """Asked of the kernel, not of /sys, which may show another network namespace's cards."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            answer = fcntl.ioctl(any_socket, SIOCGIFHWADDR, struct.pack("256s", nic.encode()[:15]))
    except OSError:
        raise Misconfigured("nic: this host has no network card %s" % nic) from None
    return ":".join("%02x" % byte for byte in answer[18:24])


def main(argv: List[str]) -> int:
    """Exit codes of OCF: 1 is tried again, 2, 4 and 5 keep the resource from this node."""
    action = argv[1] if len(argv) == 2 else ""
    if action in ("meta-data", "metadata"):
        print(METADATA, end="")
        return ocf.SUCCESS
    agent = Agent(os.environ, argv)
    if action in ("usage", "help", ""):
        print(USAGE)
        return ocf.SUCCESS if action else ocf.ARGUMENTS
    if action not in agent.actions:
        ocf.reason("there is no action %s" % action)
        return ocf.UNIMPLEMENTED
    try:
        return agent.actions[action]()
    except Misconfigured as fault:
        code, said = ocf.ARGUMENTS, str(fault)
    except NotInstalled as fault:
        code, said = ocf.INSTALLED, str(fault)
    except Refused as fault:
        # A start is tried again: whoever grants rights has hiccups too.
        code, said = ocf.PERMISSION if action == "validate-all" else ocf.ERROR, str(fault)
    except CannotAsk as fault:
        code, said = ocf.ERROR, str(fault)
    ocf.reason(said)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv))
