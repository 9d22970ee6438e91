#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_drill
short_description: Let a node fall and measure what happens
version_added: 1.0.0
description:
  - The measuring parts of C(tandem.ha.drill). Each phase runs on the host that can see what it measures.
  - With O(phase=choose) one member picks who falls and who watches. It refuses when the cluster is not healthy.
  - With O(phase=watch) a member that stays fences the target, or waits for what somebody else does to it, and notes the time of each step
    until the cluster is as before.
  - With O(phase=probe) a third host asks a virtual address again and again whether it answers, and whether more than one host has it,
    until it is told to stop by O(phase=stop).
options:
  phase:
    description: What to do.
    type: str
    choices: [choose, watch, probe, stop]
    required: true
  target:
    description:
      - V(standby) (a member without virtual address), V(holder) (the one that has it), or a member's name.
      - When only the link between two members is cut, the quorum device decides who falls. V(standby) is then whoever that is, and another
        member is refused.
    type: str
    default: standby
  vip:
    description: The id of the virtual address that is followed. The first one if not given.
    type: str
  fault:
    description: For O(phase=choose), what will happen. C(docs/drills.md) lists what each is and what is expected of it.
    type: str
    choices:
      - fence
      - power
      - freeze
      - cut
      - cut-one-way
      - isolate
      - kill-corosync
      - kill-pacemaker-remoted
      - kill-mysqld
      - kill-beam
      - kill-redis
      - kill-haproxy
      - stop
      - blackout
      - witness
      - command
    default: fence
  bundle:
    description: For O(phase=choose) with O(fault=kill-pacemaker-remoted), whose. The first bundle with a control port if not given.
    type: str
  witness:
    description: For O(phase=choose) with O(fault=witness), the witness's name.
    type: str
  choice:
    description: For O(phase=watch), what O(phase=choose) returned.
    type: dict
    default: {}
  fence:
    description: For O(phase=watch), whether to fence the target. Otherwise somebody else lets it fall.
    type: bool
    default: true
  address:
    description: For O(phase=probe), the address.
    type: str
  port:
    description: For O(phase=probe), the TCP port. A host that refuses the connection counts as answering.
    type: int
    default: 22
  interval:
    description: For O(phase=probe), the seconds between two probes, and how long an answer may take.
    type: float
    default: 0.1
  deadline:
    description: After how many seconds to give up.
    type: int
    default: 300
  name:
    description: For O(phase=probe) and O(phase=stop), which drill it is.
    type: str
    default: drill
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.platform
  - tandem.ha._agent
attributes:
  check_mode:
    support: partial
    details: O(phase=choose) only reads. The others do nothing and say so.
  diff_mode:
    support: none
    details: The configuration is not changed.
  idempotent:
    support: none
    details: Every drill is one more.
"""

EXAMPLES = r"""
- name: Choose who falls
  tandem.ha.ha_drill:
    phase: choose
    target: standby
  register: drill_choice

- name: Fence it and measure
  tandem.ha.ha_drill:
    phase: watch
    choice: "{{ drill_choice }}"
"""

RETURN = r"""
name:
  description: A name for this drill, for the other phases.
  returned: when O(phase=choose)
  type: str
cluster:
  description: The cluster's name.
  returned: when O(phase=choose)
  type: str
fault:
  description: What will happen; C(told) says it in words, C(where) and C(by) to whom and by whom, C(processes) what is killed.
  returned: when O(phase=choose)
  type: str
target:
  description: The member that falls.
  returned: when O(phase=choose)
  type: str
survivor:
  description: A member that stays and can watch. The holder of the virtual address if that is not the target.
  returned: when O(phase=choose)
  type: str
holder:
  description: The member that has the virtual address.
  returned: when O(phase=choose)
  type: str
vip:
  description: The id of the virtual address that is followed.
  returned: when O(phase=choose)
  type: str
address:
  description: The virtual address itself.
  returned: when O(phase=choose)
  type: str
moves:
  description: Whether the virtual address has to move. C(may_move) is whether it may.
  returned: when O(phase=choose)
  type: bool
fenced:
  description: Whether the cluster has to fence the target.
  returned: when O(phase=choose)
  type: bool
milestones:
  description: What has to happen, in this order.
  returned: when O(phase=choose)
  type: list
  elements: str
before:
  description: On how many nodes each resource runs in which role, while all is well.
  returned: when O(phase=choose)
  type: dict
known:
  description: Former fencings of the target.
  returned: when O(phase=choose)
  type: list
  elements: str
control_port:
  description: The port by which a bundle's executor is found.
  returned: when O(phase=choose) and O(fault=kill-pacemaker-remoted)
  type: int
timing:
  description: What the live settings let expect, in seconds.
  returned: when O(phase=choose)
  type: dict
began:
  description: When the watch began, in seconds since 1970 by this host's clock.
  returned: when O(phase=watch)
  type: float
times:
  description: >-
    When the target was lost (V(lost)) or a failure was noticed (V(noticed)), when it was fenced (V(fenced)), its virtual address ran
    elsewhere (V(vip)), it was a member again (V(back)), everything ran in as many places and roles as before (V(serving)), and no failed
    action was left (V(settled)).
  returned: when O(phase=watch)
  type: dict
failures:
  description: The failed actions that were seen on the way.
  returned: when O(phase=watch)
  type: list
  elements: str
unnoticed:
  description: Whether the cluster has seen nothing of it for more than a minute, because what was killed came back by itself.
  returned: when O(phase=watch)
  type: bool
gaps:
  description: When the address did not answer. Each has the times of the last answer before and the first one after.
  returned: when O(phase=probe)
  type: list
  elements: dict
probes:
  description: How often the address was asked.
  returned: when O(phase=probe)
  type: int
owners:
  description: How often it was asked by ARP who has the address. V(0) where that cannot be asked, behind a router and with IPv6.
  returned: when O(phase=probe)
  type: int
twice:
  description: When more than one host said that it has the address, and the MAC addresses of those.
  returned: when O(phase=probe)
  type: list
  elements: dict
"""

import contextlib
import os
import threading
import time
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils._client import Client, ClientError
from ansible_collections.tandem.ha.plugins.module_utils._drill import (
    Gaps,
    Others,
    Unfit,
    Watch,
    choose,
    control_port,
    expected,
    favoured,
)
from ansible_collections.tandem.ha.plugins.module_utils._faults import FAULTS
from ansible_collections.tandem.ha.plugins.module_utils._module import AGENT_OPTIONS
from ansible_collections.tandem.ha.plugins.module_utils._reach import arp_answers, nic_towards, tcp_answers

POLL = 0.1  # seconds between two looks at the cluster
OWNERS = 0.5  # seconds between two questions who has an address
ARGUMENTS = {
    "phase": {"type": "str", "choices": ["choose", "watch", "probe", "stop"], "required": True},
    "target": {"type": "str", "default": "standby"},
    "vip": {"type": "str"},
    "fault": {"type": "str", "choices": list(FAULTS), "default": "fence"},
    "bundle": {"type": "str"},
    "witness": {"type": "str"},
    "choice": {"type": "dict", "default": {}},
    "fence": {"type": "bool", "default": True},
    "address": {"type": "str"},
    "port": {"type": "int", "default": 22},
    "interval": {"type": "float", "default": 0.1},
    "deadline": {"type": "int", "default": 300},
    "name": {"type": "str", "default": "drill"},
}  # type: Dict[str, Any]
ARGUMENTS.update(AGENT_OPTIONS)


def choose_phase(module: AnsibleModule) -> Dict[str, Any]:
    params = module.params
    with Client(params["agent_socket"]) as client:
        status = client.call("status")
        info = client.call("cluster.info")
        others = Others(favoured(info.get("cluster") or {}), params["witness"])
        choice = choose(status, params["target"], params["vip"], params["fault"], others)
        document = client.call("export")["document"]
        timing = expected(info.get("timing"), document.get("stonith", []), choice["target"])
    if params["fault"] == "kill-pacemaker-remoted":
        choice["control_port"] = control_port(document, params["bundle"])
        if choice["control_port"] is None:
            raise Unfit("nothing runs in a bundle with an executor of its own")
    found = [item.get("params", {}) for item in document.get("resources", []) if item["id"] == choice["vip"]]
    return dict(
        choice,
        name=time.strftime("drill-%Y%m%dT%H%M%S", time.gmtime()),
        cluster=status["cluster"]["name"],
        address=found[0].get("ip") if found else None,
        timing=timing,
    )


def watch_phase(module: AnsibleModule) -> Dict[str, Any]:
    choice, until = module.params["choice"], time.monotonic() + module.params["deadline"]
    trouble = []  # type: List[str]
    watch = Watch(choice["before"], choice["target"], choice["vip"], choice["milestones"], choice["known"])
    began = time.time()
    if module.params["fence"]:
        _fence_beside(module, choice["target"], trouble)
    while not watch.done and time.monotonic() < until and not (trouble and "lost" not in watch.times):
        now = time.time()
        # While the cluster elects, or has only just booted, there may be nobody to ask.
        with contextlib.suppress(ClientError), Client(module.params["agent_socket"]) as client:
            watch.see(now, client.call("status", deadline=10))
        time.sleep(POLL)
    result = {
        "began": began,
        "times": watch.times,
        "missing": watch.missing(),
        "failures": watch.failures,
        "unnoticed": watch.unnoticed,
    }
    if trouble:
        module.fail_json(msg="fencing %s failed: %s" % (choice["target"], trouble[0]), **result)
    if not watch.done:
        module.fail_json(
            msg="after %d seconds this has not happened: %s. Look at `pcs status` and the journal of pacemaker; nothing is undone"
            % (module.params["deadline"], ", ".join(watch.missing())),
            **result,
        )
    return result


def _fence_beside(module: AnsibleModule, target: str, trouble: List[str]) -> None:
    """Fence in a thread of its own: the agent answers when it is done, and meanwhile there is something to see."""

    def work() -> None:
        try:
            with Client(module.params["agent_socket"]) as client:
                client.call("fence.reboot", {"node": target, "wait": 120}, 150)
        except ClientError as error:
            trouble.append(error.message)

    threading.Thread(target=work, daemon=True).start()


def probe_phase(module: AnsibleModule) -> Dict[str, Any]:
    stop, interval, address = _stop_file(module), module.params["interval"], module.params["address"]
    _remove(stop)
    until, gaps, ended = time.monotonic() + module.params["deadline"], Gaps(), threading.Event()
    owners = Owners(address, ended)
    owners.start()
    while time.monotonic() < until and not os.path.exists(stop):
        now, began = time.time(), time.monotonic()
        gaps.see(now, tcp_answers(address, module.params["port"], max(interval, 0.2)))
        time.sleep(max(0.0, interval - (time.monotonic() - began)))
    ended.set()
    owners.join(10)
    _remove(stop)
    return dict(gaps.report(), owners=owners.asked, twice=owners.twice)


class Owners(threading.Thread):
    """Asks who has an address, and notes when more than one host says that it does."""

    def __init__(self, address: str, ended: threading.Event) -> None:
        super(Owners, self).__init__(daemon=True)
        self.asked = 0
        self.twice = []  # type: List[Dict[str, Any]]
        self._address = address
        self._nic = nic_towards(address)
        self._ended = ended

    def run(self) -> None:
        while self._nic is not None and not self._ended.wait(OWNERS):
            with contextlib.suppress(OSError):
                found = arp_answers(self._address, self._nic, 0.3)
                self.asked += 1
                if len(found) > 1:
                    self.twice.append({"at": time.time(), "owners": found})


def stop_phase(module: AnsibleModule) -> Dict[str, Any]:
    with open(_stop_file(module), "w"):
        return {}


def _stop_file(module: AnsibleModule) -> str:
    return "/run/tandem-%s.stop" % os.path.basename(module.params["name"])


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


PHASES = {
    "choose": choose_phase,
    "watch": watch_phase,
    "probe": probe_phase,
    "stop": stop_phase,
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        required_if=[
            ("phase", "probe", ("address",)),
            ("phase", "watch", ("choice",)),
        ],
    )
    phase = module.params["phase"]
    if module.check_mode and phase != "choose":
        module.exit_json(changed=False, skipped=True, msg="a drill is not done in check mode")
    try:
        module.exit_json(changed=phase == "watch", **PHASES[phase](module))
    except Unfit as unfit:
        module.fail_json(msg=str(unfit))
    except ClientError as error:
        module.fail_json(msg=error.message, code=error.code)


if __name__ == "__main__":
    main()
