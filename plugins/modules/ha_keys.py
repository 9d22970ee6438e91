#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_keys
short_description: Have a cluster's keys at hand for new members, without showing them
version_added: 1.0.0
description:
  - Takes the keys of Corosync and Pacemaker from the members that have them, by file transfer, into a private directory of this run
    on the control node, which is removed when the run ends. M(tandem.ha.ha_cluster) then gives them to the members that have none,
    and makes new ones when nobody has any.
  - Run it on all members, before M(tandem.ha.ha_cluster), when a member has no keys. Where all have theirs it is not needed, and
    does no harm.
  - The other members' C(corosync.conf) comes with them, so that a new member starts with the same one.
  - Changes nothing on the hosts. The keys are never part of an option, a result, or the output of a module.
options:
  name:
    description: The cluster's name. Keys of another cluster are not touched.
    type: str
    required: true
  dest:
    description:
      - A directory on the host for copies that only its owner can read.
      - Not for playbooks. The control node's half of this module sets it, fetches the copies and removes them.
    type: path
seealso:
  - module: tandem.ha.ha_cluster
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
    details: Nothing is fetched; M(tandem.ha.ha_cluster) needs no keys in check mode.
  diff_mode:
    support: none
    details: Nothing is changed, so there is nothing to show.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Have the cluster's keys at hand
  tandem.ha.ha_keys:
    name: lab
"""

RETURN = r"""
held:
  description: Which keys of the cluster this host has.
  returned: always
  type: list
  elements: str
  sample: [corosync, pacemaker]
code:
  description: What kind of failure it is, for programs. C(docs/protocol.md) lists them.
  returned: failure
  type: str
  sample: agent.missing
details:
  description: All that the agent says about a failure.
  returned: failure
  type: dict
"""

import os
import re

from ansible_collections.tandem.ha.plugins.module_utils._module import AGENT_OPTIONS, ask, create

OPTIONS = {
    "name": {"type": "str", "required": True},
    "dest": {"type": "path"},
}
CONF = "/etc/corosync/corosync.conf"


def held(info, name):
    """The names of the keys that this host has for the cluster `name`."""
    cluster = (info or {}).get("cluster") or {}
    if cluster.get("name") != name or info.get("pristine"):
        return []
    return sorted(key for key, there in info["keys"].items() if there)


def copy(source, dest):
    """Copy a file into the directory `dest`, readable by the directory's owner only. Never over anything that is there."""
    owner = os.stat(dest)
    target = os.path.join(dest, source.strip("/").replace("/", "-"))
    with open(source, "rb") as file:
        data = file.read()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o400)
    with os.fdopen(descriptor, "wb") as file:
        os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(data)
    return target


def main():
    module = create(dict(OPTIONS, **AGENT_OPTIONS))
    keys = held(ask(module, "cluster.info"), module.params["name"])
    result = {"changed": False, "held": keys}
    dest = module.params["dest"]
    if dest and not module.check_mode:
        try:
            result["copies"] = {key: copy("/etc/%s/authkey" % key, dest) for key in keys}
            if keys and shareable(CONF):
                result["copies"]["conf"] = copy(CONF, dest)
        except OSError as error:
            module.fail_json(msg="the cluster's files cannot be copied to %s: %s" % (dest, error), code="keys.copy")
    module.exit_json(**result)


def shareable(path):
    """Whether a corosync.conf holds no secret: an old one may carry the key itself (`totem.key`)."""
    with open(path, "rb") as file:
        return not re.search(rb"^\s*key\s*:", file.read(), re.MULTILINE)


if __name__ == "__main__":
    main()
