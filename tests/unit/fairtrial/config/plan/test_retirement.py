"""The last day of a deployment comes from the project, the provider's list or the price map, in this order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from fairtrial.config.plan.retirement import refuse_retired, retirement_of, retirements
from fairtrial.domain.errors import UsageError
from fairtrial.experiments.analysis.frozen_guard import refused_changes
from tests.fixtures.for_each import for_each
from tests.fixtures.services.projects import project

LAST = date(2027, 1, 14)
ENDS = ("parent: base}", 'parent: base, shutdown_date: "2027-01-14"}')


def test_the_projects_own_date_comes_first_and_the_price_map_last(tmp_path: Path) -> None:
    cloud = project(tmp_path).plan.deployments["cloud"]
    fine_tune = replace(cloud, model="ft:gpt-4o-mini-2024-07-18:acme::abc")
    stated = replace(fine_tune, shutdown_date="2027-03-01")
    retirement_dates = [
        retirement_of(fine_tune),
        retirement_of(fine_tune, listed="2027-02-01"),
        retirement_of(stated, listed="2027-02-01"),
        retirement_of(replace(fine_tune, external=False)),
        retirement_of(cloud, listed="soon"),
    ]
    assert [
        (retirement.day.isoformat(), retirement.source) if retirement else None for retirement in retirement_dates
    ] == [
        ("2027-01-14", "the price map's deprecation_date"),
        ("2027-02-01", "the provider's /v1/models"),
        ("2027-03-01", "shutdown_date"),
        None,
        None,
    ]


@for_each(
    ("today", "within", "over"),
    [("2026-10-15", None, False), ("2026-10-16", 90, False), ("2026-12-15", 30, False), ("2027-01-07", 7, False),
     ("2027-01-14", 7, False), ("2027-01-15", 7, True)],
)  # fmt: skip
def test_it_warns_90_30_and_7_days_ahead_and_names_what_it_serves(
    tmp_path: Path, today: str, within: int | None, over: bool
) -> None:
    day, plan = date.fromisoformat(today), project(tmp_path, ENDS).plan
    near = list(retirements(plan, day))
    assert [(retirement.within(day), retirement.is_over(day)) for retirement in near] == (
        [] if within is None else [(within, over)]
    )
    assert all("it serves the route support-bot (tuned-vs-base)" in retirement.in_words(day) for retirement in near)


def test_only_targets_that_have_ended_are_refused(tmp_path: Path) -> None:
    plan = project(tmp_path, ENDS).plan
    refuse_retired(plan, ["base", "tuned", "tuned-vs-base/tuned"], LAST)
    for name in ("tuned", "tuned-vs-base/tuned"):
        with pytest.raises(UsageError, match="tuned ended on 2027-01-14"):
            refuse_retired(plan, ["base", name], date(2027, 1, 15))


def test_a_new_experiment_is_refused_and_one_that_is_published_goes_on(tmp_path: Path) -> None:
    plan, later = project(tmp_path, ENDS).plan, date(2027, 1, 15)
    assert refused_changes({}, None, plan, promotions={}, today=LAST) == {}
    assert "tuned ended on 2027-01-14" in refused_changes({}, None, plan, promotions={}, today=later)["tuned-vs-base"]
    assert refused_changes({}, plan, plan, promotions={}, today=later) == {}
    deployments = {name: replace(one, shutdown_date="2027-01-14") for name, one in plan.deployments.items()}
    refused = refused_changes({}, None, replace(plan, deployments=deployments), promotions={}, today=later)
    assert "base ended on 2027-01-14" in refused["tuned-vs-base"] and "tuned ended on" in refused["tuned-vs-base"]
