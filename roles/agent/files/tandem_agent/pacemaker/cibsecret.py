# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets that Pacemaker keeps in files of each node instead of in the CIB.

Where an option's value in the CIB is `lrm://`, the executor and the fencer read the value from SECRETS/RESOURCE/OPTION
just before they call the agent, and refuse to when SECRETS/RESOURCE/OPTION.sign is not its MD5 sum (lib/common/
cib_secrets.c; the tool `cibsecret` writes the same files, and copies them with ssh). A node without the file fails the
resource as "not configured", for which the cluster gives it up on all nodes: so files come first, on every node.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import stat
import sys
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ..errors import AgentError
from ..model.secrets import LONGEST, secret_fault
from .runner import Runner

BASE = "/var/lib/pacemaker"
_BELOW = ("lrm", "secrets")
SECRETS = "/".join((BASE, *_BELOW))
# Every member has the same and only root may read it, so that it makes a sum that tells nobody else the secret.
KEYS = ("/etc/corosync/authkey", "/etc/pacemaker/authkey")
_SIGNATURE = ".sign"
_SUM = 32  # characters of an MD5 sum
_NO_PROTECTION: Dict[str, Any] = (
    {"usedforsecurity": False} if sys.version_info >= (3, 9) else {}
)  # for hosts in FIPS mode


class Secret(NamedTuple):
    """What a file of this node says; None where the file is damaged or may be read by others than root."""

    name: str
    value: Optional[str]


class SecretFiles:
    """This node's secret files. `base` None is no node: work on a CIB file, which has no files beside it."""

    def __init__(self, runner: Runner, base: Optional[str] = BASE, keys: Tuple[str, ...] = KEYS) -> None:
        self._runner = runner
        self._base = base
        self._keys = keys
        self._supported: Optional[bool] = None

    @property
    def kept(self) -> bool:
        """Whether there are files at all."""
        return self._base is not None

    def supported(self) -> Optional[bool]:
        """Whether this Pacemaker was built with CIB secrets; None when it is not here to be asked."""
        if self._supported is None and self._runner.has("pacemakerd"):
            said = self._runner.run(["pacemakerd", "--features"], timeout=10).stdout
            self._supported = b"cibsecrets" in said.split()
        return self._supported

    def read(self, resource: str) -> Dict[str, Secret]:
        """The secrets of one resource by option."""
        found: Dict[str, Secret] = {}
        with self._opened(resource, make=False) as directory:
            if directory is None:
                return {}
            names = os.listdir(directory)
            plain = {name for name in names if not name.endswith(_SIGNATURE) and not secret_fault(name, None)}
            for name in sorted(plain):
                found[name] = Secret(name, _read(directory, name))
        return found

    def values(self, resource: str) -> Dict[str, str]:
        """As `read`, of what is in order."""
        return {name: one.value for name, one in self.read(resource).items() if one.value is not None}

    def resources(self) -> List[str]:
        """The resources that have files here."""
        with self._opened(None, make=False) as directory:
            return [] if directory is None else sorted(os.listdir(directory))

    def write(self, resource: str, secrets: Mapping[str, str]) -> None:
        """Keep these, beside those that are there. Value and sum are two files, renamed at once one after the other."""
        with self._opened(resource, make=True) as directory:
            assert directory is not None
            for name, value in secrets.items():
                _check(name, value)
                _spare(directory, name, value)
                _spare(directory, name + _SIGNATURE, _sum(value))
            for name in secrets:
                os.replace(f".{name}", name, src_dir_fd=directory, dst_dir_fd=directory)
                signature = name + _SIGNATURE
                os.replace(f".{signature}", signature, src_dir_fd=directory, dst_dir_fd=directory)
            os.fsync(directory)

    def remove(self, resource: str, names: Optional[List[str]] = None) -> None:
        """Forget these, or all there are; the directory goes with the last one."""
        with self._opened(resource, make=False) as directory:
            if directory is None:
                return
            gone = os.listdir(directory) if names is None else [n + s for n in names for s in (_SIGNATURE, "")]
            for name in gone:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=directory)
            empty = not os.listdir(directory)
        if empty:
            with self._opened(None, make=False) as parent, contextlib.suppress(OSError):
                os.rmdir(resource, dir_fd=parent)

    def seal(self, resource: str, secrets: Mapping[str, str]) -> Optional[str]:
        """A word that changes when a secret does, and is the same on all members; None where there is no common key."""
        key = next((text for text in map(_key, self._keys) if text), None)
        if key is None:
            return None
        said = "\0".join([resource, *(f"{name}\0{secrets[name]}" for name in sorted(secrets))])
        return hmac.new(key, said.encode("utf-8"), hashlib.sha256).hexdigest()[:16]

    @contextlib.contextmanager
    def _opened(self, resource: Optional[str], make: bool) -> Iterator[Optional[int]]:
        """The directory of a resource (None: of all), a step at a time: none of them may be a link or anybody else's."""
        if self._base is None:
            yield None
            return
        steps = [*_BELOW, *([] if resource is None else [_plain(resource)])]
        with contextlib.ExitStack() as stack:
            where = self._base
            current: Optional[int] = _directory(where, None)
            if current is not None:
                stack.callback(os.close, current)
            for step in steps:
                if current is None:
                    break
                where = f"{where}/{step}"
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(step, 0o700, dir_fd=current)
                current = _directory(step, current, where)
                if current is not None:
                    stack.callback(os.close, current)
            if current is None and make:
                raise AgentError("secrets.directory", f"{self._base} is missing: is pacemaker installed on this host?")
            yield current


def _directory(name: str, parent: Optional[int], where: str = "") -> Optional[int]:
    """`name` opened; None when it is not there. Below the base everything is root's alone."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _not_ours(where or name) from error
    if parent is not None:
        found = os.fstat(handle)
        if found.st_uid != os.geteuid():
            os.close(handle)
            raise _not_ours(where)
        if stat.S_IMODE(found.st_mode) & 0o022:
            os.fchmod(handle, 0o700)
    return handle


def _not_ours(where: str) -> AgentError:
    return AgentError(
        "secrets.directory",
        f"{where} is no directory of root's, so no secret is read from it or written to it; look who made it, and remove it",
    )


def _plain(resource: str) -> str:
    if not resource or "/" in resource or resource.startswith("."):
        raise AgentError("secrets.directory", f"{resource!r} cannot name the directory of a resource's secrets")
    return resource


def _check(name: str, value: str) -> None:
    wrong = secret_fault(name, value)
    if wrong:
        raise AgentError("secrets.invalid", f"the secret {name} {wrong}")


def _read(directory: int, name: str) -> Optional[str]:
    """The value, when it is what its sum says and for root only."""
    value, total = _text(directory, name, LONGEST + 1), _text(directory, name + _SIGNATURE, _SUM + 1)
    return value if value and total and total.lower() == _sum(value) else None


def _text(directory: int, name: str, limit: int) -> Optional[str]:
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            return None
        data = stream.read(limit + 1)
    try:
        return data.decode("utf-8").rstrip() if len(data) <= limit else None
    except UnicodeDecodeError:
        return None


def _spare(directory: int, name: str, text: str) -> None:
    """A file beside the real one, complete on the disk."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f".{name}", dir_fd=directory)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(f".{name}", flags, 0o600, dir_fd=directory)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def _sum(value: str) -> str:
    """Pacemaker's choice; it protects nothing, it finds damage."""
    return hashlib.new("md5", value.encode("utf-8"), **_NO_PROTECTION).hexdigest()  # noqa: S324


def _key(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(4096)
    except OSError:
        return b""
