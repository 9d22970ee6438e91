# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place where the agent starts other programs.

No shell, a fixed search path, an emptied environment, a process group of its own that is killed as a whole when the
time is over, and a cap on what a program may print. What is secret goes in by standard input or a memory file, never
on a command line.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from typing import IO, Callable, Dict, Iterator, List, Mapping, NamedTuple, NoReturn, Optional, Sequence

from ..errors import AgentError

logger = logging.getLogger(__name__)

SEARCH_PATH = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
OUTPUT_LIMIT = 64 * 1024 * 1024  # bytes of standard output and error together
_CHUNK = 65536
_DYING = 2.0  # seconds a killed program is waited for
_POLL = 0.2  # seconds between looks at a program whose output a child of its own may keep open

# Which package carries a tool, so that a missing one is answered with what to do.
_PACKAGES = (
    ("corosync", "corosync"),
    ("fence_", "fence-agents"),
    ("systemctl", "systemd"),
    ("crm_node", "pacemaker"),
    ("pacemaker", "pacemaker"),
    ("", "pacemaker-cli-utils on Debian and Ubuntu, pacemaker-cli on Red Hat"),
)


class Completed(NamedTuple):
    """What a program left behind. A negative `rc` is the signal that ended it."""

    rc: int
    stdout: bytes
    stderr: bytes


class _Stopped(Exception):
    """The program has to be killed: `code` and `message` say why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Runner:
    """Runs programs. Holds no state beside its settings, so any number of threads may use one."""

    def __init__(
        self, search_path: Optional[Sequence[str]] = None, environment: Optional[Mapping[str, str]] = None
    ) -> None:
        """`search_path` comes before the fixed directories; `environment` stands for the agent's own (default os.environ)."""
        own = dict(os.environ if environment is None else environment)
        first = own.get("TANDEM_TOOLS", "").split(":") if search_path is None else list(search_path)
        self.search_path: List[str] = [directory for directory in first if directory] + list(SEARCH_PATH)
        self.environment: Dict[str, str] = {
            name: value
            for name, value in own.items()
            if name in ("CIB_file", "CIB_shadow_dir") or name.startswith("PCMK_")
        }
        if self.environment.get("CIB_file"):  # programs run in /, so a relative name would be lost
            self.environment["CIB_file"] = os.path.abspath(self.environment["CIB_file"])
        self.environment.update(LC_ALL="C", PATH=":".join(self.search_path))
        self._local = threading.local()

    @contextlib.contextmanager
    def within(self, remaining: Callable[[], float]) -> Iterator[None]:
        """Until left, no program started by this thread may run longer than `remaining()` seconds."""
        self._local.remaining = remaining
        try:
            yield
        finally:
            self._local.remaining = None

    def _allowed(self, name: str, timeout: float) -> float:
        remaining = getattr(self._local, "remaining", None)
        left = timeout if remaining is None else min(timeout, remaining())
        if left <= 0:
            raise AgentError("deadline", f"the time allowed was over before {name} could be run", retryable=True)
        return left

    def find(self, name: str) -> Optional[str]:
        """The full path of program `name`, or None. An absolute path is taken as it is."""
        candidates = (
            [name] if name.startswith("/") else [os.path.join(directory, name) for directory in self.search_path]
        )
        for path in candidates:
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        return None

    def has(self, name: str) -> bool:
        """Whether program `name` can be run."""
        return self.find(name) is not None

    def run(
        self,
        argv: Sequence[str],
        stdin: bytes = b"",
        timeout: float = 30.0,
        pass_fds: Sequence[int] = (),
        environment: Optional[Mapping[str, str]] = None,
    ) -> Completed:
        """Run `argv` to its end, feeding it `stdin`; `environment` is added to the emptied one.

        Errors: `tool.missing`; `tool.timeout` after `timeout` seconds (the whole group is killed); `tool.failed` when
        the program can't be started or prints more than OUTPUT_LIMIT; `deadline` when no time is left (`within`).
        """
        path = self.find(argv[0])
        if path is None:
            raise self._missing(argv[0])
        timeout = self._allowed(argv[0], timeout)
        started = time.monotonic()
        try:
            process = subprocess.Popen(
                [path, *argv[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=tuple(pass_fds),
                env={**self.environment, **(environment or {})},
                cwd="/",
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            raise AgentError("tool.failed", f"{argv[0]} could not be started: {error}", {"tool": argv[0]}) from error
        try:
            completed = _converse(process, stdin, started + timeout)
        except _Stopped as stop:
            _give_up(argv[0], stop, timeout)
        except OSError as error:  # no descriptor or memory left for the conversation
            raise AgentError("tool.failed", f"{argv[0]} could not be run: {error}", {"tool": argv[0]}) from error
        finally:
            _end(process)
        logger.debug("%s: rc %s after %.3f s", " ".join(argv), completed.rc, time.monotonic() - started)
        return completed

    def _missing(self, name: str) -> AgentError:
        package = next(package for prefix, package in _PACKAGES if os.path.basename(name).startswith(prefix))
        return AgentError(
            "tool.missing",
            f"{name} is not on this host (looked in {', '.join(self.search_path)}); install the package that carries it"
            f" ({package})",
            {"tool": name, "search_path": self.search_path},
        )


def _give_up(name: str, stop: _Stopped, timeout: float) -> NoReturn:
    details = {"tool": name, "timeout": timeout}
    raise AgentError(stop.code, f"{name} {stop}", details, retryable=stop.code == "tool.timeout") from stop


def _converse(process: subprocess.Popen[bytes], stdin: bytes, until: float) -> Completed:
    """Write and read at once, so that neither side can block the other; raise `_Stopped` at `until` or at the cap."""
    assert process.stdin and process.stdout and process.stderr
    output: Dict[IO[bytes], List[bytes]] = {process.stdout: [], process.stderr: []}
    waiting = memoryview(stdin)
    total = 0
    with selectors.DefaultSelector() as selector:
        for stream in output:
            selector.register(stream, selectors.EVENT_READ)
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        if not stdin:
            _close_stdin(process, selector)
        while selector.get_map():
            left = until - time.monotonic()
            if left <= 0:
                raise _Stopped("tool.timeout", "did not end in time and was killed; is the cluster stack hanging?")
            ready = selector.select(min(left, _POLL))
            if not ready and process.poll() is not None:
                break  # the program is gone; only something it left running still holds its output
            for key, _mask in ready:
                if key.fileobj is process.stdin:
                    waiting = _feed(process, waiting)
                    if not waiting:
                        _close_stdin(process, selector)
                    continue
                stream = key.fileobj  # type: ignore[assignment]
                data = os.read(key.fd, _CHUNK)
                if not data:
                    selector.unregister(stream)
                    continue
                total += len(data)
                if total > OUTPUT_LIMIT:
                    raise _Stopped("tool.failed", f"printed more than {OUTPUT_LIMIT} bytes and was killed")
                output[stream].append(data)
    try:
        rc = process.wait(max(0.0, until - time.monotonic()) or 0.01)
    except subprocess.TimeoutExpired:
        raise _Stopped("tool.timeout", "closed its output but did not end in time and was killed") from None
    return Completed(rc, b"".join(output[process.stdout]), b"".join(output[process.stderr]))


def _feed(process: subprocess.Popen[bytes], waiting: memoryview) -> memoryview:
    """Write what the pipe takes; a reader that is gone needs no more."""
    assert process.stdin
    try:
        return waiting[os.write(process.stdin.fileno(), waiting[:_CHUNK]) :]
    except BlockingIOError:
        return waiting
    except BrokenPipeError:
        return waiting[len(waiting) :]


def _close_stdin(process: subprocess.Popen[bytes], selector: selectors.BaseSelector) -> None:
    assert process.stdin
    selector.unregister(process.stdin)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind: no pipe, no zombie, and, if the program did not end by itself, no member of its group."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: it dies when its disk answers
            process.wait(_DYING)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()


@contextlib.contextmanager
def memfile(data: bytes = b"") -> Iterator[int]:
    """A file that exists only as a descriptor; a tool given it by `pass_fds` opens it as /proc/self/fd/N."""
    try:
        descriptor = _filled(data)
    except OSError as error:
        raise AgentError(
            "tool.failed", f"no room for what a tool is to be given ({len(data)} bytes): {error}"
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _filled(data: bytes) -> int:
    """Kernels (and Pythons) without memfd get an unlinked temporary file instead."""
    try:
        descriptor = os.memfd_create("tandem")
    except (AttributeError, OSError):
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def memfile_path(descriptor: int) -> str:
    """How a tool that was given `descriptor` names it."""
    return f"/proc/self/fd/{descriptor}"


def memfile_read(descriptor: int) -> bytes:
    """All that stands in the memory file now."""
    size = os.fstat(descriptor).st_size
    parts = []
    offset = 0
    while offset < size:
        part = os.pread(descriptor, size - offset, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
    return b"".join(parts)
