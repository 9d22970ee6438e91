# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""MariaDB accounts as statements. Pure: what is to be said, and what an answer means.

Names and addresses come from an inventory and go into SQL, so only harmless characters are let through. Passwords go
in as hashes, the way the server keeps them.
"""

import hashlib
import re
from typing import Any, Dict, Iterable, List, Mapping, Set, Tuple

NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}\Z")
HOST = re.compile(r"[A-Za-z0-9_.:%/-]{1,255}\Z")
SCOPE = re.compile(r"(\*|[A-Za-z0-9_%-]{1,64})\.(\*|[A-Za-z0-9_-]{1,64})\Z")
PRIVILEGES = re.compile(r"[A-Za-z]+( [A-Za-z]+)*( *, *[A-Za-z]+( [A-Za-z]+)*)*\Z")
SHORTEST_PASSWORD = 8

Account = Tuple[str, str]

# An account as an option; documented by the fragment `_galera`.
ACCOUNT: Dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str", "default": ["%"]},
    "password": {"type": "str", "no_log": True},
    "privileges": {"type": "dict", "default": {}},
    "tls": {"type": "bool"},
}


class Invalid(ValueError):
    """An account that cannot be; the message names the option and what is allowed."""


def check(accounts: Iterable[Mapping[str, Any]]) -> None:
    """Raise Invalid for the first account that cannot be."""
    for entry in accounts:
        name = str(entry.get("name"))
        if not NAME.match(name):
            raise Invalid("accounts: %r is no name: use letters, digits, '_', '.' and '-', at most 80" % name)
        password = entry.get("password")
        if password is not None and len(str(password)) < SHORTEST_PASSWORD:
            raise Invalid("accounts: the password of %s is shorter than %d characters" % (name, SHORTEST_PASSWORD))
        for host in entry.get("hosts") or []:
            if not HOST.match(str(host)):
                raise Invalid(
                    "accounts: %s: %r is no host: use an address, a pattern such as 10.0.0.%%, or %%" % (name, host)
                )
        for scope, privileges in (entry.get("privileges") or {}).items():
            if not SCOPE.match(str(scope)):
                raise Invalid("accounts: %s: privileges on %r: write database.table, database.* or *.*" % (name, scope))
            if not PRIVILEGES.match(str(privileges)):
                raise Invalid("accounts: %s: %r are no privileges: write them as SELECT, INSERT" % (name, privileges))


def hashed(password: Any) -> str:
    """What the server keeps of a password (mysql_native_password); empty for none."""
    if password is None:
        return ""
    # What the server's protocol says; the choice is not ours.
    once = hashlib.sha1(str(password).encode("utf-8")).digest()  # noqa: S324
    return "*" + hashlib.sha1(once).hexdigest().upper()  # noqa: S324


def wanted(accounts: Iterable[Mapping[str, Any]]) -> Dict[Account, Mapping[str, Any]]:
    return {(str(entry["name"]), str(host)): entry for entry in accounts for host in entry.get("hosts") or ["%"]}


def create(account: Account, entry: Mapping[str, Any]) -> List[str]:
    """The statements that make an account what is declared, whatever it is now."""
    who = "'%s'@'%s'" % account
    statements = [
        "CREATE USER IF NOT EXISTS %s" % who,
        "ALTER USER %s IDENTIFIED VIA mysql_native_password USING '%s'" % (who, hashed(entry.get("password"))),
    ]
    if entry.get("tls") is not None:
        statements[-1] += " REQUIRE %s" % ("SSL" if entry["tls"] else "NONE")
    return statements + ["GRANT %s ON %s TO %s" % (what, on, who) for on, what in grants(entry)]


def grants(entry: Mapping[str, Any]) -> List[Tuple[str, str]]:
    return [(_quoted(str(on)), _listed(str(what))) for on, what in sorted((entry.get("privileges") or {}).items())]


def _quoted(scope: str) -> str:
    database, table = scope.split(".", 1)
    return "%s.%s" % tuple(part if part == "*" else "`%s`" % part for part in (database, table))


def _listed(privileges: str) -> str:
    words = sorted(" ".join(word.split()).upper() for word in privileges.split(","))
    return "ALL PRIVILEGES" if set(words) & {"ALL", "ALL PRIVILEGES"} else ", ".join(words)


# Who copies everything for a member that joins: the server's own user of the system, over the socket, with what mariadb-backup needs.
COPYIST = (
    "CREATE USER IF NOT EXISTS 'mysql'@'localhost' IDENTIFIED VIA unix_socket",
    "GRANT RELOAD, PROCESS, LOCK TABLES, BINLOG MONITOR, REPLICA MONITOR, CONNECTION ADMIN ON *.* TO 'mysql'@'localhost'",
)


def first(accounts: Iterable[Mapping[str, Any]]) -> str:
    """What a new server is told before it serves anybody, for `mariadbd --bootstrap`."""
    statements = ["FLUSH PRIVILEGES", "DELETE FROM mysql.global_priv WHERE User = ''", "FLUSH PRIVILEGES", *COPYIST]
    for account, entry in sorted(wanted(accounts).items()):
        statements += create(account, entry)
    return "".join("%s;\n" % statement for statement in statements)


QUESTION = (
    "SELECT 'account', User, Host, JSON_VALUE(Priv, '$.authentication_string'), JSON_VALUE(Priv, '$.ssl_type') FROM mysql.global_priv"
    " WHERE JSON_VALUE(Priv, '$.plugin') = 'mysql_native_password';"
)


def present(answer: str) -> Dict[Account, str]:
    """Accounts and their hashes, of the answer to QUESTION in columns."""
    return {(row[1], row[2]): "" if row[3] == "NULL" else row[3] for row in _rows(answer)}


def encrypted(answer: str) -> Set[Account]:
    """The accounts that may only log in over TLS, of the same answer: a certificate of the client's own is more than that."""
    return {(row[1], row[2]) for row in _rows(answer) if row[4] not in ("NULL", "", "-1", "0")}


def _rows(answer: str) -> List[List[str]]:
    return [line.split("\t") for line in answer.splitlines() if line.startswith("account\t")]


_GRANT = re.compile(r"GRANT (?P<what>.+) ON (?P<on>\S+) TO ")


def granted(answer: str) -> Set[Tuple[str, str]]:
    """Scope and privileges, of the answer to SHOW GRANTS; that somebody may log in is no privilege."""
    found = [_GRANT.match(line) for line in answer.splitlines()]
    pairs = {(match.group("on"), _listed(match.group("what"))) for match in found if match}
    return {(on, what) for on, what in pairs if what != "USAGE"}
