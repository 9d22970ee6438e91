#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_image
short_description: Give a container image its name on a host
version_added: 1.0.0
description:
  - Builds, pulls or loads an image, and gives it the name by which bundles know it.
  - The name in the cluster's configuration stays the same when the image behind it changes, so an update of the image changes no
    configuration and restarts nothing. A container takes the new image at its next start.
  - An image is known by its id. One that has its name already is left alone.
options:
  name:
    description: The name that the image gets on this host.
    type: str
    required: true
  source:
    description: Another name of the image, on this host or in a registry.
    type: str
  pull:
    description:
      - When to fetch O(source) from its registry. V(missing) fetches what this host does not have, V(never) fails then.
      - V(always) asks the registry each time, and so takes over an image that changed there. In check mode nothing is asked, and the image
        that the host has counts.
    type: str
    choices: [missing, always, never]
    default: missing
  archive:
    description: A file on the host with the image, as C(podman save) or C(docker save) write it. It must hold one image.
    type: path
  context:
    description:
      - A directory on the host with a C(Containerfile), of which the image is built.
      - The image is labelled with a digest of all files, arguments and the base. It is built anew when that changes, not when the packages
        behind it do.
    type: path
  base:
    description: What O(context) is built on, handed to the build as C(BASE).
    type: str
  arguments:
    description: Further arguments of the build. They can be read in the image by everybody who has it, so no secrets.
    type: dict
    default: {}
  engine:
    description: The container engine.
    type: str
    choices: [podman, docker]
    default: podman
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.platform
attributes:
  check_mode:
    support: partial
    details: What a registry has is not asked in check mode.
  diff_mode:
    support: none
    details: The ids before and after are returned.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Use the image of our registry
  tandem.ha.ha_image:
    name: localhost/tandem/galera:pcmklatest
    source: registry.example.com/ha/galera:10.11

- name: Build an image
  tandem.ha.ha_image:
    name: localhost/tandem/haproxy:pcmklatest
    context: /var/lib/tandem/images/haproxy
    base: docker.io/library/debian:bookworm-slim
"""

RETURN = r"""
before:
  description: The id of the image that had the name. Null when none had.
  returned: success
  type: str
after:
  description: The id of the image that has it now. Null in check mode, when it would be built or pulled first.
  returned: success
  type: str
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils import _archive, _recipe

OPTIONS = {
    "name": {"type": "str", "required": True},
    "source": {"type": "str"},
    "pull": {"type": "str", "choices": ["missing", "always", "never"], "default": "missing"},
    "archive": {"type": "path"},
    "context": {"type": "path"},
    "base": {"type": "str"},
    "arguments": {"type": "dict", "default": {}},
    "engine": {"type": "str", "choices": ["podman", "docker"], "default": "podman"},
}
ORIGINS = ("source", "archive", "context")


class Engine(object):
    """The container engine of the host; fails the module with what it said."""

    def __init__(self, module):
        self.module = module
        self.path = module.get_bin_path(module.params["engine"])

    def run(self, *words):
        rc, out, err = self.module.run_command([self.path] + list(words))
        if rc != 0:
            said = (err or out).strip().splitlines()[-1:]
            self.module.fail_json(
                msg="%s %s failed: %s" % (self.module.params["engine"], words[0], "".join(said) or "without a word"),
                rc=rc,
                stderr=err[-4000:],
            )
        return out

    def inspect(self, name):
        """What the host knows of an image; an empty map when it has none of that name."""
        rc, out, _err = self.module.run_command([self.path, "image", "inspect", name])
        return json.loads(out)[0] if rc == 0 else {}

    def id(self, name):
        found = self.inspect(name).get("Id")
        return found.split(":", 1)[-1] if found else None


def from_source(module, engine):
    """The id that the name should have; None when the image must be fetched first, which a real run does."""
    source, pull = module.params["source"], module.params["pull"]
    here = engine.id(source)
    if here is None and pull == "never":
        module.fail_json(msg="source: this host has no image %s, and pull is never: bring it, or say missing" % source)
    if module.check_mode or (here and pull != "always"):
        return here
    engine.run("pull", source)
    return engine.id(source)


def from_archive(module, engine):
    path = module.params["archive"]
    try:
        wanted = _archive.image_id(path)
    except (OSError, ValueError) as error:
        module.fail_json(msg="archive: %s" % error)
    if engine.id(wanted) != wanted and not module.check_mode:
        engine.run("load", "--input", path)
        if engine.id(wanted) != wanted:
            module.fail_json(
                msg="archive: %s says that it holds the image %s, but loading it brought another" % (path, wanted)
            )
    return wanted


def from_context(module, engine):
    params = module.params
    if not os.path.isfile(os.path.join(params["context"], "Containerfile")):
        module.fail_json(msg="context: there is no Containerfile in %s" % params["context"])
    base = params["base"] or ""
    arguments = {str(key): str(value) for key, value in params["arguments"].items()}
    # What was built here is known by what it is now; what comes from elsewhere by its name.
    own = engine.inspect(base) if base.startswith("localhost/") else {}
    recipe = _recipe.digest(params["context"], own.get("Id") or base, arguments)
    present = engine.inspect(params["name"])
    labels = present.get("Labels") or (present.get("Config") or {}).get("Labels") or {}
    if labels.get(_recipe.LABEL) == recipe:
        return present["Id"].split(":", 1)[-1]
    if module.check_mode:
        return None
    if base:
        arguments["BASE"] = base
    given = [word for key in sorted(arguments) for word in ("--build-arg", "%s=%s" % (key, arguments[key]))]
    label = "%s=%s" % (_recipe.LABEL, recipe)
    containerfile = os.path.join(params["context"], "Containerfile")
    engine.run(
        "build", "--file", containerfile, "--label", label, "--tag", params["name"], *(given + [params["context"]])
    )
    return engine.id(params["name"])


def main():
    module = AnsibleModule(
        argument_spec=OPTIONS, supports_check_mode=True, mutually_exclusive=[ORIGINS], required_one_of=[ORIGINS]
    )
    name = module.params["name"]
    engine = Engine(module)
    if not engine.path:
        if module.check_mode:
            module.exit_json(changed=True, before=None, after=None)
        module.fail_json(msg="engine: this host has no %s: install it first" % module.params["engine"])
    before = engine.id(name)
    origin = next(origin for origin in ORIGINS if module.params[origin] is not None)
    after = {"source": from_source, "archive": from_archive, "context": from_context}[origin](module, engine)
    if after is not None and engine.id(name) != after and not module.check_mode:
        engine.run("tag", after, name)
    module.exit_json(changed=before != after, before=before, after=after)


if __name__ == "__main__":
    main()
