#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_host_info
short_description: Say what a host still lacks to become a member
version_added: 1.0.0
description:
  - Compares packages, services, names in C(/etc/hosts) and a password with what is wanted, in one call, and returns only what is
    missing. A role then runs its other tasks only where there is something to do.
  - Works on a bare host. Needs no agent and changes nothing.
options:
  packages:
    description:
      - Packages that must be installed.
      - C(a|b) is satisfied by either; if none is there, the first one that the host's package sources have is returned.
    type: list
    elements: str
    default: []
  sources:
    description:
      - Whether to ask the host's package sources which of the missing packages they have. RV(unavailable) says the others.
      - Useful when the sources are up to date, that is, before an installation.
    type: bool
    default: false
  repositories:
    description:
      - Repositories that must be enabled, on a host with dnf; elsewhere the option has no meaning.
      - C(a|b) is satisfied by either; if none is enabled, the first one that the host knows is returned.
      - C($releasever) and C($basearch) stand for what they stand for in dnf's own configuration.
    type: list
    elements: str
    default: []
  selinux_booleans:
    description: Booleans of SELinux with the values they must have. Where SELinux is disabled nothing is missing.
    type: dict
    default: {}
  services:
    description: Units of systemd that must run and start at boot.
    type: list
    elements: str
    default: []
  optional_services:
    description: Units that must run and start at boot as well, on a host that has them.
    type: list
    elements: str
    default: []
  cluster_services:
    description: Units that the cluster starts, so that they must not start at boot. On a host without them nothing is missing.
    type: list
    elements: str
    default: []
  hosts:
    description: Lines that must stand in C(/etc/hosts) between the markers of O(marker), and nothing else between them.
    type: list
    elements: str
    default: []
  marker:
    description: The word in the markers, as C(# BEGIN word) and C(# END word).
    type: str
    default: TANDEM
  user:
    description: The user whose password is checked.
    type: str
    default: hacluster
  password:
    description:
      - The password that O(user) must have. It is compared with the stored hash on the host.
      - Left out or empty, no password is checked.
    type: str
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.platform
attributes:
  check_mode:
    support: full
    details: Nothing is changed in any mode.
  diff_mode:
    support: none
    details: Nothing is changed, so there is nothing to show.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Look what is missing
  tandem.ha.ha_host_info:
    packages: [corosync, pacemaker, "pacemaker-cli-utils|pacemaker-cli", pcs]
    services: [pcsd]
    hosts: [192.0.2.11 c1, 192.0.2.12 c2]
    password: "{{ node_hacluster_password }}"
  register: host

- name: Install what is missing
  ansible.builtin.package:
    name: "{{ host.missing.packages }}"
    state: present
  when: host.missing.packages | length > 0
"""

RETURN = r"""
complete:
  description: Whether nothing is missing.
  returned: always
  type: bool
missing:
  description: What is missing. Everything empty or false when nothing is.
  returned: always
  type: dict
  contains:
    packages:
      description: Packages to install.
      returned: always
      type: list
      elements: str
    repositories:
      description: Repositories to enable.
      returned: always
      type: list
      elements: str
    selinux_booleans:
      description: Booleans of SELinux that have another value.
      returned: always
      type: list
      elements: str
    services:
      description: Units that do not run, or do not start at boot.
      returned: always
      type: list
      elements: str
    cluster_services:
      description: Units that start at boot, although the cluster starts them.
      type: list
      elements: str
    hosts:
      description: Whether the block in C(/etc/hosts) differs.
      returned: always
      type: bool
    password:
      description: Whether the user has another password, or does not exist.
      returned: always
      type: bool
  sample:
    packages: [pcs]
    repositories: [highavailability]
    selinux_booleans: []
    services: [pcsd]
    cluster_services: []
    hosts: true
    password: true
unavailable:
  description: Missing packages of which the package sources have no alternative. Empty unless O(sources) is true.
  returned: always
  type: list
  elements: str
unknown:
  description: What is wanted and cannot be brought about, because the host does not know it.
  returned: always
  type: dict
  contains:
    repositories:
      description: Entries of O(repositories) of which no alternative is known.
      returned: always
      type: list
      elements: str
    selinux_booleans:
      description: Booleans that the policy does not have.
      returned: always
      type: list
      elements: str
  sample: {repositories: [], selinux_booleans: []}
repositories:
  description:
    - The repositories the host knows, each with whether it is V(enabled) and V(managed) by subscription-manager. Empty without dnf.
  returned: always
  type: dict
  sample: {highavailability: {enabled: false, managed: false}}
selinux:
  description: V(enforcing), V(permissive) or V(disabled).
  returned: always
  type: str
  sample: disabled
firewall:
  description: The firewall that is active, V(firewalld), V(ufw) or none.
  returned: always
  type: str
  sample: ufw
os:
  description: C(ID), C(ID_LIKE) and C(VERSION_ID) of C(/etc/os-release), in small letters.
  returned: always
  type: dict
  sample: {id: debian, like: [], version: "12"}
python:
  description: The version of the host's C(/usr/bin/python3), by which the agent runs. Null when there is none.
  returned: always
  type: str
  sample: 3.11.2
"""

import os
import platform
import re
import shlex

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils import _selinux
from ansible_collections.tandem.ha.plugins.module_utils._password import has_password
from ansible_collections.tandem.ha.plugins.module_utils._repositories import judged, repositories

OPTIONS = {
    "packages": {"type": "list", "elements": "str", "default": []},
    "sources": {"type": "bool", "default": False},
    "repositories": {"type": "list", "elements": "str", "default": []},
    "selinux_booleans": {"type": "dict", "default": {}},
    "services": {"type": "list", "elements": "str", "default": []},
    "optional_services": {"type": "list", "elements": "str", "default": []},
    "cluster_services": {"type": "list", "elements": "str", "default": []},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "marker": {"type": "str", "default": "TANDEM"},
    "user": {"type": "str", "default": "hacluster"},
    "password": {"type": "str", "no_log": True},
}
BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def read(path):
    """A file's text, empty when there is none."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def os_release(text):
    """ID, ID_LIKE and VERSION_ID of an os-release file."""
    values = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.startswith("#"):
            values[name.strip()] = " ".join(shlex.split(value)).lower()
    return {
        "id": values.get("ID", ""),
        "like": values.get("ID_LIKE", "").split(),
        "version": values.get("VERSION_ID", ""),
    }


def block(text, marker):
    """The lines between the markers in a text; None when there are no markers."""
    match = re.search(
        r"^# BEGIN %s$\n(.*?)^# END %s$" % (re.escape(marker), re.escape(marker)), text, re.MULTILINE | re.DOTALL
    )
    return None if match is None else match.group(1).splitlines()


class Packages(object):
    """The host's packages, by dpkg or by rpm."""

    def __init__(self, module):
        self.module = module
        self.dpkg = module.get_bin_path("dpkg-query")

    def installed(self, names):
        """Those of `names` that are installed."""
        if self.dpkg:
            argv = [self.dpkg, "--show", "--showformat=${Package} ${db:Status-Status}\n"] + names
        else:
            argv = [self.module.get_bin_path("rpm", True), "--query", "--queryformat", "%{NAME} installed\n"] + names
        _rc, out, _err = self.module.run_command(argv)
        return {line.split()[0] for line in out.splitlines() if line.endswith(" installed")}

    def available(self, name):
        """Whether the package sources have `name`, as far as the host knows without asking them again."""
        if self.dpkg:
            _rc, out, _err = self.module.run_command([self.module.get_bin_path("apt-cache", True), "policy", name])
            return re.search(r"^ +Candidate: (?!\(none\))", out, re.MULTILINE) is not None
        # By name or by what a package provides, as an installation would find it.
        argv = [self.module.get_bin_path("dnf", True), "--quiet", "repoquery", "--queryformat", "%{name}\n", name]
        return bool(self.module.run_command(argv)[1].strip())

    def missing(self, wanted, sources=False):
        """What to install so that each entry of `wanted` is satisfied, and of that what the sources do not have, if asked."""
        choices = [entry.split("|") for entry in wanted]
        here = self.installed([name for choice in choices for name in choice]) if choices else set()
        found, unavailable = [], []
        for choice in choices:
            if here.intersection(choice):
                continue
            if len(choice) == 1 and not sources:
                found.append(choice[0])
                continue
            offered = next((name for name in choice if self.available(name)), None)
            found.append(offered or choice[0])
            if sources and offered is None:
                unavailable.append("|".join(choice))
        return found, unavailable


def unit_states(module, names):
    """Each unit with the lines that systemd prints of it."""
    if not names:
        return []
    argv = [module.get_bin_path("systemctl", True), "show", "--property=LoadState,ActiveState,UnitFileState"] + names
    _rc, out, _err = module.run_command(argv)
    blocks = [set(text.splitlines()) for text in out.strip().split("\n\n")] + [set()] * len(names)
    return list(zip(names, blocks))


def idle_services(module, names, optional=()):
    """Units that are not both active and enabled; of `optional` those that exist."""
    idle = []
    for name, lines in unit_states(module, list(names) + list(optional)):
        absent = name in optional and "LoadState=loaded" not in lines
        if not absent and not {"ActiveState=active", "UnitFileState=enabled"} <= lines:
            idle.append(name)
    return idle


def boot_services(module, names):
    """Units that start at boot."""
    return [name for name, lines in unit_states(module, list(names)) if "UnitFileState=enabled" in lines]


def firewall(module):
    """The name of the active firewall that guards this host, empty when none does."""
    if os.path.exists("/run/systemd/system"):
        rc, _out, _err = module.run_command(["systemctl", "is-active", "--quiet", "firewalld"])
        if rc == 0:
            return "firewalld"
    return "ufw" if re.search(r"^ENABLED=yes", read("/etc/ufw/ufw.conf"), re.MULTILINE | re.IGNORECASE) else ""


def python_version(module):
    """The version of /usr/bin/python3."""
    if not os.path.exists("/usr/bin/python3"):
        return None
    _rc, out, _err = module.run_command(["/usr/bin/python3", "-c", "import platform; print(platform.python_version())"])
    return out.strip() or None


def booleans(module):
    """The wanted booleans of SELinux, their values as such."""
    wanted = {}
    for name, value in module.params["selinux_booleans"].items():
        if str(value).lower() not in BOOLEANS:
            module.fail_json(msg="selinux_booleans.%s is %r: write true or false" % (name, value))
        wanted[name] = BOOLEANS[str(value).lower()]
    return wanted


def main():
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    wanted = module.params
    password = wanted["password"]
    release = os_release(read("/etc/os-release"))
    packages = Packages(module)
    missing, unavailable = packages.missing(wanted["packages"], wanted["sources"])
    known = {} if packages.dpkg else repositories()
    variables = {"releasever": release["version"].split(".")[0], "basearch": platform.machine()}
    sources = judged([] if packages.dpkg else wanted["repositories"], known, variables)
    selinux = _selinux.booleans(booleans(module))
    missing = {
        "packages": missing,
        "repositories": sources["disabled"],
        "selinux_booleans": selinux["other"],
        "services": idle_services(module, wanted["services"], wanted["optional_services"]),
        "cluster_services": boot_services(module, wanted["cluster_services"]),
        "hosts": bool(wanted["hosts"]) and block(read("/etc/hosts"), wanted["marker"]) != wanted["hosts"],
        "password": bool(password) and not has_password(wanted["user"], password),
    }
    module.exit_json(
        changed=False,
        # A repository is a way to packages: where they are, nothing is missing.
        complete=not any(value for name, value in missing.items() if name != "repositories") and not selinux["unknown"],
        missing=missing,
        unavailable=unavailable,
        unknown={"repositories": sources["unknown"], "selinux_booleans": selinux["unknown"]},
        repositories=known,
        selinux=_selinux.mode(),
        firewall=firewall(module),
        os=release,
        python=python_version(module),
    )


if __name__ == "__main__":
    main()
