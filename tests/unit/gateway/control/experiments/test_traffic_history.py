"""Recent traffic gives a plan the new units a week and the control's levels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.project import load_project
from fairtrial.domain.plan import Experiment
from fairtrial.domain.store_reports import KeyFeedback, Traffic, VariantTraffic
from gateway.control.experiments.traffic_history import NO_HISTORY, summarise_traffic
from tests.fixtures.services.project_files import write_project


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_project(tmp_path)


def traffic(units: int, **control: Any) -> list[Traffic]:
    """Both arms with so many units; the treatment's results are not to be read."""
    none = dict.fromkeys(("user_errors", "rejected", "kept_away", "fallbacks", "served_elsewhere"), 0)
    fields: dict[str, Any] = {"requests": 4000, "errors": 40, "feedback": {}} | none | control
    empty = dict.fromkeys(
        ("latency_p50", "latency_p95", "latency_p99", "ttft_p50", "ttft_p95", "ttft_p99", "tokens_in", "tokens_out")
    )
    base = VariantTraffic(variant="base", units=units // 2, cost_usd=None, cost_unknown=0, **empty, **fields)
    tuned = VariantTraffic(
        variant="tuned", units=units - units // 2, cost_usd=None, cost_unknown=0, **empty, **fields | {"errors": 4000}
    )
    return [Traffic("tuned-vs-base", (base, tuned), {})]


def experiment(file: Path) -> Experiment:
    return load_project(file, {}).plan.experiments["tuned-vs-base"]


def test_users_who_come_back_are_not_counted_as_new_in_each_week(file: Path) -> None:
    history = summarise_traffic(experiment(file), traffic(3000), traffic(2000), weeks=5)
    assert history.per_week == pytest.approx((2000 + 4 * 1000) / 5)
    same = summarise_traffic(experiment(file), traffic(2000), traffic(2000), weeks=5)
    assert same.per_week == pytest.approx(2000 / 5)
    ended = summarise_traffic(experiment(file), traffic(2000), [], weeks=5)
    assert ended.per_week == pytest.approx(2000 / 5)
    assert summarise_traffic(experiment(file), [], [], weeks=5) == NO_HISTORY


def test_levels_are_the_control_s_and_units_those_that_answer(file: Path) -> None:
    feedback = {"resolved": KeyFeedback(n=700, rated=600, rate=0.62), "rare": KeyFeedback(n=9, rated=9, rate=0.5)}
    history = summarise_traffic(experiment(file), traffic(3000, feedback=feedback), traffic(3000), weeks=1)
    assert history.levels == {"feedback.resolved": 0.62, "requests.error_rate": 0.01}
    assert history.per_week == pytest.approx(3000 * 600 / 1500)
    *_, note = history.notes(per_week=True, levels=history.levels)
    assert note == "40% of the units send the feedback: only these are counted"
    assert list(history.notes(per_week=False, levels=())) == [
        "40% of the units send the feedback: --per-week must count only these"
    ]
