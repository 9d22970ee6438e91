# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `tandem`: the agent's operations by hand, and the agent itself (`tandem serve`)."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import sys
from typing import Any, Dict, List, Mapping, Optional, Tuple

from . import __version__, console, yaml
from .client import Call, connect, offline
from .errors import AgentError
from .pacemaker.runner import Runner
from .server import frames, stdio, unix
from .server.dispatch import Dispatcher, host_failed
from .server.operations import OPERATIONS

OK, FAILED, USAGE, WOULD_CHANGE = 0, 1, 2, 3

EPILOG = """\
examples:
  tandem status                          what runs where
  tandem export --yaml > site.yml        the configuration as a document
  tandem plan site.json                  what would change, and what the cluster would do about it
  tandem apply site.json                 change it, wait until it has settled, prove it
  tandem history; tandem rollback ID     what was applied here, and undoing one of it
  tandem cleanup vip --node c1           forget what has failed there, so that the cluster tries again
  tandem doctor                          what deserves attention, and what to do about it
  CIB_file=cib.xml tandem plan doc.json  work on a file instead of the cluster

exit codes: 0 done or nothing to do, 1 error, 2 wrong usage, 3 with --check-exit: there is something to change (plan)
or to look at (doctor)
"""

Json = Dict[str, Any]


def main(argv: List[str]) -> int:
    """Run one command; answer the exit code."""
    _streams()
    options = _parser().parse_args(argv)
    _log(options)
    try:
        if options.command == "serve":
            return _serve(options)
        return _command(options)
    except AgentError as error:
        return _complain(options, error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        _discard_output()
        return OK
    except (OSError, MemoryError) as need:  # a full disk behind our output, no right to the socket's directory
        _discard_output()
        return _complain(argparse.Namespace(), host_failed(need))


def _streams() -> None:
    """Output that a terminal can't show is escaped, and a closed stream leaves no number to the next file opened."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """What is still to be written would fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# -- arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tandem",
        description="Declare what a Pacemaker cluster shall be, see what that changes, change it, prove it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tandem {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is run to standard error")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name != "serve":
            made.add_argument("--json", action="store_true", help="print the result as JSON (docs/protocol.md)")
        return made

    serve = command("serve", "answer requests on the socket, or on standard input and output")
    serve.add_argument("--stdio", action="store_true", help="speak on standard input and output")
    serve.add_argument(
        "--socket", default=unix.PATH, help="where to listen when systemd passes no socket (%(default)s)"
    )
    serve.add_argument("--idle", type=float, default=unix.IDLE_SECONDS, metavar="SECONDS",
                       help="end after so long without connections when systemd passed the socket (%(default)g)")  # fmt: skip
    command("status", "show nodes, resources, failures, fencing")
    command("info", "show versions, and this node's membership in a cluster")
    doctor = command("doctor", "look for what would hurt on a bad day")
    plan = command("plan", "show what applying a document would change")
    apply = command("apply", "make the cluster what a document declares")
    rollback = command("rollback", "undo one transaction of this node's journal")
    cleanup = command(
        "cleanup", "forget failed actions, so that the cluster tries again, and wait until it has settled"
    )
    export = command("export", "print the configuration as a document")
    history = command("history", "list the transactions of this node's journal")

    for made in (plan, apply):
        made.add_argument("document", metavar="FILE", help="the document as JSON; - reads standard input")
        made.add_argument(
            "--purge", choices=("none", "owned", "all"), default="none", help="what else may be removed (%(default)s)"
        )
        made.add_argument("--request", default="", metavar="TEXT", help="who asks; kept in the journal")
        made.add_argument(
            "--only",
            choices=("all", "secrets"),
            default="all",
            help="write this node's secret files only (%(default)s)",
        )
    rollback.add_argument("transaction", metavar="ID", help="the transaction, as `tandem history` names it")
    rollback.add_argument("--plan", action="store_true", dest="plan_only", help="only show what it would change")
    for made in (plan, apply, rollback):
        made.add_argument("--allow", action="append", choices=("fence", "stop"), default=[],
                          help="let the change fence a node, or stop what it does not name; may be given twice")  # fmt: skip
    cleanup.add_argument("resource", metavar="RESOURCE", nargs="?", help="only of this resource and what is in it")
    cleanup.add_argument("--node", metavar="NODE", help="only on this node")
    cleanup.add_argument("--plan", action="store_true", dest="plan_only", help="only show what would be forgotten")
    for made in (apply, rollback, cleanup):
        made.add_argument(
            "--wait", type=seconds, default=120, metavar="SECONDS", help="how long to wait until settled (%(default)g)"
        )
    for made in (plan, doctor):
        made.add_argument("--check-exit", action="store_true", help="exit with 3 when there is something to do")
    export.add_argument("--yaml", action="store_true", help="print the document as YAML (the default)")
    export.add_argument("--secrets", action="store_true", help="do not mask secrets; for root")
    history.add_argument("--limit", type=int, default=20, help="how many (%(default)s)")
    return parser


def seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= frames.LONGEST_DEADLINE:  # neither is NaN
        raise argparse.ArgumentTypeError(f"allowed is 0 to {frames.LONGEST_DEADLINE:g}")
    return value


# -- commands


def _command(options: argparse.Namespace) -> int:
    params, deadline = _params(options)
    call = connect()
    result = _info(call) if options.command == "info" else call(options.command, params, deadline, _progress)
    _print(options, result)
    if getattr(options, "check_exit", False):
        findings = [one for one in result.get("findings", []) if one["severity"] != "info"]
        return WOULD_CHANGE if result.get("changed") or findings else OK
    return OK


def _params(options: argparse.Namespace) -> Tuple[Json, float]:
    """The operation's parameters, and the seconds it may take."""
    command = options.command
    if command in ("plan", "apply"):
        params: Json = {
            "document": _read(options.document),
            "purge": options.purge,
            "allow": options.allow,
            "request": options.request,
            "only": options.only,
        }
        if command == "apply":
            params["wait"] = options.wait
            return params, _deadline(options.wait)
        return params, frames.DEADLINE
    if command == "rollback":
        params = {
            "transaction": options.transaction,
            "plan_only": options.plan_only,
            "allow": options.allow,
            "wait": options.wait,
        }
        return params, _deadline(options.wait)
    if command == "cleanup":
        params = {
            "resource": options.resource,
            "node": options.node,
            "plan_only": options.plan_only,
            "wait": options.wait,
        }
        return {name: value for name, value in params.items() if value is not None}, _deadline(options.wait)
    if command == "export":
        return {"secrets": options.secrets}, frames.DEADLINE
    return ({"limit": options.limit} if command == "history" else {}), frames.DEADLINE


def _deadline(wait: float) -> float:
    """Planning and patching take seconds; the rest is waiting."""
    return min(frames.LONGEST_DEADLINE, max(1.0, wait) + 60)


def _read(name: str) -> Json:
    """A document from a file or standard input. What `export --json` prints is understood as well."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(frames.LINE_LIMIT + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(frames.LINE_LIMIT + 1)
    except OSError as error:
        raise AgentError("document.invalid", f"cannot read {name}: {error.strerror}") from error
    try:
        found = frames.read_object(data)
    except AgentError as error:
        hint = "YAML is for ha_config; `tandem export --json` writes what is read here"
        raise AgentError("document.invalid", f"{name} is no JSON document: {error.message} ({hint})") from error
    return found["document"] if set(found) == {"document", "cib"} else found


def _info(call: Call) -> Json:
    result: Json = call("hello", {}, frames.DEADLINE, _progress)
    if not offline():
        try:
            result["cluster"] = call("cluster.info", {}, frames.DEADLINE, _progress)
        except AgentError as error:  # the versions are worth showing on a host where nothing else works yet
            result["cluster"] = {"error": error.message}
    return result


def _serve(options: argparse.Namespace) -> int:
    dispatcher = Dispatcher(OPERATIONS, Runner())
    if options.stdio:
        stdio.run(dispatcher)
    else:
        unix.run(dispatcher, options.socket, options.idle)
    return OK


# -- output


def _print(options: argparse.Namespace, result: Json) -> None:
    if options.json:
        print(json.dumps(result, indent=1, sort_keys=True))
    elif options.command == "export":
        sys.stdout.write(yaml.dump(result["document"]))
    else:
        print(console.show(options.command, result))
    sys.stdout.flush()


def _progress(name: str, data: Mapping[str, Any]) -> None:
    """Progress for a person who watches; silent when nobody does."""
    if sys.stderr.isatty():
        detail = ", ".join(f"{key} {value}" for key, value in data.items())
        sys.stderr.write(console.visible(f"{name}: {detail}"[:200]) + "\n")


def _complain(options: argparse.Namespace, error: AgentError) -> int:
    if getattr(options, "json", False):
        body = {"code": error.code, "message": error.message, "details": error.details, "retryable": error.retryable}
        print(json.dumps({"error": body}, indent=1, sort_keys=True))
    else:
        sys.stderr.write(console.visible(f"tandem: {error.message} [{error.code}]") + "\n")
    return FAILED


class _Journald(logging.Formatter):
    """Levels as sd-daemon(3) prefixes, which the journal understands."""

    LEVELS = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))

    def format(self, record: logging.LogRecord) -> str:
        level = next(number for least, number in self.LEVELS if record.levelno >= least)
        return f"<{level}>{super().format(record)}"


def _log(options: argparse.Namespace, stream: Optional[Any] = None) -> None:
    handler = logging.StreamHandler(stream)
    serving = options.command == "serve"
    handler.setFormatter(
        _Journald("%(message)s") if os.environ.get("JOURNAL_STREAM") else logging.Formatter("%(message)s")
    )
    logger = logging.getLogger("tandem_agent")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if options.verbose else logging.INFO if serving else logging.WARNING)
