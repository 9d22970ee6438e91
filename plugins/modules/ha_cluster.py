#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_cluster
short_description: Form a Corosync and Pacemaker cluster, change it, add and remove members
version_added: 1.0.0
description:
  - Makes the host it runs on a member of a cluster, as declared, by the host's Tandem agent. Run it on every member.
  - The members are an explicit list, never the hosts that Ansible could reach. A member leaves only when O(remove_nodes) names it.
  - A host of another cluster is refused, and the cluster is named. Only the empty one-node cluster that the packages of Debian and
    Ubuntu start by themselves is replaced.
  - What Corosync can change while it runs is changed by a reload. What needs a restart is refused, and named, unless O(restart)
    allows it.
  - What the collection does not know in C(corosync.conf) (options, sections, comments) stays as it is.
  - A call that was cut off is finished by the same call.
  - It does not need C(pcs), and leaves C(pcs) fully usable when O(hacluster_password) is given.
options:
  name:
    description: The cluster's name.
    type: str
    required: true
  state:
    description:
      - V(started) configures this host and starts it.
      - V(present) configures it and applies changes to what runs, but starts and stops nothing.
      - V(stopped) configures it and stops it.
      - V(absent) stops it and removes the cluster's configuration, keys, certificates and CIB from this host, if they are
        of the cluster O(name). Tell the members that stay by O(remove_nodes).
    type: str
    choices: [present, started, stopped, absent]
    default: started
  nodes:
    description:
      - Every member, reachable or not. Required unless O(state=absent).
      - The order counts only for members without an O(nodes[].id).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The node's name, which is its host name.
        type: str
        required: true
        aliases: [node]
      id:
        description:
          - The node's number. A member keeps its own for ever.
          - Left out, a member keeps the one it has, and a new one gets the lowest free one.
        type: int
      links:
        description: The node's address on each link, up to eight, the same number on every member.
        type: list
        elements: str
        required: true
      host:
        description: The node's name in the inventory, if it is another one. By it the members that this run could not reach are known.
        type: str
  remove_nodes:
    description:
      - Names of nodes that leave. They must be stopped, or dead; a node that is online is refused.
      - Pacemaker forgets them as well. Names of nodes that are gone already do no harm.
      - A node that left earlier, and that Pacemaker still knows or has written down again, is forgotten without being named.
        Nodes that run Pacemaker Remote are left alone.
    type: list
    elements: str
    default: []
  unreached:
    description:
      - Members that cannot be reached in this run. While there are any, nothing is changed that all members must share.
      - Left out, these are the members that are in the inventory, but not among the hosts of the play that still answer.
    type: list
    elements: str
  transport:
    description:
      - What carries the traffic. Only V(knet) encrypts and knows several links.
      - Changed only while no member runs.
    type: str
    choices: [knet, udpu, udp]
    default: knet
  crypto:
    description: Encryption of the traffic between the members.
    type: dict
    suboptions:
      cipher:
        description: The cipher. V(aes256) unless the transport cannot encrypt.
        type: str
        choices: [aes256, aes192, aes128, none]
      hash:
        description: The hash that authenticates the traffic. V(sha256) unless the transport cannot.
        type: str
        choices: [sha256, sha384, sha512, sha1, md5, none]
      model:
        description: The library. Left out, it stays as it is.
        type: str
        choices: [nss, openssl, gcrypt]
  timing:
    description:
      - A named set of timeouts. It decides how fast a dead member is noticed, and how patient the cluster is.
      - V(default) takes 3 seconds for the token, V(fast) 1.5 seconds, for hosts that are never held up, V(cloud) 10 seconds, for
        virtual machines that their platform freezes at times.
      - Corosync makes C(consensus) of it, 1.2 times the token, but with V(fast) a pair has 0.4 times the token, which corosync.conf(5)
        calls safe for two. The module makes the timeout of the quorum device of both.
      - What O(totem) and O(qdevice) say goes before the profile. Left out, timeouts stay as they are.
    type: str
    choices: [default, fast, cloud]
  totem:
    description:
      - Options of C(totem) in C(corosync.conf), by their names there, such as C(token), C(join) or C(link_mode).
      - A map that is given, also an empty one, is what the file has afterwards, of the options the collection knows. Left out,
        they stay as they are.
    type: dict
  links:
    description:
      - Options of single links.
      - A list that is given, also an empty one, is what the file has afterwards. Left out, links keep their options.
    type: list
    elements: dict
    suboptions:
      number:
        description: The link, counted from 0 as in O(nodes[].links).
        type: int
        required: true
      knet_link_priority:
        description: Its priority, the highest is used first.
        type: int
      knet_ping_interval:
        description: Milliseconds between two pings.
        type: int
      knet_ping_timeout:
        description: Milliseconds without an answer after which the link is dead.
        type: int
      knet_ping_precision:
        description: How many values make the mean of the latency.
        type: int
      knet_pong_count:
        description: Answers until the link is up again.
        type: int
      knet_transport:
        description: What carries the link.
        type: str
        choices: [udp, sctp]
      mcastport:
        description: The UDP port. Changed only while no member runs.
        type: int
  quorum:
    description:
      - Options of C(quorum), by their names in votequorum(5), such as C(wait_for_all) or C(auto_tie_breaker). Most of them need a
        restart.
      - A map that is given, also an empty one, is what the file has afterwards. Left out, they stay as they are.
      - C(two_node) is set for a pair without a quorum device and removed otherwise, unless it is given here.
    type: dict
  qdevice:
    description:
      - The quorum device, by which a witness host decides for a pair. An empty map means that there is none. Left out, it stays as
        it is.
      - The client needs certificates, which the role P(tandem.ha.cluster#role) makes.
    type: dict
    suboptions:
      host:
        description: Address of the witness, where corosync-qnetd runs. Required for a device.
        type: str
      algorithm:
        description: How the witness decides, V(ffsplit) unless given.
        type: str
        choices: [ffsplit, lms]
      tls:
        description: Whether the client encrypts. Corosync's default is V(on), without it if the witness cannot.
        type: str
        choices: ["on", "off", required]
      port:
        description: The witness's TCP port.
        type: int
      tie_breaker:
        description: Who wins a tie, V(lowest), V(highest) or a node id.
        type: str
      timeout:
        description: Milliseconds, at least 1250. Left out, O(timing) sets it so that the witness never decides too late.
        type: int
      sync_timeout:
        description: Milliseconds. Left out, three times the timeout.
        type: int
      votes:
        description: The device's votes. Left out, what the algorithm needs.
        type: int
      connect_timeout:
        description: Milliseconds to connect to the witness.
        type: int
      force_ip_version:
        description: Force IPv4 or IPv6.
        type: str
        choices: ["0", "4", "6"]
      keep_active_partition_tie_breaker:
        description: Whether a tie is won by the partition that was active.
        type: str
        choices: ["on", "off"]
      heuristics:
        description: The heuristics, such as C(mode) and C(exec_NAME). See corosync-qdevice(8).
        type: dict
  fencing:
    description: What the prediction in RV(timing) assumes about the fence devices. Changes nothing.
    type: dict
    suboptions:
      power_wait:
        description: Seconds a device waits after each switch of the power.
        type: float
        default: 2.0
      delay:
        description: Seconds by which the fencing of the node that is to win is delayed.
        type: float
        default: 0.0
      action:
        description: What fencing does.
        type: str
        choices: [reboot, "off"]
        default: reboot
  restart:
    description:
      - V(never) refuses changes that need a restart of Corosync, and names them.
      - V(rolling) restarts Corosync and Pacemaker on this host for them, if all other members are online. Resources move away for
        that time. Let the task run on one host after the other (C(throttle=1)).
    type: str
    choices: [never, rolling]
    default: never
  activate:
    description:
      - V(false) writes the files only.
      - Run the task with V(false) on all members first, and then with V(true), so that all have the new configuration before the
        first of them reloads. A reload reaches all members at once.
    type: bool
    default: true
  enabled:
    description: Whether the services start at boot.
    type: bool
    default: true
  hacluster_password:
    description:
      - Password of the user hacluster, the same on all members. Given, C(pcs) on this host is logged in at all members.
      - It is only used where that is not done yet, and checked before anything is changed.
    type: str
  wait:
    description:
      - How many seconds to wait until this host is a member with quorum, and Pacemaker is at work on it.
      - Quorum is not waited for while members are unreachable.
    type: int
    default: 60
  keys:
    description:
      - The keys of Corosync and Pacemaker, in base64. Only used where the host has none for this cluster.
      - Not for playbooks. Run M(tandem.ha.ha_keys) before, then the keys are made, or taken from a member, without being shown.
    type: dict
    suboptions:
      corosync:
        description: The content of C(/etc/corosync/authkey).
        type: str
      pacemaker:
        description: The content of C(/etc/pacemaker/authkey).
        type: str
  base:
    description:
      - Another member's C(corosync.conf), from which a new member starts.
      - Not for playbooks. M(tandem.ha.ha_keys) brings it.
    type: str
seealso:
  - module: tandem.ha.ha_keys
  - module: tandem.ha.ha_info
  - module: tandem.ha.ha_config
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.action_group
  - tandem.ha._attributes.platform
  - tandem.ha._agent
attributes:
  check_mode:
    support: full
    details:
      - Says exactly what would be done. Needs no keys and no certificates.
      - On a host without an agent it can only say that something will change, with a warning.
  diff_mode:
    support: full
    details: C(corosync.conf) before and after. Of a key only that it is new.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Have the cluster's keys at hand, where a member lacks them
  tandem.ha.ha_keys:
    name: lab

- name: Write the configuration on all members
  tandem.ha.ha_cluster:
    name: lab
    timing: fast
    nodes:
      - {name: c1, links: [10.42.0.11, 10.42.1.11]}
      - {name: c2, links: [10.42.0.12, 10.42.1.12]}
    qdevice: {host: 10.42.0.21}
    activate: false

- name: Start it, or reload what changed
  tandem.ha.ha_cluster:
    name: lab
    timing: fast
    nodes:
      - {name: c1, links: [10.42.0.11, 10.42.1.11]}
      - {name: c2, links: [10.42.0.12, 10.42.1.12]}
    qdevice: {host: 10.42.0.21}
  register: cluster

- name: How long a failover takes at worst
  ansible.builtin.debug:
    var: cluster.timing.total_max

- name: Another token timeout, applied while the cluster runs
  tandem.ha.ha_cluster:
    name: lab
    totem: {token: 4000}
    nodes:
      - {name: c1, links: [10.42.0.11, 10.42.1.11]}
      - {name: c2, links: [10.42.0.12, 10.42.1.12]}

- name: The third member is gone for good
  tandem.ha.ha_cluster:
    name: lab
    nodes:
      - {name: c1, links: [10.42.0.11, 10.42.1.11]}
      - {name: c2, links: [10.42.0.12, 10.42.1.12]}
    remove_nodes: [c3]

- name: This host leaves
  tandem.ha.ha_cluster:
    name: lab
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be, in order. Empty when nothing changes.
  returned: when the agent was asked
  type: list
  elements: str
  sample: [write /etc/corosync/corosync.conf, "reload Corosync: totem.token"]
plan:
  description: The same for programs. Each has RV(ignore:action), RV(ignore:kind), RV(ignore:id) and RV(ignore:summary).
  returned: always
  type: list
  elements: dict
  sample:
    - action: reload
      kind: service
      id: corosync
      summary: "reload Corosync: totem.token"
      before: null
      after: null
not_in_effect:
  description: >-
    Options that the running Corosync had yet to learn when this task began, as RV(ignore:reload) and RV(ignore:restart) by what it
    takes. After O(activate=false) they still are.
  returned: when the agent was asked
  type: dict
  sample: {reload: [totem.token], restart: []}
timing:
  description: >-
    The timeouts in milliseconds, and what they mean for the silent death of an active node, in seconds. RV(ignore:detection_max) until
    the others know and agree, RV(ignore:fencing_max) until it is off, RV(ignore:total_max) until the virtual address answers, at worst.
  returned: when the agent was asked, unless O(state=absent)
  type: dict
  sample:
    profile: fast
    token: 1500
    consensus: 600
    qdevice_timeout: 1750
    detection_min: 2.15
    detection_max: 2.38
    quorum: 0.28
    fencing_min: 1.3
    fencing_max: 2.5
    vip: 0.2
    total_min: 3.63
    total_max: 5.38
code:
  description: What kind of failure it is, for programs. C(docs/protocol.md) lists them.
  returned: failure
  type: str
  sample: cluster.foreign
faults:
  description: Everything that is wrong with the request, each with its RV(ignore:path) and a RV(ignore:message).
  returned: failure, when RV(code=cluster.invalid)
  type: list
  elements: dict
  sample: [{path: cluster.totem.tokn, message: "is not known to corosync.conf(5); did you mean token?"}]
pending:
  description: What was still waited for when the time was over.
  returned: failure, when RV(code=cluster.timeout)
  type: list
  elements: str
  sample: [quorum]
details:
  description: All that the agent says about a failure.
  returned: failure
  type: dict
"""

from typing import Any, Dict

from ansible_collections.tandem.ha.plugins.module_utils._module import AGENT_OPTIONS, change, create, finish

TEXT: Dict[str, Any] = {"type": "str"}
NUMBER: Dict[str, Any] = {"type": "int"}
FREE: Dict[str, Any] = {"type": "dict"}

NODE: Dict[str, Any] = {
    "name": {"type": "str", "required": True, "aliases": ["node"]},
    "id": NUMBER,
    "links": {"type": "list", "elements": "str", "required": True},
    "host": TEXT,
}

CRYPTO: Dict[str, Any] = {
    "cipher": {"type": "str", "choices": ["aes256", "aes192", "aes128", "none"]},
    "hash": {"type": "str", "choices": ["sha256", "sha384", "sha512", "sha1", "md5", "none"]},
    "model": {"type": "str", "choices": ["nss", "openssl", "gcrypt"]},
}

LINK: Dict[str, Any] = {
    "number": {"type": "int", "required": True},
    "knet_link_priority": NUMBER,
    "knet_ping_interval": NUMBER,
    "knet_ping_timeout": NUMBER,
    "knet_ping_precision": NUMBER,
    "knet_pong_count": NUMBER,
    "knet_transport": {"type": "str", "choices": ["udp", "sctp"]},
    "mcastport": NUMBER,
}

QDEVICE: Dict[str, Any] = {
    "host": TEXT,
    "algorithm": {"type": "str", "choices": ["ffsplit", "lms"]},
    "tls": {"type": "str", "choices": ["on", "off", "required"]},
    "port": NUMBER,
    "tie_breaker": TEXT,
    "timeout": NUMBER,
    "sync_timeout": NUMBER,
    "votes": NUMBER,
    "connect_timeout": NUMBER,
    "force_ip_version": {"type": "str", "choices": ["0", "4", "6"]},
    "keep_active_partition_tie_breaker": {"type": "str", "choices": ["on", "off"]},
    "heuristics": FREE,
}

FENCING: Dict[str, Any] = {
    "power_wait": {"type": "float", "default": 2.0},
    "delay": {"type": "float", "default": 0.0},
    "action": {"type": "str", "choices": ["reboot", "off"], "default": "reboot"},
}

KEYS: Dict[str, Any] = {
    "corosync": {"type": "str", "no_log": True},
    "pacemaker": {"type": "str", "no_log": True},
}

OPTIONS: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "started", "stopped", "absent"], "default": "started"},
    "nodes": {"type": "list", "elements": "dict", "options": NODE, "default": []},
    "remove_nodes": {"type": "list", "elements": "str", "default": []},
    "unreached": {"type": "list", "elements": "str"},
    "transport": {"type": "str", "choices": ["knet", "udpu", "udp"], "default": "knet"},
    "crypto": {"type": "dict", "options": CRYPTO},
    "timing": {"type": "str", "choices": ["default", "fast", "cloud"]},
    "totem": FREE,
    "links": {"type": "list", "elements": "dict", "options": LINK},
    "quorum": FREE,
    "qdevice": {"type": "dict", "options": QDEVICE},
    "fencing": {"type": "dict", "options": FENCING},
    "restart": {"type": "str", "choices": ["never", "rolling"], "default": "never"},
    "activate": {"type": "bool", "default": True},
    "enabled": {"type": "bool", "default": True},
    "hacluster_password": {"type": "str", "no_log": True},
    "wait": {"type": "int", "default": 60},
    "keys": {"type": "dict", "options": KEYS, "no_log": False},
    "base": TEXT,
}


def given(options):
    """Without what was not given: for the agent that is left as it is."""
    return {name: value for name, value in options.items() if value is not None}


def to_cluster(params):
    """The `cluster` parameter of docs/protocol.md."""
    cluster = given({name: params[name] for name in ("name", "transport", "timing", "totem", "quorum")})
    cluster["nodes"] = [given({name: node[name] for name in ("name", "id", "links")}) for node in params["nodes"]]
    for name in ("crypto", "fencing"):
        if params[name]:
            cluster[name] = given(params[name])
    if params["links"] is not None:
        cluster["links"] = [given(link) for link in params["links"]]
    if params["qdevice"] is not None:
        cluster["qdevice"] = given(params["qdevice"]) or None
    return cluster


def to_request(params):
    """All parameters of `cluster.apply` but `wait`."""
    request = {
        "state": params["state"],
        "cluster": {"name": params["name"]} if params["state"] == "absent" else to_cluster(params),
        "remove_nodes": params["remove_nodes"],
        "unreached": params["unreached"] or [],
        "activate": params["activate"],
        "enabled": params["enabled"],
        "restart": params["restart"],
        "keys": given(params["keys"] or {}),
    }
    if params["base"] is not None:
        request["base"] = params["base"]
    if params["hacluster_password"]:
        request["pcs"] = {"password": params["hacluster_password"]}
    return request


def main():
    module = create(dict(OPTIONS, **AGENT_OPTIONS))
    outcome = change(module, "cluster.apply", to_request(module.params))
    more = {} if "pending" not in outcome else {"not_in_effect": outcome["pending"]}
    finish(module, {name: outcome[name] for name in outcome if name in KEPT}, **more)


KEPT = ("changed", "plan", "diff", "actions", "timing", "warnings")

if __name__ == "__main__":
    main()
