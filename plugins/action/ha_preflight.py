# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control node's half of ha_preflight: times the look at each host, and judges what all looks say together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.tandem.ha.plugins.module_utils._reach import IPMI_PORT
from ansible_collections.tandem.ha.plugins.plugin_utils import _preflight as preflight
from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_base import Fault, absent, have_netaddr

PROBES = ("vips", "bmcs", "ports", "engine", "images", "files", "directories")
DEFAULTS = {"phase": "look", "look": "preflight_look", "site": {}, "skip": [], "max_skew": 2.0}


class ActionModule(ActionBase):
    """See the module's documentation; this class is what `tandem.ha.ha_preflight` runs first."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        variables = task_vars or {}
        arguments = {**DEFAULTS, **self._task.args}
        if arguments["phase"] == "judge":
            return {**result, **self._judge(arguments, variables)}
        return {**result, **self._look(variables)}

    def _look(self, variables: dict[str, Any]) -> dict[str, Any]:
        arguments = {key: value for key, value in self._task.args.items() if key in PROBES}
        if "site" in self._task.args:
            arguments = {**probes(_site(self._task.args["site"]), variables.get("inventory_hostname")), **arguments}
        before = time.time()
        found = self._execute_module(module_name="tandem.ha.ha_preflight", module_args=arguments, task_vars=variables)
        after = time.time()
        if isinstance(found.get("look"), dict):
            found["look"]["offset"] = offset(found["look"]["clock"], before, after)
        return found

    def _judge(self, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        if not have_netaddr():
            raise AnsibleActionFail("the Python library netaddr is missing on the control node: pip install netaddr")
        site = _site(arguments["site"])
        looks = _looks(str(arguments["look"]), variables)
        found = preflight.judge(site, looks, float(arguments["max_skew"]))
        accepted = [fault for fault in found if fault.code in arguments["skip"]]
        faults = [fault for fault in found if fault not in accepted]
        notes = [f"accepted by preflight_skip: {fault.message}" for fault in accepted] + preflight.unchecked(
            site, looks
        )
        result = {"changed": False, "notes": notes, "absent": absent(site, looks), "faults": []}
        here = variables.get("inventory_hostname")
        speaker = next(
            iter(sorted(looks)), here
        )  # one host tells, or a person reads everything as often as there are hosts
        if faults and here != speaker:
            return {
                **result,
                "failed": True,
                "msg": f"this site is not fit to be built; {speaker} lists why",
            }
        if faults:
            return {**result, "failed": True, "msg": _told(faults), "faults": [fault._asdict() for fault in faults]}
        return {**result, "warnings": notes} if here == speaker else result


def probes(site: Mapping[str, Any], here: str | None) -> dict[str, Any]:
    """What a host is to probe: a controller all virtual addresses and BMCs, and what its services need; others nothing."""
    if here not in [node["host"] for node in site["controllers"]]:
        return {}
    devices = site["fencing"]["devices"] if site["fencing"].get("enabled", True) else []
    return {
        "vips": [{"address": str(vip["address"]), "nic": vip["nic"]} for vip in site.get("vips") or []],
        "bmcs": [
            {"address": one["address"], "port": one["port"]}
            for one in devices
            if one.get("ipmi") and one.get("address")
        ],
        **_needs(site),
    }


def _needs(site: Mapping[str, Any]) -> dict[str, Any]:
    """Where the services in bundles will listen, what they are made of, and where they keep their data."""
    needs = [need for need in site.get("services") or [] if need]
    if not needs:
        return {}
    brought = site.get("images") or []
    images = {str(need["image"]) for need in needs} | {str(one["source"]) for one in brought if one.get("source")}
    return {
        "engine": next((str(need["engine"]) for need in needs if need.get("engine")), "podman"),
        "ports": sorted({int(one["port"]) for need in needs for one in need.get("ports") or []}),
        "images": sorted(images),
        "files": sorted({str(one["archive"]) for one in brought if one.get("archive")}),
        "directories": sorted({str(one["path"]) for need in needs for one in need.get("room") or []}),
    }


def offset(clock: Mapping[str, float], before: float, after: float) -> tuple[float, float]:
    """The least and the greatest lead of a host's clock over the control node's, in seconds.

    The look began some time after `before` and ended before `after`; the better of both bounds counts.
    """
    return clock["ended"] - after, clock["began"] - before


def _site(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("controllers"), list):
        raise AnsibleActionFail(
            "site must be a map with the list `controllers`; see `ansible-doc tandem.ha.ha_preflight`"
        )
    site = dict(raw)
    fencing = dict(site.get("fencing") or {})
    fencing["devices"] = [{"port": IPMI_PORT, **device} for device in fencing.get("devices") or []]
    site["fencing"] = fencing
    return site


def _looks(variable: str, variables: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What the hosts that are still in the play returned; the others count as absent."""
    hostvars = variables["hostvars"]
    present = variables.get("ansible_play_hosts", [])
    looks = {}
    for host in present:
        registered = hostvars[host].get(variable)
        if isinstance(registered, Mapping) and isinstance(registered.get("look"), Mapping):
            looks[host] = registered["look"]
    return looks


def _told(faults: list[Fault]) -> str:
    lines = [f"{number}. {fault.message}." for number, fault in enumerate(faults, 1)]
    head = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return f"{head} in this site; nothing was changed:\n" + "\n".join(lines)
