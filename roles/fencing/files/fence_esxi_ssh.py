# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fence a virtual machine of an ESXi host over SSH, where there is no vCenter and no writable API (the free edition).

A fence agent on the fencing library (fence-agents' fencing.py: Debian 11 to 13). The library reads the options, knows the
actions and prints; this adds what only ESXi knows. Two of the library's ways are not taken: its SSH login says "yes" to an
unknown host key, and writes the password into its debug log.

One login serves a whole action: a shell on the host, which is sent constant commands and numbers. No name of a machine is
ever part of a command. Names come from `vim-cmd vmsvc/getallvms`, asked once an action, and are compared here.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import hashlib
import logging
import os
import re
import secrets
import selectors
import shlex
import subprocess
import sys
import time
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

# ssh starts this program once more to ask for the password, which is in the environment: only root can read that, while
# anybody can read a command line. Before the library is loaded, because it would read the options.
ANSWER = "FENCE_ESXI_SSH_ANSWER"
if __name__ == "__main__" and ANSWER in os.environ:
    if not re.search("passw|passphrase", " ".join(sys.argv[1:]), re.IGNORECASE):
        sys.exit(1)  # no other question gets an answer
    print(os.environ[ANSWER])
    sys.exit(0)

sys.path.append("/usr/share/fence")
import fencing  # noqa: E402  the library's place is known only here

Options = Dict[str, Any]

LOG = logging.getLogger("fence_esxi_ssh")

DEVICE_OPTIONS = ["ipaddr", "login", "passwd", "secure", "port", "known_hosts", "host_key"]
DOCS = {
    "shortdesc": "Fence agent for ESXi over SSH",
    "longdesc": "fence_esxi_ssh switches virtual machines of an ESXi host off and on by vim-cmd, over SSH. It needs SSH enabled "
    "on the host and nothing else: no vCenter, no licence, no tools in the guest. The host's key is checked, by known_hosts or "
    "host_key; an unknown one is refused. With a password OpenSSH 8.4 or later is needed.",
    "vendorurl": "https://www.vmware.com",
}


class Failure(Exception):
    """What went wrong, as a sentence for a person; the exit code is the library's."""


class Machine(NamedTuple):
    """One line of the host's list."""

    number: str
    name: str
    file: str


# What the host prints. Pure from here to `Shell`.

_ROW = re.compile(r"(?P<number>\d+)\s+(?P<rest>\S.*)$")
_END = re.compile(r"\.vmt?x(?=\s+\S+\s+vmx-\d+(\s|$))")
_BEFORE_FILE = re.compile(r"\s{3,}(?=\[[^\]]+\] )")
_FAULT = re.compile(r"^\((?:vim|vmodl)\.fault\.(?P<type>\w+)\) \{$", re.MULTILINE)
_MESSAGE = re.compile(r'^\s*msg = "(?P<text>.*)",?\s*$', re.MULTILINE)
_STATES = {"Powered on": "on", "Powered off": "off", "Suspended": "on"}


def machines(listing: str) -> List[Machine]:
    """The machines of a `getallvms` listing, but those of which it cannot be told where the name ends.

    A name may hold anything, an annotation too, and that may go on over many lines. A line counts when there is exactly one
    place at which it can be taken apart, and a number when it is there once: else an annotation that looks like a
    machine would be one.
    """
    found = [machine for line in listing.splitlines() for machine in _row(line)]
    numbers = [machine.number for machine in found]
    return [machine for machine in found if numbers.count(machine.number) == 1]


def _row(line: str) -> List[Machine]:
    row = _ROW.match(line)
    return _taken_apart(row.group("number"), row.group("rest")) if row else []


def _taken_apart(number: str, rest: str) -> List[Machine]:
    made = []
    for place in _BEFORE_FILE.finditer(rest):
        name, end = rest[: place.start()], _END.search(rest, place.end())
        if end and not _END.search(name):  # else this is the annotation already
            made.append(Machine(number, unescaped(name), rest[place.end() : end.end()]))
    return made if len(made) == 1 else []


def unescaped(name: str) -> str:
    """A name as people know it: ESXi writes the percent sign, the slash and the backslash of a name as %25, %2f and %5c."""
    return re.sub("%(25|2f|5c)", lambda code: chr(int(code.group(1), 16)), name, flags=re.IGNORECASE)


def find(plug: str, listed: List[Machine]) -> Machine:
    """The machine that is meant, by its name or, where two have the same, by its file."""
    found = [machine for machine in listed if plug in (machine.name, machine.file)]
    if not found:
        raise Failure("the host has no virtual machine %r; it has %s" % (plug, _told(one.name for one in listed)))
    if len(found) > 1:
        meant = "give the file of the one you mean: " + _told(one.file for one in found)
        raise Failure("the host has %d virtual machines called %r: %s" % (len(found), plug, meant))
    return found[0]


def _told(values: Iterable[str]) -> str:
    return ", ".join(repr(value) for value in values) or "none"


def fault(said: str) -> Optional[str]:
    """The fault that the host printed instead of an answer, its type first, if it did."""
    found, message = _FAULT.search(said), _MESSAGE.search(said)
    if not found:
        return None
    return "%s: %s" % (found.group("type"), message.group("text") if message else "it does not say why")


def state(said: str) -> str:
    """`on` or `off` from the answer of `power.getstate`. What is suspended may run again at any time: it is not off."""
    states = [_STATES[line.strip()] for line in said.splitlines() if line.strip() in _STATES]
    if fault(said) or len(states) != 1:
        raise Failure("the host does not tell the power state: %s" % (fault(said) or repr(said.strip())))
    return states[0]


# How to speak to the host: all of it is told to ssh.


def command_line(options: Options) -> List[str]:
    """The configuration files of ssh have no say. Of equal options the first counts: ssh_options cannot undo the check of the key."""
    argv = [options["--ssh-path"], "-F", "none", "-T", "-p", str(options["--ipport"]), "-l", options["--username"]]
    for option in [*known_by(options), *_CONDUCT, *_login(options)]:
        argv += ["-o", option]
    argv += [flag for name, flag in (("--inet4-only", "-4"), ("--inet6-only", "-6")) if name in options]
    return [*argv, *shlex.split(options.get("--ssh-options", "")), "--", options["--ip"], "/bin/sh"]


_CONDUCT = (
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "LogLevel=ERROR",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "NumberOfPasswordPrompts=1",
)


def _login(options: Options) -> List[str]:
    told = ["PubkeyAuthentication=no", "PreferredAuthentications=keyboard-interactive,password"]
    if "--identity-file" in options:
        told = [
            "IdentityFile=" + quoted(options["--identity-file"]),
            "IdentitiesOnly=yes",
            "PreferredAuthentications=publickey",
        ]
    if "--password" not in options:
        told.append("BatchMode=yes")
    if int(options["--login-timeout"]) > 0:
        told.append("ConnectTimeout=%d" % int(options["--login-timeout"]))
    return told


def environment(options: Options) -> Dict[str, str]:
    """What ssh gets to know: nothing of ours, and the password where there is one."""
    kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    kept["LC_ALL"] = "C.UTF-8"
    if "--password" in options:
        # OpenSSH before 8.4 does not know the second; it asks this program only where it has a display and no terminal.
        kept.update(SSH_ASKPASS=os.path.abspath(__file__), SSH_ASKPASS_REQUIRE="force", DISPLAY=":0")
        kept[ANSWER] = options["--password"]
    return kept


def quoted(path: str) -> str:
    """A path as an option of ssh, which would split it at blanks and replace signs after a %."""
    if '"' in path:
        raise Failure("%r cannot be given to ssh: choose a path without quotes" % path)
    return '"%s"' % path.replace("%", "%%")


# Whom we speak to: the host's key.


def known_by(options: Options) -> List[str]:
    """By the key that was given, by a file, or by the files that ssh always reads."""
    if "--host-key" in options:
        path = in_memory("fenced %s\n" % pinned_key(options))
        return ["HostKeyAlias=fenced", "UserKnownHostsFile=" + quoted(path), "GlobalKnownHostsFile=/dev/null"]
    if "--known-hosts" in options:
        path = options["--known-hosts"]
        if not os.access(path, os.R_OK):
            raise Failure("known_hosts: the file %r cannot be read" % path)
        return ["UserKnownHostsFile=" + quoted(path), "GlobalKnownHostsFile=/dev/null"]
    return []


def in_memory(text: str) -> str:
    """The path of a file that is nowhere on a disk: who is killed leaves nothing behind. It is there as long as this process."""
    descriptor = os.memfd_create("fence_esxi_ssh")
    os.write(descriptor, text.encode())
    return "/proc/%d/fd/%d" % (os.getpid(), descriptor)


def check_host_key(given: str) -> None:
    if not re.match(r"SHA256:[A-Za-z0-9+/]{43}$|[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?$", given):
        raise Failure(
            "host_key: %r is neither a public key ('ssh-ed25519 AAAA...') nor a fingerprint ('SHA256:...')" % given
        )


def pinned_key(options: Options) -> str:
    """The public key by which the host is known. Of a fingerprint, the key that has it: the host is asked for its keys."""
    given = options["--host-key"].strip()
    if not given.startswith("SHA256:"):
        return " ".join(given.split()[:2])
    keys = shown_keys(options)
    for key in keys:
        if fingerprint(key) == given:
            return key
    shown = ", ".join("%s %s" % (key.split()[0], fingerprint(key)) for key in keys) or "none"
    raise Failure("host_key: %s has no key with the fingerprint %s; it shows %s" % (options["--ip"], given, shown))


def shown_keys(options: Options) -> List[str]:
    """The keys that the host shows to everybody: not to be trusted, only to be compared."""
    scan = os.path.join(os.path.dirname(options["--ssh-path"]), "ssh-keyscan")
    seconds = int(options["--login-timeout"]) or 15
    argv = [scan, "-T", str(seconds), "-p", str(options["--ipport"]), options["--ip"]]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=3 * seconds, check=False)
    except subprocess.TimeoutExpired:
        raise Failure("host_key: %s does not show its keys within %d s" % (options["--ip"], 3 * seconds)) from None
    lines = done.stdout.decode("ascii", "replace").splitlines()
    return [line.split(None, 1)[1] for line in lines if line and not line.startswith("#")]


def fingerprint(key: str) -> str:
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


class Shell:
    """A shell on the host, by one login, that runs one command after the other."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.errors = in_memory("")
        self.numbers: Dict[str, str] = {}
        argv = command_line(options)
        LOG.info("Running %s", " ".join(argv))
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment(options), bufsize=0
            )

    def vim_cmd(self, command: str) -> str:
        return self.run("vim-cmd vmsvc/" + command, int(self.options["--shell-timeout"]))

    def run(self, command: str, seconds: int) -> str:
        """What the command printed. Without a limit of time for 0, as the library has it."""
        mark = secrets.token_hex(16)  # nothing that a machine is called can be this
        deadline = time.monotonic() + seconds if seconds > 0 else None
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(("{ %s; } </dev/null 2>&1; echo %s\n" % (command, mark)).encode())
        except BrokenPipeError:
            raise self.lost() from None
        data = b""
        while not data.endswith(("%s\n" % mark).encode()):
            data += self._more(deadline, "no answer within %d s to %r" % (seconds, command))
        return data[: -len(mark) - 1].decode("utf-8", "surrogateescape")

    def _more(self, deadline: Optional[float], late: str) -> bytes:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(None if deadline is None else max(0.0, deadline - time.monotonic())):
                raise Failure("%s: %s" % (self.options["--ip"], late))
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            raise self.lost()
        return data

    def lost(self) -> Failure:
        """Why ssh ended, with its own words."""
        self.process.wait()
        with open(self.errors, encoding="utf-8", errors="replace") as errors:
            said = " ".join(errors.read().split())
        host = self.options["--ip"]
        if "Host key verification failed" in said:
            return Failure(
                "%s does not have the host key that it should have (known_hosts, host_key): %s" % (host, said)
            )
        if "Permission denied" in said:
            return Failure("%s refuses the login of %s: %s" % (host, self.options["--username"], said))
        return Failure("no connection to %s: %s" % (host, said or "it hung up without a word"))

    def close(self) -> None:
        """Hang up. The remote shell ends with its input; who does not is not waited for."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# What the library asks for.


def listed(shell: Shell) -> List[Machine]:
    said = shell.vim_cmd("getallvms")
    if not re.search(r"^Vmid\s+Name\s", said, re.MULTILINE):  # a fault's words may stand in an annotation
        raise Failure("the host does not list its virtual machines: %s" % (fault(said) or repr(said.strip())))
    return machines(said)


def number_of(shell: Shell, plug: str) -> str:
    """The machine's number on the host, asked for once an action."""
    if plug not in shell.numbers:
        shell.numbers[plug] = find(plug, listed(shell)).number
    return shell.numbers[plug]


def get_power(shell: Shell, options: Options) -> str:
    return state(shell.vim_cmd("power.getstate " + number_of(shell, options["--plug"])))


def set_power(shell: Shell, options: Options) -> None:
    """Switch. That the machine is as it should be already is no fault; everything else that the host objects to is."""
    action, plug = options["--action"], options["--plug"]
    refused = fault(shell.vim_cmd("power.%s %s" % (action, number_of(shell, plug))))
    if refused and refused.startswith("InvalidPowerState") and get_power(shell, options) == action:
        return
    if refused:
        raise Failure("the host does not switch %r %s: %s" % (plug, action, refused))


def get_list(shell: Shell, options: Options) -> Dict[str, Tuple[str, Optional[str]]]:
    """All machines by their names, or by their files where two have one name; with their states where these are asked for."""
    action = options.get("--original-action", "list")
    if action == "monitor" and options.get("--plug"):
        number_of(shell, options["--plug"])  # a device whose machine is gone is not well
    found = list_with_states(shell) if action == "list-status" else [(machine, None) for machine in listed(shell)]
    names = [machine.name for machine, _power in found]
    return {
        (machine.name if names.count(machine.name) == 1 else machine.file): (machine.number, power)
        for machine, power in found
    }


def list_with_states(shell: Shell) -> List[Tuple[Machine, Optional[str]]]:
    """The list and all power states in one round trip. The host's own shell takes the numbers from the list."""
    mark = secrets.token_hex(16)
    command = (
        "all=$(vim-cmd vmsvc/getallvms 2>&1); printf '%%s\\n' \"$all\"; "
        "for id in $(printf '%%s\\n' \"$all\" | sed -n 's/^\\([0-9][0-9]*\\) .*/\\1/p' | sort -u); do "
        "echo %s $id; vim-cmd vmsvc/power.getstate $id; done"
    ) % mark
    head, *answers = shell.run(command, int(shell.options["--shell-timeout"])).split(mark)
    states = {answer.partition("\n")[0].strip(): answer.partition("\n")[2] for answer in answers}
    return [(machine, _state_if_told(states.get(machine.number, ""))) for machine in machines(head)]


def _state_if_told(said: str) -> Optional[str]:
    try:
        return state(said)
    except Failure as failure:
        LOG.warning("%s", failure)
        return None


def take_whole(shell: Shell, options: Options) -> None:
    """The library takes a comma for the end of one plug and the beginning of another: not where it is part of a name."""
    plug, separator = options.get("--plug", ""), options.get("--plug-separator")
    if separator and separator in plug and plug in [text for machine in listed(shell) for text in machine[1:]]:
        options["--plug-separator"] = "\n"


def declare_options() -> None:
    """What differs from the library's options, and what it does not have."""
    fencing.all_opt["secure"]["default"] = "1"
    fencing.all_opt["login"]["default"] = "root"
    fencing.all_opt["login_timeout"]["default"] = "15"
    fencing.all_opt["shell_timeout"]["default"] = "20"
    plug = "Name of the virtual machine, or its file ([datastore] path.vmx)"
    fencing.all_opt["port"].update(help="-n, --plug=[name]              " + plug, shortdesc=plug)
    for name, value, told in (
        ("known_hosts", "file", "File with the public key of the host (default: those that ssh reads)"),
        ("host_key", "key", "The host's public key, or its fingerprint (SHA256:...)"),
    ):
        option = "--%s=[%s]" % (name.replace("_", "-"), value)
        fencing.all_opt[name] = {
            "getopt": ":",
            "longopt": name.replace("_", "-"),
            "help": "%-30s %s" % (option, told),
            "required": "0",
            "shortdesc": told,
            "order": 2,
        }


def act(options: Options) -> int:
    """Log in, do what was asked for, hang up; returns the exit code."""
    fencing.run_delay(options)
    shell = Shell(options)
    try:
        shell.run("true", int(options["--login-timeout"]))  # what takes long now is the login
        take_whole(shell, options)
        return int(fencing.fence_action(shell, options, set_power, get_power, get_list) or 0)
    finally:
        shell.close()


def main() -> int:
    atexit.register(fencing.atexit_handler)
    declare_options()
    device_options = list(DEVICE_OPTIONS)
    options = fencing.check_input(device_options, fencing.process_input(device_options), other_conditions=True)
    fencing.show_docs(options, DOCS)
    try:
        if "--host-key" in options:
            check_host_key(options["--host-key"].strip())
        return 0 if options["--action"] == "validate-all" else act(options)
    except Failure as failure:
        return failed(failure)


def failed(failure: Failure) -> int:
    LOG.error("Failed: %s", failure)
    return int(fencing.EC_GENERIC_ERROR)


if __name__ == "__main__":
    sys.exit(main())
