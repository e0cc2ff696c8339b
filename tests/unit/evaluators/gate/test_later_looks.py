"""A later look at a candidate: the bound that holds at all looks together, and the advice that is computed for it."""

from __future__ import annotations

import numpy as np

from evaluators.gate.file import gate_of
from evaluators.gate.judge import judge
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.verdict import Verdict
from tests.fixtures.evaluators.trials import run, suite

LINE = "qa not worse than base by 10pp"


def looked(of: Suite, won: int, lost: int, *, later: bool) -> Verdict:
    n = len(of.cases)
    same = n - won - lost
    new, old = [1.0] * won + [0.0] * lost + [1.0] * same, [0.0] * won + [1.0] * lost + [1.0] * same
    runs = {"tuned": run(of, "tuned", new), "base": run(of, "base", old)}
    seen = frozenset({of.name}) if later else frozenset()
    return judge(gate_of(of), Trial("tuned", "base", lambda _, name: runs[name], later=seen), verdict_id="v", at_us=0)


def gap(verdict: Verdict) -> Estimate:
    evidence = verdict.findings[0].evidence
    assert isinstance(evidence, Comparison) and isinstance(evidence.difference, Estimate)
    return evidence.difference


def test_a_later_look_has_a_wider_interval_that_is_always_valid() -> None:
    of = suite(LINE, n=200)
    first, later = gap(looked(of, 10, 10, later=False)), gap(looked(of, 10, 10, later=True))
    assert later.always_valid and not first.always_valid
    assert later.low < first.low < first.high < later.high


def test_the_advice_of_a_hold_settles_it_at_the_next_look() -> None:
    """About so many cases with the same share of differing ones pass at a later look, with a chance of 80 %."""
    held = looked(suite(LINE, n=40), 3, 3, later=False)
    assert held.decision == "HOLD"
    more = int(held.findings[0].needed.split("about ")[1].split(" ")[0].replace(",", ""))
    n, rng = 40 + more, np.random.default_rng(1)
    flips = round(0.15 * n)
    won = rng.binomial(flips, 0.5, size=60)
    shipped = [looked(suite(LINE, n=n), int(one), flips - int(one), later=True).decision == "SHIP" for one in won]
    assert 0.65 <= np.mean(shipped) <= 0.95


def test_few_cases_that_differ_are_too_few_for_a_later_look() -> None:
    found = looked(suite(LINE, n=100), 3, 3, later=True).findings[0]
    assert found.result == "cannot tell"
    assert "differ from the others" in found.says


def test_a_later_look_at_a_relative_margin_is_judged_on_its_own_scale() -> None:
    of = suite("qa not worse than base by 10%", n=400)
    assert looked(of, 20, 20, later=True).decision == "SHIP"
    assert looked(of, 20, 60, later=True).decision != "SHIP"


def test_a_clear_loss_blocks_at_a_later_look_too() -> None:
    assert looked(suite(LINE, n=200), 5, 80, later=True).decision == "BLOCK"
