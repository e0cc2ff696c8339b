"""Suites and runs made of plain numbers, for tests of the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluators.gate import judge
from evaluators.gate_file import gate_of
from evaluators.gate_rules import Trial
from evaluators.scorer import Stat
from evaluators.suite import Suite, sealed
from fairtrial.domain.run import Answer, Case, CaseResult, Run, Score
from fairtrial.domain.verdict import Verdict


@dataclass(frozen=True)
class Plain:
    """A scorer of which only name, version and stats are asked."""

    name: str = "qa"
    version: str = "qa/1"
    stats: Sequence[Stat] = (Stat("accuracy", "proportion"), Stat("f1", "mean"))

    def score(self, case: Case, answer: Answer) -> Score:
        raise NotImplementedError


def suite(*lines: str, n: int = 120, tags: Mapping[int, Mapping[str, str]] | None = None, **changed) -> Suite:
    cases = tuple(Case(f"c{i}", (), "x", (tags or {}).get(i, {})) for i in range(n))
    slices = tuple(sorted({tag for case in cases for tag in case.tags}))
    made = sealed(
        Suite("small", "regression", Path("small.yaml"), "", cases, {"temperature": 0}, (Plain(),), slices=slices)
    )
    return replace(made, digest="digest-1", gate=lines, gate_lines=tuple(range(1, len(lines) + 1)), **changed)


def run(of: Suite, target: str, values: Sequence[float | None], *, latency: float = 100.0, **changed) -> Run:
    """A run with one accuracy for each case, ``None`` for a provider error."""
    made = Run(
        f"run-{target}", of.name, of.digest, target, "d", None, 0, 1, 0, 1,
        tuple(_result(case, value, latency) for case, value in zip(of.cases, values, strict=True)),
        {}, {"qa": "qa/1"},
    )  # fmt: skip
    return replace(made, **changed)


def _result(case: Case, value: float | None, latency: float) -> CaseResult:
    if value is None:
        return CaseResult(case, 0, Answer(None, error="503"), "provider_error", {})
    score = Score("qa", {"accuracy": value, "f1": value})
    return CaseResult(case, 0, Answer("x", latency_ms=latency, tokens_out=7), "scored", {"qa": score})


def verdict(of: Suite, candidate: Run | None, baseline: Run | None, **evidence) -> Verdict:
    runs = {"tuned": candidate, "base": baseline}
    trial = Trial("tuned", "base", lambda _, target: runs.get(target))
    return judge(gate_of(of), trial, verdict_id="v", at_us=0, **evidence)


def right(k: int, n: int = 120) -> list[float | None]:
    return [1.0] * k + [0.0] * (n - k)
