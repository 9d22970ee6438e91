# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the fence agent, once: for its metadata, its help and its reading."""

from __future__ import annotations

from typing import NamedTuple, Tuple
from xml.sax.saxutils import escape, quoteattr

from .interpreter import DEFAULT as PYTHON
from .settings import DEFAULT_FILE


class Option(NamedTuple):
    """One option: its name on stdin, its letters on the command line, what it is."""

    name: str
    flags: Tuple[str, ...]
    kind: str  # as metadata has it: string, second or boolean
    default: str
    what: str


OPTIONS = (
    Option("action", ("-o", "--action"), "string", "reboot", "Fencing action"),
    Option("plug", ("-n", "--plug"), "string", "", "The instance: its OCID, or its display name where no other has it"),
    Option(
        "compartment",
        ("--compartment",),
        "string",
        "",
        "OCID of the compartment whose instances are listed; without it, this instance's",
    ),
    Option(
        "settings", ("--settings",), "string", DEFAULT_FILE, "The file that says how the API is reached and as whom"
    ),
    Option("python", ("--python",), "string", PYTHON, "The Python that has the OCI SDK"),
    Option("power_timeout", ("--power-timeout",), "second", "120", "Seconds to wait until the instance is off, or on"),
    Option("power_wait", ("--power-wait",), "second", "0", "Seconds to wait after switching before looking"),
    Option("login_timeout", ("--login-timeout",), "second", "20", "Seconds in which the API must have answered"),
    Option("delay", ("--delay",), "second", "0", "Seconds to wait before anything is done"),
    Option("verbose", ("-v", "--verbose"), "boolean", "0", "Say what is done"),
)
ACTIONS = ("on", "off", "reboot", "status", "monitor", "list", "list-status", "metadata", "validate-all")

LONG = """Switches instances of Oracle's cloud (OCI) by its Compute API. off is STOP, which cuts the power without asking the
system, and is done when the API says STOPPED. reboot is off and then on. RESET is not used: an instance that is being
reset is never seen to be off. SOFTSTOP is not used: a system that has to be fenced cannot be asked to shut down."""


def metadata() -> str:
    lines = [
        '<?xml version="1.0" ?>',
        '<resource-agent name="fence_oci_instance" shortdesc="Fence agent for instances of Oracle\'s cloud (OCI)">',
        "<longdesc>%s</longdesc>" % escape(LONG),
        "<vendor-url>https://docs.oracle.com/iaas/</vendor-url>",
        "<parameters>",
    ]
    for option in OPTIONS:
        default = " default=%s" % quoteattr(option.default) if option.default else ""
        lines += [
            '<parameter name="%s" unique="0" required="0">' % option.name,
            '<getopt mixed="%s"/>' % escape(", ".join(option.flags)),
            '<content type="%s"%s/>' % (option.kind, default),
            '<shortdesc lang="en">%s</shortdesc>' % escape(option.what),
            "</parameter>",
        ]
    lines += ["</parameters>", "<actions>"]
    # "automatic": the cluster does not switch a node on by this agent when the node joins.
    lines += ['<action name="%s"%s/>' % (name, ' automatic="0"' if name == "on" else "") for name in ACTIONS]
    return "\n".join([*lines, "</actions>", "</resource-agent>", ""])


def usage() -> str:
    lines = ["usage: fence_oci_instance [options], or the same options as NAME=VALUE lines on stdin", ""]
    lines += ["   %-28s %s" % (", ".join(option.flags), option.what) for option in OPTIONS]
    return "\n".join([*lines, "", "actions: " + ", ".join(ACTIONS)])
