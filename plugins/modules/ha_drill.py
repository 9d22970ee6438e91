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
  - With O(phase=watch) the surviving member fences the target, or waits for it to be gone, and notes the time of each step
    until the cluster is as before.
  - With O(phase=probe) a third host asks a virtual address again and again whether it answers, until it is told to stop by
    O(phase=stop).
  - With O(phase=write) it writes to a database behind the address meanwhile, one row after the other, and keeps account of what was
    acknowledged. With O(phase=audit) it then looks on each server whether all of that is there.
options:
  phase:
    description: What to do.
    type: str
    choices: [choose, watch, probe, write, audit, stop]
    required: true
  target:
    description:
      - For O(phase=choose), V(standby) (a member without virtual address), V(holder) (the one that has it), or a member's name.
      - For O(phase=watch), the name of the member that falls.
    type: str
    default: standby
  vip:
    description: The id of the virtual address that is followed. The first one if not given.
    type: str
  fence:
    description: For O(phase=watch), whether to fence the target. Otherwise somebody else lets it fall.
    type: bool
    default: true
  address:
    description: For O(phase=probe) and O(phase=write), the address.
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
    description: For O(phase=probe), O(phase=write), O(phase=audit) and O(phase=stop), which drill it is.
    type: str
    default: drill
  sql:
    description: For O(phase=write) and O(phase=audit), how to log in to the database.
    type: dict
    suboptions:
      user:
        description: The account. It needs all privileges on O(sql.database).
        type: str
        required: true
      password:
        description: Its password.
        type: str
        required: true
      database:
        description: The database, which is made if it is not there.
        type: str
        default: drill
      port:
        description: The port.
        type: int
        default: 3306
  servers:
    description: For O(phase=audit), the servers, as a map from a name to an address.
    type: dict
    default: {}
  attempted:
    description: For O(phase=audit), how many writes there were, as O(phase=write) returned it.
    type: int
    default: 0
  unsure:
    description: For O(phase=audit), which of them nobody acknowledged, as O(phase=write) returned it.
    type: list
    elements: int
    default: []
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
    target: "{{ drill_choice.target }}"
    vip: "{{ drill_choice.vip }}"
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
  description: Whether the virtual address has to move.
  returned: when O(phase=choose)
  type: bool
timing:
  description: What the live settings let expect, in seconds.
  returned: when O(phase=choose)
  type: dict
began:
  description: When the drill began, in seconds since 1970 by this host's clock.
  returned: when O(phase=watch)
  type: float
times:
  description: >-
    When the target was lost (V(lost)), fenced (V(fenced)), its virtual address ran elsewhere (V(vip)), it was a member
    again (V(back)) and everything was as before (V(settled)).
  returned: when O(phase=watch)
  type: dict
gaps:
  description: When the address did not answer. Each has the times of the last answer before and the first one after.
  returned: when O(phase=probe) or O(phase=write)
  type: list
  elements: dict
probes:
  description: How often the address was asked.
  returned: when O(phase=probe) or O(phase=write)
  type: int
attempted:
  description: How many writes there were.
  returned: when O(phase=write)
  type: int
unsure:
  description: Which of them nobody acknowledged. They may have been done or not.
  returned: when O(phase=write)
  type: list
  elements: int
acknowledged:
  description: How many were acknowledged.
  returned: when O(phase=write)
  type: int
servers:
  description: Which servers took the writes, one after the other.
  returned: when O(phase=write)
  type: list
  elements: str
errors:
  description: What clients were told, and how often.
  returned: when O(phase=write)
  type: dict
audit:
  description: For each server how many C(rows) it has, and which acknowledged writes it has C(lost).
  returned: when O(phase=audit)
  type: dict
"""

import contextlib
import os
import re
import threading
import time
from typing import Any, Callable, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils._client import Client, ClientError
from ansible_collections.tandem.ha.plugins.module_utils._drill import Gaps, Unfit, Watch, choose, expected
from ansible_collections.tandem.ha.plugins.module_utils._ledger import PATIENCE, PAUSE, Writer, audit
from ansible_collections.tandem.ha.plugins.module_utils._module import AGENT_OPTIONS
from ansible_collections.tandem.ha.plugins.module_utils._mysql import Connection, SqlError
from ansible_collections.tandem.ha.plugins.module_utils._reach import tcp_answers

POLL = 0.1  # seconds between two looks at the cluster
CALM = 20.0  # seconds for an answer while nothing is measured
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
SQL = {
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "database": {"type": "str", "default": "drill"},
    "port": {"type": "int", "default": 3306},
}  # type: Dict[str, Any]
ARGUMENTS = {
    "phase": {"type": "str", "choices": ["choose", "watch", "probe", "write", "audit", "stop"], "required": True},
    "target": {"type": "str", "default": "standby"},
    "vip": {"type": "str"},
    "fence": {"type": "bool", "default": True},
    "address": {"type": "str"},
    "port": {"type": "int", "default": 22},
    "interval": {"type": "float", "default": 0.1},
    "deadline": {"type": "int", "default": 300},
    "name": {"type": "str", "default": "drill"},
    "sql": {"type": "dict", "options": SQL},
    "servers": {"type": "dict", "default": {}},
    "attempted": {"type": "int", "default": 0},
    "unsure": {"type": "list", "elements": "int", "default": []},
}  # type: Dict[str, Any]
ARGUMENTS.update(AGENT_OPTIONS)


def choose_phase(module: AnsibleModule) -> Dict[str, Any]:
    with Client(module.params["agent_socket"]) as client:
        status = client.call("status")
        choice = choose(status, module.params["target"], module.params["vip"])
        document = client.call("export")["document"]
        timing = expected(client.call("cluster.info").get("timing"), document.get("stonith", []), choice["target"])
    params = [item.get("params", {}) for item in document.get("resources", []) if item["id"] == choice["vip"]]
    return dict(
        choice,
        name=time.strftime("drill-%Y%m%dT%H%M%S", time.gmtime()),
        cluster=status["cluster"]["name"],
        address=params[0].get("ip") if params else None,
        timing=timing,
    )


def watch_phase(module: AnsibleModule) -> Dict[str, Any]:
    target, until = module.params["target"], time.monotonic() + module.params["deadline"]
    trouble = []  # type: List[str]
    with Client(module.params["agent_socket"]) as client:
        watch = Watch(client.call("status"), target, module.params["vip"])
        began = time.time()
        if module.params["fence"]:
            _fence_beside(module, target, trouble)
        while not watch.done and time.monotonic() < until and not (trouble and "lost" not in watch.times):
            now = time.time()
            with contextlib.suppress(ClientError):  # while the cluster elects, there may be nobody to ask
                watch.see(now, client.call("status", deadline=10))
            time.sleep(POLL)
    result = {"began": began, "times": watch.times, "missing": watch.missing()}
    if trouble:
        module.fail_json(msg="fencing %s failed: %s" % (target, trouble[0]), **result)
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
    stop, interval = _stop_file(module), module.params["interval"]
    _remove(stop)
    until, gaps = time.monotonic() + module.params["deadline"], Gaps()
    while time.monotonic() < until and not os.path.exists(stop):
        now, began = time.time(), time.monotonic()
        gaps.see(now, tcp_answers(module.params["address"], module.params["port"], max(interval, 0.2)))
        time.sleep(max(0.0, interval - (time.monotonic() - began)))
    _remove(stop)
    return gaps.report()


def write_phase(module: AnsibleModule) -> Dict[str, Any]:
    stop, run = _stop_file(module), _run(module)
    _remove(stop)
    until = time.monotonic() + module.params["deadline"]
    address = module.params["address"]
    writer = Writer(_connector(module, address), run)
    _make_database(module)
    writer.prepare(_connector(module, address, CALM))
    while time.monotonic() < until and not os.path.exists(stop):
        writer.write()
        time.sleep(PAUSE)
    _remove(stop)
    return writer.ledger.report()


def audit_phase(module: AnsibleModule) -> Dict[str, Any]:
    params = module.params
    servers = {name: _connector(module, str(address), CALM) for name, address in params["servers"].items()}
    until = time.monotonic() + params["deadline"]
    return {"audit": audit(servers, _run(module), params["attempted"], params["unsure"], until)}


def _connector(module: AnsibleModule, address: str, timeout: float = PATIENCE) -> Callable[[], Connection]:
    sql = module.params["sql"]
    if not NAME.match(sql["database"]):
        module.fail_json(msg="sql.database: %r is no name: use letters, digits, '_', '.' and '-'" % sql["database"])

    def connect() -> Connection:
        connection = Connection(address, sql["port"], sql["user"], sql["password"], timeout)
        connection.ask("USE `%s`" % sql["database"])
        return connection

    return connect


def _make_database(module: AnsibleModule) -> None:
    sql = module.params["sql"]
    connection = Connection(module.params["address"], sql["port"], sql["user"], sql["password"], CALM)
    connection.ask("CREATE DATABASE IF NOT EXISTS `%s`" % sql["database"])
    connection.close()


def _run(module: AnsibleModule) -> str:
    name = str(module.params["name"])
    if not NAME.match(name):
        module.fail_json(msg="name: %r is no name: use letters, digits, '_', '.' and '-'" % name)
    return name


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
    "write": write_phase,
    "audit": audit_phase,
    "stop": stop_phase,
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        required_if=[
            ("phase", "probe", ("address",)),
            ("phase", "write", ("address", "sql")),
            ("phase", "audit", ("sql",)),
        ],
    )
    phase = module.params["phase"]
    if module.check_mode and phase != "choose":
        module.exit_json(changed=False, skipped=True, msg="a drill is not done in check mode")
    try:
        module.exit_json(changed=phase == "watch", **PHASES[phase](module))
    except Unfit as unfit:
        module.fail_json(msg=str(unfit))
    except SqlError as error:
        module.fail_json(msg="the database at %s: %s" % (module.params["address"], error))
    except ClientError as error:
        module.fail_json(msg=error.message, code=error.code)


if __name__ == "__main__":
    main()
