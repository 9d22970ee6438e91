# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every job template of playbooks/awx against a lab of its own: what it does, what it refuses, and that it tells no secret."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

import pytest
import yaml
from canaries import spellings
from jobs import Controller, Job, run
from pair import CONTROLLERS, Pair, locked

pytestmark = pytest.mark.slow

NAME, NETWORK = "test-awx", "10.47"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A bare lab whose inventory holds no secret: all come from the credential."""
    with locked(NAME):
        yield from _site(tmp_path_factory.mktemp("awx"))


def _site(directory: Path) -> Iterator[Pair]:
    pair = Pair(directory, NAME, NETWORK)
    password = directory / "bmc.password"
    password.write_text(secrets.token_urlsafe(12)[:16])
    without_secrets(pair, password)
    made = pair.up("reset")
    try:
        assert made.ok, made.text
        yield pair
    finally:
        gone = pair.down()
    assert gone.ok, gone.text


def without_secrets(pair: Pair, password: Path) -> None:
    """The lab's inventory as a real site's: no password, no key, and the BMCs have the one that the credential has."""
    variables = pair.inventory / "group_vars"
    edit(pair.inventory / "hosts.yml", "lab_bmc:\n", f"lab_bmc:\n            password_file: {password}\n")
    edit(variables / "controllers.yml", " | default(lab_bmc_password, true)", "")
    edit(variables / "lab_nodes.yml", " -o IdentitiesOnly=yes", "")
    drop(variables / "all" / "cluster.yml", "node_hacluster_password")
    drop(variables / "lab_nodes.yml", "ansible_ssh_private_key_file", "lab_bmc_password")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path.name}: {old}"
    path.write_text(text.replace(old, new))


def drop(path: Path, *names: str) -> None:
    lines = path.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(names)]
    assert len(kept) == len(lines) - len(names)
    path.write_text("\n".join(kept) + "\n")


@pytest.fixture(scope="module")
def credential(site: Pair) -> Dict[str, str]:
    return {
        "hacluster_password": f"hacluster-{secrets.token_urlsafe(12)}",
        "bmc_user": "tandem",
        "bmc_password": (site.directory / "bmc.password").read_text(),
        "redis_password": f"redis-{secrets.token_urlsafe(12)}",
        "rabbitmq_cookie": secrets.token_hex(20),
        "service_passwords": f"drill: {secrets.token_urlsafe(12)}\n",
    }


@pytest.fixture(scope="module")
def awx(site: Pair, credential: Dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Controller:
    """The controller. What it kept of all jobs is searched for the secrets by the last test."""
    directory = tmp_path_factory.mktemp("controller")
    return Controller(site, directory, credential, {"awx_project_url": "x", "awx_inventory_path": "x"})


@pytest.fixture(scope="module")
def looked(awx: Controller) -> Job:
    """The deploy template as its survey's defaults have it: it only looks."""
    return awx.launch("site")


@pytest.fixture(scope="module")
def deployed(awx: Controller, looked: Job) -> Job:
    return awx.launch("site", {"tandem_check": "no", "tandem_profile": "fast"})


def nodes(site: Pair) -> List[str]:
    return [site.node(name, "cat /etc/corosync/corosync.conf 2>/dev/null", code=None) for name in CONTROLLERS]


def test_by_its_defaults_a_deployment_only_looks(site: Pair, looked: Job) -> None:
    assert looked.rc == 0, looked.stdout[-3000:]
    assert set(looked.changed) == {"c1", "c2", "w1"}
    assert nodes(site) == ["", ""]


def test_a_deployment_makes_the_site_with_the_passwords_of_the_credential(site: Pair, deployed: Job) -> None:
    assert deployed.rc == 0, deployed.messages()
    site.settle()
    assert "token: 1000" not in nodes(site)[0] and f"cluster_name: {NAME}" in nodes(site)[0]
    assert "a dead controller is replaced within" in deployed.stdout


def test_again_nothing_changes(awx: Controller, deployed: Job) -> None:
    again = awx.launch("site", {"tandem_check": "no", "tandem_profile": "fast"})
    assert again.rc == 0 and again.changed == {}, again.stdout[-3000:]


def test_status_and_drift(awx: Controller, deployed: Job) -> None:
    status = awx.launch("status")
    assert status.rc == 0 and status.changed == {} and "vip (ocf:heartbeat:IPaddr2): Started on" in status.stdout
    # The profile was for one run: drift tells that the inventory says something else.
    drift = awx.launch("drift")
    assert drift.rc == 2 and "the site differs from its inventory" in drift.messages()
    told = awx.launch("drift", {"drift_fail": "no"})
    assert told.rc == 0 and "a run of the site would change" in told.stdout
    back = awx.launch("site", {"tandem_check": "no"})
    assert back.rc == 0 and back.changed != {}
    assert awx.launch("drift").rc == 0


REFUSED = {
    "an address outside of the subnet": ("site", {"tandem_check": "no", "tandem_vip": "192.0.2.7/24"}, "outside the subnet"),
    "no address": ("site", {"tandem_check": "no", "tandem_vip": "{{ lookup('pipe', 'id') }}"}, "is no address with a prefix length"),
    "a host's own address": ("site", {"tandem_check": "no", "tandem_vip": f"{NETWORK}.0.11/24"}, "is the address of c1 itself"),
    "standby of no node": ("standby", {"standby_node": "c9"}, "Its nodes are c1, c2"),
    "fencing no node": ("fence_proof", {"fence_node": "c9", "fence_confirm": "c9"}, "Its nodes are c1, c2"),
    "fencing another one": ("fence_proof", {"fence_node": "c2", "fence_confirm": "c1"}, "Type the node's name exactly"),
    "a drill without a yes": ("drill", {"drill_confirm": "no"}, "nobody said yes"),
    "a drill of no node": ("drill", {"drill_target": "c9", "drill_confirm": "yes"}, "the nodes are c1, c2"),
    "an update of no node": ("update", {"update_node": "c9"}, "the nodes are c1, c2"),
    "a new controller that nobody knows": ("replace", {"replace_new": "c9"}, "Add it there first"),
    "replacing one that stays": ("replace", {"replace_new": "c2", "replace_old": "c1"}, "Take its host out of the group first"),
    "a cleanup of nothing": ("cleanup", {"tandem_check": "no", "cleanup_resource": "web"}, "Its resources are fence-c1, fence-c2, vip"),
    "a cleanup on no node": ("cleanup", {"tandem_check": "no", "cleanup_node": "c9"}, "Its nodes are c1, c2"),
    "the end of another cluster": ("teardown", {"tandem_teardown": "lab"}, "nothing was done"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_wrong_answer_is_refused_with_the_remedy_and_changes_nothing(
    awx: Controller, site: Pair, deployed: Job, name: str
) -> None:
    playbook, answers, remedy = REFUSED[name]
    before = (site.cib(), nodes(site))
    job = awx.launch(playbook, answers)
    assert job.rc == 2 and job.changed == {}, job.stdout[-3000:]
    assert remedy in job.messages(), job.messages()
    assert (site.cib(), nodes(site)) == before


def test_standby_and_back(awx: Controller, site: Pair, deployed: Job) -> None:
    holder = site.holder()
    job = awx.launch("standby", {"standby_node": holder})
    assert job.rc == 0 and site.holder() != holder, job.messages()
    refused = awx.launch("standby", {"standby_node": site.holder()})
    assert refused.rc == 2 and "no other controller could take over" in refused.messages()
    back = awx.launch("standby", {"standby_node": holder, "standby_state": "online"})
    assert back.rc == 0 and back.changed != {}
    again = awx.launch("standby", {"standby_node": holder, "standby_state": "online"})
    assert again.rc == 0 and again.changed == {}


def test_a_cleanup_forgets_what_has_failed_and_by_its_defaults_only_says_so(
    awx: Controller, site: Pair, deployed: Job
) -> None:
    site.settle()
    holder = site.holder()
    site.node(holder, f"crm_resource --fail --resource vip --node {holder}")
    site.until(lambda: "vip_asyncmon" in failed(site), 60, "the cluster did not notice the failure")
    told = awx.launch("cleanup")
    assert told.rc == 0 and told.changed != {}, told.messages()
    assert "would forget: " in told.stdout and "vip_asyncmon" in failed(site)
    done = awx.launch("cleanup", {"tandem_check": "no", "cleanup_resource": "vip", "cleanup_node": holder})
    assert done.rc == 0 and done.changed != {} and "forgot: " in done.stdout, done.messages()
    site.settle()
    again = awx.launch("cleanup", {"tandem_check": "no"})
    assert again.rc == 0 and again.changed == {}


def failed(site: Pair) -> str:
    return site.node("c1", "crm_mon -1 --output-as=xml | grep '<failure ' || true")


def test_a_rolling_update_reaches_both_and_none_twice(awx: Controller, site: Pair, deployed: Job) -> None:
    site.settle()
    holder, other = site.holder(), site.other()
    first = awx.launch("update", {"update_node": "standby"})
    assert first.rc == 0, first.messages()
    assert first.artifacts == {"update_done": [other]} and site.holder() == holder
    twice = awx.launch("update", {"update_node": "standby"}, update_done=[other])
    assert twice.rc == 2 and twice.changed == {} and "was updated already" in twice.messages()
    second = awx.launch("update", {"update_node": "holder"}, update_done=[other])
    assert second.rc == 0, second.messages()
    assert second.artifacts == {"update_done": [other, holder]} and site.holder() == other
    site.settle()


def test_a_drill(awx: Controller, site: Pair, deployed: Job) -> None:
    site.settle()
    job = awx.launch("drill", {"drill_confirm": "yes"})
    assert job.rc == 0, job.messages()
    # The table of the report: both were measured, not only hoped for.
    for step in ("everything serves as before", "and no failed action is left"):
        assert re.search(rf"{step}[ -]+\d", job.stdout), job.stdout[-3000:]
    site.settle(180)


def test_a_fence_proof(awx: Controller, site: Pair, deployed: Job) -> None:
    site.settle()
    target = site.other()
    job = awx.launch("fence_proof", {"fence_node": target, "fence_confirm": target})
    assert job.rc == 0, job.messages()
    assert f"drill of {NAME}: {target} (standby), it was fenced on request" in job.stdout
    site.settle(180)


def test_a_new_machine_under_the_old_name(awx: Controller, site: Pair, deployed: Job) -> None:
    """The second controller loses its disk and comes back bare."""
    site.settle()
    site.node("c2", "pcs cluster stop", timeout=180)
    renew(site, "c2")
    job = awx.launch("replace", {"replace_new": "c2", "replace_old": "c2"})
    assert job.rc == 0, job.messages()
    site.settle(180)
    again = awx.launch("site", {"tandem_check": "no"})
    assert again.rc == 0 and again.changed == {}


def renew(site: Pair, node: str) -> None:
    """Take the cluster and all of its traces from a node, as a new disk would have none."""
    site.node(
        node,
        "systemctl stop tandem-agent.socket tandem-agent pcsd;"
        " apt-get -qy purge corosync pacemaker pcs corosync-qdevice >/dev/null 2>&1;"
        " rm -rf /etc/corosync /etc/pacemaker /etc/tandem /var/lib/pacemaker /var/lib/corosync /var/lib/pcsd /var/lib/tandem"
        " /usr/local/lib/tandem",
        timeout=180,
    )


def test_the_cluster_itself_as_inventory(site: Pair, deployed: Job) -> None:
    """As an inventory source imports it, by role; the first address is nobody's."""
    site.settle()
    apply(site, {"name": "roles", "resources": [
        {"id": "x-s", "agent": "ocf:pacemaker:Stateful"},
        {"id": "x-k", "kind": "clone", "resource": "x-s", "promotable": True, "meta": {"promoted-max": 1}},
    ]})  # fmt: skip
    resting = site.other()
    site.node("c1", f"pcs node standby {resting} --wait=60")
    try:
        found = live(site)
    finally:
        site.node("c1", f"pcs node unstandby {resting} --wait=60")
        apply(site, {"name": "roles"}, "--purge owned")
    assert found["controllers"]["hosts"] == found["online"]["hosts"] == list(CONTROLLERS)
    assert found["standby"]["hosts"] == [resting]
    assert found["vip_holder"]["hosts"] == found["Stateful_promoted"]["hosts"] == [site.holder()]
    assert found["dc"]["hosts"][0] in site.node("c1", "crmadmin -D")
    assert found["witness"]["hosts"] == [f"{NETWORK}.0.21"]
    known = found["_meta"]["hostvars"]
    assert known["c2"]["ansible_host"] == f"{NETWORK}.1.12"
    assert "vip" in [one["id"] for one in known[site.holder()]["tandem_resources"]]
    everywhere = found["all"]["vars"]  # variables of the inventory, in AWX
    assert everywhere["tandem_cluster"]["name"] == NAME and everywhere["tandem_timing"]["total_max"] > 1


def test_an_inventory_from_the_cache_asks_nobody(site: Pair, deployed: Job) -> None:
    site.settle()
    cache: Dict[str, Any] = {
        "cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(site.directory / "cache"),
        "cache_timeout": 600,
    }  # fmt: skip
    asked = live(site, **cache)
    assert live(site, **cache, hosts=["root@192.0.2.1"]) == asked
    with pytest.raises(AssertionError, match="no host of this cluster answered"):
        live(site, **cache, hosts=[f"root@{NETWORK}.0.99"], flags=["--flush-cache"])


def live(site: Pair, flags: Sequence[str] = (), **options: Any) -> Dict[str, Any]:
    """What ansible-inventory makes of the cluster, with these options of the plugin."""
    state = Path("/var/lib/tandem-lab") / NAME
    ssh = [
        "-i", state / "id_ed25519", "-o", f"ProxyCommand=nsenter --net=/run/netns/tandem-{NAME} nc %h %p",
        "-o", f"UserKnownHostsFile={state / 'known_hosts'}", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5",
    ]  # fmt: skip
    path = site.directory / "live.tandem.yml"
    hosts = [f"root@{NETWORK}.0.{number}" for number in (99, 11, 12)]
    settings = {"plugin": "tandem.ha.cluster", "hosts": hosts, "ssh_args": list(map(str, ssh)), "link": 1, **options}
    path.write_text(json.dumps(settings))
    found: Dict[str, Any] = json.loads(run("ansible-inventory", "-i", str(path), "--list", "--export", *flags))
    return found


def apply(site: Pair, document: Dict[str, Any], options: str = "") -> None:
    said = site.node("c1", f"tandem apply {options} --json -", code=None, timeout=300, stdin=json.dumps(document))
    assert json.loads(said).get("changed") is True, said


# What doctor says of a lab in which nothing is wrong: its nodes have the machine's clock and no service for it.
OF_THE_LAB = {"clock.unsynchronized", "timing.prediction"}


def test_a_controller_under_another_name_takes_the_place_of_one(awx: Controller, site: Pair, deployed: Job) -> None:
    """The one that leaves is still there, outside of the group: the run stops it."""
    site.settle()
    holder = site.holder()
    inventory = yaml.safe_load((site.inventory / "hosts.yml").read_text())
    groups = inventory["lab_nodes"]["children"]
    members = groups["controllers"]["hosts"]
    bmc = {**members["c2"]["lab_bmc"], "address": f"{NETWORK}.0.113"}
    members["c3"] = {"lab_addresses": {"mgmt": f"{NETWORK}.0.13", "ring1": f"{NETWORK}.1.13"}, "lab_bmc": bmc}
    groups["retired"] = {"hosts": {"c2": members.pop("c2")}}
    (site.inventory / "hosts.yml").write_text(yaml.safe_dump(inventory))
    made = site.up()
    assert made.ok, made.text

    job = awx.launch("replace", {"replace_new": "c3", "replace_old": "c2"})
    assert job.rc == 0, job.messages()
    site.controllers = ("c1", "c3")
    site.settle(180)
    status = site.node("c1", "pcs status")
    assert "2 nodes configured" in status and "Online: [ c1 c3 ]" in status and "fence-c2" not in site.cib(), status
    assert not re.search("WARNING|Failed|OFFLINE|UNCLEAN|Stopped", status), status
    assert "no cluster" in site.node("c2", "test -e /etc/corosync/corosync.conf || echo no cluster")
    assert holder == "c2" or site.holder() == holder
    again = awx.launch("site", {"tandem_check": "no"})
    assert again.rc == 0 and again.changed == {}, again.stdout[-3000:]
    assert awx.launch("drift").rc == 0
    for name in site.controllers:
        said = json.loads(site.node(name, "tandem doctor --json"))["findings"]
        assert {finding["code"] for finding in said} <= OF_THE_LAB, said


def test_one_controller_more(awx: Controller, site: Pair, deployed: Job) -> None:
    """The one that left comes back, beside the others."""
    assert site.controllers == ("c1", "c3"), "the test before this one has failed"
    site.settle()
    holder = site.holder()
    inventory = yaml.safe_load((site.inventory / "hosts.yml").read_text())
    groups = inventory["lab_nodes"]["children"]
    groups["controllers"]["hosts"].update(groups.pop("retired")["hosts"])
    (site.inventory / "hosts.yml").write_text(yaml.safe_dump(inventory))
    job = awx.launch("replace", {"replace_new": "c2"})
    assert job.rc == 0, job.messages()
    site.controllers = ("c1", "c2", "c3")
    site.settle(180)
    assert "3 nodes configured" in site.node("c1", "pcs status") and site.holder() == holder
    again = awx.launch("site", {"tandem_check": "no"})
    assert again.rc == 0 and again.changed == {}, again.stdout[-3000:]


def test_the_end(awx: Controller, site: Pair, deployed: Job) -> None:
    job = awx.launch("teardown", {"tandem_teardown": NAME})
    assert job.rc == 0, job.messages()
    left = [site.node(name, "cat /etc/corosync/corosync.conf 2>/dev/null", code=None) for name in site.controllers]
    assert not any(left)


def test_no_job_told_a_secret(awx: Controller, site: Pair, credential: Dict[str, str]) -> None:
    """Everything that ansible-runner kept: output with -vvv and --diff, events, facts, commands."""
    kept = b"".join(path.read_bytes() for path in awx.directory.glob("job-*/artifacts/**/*") if path.is_file())
    assert len(kept) > 100_000 and b"TASK [" in kept
    wanted = {name: value.split(": ")[-1].strip() for name, value in credential.items() if name != "bmc_user"}
    key = (Path("/var/lib/tandem-lab") / NAME / "id_ed25519").read_text().splitlines()[2]
    told = [name for name, value in {**wanted, "key": key}.items()
            if any(word.encode() in kept for word in spellings(value.encode()))]  # fmt: skip
    assert told == []
