# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one path: load, validate, plan, candidate, verify, preview, patch, settle, prove, journal.

One object or a whole site, a run or its check mode, a change or its undoing: all go this way. The patch is the only
moment at which the cluster changes; whatever ends the agent before it leaves the old configuration, after it the new
one, and the same request again finds what is left to do.
"""

from __future__ import annotations

import copy
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Set, Tuple
from xml.etree.ElementTree import Element

from .cib.read import read
from .cib.tree import Version, parse, serialize, version_of, without_events
from .cib.write import write
from .context import Context
from .errors import AgentError, Fault, invalid
from .journal import Entry
from .model.declaration import Document
from .model.objects import Setting, State
from .pacemaker.compare import mismatches
from .pacemaker.coordinator import agree
from .pacemaker.failed import Failed, failed
from .pacemaker.parameters import judge
from .pacemaker.settle import Settled, sentence, settle, still_lacking
from .pacemaker.simulate import Graph, Preview, guard
from .pacemaker.status import read_status
from .pacemaker.structure import Structure
from .pacemaker.tools import PatchRefused
from .plan.diff import REMOVE, Change, diff
from .plan.draft import Wanted
from .plan.references import spoken_of, stranded
from .plan.render import diff_of, plan_of
from .plan.secrets import SecretChange
from .plan.undo import record
from .plan.validate import validate
from .plan.warnings import warnings
from .secrecy import Secrecy

ATTEMPTS = 5  # times a request is planned anew because the configuration moved meanwhile
REBASES = 20  # times a patch is made anew because only status moved; on a busy cluster that is every second or so
PREVIEW_SECONDS = 20.0
UNSEEN = (
    "tool.timeout",
    "tool.missing",
)  # faults of a look that a request can do without; it is said what was not seen

ALLOWANCES = ("fence", "stop")
NO_DOCUMENT = Document("", ())  # of a request that declares nothing, such as an undoing


@dataclass(frozen=True)
class Loaded:
    """The live configuration at one moment."""

    text: bytes
    root: Element
    version: Version
    state: State


@dataclass(frozen=True)
class Request:
    """What somebody wants, and how far it may go. `want` lays it over what is there."""

    want: Callable[[State], Wanted]
    document: Document
    allow: Set[str] = field(default_factory=set)
    wait: float = 120.0
    who: str = ""
    effect: bool = False  # false: stop before the patch (check mode)
    raw: Any = None  # the document as it came, whose secrets are to be kept from everybody


def carry_out(context: Context, request: Request) -> Dict[str, Any]:
    """Take a request down the path; the result is that of the protocol's `apply`.

    Errors: those of docs/protocol.md, with all that is secret taken out.
    """
    return _Transaction(context, request).run()


# -- the path ----------------------------------------------------------------------------------------------------------


class _Moved(Exception):
    """The configuration changed between load and patch: everything must be thought through again."""


class _Transaction:
    """One request on its way down the path."""

    def __init__(self, context: Context, request: Request) -> None:
        self.secrecy = Secrecy(context, request.document, request.raw)
        self.context = replace(context, emit=lambda name, data: context.emit(name, self._quietly(data)))
        self.request = request
        self.state: Optional[State] = None
        self.files: List[SecretChange] = []
        self.timings: Dict[str, float] = {}
        self.warnings: List[str] = []
        self.patched = False

    def run(self) -> Dict[str, Any]:
        try:
            outcome = self._run()
        except AgentError as error:
            quiet = AgentError(error.code, self._quietly(error.message), self._quietly(error.details), error.retryable)
            raise quiet from None
        return {**outcome, **{name: self._quietly(outcome[name]) for name in ("failures", "warnings")}}

    def _quietly(self, said: Any) -> Any:
        return self.secrecy.keep_quiet(said, self.state) if said else said

    def _run(self) -> Dict[str, Any]:
        for _attempt in range(ATTEMPTS):
            try:
                return self._attempt()
            except _Moved:
                self.context.emit("conflict", {"message": "the configuration changed meanwhile; planning anew"})
        raise AgentError(
            "cib.conflict",
            f"the configuration was changed by others {ATTEMPTS} times while this change was being made; try again when they are done",
            retryable=True,
        )

    def _attempt(self) -> Dict[str, Any]:
        self.warnings = []
        with self._timed("load"):
            loaded = load(self.context)
            self.state = loaded.state
        with self._timed("plan"):
            wanted = self.request.want(loaded.state)
            changes = diff(loaded.state, wanted.state, wanted.because)
            self.files = self.secrecy.changes(changes, wanted.state)
            self._validate(loaded, wanted, changes)
        if not changes and not self.files:
            self._still_lacking(loaded, wanted)
            return self._outcome(loaded, changes, wanted, Preview(), "not_waited")
        preview = self._foreseen(loaded, wanted, changes) if changes else Preview()
        if not self.request.effect:
            return self._outcome(loaded, changes, wanted, preview, "not_waited")
        return self._effect(loaded, wanted, changes, preview)

    def _foreseen(self, loaded: Loaded, wanted: Wanted, changes: List[Change]) -> Preview:
        if not self.context.tools.offline:
            _need_quorum(loaded, wanted.state)
        candidate = _candidate(loaded, changes, wanted.state)
        with self._timed("verify"):
            self._verify(loaded, candidate)
        with self._timed("preview"):
            return self._preview(loaded, candidate, wanted, changes)

    def _effect(self, loaded: Loaded, wanted: Wanted, changes: List[Change], preview: Preview) -> Dict[str, Any]:
        """From here on the cluster changes."""
        self.context.deadline.check("applying the change")
        entry = self._entry(loaded, changes, preview)
        status = None if self.context.tools.offline else read_status(self.context.tools.monitor())
        before = status if self.request.wait else None
        if status and changes and status["cluster"]["dc"] not in (None, self.context.tools.local_node):
            agree(self.context.tools, status["cluster"]["dc"])
        warning = self.context.journal.write(entry)
        if warning:
            self.warnings.append(warning)
        try:
            self.patched = self.secrecy.write(self.files) or self.patched
            if changes:
                with self._timed("patch"):
                    self._patch(loaded, wanted, changes)
            settled = self._settle(_scope(wanted, changes, loaded.state), before)
            proved = self._prove()
            self.secrecy.remove(self.files)
        except _Moved:
            self._close(entry, loaded, "not applied: the configuration moved")
            raise
        except AgentError as error:
            self._close(entry, loaded, error.code)
            error.details.update(transaction=entry["id"], changed=self.patched)
            raise
        matched, mismatch = _compared(preview, loaded, settled, before)
        entry["preview"].update(matched=matched, mismatch=mismatch)
        self._close(entry, proved, settled.state)
        self.warnings += settled.warnings + ([] if matched else mismatch)
        result = self._outcome(loaded, changes, wanted, preview, settled.state, settled, proved)
        result["preview"] = preview.as_json(matched, mismatch)
        result.update(transaction=entry["id"], changed=True)
        result["cib"]["after"] = str(proved.version)
        return result

    def _still_lacking(self, loaded: Loaded, wanted: Wanted) -> None:
        """Nothing to change, yet what is declared does not run: the second run must not hide what the first one said."""
        if self.context.tools.offline:
            return
        lacking, unrun = still_lacking(self.context, loaded.root, _scope(wanted, [], loaded.state))
        if unrun and self.request.effect and self.request.wait:
            raise AgentError(
                "settle.failed",
                "the configuration is as declared, but the cluster could not carry it out: "
                + "; ".join(map(sentence, unrun)),
                {"failures": unrun, "changed": False},
            )
        self.warnings += [sentence(failure) for failure in unrun] or [str(one) for one in lacking]

    # -- before the patch

    def _validate(self, loaded: Loaded, wanted: Wanted, changes: List[Change]) -> None:
        document = self.request.document
        faults = wanted.faults + validate(wanted.state, document, {change.key for change in changes})
        judged = judge(self.context.metadata, loaded.state, wanted.state, document, self.context.tools.local_node)
        faults += stranded(loaded.state, wanted.state) + judged.faults
        faults += self.secrecy.faults(wanted.state, changes, self.files)
        if faults:
            raise invalid("document.invalid", "the document", faults)
        self.warnings += warnings(wanted.state, document) + judged.warnings + self.secrecy.warnings(wanted.state)
        early = self.secrecy.early(self.files, changes, wanted.state)
        if early and self.request.effect:
            raise AgentError("secrets.first", early)
        self.warnings += [early] if early else []

    def _verify(self, loaded: Loaded, candidate: Element) -> None:
        """Pacemaker's own opinion; what it already said of the present configuration is not this change's fault."""
        text = serialize(candidate)
        lost = self.context.tools.lost(loaded.text, text)
        if lost:
            raise AgentError(
                "cib.schema",
                f"Pacemaker on this host would not keep these values as they are: {'; '.join(lost)}; leave out line ends, tabs"
                " and control characters (kept since Pacemaker 3.0), or what is not ASCII (kept since 2.1)",
                {"lost": lost},
            )
        verdict = self.context.tools.verify(without_events(candidate))
        if not verdict.errors and not verdict.warnings:
            return
        known = self.context.tools.verify(without_events(loaded.root))
        fresh = [error for error in verdict.errors if error not in known.errors]
        if fresh:
            raise AgentError("cib.schema", "Pacemaker refuses the result: " + "; ".join(fresh), {"errors": fresh})
        self.warnings += [warning for warning in verdict.warnings if warning not in known.warnings]

    def _preview(self, loaded: Loaded, candidate: Element, wanted: Wanted, changes: List[Change]) -> Preview:
        tools = self.context.tools
        try:
            graph = Graph(tools.graph(serialize(candidate), timeout=PREVIEW_SECONDS), candidate)
        except AgentError as error:
            if error.code not in UNSEEN:
                raise
            return self._unseen(error.message, changes)
        preview = Preview(tuple(graph.actions()))
        resources, nodes = _named(wanted, changes, loaded.state)
        guests: Dict[str, str] = {}
        for structure in (Structure(loaded.root), Structure(candidate)):
            resources |= structure.made_for(resources, (action.resource or "" for action in preview.actions))
            guests.update(structure.guests())
        refused = guard(preview.actions, resources, nodes, self.request.allow, guests=guests)
        if refused:  # perhaps the cluster is about to do so anyway
            already = tuple(Graph(tools.graph(loaded.text, timeout=PREVIEW_SECONDS), loaded.root).actions())
            refused = guard(preview.actions, resources, nodes, self.request.allow, already, guests)
        if refused:
            raise _refused(refused, preview, changes)
        return preview

    def _unseen(self, reason: str, changes: List[Change]) -> Preview:
        """Nobody can say what the change would do: a check tells the plan alone, a run needs leave for anything."""
        preview = Preview(reason=reason)
        if self.request.effect and not self.context.tools.offline and not self.request.allow.issuperset(ALLOWANCES):
            raise _refused(
                [f"what it would do is not known: {reason} (allow: {', '.join(ALLOWANCES)})"], preview, changes
            )
        return preview

    # -- the patch and after

    def _patch(self, loaded: Loaded, wanted: Wanted, changes: List[Change]) -> None:
        """One atomic, versioned patch. Where only status moved the same changes are laid over the newer CIB."""
        tools = self.context.tools
        for _attempt in range(REBASES):
            try:
                tools.patch(tools.diff(loaded.text, serialize(_candidate(loaded, changes, wanted.state))))
                self.patched = True
                return
            except PatchRefused as refused:
                fresh = load(self.context)
                if fresh.version[:2] != loaded.version[:2]:
                    raise _Moved from refused
                if fresh.version == loaded.version:
                    raise AgentError(
                        "tool.failed", f"cibadmin refuses the patch although nothing moved: {refused.text}"
                    ) from refused
                loaded = fresh
        raise _Moved

    def _settle(self, scope: Set[str], before: Optional[Dict[str, Any]]) -> Settled:
        if before is None:
            return Settled(0.0, "offline" if self.context.tools.offline else "not_waited")
        with self._timed("settle"):
            return settle(self.context, scope, self.request.wait, before["failures"])

    def _prove(self) -> Loaded:
        """What is there now is what was wanted: asking again finds nothing to do."""
        with self._timed("prove"):
            loaded = load(self.context)
            left = (
                diff(loaded.state, self.request.want(loaded.state).state)
                if self.request.document is not NO_DOCUMENT
                else []
            )
        if left:
            raise AgentError(
                "prove.failed",
                "the change was applied, but asking again finds more to do, so somebody or something changed it back: "
                + "; ".join(entry["summary"] for entry in plan_of(left)),
                {"plan": plan_of(left)},
                retryable=True,
            )
        return loaded

    # -- records

    def _entry(self, loaded: Loaded, changes: List[Change], preview: Preview) -> Entry:
        return {
            "id": self.context.journal.new_id(self.context.node),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "node": self.context.node,
            "request": self.request.who,
            "changed": None,
            "plan": [entry["summary"] for entry in self._plan(changes)],
            "preview": {"actions": [str(action) for action in preview.actions], "matched": None, "mismatch": []},
            "cib": {"before": str(loaded.version), "after": None},
            "seconds": None,
            "outcome": "started",
            "changes": record(changes),
        }

    def _close(self, entry: Entry, loaded: Loaded, outcome: str) -> None:
        entry.update(outcome=outcome, changed=self.patched, seconds=round(sum(self.timings.values()), 3))
        entry["cib"]["after"] = str(loaded.version)
        warning = self.context.journal.write(entry)
        if warning and warning not in self.warnings:
            self.warnings.append(warning)

    def _plan(self, changes: List[Change]) -> List[Dict[str, Any]]:
        """All that is done, in its order."""
        first = [change.as_json() for change in self.files if change.action != REMOVE]
        return first + plan_of(changes) + [change.as_json() for change in self.files if change.action == REMOVE]

    def _failed(self, root: Element, scope: Set[str], status: Optional[Mapping[str, Any]]) -> Failed:
        """What failed of the request's resources. It is told beside the answer, which stands without it."""
        try:
            return failed(self.context.tools, root, scope, status)
        except AgentError as error:
            if error.code not in UNSEEN:
                raise
            self.warnings.append(f"what has failed is not known: {error.message}")
            return Failed([], [])

    def _outcome(
        self,
        loaded: Loaded,
        changes: List[Change],
        wanted: Wanted,
        preview: Preview,
        state: str,
        settled: Optional[Settled] = None,
        after: Optional[Loaded] = None,
    ) -> Dict[str, Any]:
        status = settled.status if settled else None
        scope = _scope(wanted, changes, loaded.state)
        found = self._failed((after or loaded).root, scope, status)
        return {
            "changed": bool(changes or self.files),
            "plan": self._plan(changes),
            "diff": diff_of(changes) + [change.as_diff() for change in self.files],
            "preview": preview.as_json(),
            "cib": {"before": str(loaded.version), "after": str(loaded.version)},
            "transaction": None,
            "objects": [
                {"kind": wanted.state.objects[key].kind, "id": key.id}
                for key in sorted(wanted.named)
                if key in wanted.state.objects
            ],
            "settled": settled.as_json() if settled else {"waited": 0.0, "state": state},
            "failures": found.failures,
            "fail_counts": found.counts,
            "warnings": list(dict.fromkeys(self.warnings)),
            "timings": {name: round(seconds, 4) for name, seconds in self.timings.items()},
        }

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + time.monotonic() - started


def _need_quorum(loaded: Loaded, wanted: State) -> None:
    """Refuse a change that a majority may know nothing of; Pacemaker takes it, and it is lost or fought over later."""
    policy = wanted.get("property", "no-quorum-policy")
    ignored = isinstance(policy, Setting) and policy.value == "ignore"
    if loaded.root.get("have-quorum") == "0" and not ignored:
        raise AgentError(
            "cib.no_quorum",
            "this partition of the cluster has no quorum, so nothing is changed; bring the other members (or the quorum device)"
            " back first",
            retryable=True,
        )


# -- steps -------------------------------------------------------------------------------------------------------------


def load(context: Context) -> Loaded:
    """The configuration as it is now."""
    text = context.tools.query_cib()
    root = parse(text)
    return Loaded(text, root, version_of(root), read(root))


def _candidate(loaded: Loaded, changes: List[Change], wanted: State) -> Element:
    """A copy of the CIB with the changes in it, read back and compared: what we send is what was planned."""
    root = copy.deepcopy(loaded.root)
    write(root, changes)
    root.set("epoch", str(loaded.version.epoch + 1))
    root.set("num_updates", "0")
    left = diff(read(parse(serialize(root))), wanted)
    if left:
        # Forms that no schema allows but some CIBs have (ids that stand twice) and ids of somebody's inner parts end here.
        raise invalid(
            "document.invalid",
            "the change",
            [
                Fault(
                    f"{entry['kind']} {entry['id']}",
                    f"cannot be written into this CIB as it is meant ({entry['summary']})",
                )
                for entry in plan_of(left)
            ],
        )
    return root


def _refused(reasons: List[str], preview: Preview, changes: List[Change]) -> AgentError:
    return AgentError(
        "preview.refused",
        "the change was not made: " + "; ".join(reasons),
        {"refused": reasons, "preview": preview.as_json(), "plan": plan_of(changes)},
    )


def _named(wanted: Wanted, changes: List[Change], current: State) -> Tuple[Set[str], Set[str]]:
    """The resources and the nodes that a request speaks of, and those that go because of what it says."""
    return spoken_of(wanted.named | {change.key for change in changes if change.because}, current, wanted.state)


def _scope(wanted: Wanted, changes: List[Change], current: State) -> Set[str]:
    """The resources whose running and whose failures the request answers for: all it names, constraints included."""
    names, _nodes = _named(wanted, changes, current)
    return {name for name in names if wanted.state.resource(name) is not None}


def _compared(
    preview: Preview, loaded: Loaded, settled: Settled, before: Optional[Dict[str, Any]]
) -> Tuple[Optional[bool], List[str]]:
    """Whether what was foreseen is what happened, and what was not; None when that cannot be known."""
    if settled.cib is None or settled.status is None or before is None:
        return None, []
    if preview.reason:
        return None, [f"nothing was foreseen: {preview.reason}"]
    failures = [one for one in settled.status["failures"] if one not in before["failures"]]
    fenced = [one for one in settled.status["fencing"] if one["state"] == "success" and one not in before["fencing"]]
    found = mismatches(preview.actions, loaded.root, settled.cib, failures, fenced)
    if found and settled.moved:
        return None, ["the configuration was changed again meanwhile, which may be why", *found]
    return not found, found
