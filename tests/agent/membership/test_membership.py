# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`cluster.plan` and `cluster.apply` on one host: what is done, what is refused, and that being cut off does no harm."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional

import pytest
from fakes import DEBIAN, KEYS, PRIMITIVE, Host, Killed, encoded

from tandem_agent import membership
from tandem_agent.errors import AgentError
from tandem_agent.model.fields import Fields
from tandem_agent.pacemaker.runner import Completed

NewHost = Callable[[], Host]
PAIR = [{"name": "c1", "links": ["10.42.0.11"]}, {"name": "c2", "links": ["10.42.0.12"]}]
THIRD = {"name": "c3", "links": ["10.42.0.13"]}


def request(**more: Any) -> Dict[str, Any]:
    cluster = {"name": "lab", "nodes": PAIR, "timing": "default", "totem": {}, "quorum": {}, "qdevice": None}
    cluster.update(more.pop("cluster", {}))
    return {"state": "started", "cluster": cluster, "keys": encoded(), "enabled": True, "wait": 5, **more}


def call(host: Host, operation: str, params: Dict[str, Any]) -> Dict[str, Any]:
    faults: List[Any] = []
    fields = Fields(json.loads(json.dumps(params)), "", faults)
    if operation == "apply":
        return membership.apply(host.context(), fields, host.paths, host.owner)
    return getattr(membership, operation)(host.context(), fields, host.paths)


def plan(host: Host, **more: Any) -> Dict[str, Any]:
    return call(host, "plan", request(**more))


def apply(host: Host, **more: Any) -> Dict[str, Any]:
    return call(host, "apply", request(**more))


def refused(host: Host, operation: str = "apply", **more: Any) -> AgentError:
    before = host.state()
    with pytest.raises(AgentError) as caught:
        call(host, operation, request(**more))
    assert host.state() == before, "a refusal changes nothing"
    return caught.value


def formed(host: Host, **more: Any) -> Host:
    host.keys()
    host.certificate()
    apply(host, **more)
    host.calls.clear()
    return host


# -- forming


def test_a_pristine_host_is_formed_and_the_second_run_changes_nothing(new_host: NewHost) -> None:
    host = new_host().pristine()
    told = plan(host)
    done = apply(host)
    assert told["plan"] == done["plan"] and told["diff"] == done["diff"] and told["changed"]
    assert done["actions"] == [
        "stop and remove the empty one-node cluster 'debian' that came with the packages",
        "write /etc/corosync/corosync.conf",
        "put the cluster's key into /etc/corosync/authkey",
        "put the cluster's key into /etc/pacemaker/authkey",
        "start corosync and pacemaker",
    ]
    assert host.active == {"corosync", "pacemaker"} == host.enabled
    assert not list(host.paths.cib.iterdir()) and not list(host.paths.corosync_state.iterdir())
    assert {name: path.read_bytes() for name, path in host.paths.keys.items()} == KEYS
    assert "two_node: 1" in host.paths.conf.read_text()
    before = host.state()
    assert apply(host, keys={}) == {**plan(host, keys={}), "changed": False, "plan": [], "actions": [], "diff": []}
    assert host.state() == before


def test_no_change_is_cheap(new_host: NewHost) -> None:
    host = formed(new_host())
    apply(host, keys={})
    assert [argv[0] for argv in host.calls] == ["systemctl", "corosync-cmapctl", "cibadmin", "crm_mon"]


def test_files_first_and_activation_later_end_the_same(new_host: NewHost) -> None:
    at_once = formed(new_host().pristine())
    host = new_host().pristine()
    host.keys()
    host.certificate()
    first = apply(host, activate=False)
    assert "start" not in str(first["actions"])
    apply(host, keys={})
    assert host.state() == at_once.state()


def test_a_bare_host_needs_the_keys_when_it_is_done_but_not_for_a_plan(new_host: NewHost) -> None:
    host = new_host()
    assert any("key" in action for action in plan(host, keys={})["actions"])
    error = refused(host, keys={})
    assert error.code == "cluster.keys_missing"
    assert "ha_keys" in error.message


def test_keys_appear_nowhere(new_host: NewHost) -> None:
    host = new_host().pristine()
    done = json.dumps([plan(host), apply(host)])
    for key in encoded().values():
        assert key not in done
    host.paths.conf.write_text(host.paths.conf.read_text().replace("totem {", "totem {\n    key: verysecret"))
    assert "verysecret" not in json.dumps(plan(host, cluster={"timing": "fast"}))
    assert "verysecret" not in json.dumps(call(host, "info", {}))


def test_a_key_that_is_there_is_never_touched(new_host: NewHost) -> None:
    host = formed(new_host())
    assert not apply(host, keys=encoded({"corosync": b"x" * 256, "pacemaker": b"y" * 256}))["changed"]
    assert host.paths.keys["corosync"].read_bytes() == KEYS["corosync"]


def test_a_new_member_starts_from_the_others_file(new_host: NewHost) -> None:
    member = formed(new_host())
    conf = member.paths.conf.read_text() + "# kept by hand\nsystem {\n    sched_rr: yes\n}\n"
    member.paths.conf.write_text(conf.replace("nodeid: 2", "nodeid: 7"))
    host = new_host()
    host.name, host.addresses = "c3", ["10.42.0.13"]
    nodes = [THIRD, *PAIR]
    apply(host, base=member.paths.conf.read_text(), cluster={"nodes": nodes})
    text = host.paths.conf.read_text()
    assert "# kept by hand" in text and "nodeid: 7" in text and "nodeid: 2" in text
    member.others = {}
    apply(member, cluster={"nodes": nodes}, activate=False)
    assert member.paths.conf.read_text() == text


# -- whose host is it


PRISTINE = {
    "as installed": (lambda host: None, True),
    "stopped": (lambda host: host.active.clear(), True),
    "with the keys this request brings": (lambda host: host.keys(), True),
    "with the package's key for remote nodes": (lambda host: host.keys({"pacemaker": b"r" * 4096}), True),
    "with somebody's key for remote nodes": (lambda host: host.keys({"pacemaker": b"r" * 256}), False),
    "another name": (lambda host: host.paths.conf.write_text(DEBIAN.replace("debian", "prod")), False),
    "another address": (lambda host: host.paths.conf.write_text(DEBIAN.replace("127.0.0.1", "10.0.0.1")), False),
    "another node name": (lambda host: host.paths.conf.write_text(DEBIAN.replace("node1", "web1")), False),
    "another id": (lambda host: host.paths.conf.write_text(DEBIAN.replace("nodeid: 1", "nodeid: 2")), False),
    "a second node": (
        lambda host: host.paths.conf.write_text(
            DEBIAN.replace("nodelist {", "nodelist {\nnode {\nnodeid: 9\nring0_addr: x\n}")
        ),
        False,
    ),
    "a quorum device": (
        lambda host: host.paths.conf.write_text(DEBIAN.replace("quorum {", "quorum {\ndevice {\nmodel: net\n}")),
        False,
    ),
    "a resource": (lambda host: host.cib(PRIMITIVE), False),
    "a CIB that can't be read": (lambda host: (host.paths.cib / "cib.xml").write_text("<cib"), False),
    "another key": (lambda host: host.keys({"corosync": b"z" * 256}), False),
}


@pytest.mark.parametrize(("change", "is_pristine"), PRISTINE.values(), ids=PRISTINE.keys())
def test_only_exactly_the_packages_own_cluster_is_disposable(
    new_host: NewHost, change: Callable[[Host], Any], is_pristine: bool
) -> None:
    host = new_host().pristine()
    change(host)
    if is_pristine:
        apply(host)
        assert "cluster_name: lab" in host.paths.conf.read_text()
    else:
        for operation in ("plan", "apply"):
            assert refused(host, operation).code == "cluster.foreign"


def test_another_cluster_is_named_with_its_nodes(new_host: NewHost) -> None:
    host = formed(new_host())
    error = refused(host, cluster={"name": "prod"})
    assert error.code == "cluster.foreign"
    assert "'lab'" in error.message and "c1, c2" in error.message
    assert error.details == {"cluster": "lab", "nodes": ["c1", "c2"]}


@pytest.mark.parametrize("left", ["key", "cib"])
def test_remains_without_a_configuration_are_somebodys(new_host: NewHost, left: str) -> None:
    host = new_host()
    if left == "key":
        host.keys({"pacemaker": b"z" * 99})
    else:
        host.cib()
    error = refused(host)
    assert error.code == "cluster.foreign"
    assert "earlier cluster" in error.message


# -- changes in a running cluster


def test_a_new_token_is_reloaded_and_nothing_restarts(new_host: NewHost) -> None:
    host = formed(new_host())
    done = apply(host, cluster={"totem": {"token": 5000}})
    assert done["actions"] == ["write /etc/corosync/corosync.conf", "reload Corosync: totem.token"]
    assert host.map["totem.token"] == "5000"
    assert not any(argv[:2] in (["systemctl", "restart"], ["systemctl", "start"]) for argv in host.calls)
    assert done["timing"]["token"] == 5000


def test_what_an_interrupted_run_wrote_is_still_reloaded(new_host: NewHost) -> None:
    host = formed(new_host())
    apply(host, cluster={"totem": {"token": 5000}}, activate=False)
    assert call(host, "info", {})["pending"]["reload"] == ["totem.token"]
    assert apply(host, cluster={"totem": {"token": 5000}})["actions"] == ["reload Corosync: totem.token"]


def test_quorum_device_comes_online_and_goes_again(new_host: NewHost) -> None:
    host = formed(new_host())
    device = {"qdevice": {"host": "10.42.0.21"}}
    done = apply(host, cluster=device)
    assert [action.split(":")[0] for action in done["actions"]] == [
        "write /etc/corosync/corosync.conf",
        "enable corosync-qdevice at boot",
        "reload Corosync",
        "start corosync-qdevice",
    ]
    assert "quorum.two_node" not in host.map and host.qdevice["quorum.device.timeout"] == "5500"
    assert not apply(host, cluster=device)["changed"]
    done = apply(host, cluster={"qdevice": {"host": "10.42.0.21", "timeout": 3000}})
    assert done["actions"][-1].startswith("restart the quorum device's client")
    assert host.qdevice["quorum.device.timeout"] == "3000"
    apply(host)
    assert "corosync-qdevice" not in host.active | host.enabled and host.map["quorum.two_node"] == "1"
    assert not apply(host)["changed"]


def test_quorum_device_without_certificate_or_package(new_host: NewHost) -> None:
    host = new_host()
    device = {"qdevice": {"host": "10.42.0.21"}}
    assert plan(host, cluster=device)["changed"]
    assert refused(host, cluster=device).code == "cluster.certificate_missing"
    assert apply(host, cluster={"qdevice": {"host": "10.42.0.21", "tls": False}})["changed"]
    host = new_host()
    host.installed.remove("corosync-qdevice")
    assert refused(host, cluster=device).code == "tool.missing"


def test_a_restart_is_refused_and_named_unless_asked_for(new_host: NewHost) -> None:
    host = formed(new_host())
    wait_for_all = {"quorum": {"wait_for_all": True}}
    for operation in ("plan", "apply"):
        error = refused(host, operation, cluster=wait_for_all)
        assert error.code == "cluster.restart_needed"
        assert "quorum.wait_for_all" in error.message and "rolling" in error.message
    done = apply(host, cluster=wait_for_all, restart="rolling")
    assert done["actions"][-1].startswith("restart corosync and pacemaker")
    assert host.started_with["quorum.wait_for_all"] == "1"
    assert not apply(host, cluster=wait_for_all)["changed"]


def test_a_restart_that_was_cut_off_after_another_members_reload_is_still_due(new_host: NewHost) -> None:
    host = formed(new_host())
    wait_for_all = {"quorum": {"wait_for_all": True}, "totem": {"token": 4000}}
    apply(host, cluster=wait_for_all, restart="rolling", activate=False)
    host._corosync_cfgtool(["-R"], b"")  # the other member's reload reaches everybody
    assert refused(host, cluster=wait_for_all).code == "cluster.restart_needed"
    assert "restart" in apply(host, cluster=wait_for_all, restart="rolling")["actions"][0]
    assert not apply(host, cluster=wait_for_all)["changed"]


def test_what_a_reload_can_do_is_done_before_a_restart(new_host: NewHost) -> None:
    host = formed(new_host())
    done = apply(
        host, cluster={"quorum": {"wait_for_all": 1}, "totem": {"token": 4000, "netmtu": 1400}}, restart="rolling"
    )
    assert done["actions"][1] == "reload Corosync: totem.token"
    assert done["actions"][2].startswith("restart corosync and pacemaker: quorum.wait_for_all, totem.netmtu")
    assert not apply(host, cluster={"quorum": {"wait_for_all": 1}, "totem": {"token": 4000, "netmtu": 1400}})["changed"]


def test_a_rolling_restart_waits_for_the_others(new_host: NewHost) -> None:
    host = formed(new_host())
    host.others = {}
    with pytest.raises(AgentError) as caught:
        apply(host, cluster={"quorum": {"wait_for_all": True}}, restart="rolling")
    assert caught.value.code == "cluster.member_offline"
    assert "corosync" in host.active


def test_a_change_of_transport_needs_everybody_stopped(new_host: NewHost) -> None:
    host = formed(new_host())
    udpu = {"transport": "udpu"}
    error = refused(host, cluster=udpu, restart="rolling")
    assert error.code == "cluster.restart_needed" and "state stopped" in error.message
    apply(host, cluster=udpu, state="stopped")
    assert not host.active
    apply(host, cluster=udpu)
    assert host.map["totem.transport"] == "udpu"


# -- members


def test_a_third_member_joins_and_leaves(new_host: NewHost) -> None:
    host = formed(new_host())
    done = apply(host, cluster={"nodes": [*PAIR, THIRD]})
    assert "quorum.two_node" not in host.map and host.map["nodelist.node.2.name"] == "c3"
    assert done["actions"][0].startswith("write") and done["actions"][1].startswith("reload")
    error = refused(host)
    assert error.code == "cluster.member_missing" and "c3" in error.message and "remove_nodes" in error.message
    host.others[3] = "c3"
    error = refused(host, remove_nodes=["c3"])
    assert error.code == "cluster.member_online" and "pcs cluster stop c3" in error.message
    foreseen = plan(host, remove_nodes=["c3"])
    assert foreseen["changed"] and any("it is online" in warning for warning in foreseen["warnings"])
    del host.others[3]
    host.cib_nodes = ["c1", "c2", "c3"]
    done = apply(host, remove_nodes=["c3"])
    assert done["actions"][-1] == "make Pacemaker forget the node c3"
    assert host.cib_nodes == ["c1", "c2"]
    assert ["crm_node", "--force", "--remove=c3"] in host.calls
    assert host.map["quorum.two_node"] == "1" and "nodelist.node.2.name" not in host.map
    assert not apply(host, remove_nodes=["c3"])["changed"]
    assert not apply(host)["changed"]


def test_a_member_that_lives_but_is_not_configured_is_missing_too(new_host: NewHost) -> None:
    host = formed(new_host())
    host.others[9] = "x"
    error = refused(host)
    assert error.code == "cluster.member_missing" and "node 9" in error.message


def test_a_removal_cut_off_before_pacemaker_forgot_is_finished(new_host: NewHost) -> None:
    host = formed(new_host(), cluster={"nodes": [*PAIR, THIRD]})
    host.cib_nodes = ["c1", "c2", "c3"]
    apply(host, remove_nodes=["c3"], activate=False)
    assert "forget" in apply(host, remove_nodes=["c3"])["actions"][-1]


def test_who_is_in_the_cib_and_not_in_corosyncs_list_is_forgotten(new_host: NewHost) -> None:
    host = formed(new_host())
    host.cib_nodes, host.remotes = ["c1", "C2", "c9"], ["r1", "10"]
    foreseen = plan(host)
    assert foreseen["actions"] == ["make Pacemaker forget the node c9"] and host.cib_nodes == ["c1", "C2", "c9"]
    done = apply(host)
    assert done["plan"] == foreseen["plan"] and ["crm_node", "--force", "--remove=c9"] in host.calls
    assert host.cib_nodes == ["c1", "C2"] and host.remotes == ["r1", "10"]
    assert not apply(host)["changed"]


@pytest.mark.parametrize("named", [["c9"], []])
def test_who_comes_back_into_the_cib_with_one_that_joins_is_forgotten_again(
    new_host: NewHost, named: List[str]
) -> None:
    host = formed(new_host())
    apply(host, state="stopped")
    host.cib_nodes, host.remembered = ["c1", "c2"], ["c9"]
    done = apply(host, remove_nodes=named)
    assert done["actions"] == ["start corosync and pacemaker", "make Pacemaker forget the node c9"]
    assert host.cib_nodes == ["c1", "c2"]
    assert not apply(host, remove_nodes=named)["changed"]


def test_nobody_is_forgotten_whom_corosync_lists(new_host: NewHost) -> None:
    host = formed(new_host(), cluster={"nodes": [*PAIR, THIRD]})
    host.cib_nodes = ["c1", "c2", "renamed"]  # the id of c3
    assert not apply(host, cluster={"nodes": [*PAIR, THIRD]})["changed"]
    # Another one is in the running list and not in the file yet.
    host = formed(new_host())
    host.cib_nodes = ["c1", "c2", "c4"]
    assert apply(host, cluster={"nodes": [*PAIR, {**THIRD, "name": "c4", "id": 9}]})["actions"][-1].startswith("reload")
    assert host.cib_nodes == ["c1", "c2", "c4"]


@pytest.mark.parametrize("how", [{"activate": False}, {"state": "stopped"}, {"state": "absent"}])
def test_nobody_is_forgotten_by_a_call_that_only_writes_or_stops(new_host: NewHost, how: Dict[str, Any]) -> None:
    host = formed(new_host())
    host.cib_nodes = ["c1", "c2", "c9"]
    apply(host, **how)
    assert host.cib_nodes == ["c1", "c2", "c9"] and not any("cibadmin" in argv for argv in host.calls)


def test_a_pacemaker_that_is_coming_up_is_waited_for_and_not_asked_whom_it_knows(new_host: NewHost) -> None:
    host = formed(new_host())
    host.cib_nodes = ["c1", "c2", "c9"]
    host.broken["cibadmin --query"] = Completed(102, b"", b"not connected")
    assert not apply(host)["changed"]
    assert refused(host, remove_nodes=["c9"]).code == "cib.unavailable"
    host.broken["cibadmin --query"] = Completed(1, b"", b"broken")
    assert refused(host).code == "tool.failed"


def test_ids_stay_when_an_earlier_member_leaves(new_host: NewHost) -> None:
    host = formed(new_host(), cluster={"nodes": [THIRD, *PAIR]})
    host.others = {}
    apply(host, remove_nodes=["c3"])
    assert {value for key, value in host.map.items() if key.endswith(".nodeid")} == {"2", "3"}
    error = refused(host, cluster={"nodes": [{**PAIR[0], "id": 1}, PAIR[1]]})
    assert error.code == "cluster.invalid" and "keeps its id" in error.message


def test_an_unreachable_member_stops_every_shared_change_and_nothing_else(new_host: NewHost) -> None:
    host = formed(new_host())
    host.quorate = False
    assert not apply(host, unreached=["c2"])["changed"]
    error = refused(host, unreached=["c2"], cluster={"timing": "fast"})
    assert error.code == "cluster.member_unreached" and "c2" in error.message
    assert refused(new_host(), unreached=["c2"]).code == "cluster.member_unreached"
    apply(host, enabled=False, unreached=["c2"])
    assert not host.enabled
    host.others = {}
    assert apply(host, unreached=["c2"], remove_nodes=["c2"], cluster={"nodes": PAIR[:1]}, enabled=None)["changed"]


# -- this host


def test_a_host_that_is_not_declared_or_lacks_the_address(new_host: NewHost) -> None:
    host = new_host()
    host.name = "c9"
    host.addresses = ["192.0.2.1"]
    error = refused(host)
    assert error.code == "cluster.invalid" and "c9" in error.message
    host.name = "c1.example.org"
    error = refused(host)
    assert "10.42.0.11 is not an address of this host" in error.message
    host.addresses = ["10.42.0.11"]
    assert apply(host)["changed"]


def test_packages_are_missing(new_host: NewHost) -> None:
    host = new_host()
    host.installed = set()
    assert refused(host, "plan").code == "tool.missing"


def test_a_unit_that_does_not_start_is_an_error_that_says_what_was_done(new_host: NewHost) -> None:
    host = new_host()
    host.broken["systemctl start"] = Completed(1, b"", b"Job for corosync.service failed.")
    with pytest.raises(AgentError) as caught:
        apply(host)
    assert caught.value.code == "cluster.service" and caught.value.details["changed"] is True
    assert "journalctl -u corosync" in caught.value.message


def test_no_quorum_in_time_is_an_error_that_says_what_is_waited_for(new_host: NewHost) -> None:
    host = new_host()
    host.quorate = False
    with pytest.raises(AgentError) as caught:
        apply(host, wait=0.01)
    assert caught.value.code == "cluster.timeout" and caught.value.details == {"pending": ["quorum"], "changed": True}


def test_a_reload_that_has_no_effect_is_an_error(new_host: NewHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host = formed(new_host())
    host.broken["corosync-cfgtool -R"] = Completed(
        1, b"Reloading corosync.conf...\n", b"Could not reload configuration. Error 7\n"
    )
    with pytest.raises(AgentError) as caught:
        apply(host, cluster={"timing": "fast"})
    assert caught.value.code == "cluster.reload_failed" and "Error 7" in caught.value.message


# -- pcs


def test_pcs_is_logged_in_once_and_the_password_stays_on_standard_input(new_host: NewHost) -> None:
    host = new_host().pristine()
    done = apply(host, pcs={"password": "right"})
    assert done["actions"][0] == "let pcs on this host command c1, c2"
    assert not any("right" in word for argv in host.calls for word in argv)
    assert "right" not in json.dumps(done)
    assert not apply(host, pcs={"password": "right"})["changed"]
    assert sum(argv[0] == "pcs" for argv in host.calls) == 1
    assert not plan(host, pcs={"password": "other"})["changed"]


def test_pcs_may_take_longer_than_it_waits_for_a_silent_host(new_host: NewHost) -> None:
    """As on a busy machine; killed at the same moment, it could not say which host was silent."""
    host = new_host().pristine()
    host.takes["pcs host"] = 90
    assert "let pcs on this host command c1, c2" in apply(host, pcs={"password": "right"})["actions"]
    assert sum(argv[0] == "pcs" for argv in host.calls) == 1


def test_a_wrong_password_is_found_before_anything_changes(new_host: NewHost) -> None:
    host = new_host().pristine()
    error = refused(host, pcs={"password": "wrong"})
    assert error.code == "cluster.password" and error.details["hosts"] == ["c2"]
    assert "hacluster_password" in error.message and "wrong" not in str(error.details)


def test_in_a_formed_cluster_the_first_member_logs_in_for_all(new_host: NewHost) -> None:
    host = formed(new_host(), cluster={"nodes": [PAIR[1], PAIR[0]]})
    host.others = {1: "c2"}
    synced: Optional[str] = json.dumps(
        {
            "known_hosts": {
                name: {"token": "t", "dest_list": [{"addr": address, "port": 2224}]}
                for name, address in (("c1", "10.42.0.11"), ("c2", "10.42.0.12"))
            }
        }
    )
    host.paths.known_hosts.write_text("{}")
    original = host.step

    def step() -> None:
        nonlocal synced
        original()
        if synced:
            host.paths.known_hosts.write_text(synced)
            synced = None

    assert "command c1, c2" in plan(host, pcs={"password": "right"})["actions"][0]
    host.step = step  # type: ignore[method-assign]
    apply(host, pcs={"password": "right"})
    assert not any(argv[0] == "pcs" for argv in host.calls)


# -- stopping and leaving


def test_stopped_and_absent(new_host: NewHost) -> None:
    host = formed(new_host().pristine(), cluster={"qdevice": {"host": "10.42.0.21"}})
    assert apply(host, state="stopped", enabled=None, cluster={"qdevice": {"host": "10.42.0.21"}})["actions"] == [
        "stop pacemaker, corosync-qdevice and corosync"
    ]
    host.cib()
    done = call(host, "apply", {"state": "absent", "cluster": {"name": "lab"}})
    assert done["actions"][0].startswith("disable") and done["actions"][-1].startswith("remove the configuration")
    assert "key" in json.dumps(done["diff"])
    assert not host.paths.conf.exists() and not any(path.exists() for path in host.paths.keys.values())
    assert not list(host.paths.cib.iterdir()) and not host.paths.certificates.exists()
    assert not call(host, "apply", {"state": "absent", "cluster": {"name": "lab"}})["changed"]


def test_absent_leaves_another_cluster_alone_and_says_so(new_host: NewHost) -> None:
    host = formed(new_host())
    before = host.state()
    done = call(host, "apply", {"state": "absent", "cluster": {"name": "prod"}})
    assert not done["changed"] and "'lab'" in done["warnings"][0]
    assert host.state() == before


# -- requests


def test_all_faults_of_a_request_at_once(new_host: NewHost) -> None:
    host = new_host()
    with pytest.raises(AgentError) as caught:
        call(
            host,
            "apply",
            {
                **request(keys={"corosync": "?", "pacemaker": encoded()["pacemaker"]}),
                "stat": "started",
                "restart": "now",
            },
        )
    assert caught.value.code == "params.invalid"
    assert {fault["path"] for fault in caught.value.details["faults"]} == {"keys.corosync", "stat", "restart"}
    error = refused(
        host,
        cluster={"totem": {"tokn": 1}, "nodes": [*PAIR, {"name": "c1", "links": ["10.42.0.12"]}]},
        remove_nodes=["c2", "a b"],
    )
    assert error.code == "cluster.invalid"
    assert {fault["path"] for fault in error.details["faults"]} == {
        "cluster.totem.tokn",
        "cluster.nodes[2].name",
        "cluster.nodes[2].links[0]",
        "remove_nodes",
    }
    assert host.calls == []


def test_info_of_a_bare_a_pristine_and_a_formed_host(new_host: NewHost) -> None:
    assert call(new_host(), "info", {})["configured"] is False
    assert call(new_host().pristine(), "info", {})["pristine"] is True
    told = call(formed(new_host()), "info", {})
    assert (
        told["cluster"]["name"] == "lab"
        and told["keys"] == {"corosync": True, "pacemaker": True}
        and told["certificate"] == "lab"
    )
    assert told["members"] == [{"id": 1, "name": "c1"}, {"id": 2, "name": "c2"}]
    assert told["timing"]["detection_max"] == 6.6


# -- the power goes


DEVICE = {"qdevice": {"host": "10.42.0.21"}}
CUTS: Dict[str, Any] = {
    "forming from the packages' cluster": (lambda host: host.pristine(), {}),
    "forming a bare host with a device": (lambda host: host, {"cluster": DEVICE, "pcs": {"password": "right"}}),
    "a new token": (formed, {"cluster": {"totem": {"token": 9000}}}),
    "a third member": (formed, {"cluster": {"nodes": [*PAIR, THIRD]}}),
    "a device more": (formed, {"cluster": DEVICE}),
    "a device less": (lambda host: formed(host, cluster=DEVICE), {}),
    "another device timeout": (
        lambda host: formed(host, cluster=DEVICE),
        {"cluster": {"qdevice": {"host": "10.42.0.21", "timeout": 3000}}},
    ),
    "a restart": (formed, {"cluster": {"quorum": {"wait_for_all": 1}}, "restart": "rolling"}),
    "a member less": (lambda host: formed(host, cluster={"nodes": [*PAIR, THIRD]}), {"remove_nodes": ["c3"]}),
    "stopping": (formed, {"state": "stopped", "enabled": False}),
    "leaving": (formed, {"state": "absent"}),
}


@pytest.mark.parametrize(("scene", "change"), CUTS.values(), ids=CUTS.keys())
def test_cut_off_anywhere_and_called_again_ends_as_if_never_cut_off(
    new_host: NewHost, scene: Callable[[Host], Host], change: Dict[str, Any]
) -> None:
    def prepared() -> Host:
        host = new_host()
        host.certificate()
        if scene is not formed:
            host.certificate = lambda: None  # type: ignore[method-assign]
        else:
            host.paths.certificates.joinpath("cert9.db").unlink()
            host.paths.certificates.rmdir()
        host = scene(host)
        host.cib_nodes = ["c1", "c2", "c3"] if "remove_nodes" in change else []
        host.count = 0
        return host

    whole = prepared()
    apply(whole, **change)
    steps, wanted = whole.count, whole.state()
    assert steps > 4
    for cut in range(1, steps + 1):
        host = prepared()
        host.kill_at = cut
        with pytest.raises(Killed):
            apply(host, **change)
        host.kill_at = None
        apply(host, **change)
        assert host.state() == wanted, f"cut before step {cut} of {steps}"
        again = apply(host, **change)
        assert not again["changed"], f"cut before step {cut} of {steps}: {again['actions']}"
