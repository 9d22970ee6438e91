# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""What is wrong with a site, from what its inventory declares and what its hosts said of themselves. Pure.

Every check yields all of its faults, and none stops another: a person mends a site once, not once per fault.
"""

from __future__ import annotations

from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_base import Check, Fault, Looks, Site, absent
from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_bundles import bundles
from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_documents import documents
from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_hosts import (
    clusters,
    distributions,
    hosts,
    pythons,
    skewed_clocks,
)
from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_services import fencing, vips
from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_site import links, names, passwords, witness

CHECKS: tuple[Check, ...] = (
    names,
    links,
    hosts,
    pythons,
    distributions,
    clusters,
    witness,
    vips,
    fencing,
    documents,
    bundles,
    passwords,
)


def judge(site: Site, looks: Looks, max_skew: float = 2.0) -> list[Fault]:
    """All faults of a site, in the order in which a person would mend them."""
    faults = [fault for check in CHECKS for fault in check(site, looks)]
    return faults + list(skewed_clocks(looks, max_skew))


def unchecked(site: Site, looks: Looks) -> list[str]:
    """What could not be checked, each a sentence for a person."""
    said = [
        f"{name} is not part of this run: nothing is changed there, and it stays a member of the cluster"
        for name in absent(site, looks)
    ]
    for host, look in sorted(looks.items()):
        if not look.get("nics"):
            said.append(f"{host}: the tool `ip` gave no answer, so its addresses were not compared with the inventory")
        for vip in look.get("vips", []):
            if vip.get("fault"):
                said.append(f"{host}: whether {vip['address']} is in use was not checked: {vip['fault']}")
    return said
