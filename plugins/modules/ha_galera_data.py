#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_galera_data
short_description: Look at a member's database directory, and make it where there is none
version_added: 1.0.0
description:
  - Says what a directory holds before a cluster lays hands on it. A member that joins a cluster gives up what it had, so this is the
    last moment to notice that it was something else.
  - Makes a new database in an empty directory, with O(accounts) in it, by the image's own programs. A directory that is not empty is never
    written to.
  - Killed half way, it begins anew; it knows what it left by a file that it put into the empty directory first.
options:
  phase:
    description: V(look) only looks. V(make) makes a new database where the directory is empty.
    type: str
    choices: [look, make]
    required: true
  datadir:
    description: The directory on the host.
    type: path
    default: /var/lib/mysql
  image:
    description: The image with MariaDB in it. Needed for O(phase=make).
    type: str
  engine:
    description: The container engine.
    type: str
    choices: [podman, docker]
    default: podman
  uid:
    description: The number of the user C(mysql) in the image, who owns the directory.
    type: int
    default: 42434
  accounts:
    description: Accounts of the new database, as O(tandem.ha.ha_galera_accounts#module:accounts).
    default: []
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._galera
  - tandem.ha._attributes
  - tandem.ha._attributes.platform
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: What was found is returned.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Look before anything is touched
  tandem.ha.ha_galera_data:
    phase: look
  register: data

- name: Make the database
  tandem.ha.ha_galera_data:
    phase: make
    image: localhost/tandem/galera:pcmklatest
    accounts: "{{ galera_accounts }}"
"""

RETURN = r"""
found:
  description: >-
    What was found. V(empty); V(begun), of a run that was cut off; V(new), made here and not yet of a cluster; V(member), of a cluster;
    V(alone), a database of no cluster; V(other), files that are no database.
  returned: success
  type: str
  sample: member
uuid:
  description: The cluster's identity, of a member that was part of one. Else empty.
  returned: success
  type: str
seqno:
  description: How far the member had come, as it wrote down itself; -1 while it runs, and after a crash.
  returned: success
  type: int
"""

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils import _sql

OPTIONS = {
    "phase": {"type": "str", "choices": ["look", "make"], "required": True},
    "datadir": {"type": "path", "default": "/var/lib/mysql"},
    "image": {"type": "str"},
    "engine": {"type": "str", "choices": ["podman", "docker"], "default": "podman"},
    "uid": {"type": "int", "default": 42434},
    "accounts": {"type": "list", "elements": "dict", "options": _sql.ACCOUNT, "default": []},
}
BEGUN = ".tandem-begun"
NEW = ".tandem-new"
NOBODY = "00000000-0000-0000-0000-000000000000"
# A file system of its own brings this along.
HARMLESS = {"lost+found"}


def state_of(text):
    """The cluster's identity and the position, of the text of grastate.dat; nothing known: nobody, -1."""
    pairs = [line.split(":", 1) for line in text.splitlines() if ":" in line]
    values = {name.strip(): value.strip() for name, value in pairs}
    try:
        seqno = int(values.get("seqno", "-1"))
    except ValueError:
        seqno = -1
    return values.get("uuid", NOBODY), seqno


def look(datadir):
    """What the directory holds, as RETURN says it."""
    names = set(os.listdir(datadir)) - HARMLESS if os.path.isdir(datadir) else set()
    uuid, seqno = NOBODY, -1
    if "grastate.dat" in names:
        with open(os.path.join(datadir, "grastate.dat")) as stream:
            uuid, seqno = state_of(stream.read())
    if not names:
        found = "empty"
    elif BEGUN in names:
        found = "begun"
    elif uuid != NOBODY:
        found = "member"
    elif NEW in names:
        found = "new"
    else:
        # While it fetches everything from another, a member of ours has a position but no identity yet.
        found = ("new" if "grastate.dat" in names else "alone") if "mysql" in names else "other"
    return {"found": found, "uuid": "" if uuid == NOBODY else uuid, "seqno": seqno}


def write(path, uid):
    with open(path, "w"):
        pass
    os.chown(path, uid, uid)


def clear(datadir):
    """Remove what a run that was cut off had made, its mark last."""
    for name in sorted(set(os.listdir(datadir)) - HARMLESS, key=lambda name: name == BEGUN):
        path = os.path.join(datadir, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def make(module):
    params = module.params
    datadir, uid = params["datadir"], params["uid"]
    if not os.path.isdir(datadir):
        os.makedirs(datadir, 0o700)
    clear(datadir)
    write(os.path.join(datadir, BEGUN), uid)
    os.chown(datadir, uid, uid)
    os.chmod(datadir, 0o700)
    run(module, ["mariadb-install-db", "--no-defaults", "--datadir=/var/lib/mysql", "--skip-test-db"])
    server = ["mariadbd", "--no-defaults", "--datadir=/var/lib/mysql", "--bootstrap", "--wsrep-on=OFF"]
    run(module, server, _sql.first(params["accounts"]))
    write(os.path.join(datadir, NEW), uid)
    os.unlink(os.path.join(datadir, BEGUN))


def run(module, command, text=""):
    """Run one of the image's programs on the directory, without a network, as the user who owns it."""
    params = module.params
    argv = [module.get_bin_path(params["engine"], True), "run", "--rm", "--interactive", "--network=none"]
    argv += ["--user=%d:%d" % (params["uid"], params["uid"]), "--volume=%s:/var/lib/mysql:z" % params["datadir"]]
    rc, out, err = module.run_command(argv + [params["image"]] + command, data=text)
    if rc != 0:
        # What was read may stand in what was said, and there are hashes of passwords in it.
        said = [line for line in (out + err).splitlines() if line.strip() and "IDENTIFIED" not in line][-3:]
        module.fail_json(
            msg="%s failed on %s: %s" % (command[0], params["datadir"], " ".join(said) or "exit code %d" % rc)
        )


def main():
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True, required_if=[("phase", "make", ("image",))])
    params = module.params
    try:
        _sql.check(params["accounts"])
        found = look(params["datadir"])
    except (OSError, _sql.Invalid) as error:
        module.fail_json(msg=str(error))
    if params["phase"] == "look":
        module.exit_json(changed=False, **found)
    if found["found"] in ("alone", "other"):
        module.fail_json(
            msg="datadir: %s is not empty, and holds no member of a cluster: nothing was touched" % params["datadir"],
            **found,
        )
    missing = found["found"] in ("empty", "begun")
    if missing and not module.check_mode:
        make(module)
    module.exit_json(changed=missing, **found)


if __name__ == "__main__":
    main()
