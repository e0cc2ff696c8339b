"""What the demo says about the experiment that control stops."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest

from fairtrial.api.experiment_answers import TransitionRow
from fairtrial.api.experiments import TransitionsOf, transitions
from fairtrial_cli.demo.live import Seen, outcome_lines
from fairtrial_cli.store_client.client import StoreClient

KILL = TransitionRow(
    number=1, at_time=datetime(2027, 1, 15, 14, 3, 7, 250_000, tzinfo=UTC), experiment="next-vs-base", action="kill",
    from_state="running", to_state="killed", segment=1, actor="control", why="too many time-outs", evidence=None,
    plan_hash="p", stage=None,
)  # fmt: skip


class Rows:
    """A store with these transitions and nothing else."""

    def __init__(self, *rows: TransitionRow) -> None:
        self.rows = list(rows)

    def call(self, operation: object, request: TransitionsOf) -> list[TransitionRow]:
        assert (operation, request.name) == (transitions, "next-vs-base")
        return self.rows


def lines(seen: Seen, *rows: TransitionRow) -> str:
    return "\n".join(outcome_lines(cast(StoreClient, Rows(*rows)), seen))


def test_an_answer_counts_by_the_reason_that_the_gateway_gives() -> None:
    seen = Seen()
    for reason in ("assigned", "fallback", "fallback", "assigned"):
        seen.note({"x-fairtrial-reason": reason})
    assert str(seen) == "4 users, 2 time-outs" and not seen.stopped
    seen.note({"x-fairtrial-reason": "kill"})
    assert str(seen) == "5 users, 2 time-outs" and seen.stopped


@pytest.mark.parametrize(("on_base", "said"), [(4, "All traffic is on base: it answered 4 of 4"), (3, "3 of 4")])
def test_the_kill_is_explained_with_its_time_and_reason(on_base: int, said: str) -> None:
    text = lines(Seen(users=40, late=9, stopped=True, after=4, on_base=on_base), KILL)
    assert "STOPPED at 14:03:07 UTC by control: too many time-outs." in text
    assert "customers saw 0 errors" in text and said in text
    assert ("All traffic is on base" in text) is (on_base == 4)


def test_an_experiment_that_runs_on_is_not_called_stopped() -> None:
    assert lines(Seen(users=200, late=3)) == "Control has not stopped it after 200 customers."
