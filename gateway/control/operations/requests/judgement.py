"""The request to judge a candidate, and what it must name. Without the store, so that clients can create it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evaluators.engine.target import resolve
from fairtrial.config.file.errors import nearest
from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Plan
from fairtrial.domain.verdict import MOST_SUITES

if TYPE_CHECKING:
    from evaluators.gate.file import Gate

LARGEST_GATE = 32_768
"""Letters of a gate's text."""
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
Name = Annotated[str, Field(max_length=200, pattern=PRINTABLE)]
Label = Annotated[str, Field(max_length=4096, pattern=PRINTABLE)]


class SuiteReference(BaseModel):
    """A suite that the gate lists, identified among the stored ones by its digests."""

    model_config = ConfigDict(extra="forbid")

    suite: Name
    digest: Name = Field(description="the suite's digest, as in its runs")
    text_digest: Name | None = Field(
        default=None,
        description="SHA-256 of the suite's text including its gate lines; default: the newest stored text",
    )
    listed: Label | None = Field(default=None, description="how the gate lists it, if not by its name")
    file: Label | None = Field(
        default=None, description="the caller's path of the suite, shown in suggested commands and never opened"
    )


class JudgeRequest(BaseModel):
    """The request: a gate's text, the suites that it lists, the candidate and the baseline."""

    model_config = ConfigDict(extra="forbid")

    gate: str = Field(max_length=LARGEST_GATE, description="the text of the gate's file")
    suites: list[SuiteReference] = Field(default_factory=list, max_length=MOST_SUITES)
    candidate: Name
    baseline: Name

    @model_validator(mode="after")
    def _one_digest_for_each_suite(self) -> JudgeRequest:
        known: dict[str, tuple[str, str | None]] = {}
        for one in self.suites:
            digests = one.digest, one.text_digest
            if known.setdefault(one.suite, digests) != digests:
                raise ValueError(f"the suite {one.suite!r} is named with two digests")
        return self


def digests_of(plan: Plan, candidate: str, baseline: str) -> dict[str, str]:
    """The digests of both current definitions; raises `UsageError` for an unknown target or two equal ones."""
    if candidate == baseline:
        raise UsageError(
            f"--candidate {candidate}: candidate and baseline are the same target; choose another baseline"
        )
    return {name: resolve(name, plan, base_url="").deployment_digest for name in (candidate, baseline)}


def refuse_unknown_refs(gate: Gate, plan: Plan) -> None:
    """Raise `UsageError` for a line or key that refers to something unknown, because it would hold forever."""
    from evaluators.criteria.grammar import VersusBaseline  # imports the gate only when one is judged
    from evaluators.criteria.live_validation import CANDIDATE
    from evaluators.criteria.validation import NAMED_BASELINE

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
