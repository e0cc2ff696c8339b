"""Says what a variant still needs before it may be promoted: a fresh, approved SHIP of the official gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from evaluators.gate.live.rule import harm_findings
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.verdict import Verdict
from fairtrial.domain.verdicts.approvals import vote_note
from fairtrial.domain.verdicts.wording import approval_of
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import verdicts
from gateway.control.operations.verdicts.approval_states import Promoter, state_of
from gateway.control.operations.verdicts.live_evidence import read_experiments
from gateway.control.operations.verdicts.official_gate import NONE_DECLARED
from gateway.control.operations.verdicts.staleness import Present, stale_reasons


@dataclass(frozen=True, slots=True)
class ReleaseCheck:
    """The newest official verdict on the variant, ``None`` if there is none; ``missing``: a clause for each."""

    verdict_id: str | None
    missing: tuple[str, ...]


def missing_for_release(
    database: Database, experiment: Experiment, variant: str, present: Present, *, promoter: str
) -> ReleaseCheck:
    """What the variant needs before ``promoter`` may promote it; raises `StoreError`."""
    candidates = targets_of(present.plan, experiment, variant)
    baselines = targets_of(present.plan, experiment, experiment.control)
    if present.release_gate is None:
        return ReleaseCheck(None, (NONE_DECLARED,))
    harm = tuple(_harm(database, present.plan, candidates, baselines))
    verdict = verdicts.newest_official(database, candidates, baselines)
    if verdict is None:
        return ReleaseCheck(None, (_no_verdict(database, experiment, variant, present), *harm))
    return ReleaseCheck(verdict.verdict_id, (*_missing(database, verdict, present, promoter), *harm))


def _harm(database: Database, plan: Plan, candidates: Sequence[str], baselines: Sequence[str]) -> Iterator[str]:
    """Harm that any experiment has proven of the candidate until now, whether or not the verdict has read it."""
    said = dict.fromkeys(
        finding.says
        for candidate in candidates
        for baseline in baselines
        for finding in harm_findings(read_experiments(database, plan, candidate, baseline).evidence)
    )
    return iter(said)


def targets_of(plan: Plan, experiment: Experiment, variant: str) -> list[str]:
    """The targets that stand for a variant: itself, and its deployment if it overrides nothing."""
    own, deployment = f"{experiment.name}/{variant}", experiment.variant(variant).deployment
    arm = experiment.variant(variant)
    plain = arm.system_prompt is None and not arm.params and deployment in plan.deployments
    return [own, deployment] if plain else [own]


def _missing(database: Database, verdict: Verdict, present: Present, promoter: str) -> Iterator[str]:
    short = f"verdict {verdict.verdict_id}"
    if verdict.decision != "SHIP":
        yield f"the newest verdict of the official gate does not say SHIP ({short}): {verdict.headline}"
    state = state_of(database, verdict, Promoter(promoter, present.now_us))
    if state.rejected is not None:
        yield f"{state.rejected.actor} rejected {short}: {state.rejected.why}"
    if state.waiting and verdict.decision == "SHIP":
        notes = [f"; the approval by {one.actor} {vote_note(one.involved, one.barred)}" for one in state.not_counting]
        yield f"{short} waits for {approval_of(verdict.verdict_id, state.waiting)}{''.join(notes)}"
    yield from (f"{short} is stale: {reason}" for reason in stale_reasons(database, verdict, present))


def _no_verdict(database: Database, experiment: Experiment, variant: str, present: Present) -> str:
    """Why no verdict counts, with the newest one that almost does."""
    deployment = experiment.variant(variant).deployment
    own = f"{experiment.name}/{variant}"
    wanted = targets_of(present.plan, experiment, variant)[-1]
    text = f"there is no verdict of the official gate on {wanted} against {experiment.control}"
    found = [
        one for target in (own, deployment) for one in verdicts.with_findings(database, Page(limit=1), candidate=target)
    ]
    if not found:
        return text
    newest = max(found, key=lambda one: one.at_us)
    at = f"{datetime.fromtimestamp(newest.at_us / 1e6, UTC):%d %b %Y %H:%M} UTC"
    why = newest.standing if not newest.official else _other_target(newest, experiment, variant)
    return f"{text}; the {newest.decision} of {at} on {newest.candidate} does not count ({why})"


def _other_target(verdict: Verdict, experiment: Experiment, variant: str) -> str:
    if verdict.candidate == experiment.variant(variant).deployment:
        return f"the variant {variant} sets its own prompt or parameters, so judge {experiment.name}/{variant}"
    return f"it compares with {verdict.baseline}"
