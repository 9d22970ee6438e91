# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the instance's metadata service says of this host. It answers without credentials, but only to this host."""

from __future__ import annotations

import ipaddress
import json
import re
import urllib.request
from dataclasses import dataclass
from typing import Any, List

from .faults import CannotAsk, Misconfigured
from .settings import Settings

OCID = re.compile(r"ocid1\.[a-z0-9]+\.[a-z0-9-]*\.[a-z0-9-]*\.[A-Za-z0-9._-]+\Z")

# It asks for this word, so that no browser or proxy is tricked into asking it.
_HEADERS = {"Authorization": "Bearer Oracle"}
_LIMIT = 1 << 20


@dataclass(frozen=True)
class Vnic:
    """A virtual network card of this instance."""

    id: str
    address: str
    subnet: str  # its block of addresses, as 10.0.0.0/24
    mac: str


def vnics(settings: Settings) -> List[Vnic]:
    """All cards of this instance. Raises CannotAsk."""
    raw = _get(settings, "vnics/")
    try:
        return [
            Vnic(entry["vnicId"], entry["privateIp"], entry["subnetCidrBlock"], entry["macAddr"].lower())
            for entry in raw
        ]
    except (TypeError, KeyError, AttributeError) as error:
        raise CannotAsk("the metadata service describes no network card that can be understood: %r" % error) from error


def choose(cards: List[Vnic], address: str, wanted: str = "") -> Vnic:
    """The card that the address belongs to: the one named, or the one in whose subnet it is. Pure."""
    known = "; ".join("%s has %s in %s" % (card.id, card.address, card.subnet) for card in cards) or "none"
    if wanted:
        named = [card for card in cards if card.id == wanted]
        if not named:
            raise Misconfigured("vnic_id: %s is no network card of this instance: %s" % (wanted, known))
        cards = named
    fitting = [card for card in cards if _holds(card.subnet, address)]
    if not fitting:
        where = "vnic_id" if wanted else "ip"
        raise Misconfigured(
            "%s: %s is in the subnet of no network card of this instance (%s): "
            "a private IP can only move between cards of one subnet" % (where, address, known)
        )
    if len(fitting) > 1:
        names = ", ".join(card.id for card in fitting)
        raise Misconfigured("vnic_id: %s fits several network cards (%s): say which one" % (address, names))
    if fitting[0].address == address:
        raise Misconfigured(
            "ip: %s is the primary address of %s and cannot move: choose a secondary one" % (address, fitting[0].id)
        )
    return fitting[0]


def compartment(settings: Settings) -> str:
    """The compartment this instance is in."""
    raw = _get(settings, "instance/")
    try:
        return str(raw["compartmentId"])
    except (TypeError, KeyError) as error:
        raise CannotAsk("the metadata service does not say in which compartment this instance is") from error


def _holds(block: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(block)
    except ValueError:
        return False


def _get(settings: Settings, path: str) -> Any:
    url = "%s/%s" % (settings.metadata_url.rstrip("/"), path)
    request = urllib.request.Request(url, headers=_HEADERS)  # noqa: S310 settings.py allows http and https alone
    # Never through a proxy: another host's metadata would be answered.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=settings.connect_timeout) as answer:
            return json.loads(answer.read(_LIMIT))
    except (OSError, ValueError) as error:
        raise CannotAsk("the metadata service at %s does not answer: %s" % (url, _reason(error))) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error)
