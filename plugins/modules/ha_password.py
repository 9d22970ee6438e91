#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_password
short_description: Give a user of the host a password, only if it has another one
version_added: 1.0.0
description:
  - Compares the password with the stored hash, and sets it only when it does not fit. So a password that somebody set by hand
    stays as it is hashed, and the control node needs no library for hashes.
  - The password goes to C(chpasswd) by its standard input, never on a command line.
options:
  user:
    description: The user. It must exist.
    type: str
    default: hacluster
  password:
    description: The password. One line.
    type: str
    required: true
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.platform
attributes:
  check_mode:
    support: full
    details: A user that does not exist yet counts as changed.
  diff_mode:
    support: none
    details: A password is not shown.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Give hacluster the cluster's password
  tandem.ha.ha_password:
    password: "{{ node_hacluster_password }}"
"""

RETURN = r"""
user:
  description: The user.
  returned: success
  type: str
  sample: hacluster
"""

import pwd

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils._password import has_password

OPTIONS = {
    "user": {"type": "str", "default": "hacluster"},
    "password": {"type": "str", "required": True, "no_log": True},
}


def exists(user):
    """Whether the host knows this user."""
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def main():
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    user, password = module.params["user"], module.params["password"]
    if not password or any(character in password for character in "\n\r\0"):
        module.fail_json(msg="password must be one line that is not empty")
    if ":" in user or not user:
        module.fail_json(msg="user %r is no user name" % user)
    changed = not has_password(user, password)
    if changed and not module.check_mode:
        if not exists(user):
            module.fail_json(msg="this host has no user %s; the package pacemaker makes hacluster" % user)
        rc, _out, err = module.run_command([module.get_bin_path("chpasswd", True)], data="%s:%s" % (user, password))
        if rc != 0:
            module.fail_json(msg="chpasswd refused the password for %s: %s" % (user, err.strip()), rc=rc)
    module.exit_json(changed=changed, user=user)


if __name__ == "__main__":
    main()
