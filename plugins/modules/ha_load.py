#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_load
short_description: Be the clients of a pair while it fails, and look afterwards what was lost
version_added: 1.0.0
description:
  - With O(phase=run) clients of a pair's services ask for one thing after the other, all at once, and keep account of what was
    acknowledged and when, until they are told to stop by O(phase=stop).
  - With O(phase=audit) it looks whether all that was acknowledged is there.
  - Run it on a host that is none of the controllers. C(tandem.ha.drill) does.
  - Clients give a connection up that is not made within half a second, and an answer that does not come within one, and connect anew.
options:
  phase:
    description: What to do.
    type: str
    choices: [run, audit, stop]
    required: true
  name:
    description: Which drill it is. What is written carries it.
    type: str
    required: true
  clients:
    description: The clients.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: How the report calls it.
        type: str
        required: true
      kind:
        description:
          - V(sql) inserts rows, each a transaction. It needs all privileges on O(clients[].database). Needs PyMySQL.
          - V(redis) sets keys, and after each waits a tenth of a second for a replica (C(WAIT 1 100)). Both are counted. Needs redis-py.
          - V(amqp) publishes persistent messages to a queue that it makes, each waited for until it is confirmed. It knows all O(members)
            and goes to the next when one fails. Needs pika.
          - V(http) fetches a page. What answers 200 to 399 counts as done.
        type: str
        choices: [sql, redis, amqp, http]
        required: true
      address:
        description: Where it goes. Not for O(clients[].kind=amqp), which goes to O(members).
        type: str
      port:
        description: The port. Default 3306, 6379, 5672 (5671 with O(clients[].tls)) or 8404.
        type: int
      user:
        description: The account.
        type: str
        default: drill
      password:
        description: Its password.
        type: str
      database:
        description: For O(clients[].kind=sql), the database, which is made if it is not there.
        type: str
        default: drill
      vhost:
        description: For O(clients[].kind=amqp), the virtual host.
        type: str
        default: drill
      queue:
        description: For O(clients[].kind=amqp), the queue. It must be empty or not there, and is removed afterwards.
        type: str
        default: tandem-drill
      queue_type:
        description: For O(clients[].kind=amqp), of what type the queue is.
        type: str
        choices: [classic, quorum]
        default: classic
      path:
        description: For O(clients[].kind=http), what is fetched.
        type: str
        default: /health
      tls:
        description: Whether to speak TLS. The address has to be in the service's certificate.
        type: bool
        default: false
      ca:
        description: With O(clients[].tls), the file on this host with who may have signed. Default those whom the host trusts.
        type: path
  members:
    description: The controllers, as a map from a name to the address at which its own services answer.
    type: dict
    default: {}
  pause:
    description: Seconds between an answer and the next request of a client.
    type: float
    default: 0.01
  deadline:
    description: After how many seconds to give up.
    type: int
    default: 300
  accounts:
    description: For O(phase=audit), what O(phase=run) returned as RV(accounts).
    type: dict
    default: {}
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.platform
attributes:
  check_mode:
    support: partial
    details: In check mode it does nothing and says so.
  diff_mode:
    support: none
    details: What is written is removed again.
  idempotent:
    support: none
    details: Every run writes.
"""

EXAMPLES = r"""
- name: Write for a minute at most
  tandem.ha.ha_load:
    phase: run
    name: evening
    clients:
      - {name: database, kind: sql, address: 192.0.2.10, password: "{{ vault_drill_password }}"}
    deadline: 60
  register: load

- name: Look whether it is there
  tandem.ha.ha_load:
    phase: audit
    name: evening
    clients:
      - {name: database, kind: sql, address: 192.0.2.10, password: "{{ vault_drill_password }}"}
    members: {c1: 192.0.2.11, c2: 192.0.2.12}
    accounts: "{{ load.accounts }}"
"""

RETURN = r"""
accounts:
  description: >-
    For each client how much was C(attempted) and C(acknowledged), which numbers nobody acknowledged (C(unsure)), when nothing was
    acknowledged for half a second or longer (C(gaps)), the C(longest) time between two acknowledgements, which C(servers) did it, and
    what C(errors) were told how often. A client of Redis has a second account, C(NAME+wait), of what a replica had too.
  returned: when O(phase=run)
  type: dict
primaries:
  description: When more than one member said at the same time that it is the primary, and which. Only with a client of Redis.
  returned: when O(phase=run)
  type: list
  elements: dict
audit:
  description: >-
    For each account and each place how many requests were C(found), and which acknowledged ones were C(lost). A place that could not
    be asked has an C(error) instead.
  returned: when O(phase=audit)
  type: dict
apart:
  description: The clients of which two places took what the other has not, so both were written to at once.
  returned: when O(phase=audit)
  type: list
  elements: str
"""

import contextlib
import importlib
import os
import re
import threading
import time
import traceback
from typing import Any, Callable, Dict, List, Set, Union

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.tandem.ha.plugins.module_utils._clients import KINDS, Client, Redis, Refused
from ansible_collections.tandem.ha.plugins.module_utils._ledger import Ledger, apart, judged

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
SETBACK = 0.05  # seconds after which a client that was refused asks again
WAITED = "+wait"  # what the account of a second copy is called beside the first
CLIENT = {
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": ["sql", "redis", "amqp", "http"], "required": True},
    "address": {"type": "str"},
    "port": {"type": "int"},
    "user": {"type": "str", "default": "drill"},
    "password": {"type": "str", "no_log": True},
    "database": {"type": "str", "default": "drill"},
    "vhost": {"type": "str", "default": "drill"},
    "queue": {"type": "str", "default": "tandem-drill"},
    "queue_type": {"type": "str", "choices": ["classic", "quorum"], "default": "classic"},
    "path": {"type": "str", "default": "/health"},
    "tls": {"type": "bool", "default": False},
    "ca": {"type": "path"},
}  # type: Dict[str, Any]
ARGUMENTS = {
    "phase": {"type": "str", "choices": ["run", "audit", "stop"], "required": True},
    "name": {"type": "str", "required": True},
    "clients": {"type": "list", "elements": "dict", "default": [], "options": CLIENT},
    "members": {"type": "dict", "default": {}},
    "pause": {"type": "float", "default": 0.01},
    "deadline": {"type": "int", "default": 300},
    "accounts": {"type": "dict", "default": {}},
}  # type: Dict[str, Any]


class Worker(threading.Thread):
    """One client at work. It ends by itself: each of its waits has an end."""

    def __init__(self, client: Client, ended: threading.Event, pause: float) -> None:
        super(Worker, self).__init__(name=str(client.what["name"]), daemon=True)
        self.ledgers = {self.name: Ledger()}
        if isinstance(client, Redis):
            self.ledgers[self.name + WAITED] = Ledger()
        self._client = client
        self._ended = ended
        self._pause = pause

    def run(self) -> None:
        while not self._ended.wait(self._once()):
            pass

    def _once(self) -> float:
        first, *others = self.ledgers.values()
        try:
            server, copied = self._client.write(first.attempted + 1)
        except Refused as refused:
            self._client.close()
            for ledger in self.ledgers.values():
                ledger.failed(str(refused))
            return max(self._pause, SETBACK)
        now = time.time()
        first.acknowledged(now, server)
        for ledger in others:
            if copied:
                ledger.acknowledged(now)
            else:
                ledger.failed("no replica had it")
        return self._pause


class Lookout(threading.Thread):
    """Asks all members of a Redis again and again who is the primary, and notes when more than one says yes."""

    def __init__(self, client: Redis, ended: threading.Event) -> None:
        super(Lookout, self).__init__(daemon=True)
        self.seen = []  # type: List[Dict[str, Any]]
        self._client = client
        self._ended = ended

    def run(self) -> None:
        while not self._ended.wait(0.3):
            masters = self._client.masters()
            if len(masters) > 1:
                self.seen.append({"at": time.time(), "members": masters})


def run_phase(module: AnsibleModule) -> Dict[str, Any]:
    clients = _clients(module)
    stop, ended = _stop_file(module), threading.Event()
    _remove(stop)
    for client in clients:
        try:
            client.prepare()
        except Refused as refused:
            module.fail_json(msg="the client %s could not begin: %s" % (client.what["name"], refused))
    workers = [Worker(client, ended, module.params["pause"]) for client in clients]
    lookouts = [Lookout(client, ended) for client in clients if isinstance(client, Redis)]
    until = time.monotonic() + module.params["deadline"]
    for thread in workers + lookouts:
        thread.start()
    while time.monotonic() < until and not os.path.exists(stop) and all(worker.is_alive() for worker in workers):
        time.sleep(0.1)
    now = time.time()
    broken = [worker.name for worker in workers if not worker.is_alive()]
    ended.set()
    for thread in workers + lookouts:
        thread.join(30)
    _remove(stop)
    if broken:
        module.fail_json(msg="%s ended of itself, by an error that is in stderr" % ", ".join(broken))
    return {
        "accounts": {name: ledger.close(now) for worker in workers for name, ledger in worker.ledgers.items()},
        "primaries": [seen for lookout in lookouts for seen in lookout.seen],
    }


def audit_phase(module: AnsibleModule) -> Dict[str, Any]:
    told, different = {}, []  # type: Dict[str, Any], List[str]
    until = time.monotonic() + module.params["deadline"]
    for client in _clients(module):
        name = client.what["name"]
        places = {place: _patient(look, until) for place, look in client.found().items()}
        for account in (name, name + WAITED):
            if account in module.params["accounts"] and places:
                told[account] = judged(module.params["accounts"][account], places)
        if apart(places):
            different.append(name)
        # Evidence stays where it is.
        if places and all(found["lost"] == [] for found in told.get(name, {}).values()):
            with contextlib.suppress(Refused):
                client.forget()
    return {"audit": told, "apart": different}


def _patient(look: Callable[[], Set[int]], until: float) -> Union[Set[int], str]:
    """Who does not answer is asked again until the deadline; then it is told why."""
    while True:
        try:
            return look()
        except Refused as refused:
            if time.monotonic() > until:
                return str(refused)
            time.sleep(0.5)


def stop_phase(module: AnsibleModule) -> Dict[str, Any]:
    with open(_stop_file(module), "w"):
        return {}


def _clients(module: AnsibleModule) -> List[Client]:
    members = {name: str(address) for name, address in module.params["members"].items()}
    found, names = [], set()  # type: List[Client], Set[str]
    for what in module.params["clients"]:
        kind = KINDS[what["kind"]]
        for key in ("name", "database"):
            if not NAME.match(what[key]):
                module.fail_json(
                    msg="clients: %s: %r is no name: use letters, digits, '_', '.' and '-', at most 64"
                    % (key, what[key])
                )
        if what["name"] in names:
            module.fail_json(
                msg="clients: %s: there are two of that name; the report could not tell them apart" % what["name"]
            )
        if what["kind"] != "amqp" and not what["address"]:
            module.fail_json(msg="clients: %s: address is missing: where does it go to?" % what["name"])
        if what["kind"] == "amqp" and not members:
            module.fail_json(msg="clients: %s: members is empty: it goes to one of them" % what["name"])
        names.add(what["name"])
        if kind.package:
            _need(module, kind.package, kind.distribution)
        found.append(kind(what, members, module.params["name"]))
    return found


def _need(module: AnsibleModule, package: str, distribution: str) -> None:
    try:
        importlib.import_module(package)
    except ImportError:
        module.fail_json(
            msg=missing_required_lib("%s (Debian and Ubuntu: %s)" % (package, distribution)),
            exception=traceback.format_exc(),
        )


def _stop_file(module: AnsibleModule) -> str:
    return "/run/tandem-load-%s.stop" % os.path.basename(module.params["name"])


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


PHASES = {"run": run_phase, "audit": audit_phase, "stop": stop_phase}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=False, skipped=True, msg="nothing is written in check mode")
    if not NAME.match(module.params["name"]):
        module.fail_json(
            msg="name: %r is no name: use letters, digits, '_', '.' and '-', at most 64" % module.params["name"]
        )
    module.exit_json(changed=module.params["phase"] == "run", **PHASES[module.params["phase"]](module))


if __name__ == "__main__":
    main()
