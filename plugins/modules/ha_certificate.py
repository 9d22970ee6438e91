#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_certificate
short_description: Keep a host's certificate, given or signed by an authority of the site
version_added: 1.0.0
description:
  - With O(phase=look) it says whether the host's certificate is due to be made anew, and if so, returns a request for one. The key is made
    on the host and never leaves it.
  - With O(phase=sign), on the one host that is the site's authority, it signs a request. It makes the authority when there is none.
  - With O(phase=keep) it writes a certificate, its authority and perhaps a given key, after it has looked whether they belong together.
  - The files are C(cert.pem), C(key.pem) and C(ca.pem) in O(directory), and C(all.pem) with the first two in one for programs that want it
    so. Keys are readable by their owner only, and every file is replaced in one step.
options:
  phase:
    description: What to do.
    type: str
    choices: [look, sign, keep]
    required: true
  directory:
    description: The directory of the files; with O(phase=sign), that of the authority.
    type: path
    required: true
  owner:
    description: The number of the user who owns the key.
    type: int
    default: 0
  names:
    description: The host names that the certificate is for. The first is also its common name.
    type: list
    elements: str
    default: []
  addresses:
    description: The addresses that the certificate is for.
    type: list
    elements: str
    default: []
  days:
    description: With O(phase=sign), for how many days the certificate is good.
    type: int
    default: 365
  renew:
    description: With O(phase=look), how many days before its end a certificate is due.
    type: int
    default: 30
  request:
    description: With O(phase=sign), what is signed, in PEM.
    type: str
  certificate:
    description:
      - With O(phase=keep), the certificate in PEM, with those between it and its authority behind it. Not given, what is there stays, with
        its owner and mode as they should be.
    type: str
  key:
    description: With O(phase=keep), its key in PEM, without a passphrase. Not given, the host's own.
    type: str
  authority:
    description: With O(phase=keep), the certificates in PEM of who may sign.
    type: str
author:
  - The Tandem contributors (@tandem)
notes:
  - Needs the program C(openssl).
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.platform
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: What is due and why is returned.
  idempotent:
    support: partial
    details: O(phase=sign) signs each time it is asked. The others change nothing that is as it should be.
"""

EXAMPLES = r"""
- name: Look at the certificate
  tandem.ha.ha_certificate:
    phase: look
    directory: /etc/tandem/galera/tls
    owner: 42434
    names: ["{{ inventory_hostname }}"]
    addresses: [192.0.2.11]
  register: certificate

- name: Sign it
  tandem.ha.ha_certificate:
    phase: sign
    directory: /etc/tandem/authority
    request: "{{ certificate.request }}"
    names: ["{{ inventory_hostname }}"]
    addresses: [192.0.2.11]
  delegate_to: witness
  throttle: 1
  register: signed
  when: certificate.due

- name: Keep it
  tandem.ha.ha_certificate:
    phase: keep
    directory: /etc/tandem/galera/tls
    owner: 42434
    certificate: "{{ signed.certificate | default(omit) }}"
    authority: "{{ signed.authority | default(omit) }}"
"""

RETURN = r"""
due:
  description: Whether a certificate must be made.
  returned: when O(phase=look)
  type: bool
reason:
  description: Why it is due; empty when it is not.
  returned: when O(phase=look)
  type: str
  sample: it ends within 30 days
request:
  description: The request for a certificate. Null when none is due, and in check mode.
  returned: when O(phase=look)
  type: str
certificate:
  description: The certificate.
  returned: when O(phase=sign)
  type: str
authority:
  description: The authority's own certificate.
  returned: when O(phase=sign)
  type: str
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils import _certificates as certificates

OPTIONS = {
    "phase": {"type": "str", "choices": ["look", "sign", "keep"], "required": True},
    "directory": {"type": "path", "required": True},
    "owner": {"type": "int", "default": 0},
    "names": {"type": "list", "elements": "str", "default": []},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "days": {"type": "int", "default": 365},
    "renew": {"type": "int", "default": 30},
    "request": {"type": "str"},
    "certificate": {"type": "str"},
    "key": {"type": "str", "no_log": True},
    "authority": {"type": "str"},
}
DAY = 86400


def write(path, text, mode, owner):
    """Put a file there in one step; whether it was not so before."""
    before = read(path)
    if before == text and (os.stat(path).st_mode & 0o777, os.stat(path).st_uid) == (mode, owner):
        return False
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "w") as stream:
            os.fchmod(stream.fileno(), mode)
            os.fchown(stream.fileno(), owner, owner)
            stream.write(text)
        os.rename(temporary, path)
    except Exception:
        os.unlink(temporary)
        raise
    return True


def read(path):
    """A file's text; None when there is none."""
    try:
        with open(path) as stream:
            return stream.read()
    except (IOError, OSError):
        return None


class Host(object):
    """The files of one host, and the program that understands them."""

    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.openssl = module.get_bin_path("openssl", required=not module.check_mode)

    def path(self, name):
        return os.path.join(self.params["directory"], name)

    def run(self, *words, **options):
        """What openssl says to this; fails the module with its own words."""
        rc, out, err = self.module.run_command([self.openssl] + list(words), data=options.get("data"))
        if rc != 0:
            said = [line for line in err.splitlines() if line.strip()][:1]
            self.module.fail_json(msg="openssl %s failed: %s" % (words[0], "".join(said) or "exit code %d" % rc))
        return out

    def asked(self, *words, **options):
        """Whether openssl says yes."""
        return self.module.run_command([self.openssl] + list(words), data=options.get("data"))[0] == 0

    def make_directory(self):
        if not os.path.isdir(self.params["directory"]):
            os.makedirs(self.params["directory"], 0o755)

    def make_key(self, name, owner):
        """A key, unless there is one. It is written to a file that nobody else could ever read."""
        if not os.path.exists(self.path(name)):
            write(self.path(name), self.run("ecparam", "-name", "prime256v1", "-genkey", "-noout"), 0o600, owner)


def due(host):
    """Why a certificate must be made; empty when it is good."""
    params, path = host.params, host.path("cert.pem")
    if not host.openssl or read(path) is None or read(host.path("key.pem")) is None:
        return "there is none"
    if not host.asked("x509", "-in", path, "-noout", "-checkend", str(params["renew"] * DAY)):
        return "it ends within %d days" % params["renew"]
    if not same_key(host, path, host.path("key.pem")):
        return "it is not that of the key"
    if not host.asked("verify", "-no-CApath", "-CAfile", host.path("ca.pem"), path):
        return "it is not signed by the authority"
    said = host.run("x509", "-in", path, "-noout", "-ext", "subjectAltName")
    if certificates.alternatives(said) != certificates.wanted(params["names"], params["addresses"]):
        return "it is for other names or addresses"
    return ""


def same_key(host, certificate, key):
    own = host.run("pkey", "-in", key, "-pubout")
    return host.run("x509", "-in", certificate, "-noout", "-pubkey") == own


def look(host):
    module, params = host.module, host.params
    reason = due(host)
    request = None
    if reason and not module.check_mode:
        host.make_directory()
        host.make_key("key.pem", params["owner"])
        request = host.run("req", "-new", "-key", host.path("key.pem"), "-subj", "/CN=%s" % params["names"][0])
    module.exit_json(changed=bool(reason), due=bool(reason), reason=reason, request=request)


def sign(host):
    module, params = host.module, host.params
    if module.check_mode:
        module.exit_json(changed=True, certificate=None, authority=None)
    host.make_directory()
    os.chmod(params["directory"], 0o700)
    host.make_key("key.pem", 0)
    if read(host.path("cert.pem")) is None:
        made = host.run(
            "req", "-new", "-x509", "-key", host.path("key.pem"), "-days", "7300", "-subj", "/CN=Tandem authority",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip
        write(host.path("cert.pem"), made, 0o644, 0)
    with tempfile.NamedTemporaryFile("w") as extensions:
        extensions.write(certificates.extensions(params["names"], params["addresses"]))
        extensions.flush()
        serial = "0x" + os.urandom(16).hex()
        certificate = host.run(
            "x509", "-req", "-days", str(params["days"]), "-CA", host.path("cert.pem"), "-CAkey", host.path("key.pem"),
            "-set_serial", serial, "-extfile", extensions.name, data=params["request"],
        )  # fmt: skip
    module.exit_json(changed=True, certificate=certificate, authority=read(host.path("cert.pem")))


def keep(host):
    module, params = host.module, host.params
    if params["certificate"] is not None and host.openssl:
        check(host)
    changed = different(host)
    if changed and not module.check_mode:
        host.make_directory()
        store(host)
    module.exit_json(changed=changed)


def check(host):
    """Refuse what does not belong together; nothing was written then."""
    module, params = host.module, host.params
    with tempfile.TemporaryDirectory() as scratch:  # readable by this user only
        paths = {}
        for name in ("certificate", "key", "authority"):
            paths[name] = os.path.join(scratch, name)
            text = params[name] if params[name] is not None else read(host.path(FILES[name])) or ""
            with open(paths[name], "w") as stream:
                stream.write(text)
        if not host.asked("x509", "-in", paths["certificate"], "-noout"):
            module.fail_json(msg="certificate: this is no certificate in PEM. Nothing was written")
        if not host.asked("pkey", "-in", paths["key"], "-passin", "pass:", "-noout"):
            module.fail_json(msg="key: this is no key in PEM without a passphrase. Nothing was written")
        if not same_key(host, paths["certificate"], paths["key"]):
            module.fail_json(msg="key: this is not the key of the certificate. Nothing was written")
        if not host.asked("x509", "-in", paths["certificate"], "-noout", "-checkend", "0"):
            module.fail_json(msg="certificate: it has ended. Nothing was written")
        if not host.asked(
            "verify",
            "-no-CApath",
            "-CAfile",
            paths["authority"],
            "-untrusted",
            paths["certificate"],
            paths["certificate"],
        ):
            module.fail_json(msg="authority: it has not signed the certificate. Nothing was written")


FILES = {"certificate": "cert.pem", "key": "key.pem", "authority": "ca.pem"}


def contents(host):
    """Each file's name, text, mode and owner, as it shall be."""
    params = host.params
    texts = {name: params[name] if params[name] is not None else read(host.path(path)) for name, path in FILES.items()}
    owner = params["owner"]
    found = [
        ("key.pem", texts["key"], 0o600, owner),
        ("ca.pem", texts["authority"], 0o644, 0),
        ("cert.pem", texts["certificate"], 0o644, 0),
    ]
    if None not in (texts["certificate"], texts["key"]):
        found.append(("all.pem", certificates.ended(texts["certificate"]) + texts["key"], 0o600, owner))
    return [entry for entry in found if entry[1] is not None]


def different(host):
    def as_wanted(name, text, mode, owner):
        path = host.path(name)
        if read(path) != text:
            return False
        there = os.stat(path)
        return (there.st_mode & 0o777, there.st_uid) == (mode, owner)

    return not all(as_wanted(*entry) for entry in contents(host))


def store(host):
    for name, text, mode, owner in contents(host):
        write(host.path(name), text, mode, owner)


def main():
    module = AnsibleModule(
        argument_spec=OPTIONS,
        supports_check_mode=True,
        required_if=[("phase", "look", ("names",)), ("phase", "sign", ("names",))],
    )
    host = Host(module)
    try:
        {"look": look, "sign": sign, "keep": keep}[module.params["phase"]](host)
    except (IOError, OSError) as error:
        module.fail_json(msg="the files in %s: %s" % (module.params["directory"], error))


if __name__ == "__main__":
    main()
