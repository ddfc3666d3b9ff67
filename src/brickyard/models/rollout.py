"""Tries a version on an endpoint, step by step, and takes it back as soon as it does not do what is asked of it.

The workspace is driven by the vendor's API: shares of traffic, tags, and the inference table that says what each
version answered. So nothing has to run there for it, and a rollout can be read off the endpoint.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from brickyard.errors import BrickyardError, ModelError, RolloutRefused, UsageError, WorkspaceRefused
from brickyard.models.decision import Check
from brickyard.models.served import ServedModel, TakenOff
from brickyard.models.site import Site, now
from brickyard.models.trial import LIVE_REQUESTS, Observed, failures, judge

if TYPE_CHECKING:
    from brickyard.project import RolloutPolicy
    from brickyard.scoring.warehouses import Warehouse

__all__ = ["DECISION", "Rollout", "Step", "abort", "roll_out"]

#: The tag of a version that says how its last rollout ended.
DECISION = "brickyard_rollout"
_POLL_SECONDS = 5.0
_REQUESTS = "requests"
_AWAITED = (_REQUESTS, LIVE_REQUESTS)
_NOTE_LENGTH = 900


@dataclass(frozen=True)
class Step:
    """What a version did at one step.

    Attributes:
        share: Its percent of the traffic; 0 where it was a shadow.
        requests: How many requests it had.
        live_requests: How many requests the live version had, since the rollout began.
        checks: The rules, applied.
        passed: Whether it goes on.
    """

    share: int
    requests: int
    live_requests: int
    checks: tuple[Check, ...]
    passed: bool

    @property
    def name(self) -> str:
        """The step in words."""
        return f"{self.share} %" if self.share else "shadow"


@dataclass(frozen=True)
class Rollout:
    """A rollout that has ended.

    Attributes:
        version: The version that was tried.
        live: The version that served before.
        endpoint: Where.
        steps: What it did.
        serves: Whether the endpoint now serves it to all; one that follows an alias waits for the alias to move.
    """

    version: str
    live: str
    endpoint: str
    steps: tuple[Step, ...]
    serves: bool


@dataclass
class _Trial:
    site: Site
    served: ServedModel
    policy: RolloutPolicy
    warehouse: Warehouse
    version: str
    tell: Callable[[str], None]
    poll_seconds: float
    began: int = 0
    steps: list[Step] = field(default_factory=list)

    def step(self, share: int) -> Step:
        """Put the version at a share of the traffic, and watch it for as long as the policy says."""
        if self.steps:
            self.served.require_trial(self.version)
        self.served.put(self.version, share)
        if not share:
            self.served.mirror(True)
        at, begun = _milliseconds(), time.monotonic()
        self.began = self.began or at
        self.say(f"version {self.version} of {self.site.policy.name}: {f'{share} %' if share else 'shadow'}")
        while True:
            observed = self.served.observed(self.warehouse, {self.version: at, self.served.version: self.began})
            candidate, live = observed[self.version], observed[self.served.version]
            if not share:
                live = replace(live, refused=0)  # a shadow is not asked what the live version has refused
            step = self._judged(share, candidate, live)
            minutes = (time.monotonic() - begun) / 60
            if self._hopeless(step, candidate, live) or (not _waits(step) and minutes >= self.policy.step_minutes):
                break
            if minutes >= max(self.policy.max_minutes, self.policy.step_minutes):
                break
            time.sleep(self.poll_seconds)
            self.served.require_trial(self.version)
        if not share:
            self.served.mirror(False)
        self.steps.append(step)
        return step

    def _hopeless(self, step: Step, candidate: Observed, live: Observed) -> bool:
        """Whether a rule is broken that more requests do not mend."""
        if candidate.requests >= self.policy.min_requests:
            return any(not check.passed and check.metric not in _AWAITED for check in step.checks)
        most = self.policy.max_error_rate
        return most is not None and failures(self.policy, candidate, live) > most * self.policy.min_requests

    def _judged(self, share: int, candidate: Observed, live: Observed) -> Step:
        few = candidate.requests < self.policy.min_requests
        rule = Check(
            f"requests >= {self.policy.min_requests}",
            _REQUESTS,
            candidate.requests,
            self.policy.min_requests,
            not few,
            "bar",
        )
        checks = (rule, *judge(self.policy, candidate, live))
        return Step(share, candidate.requests, live.requests, checks, all(check.passed for check in checks))

    def take_back(self, reason: str, *, taken_off: bool = False) -> None:
        """Let the live version serve all again, unless somebody else has already said what serves."""
        with suppress(OSError):  # nobody reads the output any more
            self.tell(f"version {self.version} is being taken back, which waits for what the endpoint is doing")
        try:
            if not taken_off:
                self.served.put(None)
            if self.policy.shadow:
                self.served.mirror(False)
        except BrickyardError as error:
            error.next = f"version {self.version} may still have a share of the traffic; {_way_back(self.site)}"
            raise
        self.say(f"version {self.version} was taken back: {reason}")

    def record(self, decision: str) -> None:
        """Write to the version how it ended."""
        failed = [check.rule for step in self.steps for check in step.checks if not check.passed]
        note = {
            "decision": decision,
            "endpoint": self.served.name,
            "live": self.served.version,
            "at": now(),
            "by": self.site.user,
            "steps": [{"share": step.share, "requests": step.requests} for step in self.steps],
            "failed": failed,
        }
        text = json.dumps(note, separators=(",", ":"))
        if len(text) > _NOTE_LENGTH:
            text = json.dumps(note | {"steps": len(self.steps), "failed": failed[:3]}, separators=(",", ":"))
        self.site.registry.tag_version(self.version, {DECISION: text})

    def say(self, text: str) -> None:
        """Tell what happens, also to the endpoint."""
        self.served.tell(text)
        self.tell(text)


def roll_out(
    site: Site, version: str, tell: Callable[[str], None] = lambda text: None, *, poll_seconds: float = _POLL_SECONDS
) -> Rollout:
    """Try a version on the model's endpoint.

    Where it is interrupted, the version is taken back. A rollout that was killed leaves the version at its last share,
    until `abort` takes it back.

    Args:
        site: The model in one environment.
        version: The version, in that environment's registry.
        tell: Is told what happens.
        poll_seconds: How often the inference table is read.

    Raises:
        UsageError: The model has no rollout in `brickyard.yml`, or the workspace cannot do what that asks for.
        ModelError: The version or the endpoint is not there, or cannot be tried; another rollout is under way.
        RolloutRefused: The version was taken back; names the rules.
    """
    from brickyard.scoring.warehouses import find_warehouse

    policy = site.policy.rollout
    if policy is None or site.policy.endpoint is None:
        raise UsageError(
            f"'{site.policy.key}' has no rollout", where="brickyard.yml, models", next="write `endpoint` and `rollout`"
        )
    served = ServedModel.of(site)
    _require_free(site, served, version)
    for share in policy.steps:
        served.part(share)
    try:
        warehouse = find_warehouse(site.connection.api, policy.warehouse)
    except UsageError as error:
        error.next = "name it as `warehouse` of the model's rollout in brickyard.yml, or in DATABRICKS_WAREHOUSE_ID"
        raise
    with _claimed(site, served, version) as served:
        return _tried(_Trial(site, served, policy, warehouse, version, tell, poll_seconds))


@contextmanager
def _claimed(site: Site, served: ServedModel, version: str) -> Iterator[ServedModel]:
    """Keep the endpoint for one rollout; of several that begin together one goes on, or none.

    Each says that it begins and then looks again: who looks last sees the others.
    """
    mine = uuid.uuid4().hex[:8]
    try:
        served.claim(mine, site.user)
        found = ServedModel.of(site)
        _require_free(site, found, version, mine)
        yield found
    finally:
        with suppress(BrickyardError):  # what is left of it is told to the next one, which cannot begin
            served.release(mine)


def _require_free(site: Site, served: ServedModel, version: str, mine: str | None = None) -> None:
    next_ = f"wait until that has ended, or {_way_back(site)}"
    if served.candidate is not None:
        raise ModelError(
            f"version {served.candidate} is being tried on the endpoint, or its rollout was killed: {served.told}",
            where=served.name,
            next=next_,
        )
    others = [who for claim, who in served.claims.items() if claim != mine]
    if others:
        raise ModelError(
            f"another rollout has begun, or was killed when it did: {'; '.join(others)}", where=served.name, next=next_
        )
    if site.version(version).version == served.version:
        raise ModelError(f"the endpoint serves version {version} already", where=served.name)


def _tried(trial: _Trial) -> Rollout:
    """Go through the steps, and take the version back where one does not pass."""
    served, policy, version = trial.served, trial.policy, trial.version
    try:
        for share in [*([0] if policy.shadow else []), *policy.steps]:
            step = trial.step(share)
            if not step.passed:
                raise _refused(trial, step)
        served.require_trial(version)
        served.finish(version)
    except BaseException as error:
        if isinstance(error, WorkspaceRefused) and not trial.began:
            raise  # nothing was changed; somebody else may be about to
        reason = error.message if isinstance(error, BrickyardError) else "it was interrupted"
        try:
            trial.take_back(reason, taken_off=isinstance(error, TakenOff))
        finally:
            trial.record("refused" if isinstance(error, RolloutRefused) else "interrupted")
        raise
    trial.record("passed")
    trial.say(f"version {version} passed all steps")
    return Rollout(version, served.version, served.name, tuple(trial.steps), not served.alias)


def abort(site: Site, tell: Callable[[str], None] = lambda text: None) -> str | None:
    """Take back what a rollout tries, or has left when it was killed; one that still runs ends with an error.

    Args:
        site: The model in one environment.
        tell: Is told what happens.

    Returns:
        The version that was taken back; none where a rollout was killed before it put one in place.

    Raises:
        UsageError: The model has no endpoint in `brickyard.yml`, or that has no inference table.
        ModelError: No version is tried there, or it could not be taken back.
    """
    served = ServedModel.of(site, at_rest=False)
    if served.candidate is None and not served.claims:
        raise ModelError("no version is being tried on the endpoint", where=served.name)
    if served.candidate is not None:
        served.put(None)
    if served.mirrors:
        served.mirror(False)
    served.release(*served.claims)
    what = f"version {served.candidate} was taken back: its" if served.candidate else "a"
    text = f"{what} rollout was given up by {site.user}"
    served.tell(text)
    tell(text)
    return served.candidate


def _way_back(site: Site) -> str:
    return f"take it back with `brickyard model rollout {site.policy.key} -t {site.environment.name} --abort`"


def _waits(step: Step) -> bool:
    return any(not check.passed and check.metric in _AWAITED for check in step.checks)


def _refused(trial: _Trial, step: Step) -> RolloutRefused:
    failed = [f"{check.rule}, is {_figure(check.value)}" for check in step.checks if not check.passed]
    return RolloutRefused(
        f"version {trial.version} did not pass the step '{step.name}': {'; '.join(failed)}",
        where=f"{trial.served.name} ({trial.served.table})",
        next=f"version {trial.served.version} serves all again; see what it answered in the table",
    )


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
