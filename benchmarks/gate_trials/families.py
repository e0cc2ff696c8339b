"""Whole gates: fifteen rules, sampled answers with `lost == 0`, and looks that follow a HOLD's advice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from benchmarks.gate_trials.real_path import ANSWER, cases_of
from benchmarks.trials.trial import Bools, Floats, Measures, Target, Trial
from evaluators.gate.file import gate_of
from evaluators.gate.judge import judge
from evaluators.scoring.scorer import Stat
from evaluators.suite import Suite, with_digest
from evaluators.trial import Trial as GateTrial
from fairtrial.domain.run import Answer, Case, CaseResult, Run, Score
from fairtrial.domain.verdicts.verdict import Verdict

RULES, DIFFERING, RIGHT = 15, 0.1, 0.8
MARGIN = 0.05
SIZES = (30, 100, 400)
ROUNDS, MOST = 5, 4_000
"""How often somebody asks again, and the cases at which they give up."""


@dataclass(frozen=True, slots=True)
class Marks:
    """A scorer of which only the stats are asked: so many 0/1 figures."""

    stats: Sequence[Stat]
    name: str = "m"
    version: str = "m/1"

    def score(self, case: Case, answer: Answer) -> Score:
        raise NotImplementedError


def suite_of(
    n: int,
    lines: Sequence[str],
    stats: int,
    *,
    kind: Literal["proportion", "mean"] = "proportion",
    clusters: tuple[str, ...] | None = None,
    **params: Any,
) -> Suite:
    scorer = Marks(tuple(Stat(f"v{k}", kind) for k in range(stats)))
    made = Suite("s", "metric", Path("s.yaml"), "", cases_of(n, clusters, None), params, (scorer,))
    return replace(with_digest(made), gate=tuple(lines), gate_lines=tuple(range(len(lines))))


def run_of(of: Suite, target: str, right: Bools | Floats) -> Run:
    """A run of this suite; ``right``: cases by stats."""
    results = tuple(
        CaseResult(case, 0, ANSWER, "scored", {"m": Score("m", {f"v{k}": float(one) for k, one in enumerate(row)})})
        for case, row in zip(of.cases, right, strict=True)
    )
    return Run(target, of.name, of.digest, target, target, None, 0, 1, 0, {}, {"m": "m/1"}, ended_us=1, results=results)


def judged(of: Suite, new: Bools, old: Bools, *, before: Bools | None = None, later: bool = False) -> Verdict:
    runs = {"tuned": run_of(of, "tuned", new), "base": run_of(of, "base", old)}
    first = None if before is None else run_of(of, "base", before)
    seen = frozenset({of.name}) if later else frozenset()
    trial = GateTrial("tuned", "base", lambda _, name: runs[name], before=lambda *_: first, later=seen)
    return judge(gate_of(of), trial, verdict_id="v", at_us=0)


def equal(rng: Generator, n: int, stats: int, *, worse: float = 0.0) -> tuple[Bools, Bools]:
    """Candidate and base, which differ in `DIFFERING` of the cases; the candidate is worse by this share."""
    old = rng.random((n, stats)) < RIGHT
    kind = rng.random((n, stats))
    lost = kind < (DIFFERING + worse) / 2
    won = (kind >= (DIFFERING + worse) / 2) & (kind < DIFFERING)
    new = np.where(lost, False, np.where(won, True, old))
    return new, np.where(lost, True, np.where(won, False, old))


def fifteen(rng: Generator, count: int) -> Measures:
    """What fifteen rules say of an identical model; "alone": without Holm."""
    found: dict[str, list[float]] = defaultdict(list)
    lines = [f"m.v{k} not worse than base by {100 * MARGIN:g}pp" for k in range(RULES)]
    for n in SIZES:
        of = suite_of(n, lines, RULES)
        for _ in range(count):
            verdict = judged(of, *equal(rng, n, RULES))
            found[f"{n}: block"].append(verdict.decision == "BLOCK")
            found[f"{n}: alone"].append(any("on its own it would fail" in one.says for one in verdict.findings))
            found[f"{n}: ship"].append(verdict.decision == "SHIP")
            found[f"{n}: odds"].append(verdict.odds.ship if verdict.odds is not None else np.nan)
    return {name: np.array(each) for name, each in found.items()}


def sampled(rng: Generator, count: int, *, right: float) -> Measures:
    """`lost == 0` on an identical model whose answers are sampled, and on one that is right less often."""
    found: dict[str, list[bool]] = defaultdict(list)
    for n in (30, 120, 400):
        of = suite_of(n, ["lost == 0"], 1, temperature=0.7)
        for _ in range(count):
            new, old, before = (rng.random((n, 1)) < right for _ in range(3))
            verdict = judged(of, new, old, before=before)
            found[f"{n}: block"].append(verdict.decision == "BLOCK")
            found[f"{n}: ship"].append(verdict.decision == "SHIP")
            found[f"{n}: literal"].append(bool((old & ~new).any()))
            worse = rng.random((n, 1)) < right - 0.2
            found[f"{n}: worse"].append(judged(of, worse, old, before=before).decision == "BLOCK")
    return {name: np.array(each) for name, each in found.items()}


def following(rng: Generator, count: int) -> Measures:
    """Whoever adds the advised cases after each HOLD: does a candidate at the margin ship, does an identical one?"""
    found: dict[str, list[bool]] = defaultdict(list)
    for worse, name in ((MARGIN, "margin"), (0.0, "equal")):
        for later in (True, False):
            key = f"{name}: {'later' if later else 'first'}"
            found[key] = [_follows(rng, worse, later=later) for _ in range(count)]
    return {name: np.array(each) for name, each in found.items()}


def _follows(rng: Generator, worse: float, *, later: bool) -> bool:
    new, old = equal(rng, 100, 1, worse=worse)
    for attempt in range(ROUNDS):
        of = suite_of(len(new), [f"m.v0 not worse than base by {100 * MARGIN:g}pp"], 1)
        verdict = judged(of, new, old, later=later and attempt > 0)
        if verdict.decision != "HOLD":
            return verdict.decision == "SHIP"
        words = verdict.findings[0].needed.split("about ")
        more = int(words[1].split(" ")[0].replace(",", "")) if len(words) > 1 else len(new)
        if len(new) + more > MOST:
            return False
        added = equal(rng, more, 1, worse=worse)
        new, old = np.vstack([new, added[0]]), np.vstack([old, added[1]])
    return False


def targets_of_fifteen() -> tuple[Target, ...]:
    found: list[Target] = []
    for n in SIZES:
        found += [
            Target(f"{n}: block", f"n = {n}: BLOCK", at_most=0.05),
            Target(f"{n}: alone", f"n = {n}: a rule fails alone, and not by Holm"),
            Target(f"{n}: ship", f"n = {n}: SHIP"),
            Target(f"{n}: odds", f"n = {n}: the odds that the verdict tells, mean"),
        ]
    return tuple(found)


def targets_of_sampled() -> tuple[Target, ...]:
    found: list[Target] = []
    for n in (30, 120, 400):
        found += [
            Target(f"{n}: block", f"n = {n}: an identical model, BLOCK", at_most=0.05),
            Target(f"{n}: ship", f"n = {n}: an identical model, SHIP"),
            Target(f"{n}: literal", f"n = {n}: the same by the literal rule, BLOCK"),
            Target(f"{n}: worse", f"n = {n}: right in 20 points less, BLOCK"),
        ]
    return tuple(found)


TRIALS = (
    Trial(
        "rules-fifteen",
        f"{RULES} rules, an identical model",
        f"0/1, {RULES} metrics that are independent, {DIFFERING:.0%} of the cases differ, margins of 5 points",
        fifteen,
        targets_of_fifteen(),
        block=25,
    ),
    *(
        Trial(
            f"lost-sampled-{100 * right:.0f}",
            "`lost == 0` where answers are sampled",
            f"each answer is right with a chance of {right:.0%}",
            partial(sampled, right=right),
            targets_of_sampled(),
            block=25,
        )
        for right in (0.7, 0.95)
    ),
    Trial(
        "looks-following",
        "More cases after each HOLD, as it advises",
        f"0/1, {DIFFERING:.0%} of the cases differ, 100 cases at first, up to {ROUNDS} looks, margin of 5 points",
        following,
        (
            Target("margin: later", "worse by the margin, ships at some look", at_most=0.06),
            Target("margin: first", "the same, each look judged as the first"),
            Target("equal: later", "an identical model, ships"),
            Target("equal: first", "the same, each look judged as the first"),
        ),
        block=25,
    ),
)
