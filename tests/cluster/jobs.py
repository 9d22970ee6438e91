# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Job templates of playbooks/awx, run as AWX runs them: by ansible-runner, from what AWX would hand to it.

AWX itself is not here; what it does between a launch and its executor is done by hand, after its task code: the survey's answers
and the credential's injected variables become files of values marked unsafe, the inventory a script that prints what was imported,
the project a checkout without the collection, which is where an execution environment has it, and the SSH key goes to an agent.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from jinja2.sandbox import ImmutableSandboxedEnvironment
from pair import TOP, Pair

sys.path[:0] = [str(TOP / "tests" / "gates"), str(TOP / "tests" / "awx")]
from description import Description  # noqa: E402 - the other half of the same thing
from tree import copy_sources  # noqa: E402

BIN = Path(sys.executable).parent
JOB_SECONDS = 600  # a job that waits for an answer that nobody can give


@dataclass(frozen=True)
class Job:
    """How a job ended: ansible-runner's artifacts, and all that is in them as text."""

    directory: Path
    rc: int
    stdout: str
    events: List[Dict[str, Any]]

    @property
    def stats(self) -> Dict[str, Any]:
        found: Dict[str, Any] = self._last("playbook_on_stats")
        return found

    @property
    def changed(self) -> Dict[str, int]:
        return {host: count for host, count in self.stats.get("changed", {}).items() if count}

    @property
    def artifacts(self) -> Dict[str, Any]:
        """What the job hands to the next one of a workflow."""
        found: Dict[str, Any] = self.stats.get("artifact_data", {})
        return found

    def messages(self) -> str:
        """What failed tasks said, line by line as they said it."""
        results = [event["event_data"].get("res", {}) for event in self.events if event["event"] == "runner_on_failed"]
        return "\n".join(str(result.get("msg", "")) for result in results)

    def _last(self, kind: str) -> Any:
        return next((event["event_data"] for event in reversed(self.events) if event["event"] == kind), {})


class Controller:
    """Starts jobs of the templates against one site."""

    def __init__(self, site: Pair, directory: Path, credential: Dict[str, str], settings: Dict[str, Any]) -> None:
        self.directory = directory
        self.site = site
        self.description = Description(settings)
        self.templates = {one["playbook"]: one for one in self.description.of("job_template")}
        (self.kind,) = self.description.of("credential_type")
        self.credential = credential
        self.count = 0
        copy_sources(directory / "project")
        self._install()

    def _install(self) -> None:
        """The collection where an execution environment has it."""
        out = self.directory / "archive"
        run("ansible-galaxy", "collection", "build", str(self.directory / "project"), "--output-path", str(out))
        archive = next(out.glob("*.tar.gz"))
        # Whatever lies beside the checkout must not count as installed already.
        where = ("--force", "--offline", "-p", str(self.directory / "collections"))
        run("ansible-galaxy", "collection", "install", *where, str(archive))

    def launch(self, playbook: str, answers: Optional[Dict[str, str]] = None, **more: Any) -> Job:
        """Run the template of a playbook. Questions that are not answered get their defaults; `more` is a workflow's."""
        template = self.templates[f"playbooks/{playbook}.yml"]
        extra = {**self._answered(template, answers or {}), **more}
        self.count += 1
        directory = self.directory / f"job-{self.count}-{playbook}"
        self._prepare(directory, extra)
        said = self._run(directory, template["playbook"])
        kept = directory / "artifacts" / "job"
        assert kept.is_dir(), said
        events = [json.loads(path.read_text()) for path in (kept / "job_events").glob("*.json")]
        events.sort(key=lambda event: event["counter"])
        return Job(directory, int((kept / "rc").read_text()), (kept / "stdout").read_text(), events)

    def _run(self, directory: Path, playbook: str) -> str:
        """ansible-runner's own words. Interrupted, it leaves the playbook to itself: that is ended here."""
        process = subprocess.Popen(
            [str(BIN / "ansible-runner"), "run", str(directory), "-p", playbook, "--ident", "job", "-q"],
            env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            said, _nothing = process.communicate(timeout=JOB_SECONDS + 60)
        except BaseException:
            for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                os.killpg(int(child), signal.SIGTERM)
            process.kill()
            process.wait()
            raise
        return said

    @staticmethod
    def _answered(template: Dict[str, Any], answers: Dict[str, str]) -> Dict[str, str]:
        """As AWX does it: required questions without default must be answered, choices must be kept."""
        found = {}
        for question in template["survey_spec"]["spec"]:
            name = question["variable"]
            answer = answers.get(name, question.get("default"))
            assert answer is not None or not question["required"], f"{name} must be answered"
            assert question["type"] != "multiplechoice" or answer in question["choices"], (
                f"{name}: {answer!r} is no choice"
            )
            assert len(answer or "") <= question.get("max", 1024)
            if answer is not None:
                found[name] = answer
        assert set(answers) <= set(found), "an answer to no question"
        return found

    def _prepare(self, directory: Path, extra: Dict[str, Any]) -> None:
        for name in ("env", "inventory"):
            (directory / name).mkdir(parents=True)
        (directory / "project").symlink_to(self.directory / "project")
        (directory / "env" / "extravars").write_text(unsafe(extra))
        injected = {
            variable: ImmutableSandboxedEnvironment().from_string(template).render(**self.credential)
            for variable, template in self.kind["injectors"]["extra_vars"].items()
        }
        (directory / "env" / "tmp-site").write_text(unsafe(injected))
        (directory / "env" / "cmdline").write_text(f"-u root -vvv --diff -e @{directory / 'env' / 'tmp-site'}")
        (directory / "env" / "ssh_key").write_bytes(
            (Path("/var/lib/tandem-lab") / self.site.name / "id_ed25519").read_bytes()
        )
        (directory / "env" / "settings").write_text(json.dumps({"job_timeout": JOB_SECONDS}))
        (directory / "env" / "envvars").write_text(json.dumps(self._job_environment(directory)))
        hosts = directory / "inventory" / "hosts"
        hosts.write_text(f"#!{sys.executable}\nprint({self._imported()!r})\n")
        hosts.chmod(0o700)

    def _imported(self) -> str:
        """The inventory as an inventory source brings it into AWX's database."""
        return run("ansible-inventory", "-i", str(self.site.inventory / "hosts.yml"), "--list", "--export")

    def _job_environment(self, directory: Path) -> Dict[str, str]:
        """What AWX sets for every job, as far as it reaches Ansible."""
        return {
            "ANSIBLE_COLLECTIONS_PATH": f"{directory}/requirements_collections:{self.directory}/collections",
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            "ANSIBLE_PARAMIKO_RECORD_HOST_KEYS": "False",
            "ANSIBLE_HOME": f"{self.directory}/ansible",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{self.directory}/cp",
            "HOME": f"{self.directory}/home",
            "LC_ALL": "C.UTF-8",
        }

    @staticmethod
    def _environment() -> Dict[str, str]:
        return {"PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


def run(*command: str) -> str:
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], env={**os.environ, "LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(TOP / "ansible.cfg")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def unsafe(value: Any) -> str:
    """YAML in which every text is marked as one that is no template, as AWX writes what people and credentials bring."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{unsafe(key)}: {unsafe(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(unsafe, value)) + "]"
    return f"!unsafe {json.dumps(value)}" if isinstance(value, str) else json.dumps(value)
