# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""Who listens on a TCP port of this host, and how much room a directory has.

Of /proc and the file system alone: this runs on bare hosts, before anything is installed there.
"""

import os
import re
import socket
import struct
from typing import Any, Dict, Iterable, List, Optional, Tuple

LISTENING = "0A"  # of the kernel's states of a TCP socket
TABLES = (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6))

Socket = Tuple[str, int, str]


def sockets(table: str, family: int) -> List[Socket]:
    """Address, port and inode of the sockets that listen, of the text of /proc/net/tcp or tcp6."""
    found = []
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) > 9 and words[3] == LISTENING:
            address, port = words[1].split(":")
            found.append((_address(address, family), int(port, 16), words[9]))
    return found


def _address(text: str, family: int) -> str:
    """An address of the kernel's tables, which are words of 32 bits in the machine's own byte order."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    return socket.inet_ntop(family, struct.pack("=%dI" % len(words), *words))


def listeners(ports: Iterable[int], containers: Dict[str, str]) -> List[Dict[str, Any]]:
    """Who listens on these ports: address, port, the process's name, and its container's when it runs in one.

    `containers` maps process numbers of containers to their names.
    """
    wanted = set(ports)
    found = [one for path, family in TABLES for one in sockets(_read(path), family) if one[1] in wanted]
    holders = _holders({inode for _address, _port, inode in found}) if found else {}
    inside = {_namespace(pid): name for pid, name in containers.items()}
    return [
        {
            "address": address,
            "port": port,
            "process": _read("/proc/%s/comm" % holders[inode]).strip() if inode in holders else "",
            "container": inside.get(_namespace(holders[inode]), "") if inode in holders else "",
        }
        for address, port, inode in sorted(found)
    ]


def _holders(inodes: Iterable[str]) -> Dict[str, str]:
    """The first process that has each of these sockets open. Needs root for those of others."""
    wanted = {"socket:[%s]" % inode: inode for inode in inodes}
    found = {}  # type: Dict[str, str]
    for pid in sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int):
        for name in _names("/proc/%s/fd" % pid):
            inode = wanted.get(_link("/proc/%s/fd/%s" % (pid, name)) or "")
            if inode is not None:
                found.setdefault(inode, pid)
    return found


def _namespace(pid: str) -> Optional[str]:
    """The process namespace of a process: every container has its own, a service of the host has the host's."""
    return _link("/proc/%s/ns/pid" % pid)


def _names(directory: str) -> List[str]:
    try:
        return os.listdir(directory)
    except OSError:  # the process has ended meanwhile
        return []


def _link(path: str) -> Optional[str]:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _read(path: str) -> str:
    try:
        with open(path) as stream:
            return stream.read()
    except (OSError, ValueError):
        return ""


def room(path: str) -> Dict[str, Any]:
    """How many bytes are free where a directory is or will be, and whether it has nothing in it."""
    place = path
    while not os.path.isdir(place) and place != os.path.dirname(place):
        place = os.path.dirname(place)
    figures = os.statvfs(place)
    names = set(_names(path)) - {"lost+found"}  # a file system of its own brings this along
    return {"path": path, "free": figures.f_bavail * figures.f_frsize, "empty": not names}


def container_names(listing: str) -> Dict[str, str]:
    """Process numbers and names of running containers, of lines with both; Docker writes names with a slash before."""
    pairs = (re.match(r"(\d+) /?(\S+)\Z", line.strip()) for line in listing.splitlines())
    return {match.group(1): match.group(2) for match in pairs if match and match.group(1) != "0"}
