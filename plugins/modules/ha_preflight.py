#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_preflight
short_description: Check a site before anything is touched
version_added: 1.0.0
description:
  - Looks at every host and then judges the whole site, so that what cannot work is said before anything is changed,
    and all of it at once.
  - It is called twice. With O(phase=look) it collects from each host what can only be seen there. With O(phase=judge)
    it compares what all hosts said with what the inventory declares. The second call runs on the control node.
  - It works on bare hosts; nothing of the collection needs to be installed there. It changes nothing.
  - The judgement is the same on every host. It is printed in full by the first one; the others fail with a pointer to it.
options:
  phase:
    description:
      - V(look) collects facts on the host and probes the addresses in O(vips) and O(bmcs) from there.
      - V(judge) needs what the first call returned to be registered, on every host, as the variable named by O(look).
    type: str
    choices: [look, judge]
    default: look
  vips:
    description: For O(phase=look), the virtual addresses whose present holder is looked for.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: The address, with or without a prefix length.
        type: str
        required: true
      nic:
        description: The network card from which it is asked for.
        type: str
        required: true
  bmcs:
    description: For O(phase=look), the management controllers that must answer IPMI from this host.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: The address.
        type: str
        required: true
      port:
        description: The UDP port.
        type: int
        default: 623
  ports:
    description: For O(phase=look), the TCP ports of which it is said who listens to them on this host.
    type: list
    elements: int
    default: []
  engine:
    description: For O(phase=look), the container engine that is asked for O(images), and whose containers are told by their names.
    type: str
    choices: [podman, docker]
    default: podman
  images:
    description: For O(phase=look), the container images that are looked for on this host.
    type: list
    elements: str
    default: []
  files:
    description: For O(phase=look), the files that are looked for on this host.
    type: list
    elements: str
    default: []
  directories:
    description: For O(phase=look), the directories of which it is said how much room there is. They need not be there.
    type: list
    elements: str
    default: []
  look:
    description: For O(phase=judge), the name of the variable that holds the result of the first call.
    type: str
    default: preflight_look
  site:
    description:
      - What the inventory declares. O(phase=judge) needs it. Given to O(phase=look), it says what O(vips), O(bmcs), O(ports), O(images),
        O(files) and O(directories) are.
      - The keys are RV(ignore:cluster) (the name), RV(ignore:controllers) (a list of V(host), V(node), V(links)),
        RV(ignore:witness) (V(host), V(address), or nothing), RV(ignore:vips), RV(ignore:fencing) (V(enabled), V(devices)),
        RV(ignore:documents) (as C(site_documents) of P(tandem.ha.documents#role)),
        RV(ignore:services) (what each service in a bundle needs of a controller, as V(service), V(bundle), V(engine), V(image), V(ports),
        V(room), V(check_user), V(check_users)), RV(ignore:images) (as C(image_images) of P(tandem.ha.image#role)),
        and RV(ignore:password_length) (of the user C(hacluster); the password itself is not passed).
    type: dict
    default: {}
  skip:
    description: For O(phase=judge), codes of faults that are accepted, such as V(host.release) during an upgrade. They are listed as notes.
    type: list
    elements: str
    default: []
  max_skew:
    description: For O(phase=judge), by how many seconds the clocks of two hosts may differ.
    type: float
    default: 2
author:
  - The Tandem contributors (@tandem)
notes:
  - Needs root on the host to ask for the holder of a virtual address.
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.platform
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed, so there is nothing to show.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Look at every host
  tandem.ha.ha_preflight:
    site: "{{ preflight_site }}"
  register: preflight_look
  vars: &site
    preflight_site:
      cluster: lab
      controllers:
        - {host: c1, node: c1, links: [10.42.0.11]}
        - {host: c2, node: c2, links: [10.42.0.12]}
      vips:
        - {name: vip, address: 10.42.0.100/24, nic: eth0}
      fencing: {enabled: false, devices: []}
      password_length: 24

- name: Judge the site
  tandem.ha.ha_preflight:
    phase: judge
    site: "{{ preflight_site }}"
  vars: *site
"""

RETURN = r"""
look:
  description: What was found on the host.
  returned: when O(phase=look)
  type: dict
  sample:
    python: [3, 11, 2]
    os: {id: debian, version: "12"}
    clock: {began: 1793000000.1, ended: 1793000000.4}
    nics: {eth0: {mac: "02:00:0a:2a:00:0b", addresses: [10.42.0.11/24]}}
    cluster: {name: lab, nodes: [{name: c1, links: [10.42.0.11]}]}
    vips: [{address: 10.42.0.100, held: true, macs: []}]
    bmcs: [{address: 10.42.0.111, port: 623, answers: true}]
    listeners: [{address: 10.42.0.11, port: 3306, process: mariadbd, container: galera-bundle-podman-0}]
    images: [localhost/tandem/galera:pcmklatest]
    files: []
    room: [{path: /var/lib/mysql, free: 21474836480, empty: false}]
faults:
  description: Everything that is wrong, on the host that tells it. The task fails everywhere when there is anything.
  returned: when O(phase=judge)
  type: list
  elements: dict
  contains:
    code: {description: A word for programs., type: str, returned: always}
    hosts: {description: The hosts it concerns., type: list, elements: str, returned: always}
    message: {description: What is wrong and what to do about it., type: str, returned: always}
notes:
  description: What could not be checked, and hosts that are left alone because they did not answer.
  returned: when O(phase=judge)
  type: list
  elements: str
absent:
  description: Controllers of the site that are not part of this run, because they did not answer or were not asked.
  returned: when O(phase=judge)
  type: list
  elements: str
"""

import json
import os
import platform
import re
import sys
import threading
import time
from typing import Any, Dict, List, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils import _bound
from ansible_collections.tandem.ha.plugins.module_utils._reach import IPMI_PORT, arp_answers, ipmi_answers

COROSYNC_CONF = "/etc/corosync/corosync.conf"
ARGUMENTS = {
    "phase": {"type": "str", "choices": ["look", "judge"], "default": "look"},
    "vips": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"address": {"type": "str", "required": True}, "nic": {"type": "str", "required": True}},
    },
    "bmcs": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"address": {"type": "str", "required": True}, "port": {"type": "int", "default": IPMI_PORT}},
    },
    "ports": {"type": "list", "elements": "int", "default": []},
    "engine": {"type": "str", "choices": ["podman", "docker"], "default": "podman"},
    "images": {"type": "list", "elements": "str", "default": []},
    "files": {"type": "list", "elements": "str", "default": []},
    "directories": {"type": "list", "elements": "str", "default": []},
    "look": {"type": "str", "default": "preflight_look"},
    "site": {"type": "dict", "default": {}},
    "skip": {"type": "list", "elements": "str", "default": []},
    "max_skew": {"type": "float", "default": 2},
}  # type: Dict[str, Any]


def nics(listing: str) -> Dict[str, Dict[str, Any]]:
    """Network cards with their MAC and addresses (with prefix length), from the output of `ip -json address`."""
    found = {}
    for link in json.loads(listing or "[]"):
        if not link.get("ifname"):
            continue  # iproute2 prints empty objects for what a filter left out
        addresses = [
            "%s/%s" % (item["local"], item["prefixlen"]) for item in link.get("addr_info", []) if "local" in item
        ]
        found[link["ifname"]] = {
            "mac": link.get("address"),
            "addresses": addresses,
            "up": link.get("operstate") != "DOWN",
        }
    return found


def corosync_cluster(text: str) -> Dict[str, Any]:
    """The name and the nodes that a corosync.conf declares."""
    name, nodes, path = None, [], []  # type: Optional[str], List[Dict[str, Any]], List[str]
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#"):
            continue
        if line.endswith("{"):
            path.append(line[:-1].strip())
            if path == ["nodelist", "node"]:
                nodes.append({"name": None, "links": []})
        elif line == "}":
            path = path[:-1]
        elif ":" in line:
            key, value = (word.strip() for word in line.split(":", 1))
            if path == ["totem"] and key == "cluster_name":
                name = value
            elif path == ["nodelist", "node"] and key == "name":
                nodes[-1]["name"] = value
            elif path == ["nodelist", "node"] and re.match(r"ring\d+_addr$", key):
                nodes[-1]["links"].append(value)
    return {"name": name, "nodes": nodes}


def os_release(text: str) -> Dict[str, str]:
    """Distribution and version from os-release; a rolling release has no version."""
    words = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {"id": words.get("ID", "").strip("\"'"), "version": words.get("VERSION_ID", "").strip("\"'")}


def _read(path: str) -> Optional[str]:
    try:
        with open(path) as stream:
            return stream.read()
    except (IOError, OSError, ValueError):
        return None


def _cluster() -> Optional[Dict[str, Any]]:
    text = _read(COROSYNC_CONF)
    return corosync_cluster(text) if text is not None else None


def _vip(address: str, nic: str, cards: Dict[str, Dict[str, Any]]) -> Dict[str, Any]:
    """Who has this address now: this host, or the cards that answered for it."""
    held = any(item.split("/")[0] == address for card in cards.values() for item in card["addresses"])
    found = {"address": address, "nic": nic, "held": held, "macs": [], "fault": None}  # type: Dict[str, Any]
    if ":" in address:
        found["fault"] = "IPv6 addresses are not asked for"
    elif not held and nic in cards:
        try:
            found["macs"] = arp_answers(address, nic)
        except OSError as fault:
            found["fault"] = str(fault)
    return found


def _bmc(address: str, port: int) -> Dict[str, Any]:
    try:
        return {"address": address, "port": port, "answers": ipmi_answers(address, port), "fault": None}
    except OSError as fault:  # no route, no such name
        return {"address": address, "port": port, "answers": False, "fault": str(fault)}


def _together(jobs: List[Tuple[Any, ...]]) -> List[Dict[str, Any]]:
    """The results of all jobs (a function and its arguments), run at once: each may wait seconds for an answer."""
    results = [{}] * len(jobs)  # type: List[Dict[str, Any]]

    def work(index: int) -> None:
        results[index] = jobs[index][0](*jobs[index][1:])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class Engine(object):
    """The host's container engine, which may not be there yet."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.path = module.get_bin_path(module.params["engine"])

    def images(self, names: List[str]) -> Optional[List[str]]:
        """Those of `names` that the host has; None without an engine."""
        if not self.path:
            return None
        return [name for name in names if self._run("image", "inspect", name)[0] == 0]

    def containers(self) -> Dict[str, str]:
        """Process numbers and names of the containers that run."""
        ids = self._run("ps", "--quiet")[1].split() if self.path else []
        if not ids:
            return {}
        return _bound.container_names(self._run("inspect", "--format", "{{.State.Pid}} {{.Name}}", *ids)[1])

    def _run(self, *words: str) -> Tuple[int, str]:
        rc, out, _err = self.module.run_command([self.path] + list(words))
        return rc, out


def look(module: AnsibleModule) -> Dict[str, Any]:
    """Everything the judgement needs of this host."""
    began = time.time()
    tool = module.get_bin_path("ip", opt_dirs=["/sbin", "/usr/sbin"])
    listing = module.run_command([tool, "-json", "address", "show"])[1] if tool else ""
    cards = nics(listing)
    vips = [(_vip, vip["address"].split("/")[0], vip["nic"], cards) for vip in module.params["vips"]]
    bmcs = [(_bmc, bmc["address"], bmc["port"]) for bmc in module.params["bmcs"]]
    found = _together(list(vips) + list(bmcs))
    engine, ports = Engine(module), module.params["ports"]
    return {
        "python": list(sys.version_info[:3]),
        "os": os_release(_read("/etc/os-release") or ""),
        "hostname": platform.node(),
        "root": os.geteuid() == 0,
        "nics": cards,
        "cluster": _cluster(),
        "vips": found[: len(vips)],
        "bmcs": found[len(vips) :],
        "listeners": _bound.listeners(ports, engine.containers()) if ports else [],
        "images": engine.images(module.params["images"]),
        "files": [path for path in module.params["files"] if os.path.isfile(path)],
        "room": [_bound.room(path) for path in module.params["directories"]],
        "clock": {"began": began, "ended": time.time()},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if module.params["phase"] == "judge":
        module.fail_json(msg="the judgement is made on the control node; call this module as tandem.ha.ha_preflight")
    module.exit_json(changed=False, look=look(module))


if __name__ == "__main__":
    main()
