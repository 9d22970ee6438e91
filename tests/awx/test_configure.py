# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""configure.yml against a stand-in controller, with awx.awx's own modules: makes everything, then finds nothing to do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from controller import TOKEN, Controller
from description import CANARIES, MINE, SECRETS, TOP

pytestmark = pytest.mark.slow

JOBS = 10


class Runner:
    """Runs the playbook as a person does: from anywhere, with what is theirs in files."""

    def __init__(self, directory: Path, url: str, **environment: str) -> None:
        self.directory = directory
        self.url = url
        self.environment = environment

    def run(self, given: Dict[str, Any], *arguments: str) -> subprocess.CompletedProcess:
        mine = self.directory / "mine.json"
        mine.write_text(json.dumps(given))
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(TOP / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "CONTROLLER_HOST": self.url,
            "CONTROLLER_OAUTH_TOKEN": TOKEN,
            "CONTROLLER_VERIFY_SSL": "false",
            "LC_ALL": "C.UTF-8",
            **self.environment,
        }
        return subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "playbooks/awx/configure.yml",
             "-e", f"@{mine}", "-vvv", "--diff", *arguments],
            cwd=TOP, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip


def changed(done: subprocess.CompletedProcess) -> int:
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    found = re.search(r"changed=(\d+)", done.stdout)
    assert found
    return int(found.group(1))


@pytest.fixture(scope="module")
def controller() -> Iterator[Controller]:
    with Controller() as one:
        yield one


@pytest.fixture(scope="module")
def runner(controller: Controller, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(tmp_path_factory.mktemp("awx"), controller.url)


@pytest.fixture(scope="module")
def first(runner: Runner) -> subprocess.CompletedProcess:
    return runner.run(MINE)


def test_it_refuses_to_begin_without_what_only_its_user_knows(controller: Controller, runner: Runner) -> None:
    done = runner.run({})
    assert done.returncode != 0 and "awx_project_url" in done.stdout
    assert controller.store.written == []


def test_it_makes_everything(controller: Controller, first: subprocess.CompletedProcess) -> None:
    assert changed(first) > 0
    objects = controller.store.objects
    assert len(objects["job_templates"]) == JOBS
    assert len(controller.store.surveys) == JOBS + 1
    for template in objects["job_templates"].values():
        assert len(controller.store.links[f"{template['url']}credentials/"]) == 2
        assert template["inventory"] in objects["inventories"] and template["project"] in objects["projects"]
    (kind,) = [one for one in objects["credential_types"].values() if one["name"] != "Machine"]
    assert kind["injectors"]["extra_vars"]["node_hacluster_password"] == "{{ hacluster_password }}"
    inputs = "\n".join(value for one in objects["credentials"].values() for value in one["inputs"].values())
    assert all(canary in inputs for canary in CANARIES)


def test_the_workflow_waits_for_a_person_between_the_controllers(
    controller: Controller, first: subprocess.CompletedProcess
) -> None:
    nodes = {one["identifier"]: one for one in controller.store.objects["workflow_job_template_nodes"].values()}
    after = {name: controller.store.links.get(f"{one['url']}success_nodes/", []) for name, one in nodes.items()}
    assert after["first"] == [nodes["look"]["id"]] and after["look"] == [nodes["second"]["id"]]
    (approval,) = controller.store.objects["workflow_approval_templates"].values()
    assert nodes["look"]["related"]["unified_job_template"] == approval["url"]
    assert nodes["first"]["extra_data"] == {"update_node": "standby"}


def test_no_secret_is_shown(first: subprocess.CompletedProcess) -> None:
    said = first.stdout + first.stderr
    assert "Job templates" in said
    assert "canary" not in said


def test_again_and_without_the_vault_it_finds_nothing_to_do(
    controller: Controller, runner: Runner, first: subprocess.CompletedProcess
) -> None:
    """A run that lacks the secrets must not empty what holds them."""
    controller.store.written.clear()
    before = json.dumps(controller.store.objects, sort_keys=True)
    without = {key: value for key, value in MINE.items() if key not in SECRETS}
    assert changed(runner.run(without)) == 0
    assert controller.store.written == [] and json.dumps(controller.store.objects, sort_keys=True) == before
    done = runner.run({**without, "awx_update_secrets": True})
    assert done.returncode != 0 and "awx_hacluster_password" in done.stdout
    assert controller.store.written == []


def test_a_template_of_a_playbook_that_came_later_is_made(
    controller: Controller, runner: Runner, first: subprocess.CompletedProcess
) -> None:
    """As after an update of the collection: the controller must fetch the repository before it takes the template."""
    templates = controller.store.objects["job_templates"]
    (cleanup,) = [number for number, one in templates.items() if one["playbook"] == "playbooks/cleanup.yml"]
    del templates[cleanup]
    for project in controller.store.objects["projects"].values():
        project["playbook_files"].remove("playbooks/cleanup.yml")
    controller.store.revision = "2"
    assert changed(runner.run(MINE)) > 0
    assert len(templates) == JOBS


def test_a_platforms_controller_behind_its_gateway_takes_the_same(tmp_path: Path) -> None:
    prefix = "/api/controller/"
    with Controller(f"{prefix}v2/") as platform:
        runner = Runner(tmp_path, platform.url, CONTROLLER_OPTIONAL_API_URLPATTERN_PREFIX=prefix)
        assert changed(runner.run(MINE)) > 0
        assert len(platform.store.objects["job_templates"]) == JOBS and len(platform.store.surveys) == JOBS + 1
