#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_agent
short_description: Install the Tandem agent on a node
version_added: 1.0.0
description:
  - Packs the agent into a single file on the control node, the same bytes every time, and copies it only to hosts that have another
    one or none. Then the agent's socket is enabled and started, and the agent is asked who it is.
  - The agent itself runs only while somebody talks to it. It is a command line tool, too (C(tandem)).
  - A change that the agent is making when it is replaced is finished first.
  - "It puts these files on the host: C(/usr/local/lib/tandem/agent.pyz), the link C(/usr/local/sbin/tandem) to it, and the units
    C(tandem-agent.socket) and C(tandem-agent.service) in C(/etc/systemd/system). The agent keeps its journal in C(/var/lib/tandem)."
options:
  state:
    description:
      - V(present) installs or updates the agent.
      - V(absent) removes it with everything it put on the host, its journal included. The cluster does not notice.
    type: str
    choices: [present, absent]
    default: present
  python:
    description: The interpreter that runs the agent on the host, 3.8 or newer.
    type: path
    default: /usr/bin/python3
  idle:
    description: Seconds without a client after which the agent's process ends. The next client starts it again.
    type: int
    default: 60
  checksum:
    description: Internal; the action plugin sets it.
    type: str
  source:
    description: Internal; the action plugin sets it.
    type: path
  units:
    description: Internal; the action plugin sets it.
    type: dict
    default: {}
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.action_group
  - tandem.ha._attributes.platform
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The agent itself is shown by its checksum.
  idempotent:
    support: full
seealso:
  - module: tandem.ha.ha_info
"""

EXAMPLES = r"""
- name: Install the agent
  tandem.ha.ha_agent:

- name: Install it for another Python
  tandem.ha.ha_agent:
    python: /usr/bin/python3.9

- name: Remove it without a trace
  tandem.ha.ha_agent:
    state: absent
"""

RETURN = r"""
agent:
  description: Who answers on the socket.
  returned: when O(state=present), but not in check mode when something would change
  type: dict
  contains:
    agent:
      description: The agent's version.
      returned: always
      type: str
      sample: 1.0.0
    protocol:
      description: The versions of the protocol that it speaks.
      returned: always
      type: list
      elements: int
      sample: [1]
    python:
      description: The Python that runs it.
      returned: always
      type: str
      sample: 3.11.2
    pacemaker:
      description: The version of Pacemaker, nothing when it is not installed.
      returned: always
      type: str
      sample: 2.1.5
    corosync:
      description: The version of Corosync, nothing when it is not installed.
      returned: always
      type: str
      sample: 3.1.7
    operations:
      description: What can be asked of it.
      returned: always
      type: list
      elements: str
      sample: [hello, status]
actions:
  description: What was changed, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample: [install the agent]
"""

import hashlib
import os
import shutil
from typing import Any, Dict, List, Optional

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils._client import Client, ClientError

DIRECTORY = "/usr/local/lib/tandem"
AGENT = DIRECTORY + "/agent.pyz"
LINK = "/usr/local/sbin/tandem"
UNITS = "/etc/systemd/system"
SOCKET = "tandem-agent.socket"
SERVICE = "tandem-agent.service"
LEFT_BY_AGENT = ("/run/tandem", "/var/lib/tandem")
MODE = 0o755


class Host:
    """This host's agent: what is there, what was changed, and what that looks like as a difference."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.systemd = os.path.isdir("/run/systemd/system")
        self.actions = []  # type: List[str]
        self.diff = []  # type: List[Dict[str, str]]

    def note(self, action: str, path: str = "", before: str = "", after: str = "") -> bool:
        """Remember a change; True when it is to be made."""
        self.actions.append(action)
        if path:
            self.diff.append({"before_header": path, "after_header": path, "before": before, "after": after})
        return not self.module.check_mode

    def systemctl(self, *words: str) -> str:
        """Run systemctl; its output. Fails the module with what it said."""
        rc, out, err = self.module.run_command(["systemctl"] + list(words))
        if rc != 0:
            self.module.fail_json(msg="systemctl %s failed: %s" % (" ".join(words), (err or out).strip()))
        return str(out)

    def is_(self, question: str, unit: str) -> bool:
        """Whether systemd says yes to `is-active` or `is-enabled`."""
        return self.systemd and self.module.run_command(["systemctl", question, "--quiet", unit])[0] == 0


def read(path: str) -> Optional[bytes]:
    """What stands in a file, None when there is none."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (IOError, OSError):
        return None


# -- present


def present(host: Host) -> Dict[str, Any]:
    """Everything in its place, the socket open, and an agent that answers."""
    module = host.module
    if not module.params["checksum"]:
        module.fail_json(msg="ha_agent works through its action plugin; call it as tandem.ha.ha_agent in a task")
    check_python(module, module.params["python"])
    new_agent = install_agent(host)
    if new_agent and not module.check_mode and not module.params["source"]:
        return {"changed": False, "transfer": True}  # ask the action plugin for the archive, then come back
    install_link(host)
    changed_units = install_units(host)
    if host.systemd:
        open_socket(host, new_agent, changed_units)
    else:
        module.warn("systemd does not run on this host: the agent is installed, but nothing listens on its socket")
    result = {"changed": bool(host.actions), "actions": host.actions}  # type: Dict[str, Any]
    if host.systemd and not (module.check_mode and host.actions):
        result["agent"] = hello(module)
    return result


def check_python(module: AnsibleModule, python: str) -> None:
    """The interpreter exists and is new enough."""
    rc, out, _err = module.run_command(
        [python, "-c", "import sys; print(sys.version_info >= (3, 8), sys.version.split()[0])"]
    )
    if rc != 0 or not out.startswith("True"):
        found = out.split()[-1] if rc == 0 and out.split() else "missing"
        module.fail_json(
            msg="the agent needs Python 3.8 or newer on this host, and %s is %s; install one and set agent_python to it (role agent)"
            % (python, found)
        )


def install_agent(host: Host) -> bool:
    """Put the archive in its place; True when it was another one."""
    module, wanted = host.module, str(host.module.params["checksum"])
    data = read(AGENT)
    found = hashlib.sha256(data).hexdigest() if data is not None else ""
    if found != wanted:
        source = module.params["source"]
        if not source and not module.check_mode:
            return True
        before = "sha256 %s\n" % found if found else ""
        if host.note("install the agent" if not found else "update the agent", AGENT, before, "sha256 %s\n" % wanted):
            if hashlib.sha256(read(source) or b"").hexdigest() != wanted:
                module.fail_json(msg="the agent arrived damaged on this host; is its temporary directory full?")
            make_directory(DIRECTORY)
            module.atomic_move(source, AGENT)
    own(host, AGENT)
    return found != wanted


def make_directory(path: str) -> None:
    """A directory that everybody may read."""
    if not os.path.isdir(path):
        os.makedirs(path)
        os.chmod(path, MODE)


def own(host: Host, path: str) -> None:
    """Root's, and executable for all."""
    if not os.path.exists(path):
        return
    status = os.stat(path)
    if (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (0, 0, MODE):
        return
    fresh = bool(host.actions)  # part of the installation just noted
    if (fresh and not host.module.check_mode) or host.note("correct owner and mode of %s" % path):
        os.chown(path, 0, 0)
        os.chmod(path, MODE)


def install_link(host: Host) -> None:
    """The command `tandem`."""
    if os.path.islink(LINK) and os.readlink(LINK) == AGENT:
        return
    if os.path.lexists(LINK) and not os.path.islink(LINK):
        host.module.fail_json(msg="%s is in the way: it is not ours; move it away" % LINK)
    if host.note("link %s" % LINK, LINK, "", "-> %s\n" % AGENT):
        make_directory(os.path.dirname(LINK))
        if os.path.lexists(LINK):
            os.unlink(LINK)
        os.symlink(AGENT, LINK)


def install_units(host: Host) -> List[str]:
    """systemd's units; the names of those that were different."""
    changed = []
    for name, text in sorted(host.module.params["units"].items()):
        path = os.path.join(UNITS, name)
        data = read(path)
        before = data.decode("utf-8", "replace") if data is not None else ""
        if before == text:
            continue
        changed.append(name)
        if host.note("install %s" % name if not before else "update %s" % name, path, before, text):
            write(host.module, path, text)
    if changed and host.systemd and not host.module.check_mode:
        host.systemctl("daemon-reload")
    return changed


def write(module: AnsibleModule, path: str, text: str) -> None:
    """A file for all to read, whole or not at all."""
    make_directory(os.path.dirname(path))
    spare = os.path.join(module.tmpdir, os.path.basename(path))
    with open(spare, "wb") as stream:
        stream.write(text.encode("utf-8"))
    os.chmod(spare, 0o644)
    module.atomic_move(spare, path)
    os.chown(path, 0, 0)
    os.chmod(path, 0o644)


def open_socket(host: Host, new_agent: bool, changed_units: List[str]) -> None:
    """Enabled, listening, and no process left that runs the old agent."""
    if not host.is_("is-enabled", SOCKET) and host.note("enable %s" % SOCKET):
        host.systemctl("enable", SOCKET)
    listening = host.is_("is-active", SOCKET)
    if listening and SOCKET in changed_units:
        if host.note("restart %s" % SOCKET):
            host.systemctl("stop", SERVICE, SOCKET)
            host.systemctl("start", SOCKET)
    elif not listening:
        if host.note("start %s" % SOCKET):
            host.systemctl("stop", SERVICE)  # one that was started without its socket keeps the socket from starting
            host.systemctl("start", SOCKET)
    elif (new_agent or SERVICE in changed_units) and host.is_("is-active", SERVICE) and host.note("stop the old agent"):
        host.systemctl("stop", SERVICE)  # it finishes what it does; the socket starts the new one


def hello(module: AnsibleModule) -> Dict[str, Any]:
    """Who answers on the socket."""
    try:
        with Client() as client:
            return client.call("hello", deadline=20)
    except ClientError as error:
        module.fail_json(
            msg="the agent is installed but does not answer: %s (journalctl -u tandem-agent says why)" % error.message,
            code=error.code,
        )
        raise


# -- absent


def absent(host: Host) -> Dict[str, Any]:
    """Nothing of ours on the host."""
    for unit in (SOCKET, SERVICE):
        if host.is_("is-active", unit) and host.note("stop %s" % unit):
            host.systemctl("stop", unit)
    if host.is_("is-enabled", SOCKET) and host.note("disable %s" % SOCKET):
        host.systemctl("disable", "--quiet", SOCKET)
    units = [os.path.join(UNITS, name) for name in (SOCKET, SERVICE)]
    there = any(os.path.lexists(path) for path in units)
    ours = os.path.islink(LINK) and os.readlink(LINK) == AGENT
    for path in units + ([LINK] if ours else []) + [DIRECTORY] + list(LEFT_BY_AGENT):
        remove(host, path)
    if there and host.systemd and not host.module.check_mode:
        host.systemctl("daemon-reload")
    return {"changed": bool(host.actions), "actions": host.actions}


def remove(host: Host, path: str) -> None:
    """A file, a link, or a directory with all that is in it."""
    if os.path.lexists(path) and host.note("remove %s" % path, path, "present\n", ""):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "python": {"type": "path", "default": "/usr/bin/python3"},
            "idle": {"type": "int", "default": 60},
            "checksum": {"type": "str"},
            "source": {"type": "path"},
            "units": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    host = Host(module)
    try:
        result = present(host) if module.params["state"] == "present" else absent(host)
    except (IOError, OSError) as error:
        module.fail_json(msg="%s: %s" % (error.filename or "the agent", error.strerror))
        raise
    if module._diff:  # noqa: SLF001
        result["diff"] = host.diff
    module.exit_json(**result)


if __name__ == "__main__":
    main()
