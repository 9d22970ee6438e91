#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_fault
short_description: Do something bad to a controller, for a drill
version_added: 1.0.0
description:
  - Kills one process of a service or of the cluster, as a crash does, or has the host lose its connection to others for some time.
  - C(tandem.ha.drill) uses it, and measures what comes of it.
options:
  kill:
    description:
      - Names of a process, as the kernel has them, such as V(mariadbd). The oldest process of one of these names is killed by C(SIGKILL),
        wherever it runs on the host, in a container or not.
    type: list
    elements: str
    default: []
  control_port:
    description: With O(kill), only a process of the bundle with this control port. It tells the executors of several bundles apart.
    type: int
  drop:
    description:
      - Addresses of others. What goes there and what comes from there is dropped, by a table of nftables of the module's own. An address of
        this host is refused.
    type: list
    elements: str
    default: []
  one_way:
    description: With O(drop), whether only what goes there is dropped.
    type: bool
    default: false
  seconds:
    description: With O(drop), after how long the table goes away. The host's own systemd does that, also when nobody can reach the host.
    type: int
    default: 60
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.platform
attributes:
  check_mode:
    support: full
    details: Says which process it would kill, and which addresses it would cut off.
  diff_mode:
    support: none
    details: There is no state before and after.
  idempotent:
    support: none
    details: Every fault is one more.
requirements:
  - nftables and systemd on the host, for O(drop).
"""

EXAMPLES = r"""
- name: Kill the database
  tandem.ha.ha_fault:
    kill: [mariadbd, mysqld]

- name: Cut the other controller off for half a minute
  tandem.ha.ha_fault:
    drop: [192.0.2.12]
    seconds: 30
"""

RETURN = r"""
at:
  description: When it was done, in seconds since 1970 by this host's clock.
  returned: always
  type: float
process:
  description: The process that was killed, by C(pid) and C(name).
  returned: with O(kill)
  type: dict
"""

import os
import signal
import time
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils._sabotage import TABLE, alive, healing, processes, rules

ARGUMENTS = {
    "kill": {"type": "list", "elements": "str", "default": []},
    "control_port": {"type": "int"},
    "drop": {"type": "list", "elements": "str", "default": []},
    "one_way": {"type": "bool", "default": False},
    "seconds": {"type": "int", "default": 60},
}  # type: Dict[str, Any]
LONGEST = 600  # seconds for which a host may be cut off


def kill(module: AnsibleModule) -> Dict[str, Any]:
    names, port = module.params["kill"], module.params["control_port"]
    found = processes(names, port)
    if not found:
        module.fail_json(
            msg="no process named %s runs here%s; nothing was done"
            % (" or ".join(names), "" if port is None else " for control port %d" % port)
        )
    victim, now = found[0], time.time()
    if not module.check_mode:
        os.kill(victim.pid, signal.SIGKILL)
        until = time.monotonic() + 10
        while alive(victim):
            if time.monotonic() > until:
                module.fail_json(msg="%s (%d) does not die: it may wait for a device" % (victim.name, victim.pid))
            time.sleep(0.01)
    return {"at": now, "process": {"pid": victim.pid, "name": victim.name}}


def drop(module: AnsibleModule) -> Dict[str, Any]:
    seconds = module.params["seconds"]
    if not 1 <= seconds <= LONGEST:
        module.fail_json(msg="seconds: %d is not allowed; use 1 to %d" % (seconds, LONGEST))
    nft = module.get_bin_path("nft", required=True)
    _code, own, _errors = module.run_command([module.get_bin_path("ip", required=True), "-o", "address"], check_rc=True)
    mine = {word.split("/")[0] for word in own.split()} & set(module.params["drop"])
    if mine:
        module.fail_json(msg="drop: %s is this host's own address; nothing was done" % ", ".join(sorted(mine)))
    text = rules(module.params["drop"], module.params["one_way"])
    module.run_command([nft, "-c", "-f", "-"], data=text, check_rc=True)
    if module.check_mode:
        return {"at": time.time()}
    if module.run_command([nft, "list", "table", "inet", TABLE])[0] == 0:
        module.fail_json(
            msg="a drill cuts this host off already: wait until it is over, or `nft delete table inet %s`" % TABLE
        )
    # The way back first.
    module.run_command(healing(seconds, nft), check_rc=True)
    now = time.time()
    module.run_command([nft, "-f", "-"], data=text, check_rc=True)
    return {"at": now}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        required_by={"control_port": ("kill",)},
    )
    if bool(module.params["kill"]) == bool(module.params["drop"]):
        module.fail_json(msg="give either kill or drop")
    module.exit_json(changed=True, **(kill(module) if module.params["kill"] else drop(module)))


if __name__ == "__main__":
    main()
