# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""From what an inventory says about services in bundles to the documents of docs/model.md. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.tandem.ha.plugins.plugin_utils._documents import Invalid

ENGINES = ("podman", "docker")
STORAGE_KEYS = ("id", "source", "source_root", "target", "options")


def simple_document(bundle: Mapping[str, Any], vips: Iterable[str] = ()) -> dict[str, Any]:
    """The document of a service without an agent inside, and of the addresses that it stands behind."""
    return {
        "name": str(bundle["name"]),
        "resources": [_bundle(bundle)],
        "constraints": [rule for vip in vips for rule in _behind(str(bundle["name"]), vip)],
    }


def _behind(name: str, vip: str) -> list[dict[str, Any]]:
    """An address is only where the service runs; when both start, the address is there first, and the service does not wait for it."""
    return [
        {"kind": "order", "first": vip, "then": name, "mode": "Optional"},
        {"kind": "colocation", "resource": vip, "with": name, "score": "INFINITY"},
    ]


def agent_document(bundle: Mapping[str, Any], primitive: Mapping[str, Any], vips: Iterable[str] = ()) -> dict[str, Any]:
    """The document of a service that an agent inside looks after, and of the addresses that follow the promoted one."""
    inside = {
        "id": str(primitive["name"]),
        "agent": str(primitive["agent"]),
        "params": dict(primitive.get("params") or {}),
        "meta": dict(primitive.get("meta") or {}),
        "ops": [dict(operation) for operation in primitive.get("ops") or []],
    }
    return {
        "name": str(bundle["name"]),
        "resources": [inside, {**_bundle(bundle), "resource": inside["id"]}],
        "constraints": [_follows(str(bundle["name"]), vip) for vip in vips],
    }


def _follows(name: str, vip: str) -> dict[str, Any]:
    """An address is where the promoted one is.

    It is not told to wait for the promotion: that is only over when every other member has been told and has copied what it lacks,
    and until then clients would reach nobody, for no gain.
    """
    return {"kind": "colocation", "resource": vip, "with": name, "with_role": "Promoted", "score": "INFINITY"}


def _bundle(bundle: Mapping[str, Any]) -> dict[str, Any]:
    name, engine = str(bundle["name"]), str(bundle.get("engine") or ENGINES[0])
    if engine not in ENGINES:
        raise Invalid(f"{name}: the container engine {engine!r} is unknown; known are {', '.join(ENGINES)}")
    container = {
        "type": engine,
        "image": str(bundle["image"]),
        "replicas": int(bundle["replicas"]),
        "network": str(bundle.get("network") or "host"),
    }
    for key in ("promoted_max", "run_command", "options"):
        if bundle.get(key):
            container[key] = bundle[key]
    entry: dict[str, Any] = {"id": name, "kind": "bundle", "container": container}
    if bundle.get("control_port"):
        entry["network"] = {"control_port": int(bundle["control_port"])}
    entry["storage"] = [_storage(name, mapping) for mapping in bundle.get("storage") or []]
    if bundle.get("meta") is not None:
        entry["meta"] = dict(bundle["meta"])
    return entry


def _storage(bundle: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
    for key in mapping:
        if key not in STORAGE_KEYS:
            raise Invalid(f"storage of {bundle}: unknown key {key!r}; known are {', '.join(STORAGE_KEYS)}")
    if bool(mapping.get("source")) == bool(mapping.get("source_root")) or not mapping.get("target"):
        raise Invalid(f"storage of {bundle}: {dict(mapping)!r} needs source or source_root, and target")
    source = {"source_dir": mapping["source"]} if mapping.get("source") else {"source_dir_root": mapping["source_root"]}
    return {
        "id": str(mapping["id"]),
        **source,
        "target_dir": str(mapping["target"]),
        "options": str(mapping.get("options") or "ro"),
    }
