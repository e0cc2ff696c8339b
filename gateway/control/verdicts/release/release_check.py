"""Checks that a variant has a fresh, approved SHIP of the official gate before a promotion, and records it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evaluators.gate.families.live import all_effects
from evaluators.gate.file import load
from fairtrial.api.verdict_answers import ReleaseStanding
from fairtrial.api.verdicts import Judge
from fairtrial.config.releases import ReleaseGates
from fairtrial.domain.errors import ConfigError, Conflict
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.verdicts.approvals import reads_as, vote_note
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.domain.verdicts.verdict_wording import approval_of
from fairtrial.experiments.promotion import chosen_treatment
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import verdicts
from gateway.control.present import Present
from gateway.control.verdicts.gate_file import NONE_DECLARED, judge_request, official_gate
from gateway.control.verdicts.live_evidence import read_experiments
from gateway.control.verdicts.release.approvals import Promoter, find_verdict, state_of
from gateway.control.verdicts.staleness import stale_reasons


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
    file = present.release_gates.of(present.plan, experiment.name)
    if file is None:
        return ReleaseCheck(None, (NONE_DECLARED,))
    try:
        gate = official_gate(file).name
    except ConfigError as error:
        return ReleaseCheck(None, (f"the official gate can't be read ({str(error).splitlines()[0]})",))
    against = tuple(_against(database, present, file, (candidates, baselines)))
    verdict = verdicts.newest_official(database, gate, candidates, baselines)
    if verdict is None:
        return ReleaseCheck(None, (_no_verdict(database, experiment, variant, present), *against))
    return ReleaseCheck(verdict.verdict_id, (*_missing(database, verdict, present, promoter), *against))


def _against(
    database: Database, present: Present, file: Path, targets: tuple[Sequence[str], Sequence[str]]
) -> Iterator[str]:
    """What the experiments that the gate covers say against the candidate now, also what the verdict has not read."""
    covered = present.release_gates.covered(present.plan, file)
    metrics = frozenset(line.metric for _, line in load(file).external)
    sentences: dict[str, None] = {}
    for candidate in targets[0]:
        for baseline in targets[1]:
            experiments = read_experiments(
                database,
                present.plan,
                candidate,
                baseline,
                now_us=present.now_us,
                covered=covered,
                held=present.held,
            )
            for effect, live in all_effects(experiments.evidence, present.now_us, metrics=metrics):
                if effect.result != "shown":
                    sentences[effect.says if live is None else f"experiment {live.name}: {effect.says}"] = None
    return iter(sentences)


def request_for_variant(plan: Plan, experiment: Experiment, variant_name: str | None, gates: ReleaseGates) -> Judge:
    """The request to judge a variant by the official gate of its experiment.

    Raises `BadRequest` for an unknown variant, `Conflict` without an official gate, and `ConfigError`.
    """
    variant, file = chosen_treatment(experiment, variant_name), gates.of(plan, experiment.name)
    if file is None:
        raise Conflict(f"experiments.{experiment.name}: {NONE_DECLARED}")
    names = (targets_of(plan, experiment, name)[-1] for name in (variant.name, experiment.control))
    return judge_request(load(file), file, *names)


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
        notes = [
            f"; the approval by {approval.actor} {vote_note(approval.involved, approval.barred, approval.shared_from)}"
            for approval in state.not_counting
        ]
        yield f"{short} waits for {approval_of(verdict.verdict_id, state.waiting)}{''.join(notes)}"
    yield from (f"{short} is stale: {reason}" for reason in stale_reasons(database, verdict, present))


def _no_verdict(database: Database, experiment: Experiment, variant: str, present: Present) -> str:
    """Why no verdict counts, with the newest one that almost does."""
    deployment = experiment.variant(variant).deployment
    own = f"{experiment.name}/{variant}"
    target = targets_of(present.plan, experiment, variant)[-1]
    text = f"there is no verdict of the official gate on {target} against {experiment.control}"
    judged = [
        verdict
        for target in (own, deployment)
        for verdict in verdicts.with_findings(database, Page(limit=1), candidate=target)
    ]
    if not judged:
        return text
    newest = max(judged, key=lambda verdict: verdict.at_us)
    at = f"{datetime.fromtimestamp(newest.at_us / 1e6, UTC):%d %b %Y %H:%M} UTC"
    why = newest.standing if not newest.official else _other_target(newest, experiment, variant)
    return f"{text}; the {newest.decision} of {at} on {newest.candidate} does not count ({why})"


def _other_target(verdict: Verdict, experiment: Experiment, variant: str) -> str:
    if verdict.candidate == experiment.variant(variant).deployment:
        return f"the variant {variant} sets its own prompt or parameters, so judge {experiment.name}/{variant}"
    return f"it compares with {verdict.baseline}"


def read_release(
    database: Database, experiment: Experiment, variant_name: str | None, present: Present, *, promoter: str
) -> ReleaseStanding:
    """The newest official verdict on a variant and what a promotion by ``promoter`` still lacks."""
    variant = chosen_treatment(experiment, variant_name)
    check = missing_for_release(database, experiment, variant.name, present, promoter=promoter)
    verdict = None if check.verdict_id is None else find_verdict(database, check.verdict_id)
    return ReleaseStanding(
        variant=variant.name,
        verdict_id=check.verdict_id,
        reads=None if verdict is None else reads_as(verdict.decision, state_of(database, verdict)),
        headline=None if verdict is None else verdict.headline,
        missing=check.missing,
    )
