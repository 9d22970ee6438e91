# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on this host: the kernel's tables as they are written, and real sockets of the loopback."""

import os
import socket
import sys

import pytest
from ansible_collections.tandem.ha.plugins.module_utils import _bound as bound

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0B002E0A:0CEA 0C002E0A:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
"""
TABLE6 = """\
  sl  local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode
   0: 000080FE00000000FF005450B6AD1DFE:0050 {none}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 99 1
   1: {none}:0050 {none}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 98 1
""".format(none=32 * "0")


@pytest.mark.skipif(sys.byteorder != "little", reason="the tables above are of a machine that writes small ends first")
def test_the_kernels_tables_are_read():
    assert bound.sockets(TABLE, socket.AF_INET) == [("127.0.0.1", 3306, "4711"), ("0.0.0.0", 22, "4713")]
    assert bound.sockets(TABLE6, socket.AF_INET6) == [("fe80::5054:ff:fe1d:adb6", 80, "99"), ("::", 80, "98")]
    assert bound.sockets("", socket.AF_INET) == []


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_listener_of_this_process_is_found_by_name(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as wire:
        wire.bind((address, 0))
        port = wire.getsockname()[1]
        assert bound.listeners([port], {}) == []
        wire.listen(1)
        (found,) = bound.listeners([port], {})
        with open("/proc/self/comm") as stream:
            assert found == {"address": address, "port": port, "process": stream.read().strip(), "container": ""}
        (found,) = bound.listeners([port], {str(os.getpid()): "db-podman-0"})
        assert found["container"] == "db-podman-0"


def test_room_is_where_the_directory_will_be(tmp_path):
    found = bound.room(str(tmp_path / "not" / "yet"))
    assert found["empty"] and found["free"] > 0
    (tmp_path / "lost+found").mkdir()
    assert bound.room(str(tmp_path))["empty"]
    (tmp_path / "ibdata1").write_text("")
    assert not bound.room(str(tmp_path))["empty"]


def test_containers_are_named_by_both_engines():
    assert bound.container_names("12 db-podman-0\n13 /web-docker-1\n0 gone\n\n") == {
        "12": "db-podman-0",
        "13": "web-docker-1",
    }
