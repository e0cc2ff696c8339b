"""A promotion that keeps a control: who changes arm, what harm does, and how it ends."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.api.experiment_answers import ExperimentStatus
from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.errors import BadRequest, Conflict
from fairtrial.domain.limits.constants import END_OF_TIME_US
from fairtrial.domain.plan import Experiment
from fairtrial.experiments.assignment import assign
from fairtrial.experiments.sums import Sums
from fairtrial.store.access import audit
from fairtrial.store.core.query import Page
from fairtrial.store.derived import unit_summaries
from fairtrial.store.experiments import analysis_plans
from fairtrial.store.experiments.attempts import standing_proofs
from fairtrial.store.experiments.sums.arm_sums import read_sums
from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.experiments.states import read_state
from gateway.proxy.plan.plan_watch import PlanWatch
from tests.fixtures.control.live_trial import HOUR_US, NAME, WHOLE, LiveTrial
from tests.fixtures.experiments.box_text import text_of

USERS = [f"user-{number}" for number in range(600)]
GUARDED = WHOLE.replace("margin: 1pp", "margin: 1pp, baseline: 5%")
KEPT = ChangeOptions(override=True, keep_control="5%", keep_for="14d")
HALF = ChangeOptions(override=True, keep_control="50%", keep_for="14d")


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[LiveTrial]:
    with closing(LiveTrial(tmp_path, GUARDED)) as made:
        yield made


@pytest.fixture
def kept(trial: LiveTrial) -> LiveTrial:
    """An experiment that was promoted while it kept 5 % for 14 days."""
    trial.change("promote", options=KEPT)
    trial.step()
    return trial


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTrial]:
    """As `kept`, for tests that leave it as it was."""
    with closing(LiveTrial(tmp_path_factory.mktemp("kept"), GUARDED)) as made:
        made.change("promote", options=KEPT)
        made.step()
        yield made


@pytest.fixture
def half(trial: LiveTrial) -> LiveTrial:
    """An experiment that was promoted after a week of 2,100 users while it kept 50 % for 14 days."""
    visits(trial, "before", 2_100)
    trial.change("promote", options=HALF)
    trial.step()
    return trial


def visits(trial: LiveTrial, name: str, users: int) -> None:
    """New users in the course of one hour, all answered."""
    for user in range(users):
        trial.visit(f"{name}-{user}")
        trial.now_us += HOUR_US // users
    trial.step()


def arms(experiment: Experiment) -> dict[str, str]:
    return {user: assign(experiment, user).served for user in USERS}


def day(trial: LiveTrial, number: int, errors: float, *, users: int = 300) -> int:
    """New users of one day, of whom the promoted variant fails some, and the control 5 %; returns how many came."""
    drawn = random.Random(number)
    for user in range(users):
        name = f"day-{number}-{user}"
        rate = errors if assign(trial.experiment, name).assigned == "tuned" else 0.05
        trial.visit(name, fails=drawn.random() < rate)
        trial.now_us += 24 * HOUR_US // users
        if user % 100 == 99:
            trial.step()
            if trial.experiment.state != "running":
                return user + 1
    return users


def state_of(trial: LiveTrial) -> ExperimentStatus:
    assert trial.publisher.published is not None
    return read_state(trial.database, trial.publisher.published.plan, NAME)


def sums_now(trial: LiveTrial) -> Sums:
    stored = analysis_plans.newest(trial.database, NAME)
    assert stored is not None
    plan, now_us = stored.plan.in_week(trial.now_us), trial.now_us + 25 * HOUR_US
    with trial.database.read_transaction() as cursor:
        return read_sums(cursor, plan, analysis_plans.hashes(trial.database, plan), now_us=now_us)


def said(trial: LiveTrial) -> str:
    found = describe_decision(trial.database, trial.experiment, (), now_us=trial.now_us)
    return text_of(found.box)


def alarms(trial: LiveTrial) -> dict[str, str]:
    return dict(trial.database.rows("SELECT kind, state FROM alarms ORDER BY at_time"))


def test_nobody_comes_back_to_the_control_and_its_rest_goes_to_the_treatment(trial: LiveTrial) -> None:
    before = arms(trial.experiment)
    trial.change("promote", options=KEPT)
    after = arms(trial.experiment)
    control = {user for user in USERS if after[user] == "base"}
    assert 10 < len(control) < 60
    assert control < {user for user in USERS if before[user] == "base"}
    assert {after[user] for user in USERS if before[user] == "tuned"} == {"tuned"}
    assert assign(trial.experiment, None).served == "tuned"
    trial.now_us += 14 * 24 * HOUR_US
    trial.step()
    assert set(arms(trial.experiment).values()) == {"tuned"}


def test_its_plan_has_the_guardrails_with_full_alpha_and_no_primary_metric(shared: LiveTrial) -> None:
    stored = analysis_plans.newest(shared.database, NAME)
    assert stored is not None
    plan = stored.plan
    assert (plan.segment, plan.primary, plan.alpha_kill, plan.shares) == (2, None, 0.05, {"base": 0.05, "tuned": 0.95})
    assert [one.metric for one in plan.guardrails] == ["requests.error_rate"]
    assert plan.kept_control is not None and plan.kept_control.until_us == stored.at_us + 14 * 24 * HOUR_US
    (entry,) = [
        one
        for one in shared.database.dicts(audit.listing(Page(until_us=END_OF_TIME_US)))
        if one["action"] == "experiment.promote"
    ]
    details = json.loads(entry["details"])
    assert (details["kept_control"], details["days"], details["to"]) == (5.0, 14.0, "running")


def test_status_page_and_api_name_the_share_the_date_and_how_soon_harm_is_found(half: LiveTrial) -> None:
    words = "control kept at 50 % until 29 Jan 2027, 08:59 UTC"
    found = state_of(half)
    assert f"PROMOTED, {words}" in found.sentence and "tuned serves everyone else" in found.sentence
    assert found.kept_control.share == 50 and found.possible == ("pause", "kill", "end", "rollback")
    assert "Leave the project file as it is" in found.edit.note
    day(half, 1, 0.05)
    shown = describe_decision(half.database, half.experiment, (), now_us=half.now_us)
    assert shown.box.headline == f"PROMOTED, {words}"
    (guardrail,) = shown.analysis.guardrails
    assert (guardrail.metric, guardrail.variant) == ("requests.error_rate", "tuned")
    assert guardrail.stops == "any proven decline raises an alarm, more than 1 point rolls the promotion back"
    assert guardrail.control_units > 100 and guardrail.treatment_units > 100
    assert re.search(
        r"requests.error_rate: bad requests that rise from 5 to 25 % are rolled back within \d{3} users of their start "
        r"in 90 % of cases \(3 days at 2,100 a week\)",
        said(half),
    )


@pytest.mark.release("simulations")
def test_a_harm_that_begins_on_any_day_is_rolled_back_within_the_users_of_the_plan(half: LiveTrial) -> None:
    (line,) = state_of(half).kept_control.finds
    planned = int(re.findall(r"within ([\d,]+) users", line)[0].replace(",", ""))
    for number in range(1, 10):
        day(half, number, 0.05)
    assert half.experiment.state == "running"
    visited, number = 0, 10
    while half.experiment.state == "running" and number < 15:
        visited += day(half, number, 0.25)
        number += 1
    assert (half.experiment.state, half.experiment.serves) == ("ended", None)
    assert visited <= planned
    assert set(arms(half.experiment).values()) == {"base"}
    last = half.trail()[-1]
    assert (last["action"], last["actor"]) == ("rollback", "control")
    assert "requests.error_rate of tuned" in last["why"] and "resume" not in last["why"]
    assert json.loads(last["evidence"])["promoted"] == "tuned"
    assert alarms(half)["promotion.rolled_back"] == "open"
    half.step(hours=1)
    assert alarms(half)["promotion.rolled_back"] == "open"
    for action in ("promote", "resume", "rearm"):
        with pytest.raises(Conflict, match="an experiment that is ended"):
            half.change(action)
    proof, undone = standing_proofs(half.database, NAME)
    assert (proof.metric, proof.proved, proof.segment) == ("requests.error_rate", "harmed", 2)
    assert (undone.proved, undone.segment, undone.by) == ("rolled back by control", 2, "control")
    assert "proven safe" not in said(half) and "Harm is proven for requests.error_rate of tuned" in said(half)
    half.change("withdraw")
    assert standing_proofs(half.database, NAME) == ()
    half.change("archive")
    assert alarms(half)["promotion.rolled_back"] == "closed"


@pytest.mark.release("stories")
def test_a_decline_within_the_margin_is_an_alarm_on_every_surface_and_rolls_nothing_back(trial: LiveTrial) -> None:
    trial.edit("margin: 1pp, baseline: 5%", "margin: 30pp, pause_at: 0pp, baseline: 5%")
    trial.change("amend")
    trial.change("promote", options=HALF)
    for number in (1, 2):
        day(trial, number, 0.25)
    assert trial.experiment.state == "running" and alarms(trial)["experiment.declined"] == "open"
    words = "requests.error_rate of tuned was proven to be worse"
    before = said(trial)
    assert f"{words} (" in before and "more than 30 points is not proven" in before
    for number in range(3, 9):
        day(trial, number, 0.05)
    stored = analysis_plans.newest(trial.database, NAME)
    assert stored is not None
    latest = describe_decision(trial.database, trial.experiment, (), now_us=trial.now_us).analysis.guardrails[0]
    assert latest.treatment_units < 300, "its evidence began anew after a week"
    assert (
        re.search(rf"{words} \(.*? at that time\)", said(trial))[0]
        == re.search(  # type: ignore[index]
            rf"{words} \(.*? at that time\)", before
        )[0]
    )  # type: ignore[index]
    trial.restart()
    trial.step(hours=1)
    assert alarms(trial)["experiment.declined"] == "open"
    trial.step(hours=24 * 6)
    assert (trial.experiment.state, trial.experiment.serves) == ("ended", "tuned")
    assert words in trial.trail()[-1]["why"]
    assert standing_proofs(trial.database, NAME) == ()


@pytest.mark.release("stories")
def test_too_few_users_for_the_stated_number_refuse_it_and_start_nothing(trial: LiveTrial) -> None:
    visits(trial, "before", 1_000)
    with pytest.raises(Conflict) as refused:
        trial.change("promote", options=KEPT)
    assert "at 1,000 users a week of which 5 % stay on base" in str(refused.value)
    assert "Nothing was promoted (what would do: --keep-control 10%" in str(refused.value)
    assert "or promote without a kept control" in str(refused.value)
    assert (trial.experiment.state, trial.experiment.segment, trial.experiment.kept_control) == ("running", 1, None)
    trial.change("promote", options=ChangeOptions(override=True, keep_control="10%", keep_for="14d"))
    assert trial.experiment.kept_control is not None


@pytest.mark.release("stories")
def test_a_unit_counts_anew_in_each_week_also_after_its_rows_were_joined(half: LiveTrial) -> None:
    visits(half, "often", 60)
    half.step(hours=24 * 7 - 2)
    for _ in range(3):
        visits(half, "often", 60)
    before = sums_now(half)
    for part in range(unit_summaries.PARTS):
        unit_summaries._compact_part(half.database, part)
    after = sums_now(half)
    assert sum(arm.units for arm in before.arms.values()) == 60
    assert sum(arm.requests for arm in before.arms.values()) == 120
    assert after.arms == before.arms


def test_when_the_time_is_over_it_ends_as_promoted_with_a_notice(kept: LiveTrial) -> None:
    day(kept, 1, 0.05, users=200)
    kept.step(hours=24 * 13)
    assert (kept.experiment.state, kept.experiment.serves) == ("ended", "tuned")
    last = kept.trail()[-1]
    assert (last["action"], last["actor"]) == ("end", "control")
    assert last["why"] == "base was kept at 5 % for 14 days, and no harm is proven; tuned serves everyone"
    assert alarms(kept) == {"notice.ended": "closed"}
    found = state_of(kept)
    assert found.sentence.startswith("PROMOTED at") and found.possible == ("rollback",)
    assert found.kept_control is None and found.edit.lines[0] == "routes:"
    kept.restart()
    assert (kept.experiment.state, kept.experiment.serves) == ("ended", "tuned")
    kept.change("rollback")
    assert (kept.experiment.state, kept.experiment.serves) == ("ended", None)


def test_a_pause_serves_the_control_and_a_resume_goes_on_with_the_same_users(shared: LiveTrial) -> None:
    before = arms(shared.experiment)
    shared.change("pause")
    assert set(arms(shared.experiment).values()) == {"base"}
    assert state_of(shared).possible == ("resume", "kill", "end", "rollback")
    shared.step(hours=1)
    shared.change("resume")
    assert arms(shared.experiment) == before and shared.experiment.segment == 2
    assert "PROMOTED, control kept at 5 % until" in state_of(shared).sentence
    shared.restart()
    assert arms(shared.experiment) == before


@pytest.mark.parametrize(
    ("act", "state", "serves"),
    [
        (lambda trial: trial.change("end"), "ended", "tuned"),
        (lambda trial: (trial.change("pause"), trial.change("end")), "ended", None),
        (lambda trial: trial.change("rollback"), "ended", None),
        (lambda trial: trial.change("kill"), "killed", None),
    ],
)
def test_a_person_ends_it_early_in_each_direction(
    kept: LiveTrial, act: Callable[[LiveTrial], object], state: str, serves: str | None
) -> None:
    act(kept)
    assert (kept.experiment.state, kept.experiment.serves) == (state, serves)
    assert set(arms(kept.experiment).values()) == {serves or "base"}
    kept.step(hours=1)
    assert "promotion.rolled_back" not in alarms(kept)


def test_a_re_arm_after_a_kill_is_an_experiment_as_the_file_declares_it(kept: LiveTrial) -> None:
    kept.change("kill")
    kept.change("rearm")
    kept.step(hours=1)
    experiment = kept.experiment
    assert (experiment.state, experiment.segment, experiment.kept_control) == ("running", 3, None)
    assert [one.weight for one in experiment.variants] == [50, 50] and experiment.primary is not None
    stored = analysis_plans.newest(kept.database, NAME)
    assert stored is not None and (stored.plan.segment, stored.plan.attempt) == (3, 2)


def test_nothing_is_promoted_or_amended_while_a_control_is_kept(shared: LiveTrial) -> None:
    for action, more in (("promote", {"options": KEPT}), ("amend", {}), ("approve", {})):
        with pytest.raises(Conflict) as refused:
            shared.change(action, **more)  # type: ignore[arg-type]
        assert "tuned is promoted already, control kept at 5 % until 29 Jan 2027, 08:00 UTC" in str(refused.value)
    assert shared.experiment.segment == 2


WRONG = {
    ("0.5%", "14d"): "keep_control: '0.5%' is not a share from 1% to 50%",
    ("51%", "14d"): "is not a share from 1% to 50%",
    ("5", "14d"): "is not a share",
    ("5%", "12h"): "keep_for: '12h' is not a time from 1d to 90d",
    ("5%", "91d"): "is not a time",
    ("5%", "two weeks"): "is not a time",
    ("5%", None): "keep_for: a control is kept at a share for a time",
    (None, "14d"): "keep_control: a control is kept",
}


def test_a_wrong_share_or_time_is_refused(trial: LiveTrial) -> None:
    for (share, duration), words in WRONG.items():
        with pytest.raises(BadRequest) as refused:
            trial.change("promote", options=ChangeOptions(override=True, keep_control=share, keep_for=duration))
        assert words in str(refused.value)
    assert trial.experiment.state == "running"


def test_more_than_the_control_has_is_refused(trial: LiveTrial) -> None:
    trial.edit("split: {base: 50, tuned: 50}", "salt: other\n    split: {base: 20, tuned: 80}")
    with pytest.raises(BadRequest, match="base has 20 % of the split, so at most 20% can stay"):
        trial.change("promote", options=ChangeOptions(override=True, keep_control="30%", keep_for="14d"))


MOVES = (
    ("model: openai/tuned,", "model: openai/tuned-2,", "give it another model"),
    ("    unit: user\n", "    unit: user\n    salt: other\n", "assign all users anew while a control is kept"),
)


def test_the_file_can_not_move_users_while_a_control_is_kept(shared: LiveTrial) -> None:
    before, text = arms(shared.experiment), shared.config.read_text()
    for old, new, words in MOVES:
        shared.edit(old, new)
        assert shared.publisher.refused is not None and words in shared.publisher.refused
        assert arms(shared.experiment) == before
        shared.config.write_text(text)


def test_a_worker_follows_each_change(kept: LiveTrial) -> None:
    watched = PlanWatch(kept.layout.plan, environ={})

    def served() -> dict[str, str]:
        watched.load_if_changed()
        return arms(watched.current().plan.experiments[NAME])

    before = served()
    assert before == arms(kept.experiment) and set(before.values()) == {"base", "tuned"}
    kept.change("pause")
    assert set(served().values()) == {"base"}
    kept.change("resume")
    assert served() == before
    kill_file = kept.layout.folder / f"kill.{NAME}@0a.json"
    kill_file.touch()
    assert set(served().values()) == {"base"}
    kill_file.unlink()
    kept.change("rollback")
    assert set(served().values()) == {"base"}


def test_a_restored_store_without_the_promotion_goes_on_serving_the_variant(kept: LiveTrial) -> None:
    with kept.database.transaction() as cursor:
        cursor.execute("DELETE FROM transitions")
    kept.restart()
    assert (kept.experiment.state, kept.experiment.serves) == ("ended", "tuned")
    kept.change("rollback")
    assert set(arms(kept.experiment).values()) == {"base"}


@pytest.mark.release("stories")
def test_a_longer_time_and_a_larger_share_are_also_searched_together(trial: LiveTrial) -> None:
    visits(trial, "before", 300)
    with pytest.raises(Conflict) as refused:
        trial.change("promote", options=ChangeOptions(override=True, keep_control="10.5%", keep_for="1d"))
    assert "than come in 1 day, at 300 users a week" in str(refused.value)
    assert re.search(r"what would do: --keep-control \d+% --for \d+d", str(refused.value))
