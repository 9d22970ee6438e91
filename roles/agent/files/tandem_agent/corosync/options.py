# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be written into corosync.conf, and what a change of it costs (corosync.conf(5), votequorum(5), corosync-qdevice(8)).

The cost comes from the source, exec/cfg.c `remove_ro_entries`, exec/totemconfig.c `totem_volatile_config_read` and
exec/votequorum.c `votequorum_readconfig`: the manuals only name a part of it.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Mapping, Optional, Sequence, Tuple

RELOAD, QDEVICE, RESTART, STOP = "reload", "qdevice", "restart", "stop"
"""Applied online; by restarting the quorum device's client only; by restarting Corosync on one member after the other;
only while no member runs, because members with the old and the new value do not understand each other."""


@dataclass(frozen=True)
class Rule:
    """The values an option may have: one of `choices`, or a whole number from `low` to `high`, or any text on one line."""

    low: int = 0
    high: int = 0
    choices: Tuple[str, ...] = ()
    cost: str = RELOAD

    def fault(self, value: str) -> Optional[str]:
        """Why `value` may not be written, or None."""
        if "\n" in value or "\r" in value or "{" in value or "}" in value:
            return "must be one line without braces"
        if len(value) > 255:
            return "must have at most 255 characters"
        if self.choices:
            return (
                None if value in self.choices else f"{value!r} is not allowed; choose one of {', '.join(self.choices)}"
            )
        if self.high:
            if not re.match(r"[0-9]{1,9}\Z", value):
                return f"{value!r} is not a whole number"
            if not self.low <= int(value) <= self.high:
                return f"{value} is out of range; allowed is {self.low} to {self.high}"
        return None if value else "must not be empty"


def _number(low: int, high: int, cost: str = RELOAD) -> Rule:
    return Rule(low, high, (), cost)


def _choice(*choices: str, cost: str = RELOAD) -> Rule:
    return Rule(choices=choices, cost=cost)


YES = ("yes", "no")
FLAG = ("0", "1")
ON = ("on", "off")

TOTEM: Mapping[str, Rule] = {
    "token": _number(30, 300000),
    "token_warning": _number(0, 100),
    "token_coefficient": _number(0, 60000),
    "token_retransmit": _number(30, 300000),
    "token_retransmits_before_loss_const": _number(1, 1000),
    "hold": _number(10, 300000),
    "join": _number(30, 60000),
    "send_join": _number(0, 60000),
    "consensus": _number(30, 900000),
    "merge": _number(30, 60000),
    "downcheck": _number(30, 60000),
    "fail_recv_const": _number(1, 1000000),
    "seqno_unchanged_const": _number(1, 1000000),
    "heartbeat_failures_allowed": _number(0, 1000),
    "max_network_delay": _number(30, 60000),
    "window_size": _number(1, 10000),
    "max_messages": _number(1, 256),
    "miss_count_const": _number(1, 1000),
    "knet_pmtud_interval": _number(1, 3600),
    "knet_mtu": _number(0, 65535),
    "knet_compression_model": Rule(),
    "knet_compression_threshold": _number(0, 1000000),
    "knet_compression_level": _number(0, 1000),
    "block_unlisted_ips": _choice(*YES),
    "cancel_token_hold_on_retransmit": _choice(*YES),
    "link_mode": _choice("passive", "active", "rr", cost=RESTART),
    "netmtu": _number(256, 65536, RESTART),
    "ip_dscp": _number(0, 63, RESTART),
    "ip_version": _choice("ipv4", "ipv6", "ipv4-6", "ipv6-4", cost=STOP),
}

LINK: Mapping[str, Rule] = {
    "knet_link_priority": _number(0, 255),
    "knet_ping_interval": _number(1, 300000),
    "knet_ping_timeout": _number(1, 300000),
    "knet_ping_precision": _number(1, 100000),
    "knet_pong_count": _number(1, 255),
    "knet_transport": _choice("udp", "sctp"),
    "mcastport": _number(1, 65535, STOP),
}

QUORUM: Mapping[str, Rule] = {
    "expected_votes": _number(1, 1000),
    "two_node": _choice(*FLAG),
    "wait_for_all": _choice(*FLAG, cost=RESTART),
    "last_man_standing": _choice(*FLAG, cost=RESTART),
    "last_man_standing_window": _number(1, 600000, RESTART),
    "auto_tie_breaker": _choice(*FLAG, cost=RESTART),
    "auto_tie_breaker_node": Rule(cost=RESTART),
    "allow_downscale": _choice(*FLAG, cost=RESTART),
    "expected_votes_tracking": _choice(*FLAG, cost=RESTART),
}

DEVICE: Mapping[str, Rule] = {
    "timeout": _number(1250, 150000, QDEVICE),
    "sync_timeout": _number(1250, 450000, QDEVICE),
    "votes": _number(0, 255, QDEVICE),
}

NET: Mapping[str, Rule] = {
    "host": Rule(cost=QDEVICE),
    "port": _number(1, 65535, QDEVICE),
    "algorithm": _choice("ffsplit", "lms", cost=QDEVICE),
    "tls": _choice("on", "off", "required", cost=QDEVICE),
    "tie_breaker": Rule(cost=QDEVICE),
    "connect_timeout": _number(1000, 120000, QDEVICE),
    "force_ip_version": _choice("0", "4", "6", cost=QDEVICE),
    "keep_active_partition_tie_breaker": _choice(*ON, cost=QDEVICE),
}

HEURISTICS: Mapping[str, Rule] = {
    "mode": _choice("on", "sync", "off", cost=QDEVICE),
    "timeout": _number(1000, 120000, QDEVICE),
    "sync_timeout": _number(1000, 120000, QDEVICE),
    "interval": _number(1000, 3600000, QDEVICE),
}

_ELSEWHERE: Mapping[str, str] = {  # what stands in `totem` and is managed by an option of its own, or not at all
    "version": STOP, "cluster_name": STOP, "transport": STOP, "keyfile": RELOAD, "key": RELOAD, "secauth": RELOAD,
    "crypto_cipher": RELOAD, "crypto_hash": RELOAD, "crypto_model": RELOAD, "config_version": RELOAD,
}  # fmt: skip


def nearest(name: str, known: Sequence[str]) -> str:
    """`; did you mean token?`, or nothing when no name is near."""
    found = difflib.get_close_matches(name, sorted(known), 1)
    return f"; did you mean {found[0]}?" if found else ""


def cost_of(key: str) -> str:
    """What it takes to apply a change of the run-time key `key` (as `corosync-cmapctl` names it)."""
    parts = key.split(".")
    if parts[:2] == ["quorum", "device"]:
        return QDEVICE
    if parts[0] == "quorum":
        return QUORUM[parts[1]].cost if parts[1] in QUORUM else RESTART
    if parts[:2] == ["totem", "interface"]:
        return LINK[parts[-1]].cost if parts[-1] in LINK else RELOAD
    if parts[0] == "totem":
        return TOTEM[parts[1]].cost if parts[1] in TOTEM else _ELSEWHERE.get(parts[1], RELOAD)
    return RELOAD
