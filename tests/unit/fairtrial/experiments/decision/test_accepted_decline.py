"""When a resume needs the amount of a decline by name."""

from __future__ import annotations

import pytest

from fairtrial.domain.decision.arms import Interval
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline


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
    decline = Interval(0.05, low, None if low is None else 0.08, 0.95, 100.0)
    for known in (decline, None) if amount == 0.0 else (decline,):
        offer = AcceptedDecline(metric="cost.per_request", variant="tuned", amount=amount, decline=known)
        assert offer.is_beyond is needed
