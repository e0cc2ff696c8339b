"""The plain difference by request: beyond its margin it keeps a rate from being safe, and proves and stops nothing."""

from typing import Any

import numpy as np
import pytest

from fairtrial.domain.decision.by_request import ByRequest
from fairtrial.domain.decision.values import Decision
from fairtrial.experiments.analysis.memory import Looked, Memory
from fairtrial.experiments.decision.by_request_words import by_request_words, needed_words, open_sentence
from fairtrial.experiments.decision.decide import decide, look
from fairtrial.experiments.monitor import Circumstances, step
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.sequential.request_errors import ErrorShares, EveryRequest, RequestErrors
from fairtrial.stats.sequential.unit_shares import UnitShares
from tests.fixtures.experiments.frozen_plans import ERRORS, analysis_plan, rate

USERS = 2_000


def arm(*, heavy: int, bad: int) -> ArmSums:
    """Users with one good request each, and heavy ones with 300 requests, of which so many are bad."""
    requests = np.concatenate((np.ones(USERS - heavy), np.full(heavy, 300.0)))
    errors = np.concatenate((np.zeros(USERS - heavy), np.full(heavy, float(bad))))
    shares = UnitShares.of(errors, requests, luck=np.full(USERS, 0.5))
    sums = RequestErrors.of(errors, requests)
    windows = ErrorShares(shares, shares, sums.requests, EveryRequest.of(errors, requests))
    return ArmSums(USERS, USERS, {ERRORS: RequestErrors(sums.users, sums.requests, sums.cap, None, windows)})


def decided(bad: int, *, rules: int = 7, heavy: int = 10) -> Decision:
    plan = analysis_plan(rate(), rules=rules)
    sums = Sums(1, {"base": arm(heavy=heavy, bad=0), "tuned": arm(heavy=heavy, bad=bad)})
    findings = look(plan, Memory(), sums)
    memory = Memory().after(plan, sums, findings)
    return decide(Looked(plan=plan, memory=memory, findings=findings, sums=sums), forecasts=True)["tuned"]


def line(**more: Any) -> ByRequest:
    return ByRequest(**{"control": (10.0, 1_000.0), "treatment": (110.0, 1_000.0)} | more)


def test_few_users_with_many_bad_requests_keep_a_rate_from_being_safe_since_rules_7() -> None:
    (guardrail,) = decided(100).guardrails
    assert guardrail.by_request is not None and guardrail.weighed is not None
    assert (guardrail.answer, guardrail.by_request.holds, guardrail.missing) == ("open", True, None)
    assert guardrail.weighed.value == pytest.approx(1_000 / 4_990)
    assert guardrail.by_request.heaviest == pytest.approx(3_010 / 4_990)
    (before,) = decided(100, rules=6).guardrails
    assert (before.answer, before.by_request) == ("safe", None)


def test_within_the_margin_it_is_safe() -> None:
    (guardrail,) = decided(4).guardrails
    assert guardrail.by_request is not None
    assert (guardrail.answer, guardrail.by_request.holds) == ("safe", False)


def test_a_difference_that_is_not_proven_stops_nothing_and_nothing_of_it_stays() -> None:
    plan, memory, steps = analysis_plan(rate(), rules=7), Memory(), []
    for at_us, bad in ((1, 100), (2, 4), (3, 100)):
        arms = {"base": arm(heavy=10, bad=0), "tuned": arm(heavy=10, bad=bad)}
        memory = Memory(memory.latched, memory.split, {}, memory.looked_us)
        steps.append(step(plan, memory, Sums(at_us, arms), Circumstances(at_us, 100.0, 0)))
        memory = steps[-1].memory
    assert [one.verdict for one in steps] == [None, None, None]
    assert [one.decisions["tuned"].guardrails[0].answer for one in steps] == ["open", "safe", "open"]


@pytest.mark.parametrize(
    ("relative", "margin", "bad", "beyond"),
    [(False, 0.01, 20, False), (False, 0.01, 21, True), (True, 1.0, 20, False), (True, 1.0, 21, True)],
)
def test_the_margin_is_in_points_or_of_the_control(relative: bool, margin: float, bad: float, beyond: bool) -> None:
    metric = rate(margin=margin, relative=relative)
    assert line(treatment=(float(bad), 1_000.0)).is_beyond(metric.margin, relative=metric.relative) is beyond


def test_the_words_give_the_size_the_requests_and_what_settles_it() -> None:
    words = by_request_words(rate(), "tuned", "user", line(behind=15))
    assert words == (
        "by request tuned is 10 points worse (11 % of 1,000 requests against 1 % of 1,000 requests); 15 users are "
        "behind it"
    )
    assert by_request_words(rate(), "tuned", "user", line(treatment=(10.0, 1_000.0))).startswith(
        "by request tuned is no different (1 % of"
    )
    good = by_request_words(rate(better="higher"), "tuned", "user", line())
    assert good.startswith("by request tuned is 10 points worse (89 % of 1,000 requests against 99 %")
    assert needed_words("trial", "user", line(behind=15)) == "a candidate that serves them as well, or more users"


def test_what_is_open_by_request_alone_does_not_wait_for_a_proof() -> None:
    plan = analysis_plan(rate(), rules=7)
    assert open_sentence(plan, [decided(100)]) == (
        "By request 1 guardrail can't be called safe. It needs a candidate that serves them as well, or more users."
    )
    assert open_sentence(plan, [decided(300, heavy=100)]) == "Wait until 1 more guardrail is proven safe."
