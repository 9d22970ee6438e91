# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Pacemaker knows of the members, and the little it keeps for us.

The record that there is a cluster stands in the cluster's configuration, in a set of its own as the agent of Redis has
one: it has to outlive every disk but the last.
"""

from __future__ import annotations

import dataclasses
from typing import List, Optional
from xml.etree import ElementTree

from . import tools
from .decide import View
from .settings import Settings

RECORDS = "tandem_rabbitmq"
PATIENCE = 10.0


def look(settings: Settings) -> View:
    """Everything that decisions need; an empty view when it does not answer."""
    seen, record = glance(settings), recorded(settings)
    return View() if record is None else dataclasses.replace(seen, record=record)


def glance(settings: Settings) -> View:
    """Who is there, and nothing of what is kept."""
    code, out, _err = tools.run(["crm_mon", "--one-shot", "--output-as=xml"], PATIENCE)
    return parse(settings, out) if code == 0 else View()


def parse(settings: Settings, text: str) -> View:
    """The view in what crm_mon says. Pure."""
    try:
        tree = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return View()
    dc = tree.find("summary/current_dc")
    nodes = {
        node.get("name", ""): node for node in tree.iterfind("nodes/node") if node.get("type", "member") == "member"
    }
    said = {
        node.get("name", ""): attribute.get("value", "")
        for node in tree.iterfind("node_attributes/node")
        for attribute in node.iterfind("attribute")
        if attribute.get("name") == attribute_name(settings)
    }
    here, unsure = {}, set()
    for name in settings.members:
        node = nodes.get(name)
        if node is None:
            continue
        if node.get("unclean") == "true" or node.get("pending") == "true":
            unsure.add(name)
        # Who is in standby or maintenance without having said anything has no container to say it.
        elif node.get("online") == "true" and (name in said or node.get("standby") != "true"):
            here[name] = said.get(name, "")
    return View(
        quorate=dc is not None and dc.get("with_quorum") == "true",
        here=here,
        unsure=frozenset(unsure),
    )


def attribute_name(settings: Settings) -> str:
    return settings.resource + "-data"


def publish(settings: Settings, state: str) -> bool:
    """Let the others know whether there are data here, until this host's next boot."""
    argv = ["crm_attribute", "--node", settings.me, "--lifetime", "reboot", "--name", attribute_name(settings)]
    return tools.run([*argv, "--update", state], PATIENCE)[0] == 0


def recorded(settings: Settings) -> Optional[str]:
    """What is kept; empty for nothing, None when nobody answers."""
    code, out, err = tools.run([*_record(settings), "--query", "--quiet"], PATIENCE)
    if code == 0:
        return out.strip()
    # ENXIO, in the words and numbers of Pacemaker 2 and 3
    return "" if code in (6, 105) or "No such device or address" in err else None


def record(settings: Settings, value: str) -> bool:
    return tools.run([*_record(settings), "--update", value], PATIENCE)[0] == 0


def _record(settings: Settings) -> List[str]:
    return ["crm_attribute", "--type", "crm_config", "--set-name", RECORDS, "--name", settings.resource]
