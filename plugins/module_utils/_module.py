# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""From a module's options to one call of the agent, and from its answer to what Ansible shows.

A module is its documentation, its options, one pure function that makes a document (or other parameters) of them,
and one call here. Check mode is the operation's `plan` twin: the same path in the agent, stopped before the patch.
"""

import json
import re
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Set

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils._client import SOCKET, Client, ClientError

# Seconds the agent gets for everything but waiting: load, plan, preview, up to five conflicts, patch, prove.
WORKING = 120
# With one of these a check cannot know more than "this will be built"; the run builds what is missing first.
NOT_YET = ("agent.missing", "cib.unavailable", "tool.missing")

# With one of these the configuration was changed before something went wrong.
AFTER_THE_PATCH = ("settle.failed", "settle.timeout", "prove.failed")

AGENT_OPTIONS: Dict[str, Any] = {"agent_socket": {"type": "path", "default": SOCKET}}
CHANGE_OPTIONS: Dict[str, Any] = {
    "allow": {"type": "list", "elements": "str", "choices": ["fence", "stop"], "default": []},
    "wait": {"type": "int", "default": 120},
}
CHANGE_OPTIONS.update(AGENT_OPTIONS)
# Of modules whose objects have secrets.
SECRET_OPTIONS: Dict[str, Any] = {"only": {"type": "str", "choices": ["all", "secrets"], "default": "all"}}

SHORTEST = 4  # characters; hiding anything shorter wherever it occurs would hide half of what is said

NOTHING_KNOWN: Dict[str, Any] = {
    "changed": True,
    "plan": [],
    "diff": [],
    "preview": {"available": False, "reason": None, "actions": [], "fences": [], "matched": None, "mismatch": []},
    "cib": {"before": None, "after": None},
    "transaction": None,
    "objects": [],
    "failures": [],
    "fail_counts": [],
}

# What the agent shows in place of a secret; given back, it means "as it is".
MASK = "********"

# The agent's own rule (tandem_agent/model/secrets.py); a contract test compares them.
_SECRET = re.compile(r"passw|passphrase|secret|token|(private|api)_?key|community", re.IGNORECASE)
_A_WAY_TO_IT = ("_script", "_file", "_path", "_timeout")


class Refusal(Exception):
    """Options that contradict each other or are dangerous; the message names the remedy."""


class HaModule(AnsibleModule):
    """AnsibleModule that hides the secrets of free maps (`params`) before anything is logged or returned.

    Ansible hides what an option spec marks `no_log`; the keys of a free map have no spec, and the invocation of
    every module goes to the host's journal. That happens inside AnsibleModule.__init__, so only an override comes
    early enough. Ansible hides a secret's value wherever it occurs: one such as "a" or "10" would make results
    unreadable, so short ones are masked in their own place only.

    It also takes names as Pacemaker writes them (`on-fail`), which Ansible allows for no option of its own, and keeps a
    score that is null, which Ansible takes for none given: a document that the agent returned can be given back.
    """

    params: Dict[str, Any]

    def _load_params(self) -> None:
        super(HaModule, self)._load_params()
        self.no_log_values.update(secrets(self.params))
        self.params = as_options(self.params, self.argument_spec)

    def _log_invocation(self) -> None:
        self.no_log_values.update(secrets(self.params))  # once more: maps that were written as text are maps by now
        self._forget_short_ones()
        given = self.params
        self.params = masked(given)
        try:
            super(HaModule, self)._log_invocation()
        finally:
            self.params = given

    def _return_formatted(self, kwargs: Dict[str, Any]) -> None:
        self._forget_short_ones()
        kwargs.setdefault("invocation", {"module_args": masked(self.params)})
        super(HaModule, self)._return_formatted(kwargs)

    def _forget_short_ones(self) -> None:
        long = {value for value in self.no_log_values if len(value) >= SHORTEST}
        self.no_log_values.intersection_update(long - {MASK})  # a mask hides itself


def as_options(value: Any, options: Mapping[str, Any], inside: bool = False) -> Any:
    """Options with `_` for `-` in the names that the spec knows so; free maps stay as they are.

    Inside a document a score that is null, "there is to be none", becomes an empty text.
    """
    if isinstance(value, list):
        return [as_options(item, options, True) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {}
    for name, item in value.items():
        plain = str(name).replace("-", "_")
        known = plain if plain in options and plain not in value else name
        inner = options.get(known, {}).get("options")
        renamed[known] = as_options(item, inner, True) if inner else item
        if inside and known == "score" and item is None:
            renamed[known] = ""
    return renamed


def create(options: Mapping[str, Any], **rules: Any) -> HaModule:
    """The module with these options; `rules` are AnsibleModule's (required_if, mutually_exclusive ...)."""
    return HaModule(argument_spec=dict(options), supports_check_mode=True, **rules)


def run(module: AnsibleModule, to_document: Callable[[Mapping[str, Any]], Dict[str, Any]], request: str) -> None:
    """Apply, or in check mode plan, the document that `to_document` makes of the module's options, and exit.

    `request` says who asks, for the agent's journal: "ha_resource vip".
    """
    try:
        document = to_document(module.params)
    except Refusal as refusal:
        module.fail_json(msg=str(refusal), code="params.invalid")
    params = {"document": document, "allow": module.params["allow"], "request": request[:200]}
    if module.params.get("purge") is not None:
        params["purge"] = module.params["purge"]
    if module.params.get("only", "all") != "all":
        params["only"] = module.params["only"]
    finish(module, change(module, "apply", params))


def change(module: AnsibleModule, operation: str, params: Mapping[str, Any]) -> Dict[str, Any]:
    """The outcome of `operation` (`apply`, `cluster.apply`), in check mode of its `plan` twin; errors end the module.

    The module's option `wait` is added to what is really done.
    """
    if module.check_mode:
        outcome = ask(module, re.sub(r"apply$", "plan", operation), params)
    else:
        wait = module.params["wait"]
        outcome = ask(module, operation, dict(params, wait=wait), wait + WORKING)
    return dict(NOTHING_KNOWN) if outcome is None else outcome


def ask(
    module: AnsibleModule, operation: str, params: Optional[Mapping[str, Any]] = None, seconds: float = WORKING
) -> Optional[Dict[str, Any]]:
    """The result of one operation. An error ends the module; None (with a warning) is a check on a host not ready yet."""
    try:
        with Client(module.params["agent_socket"]) as client:
            return client.call(operation, params, seconds)
    except ClientError as error:
        if not (module.check_mode and error.code in NOT_YET):
            fail(module, error)
        module.warn("%s. This check cannot see further." % error.message.rstrip("."))
        return None


def finish(module: AnsibleModule, outcome: Mapping[str, Any], **more: Any) -> None:
    """Exit with what the agent said; `diff` only when it was asked for."""
    result = dict(more)
    result["changed"] = bool(outcome.get("changed"))
    for key in (
        "plan",
        "preview",
        "cib",
        "transaction",
        "objects",
        "actions",
        "timing",
        "settled",
        "failures",
        "fail_counts",
    ):
        if key in outcome:
            result[key] = outcome[key]
    if getattr(module, "_diff", False) and "diff" in outcome:
        result["diff"] = outcome["diff"]
    for warning in outcome.get("warnings") or []:
        module.warn(warning)
    module.exit_json(**result)


def fail(module: AnsibleModule, error: ClientError) -> None:
    """End the module with the agent's error: the sentence, its code, and whatever lists came with it."""
    lists = {key: error.details[key] for key in ("faults", "failures", "refused", "pending") if key in error.details}
    changed = error.code in AFTER_THE_PATCH
    module.fail_json(msg=error.message, code=error.code, details=error.details, changed=changed, **lists)


def secrets(value: Any, name: str = "") -> Set[str]:
    """The values in a tree of options that stand under a name that means a secret."""
    return set(_secrets(value, name))


def _secrets(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key != "ids":  # what options are called, be they secret ones
                yield from _secrets(item, "secret" if name == "secrets" else str(key))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _secrets(item, name)
    elif is_secret(name) and _hides(name, value):
        yield str(value)
    elif isinstance(value, str) and value.lstrip()[:1] in ("{", "["):  # a map written as text, as on a command line
        try:
            tree = json.loads(value)
        except ValueError:
            return
        yield from _secrets(tree, name)


def masked(value: Any, name: str = "") -> Any:
    """A copy of a tree of options in which a mask stands for each secret, by its name alone."""
    if isinstance(value, dict):
        inside = "secret" if name == "secrets" else ""
        return {key: item if key == "ids" else masked(item, inside or str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item, name) for item in value]
    return MASK if any(_secrets(value, name)) else value


def _hides(name: str, value: Any) -> bool:
    if "token" in name and str(value).isdigit():
        return False  # Corosync's: milliseconds
    return value not in ("", MASK) and isinstance(value, (str, int, float)) and not isinstance(value, bool)


def is_secret(name: str) -> bool:
    """Whether option `name` holds a secret itself (`passwd`), not the way to one (`password_script`)."""
    return bool(_SECRET.search(name)) and not name.endswith(_A_WAY_TO_IT)
