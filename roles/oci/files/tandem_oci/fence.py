# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fence agent fence_oci_instance: options from stdin or the command line, one action, an exit code.

It follows the fence agent API as Pacemaker uses it, without the fencing library: that one's Python has no OCI SDK, and
starting a second interpreter for each question would lengthen every failover.
"""

from __future__ import annotations

import getopt
import sys
import time
from typing import Any, Callable, Dict, List, Mapping, Optional

from . import clock, interpreter, metadata
from .faults import CannotAsk, Conflict, Fault, Misconfigured, Refused
from .fence_manual import ACTIONS, OPTIONS, metadata as own_metadata, usage
from .settings import Settings, load

DONE, FAILED, OFF = 0, 1, 2
POLL = 0.5
NEEDS_PLUG = ("on", "off", "reboot", "status", "validate-all")
IGNORED = ("nodename", "port_as_ip", "quiet")  # Pacemaker and older tools send these to every agent


class Device:
    """The power button of one instance."""

    def __init__(self, cloud: Any, options: Mapping[str, str], settings: Settings) -> None:
        self._cloud = cloud
        self._options = options
        self._settings = settings
        self._ask_limit = clock.Budget(_number(options, "login_timeout"))

    def find(self) -> Any:
        """The instance. An OCID is asked for; a display name must be the only one of its kind."""
        plug = self._options["plug"]
        if metadata.OCID.match(plug):
            return self._asked(lambda: self._cloud.instance(plug))
        named = [one for one in self.all() if one.name == plug]
        if not named:
            there = ", ".join(sorted(one.name for one in self.all())) or "none"
            raise Misconfigured("plug: there is no instance %r in the compartment: there is %s" % (plug, there))
        if len(named) > 1:
            ids = ", ".join(one.id for one in named)
            raise Misconfigured("plug: %d instances are called %r (%s): give the OCID" % (len(named), plug, ids))
        return named[0]

    def all(self) -> List[Any]:
        where = self._options["compartment"] or metadata.compartment(self._settings)
        return list(self._asked(lambda: self._cloud.instances(where)))

    def switch(self, action: str, wanted: str) -> None:
        """Order it until it is taken, then look until it is done; an order that is done already is not given."""
        budget = clock.Budget(_number(self._options, "power_timeout"))
        ocid, ordered, last = self.find().id, False, "unknown"
        while True:
            try:
                last = self._cloud.instance(ocid).state
                if last == wanted:
                    return
                if not ordered or _lost(last, wanted):
                    ordered = self._order(ocid, action)
            except CannotAsk as fault:
                _say(self._options, "%s; asking again" % fault)
            if budget.left() <= POLL:
                raise CannotAsk("%s is still %s after %.0f s, not %s" % (ocid, last, budget.seconds, wanted))
            time.sleep(POLL)

    def order(self, action: str) -> None:
        """Have an order taken, and do not wait for what comes of it."""
        ocid = self.find().id
        self._asked(lambda: self._cloud.act(ocid, action))

    def _order(self, ocid: str, action: str) -> bool:
        try:
            self._cloud.act(ocid, action)
        except Conflict as fault:
            # It is between two states, on its way there or elsewhere: the next look decides.
            _say(self._options, "%s not taken now: %s" % (action, fault))
            return False
        time.sleep(_number(self._options, "power_wait"))
        return True

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """An answer that refuses us stands: the cluster itself tries again, and a person wants to know at once."""
        return clock.again(self._ask_limit, ask, lambda said: _say(self._options, said), final=(Refused,))


def _lost(state: str, wanted: str) -> bool:
    """Whether an order that was taken had no effect, or somebody has undone it."""
    return (wanted, state) in (("STOPPED", "RUNNING"), ("RUNNING", "STOPPED"))


def off(device: Device) -> int:
    device.switch("STOP", "STOPPED")
    return DONE


def on(device: Device) -> int:
    device.switch("START", "RUNNING")
    return DONE


def reboot(device: Device) -> int:
    """The node is fenced when it is off; the cluster waits for us, so we do not wait until it is on again.

    That it does not come on is said, and is no failure of fencing.
    """
    off(device)
    try:
        device.order("START")
    except Fault as fault:
        print("fenced, but not switched on again: %s" % fault, file=sys.stderr)
    return DONE


def status(device: Device) -> int:
    """STOPPED alone is off: an instance that is stopping may still write."""
    state = device.find().state
    if state == "TERMINATED":
        raise Misconfigured("plug: the instance is TERMINATED: give the OCID of the one that replaced it")
    print("Status: %s" % ("OFF" if state == "STOPPED" else "ON"))
    return OFF if state == "STOPPED" else DONE


def monitor(device: Device) -> int:
    """Whether the API answers us at all."""
    device.all()
    return DONE


def listing(device: Device) -> int:
    for one in device.all():
        print("%s,%s" % (one.id, one.name.replace(",", " ")))
    return DONE


def states(device: Device) -> int:
    for one in device.all():
        print("%s,%s,%s" % (one.id, one.name.replace(",", " "), "OFF" if one.state == "STOPPED" else "ON"))
    return DONE


def validate(device: Device) -> int:
    device.find()
    return DONE


RUN: Dict[str, Callable[[Device], int]] = {
    "off": off,
    "on": on,
    "reboot": reboot,
    "status": status,
    "monitor": monitor,
    "list": listing,
    "list-status": states,
    "validate-all": validate,
}


def read_options(argv: List[str], stdin: str) -> Dict[str, str]:
    """From the command line, or from NAME=VALUE lines when there is none. Raises Misconfigured. Pure."""
    given = _from_arguments(argv) if argv else _from_lines(stdin)
    options = {option.name: option.default for option in OPTIONS}
    options.update({name: value for name, value in given.items() if value != ""})
    if options["action"] not in ACTIONS:
        raise Misconfigured("action: %r is unknown; known are %s" % (options["action"], ", ".join(ACTIONS)))
    if options["action"] in NEEDS_PLUG and not options["plug"]:
        raise Misconfigured("plug: say which instance, by its OCID")
    for option in OPTIONS:
        if option.kind == "second":
            _number(options, option.name)
    if options["compartment"] and not metadata.OCID.match(options["compartment"]):
        raise Misconfigured("compartment: %r is no OCID: it begins with ocid1." % options["compartment"])
    return options


def _from_arguments(argv: List[str]) -> Dict[str, str]:
    by_flag = {flag: option for option in OPTIONS for flag in option.flags}
    short = "".join(flag[1] + _colon(by_flag[flag]) for flag in by_flag if not flag.startswith("--"))
    long = [flag[2:] + ("=" if _colon(by_flag[flag]) else "") for flag in by_flag if flag.startswith("--")]
    try:
        pairs, rest = getopt.gnu_getopt(argv, short, long)
    except getopt.GetoptError as fault:
        raise Misconfigured(str(fault)) from fault
    if rest:
        raise Misconfigured("%r is no option" % rest[0])
    return {by_flag[flag].name: value or "1" for flag, value in pairs}


def _colon(option: Any) -> str:
    return "" if option.kind == "boolean" else ":"


def _from_lines(text: str) -> Dict[str, str]:
    known, found = {option.name for option in OPTIONS} | {"port", "option"}, {}
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        name, _equals, value = line.partition("=")
        if name in known:
            found[{"port": "plug", "option": "action"}.get(name, name)] = value
        elif name not in IGNORED:
            # As the fencing library does: who starts us may know more options than we do.
            print("Parse error: Ignoring unknown option '%s'" % name, file=sys.stderr)
    return found


def _number(options: Mapping[str, str], name: str) -> float:
    try:
        value = float(options[name])
    except ValueError:
        value = -1.0
    if not 0 <= value <= 3600:
        raise Misconfigured("%s: %r is no number of seconds from 0 to 3600" % (name, options[name]))
    return value


def _say(options: Mapping[str, str], text: str) -> None:
    if options["verbose"] not in ("0", "", "no", "false"):
        print(text, file=sys.stderr, flush=True)


def run(argv: List[str], stdin: Optional[str]) -> int:
    options = read_options(argv[1:], stdin or "")
    if options["action"] == "metadata":
        print(own_metadata(), end="")
        return DONE
    settings = load(options["settings"])
    interpreter.enter(options["python"], argv, stdin)
    time.sleep(_number(options, "delay"))
    budget = clock.Budget(_number(options, "login_timeout") + 2 * _number(options, "power_timeout"))
    with clock.limited(budget):
        connect = clock.Budget(_number(options, "login_timeout"))
        cloud = clock.again(
            connect, lambda: interpreter.imported_cloud()(settings), lambda said: _say(options, said), final=(Refused,)
        )
        return RUN[options["action"]](Device(cloud, options, settings))


def main(argv: List[str]) -> int:
    """Exit codes of the fence agent API: 0 done or on, 2 off, 1 anything that went wrong."""
    if any(word in ("-h", "--help") for word in argv[1:]):
        print(usage())
        return DONE
    try:
        return run(argv, None if len(argv) > 1 else sys.stdin.read())
    except Fault as fault:
        print("Failed: %s" % fault, file=sys.stderr)
        return FAILED
