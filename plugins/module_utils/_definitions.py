# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""RabbitMQ's virtual hosts, users, permissions and policies. Pure: what is declared, what differs from what is there.

Both are in the form that rabbitmqctl exports and imports, where a password is a salted hash. A hash is another one each
time, so what is there is checked against the password, and made anew only where it does not fit.
"""

import base64
import hashlib
import os
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

SHORTEST_PASSWORD = 8
LONGEST_NAME = 255
ALGORITHM = "rabbit_password_hashing_sha256"
_DIGESTS = {ALGORITHM: hashlib.sha256, "rabbit_password_hashing_sha512": hashlib.sha512}
APPLY_TO = ("all", "queues", "exchanges", "classic_queues", "quorum_queues", "streams")
KINDS = ("vhosts", "users", "permissions", "policies")
# What tells an object of a kind from the others of its kind.
_KEYS = {"vhosts": ("name",), "users": ("name",), "permissions": ("user", "vhost"), "policies": ("vhost", "name")}

Entry = Dict[str, Any]
Objects = Dict[str, List[Entry]]


class Invalid(ValueError):
    """Something that cannot be; the message names the option, the value and what is allowed."""


class Change(NamedTuple):
    """An object that is not as it should be; before or after is None where there is none."""

    kind: str
    key: Tuple[str, ...]
    before: Optional[Entry]
    after: Optional[Entry]

    def __str__(self) -> str:
        return "%s %s" % (_SINGULAR[self.kind], "/".join(self.key))


_SINGULAR = {"vhosts": "vhost", "users": "user", "permissions": "permission", "policies": "policy"}


def declared(
    vhosts: Iterable[str], users: Iterable[Mapping[str, Any]], policies: Iterable[Mapping[str, Any]]
) -> Objects:
    """What should be there. Raises Invalid. A user has `password` instead of a hash."""
    names = [_name("vhosts", str(name)) for name in vhosts]
    found = {kind: [] for kind in KINDS}  # type: Objects
    found["vhosts"] = [{"name": name} for name in names]
    for user in users:
        name = _name("users", str(user["name"]))
        found["users"].append(
            {"name": name, "password": _password(name, user.get("password")), "tags": sorted(user.get("tags") or [])}
        )
        for permission in user.get("permissions") or []:
            vhost = _known("users: %s: permissions" % name, permission["vhost"], names)
            rights = {right: str(permission.get(right, ".*")) for right in ("configure", "write", "read")}
            found["permissions"].append(dict(rights, user=name, vhost=vhost))
    for policy in policies:
        where = [_known("policies: %s" % policy["name"], policy["vhost"], names)] if policy.get("vhost") else names
        found["policies"].extend(_policy(policy, vhost) for vhost in where)
    for kind in KINDS:
        _unique(kind, found[kind])
    return found


def _policy(policy: Mapping[str, Any], vhost: str) -> Entry:
    name = _name("policies", str(policy["name"]))
    if not policy.get("definition"):
        raise Invalid("policies: %s: definition is empty: say what the policy does, such as {ha-mode: all}" % name)
    return {
        "name": name,
        "vhost": vhost,
        "pattern": str(policy["pattern"]),
        "apply-to": str(policy.get("apply_to") or "queues"),
        "priority": int(policy.get("priority") or 0),
        "definition": dict(policy["definition"]),
    }


def _name(option: str, name: str) -> str:
    if not 0 < len(name) <= LONGEST_NAME or name.startswith("-") or not name.isprintable():
        raise Invalid(
            "%s: %r is no name: use 1 to %d characters that can be seen, the first of them no '-'"
            % (option, name, LONGEST_NAME)
        )
    return name


def _password(name: str, password: Any) -> str:
    if not password or len(str(password)) < SHORTEST_PASSWORD:
        raise Invalid(
            "users: %s: its password has fewer than %d characters: take a longer one from your vault"
            % (name, SHORTEST_PASSWORD)
        )
    return str(password)


def _known(where: str, vhost: Any, names: List[str]) -> str:
    if vhost not in names:
        raise Invalid("%s: the virtual host %r is not in vhosts (%s)" % (where, vhost, ", ".join(names) or "none"))
    return str(vhost)


def _unique(kind: str, entries: Iterable[Entry]) -> None:
    seen = set()
    for entry in entries:
        key = _key(kind, entry)
        if key in seen:
            raise Invalid("%s: %s is there twice: declare it once" % (kind, "/".join(key)))
        seen.add(key)


def _key(kind: str, entry: Mapping[str, Any]) -> Tuple[str, ...]:
    return tuple(str(entry[part]) for part in _KEYS[kind])


def differing(
    there: Mapping[str, Any], wanted: Objects, absent_users: Iterable[str] = (), purge: Iterable[str] = ()
) -> List[Change]:
    """What has to change, in an order in which it can."""
    changes = [change for kind in KINDS for change in _wrong(kind, there, wanted)]
    gone = list(_gone(there, wanted, frozenset(absent_users), frozenset(purge)))
    return changes + gone


def _wrong(kind: str, there: Mapping[str, Any], wanted: Objects) -> Iterator[Change]:
    known = {_key(kind, entry): entry for entry in there.get(kind) or []}
    for entry in wanted[kind]:
        key = _key(kind, entry)
        before = known.get(key)
        if before is None or not _same(kind, before, entry):
            yield Change(kind, key, before, entry)


def _same(kind: str, there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if kind == "users":
        return fits(there, wanted["password"]) and _tags(there) == wanted["tags"]
    return all(there.get(name) == value for name, value in wanted.items())


def _tags(user: Mapping[str, Any]) -> List[str]:
    """A list today, words with commas before RabbitMQ 3.9."""
    tags = user.get("tags") or []
    return sorted(tag for tag in (tags.split(",") if isinstance(tags, str) else tags) if tag)


def _gone(there: Mapping[str, Any], wanted: Objects, absent: Any, purge: Any) -> Iterator[Change]:
    going = {kind: [] for kind in KINDS}  # type: Objects
    for kind in KINDS:
        kept = {_key(kind, entry) for entry in wanted[kind]}
        for entry in there.get(kind) or []:
            key = _key(kind, entry)
            if key not in kept and (kind in purge or (kind == "users" and key[0] in absent)):
                going[kind].append(entry)
    users = {entry["name"] for entry in going["users"]}
    vhosts = {entry["name"] for entry in going["vhosts"]}
    for kind in reversed(KINDS):
        for entry in going[kind]:
            # These go with what they belong to.
            if kind in ("permissions", "policies") and (entry.get("user") in users or entry["vhost"] in vhosts):
                continue
            yield Change(kind, _key(kind, entry), entry, None)


def hashed(password: str, salt: Optional[bytes] = None) -> str:
    """A password as RabbitMQ keeps it: four bytes of salt, then the digest of both."""
    salt = os.urandom(4) if salt is None else salt
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode("utf-8")).digest()).decode("ascii")


def fits(user: Mapping[str, Any], password: str) -> bool:
    """Whether a user has a password; one whose hash is of an unknown kind has it not."""
    digest = _DIGESTS.get(str(user.get("hashing_algorithm") or ALGORITHM))
    try:
        raw = base64.b64decode(str(user.get("password_hash") or ""))
    except ValueError:
        return False
    return bool(digest and len(raw) > 4 and digest(raw[:4] + password.encode("utf-8")).digest() == raw[4:])


def document(wanted: Objects, secret: str) -> Objects:
    """All that is declared, for a server that reads it when it starts; the same text each time, for the same secret."""
    found = {kind: [dict(entry) for entry in wanted[kind]] for kind in KINDS}
    for user in found["users"]:
        salt = hashlib.sha256(("%s\0%s" % (secret, user["name"])).encode("utf-8")).digest()[:4]
        user.update(password_hash=hashed(user.pop("password"), salt), hashing_algorithm=ALGORITHM)
    return found


def importable(changes: Iterable[Change]) -> Objects:
    """What is to be imported, with hashes in place of passwords."""
    found = {kind: [] for kind in KINDS}  # type: Objects
    for change in changes:
        if change.after is None:
            continue
        entry = dict(change.after)
        if change.kind == "users":
            keep = change.before if change.before and fits(change.before, entry["password"]) else None
            entry["password_hash"] = keep["password_hash"] if keep else hashed(entry["password"])
            entry["hashing_algorithm"] = (keep or {}).get("hashing_algorithm") or ALGORITHM
            del entry["password"]
        found[change.kind].append(entry)
    return found


def removal(change: Change) -> List[str]:
    """The words for rabbitmqctl that remove an object; none of them is a secret."""
    if change.kind == "users":
        return ["delete_user", change.key[0]]
    if change.kind == "vhosts":
        return ["delete_vhost", change.key[0]]
    if change.kind == "permissions":
        return ["clear_permissions", "--vhost", change.key[1], change.key[0]]
    return ["clear_policy", "--vhost", change.key[0], change.key[1]]


def shown(change: Change) -> Dict[str, Any]:
    """Before and after for people; of a password only whether it is the declared one."""
    return {
        "before_header": str(change),
        "after_header": str(change),
        "before": _plain(change, change.before),
        "after": _plain(change, change.after),
    }


def _plain(change: Change, entry: Optional[Entry]) -> Any:
    if entry is None:
        return ""
    if change.kind != "users":
        return {name: value for name, value in sorted(entry.items()) if name not in ("limits", "metadata")}
    plain = {"name": entry["name"], "tags": _tags(entry)}
    if change.after is not None:
        right = entry is change.after or fits(entry, change.after["password"])
        plain["password"] = "as declared" if right else "another one"
    return plain
