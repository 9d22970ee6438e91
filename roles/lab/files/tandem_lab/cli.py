# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: one JSON object on stdout, progress and errors on stderr."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from . import bmc, chassis, lab, paths as places, spec as specs, steps, tools
from .errors import LabError
from .paths import Paths
from .spec import Spec

EPILOG = "Every verb prints one JSON object; `changed` says whether anything was done. --check does nothing and says what would be."


def main(argv: Optional[List[str]] = None) -> int:
    """Run one verb.  Exit codes: 0 done, 1 failed (one sentence on stderr), 2 wrong usage."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.handler(arguments) or 0)
    except LabError as error:
        print("lab: %s" % error, file=sys.stderr)
    except (OSError, ValueError) as error:
        print("lab: %s: %s" % (type(error).__name__, error), file=sys.stderr)
    except KeyboardInterrupt:
        print("lab: cut off; run the same again to go on, or `down`", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tandem_lab", description="Nodes, networks and BMCs on one machine.", epilog=EPILOG
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    common = _common()

    up = _verb(verbs, common, "up", "make what is missing, switch every node on, wait for SSH", _up)
    reset = _verb(verbs, common, "reset", "take the lab down and make it anew, with new disks", _reset)
    cache = _verb(verbs, common, "cache", "make only what every lab shares: roots, repositories, emulator", _cache)
    down = _verb(verbs, common, "down", "leave nothing of the lab behind but the cache", _down)
    for verb in (up, reset, cache, down):
        verb.add_argument("--check", action="store_true", help="only say what would be done")
    down.add_argument("--purge-cache", action="store_true", help="remove the cache of all labs too")

    _verb(verbs, common, "status", "power, SSH and BMC of every node", _status)
    _verb(verbs, common, "missing", "Debian packages this machine lacks for a lab", _missing)

    power = _verb(verbs, common, "power", "press a node's buttons", _power)
    power.add_argument("node")
    power.add_argument(
        "action",
        choices=("on", "off", "cut", "cycle", "freeze", "thaw"),
        help="on: boots after the POST delay; off: orderly; cut: pull the plug; cycle: cut and on; freeze: hang; thaw: go on",
    )
    execute = _verb(verbs, common, "exec", "run a command in a node: exec NODE -- COMMAND ...", _exec)
    execute.add_argument("node")
    execute.add_argument("command", nargs=argparse.REMAINDER)

    mode = _verb(verbs, common, "bmc", "make a node's power controller faulty, or well again", _bmc)
    mode.add_argument("node")
    mode.add_argument("--kind", choices=specs.KINDS, default="bmc", help="which of its controllers (%(default)s)")
    mode.add_argument("--mode", choices=bmc.MODES, required=True)
    mode.add_argument(
        "--delay", type=float, default=bmc.DEFAULT_DELAY, metavar="SECONDS", help="of a slow one (%(default)s)"
    )

    for name, handler in (("chassis-serve", _chassis_serve), ("controller-serve", _controller_serve)):
        internal = verbs.add_parser(name, parents=[common])
        internal.add_argument("node")
        internal.set_defaults(handler=handler)
    internal.add_argument("kind", choices=specs.KINDS)
    return parser


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    which = common.add_argument_group("which lab")
    which.add_argument("--spec", metavar="FILE", help="its description as JSON; - reads stdin")
    which.add_argument("--name", help="its name, once it exists (default: lab)")
    which.add_argument("--state-dir", metavar="DIR", help="default %s/NAME" % places.STATE_ROOT)
    which.add_argument("--run-dir", metavar="DIR", help="default %s/NAME" % places.RUN_ROOT)
    which.add_argument("--cache-dir", metavar="DIR", help="default %s" % places.CACHE_ROOT)
    return common


def _verb(verbs: Any, common: argparse.ArgumentParser, name: str, text: str, handler: Any) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, parents=[common], help=text, description=text)
    verb.set_defaults(handler=handler)
    return verb


def _given(arguments: argparse.Namespace) -> Optional[Spec]:
    if not arguments.spec:
        return None
    text = sys.stdin.read() if arguments.spec == "-" else Path(arguments.spec).read_text()
    spec = specs.parse(json.loads(text))
    if arguments.name and arguments.name != spec.name:
        raise LabError("--name %s, but the description is of %s" % (arguments.name, spec.name))
    return spec


def _paths(arguments: argparse.Namespace, spec: Optional[Spec] = None) -> Paths:
    name = spec.name if spec else arguments.name or "lab"
    return Paths.of(name, arguments.state_dir, arguments.run_dir, arguments.cache_dir)


def _wanted(arguments: argparse.Namespace) -> tuple[Paths, Spec]:
    """The lab to make: as given, else as it was."""
    given = _given(arguments)
    paths = _paths(arguments, given)
    spec = given or steps.saved(paths)
    if spec is None:
        raise LabError("there is no lab named %s yet: describe it with --spec" % paths.name)
    for node in spec.nodes:
        paths.socket(node)  # refuses paths that are too long
    return paths, spec


def _print(result: Dict[str, Any]) -> None:
    print(json.dumps(result, indent=2))


def _up(arguments: argparse.Namespace) -> None:
    _print(lab.up(*_wanted(arguments), check=arguments.check))


def _reset(arguments: argparse.Namespace) -> None:
    _print(lab.reset(*_wanted(arguments), check=arguments.check))


def _cache(arguments: argparse.Namespace) -> None:
    paths, spec = _wanted(arguments)
    _print({**lab.warm(paths, spec, check=arguments.check), "cache": lab.cache_report(paths)})


def _down(arguments: argparse.Namespace) -> None:
    _print(lab.down(_paths(arguments, _given(arguments)), arguments.check, arguments.purge_cache))


def _status(arguments: argparse.Namespace) -> None:
    _print(lab.status(_paths(arguments, _given(arguments))))


def _missing(arguments: argparse.Namespace) -> None:
    spec = _given(arguments)
    wanted = {"containers": bool(spec and spec.images), "shapes": bool(spec and spec.has_shapes())}
    _print({"changed": False, "packages": tools.missing_packages(**wanted)})


def _power(arguments: argparse.Namespace) -> None:
    _print(lab.power(_paths(arguments), arguments.node, arguments.action))


def _bmc(arguments: argparse.Namespace) -> None:
    _print(lab.set_mode(_paths(arguments), arguments.node, arguments.kind, arguments.mode, arguments.delay))


def _exec(arguments: argparse.Namespace) -> int:
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise LabError("no command given: exec NODE -- COMMAND ...")
    return lab.execute(_paths(arguments), arguments.node, command)


def _chassis_serve(arguments: argparse.Namespace) -> int:
    return chassis.run(_paths(arguments), arguments.node)


def _controller_serve(arguments: argparse.Namespace) -> int:
    # What they need is in the emulators' environment only.
    name = {"bmc": ".controller", "esxi": ".esxi_controller", "redfish": ".redfish_controller"}[arguments.kind]
    return int(importlib.import_module(name, __package__).serve(_paths(arguments), arguments.node))
