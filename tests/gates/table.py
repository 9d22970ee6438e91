# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates: what `make test` runs, in the order in which they are started.

A gate is one or more commands, run from the top of the checkout with the tools' environment first on PATH. All must
exit 0. Exit code 77 from a gate's only command means that this machine cannot run it; its last line says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

Command = Tuple[str, ...]


@dataclass(frozen=True)
class Gate:
    """One row of the table."""

    name: str
    what: str
    commands: tuple[Command, ...]
    limit: int  # seconds, over all commands; several times what it takes on two cores with empty caches
    group: str
    needs: tuple[str, ...] = ()  # paths that must exist, or the gate fails without being run
    alone: bool = False  # nothing else may run beside it: it measures time
    nodes: bool = False  # it waits for nodes of a lab most of the time
    daily: bool = True  # otherwise it runs when it is named, and with TANDEM_ALL=1
    environment: tuple[tuple[str, str], ...] = ()


def pytest(*arguments: str) -> Command:
    return ("python", "-m", "pytest", *arguments)


def shell(script: str) -> Command:
    return ("bash", "-euo", "pipefail", "-c", script)


def scenario(name: str, directory: str, what: str, limit: int, daily: bool = True) -> Gate:
    """One of Molecule's scenarios, on nodes of a lab."""
    return Gate(
        name,
        what,
        (("molecule", "test", "-s", directory),),
        limit,
        "cluster",
        needs=(f"molecule/{directory}",),
        nodes=True,
        daily=daily,
        environment=(("MOLECULE_GLOB", "molecule/*/molecule.yml"),),
    )


SHELL_SCRIPTS = (
    "git ls-files -co --exclude-standard -z ':!*.j2' | xargs -0 grep -lIE '^#!.*\\b(ba|da)?sh\\b' -- | xargs shellcheck"
)

GATES = (
    # The long ones first, so that the short ones fill the other lane.
    Gate(
        "sanity",
        "ansible-test sanity, no ignore files",
        (("python", "tests/gates/on_copy.py", "sanity"),),
        1500,
        "static",
    ),
    Gate(
        "ansible-lint",
        "ansible-lint, profile production",
        (("ansible-lint", "--offline", "-q", "--nocolor"),),
        600,
        "static",
    ),
    Gate("ruff", "ruff: rules and format", (("ruff", "check", "."), ("ruff", "format", "--check", ".")), 60, "static"),
    # No cache: mypy's remembers modules that came or went between two runs wrongly ("has no attribute").
    Gate(
        "mypy",
        "mypy, strict for the agent, the lab, the fence agents and the gates",
        (
            shell(
                "cd roles/agent/files && mypy --cache-dir=/dev/null --config-file ../../../pyproject.toml -p tandem_agent"
            ),
            shell(
                "cd roles/lab/files && mypy --cache-dir=/dev/null --config-file ../../../pyproject.toml -p tandem_lab"
            ),
            shell("mypy --cache-dir=/dev/null --config-file pyproject.toml --strict roles/fencing/files/*.py"),
            shell(
                "cd roles/oci/files && mypy --cache-dir=/dev/null --config-file ../../../pyproject.toml -p tandem_oci"
            ),
            shell(
                "cd roles/image/files/rabbitmq && "
                "mypy --cache-dir=/dev/null --config-file ../../../../pyproject.toml -p tandem_rabbitmq"
            ),
            shell("cd tests/gates && mypy --cache-dir=/dev/null --config-file ../../pyproject.toml --strict *.py"),
            shell(
                "cd .build/collections && mypy --cache-dir=/dev/null --config-file ../../pyproject.toml "
                "-p ansible_collections.tandem.ha.plugins"
            ),
        ),
        300,
        "static",
    ),
    Gate(
        "collection",
        "build, import, install elsewhere, document",
        (("python", "tests/gates/collection.py"),),
        900,
        "static",
    ),
    Gate(
        "awx-image",
        "the build context of the execution environment, and what would be installed in it",
        (("python", "tests/gates/execution_environment.py"),),
        300,
        "static",
    ),
    Gate(
        "awx",
        "what playbooks/awx describes, against the modules of awx.awx",
        (pytest("tests/awx"),),
        900,
        "awx",
        needs=("tests/awx",),
    ),
    Gate(
        "pages",
        "what the pages tell to type, and their links",
        (pytest("tests/docs"),),
        120,
        "static",
        needs=("tests/docs",),
    ),
    Gate("yamllint", "yamllint", (("yamllint", "--strict", "."),), 60, "static"),
    Gate("shellcheck", "shellcheck over all shell scripts", (shell(SHELL_SCRIPTS),), 60, "static"),
    Gate("licences", "every file says its licence (REUSE)", (("reuse", "lint", "--lines"),), 60, "static"),
    Gate("floor", "syntax of the oldest promised Pythons", (("python", "tests/gates/floor.py"),), 60, "static"),
    Gate("changelog", "changelog fragments", (("antsibull-changelog", "lint"),), 60, "static"),
    Gate(
        "docs",
        "plugin documentation and its references",
        (
            (
                "antsibull-docs",
                "lint-collection-docs",
                "--plugin-docs",
                "--validate-collection-refs=all",
                "--skip-rstcheck",
                ".",
            ),
        ),
        300,
        "static",
    ),
    Gate(
        "units",
        "ansible-test units",
        (("python", "tests/gates/on_copy.py", "units"),),
        600,
        "units",
        needs=("tests/unit",),
    ),
    Gate(
        "unit",
        "pure Python of the control side; that benchmarks can begin",
        (pytest("tests/unit"), pytest("--collect-only", "-q", "tests/bench")),
        300,
        "units",
        needs=("tests/unit",),
    ),
    Gate(
        "agent-3.8",
        "the agent on Python 3.8, with the Pacemaker of its time",
        (("tests/gates/agent-tests", "3.8", "tests/agent", "--durations=8"),),
        1500,
        "agent",
        needs=("tests/agent",),
        environment=(("TANDEM_SUITES", "bullseye"),),
    ),
    Gate(
        "agent-newest",
        "the same on the newest Python here, with each Pacemaker",
        (("tests/gates/agent-tests", "newest", "tests/agent", "--durations=8"),),
        1500,
        "agent",
        needs=("tests/agent",),
    ),
    Gate(
        "contract",
        "contract files, both sides",
        (("tests/gates/pacemaker-tools", "bookworm"), pytest("tests/contract")),
        300,
        "contract",
        needs=("tests/contract",),
    ),
    Gate("lab-units", "the lab's own program", (pytest("tests/lab"),), 600, "lab-units", needs=("tests/lab",)),
    Gate(
        "fencing",
        "the project's fence agents, against emulated devices",
        (("tests/gates/pacemaker-tools", "bookworm", "bullseye", "trixie"), pytest("tests/fencing")),
        600,
        "fencing",
        needs=("tests/fencing",),
    ),
    Gate(
        "oci",
        "the agents for Oracle's cloud, its real SDK, an emulated API",
        (("tests/gates/oci-tests",),),
        600,
        "units",
        needs=("tests/oci",),
    ),
    Gate(
        "integration",
        "modules through ansible, an agent on a CIB file",
        (("tests/gates/with-pacemaker", "python", "-m", "pytest", "tests/integration"),),
        1500,
        "integration",
        needs=("tests/integration",),
    ),
    Gate(
        "cluster",
        "real nodes: converge, again, check mode, fence, fail over",
        (pytest("tests/cluster"),),
        1500,
        "cluster",
        needs=("tests/cluster",),
        alone=True,
    ),
    scenario(
        "molecule",
        "ubuntu_pair",
        "the Ubuntu pair: check, converge, idempotence, verify",
        900,
    ),
    scenario(
        "molecule-el",
        "single_node",
        "a web server on one EL node: check, converge, idempotence, verify with the server killed",
        1500,
    ),
    scenario(
        "molecule-single-debian",
        "single_node_debian",
        "the same on a Debian node",
        900,
        daily=False,
    ),
    scenario(
        "molecule-esxi",
        "esxi_pair",
        "the ESXi pair: check, converge, idempotence, verify with a node fenced over SSH",
        1200,
        daily=False,
    ),
    scenario(
        "molecule-oci",
        "oci_pair",
        "the OCI pair: check, converge, idempotence, verify with the API away and the holder's power cut",
        1500,
        daily=False,
    ),
    scenario(
        "molecule-bundles",
        "bundles",
        "the pair with four services in bundles: check, converge, idempotence, verify with the holder's power cut",
        1500,
    ),
)
