# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions over real sockets of the loopback, and what counts as an answer."""

import socket
import struct
import threading

import pytest
from ansible_collections.tandem.ha.plugins.module_utils import _reach as reach


@pytest.fixture
def bmc():
    """A UDP socket and the thread that answers on it as it is told."""
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind(("127.0.0.1", 0))
    wire.settimeout(5)
    yield wire
    wire.close()


def answer(wire, replies):
    def work():
        for reply in replies:
            asked, where = wire.recvfrom(256)
            assert asked == bytes(reach.IPMI_HELLO)
            if reply:
                wire.sendto(reply, where)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_the_question_carries_right_checksums():
    message = reach.IPMI_HELLO[14:]
    assert sum(message[:3]) % 256 == 0
    assert sum(message[3:]) % 256 == 0
    assert reach.IPMI_HELLO[13] == len(message)


def test_a_bmc_that_answers(bmc):
    answer(bmc, [bytes(reach.IPMI_HEADER) + b"\0" * 20])
    assert reach.ipmi_answers("127.0.0.1", bmc.getsockname()[1], 2.0)


def test_a_bmc_that_answers_the_second_question(bmc):
    answer(bmc, [b"", bytes(reach.IPMI_HEADER) + b"\0" * 20])
    assert reach.ipmi_answers("127.0.0.1", bmc.getsockname()[1], 0.9)


def test_something_else_is_no_bmc(bmc):
    answer(bmc, [b"hello", b"hello", b"hello"])
    assert not reach.ipmi_answers("127.0.0.1", bmc.getsockname()[1], 0.3)


def test_nobody_is_no_bmc(bmc):
    port = bmc.getsockname()[1]
    bmc.close()
    assert not reach.ipmi_answers("127.0.0.1", port, 0.3)


def test_a_refused_connection_is_an_answer(bmc):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert reach.tcp_answers("127.0.0.1", port, 0.5), "nobody listens, but somebody is there"
        listener.listen(1)
        assert reach.tcp_answers("127.0.0.1", port, 0.5)


def arp_reply(operation, mac, address):
    head = b"\0" * 12 + struct.pack("!H", reach.ARP)
    return head + struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac + socket.inet_aton(address) + b"\0" * 20


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (arp_reply(2, b"\x02\0\0\0\0\x0c", "10.42.0.100"), "02:00:00:00:00:0c"),
        (arp_reply(1, b"\x02\0\0\0\0\x0c", "10.42.0.100"), None),
        (arp_reply(2, b"\x02\0\0\0\0\x0c", "10.42.0.101"), None),
        (b"short", None),
    ],
)
def test_only_a_reply_for_this_address_counts(frame, expected):
    assert reach._arp_sender(frame, socket.inet_aton("10.42.0.100")) == expected


def in_the_kernels_order(address):
    return "%08X" % struct.unpack("=I", socket.inet_aton(address))


def test_the_card_towards_an_address_is_the_one_in_its_network(tmp_path):
    routes = [
        ("eth0", "0.0.0.0", "10.0.0.1", "0.0.0.0"),
        ("eth0", "10.0.0.0", "0.0.0.0", "255.255.255.0"),
        ("eth1", "10.10.0.0", "0.0.0.0", "255.255.255.0"),
        ("eth2", "10.10.0.0", "0.0.0.0", "255.255.0.0"),
    ]
    lines = ["Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT"]
    for nic, *numbers in routes:
        network, gateway, mask = map(in_the_kernels_order, numbers)
        lines.append(f"{nic}\t{network}\t{gateway}\t0001\t0\t0\t0\t{mask}\t0\t0\t0")
    table = tmp_path / "route"
    table.write_text("\n".join(lines) + "\n")
    towards = {address: reach.nic_towards(address, str(table)) for address in ("10.0.0.7", "10.10.0.7", "10.10.9.7")}
    assert towards == {"10.0.0.7": "eth0", "10.10.0.7": "eth1", "10.10.9.7": "eth2"}
    assert reach.nic_towards("192.0.2.1", str(table)) is None, "a router is in between"
    assert reach.nic_towards("fd00::1", str(table)) is None
