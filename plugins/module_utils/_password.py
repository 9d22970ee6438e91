# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""Whether a user has a password, found out without changing anything."""

import ctypes
import ctypes.util
import hmac
from typing import Optional

SHADOW = "/etc/shadow"


def has_password(user: str, password: str, shadow: str = SHADOW) -> bool:
    """Whether `user` can log in with `password`. Needs the rights of root; a user that does not exist cannot."""
    try:
        with open(shadow, "rb") as file:
            return fits(password, stored_hash(file.read().decode("utf-8", "replace"), user))
    except OSError:
        return False


def stored_hash(text: str, user: str) -> Optional[str]:
    """A user's hash in the text of /etc/shadow, None when there is no such user."""
    for line in text.splitlines():
        fields = line.split(":")
        if fields[0] == user and len(fields) > 1:
            return fields[1]
    return None


def fits(password: str, stored: Optional[str]) -> bool:
    """Whether `password` has the hash `stored`, by the system's own crypt(3), which knows every method the host uses.

    Python's module crypt is gone since 3.13.
    """
    if not stored or stored[:1] in "!*" or "\0" in password:
        return False
    library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    library.crypt.restype = ctypes.c_char_p
    found = library.crypt(password.encode("utf-8"), stored.encode("utf-8"))
    return found is not None and hmac.compare_digest(found, stored.encode("utf-8"))
