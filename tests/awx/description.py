# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks/awx tells a controller, rendered by Ansible itself, and what awx.awx's own modules take."""

from __future__ import annotations

import functools
import importlib
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

TOP = Path(__file__).resolve().parents[2]
AWX = TOP / "playbooks" / "awx"
OMIT = "__omit_place_holder__for_these_tests"
SECRETS = {
    "awx_ssh_key": "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary-of-the-key\n-----END OPENSSH PRIVATE KEY-----\n",
    "awx_hacluster_password": "canary-of-hacluster",
    "awx_bmc_user": "operator",
    "awx_bmc_password": "canary-of-the-bmc",
    "awx_redis_password": "canary-of-redis",
    "awx_rabbitmq_cookie": "canaryofthecookie0000",
    "awx_service_passwords": {"drill": "canary-of-the-drill"},
}
# What of them must be seen nowhere.
CANARIES = (
    "canary-of-the-key",
    "canary-of-hacluster",
    "canary-of-the-bmc",
    "canary-of-redis",
    "canaryofthecookie0000",
    "canary-of-the-drill",
)
MINE = {
    "awx_project_url": "https://git.example.com/tandem.git",
    "awx_inventory_path": "inventory/hosts.yml",
    "awx_inventory_url": "https://git.example.com/sites.git",
    "awx_notification_url": "https://hooks.example.com/tandem",
    **SECRETS,
}


class Description:
    """The tasks of configure.yml with their arguments rendered, one entry an object."""

    def __init__(self, given: Dict[str, Any]) -> None:
        self.loader = DataLoader()
        play = self.loader.load_from_file(str(AWX / "configure.yml"), trusted_as_template=True)[0]
        self.variables: Dict[str, Any] = {}
        for name in play["vars_files"]:
            self.variables.update(self.loader.load_from_file(str(AWX / name), trusted_as_template=True))
        self.variables.update(play["vars"], **given)
        self.variables["ansible_playbook_python"] = "python3"
        self.tasks = [task for task in play["tasks"] if self.module(task)]

    @staticmethod
    def module(task: Dict[str, Any]) -> str:
        return next((key for key in task if key.startswith("awx.awx.")), "")

    def rendered(self, value: Any, **more: Any) -> Any:
        return Templar(self.loader, variables={**self.variables, **more}).template(value)

    @functools.cached_property
    def objects(self) -> List[Tuple[str, Dict[str, Any]]]:
        """Every call of a module, with the arguments that it gets."""
        return [
            (self.module(task), self._arguments(task, item))
            for task in self.tasks
            for item in self.rendered(task["loop"])
        ]

    def _arguments(self, task: Dict[str, Any], item: Any) -> Dict[str, Any]:
        given = self.rendered(task[self.module(task)], item=item, omit=OMIT)
        return {key: value for key, value in given.items() if value != OMIT}

    def of(self, module: str) -> List[Dict[str, Any]]:
        return [arguments for name, arguments in self.objects if name == f"awx.awx.{module}"]

    def described(self) -> Iterator[Tuple[str, str, Dict[str, Any], Set[str]]]:
        """Every entry of the data with what of it its tasks hand on."""
        for loop in dict.fromkeys(task["loop"] for task in self.tasks):
            code = [str(task) for task in self.tasks if loop.rstrip(" }") in task["loop"]]
            used = set(re.findall(r"\bitem\.(?:1\.)?(\w+)", "".join(code))) - {"0", "1"}
            used |= set(re.findall(r"subelements\(\\?'(\w+)", "".join(code)))
            for item in self.rendered(loop):
                entry = item[1] if isinstance(item, (list, tuple)) else item
                yield loop, str(entry.get("name") or entry.get("identifier")), entry, used


class _Taken(Exception):
    """Carries a module's argument spec out of its main()."""


def spec_of(module: str, monkeypatch: Any) -> Dict[str, Any]:
    """The argument spec of one of awx.awx's modules, with what all of them take."""
    path = f"ansible_collections.{module.rpartition('.')[0]}.plugins"
    api = importlib.import_module(f"{path}.module_utils.controller_api")

    def take(_self: Any, argument_spec: Dict[str, Any], **_more: Any) -> None:
        raise _Taken(argument_spec)

    monkeypatch.setattr(api.ControllerAPIModule, "__init__", take)
    try:
        importlib.import_module(f"{path}.modules.{module.rpartition('.')[2]}").main()
    except _Taken as taken:
        return {**taken.args[0], **api.ControllerAPIModule.AUTH_ARGSPEC}
    raise AssertionError(f"{module} made no argument spec")


def faults(spec: Dict[str, Any], arguments: Dict[str, Any]) -> List[str]:
    return list(ArgumentSpecValidator(spec).validate(arguments).error_messages)


def code_of(playbook: Path) -> str:
    """The playbook with everything that it imports and runs, without comments."""
    return "\n".join(_without_comments(path) for path in sorted(_files(playbook)))


def _files(playbook: Path) -> Set[Path]:
    found, text = {playbook}, _without_comments(playbook)
    for name in re.findall(r"import_playbook: (\S+)", text):
        found |= _files(playbook.parent / name)
    for name in re.findall(r"include_tasks: (tasks/\S+)", text):
        found.add(playbook.parent / name)
    for role in re.findall(r"tandem\.ha\.(\w+)\s*$", text, re.MULTILINE):
        for part in ("tasks", "defaults", "vars", "meta"):
            found |= set((TOP / "roles" / role / part).glob("*.yml"))
    return found


def _without_comments(path: Path) -> str:
    return "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))


def site_variables() -> str:
    """Where a variable that a credential brings may be read: roles, playbooks, and the inventories that are shipped."""
    paths = [*TOP.glob("roles/*/defaults/*.yml"), *TOP.glob("inventory/*/group_vars/**/*.yml")]
    return "\n".join(_without_comments(path) for path in paths)


def argument_specs() -> Dict[str, Any]:
    """The options of all roles."""
    found: Dict[str, Any] = {}
    for path in TOP.glob("roles/*/meta/argument_specs.yml"):
        found.update(yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"])
    return found
