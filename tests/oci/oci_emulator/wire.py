# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request's signature: draft-cavage HTTP signatures with RSA-SHA256, version 1, as OCI has it."""

from __future__ import annotations

import base64
import binascii
import email.utils
import hashlib
import re
import time
from typing import Callable, Mapping, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from .errors import not_authenticated
from .identity import Principal

SKEW_SECONDS = 300
SIGNED = ("date", "(request-target)", "host")
SIGNED_WITH_BODY = ("x-content-sha256", "content-type", "content-length")
_FIELD = re.compile(r'([A-Za-z]+)="([^"]*)"')


def authenticate(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    who: Callable[[str], Principal],
    needed: Sequence[str] = SIGNED,
) -> Principal:
    """Who signed the request. Raises 401 for everything that is not as it must be."""
    scheme, _blank, rest = headers.get("authorization", "").partition(" ")
    fields = dict(_FIELD.findall(rest))
    if scheme != "Signature" or not {"keyId", "algorithm", "headers", "signature"} <= set(fields):
        raise not_authenticated("The request has no signature")
    if fields["algorithm"] != "rsa-sha256" or fields.get("version") != "1":
        raise not_authenticated("The signature's algorithm or version is not supported")
    _check_date(headers)
    signed = fields["headers"].lower().split()
    _check_coverage(method, signed, needed)
    if method in ("POST", "PUT", "PATCH"):
        _check_body(headers, body)
    principal = who(fields["keyId"])
    text = "\n".join(_line(name, method, target, headers) for name in signed)
    try:
        signature = base64.b64decode(fields["signature"], validate=True)
        principal.key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error):
        raise not_authenticated("The signature is not that of the key") from None
    return principal


def _check_date(headers: Mapping[str, str]) -> None:
    try:
        date = email.utils.parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        raise not_authenticated("The request has no date") from None
    if abs(time.time() - date) > SKEW_SECONDS:
        raise not_authenticated("The date of the request is more than 5 minutes from the service's")


def _check_coverage(method: str, signed: Sequence[str], needed: Sequence[str]) -> None:
    wanted = [*needed, *(SIGNED_WITH_BODY if method in ("POST", "PUT", "PATCH") else ())]
    missing = [name for name in wanted if name not in signed]
    if missing:
        raise not_authenticated("The signature does not cover %s" % ", ".join(missing))


def _check_body(headers: Mapping[str, str], body: bytes) -> None:
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if headers.get("x-content-sha256") != digest:
        raise not_authenticated("x-content-sha256 is not the digest of the body")


def _line(name: str, method: str, target: str, headers: Mapping[str, str]) -> str:
    if name == "(request-target)":
        return "(request-target): %s %s" % (method.lower(), target)
    if name not in headers:
        raise not_authenticated("The signature covers %s, which the request does not have" % name)
    return "%s: %s" % (name, headers[name])
