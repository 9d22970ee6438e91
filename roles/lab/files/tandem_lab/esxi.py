# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ESXi host as far as SSH goes: a real SSH server whose sessions are a real shell, in which `vim-cmd` is emulated.

The shell is the machine's /bin/sh (a POSIX shell, as ESXi's), so that a name that reaches a command unquoted does its harm
here as it would there. `vim-cmd` is a small program that asks this one, by a Unix socket. Authentication is by key, by
password and by keyboard-interactive, as ESXi offers; the host key is the host's own. Needs asyncssh.

Fault modes (see bmc.py): `silent` accepts connections and says nothing, `slow` lets every vim-cmd wait, `error` fails them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import asyncssh

from . import vim_cmd
from .errors import LabError

SILENCE = 120.0  # seconds for which a silent host keeps a connection
_CLIENT = """#!{python} -ISu
import json, socket, sys
with socket.socket(socket.AF_UNIX) as ask:
    ask.connect({socket!r})
    ask.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    text, code = json.loads(ask.makefile("rb").readline())
sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
sys.exit(code)
"""


@dataclass(frozen=True)
class Access:
    """Who may log in. Passwords and keys are read each time, so that new ones hold at once."""

    user: str
    password: Callable[[], Optional[str]]
    host_key: Path
    authorized_keys: Path


class _Guard(asyncssh.SSHServer):  # type: ignore[misc]
    def __init__(self, access: Access) -> None:
        self.access = access

    def connection_made(self, conn: Any) -> None:
        self.connection = conn

    def begin_auth(self, username: str) -> bool:
        if username == self.access.user and self.access.authorized_keys.exists():
            self.connection.set_authorized_keys(str(self.access.authorized_keys))
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == self.access.user and bool(password) and password == self.access.password()


class Server:
    """One host on one listening socket, until it is closed."""

    def __init__(self, host: vim_cmd.Host, access: Access, mode: Callable[[], Tuple[str, float]]) -> None:
        self.host, self.access, self.mode = host, access, mode
        self.commands: List[List[str]] = []  # every vim-cmd, for tests

    async def serve(self, listener: socket.socket) -> None:
        """Answer until cancelled."""
        listener.setblocking(False)
        with tempfile.TemporaryDirectory(prefix="esxi.") as directory:
            await self._provide_vim_cmd(Path(directory))
            tasks = set()
            while True:
                connection, _peer = await asyncio.get_running_loop().sock_accept(listener)
                task = asyncio.ensure_future(self._talk(connection, directory))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    async def _provide_vim_cmd(self, directory: Path) -> None:
        path = directory / "socket"
        await asyncio.start_unix_server(self._answer, str(path))
        program = directory / "vim-cmd"
        program.write_text(_CLIENT.format(python=sys.executable, socket=str(path)))
        program.chmod(0o755)

    async def _talk(self, connection: socket.socket, directory: str) -> None:
        if self.mode()[0] == "silent":
            await asyncio.sleep(SILENCE)
            connection.close()
            return
        with contextlib.suppress(OSError, asyncssh.Error):
            session = await asyncssh.run_server(
                connection,
                server_factory=lambda: _Guard(self.access),
                server_host_keys=[str(self.access.host_key)],
                process_factory=lambda process: _run(process, directory),
                encoding=None,
                allow_scp=False,
            )
            await session.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        argv = json.loads(await reader.readline())
        self.commands.append(argv)
        mode, delay = self.mode()
        if mode == "slow":
            await asyncio.sleep(delay)
        try:
            text, code = (vim_cmd.broken(), 1) if mode == "error" else await asyncio.to_thread(self.host.answer, argv)
        except LabError:
            text, code = vim_cmd.broken(), 1
        with contextlib.suppress(ConnectionError):
            writer.write(json.dumps([text, code]).encode() + b"\n")
            await writer.drain()
        writer.close()


async def _run(process: Any, directory: str) -> None:
    """One command of a client, in a shell of its own; it ends with the connection."""
    shell = await asyncio.create_subprocess_exec(
        "/bin/sh",
        *(["-c", process.command] if process.command else []),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": directory + ":/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        cwd=directory,
        start_new_session=True,
    )
    try:
        await process.redirect(stdin=shell.stdin, stdout=shell.stdout, stderr=shell.stderr)
        waiting = [asyncio.ensure_future(shell.wait()), asyncio.ensure_future(process.wait_closed())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if shell.returncode is not None:
            await process.stdout.drain()
            process.exit(shell.returncode)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        await shell.wait()
