# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""What HAProxy listens to, and how it finds out which servers are well. Pure.

A check asks the service itself, in the service's own words: that a port is open says nothing about who answers.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.tandem.ha.plugins.plugin_utils._documents import Invalid

CHECKS = ("galera", "http", "tcp")
KEYS = (
    "name",
    "address",
    "port",
    "mode",
    "server_port",
    "check",
    "check_port",
    "check_user",
    "path",
    "single",
    "timeout",
    "tls",
    "server_tls",
    "server_name",
    "servers",
    "lines",
)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")

# MariaDB's own words for "I take statements": on a member without quorum, or one that is still fetching what it missed, it is off.
READY = b"wsrep_ready"
# Bits of the client's capabilities: long password, protocol 4.1, secure connection.
CAPABILITIES = 0x1 | 0x200 | 0x8000
LARGEST_PACKET = 1 << 24
UTF8 = 33


def services(
    declared: Iterable[Mapping[str, Any]],
    nodes: Iterable[Mapping[str, Any]],
    addresses: Iterable[str],
    known: Iterable[str] = (),
) -> list[dict[str, Any]]:
    """Every service complete: where it listens, which lines check it, which servers it has.

    `nodes` are the controllers with their `node` name and `links`; `addresses` are the virtual ones; `known` names certificates.
    """
    declared = list(declared)
    certificates(declared, known)
    members = [{"name": node["node"], "address": node["links"][0]} for node in nodes]
    found = [_service(entry, members, list(addresses)) for entry in declared]
    taken: dict[str, str] = {}
    for service in found:
        for bind in service["binds"]:
            if bind in taken:
                raise Invalid(
                    f"haproxy_services: {service['name']} and {taken[bind]} both listen on {bind}: give one another port"
                )
            taken[bind] = service["name"]
    return found


def _service(entry: Mapping[str, Any], members: list[dict[str, str]], addresses: list[str]) -> dict[str, Any]:
    name = str(entry.get("name", ""))
    if not NAME.match(name):
        raise Invalid(
            f"haproxy_services: {name!r} is no name: begin with a letter and use letters, digits, '_', '.' and '-'"
        )
    for key in entry:
        if key not in KEYS:
            raise Invalid(f"haproxy_services: {name}: unknown key {key!r}; known are {', '.join(KEYS)}")
    port, server_port = _port(name, entry, "port"), _port(name, entry, "server_port", entry.get("port"))
    check = str(entry.get("check", "http"))
    if check not in CHECKS:
        raise Invalid(f"haproxy_services: {name}: check {check!r} is unknown; known are {', '.join(CHECKS)}")
    listens = [str(entry["address"])] if entry.get("address") else addresses
    if not listens:
        raise Invalid(
            f"haproxy_services: {name} has no address to listen on: set vip_addresses, or address in this entry"
        )
    check_port = _port(name, entry, "check_port", server_port)
    mode = str(entry.get("mode") or ("http" if check == "http" else "tcp"))
    if check == "galera" and (entry.get("tls") or entry.get("server_tls")):
        raise Invalid(
            f"haproxy_services: {name}: tls and server_tls do not go with the check galera: MariaDB begins TLS in its own protocol, "
            "and HAProxy lets it pass; set galera_tls"
        )
    return {
        "name": name,
        "binds": [f"{_bracketed(address)}:{port}" for address in listens],
        "port": port,
        "addresses": listens,
        "option": f"haproxy_services: {name}",
        "bind_options": _bind_options(entry, mode),
        "mode": mode,
        "single": bool(entry.get("single", check == "galera")),
        "timeout": entry.get("timeout") or ("90m" if check == "galera" else None),
        "check": list(_check(check, entry, check_port)),
        "check_port": check_port,
        "servers": [
            {
                "name": str(server["name"]),
                "address": f"{_bracketed(str(server['address']))}:{server.get('port') or server_port}",
                "options": _server_options(entry, str(server["name"])),
            }
            for server in entry.get("servers") or members
        ],
        "lines": [str(line) for line in entry.get("lines") or []],
    }


TLS_DIRECTORY = "/etc/haproxy/tls"


def _bind_options(entry: Mapping[str, Any], mode: str) -> str:
    """How clients are spoken to."""
    if not entry.get("tls"):
        return ""
    return f" ssl crt {TLS_DIRECTORY}/{entry['tls']}/all.pem" + (" alpn h2,http/1.1" if mode == "http" else "")


def _server_options(entry: Mapping[str, Any], server: str) -> str:
    """How a server is spoken to, also when it is asked whether it is well: it must show a certificate of the authority, for its name."""
    if not entry.get("server_tls"):
        return ""
    name = entry.get("server_name") or server
    authority = f"{TLS_DIRECTORY}/{entry['server_tls']}/ca.pem"
    return f" ssl check-ssl verify required ca-file {authority} verifyhost {name}"


def certificates(declared: Iterable[Mapping[str, Any]], known: Iterable[str]) -> None:
    """Raise Invalid for the first service that names a certificate which is not declared."""
    names = [str(name) for name in known]
    for name in names:
        if not NAME.match(name):
            raise Invalid(
                f"haproxy_certificates: {name!r} is no name: begin with a letter and use letters, digits, '_', '.' and '-'"
            )
    for entry in declared:
        for key in ("tls", "server_tls"):
            if entry.get(key) and str(entry[key]) not in names:
                raise Invalid(
                    f"haproxy_services: {entry.get('name')}: {key} names the certificate {entry[key]!r}, "
                    f"which is not in haproxy_certificates; there is {', '.join(names) or 'none'}"
                )


def _port(name: str, entry: Mapping[str, Any], key: str, default: Any = None) -> int:
    value = entry.get(key, default)
    if not str(value).isdecimal() or not 0 < int(value) < 65536:
        raise Invalid(f"haproxy_services: {name}: {key} {value!r} is no port: use a number from 1 to 65535")
    return int(value)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _check(kind: str, entry: Mapping[str, Any], port: int) -> Iterator[str]:
    """The lines by which HAProxy asks a server whether it is well."""
    if kind == "http":
        yield "option httpchk"
        yield f"http-check send meth GET uri {entry.get('path') or '/'} ver HTTP/1.1 hdr Host localhost"
        yield "http-check expect status 200-399"
    elif kind == "galera":
        yield from _galera_check(str(entry.get("check_user") or "haproxy"), port)


def _galera_check(user: str, port: int) -> Iterator[str]:
    """Log in, ask for one status variable, take leave: a conversation of fixed bytes, since the user has no password."""
    on, off = _row("ON"), _row("OFF")
    yield "option tcp-check"
    yield f"tcp-check connect port {port}"
    yield "tcp-check expect rbinary ^[0-9A-F]{6}000A"
    yield f"tcp-check send-binary {_packet(1, _login(user))}"
    yield "tcp-check expect rbinary ^[0-9A-F]{6}0200"
    yield f"tcp-check send-binary {_packet(0, bytes([3]) + b'SHOW STATUS LIKE ' + repr(READY.decode()).encode())}"
    # First wait for the answer, whichever; then judge it at once, where waiting for another would take the whole timeout.
    yield f"tcp-check expect rbinary ({on}|{off})"
    yield f"tcp-check expect min-recv 1 rbinary {on}"
    yield f"tcp-check send-binary {_packet(0, bytes([1]))}"


def _login(user: str) -> bytes:
    return struct.pack("<IIB", CAPABILITIES, LARGEST_PACKET, UTF8) + bytes(23) + user.encode() + bytes(2)


def _packet(number: int, payload: bytes) -> str:
    return (struct.pack("<I", len(payload))[:3] + bytes([number]) + payload).hex()


def _row(value: str) -> str:
    """A row of the answer as HAProxy's pattern: each text behind its length."""
    return (bytes([len(READY)]) + READY + bytes([len(value)]) + value.encode()).hex().upper()
