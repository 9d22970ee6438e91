# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulation of Red Hat's subscription-manager, as far as a play uses it: register, and repositories by their ids.

It is no subscription: what `register` gives the machine is the lab's own repository under the name that the Content
Delivery Network has for it. It is strict: what it does not know, or what the real one refuses, it refuses.
"""

from __future__ import annotations

import argparse
import configparser
import os
import platform
import sys

REDHAT = "/etc/yum.repos.d/redhat.repo"
MANY = {"rhel-9-for-%s-highavailability-rpms" % platform.machine(): "file:///srv/tandem-lab/dnf/highavailability"}


def load() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read(REDHAT)
    return parser


def store(parser: configparser.RawConfigParser) -> None:
    with open(REDHAT, "w") as stream:
        stream.write("# Certificate-Based Repositories\n# Managed by (rhsm) subscription-manager\n")
        parser.write(stream, space_around_delimiters=True)


def register(_arguments: argparse.Namespace) -> str:
    if os.path.exists(REDHAT):
        sys.exit("This system is already registered. Use --force to override")
    parser = configparser.RawConfigParser()
    for name, url in MANY.items():
        parser[name] = {"name": name, "baseurl": url, "enabled": "0", "gpgcheck": "0", "metadata_expire": "1"}
    store(parser)
    return "The system has been registered with ID: 00000000-0000-0000-0000-000000000000"


def repos(arguments: argparse.Namespace) -> str:
    parser, said = load(), []
    if arguments.list_enabled:
        return "\n".join("Repo ID:   " + name for name in parser.sections() if parser[name]["enabled"] == "1")
    for names, value, word in ((arguments.enable, "1", "enabled"), (arguments.disable, "0", "disabled")):
        for name in names:
            if name not in parser:
                sys.exit(
                    "Error: '%s' does not match a valid repository ID. "
                    'Use "subscription-manager repos --list" to see valid repositories.' % name
                )
            parser[name]["enabled"] = value
            said.append("Repository '%s' is %s for this system." % (name, word))
    store(parser)
    return "\n".join(said)


def main() -> None:
    if os.geteuid() != 0:
        sys.exit("This command requires root access to run.")
    verbs = argparse.ArgumentParser(prog="subscription-manager", allow_abbrev=False)
    known = verbs.add_subparsers(required=True)
    verb = known.add_parser("register", allow_abbrev=False)
    verb.add_argument("--org", required=True)
    verb.add_argument("--activationkey", required=True)
    verb.set_defaults(do=register)
    verb = known.add_parser("repos", allow_abbrev=False)
    verb.add_argument("--list-enabled", action="store_true")
    verb.add_argument("--enable", action="append", default=[])
    verb.add_argument("--disable", action="append", default=[])
    verb.set_defaults(do=repos)
    arguments = verbs.parse_args()
    sys.stdout.write(arguments.do(arguments) + "\n")


if __name__ == "__main__":
    main()
