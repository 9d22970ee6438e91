# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks/awx describes is what awx.awx's modules take, and what the playbooks read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from ansible_collections.tandem.ha.plugins.module_utils._faults import FAULTS
from description import CANARIES, MINE, TOP, Description, argument_specs, code_of, faults, site_variables, spec_of
from jinja2.sandbox import ImmutableSandboxedEnvironment

TYPES = {
    "text",
    "textarea",
    "integer",
    "float",
    "multiplechoice",
    "multiselect",
}  # not password: no secret is asked for
QUESTION = {"question_name", "question_description", "variable", "type", "required", "choices", "default", "min", "max"}
A_SECRET = re.compile(r"passw|secret|token|cookie|key\b|credential", re.IGNORECASE)


@pytest.fixture(scope="module", params=[MINE, {**MINE, "awx_inventory_url": "", "awx_notification_url": ""}])
def description(request: pytest.FixtureRequest) -> Description:
    return Description(request.param)


def templates(description: Description) -> List[Dict[str, Any]]:
    return description.of("job_template") + description.of("workflow_job_template")


def questions(template: Dict[str, Any]) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = template["survey_spec"]["spec"]
    return found


def playbooks_of(description: Description, template: Dict[str, Any]) -> List[Path]:
    """The playbooks that a template runs: its own, or those of a workflow's nodes."""
    if "playbook" in template:
        return [TOP / template["playbook"]]
    by_name = {one["name"]: TOP / one["playbook"] for one in description.of("job_template")}
    return [by_name[node["unified_job_template"]] for node in steps(description) if "unified_job_template" in node]


def steps(description: Description) -> List[Dict[str, Any]]:
    """The steps of the workflow, each with what comes after it."""
    found: Dict[str, Dict[str, Any]] = {}
    for node in description.of("workflow_job_template_node"):
        found.setdefault(node["identifier"], {}).update(node)
    return list(found.values())


def test_every_object_is_what_its_module_takes(description: Description, monkeypatch: pytest.MonkeyPatch) -> None:
    specs: Dict[str, Dict[str, Any]] = {}
    seen = set()
    for module, arguments in description.objects:
        if module not in specs:
            with monkeypatch.context() as patch:
                specs[module] = spec_of(module, patch)
        assert faults(specs[module], arguments) == [], f"{module} {arguments}"
        seen.add(module)
    assert len(seen) >= 11


def test_a_wrong_word_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of("awx.awx.job_template", monkeypatch)
    assert faults(spec, {"name": "x", "job_type": "look"}) and faults(spec, {"name": "x", "playbok": "y"})


def test_nothing_of_the_data_is_lost_on_the_way(description: Description) -> None:
    for module, name, item, used in description.described():
        assert set(item) <= used, f"{module} {name}: described, but not handed on"


def test_what_is_referred_to_is_described(description: Description) -> None:
    names = {module: {one["name"] for one in description.of(module)} for module in (
        "organization", "project", "inventory", "credential", "credential_type", "execution_environment", "label",
        "notification_template", "job_template",
    )}  # fmt: skip
    for _module, one in description.objects:
        assert {one[key] for key in ("organization",) if one.get(key)} <= names["organization"]
    for one in templates(description):
        assert set(one["labels"]) <= names["label"]
        assert set(one["notification_templates_error"]) <= names["notification_template"]
    for one in description.of("job_template"):
        assert one["project"] in names["project"] and one["inventory"] in names["inventory"]
        assert set(one["credentials"]) == names["credential"]
        assert one["execution_environment"] in names["execution_environment"]
    for one in description.of("inventory_source"):
        assert one["source_project"] in names["project"] and one["inventory"] in names["inventory"]
    for one in description.of("credential"):
        assert one["credential_type"] in names["credential_type"] | {"Machine"}
    for one in description.of("schedule"):
        assert one["unified_job_template"] in names["job_template"]


def test_every_survey_is_complete_and_asks_for_no_secret(description: Description) -> None:
    for template in templates(description):
        assert questions(template)
        for question in questions(template):
            assert set(question) <= QUESTION and question["type"] in TYPES, question
            assert len(question["question_description"]) > 20, f"{question['variable']} has no help"
            assert not A_SECRET.search(question["variable"] + question["question_name"]), question
            if "choices" in question:
                assert question["default"] in question["choices"]
            if not question["required"]:
                assert question["default"] == "", "an answer may be left empty"


def test_every_question_is_read_by_the_playbook(description: Description) -> None:
    for template in templates(description):
        for playbook in playbooks_of(description, template):
            text = code_of(playbook)
            for question in questions(template):
                assert re.search(rf"\b{question['variable']}\b", text), f"{playbook.name}: {question['variable']}"


def test_the_choices_of_the_timing_profile_are_those_of_the_role(description: Description) -> None:
    deploy = next(one for one in description.of("job_template") if one["playbook"] == "playbooks/site.yml")
    profile = next(one for one in questions(deploy) if one["variable"] == "tandem_profile")
    assert profile["choices"] == ["inventory", *argument_specs()["cluster_timing"]["choices"]]


def test_the_choices_of_a_drill_are_the_faults_that_there_are(description: Description) -> None:
    drill = next(one for one in description.of("job_template") if one["playbook"] == "playbooks/drill.yml")
    fault = next(one for one in questions(drill) if one["variable"] == "drill_fault")
    # A command comes from who writes the inventory, not from who fills in a form.
    assert fault["choices"] == [name for name in FAULTS if name != "command"]


def test_what_interrupts_asks_to_type_something(description: Description) -> None:
    """Nothing that takes a service away starts from defaults alone."""
    for playbook, variable in (
        ("fence_proof", "fence_confirm"),
        ("drill", "drill_confirm"),
        ("teardown", "tandem_teardown"),
    ):
        template = next(one for one in description.of("job_template") if one["playbook"] == f"playbooks/{playbook}.yml")
        question = next(one for one in questions(template) if one["variable"] == variable)
        assert question["required"] and "default" not in question


def test_workflow_nodes_hand_on_what_the_playbook_asks_for(description: Description) -> None:
    by_name = {one["name"]: one for one in description.of("job_template")}
    (workflow,) = description.of("workflow_job_template")
    asked_before = {question["variable"] for question in questions(workflow)}
    for node in steps(description):
        if "unified_job_template" in node:
            asked = {one["variable"]: one for one in questions(by_name[node["unified_job_template"]])}
            must = {name for name, one in asked.items() if one["required"] and "default" not in one}
            given = set(node.get("extra_data", {}))
            assert given <= set(asked) and must <= given | asked_before


def test_a_person_is_asked_between_the_controllers(description: Description) -> None:
    nodes = {node["identifier"]: node for node in steps(description)}
    order = [nodes["first"]]
    while order[-1]["success_nodes"]:
        (after,) = order[-1]["success_nodes"]
        order.append(nodes[after])
    assert len(order) == len(nodes)
    assert ["approval" if "approval_node" in node else node.get("extra_data", {}).get("update_node") for node in order] == [
        "standby", "approval", "holder", None,
    ]  # fmt: skip


def test_a_schedule_answers_its_survey(description: Description) -> None:
    by_name = {one["name"]: one for one in description.of("job_template")}
    for schedule in description.of("schedule"):
        asked = {one["variable"]: one for one in questions(by_name[schedule["unified_job_template"]])}
        assert set(schedule["extra_data"]) == set(asked)
        for name, answer in schedule["extra_data"].items():
            assert answer in asked[name]["choices"]
        assert re.match(r"DTSTART(;TZID=\S+)?:\d{8}T\d{6}Z? RRULE:FREQ=DAILY", schedule["rrule"])


def test_every_injected_variable_is_one_that_a_site_reads(description: Description) -> None:
    (kind,) = description.of("credential_type")
    fields = {field["id"]: field for field in kind["inputs"]["fields"]}
    assert all(field.get("secret") for name, field in fields.items() if A_SECRET.search(name))
    assert set(kind["inputs"]["required"]) <= set(fields)
    text = site_variables()
    answers = {name: f"value of {name}" for name in fields}
    seen = set()
    for variable, template in kind["injectors"]["extra_vars"].items():
        rendered = ImmutableSandboxedEnvironment().from_string(template).render(**answers)
        assert rendered in answers.values(), f"{template} is not rendered by the controller"
        assert re.search(rf"\b{variable}\b", text) or variable in argument_specs(), f"nobody reads {variable}"
        seen.add(rendered)
    assert seen == set(answers.values()), "a field that no job gets"


def test_credentials_are_written_once(description: Description) -> None:
    for one in description.of("credential"):
        assert one["update_secrets"] is False and one["state"] == "exists"
    given = str([one["inputs"] for one in description.of("credential")])
    assert all(canary in given for canary in CANARIES)
    others = str([arguments for name, arguments in description.objects if name != "awx.awx.credential"])
    assert not any(canary in others for canary in CANARIES)


def test_the_inventory_of_the_bundles_takes_its_passwords_from_the_credential(
    description: Description, tmp_path: Path
) -> None:
    """As a job has it: what the injectors make of the credential's fields, and no vault."""
    (kind,) = description.of("credential_type")
    site = next(one for one in description.of("credential") if one["credential_type"] == kind["name"])
    rendered = {
        variable: ImmutableSandboxedEnvironment().from_string(template).render(**site["inputs"])
        for variable, template in kind["injectors"]["extra_vars"].items()
    }
    extra = tmp_path / "extra.json"
    extra.write_text(json.dumps(rendered))
    program = str(Path(sys.executable).with_name("ansible"))
    asked = "msg={{ [redis_password, rabbitmq_cookie, galera_accounts[0].password, drill_password] }}"
    done = subprocess.run(
        [program, "controllers[0]", "-i", "inventory/bundles", "-m", "ansible.builtin.debug", "-a", asked, "-e", f"@{extra}"],
        cwd=TOP, env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout[done.stdout.index("{") :])["msg"] == [
        "canary-of-redis", "canaryofthecookie0000", "canary-of-the-drill", "canary-of-the-drill",
    ]  # fmt: skip


def test_every_playbook_exists_and_can_be_read(description: Description) -> None:
    playbooks = sorted({path for template in templates(description) for path in playbooks_of(description, template)})
    assert all(path.exists() for path in playbooks)
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "--syntax-check"]
    done = subprocess.run(
        [*command, *map(str, playbooks), str(TOP / "playbooks" / "awx" / "configure.yml")],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
