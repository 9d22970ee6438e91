# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ha_cluster asks of the agent, and what the helpers of the membership find on a host."""

import os
import stat

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.tandem.ha.plugins.filter.hosts_lines import hosts_lines
from ansible_collections.tandem.ha.plugins.module_utils import _password
from ansible_collections.tandem.ha.plugins.modules import ha_cluster, ha_host_info, ha_keys


def request(**params):
    checked = ArgumentSpecValidator(ha_cluster.OPTIONS).validate({"name": "lab", **params})
    assert not checked.error_messages
    return ha_cluster.to_request(checked.validated_parameters)


NODES = [{"name": "c1", "links": ["10.0.0.1"]}, {"node": "c2", "links": ["10.0.0.2"], "id": 7, "host": "x"}]


def test_what_was_not_given_is_not_sent():
    assert request(nodes=NODES) == {
        "state": "started",
        "cluster": {
            "name": "lab",
            "transport": "knet",
            "nodes": [{"name": "c1", "links": ["10.0.0.1"]}, {"name": "c2", "links": ["10.0.0.2"], "id": 7}],
        },
        "remove_nodes": [],
        "unreached": [],
        "activate": True,
        "enabled": True,
        "restart": "never",
        "keys": {},
    }


def test_empty_maps_are_sent_and_mean_none():
    cluster = request(nodes=NODES, totem={}, quorum={}, links=[], qdevice={}, crypto={})["cluster"]
    assert (cluster["totem"], cluster["quorum"], cluster["links"], cluster["qdevice"]) == ({}, {}, [], None)
    assert cluster["crypto"] == {}


def test_everything_given():
    sent = request(
        nodes=NODES,
        timing="fast",
        totem={"token": 1200},
        links=[{"number": 1, "knet_link_priority": 2}],
        qdevice={"host": "w1", "tls": "required"},
        fencing={"power_wait": 1},
        hacluster_password="x y",
        keys={"corosync": "QQ=="},
        base="totem {\n}\n",
        unreached=["c2"],
        remove_nodes=["c3"],
        restart="rolling",
        activate=False,
    )
    assert sent["cluster"]["links"] == [{"number": 1, "knet_link_priority": 2}]
    assert sent["cluster"]["qdevice"] == {"host": "w1", "tls": "required"}
    assert sent["cluster"]["fencing"] == {"power_wait": 1.0, "delay": 0.0, "action": "reboot"}
    assert sent["pcs"] == {"password": "x y"}
    assert (sent["keys"], sent["base"], sent["unreached"]) == ({"corosync": "QQ=="}, "totem {\n}\n", ["c2"])


def test_leaving_needs_the_name_only():
    assert request(state="absent")["cluster"] == {"name": "lab"}


def test_secrets_are_marked():
    hidden = {name for name, option in ha_cluster.OPTIONS.items() if option.get("no_log")}
    assert hidden == {"hacluster_password"}
    assert all(option["no_log"] for option in ha_cluster.KEYS.values())


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (None, []),
        ({"cluster": None}, []),
        ({"cluster": {"name": "lab"}, "keys": {"pacemaker": True, "corosync": True}}, ["corosync", "pacemaker"]),
        ({"cluster": {"name": "lab"}, "keys": {"corosync": True, "pacemaker": False}}, ["corosync"]),
        ({"cluster": {"name": "prod"}, "keys": {"corosync": True, "pacemaker": True}}, []),
        ({"cluster": {"name": "debian"}, "pristine": True, "keys": {"corosync": False, "pacemaker": True}}, []),
    ],
)
def test_only_keys_of_this_cluster_are_held(info, expected):
    name = "debian" if info and info.get("pristine") else "lab"
    assert ha_keys.held(info, name) == expected


def test_copies_are_for_the_owner_only_and_never_over_anything(tmp_path):
    source = tmp_path / "authkey"
    source.write_bytes(b"key")
    dest = tmp_path / "dest"
    dest.mkdir()
    copied = ha_keys.copy(str(source), str(dest))
    assert stat.S_IMODE(os.stat(copied).st_mode) == 0o400
    with open(copied, "rb") as file:
        assert file.read() == b"key"
    with pytest.raises(OSError, match="exists"):
        ha_keys.copy(str(source), str(dest))


@pytest.mark.parametrize(
    ("text", "expected"), [(b"totem {\n  keyfile: /x\n}", True), (b"totem {\n\tkey: abc\n}", False)]
)
def test_a_configuration_with_a_key_in_it_is_not_shared(tmp_path, text, expected):
    (tmp_path / "conf").write_bytes(text)
    assert ha_keys.shareable(str(tmp_path / "conf")) is expected


@pytest.mark.parametrize(
    ("password", "stored", "expected"),
    [
        ("secret", "!", False),
        ("secret", "*", False),
        ("secret", "", False),
        ("secret", None, False),
        ("se\0cret", "$6$x$y", False),
        ("secret", "$9$unknown$method", False),
    ],
)
def test_passwords_are_compared_by_crypt(password, stored, expected):
    assert _password.fits(password, stored) is expected


def test_a_password_fits_its_own_hash_only(tmp_path):
    library = _password.ctypes.CDLL(_password.ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.restype = _password.ctypes.c_char_p
    stored = library.crypt(b"secret", b"$6$saltsalt$").decode()
    shadow = tmp_path / "shadow"
    shadow.write_text("root:*:1::::::\nhacluster:%s:1::::::\n" % stored)
    assert _password.has_password("hacluster", "secret", str(shadow))
    assert not _password.has_password("hacluster", "Secret", str(shadow))
    assert not _password.has_password("nobody", "secret", str(shadow))
    assert not _password.has_password("hacluster", "secret", str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("127.0.0.1 localhost\n", None),
        ("a\n# BEGIN TANDEM\n10.0.0.1 c1\n10.0.0.2 c2\n# END TANDEM\nb\n", ["10.0.0.1 c1", "10.0.0.2 c2"]),
        ("# BEGIN TANDEM\n# END TANDEM\n", []),
        ("# BEGIN TANDEM\n10.0.0.1 c1\n", None),
    ],
)
def test_lines_between_the_markers(text, lines):
    assert ha_host_info.block(text, "TANDEM") == lines


def test_os_release():
    text = 'ID=ubuntu\nID_LIKE="debian"\nVERSION_ID="24.04"\n# x\n'
    assert ha_host_info.os_release(text) == {"id": "ubuntu", "like": ["debian"], "version": "24.04"}
    assert ha_host_info.os_release("") == {"id": "", "like": [], "version": ""}


class FakeModule:
    """Answers of the host's package tools."""

    def __init__(self, answers):
        self.answers = answers

    def get_bin_path(self, name, _required=False):
        return name if name in self.answers["tools"] else None

    def run_command(self, argv):
        return self.answers[" ".join(argv)]


def test_packages_by_dpkg():
    show = "dpkg-query --show --showformat=${Package} ${db:Status-Status}\n corosync a b c pcs"
    module = FakeModule(
        {
            "tools": ["dpkg-query", "apt-cache"],
            show: (1, "corosync installed\na config-files\n", "no packages found"),
            "apt-cache policy a": (0, "a:\n  Candidate: (none)\n", ""),
            "apt-cache policy b": (0, "b:\n  Installed: (none)\n  Candidate: 1.2\n", ""),
        }
    )
    assert ha_host_info.Packages(module).missing(["corosync", "a|b|c", "pcs"]) == (["b", "pcs"], [])
    assert ha_host_info.Packages(module).missing([]) == ([], [])


def test_packages_by_rpm_and_what_no_repository_has():
    query = "rpm --query --queryformat %{NAME} installed\n pacemaker a b nosuch"
    ask = "dnf --quiet repoquery --queryformat %%{name}\n %s"
    module = FakeModule(
        {
            "tools": ["rpm", "dnf"],
            query: (3, "pacemaker installed\npackage a is not installed\n", ""),
            ask % "a": (0, "\n", ""),
            ask % "b": (0, "b2\n", ""),  # a package that provides it
            ask % "nosuch": (0, "", ""),
        }
    )
    packages = ha_host_info.Packages(module)
    assert packages.missing(["pacemaker", "a|b", "nosuch"], sources=True) == (["b", "nosuch"], ["nosuch"])


def test_services_that_do_not_run_or_are_not_enabled():
    argv = "systemctl show --property=LoadState,ActiveState,UnitFileState a b c d e"
    states = [
        ("loaded", "active", "enabled"),
        ("loaded", "active", "disabled"),
        ("not-found", "inactive", ""),
        ("loaded", "inactive", "enabled"),
        ("not-found", "inactive", ""),
    ]
    out = "\n\n".join("LoadState=%s\nActiveState=%s\nUnitFileState=%s" % state for state in states)
    module = FakeModule({"tools": ["systemctl"], argv: (0, out, "")})
    assert ha_host_info.idle_services(module, ["a", "b", "c"], ["d", "e"]) == ["b", "c", "d"]
    assert ha_host_info.idle_services(module, []) == []


def test_services_that_start_at_boot():
    argv = "systemctl show --property=LoadState,ActiveState,UnitFileState squid unbound httpd"
    states = [("loaded", "active", "enabled"), ("loaded", "active", "disabled"), ("not-found", "inactive", "")]
    out = "\n\n".join("LoadState=%s\nActiveState=%s\nUnitFileState=%s" % state for state in states)
    module = FakeModule({"tools": ["systemctl"], argv: (0, out, "")})
    assert ha_host_info.boot_services(module, ["squid", "unbound", "httpd"]) == ["squid"]
    assert ha_host_info.boot_services(module, []) == []


def test_hosts_lines_of_members_and_addresses():
    entries = [
        {"host": "c1", "node": "c1", "links": ["10.0.0.1", "10.1.0.1"]},
        {"node": "c2", "links": ["c2.example.org"]},
        {"name": "vip", "address": "10.0.0.100/24"},
        {"address": "fd00::1/64"},
    ]
    assert hosts_lines(entries) == ["10.0.0.1 c1", "10.0.0.100 vip", "fd00::1 vip"]
