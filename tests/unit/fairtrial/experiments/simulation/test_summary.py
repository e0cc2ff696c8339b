"""Trials are counted by how they end, with errors, and do not depend on the number of processes."""

from __future__ import annotations

import pytest

from fairtrial.experiments.simulation.summary import ENDS, end_of, run_trials, summarise
from fairtrial.experiments.simulation.trial import Outcome
from tests.fixtures.experiments.simulated import ERRORS, arm, setting
from tests.fixtures.for_each import for_each

UNITS = {"base": 90, "tuned": 110}
ENDED = [
    (Outcome(end="ship", days=7, units=UNITS, better=True, safe={ERRORS}), "ships"),
    (Outcome(end="kill", days=1, units=UNITS, better=True), "stopped"),
    (Outcome(end="pause", days=3, units=UNITS), "stopped"),
    (Outcome(end="end", days=21, units=UNITS, worse=True, invalid=True), "worse"),
    (Outcome(end="end", days=21, units=UNITS, not_worse=True), "better"),
    (Outcome(end="end", days=21, units=UNITS), "undecided"),
]


@for_each(("found", "end"), ENDED)
def test_a_trial_has_one_end(found: Outcome, end: str) -> None:
    assert end_of(found) == end


def test_shares_add_up_and_have_medians_and_errors() -> None:
    found = summarise([one for one, _ in ENDED], [ERRORS])
    assert found.runs == 6
    assert sum(found.ends[name].share for name in ENDS) == pytest.approx(1.0)
    stopped = found.ends["stopped"]
    assert (stopped.share, stopped.days, stopped.units) == (pytest.approx(1 / 3), 2.0, 100.0)
    assert stopped.error == pytest.approx((1 / 3 * 2 / 3 / 6) ** 0.5)
    assert found.decided.share == pytest.approx(0.5)
    assert (found.invalid.share, found.safe[ERRORS].share) == (pytest.approx(1 / 6), pytest.approx(1 / 6))


def test_an_end_that_never_came_still_has_an_error() -> None:
    found = summarise([ENDED[5][0]] * 100).ends["ships"]
    assert (found.share, found.days, found.units) == (0.0, None, None)
    assert 0 < found.error < 0.01


def test_processes_change_nothing_and_each_trial_is_told() -> None:
    told: list[int] = []
    made = setting(tuned=arm(errors=0.2))
    alone, together = (
        run_trials(made, runs=4, seed=5, processes=processes, on_done=lambda: told.append(1)) for processes in (1, 2)
    )
    assert alone == together
    assert len(told) == 8
    assert len({str(one) for one in alone}) == 4
