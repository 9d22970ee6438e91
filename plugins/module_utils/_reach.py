# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""Does something answer at an address: another host's network card (ARP, neighbour discovery), a BMC (IPMI).

Standard library only and no tool of the host: this runs on bare hosts, before anything is installed there.
"""

import contextlib
import errno
import socket
import struct
import time
from typing import Callable, List, Optional, Tuple

ARP = 0x0806
# "Get Channel Authentication Capabilities" outside any session: every BMC answers it, whoever asks, so that a client
# learns how to log in. RMCP header, empty session header, nine bytes of message with their two checksums.
IPMI_HELLO = bytearray.fromhex("0600ff07000000000000000000092018c88100388e04b5")
IPMI_HEADER = bytearray.fromhex("0600ff07")
IPMI_PORT = 623


def arp_answers(address: str, nic: str, seconds: float = 1.0) -> List[str]:
    """The MAC addresses that say they have this IPv4 address, asked from this network card.

    The question is a probe as in RFC 5227: it carries no sender address, so it disturbs nobody's cache. Needs root.
    Raises OSError when the card does not exist or is down.
    """
    wanted = socket.inet_aton(address)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP)) as wire:
        wire.bind((nic, ARP))
        own = wire.getsockname()[4]
        question = struct.pack(
            "!6s6sHHHBBH6s4s6s4s", b"\xff" * 6, own, ARP, 1, 0x0800, 6, 4, 1, own, b"\0" * 4, b"\0" * 6, wanted
        )
        found = []  # type: List[str]

        def take() -> bool:
            mac = _arp_sender(wire.recv(128), wanted)
            if mac and mac not in found:
                found.append(mac)
            return bool(mac)

        _ask(wire, lambda: wire.send(question), take, seconds)
    return found


def nic_towards(address: str, table: str = "/proc/net/route") -> Optional[str]:
    """The network card whose own network an IPv4 address is in; None when a router is in between, or it is none."""
    try:
        wanted = struct.unpack("=I", socket.inet_aton(address))[0]
    except OSError:
        return None
    found: List[Tuple[int, str]] = []
    with open(table) as stream:
        for line in list(stream)[1:]:
            words = line.split()
            network, gateway, mask = (int(words[index], 16) for index in (1, 2, 7))
            if gateway == 0 and mask and wanted & mask == network:
                found.append((bin(mask).count("1"), words[0]))
    return max(found)[1] if found else None


def ipmi_answers(address: str, port: int = IPMI_PORT, seconds: float = 2.0) -> bool:
    """Whether a BMC answers at this address; nothing is logged in to."""
    family, _kind, _protocol, _name, where = socket.getaddrinfo(address, port, 0, socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as wire:
        wire.connect(where)  # an ICMP refusal then arrives as an error of this socket

        def take() -> bool:
            return bytearray(wire.recv(256))[: len(IPMI_HEADER)] == IPMI_HEADER

        return _ask(wire, lambda: wire.send(bytes(IPMI_HELLO)), take, seconds)


def tcp_answers(address: str, port: int, seconds: float) -> bool:
    """Whether a host is there: it accepts the connection, or it is alive enough to refuse it."""
    try:
        socket.create_connection((address, port), seconds).close()
    except OSError as fault:
        return fault.errno == errno.ECONNREFUSED
    return True


def _ask(wire: socket.socket, send: Callable[[], int], take: Callable[[], bool], seconds: float) -> bool:
    """Send up to three times until `take` has seen an answer; then listen a moment longer for a second one."""
    began = time.monotonic()
    until, pause, answered = began + seconds, seconds / 3.0, False
    again = began
    while time.monotonic() < until:
        now = time.monotonic()
        if now >= again and not answered:
            with contextlib.suppress(
                ConnectionRefusedError
            ):  # the refusal of the question before; this one goes out all the same
                send()
            again = now + pause
        left = (until if answered else min(again, until)) - now
        wire.settimeout(max(left, 0.001))
        try:
            if take() and not answered:
                answered, until = True, min(until, time.monotonic() + 0.1)
        except socket.timeout:
            continue
        except ConnectionRefusedError:
            time.sleep(max(0.0, min(again, until) - time.monotonic()))
    return answered


def _arp_sender(frame: bytes, wanted: bytes) -> Optional[str]:
    if len(frame) < 42 or frame[12:14] != struct.pack("!H", ARP):
        return None
    operation, mac, address = struct.unpack("!H6s4s", frame[20:32])
    if operation != 2 or address != wanted:
        return None
    return ":".join("%02x" % octet for octet in bytearray(mac))
