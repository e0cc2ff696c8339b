"""A candidate before a gate: its newest runs, blind reviews and live rates, judged, and the verdict saved."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial.domain.errors import UsageError
from fairtrial.domain.ids import ENTROPY_BYTES, uuid7
from fairtrial.domain.verdict import Verdict

if TYPE_CHECKING:
    from evaluators.gate_elsewhere import Live, Rate
    from evaluators.gate_file import Gate
    from fairtrial.cli.owner import Owner
    from fairtrial.domain.plan import Experiment, Plan
    from fairtrial.domain.run import Run
    from fairtrial.store.traffic import Traffic, VariantTraffic

NAMED_BASELINE = "baseline:"
"""What a line begins the name of a kept run with, which is no target."""


def digests_of(plan: Plan, candidate: str, baseline: str) -> dict[str, str]:
    """The present definitions of both; raises `UsageError` if one does not exist, or if they are one and the same."""
    from evaluators.target import resolve

    if candidate == baseline:
        raise UsageError(f"--candidate {candidate}: a model compared with itself shows nothing; name another baseline")
    return {name: resolve(name, plan, base_url="").deployment_digest for name in (candidate, baseline)}


def gate_candidate(owner: Owner, gate_path: Path, *, plan: Plan, candidate: str, baseline: str) -> Verdict:
    """The verdict of the gate in this file on the store's newest runs of its suites as they stand; it is saved.

    ``candidate`` and ``baseline`` are targets of the plan as `fairtrial eval --on` names them; a run of another
    definition of a target is INVALID. Raises `UsageError` for an unknown target and `ConfigError` for a gate with
    mistakes; evidence that is missing is a HOLD, not an error.
    """
    from evaluators.gate import judge
    from evaluators.gate_file import load
    from evaluators.gate_rules import Trial

    digests = digests_of(plan, candidate, baseline)
    gate = load(gate_path)
    _refuse_unknown_refs(gate, plan)
    runs = newest_runs(owner, gate)
    reviews = owner.reviews.evidence(candidate, baseline)
    now_us = time.time_ns() // 1000
    verdict = judge(
        gate,
        Trial(candidate, baseline, lambda suite, target: runs.get((suite, target)), digests, reviews),
        verdict_id=uuid7(now_us // 1000, os.urandom(ENTROPY_BYTES)),
        at_us=now_us,
        live=live_rates(owner.traffic(), plan, candidate, baseline),
        candidates_judged=candidates_judged(owner, gate.name, candidate),
    )
    owner.save_verdict(verdict)
    return verdict


def _refuse_unknown_refs(gate: Gate, plan: Plan) -> None:
    """`UsageError` for a line that compares with a target which is not in the plan: it would hold for ever."""
    from evaluators.gate_lines import Versus
    from evaluators.target import resolve

    for rule in gate.rules:
        test = rule.line.test
        if isinstance(test, Versus) and test.ref != "base" and not test.ref.startswith(NAMED_BASELINE):
            try:
                resolve(test.ref, plan, base_url="")
            except UsageError as error:
                raise UsageError(f"{rule.source}: {rule.text!r}: {str(error).removeprefix('--on ')}") from error


def newest_runs(owner: Owner, gate: Gate) -> dict[tuple[str, str], Run]:
    """The newest finished run of each of the gate's suites, as it stands now, by suite and target."""
    found: dict[tuple[str, str], Run] = {}
    for suite in gate.suites:
        for run in owner.latest_runs(suite=suite.name, suite_digest=suite.digest):
            found.setdefault((run.suite, run.target), run)
    return found


def candidates_judged(owner: Owner, gate: str, candidate: str) -> int:
    """How many different candidates this gate has judged, this one included."""
    return len({verdict.candidate for verdict in owner.list_verdicts(gate=gate, limit=1000)} | {candidate})


def live_rates(traffic: Sequence[Traffic], plan: Plan, candidate: str, baseline: str) -> Live:
    """Plain rates of the first experiment in which both are served; empty if there is none.

    A target is a deployment, which stands for the variant that serves it, or ``EXPERIMENT/VARIANT``.
    """
    for one in traffic:
        arms = {variant.variant: variant for variant in one.variants}
        experiment = plan.experiments.get(one.experiment)
        new, old = (arms.get(_variant_of(experiment, name)) for name in (candidate, baseline))
        if new is not None and old is not None:
            return _rates(new, old)
    return {}


def _variant_of(experiment: Experiment | None, target: str) -> str:
    """The variant of the experiment that a target is; empty if it is none."""
    variants = experiment.variants if experiment else ()
    names = {f"{experiment.name}/{variant.name}": variant.name for variant in variants if experiment}
    names |= {variant.deployment: variant.name for variant in variants}
    return names.get(target, "")


def _rates(new: VariantTraffic, old: VariantTraffic) -> Live:
    found = {
        "requests.error_rate": (_share(new, new.errors), _share(old, old.errors)),
        "requests.user_error_rate": (_share(new, new.user_errors), _share(old, old.user_errors)),
        "requests.rejected_rate": (_share(new, new.rejected), _share(old, old.rejected)),
    }
    for key in sorted(set(new.feedback) | set(old.feedback)):
        found[f"feedback.{key}"] = (_feedback(new, key), _feedback(old, key))
    return found


def _share(arm: VariantTraffic, part: int) -> Rate:
    from evaluators.gate_elsewhere import Rate

    return Rate(part / arm.requests if arm.requests else None, arm.requests)


def _feedback(arm: VariantTraffic, key: str) -> Rate:
    from evaluators.gate_elsewhere import Rate

    found = arm.feedback.get(key)
    if found is None or found.rate is None:
        return Rate(None, 0, f"answers to {key}")
    return Rate(found.rate, found.rated, "ratings", share=0 <= found.rate <= 1)
