# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""What a certificate is for, in openssl's words. Pure."""

import ipaddress
import re
from typing import Iterable, Set

NAMED = re.compile(r"(DNS|IP Address):([^,\s]+)")


def alternatives(said: str) -> Set[str]:
    """The names and addresses of a certificate, of what `openssl x509 -ext subjectAltName` says."""
    return {_plain(kind == "DNS", text) for kind, text in NAMED.findall(said)}


def wanted(names: Iterable[str], addresses: Iterable[str]) -> Set[str]:
    return {_plain(True, name) for name in names} | {_plain(False, address) for address in addresses}


def _plain(name: bool, text: str) -> str:
    """openssl writes IPv6 addresses in full and in capitals."""
    return text.lower() if name else str(ipaddress.ip_address("%s" % text))


def extensions(names: Iterable[str], addresses: Iterable[str]) -> str:
    """What is written into a certificate of a host, for openssl's `-extfile`: it serves, and it is a client of its like."""
    entries = ["DNS:%s" % name for name in names] + ["IP:%s" % address for address in addresses]
    return "\n".join(
        [
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature",
            "extendedKeyUsage=serverAuth,clientAuth",
            "subjectAltName=%s" % ",".join(entries),
            "",
        ]
    )


def ended(text: str) -> str:
    """A text that ends with a new line, so that another can follow."""
    return text if text.endswith("\n") else text + "\n"
