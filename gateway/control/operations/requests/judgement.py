"""Checks what a request to judge names: its targets, and what the lines of its gate refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.live_validation import CANDIDATE
from evaluators.criteria.validation import NAMED_BASELINE
from evaluators.engine.target import resolve
from fairtrial.config.file.errors import nearest
from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Plan

if TYPE_CHECKING:
    from evaluators.gate.file import Gate


def digests_of(plan: Plan, candidate: str, baseline: str) -> dict[str, str]:
    """The digests of both current definitions; raises `UsageError` for an unknown target or two equal ones."""
    if candidate == baseline:
        raise UsageError(
            f"--candidate {candidate}: candidate and baseline are the same target; choose another baseline"
        )
    return {name: resolve(name, plan, base_url="").deployment_digest for name in (candidate, baseline)}


def refuse_unknown_refs(gate: Gate, plan: Plan) -> None:
    """Raise `UsageError` for a line or key that refers to something unknown, because it would hold forever."""
    if gate.experiment is not None and gate.experiment not in (CANDIDATE, *plan.experiments):
        known = nearest(gate.experiment, plan.experiments) if plan.experiments else "the plan has none"
        raise UsageError(f"{gate.name}: experiment: there is no experiment {gate.experiment!r} ({known})")
    for rule in gate.rules:
        test = rule.line.test
        if isinstance(test, VersusBaseline) and test.ref != "base" and not test.ref.startswith(NAMED_BASELINE):
            try:
                resolve(test.ref, plan, base_url="")
            except UsageError as error:
                raise UsageError(f"{rule.source}: {rule.text!r}: {str(error).removeprefix('--on ')}") from error
