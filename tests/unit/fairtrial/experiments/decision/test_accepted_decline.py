"""What a resume accepts, and when it needs the amount of a decline by name."""

from __future__ import annotations

import pytest

from fairtrial.domain.decision.arms import Arm, Interval
from fairtrial.domain.errors import BadRequest
from fairtrial.experiments.decision.acceptance import accept
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline
from fairtrial.experiments.decision.plain_declines import has_grown
from fairtrial.experiments.metric_plan import MetricPlan
from tests.fixtures.experiments.frozen_plans import analysis_plan, cost, rate, rated, sums


@pytest.mark.parametrize(
    ("amount", "low", "needed"),
    [
        (0.01, 0.02, True),
        (0.03, 0.02, False),
        (0.03, None, True),
        (0.0, 0.02, True),
        (0.0, None, True),
        (None, 0.02, True),
    ],
)
def test_an_amount_is_needed_where_the_decline_is_beyond_what_kills_or_that_is_unknown(
    amount: float | None, low: float | None, needed: bool
) -> None:
    decline = Interval(0.05, low, None if low is None else 0.08, 0.95, 100)
    for known in (decline, None) if amount == 0.0 else (decline,):
        offer = AcceptedDecline(metric="cost.per_request", variant="tuned", amount=amount, decline=known)
        assert offer.is_beyond is needed


def accepted(metric: MetricPlan, text: str, *, level: float) -> float | None:
    offer = AcceptedDecline(
        metric=metric.metric,
        variant="tuned",
        amount=0.01,
        decline=Interval(0.05, 0.02, 0.08, 0.95, 100),
        arms=(Arm("tuned", level + 0.05, 50), Arm("base", level, 50)),
    )
    (decline,) = accept(analysis_plan(metric), (offer,), (text,), by="account rosa", at_us=1)
    return decline.amount


def test_a_share_of_the_control_s_level_may_be_larger_than_it_unless_a_rate_would_exceed_the_whole() -> None:
    assert accepted(cost(), "400%", level=0.3) == pytest.approx(1.2)
    assert accepted(rate(), "300%", level=0.3) == pytest.approx(0.9)
    with pytest.raises(BadRequest, match="accept: '400%' is more than 100 points, the whole of a rate"):
        accepted(rate(), "400%", level=0.3)


def test_nothing_grows_beyond_the_whole_of_a_rate_that_an_earlier_version_accepted() -> None:
    decline = AcceptedDecline(metric=rate().metric, variant="tuned", amount=2.0)
    assert not has_grown(analysis_plan(rate(), rules=7), sums(1, errors=(rated(400, 4), rated(400, 400))), decline)
