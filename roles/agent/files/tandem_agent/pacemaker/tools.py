# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pacemaker's command line tools, one small method a tool.

Exit codes are Pacemaker's `crm_exit_t` (`crm_error --exit CODE`): 0 fine, 1 generic failure, 5 not installed, 76
protocol (a CIB of a newer stack), 78 configuration refused, 102 not connected, 103 update older than what is there,
104 digest mismatch, 105 no such object, 106 quorum required, 124 timeout.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from typing import Dict, List, NoReturn, Optional, Sequence, Tuple

from ..cib.tree import parse
from ..errors import AgentError
from ..model.agents import agent_fault
from .newer import header, newer
from .runner import OUTPUT_LIMIT, Completed, Runner, memfile, memfile_path, memfile_read
from .verdict import Verdict, read_verdict

OK, FAILED, PROTOCOL, CONFIG = 0, 1, 76, 78
DISCONNECTED, OLD, DIGEST, NO_SUCH, NO_QUORUM, TIMED_OUT = 102, 103, 104, 105, 106, 124
_COROSYNC_CONF = "/etc/corosync/corosync.conf"


class PatchRefused(Exception):
    """The CIB moved on since it was read (rc 103, or 104 when only its digest shows it). Reload and try again."""

    def __init__(self, rc: int, text: str) -> None:
        super().__init__(text)
        self.rc = rc
        self.text = text


def cleaned(stderr: bytes) -> str:
    """A tool's complaint as one line for a message. Numbered XML is left out: cibadmin 2.x prints the CIB it refuses."""
    lines = stderr.decode("utf-8", "replace").splitlines()
    text = " ".join(" ".join(line for line in lines if not re.match(r"\s*(\d+\s|\d*\s*<)", line)).split())
    return text if len(text) <= 2000 else text[:2000] + " …"


def failed(tool: str, completed: Completed) -> AgentError:
    """`tool.failed` for an exit code that no caller expects. Standard output stays out of it: it may hold the CIB."""
    said = cleaned(completed.stderr) or "it said nothing"
    return AgentError(
        "tool.failed",
        f"{tool} failed with exit code {completed.rc}: {said}",
        {"tool": tool, "rc": completed.rc, "stderr": said},
    )


class Tools:
    """The tools as functions. Safe to use from several threads."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self._lock = threading.Lock()
        self._versions: Dict[str, str] = {}
        self._node: Optional[Tuple[float, str]] = None  # (corosync.conf's change time, name)

    @property
    def file(self) -> Optional[str]:
        """The file that CIB_file points all tools at, None on a live cluster."""
        return self.runner.environment.get("CIB_file") or None

    @property
    def offline(self) -> bool:
        """Whether the tools work on a file instead of the cluster."""
        return self.file is not None

    # -- the CIB

    def query_cib(self) -> bytes:
        """The whole CIB, status included. `cib.unavailable` when Pacemaker does not run here."""
        if self.file is not None:
            text = _read_file(self.file)
            if not self.runner.has("cibadmin"):
                return text  # enough to export and to plan without a preview
        completed = self.runner.run(["cibadmin", "--query"])
        if completed.rc == CONFIG and self.file is not None:
            self._refuse_file(self.file, text)
        if completed.rc != OK:
            self._unavailable("cibadmin", completed, (DISCONNECTED, NO_SUCH, TIMED_OUT))
        return completed.stdout

    def query_version(self, node: str = "") -> bytes:
        """The CIB without what is in it, as the CIB manager of `node` has it; of this node without a name."""
        asked = ["--node", node] if node else []
        completed = self.runner.run(["cibadmin", "--query", "--xpath", "/cib", "--no-children", *asked], timeout=10)
        if completed.rc != OK:
            raise failed("cibadmin", completed)
        return completed.stdout

    def diff(self, original: bytes, candidate: bytes) -> bytes:
        """The patch from one CIB to the other, with versions; empty when they are the same."""
        with memfile(original) as old, memfile(candidate) as new:
            completed = self.runner.run(
                ["crm_diff", "--original", memfile_path(old), "--new", memfile_path(new)], pass_fds=(old, new)
            )
        if completed.rc not in (0, 1):  # 1: they differ
            raise failed("crm_diff", completed)
        if completed.rc == 1 and not completed.stdout.strip():
            raise failed("crm_diff", completed)
        return completed.stdout if completed.stdout.strip() else b""

    def lost(self, original: bytes, candidate: bytes) -> List[str]:
        """Where `candidate` has a new value that Pacemaker here would write down as something else: before 3.0 one with
        tabs, line ends or control characters, before 2.1 one that is not ASCII.
        """
        before = _odd_values(original)
        odd = {at: value for at, value in _odd_values(candidate).items() if before.get(at) != value}
        if not odd or (self.offline and not self.runner.has("crm_diff")):
            return []
        kept = {value for element in parse(self.diff(original, candidate)).iter() for value in element.attrib.values()}
        return [at for at, value in odd.items() if value not in kept]

    def patch(self, patch: bytes, timeout: float = 30.0) -> None:
        """Apply `patch`: the one moment at which the cluster's configuration changes.

        Errors: PatchRefused, `cib.no_quorum`, `cib.schema`, `cib.newer`, `cib.unavailable`, `tool.failed`.
        """
        _must_be_patch(patch)
        before = b"" if self.file is None else _read_file(self.file)
        completed = self.runner.run(["cibadmin", "--patch", "--xml-pipe"], stdin=patch, timeout=timeout)
        if completed.rc == OK:
            return
        if completed.rc == FAILED and self.file is not None:
            _restore(self.file, before)
        said = cleaned(completed.stderr)
        if completed.rc in (OLD, DIGEST):
            raise PatchRefused(completed.rc, said)
        if completed.rc == NO_QUORUM:
            raise AgentError(
                "cib.no_quorum",
                "this partition of the cluster has no quorum, so Pacemaker accepts no change; bring the other members (or"
                " the quorum device) back first",
                {"rc": completed.rc},
                retryable=True,
            )
        if completed.rc == PROTOCOL:
            self._refuse_newer(self.query_cib())
        if completed.rc == CONFIG:
            raise AgentError("cib.schema", f"the CIB does not accept this change: {said}", {"rc": completed.rc})
        self._unavailable("cibadmin", completed, (DISCONNECTED,))

    def verify(self, cib: bytes) -> Verdict:
        """What Pacemaker's schema and crm_verify say about `cib`. `cib.newer` for a file that this host may not change:
        2.x would say so no sooner than on the patch, and 3.0 not at all.
        """
        if self.offline and not self.runner.has("crm_verify"):
            return Verdict(
                [], ["crm_verify is not on this host: the result was not checked against Pacemaker's schema"]
            )
        if self.offline:
            self._refuse_newer(cib)
        with memfile(cib) as file:
            # Before 3.0 warnings need the second -V.
            completed = self.runner.run(["crm_verify", "--xml-file", memfile_path(file), "-V", "-V"], pass_fds=(file,))
        if completed.rc not in (OK, CONFIG):  # 78: errors or warnings, the lines say which
            raise failed("crm_verify", completed)
        return read_verdict(completed.rc, completed.stderr.decode("utf-8", "replace"))

    def graph(self, cib: bytes, timeout: float = 20.0) -> bytes:
        """The transition that Pacemaker's scheduler would run on `cib`, as XML. Nothing is executed, not even in play:
        `--run` schedules only (200 new resources: 50 ms), `--simulate` would also act it out (7 s).
        """
        # Told no other place, crm_simulate keeps a copy of its input in CIB_shadow_dir, secrets included, and leaves it
        # there when somebody is killed. Memory files need no room on a disk and are gone with whoever had them open.
        with memfile(cib) as source, memfile() as copy, memfile() as graph:
            completed = self.runner.run(
                [
                    "crm_simulate",
                    "--run",
                    "--quiet",
                    f"--save-graph={memfile_path(graph)}",
                    f"--save-output={memfile_path(copy)}",
                    f"--xml-file={memfile_path(source)}",
                ],
                timeout=timeout,
                pass_fds=(source, copy, graph),
            )
            found = memfile_read(graph)
        if completed.rc != OK or not found:
            raise failed("crm_simulate", completed)
        return found

    # -- status

    def monitor(self) -> bytes:
        """crm_mon's XML: nodes, resources, failures, bans, fencing history."""
        completed = self.runner.run(["crm_mon", "-1", "--output-as=xml"])
        if completed.rc < 0:  # 3.0.0 aborts on a newer CIB
            self._refuse_newer(self.query_cib())
        if completed.rc != OK:
            self._unavailable("crm_mon", completed, (DISCONNECTED, NO_SUCH, TIMED_OUT))
        return completed.stdout

    def metadata(self, agent: str) -> bytes:
        """The metadata of `class:provider:type`, `class:type`, stonith agents as `stonith:type`.

        To give it the agent is run, as root. A name that is a path, or has `..` in it, would be a way to run any program,
        and who may only read may ask for a plan.
        """
        wrong = agent_fault(agent)
        if not wrong and ":/" in agent:
            wrong = f"{agent!r} is named by its path, and not asked for its metadata"
        if wrong:
            raise AgentError("params.invalid", wrong, {"agent": agent})
        completed = self.runner.run(["crm_resource", "--show-metadata", agent])
        if completed.rc != OK:  # 105 unknown (74 before 2.1); 5 not installed; 102 its daemon does not run
            raise failed("crm_resource", completed)
        return completed.stdout

    def cleanup(self, resource: Optional[str] = None, node: Optional[str] = None, timeout: float = 60.0) -> None:
        """Forget failed operations, so that the cluster tries again: of all resources, of one, on all nodes or on one."""
        argv = ["crm_resource", "--cleanup"]
        argv += [f"--resource={resource}"] if resource else []
        argv += [f"--node={node}"] if node else []
        self._command(argv, timeout)

    # -- nodes and fencing

    def local_node(self) -> str:
        """This node's name: what the cluster calls it while it runs, else the host's name."""
        changed = _changed(_COROSYNC_CONF)
        with self._lock:
            if self._node and self._node[0] == changed:
                return self._node[1]
        if self.offline or not self.runner.has("crm_node"):
            return socket.gethostname()
        completed = self.runner.run(["crm_node", "--name"], timeout=5)
        name = completed.stdout.decode("utf-8", "replace").strip()
        if completed.rc != OK or not name:
            return socket.gethostname()
        with self._lock:
            self._node = (changed, name)
        return name

    def node_names(self) -> Dict[int, str]:
        """Names of the nodes that the cluster layer knows, by Corosync node id."""
        completed = self.runner.run(["crm_node", "--list"])
        if completed.rc != OK:
            self._unavailable("crm_node", completed, (DISCONNECTED,))
        rows = re.findall(r"^(\d+) (\S+)", completed.stdout.decode("utf-8", "replace"), re.MULTILINE)
        return {int(number): name for number, name in rows}

    def remove_node(self, name: str, timeout: float = 60.0) -> None:
        """Make Pacemaker forget a node that has left the membership: CIB, status, and the daemons' memory."""
        self._command(["crm_node", "--force", f"--remove={name}"], timeout)

    def stonith_history(self) -> bytes:
        """The fencing history of all nodes, as XML."""
        return self._command(["stonith_admin", "--history=*", "--output-as=xml"], 30).stdout

    def fence_reboot(self, node: str, timeout: float) -> None:
        """Power-cycle `node` through the cluster's own fencing and wait until that is confirmed. `fence.failed` if not."""
        seconds = max(1, int(timeout) - 2)  # the tool's own limit first: it says more than a kill
        completed = self.runner.run(["stonith_admin", f"--reboot={node}", f"--timeout={seconds}"], timeout=timeout)
        if completed.rc != OK:
            said = cleaned(completed.stderr) or f"exit code {completed.rc}"
            raise AgentError("fence.failed", f"fencing {node} failed: {said}", {"node": node, "rc": completed.rc})

    # -- versions

    def versions(self) -> Dict[str, Optional[str]]:
        """Versions of `pacemaker` and `corosync`; None for what is not installed. What is found is remembered."""
        return {
            "pacemaker": self._version("pacemaker", ["cibadmin", "--version"], r"Pacemaker (\S+)"),
            "corosync": self._version("corosync", ["corosync", "-v"], r"version '([^']+)'"),
        }

    def _version(self, name: str, argv: Sequence[str], pattern: str) -> Optional[str]:
        with self._lock:
            if name in self._versions:
                return self._versions[name]
        try:
            completed = self.runner.run(argv, timeout=5)
        except AgentError:
            return None
        match = re.search(pattern, completed.stdout.decode("utf-8", "replace"))
        if not match:
            return None
        with self._lock:
            self._versions[name] = match.group(1)
        return match.group(1)

    # -- failures

    def _refuse_newer(self, cib: bytes) -> None:
        """Raise `cib.newer` when a newer Pacemaker than this host's wrote `cib`."""
        problem = newer(cib, self.runner.run(["cibadmin", "--empty"], timeout=5).stdout)
        if problem is not None:
            raise problem

    def _refuse_file(self, path: str, cib: bytes) -> NoReturn:
        """Why cibadmin does not read this file: it is newer, or not what its schema says."""
        self._refuse_newer(cib)
        schema = header(cib, "validate-with") or "none"
        raise AgentError(
            "cib.schema",
            f"{path}, which CIB_file names, does not fit its schema {schema}, or Pacemaker on this host does not know that"
            f" schema; `crm_verify -V --xml-file {path}` says more",
            {"schema": schema},
        )

    def _command(self, argv: List[str], timeout: float) -> Completed:
        completed = self.runner.run(argv, timeout=timeout)
        if completed.rc != OK:
            self._unavailable(argv[0], completed, (DISCONNECTED,))
        return completed

    def _unavailable(self, tool: str, completed: Completed, codes: Sequence[int]) -> NoReturn:
        """Raise `cib.unavailable` when the exit code says that nobody answers, `tool.failed` otherwise."""
        if completed.rc not in codes:
            raise failed(tool, completed)
        if self.file is not None:
            message = f"there is no usable CIB in {self.file}, which CIB_file names"
        else:
            message = (
                "Pacemaker does not answer on this host: start the cluster (systemctl start corosync pacemaker), or look into"
                " `journalctl -u pacemaker -u corosync`"
            )
        raise AgentError(
            "cib.unavailable",
            message,
            {"tool": tool, "rc": completed.rc, "stderr": cleaned(completed.stderr)},
            retryable=True,
        )


_ODD = re.compile("[^ -~]")


def _odd_values(cib: bytes) -> Dict[str, str]:
    """Attributes that hold more than printable ASCII, by where they are (`id of the element, name of the attribute`)."""
    if not re.search(rb"&#|[^\n -~]", cib):
        return {}
    return {
        f"{element.get('id', element.tag)}, {name}": value
        for element in parse(cib).iter()
        for name, value in element.attrib.items()
        if _ODD.search(value)
    }


def _must_be_patch(patch: bytes) -> None:
    """Before 3.0 cibadmin repairs broken XML silently and reports success: never let it come to that."""
    root = parse(patch)
    if root.tag != "diff":
        raise AgentError("tool.failed", f"crm_diff made a <{root.tag}> where a <diff> was expected; it is not sent")


def _read_file(path: str) -> bytes:
    """The CIB in a file. Broken XML is refused: before 3.0 the tools repair it, and the patch would save what is left."""
    try:
        with open(path, "rb") as file:
            text = file.read(OUTPUT_LIMIT + 1)
    except OSError as error:
        raise AgentError("cib.unavailable", f"cannot read {path}, which CIB_file names: {error.strerror}") from error
    if len(text) > OUTPUT_LIMIT:
        raise AgentError("cib.unavailable", f"{path}, which CIB_file names, has more than {OUTPUT_LIMIT} bytes")
    try:
        parse(text)
    except AgentError as error:
        raise AgentError(error.code, f"{path}, which CIB_file names, is no CIB: {error.message}") from error
    return text


def _restore(path: str, before: bytes) -> NoReturn:
    """What cibadmin could not write in full is put back as it was: it writes over the file itself."""
    try:
        _read_file(path)
    except AgentError:
        with open(path, "wb") as file:
            file.write(before)
    raise AgentError(
        "cib.unavailable",
        f"{path}, which CIB_file names, could not be written and is as it was; is its disk full or read-only?",
        {"path": path},
    )


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
