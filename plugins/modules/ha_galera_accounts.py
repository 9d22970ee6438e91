#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_galera_accounts
short_description: Keep the accounts of a database in a bundle
version_added: 1.0.0
description:
  - Compares accounts, passwords and privileges with what the running database has, and mends what differs.
  - It speaks to the database inside the container on this host, as root over its socket, so it needs no password itself. What it says
    passes over standard input, and passwords in it are hashes.
  - Accounts and privileges that are not declared are left alone.
options:
  bundle:
    description: The bundle's name.
    type: str
    default: galera-bundle
  engine:
    description: The container engine.
    type: str
    choices: [podman, docker]
    default: podman
  accounts:
    description: The accounts.
    required: true
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._galera
  - tandem.ha._attributes
  - tandem.ha._attributes.platform
attributes:
  check_mode:
    support: full
    details: Where the database does not run, every account is said to be missing.
  diff_mode:
    support: none
    details: Which accounts differ is returned.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Keep the shop's account
  tandem.ha.ha_galera_accounts:
    accounts:
      - name: shop
        hosts: ["10.0.0.%"]
        password: "{{ vault_shop_password }}"
        privileges: {"shop.*": ALL}
"""

RETURN = r"""
accounts:
  description: The accounts that differed, as C(name@host).
  returned: success
  type: list
  elements: str
  sample: [shop@10.0.0.%]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils import _container, _sql

OPTIONS = {
    "bundle": {"type": "str", "default": "galera-bundle"},
    "engine": {"type": "str", "choices": ["podman", "docker"], "default": "podman"},
    "accounts": {"type": "list", "elements": "dict", "options": _sql.ACCOUNT, "required": True},
}
# This module and the resource agent log in as the system's user root, over the socket.
LOCKED_OUT = (
    ". The system's root must be let in without a password: log in as an administrator of the database and say"
    " ALTER USER root@localhost IDENTIFIED VIA unix_socket"
)


class Database(object):
    """The database in the bundle's container on this host."""

    def __init__(self, module):
        self.module = module
        self.engine = module.get_bin_path(module.params["engine"])
        self.container = _container.running(module, module.params["bundle"], module.params["engine"])

    def say(self, text):
        """Say statements, and return the answer in columns."""
        argv = [
            self.engine,
            "exec",
            "--interactive",
            self.container,
            "mariadb",
            "--batch",
            "--skip-column-names",
            "--raw",
        ]
        rc, out, err = self.module.run_command(argv, data=text)
        if rc != 0:
            said = " ".join(line for line in err.splitlines() if "IDENTIFIED" not in line).strip()
            remedy = LOCKED_OUT if "Access denied" in said else ""
            self.module.fail_json(
                msg="the database in %s refuses: %s%s" % (self.container, said or "exit code %d" % rc, remedy)
            )
        return out

    def grants(self, account, entry):
        """Whether an account that exists has all that is declared."""
        return set(_sql.grants(entry)) <= _sql.granted(self.say("SHOW GRANTS FOR '%s'@'%s';" % account))


def differing(database, accounts):
    """The declared accounts that are not as declared."""
    answer = database.say(_sql.QUESTION)
    hashes, encrypted = _sql.present(answer), _sql.encrypted(answer)
    found = []
    for account, entry in sorted(_sql.wanted(accounts).items()):
        tls = entry.get("tls")
        same = hashes.get(account) == _sql.hashed(entry.get("password")) and tls in (None, account in encrypted)
        if not same or not database.grants(account, entry):
            found.append(account)
    return found


def refuse_lockout(database, wanted, found):
    """Fail before an account may log in over TLS only, where the database does not speak it."""
    asking = ["%s@%s" % account for account in found if wanted[account].get("tls")]
    if asking and database.say("SELECT @@have_ssl;").strip() != "YES":
        database.module.fail_json(
            msg="accounts: %s may log in over TLS only, which the database in %s does not speak: nobody could log in."
            " Bring TLS into force first (galera_tls), and try again. Nothing was changed"
            % (", ".join(asking), database.container)
        )


def main():
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    accounts = module.params["accounts"]
    try:
        _sql.check(accounts)
    except _sql.Invalid as error:
        module.fail_json(msg=str(error))
    database, wanted = Database(module), _sql.wanted(accounts)
    if database.container:
        found = differing(database, accounts)
        refuse_lockout(database, wanted, found)
    elif module.check_mode:
        found = sorted(wanted)
    else:
        module.fail_json(msg="bundle: no container of %s runs on this host" % module.params["bundle"])
    if found and not module.check_mode:
        statements = [statement for account in found for statement in _sql.create(account, wanted[account])]
        database.say("".join("%s;\n" % statement for statement in statements))
    module.exit_json(changed=bool(found), accounts=["%s@%s" % account for account in found])


if __name__ == "__main__":
    main()
