# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""What a drill does to a host: which process is killed, which packets are dropped. Pure but for reading /proc."""

import os
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

TABLE = "tandem_drill"
UNIT = "tandem-drill-heal"
KERNEL_NAME = 15  # bytes that the kernel keeps of a process's name
PORT = "PCMK_remote_port"  # by it Pacemaker tells a bundle's executor where to listen


class Process(NamedTuple):
    """One process; its number alone may be another's later."""

    pid: int
    name: str
    began: str


def processes(names: Iterable[str], port: Optional[int] = None, proc: str = "/proc") -> List[Process]:
    """The processes of these names, the oldest first; with `port` only those that were started to listen there."""
    wanted = {name[:KERNEL_NAME] for name in names}
    found = []  # type: List[Process]
    for entry in os.listdir(proc):
        if not entry.isdigit():
            continue
        try:
            process = _process(int(entry), proc)
            if process.name in wanted and (port is None or _environment(process.pid, proc).get(PORT) == str(port)):
                found.append(process)
        except (OSError, ValueError):  # it has ended meanwhile
            continue
    return sorted(found, key=lambda process: (int(process.began), process.pid))


def alive(process: Process, proc: str = "/proc") -> bool:
    """Whether that very process is still there; its number may be another's by now."""
    try:
        return _process(process.pid, proc) == process
    except (OSError, ValueError):
        return False


def _process(pid: int, proc: str) -> Process:
    with open(os.path.join(proc, str(pid), "stat"), "rb") as stream:
        text = stream.read().decode("utf-8", "replace")
    name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    if rest[0] in ("Z", "X"):
        raise ValueError("%d has ended" % pid)
    return Process(pid, name, rest[19])


def _environment(pid: int, proc: str) -> Dict[str, str]:
    with open(os.path.join(proc, str(pid), "environ"), "rb") as stream:
        pairs = [pair.decode("utf-8", "replace").partition("=") for pair in stream.read().split(b"\0")]
    return {name: value for name, _equals, value in pairs}


def rules(addresses: Sequence[str], outgoing_only: bool) -> str:
    """A table of nftables, of its own, that drops what comes from these addresses and goes there."""
    lines = ["table inet %s {" % TABLE]
    hooks = [("output", "daddr")] if outgoing_only else [("input", "saddr"), ("output", "daddr")]
    for hook, side in hooks:
        lines.append("  chain %s {" % hook)
        lines.append("    type filter hook %s priority -300; policy accept;" % hook)
        for family in ("ip", "ip6"):
            those = [address for address in addresses if (":" in address) == (family == "ip6")]
            if those:
                lines.append("    %s %s { %s } drop" % (family, side, ", ".join(those)))
        lines.append("  }")
    return "\n".join(lines + ["}", ""])


def healing(seconds: int, nft: str) -> List[str]:
    """The command that has the host's own systemd take the table away, whatever becomes of who put it there."""
    return [
        "systemd-run",
        "--quiet",
        "--collect",
        "--unit=%s" % UNIT,
        "--on-active=%d" % seconds,
        "--timer-property=AccuracySec=100ms",
        nft,
        "delete",
        "table",
        "inet",
        TABLE,
    ]
