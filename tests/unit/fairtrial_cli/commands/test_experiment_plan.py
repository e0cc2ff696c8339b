"""`fairtrial experiment plan`: what it reads from the file, what it prints, and how it ends."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from fairtrial.config.project import load_project
from fairtrial.domain.errors import UsageError
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.experiments.sums import control_levels
from fairtrial_cli.main import fairtrial
from fairtrial_cli.store_client.local_client import LocalOwner
from tests.fixtures.for_each import for_each
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store.samples import attempt_of, exposure, feedback, record, request

GUARDED = """\
    primary: {metric: feedback.resolved, require: superior, mde: 3pp}
    guardrails:
      - {metric: requests.error_rate, margin: 1pp}
      - {metric: cost.per_unit, margin: 20%}
"""
PRICES = "prices: [{deployment: base, input: 1, output: 2}, {deployment: tuned, input: 1, output: 2}]\n"
PLAIN = GUARDED.splitlines(keepends=True)[0]
BASELINES = ("--baseline", "62%", "--baseline", "requests.error_rate=1%", "--baseline", "cost.per_unit=2.1")
SPREAD = ("--sd", "cost.per_unit=3")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = write_project(tmp_path)
    path.write_text(path.read_text() + PRICES)
    return path


def changed(file: Path, old: str, new: str) -> Path:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return file


def run(file: Path, *arguments: str, name: str = "tuned-vs-base") -> tuple[int, str]:
    whole = ["experiment", "plan", name, *arguments, "-c", str(file)]
    done = CliRunner().invoke(fairtrial, whole, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return int(done.return_value or 0), done.output


def planned(file: Path, *arguments: str) -> dict[str, Any]:
    _, output = run(file, *arguments, "--json")
    plan = json.loads(output)
    assert isinstance(plan, dict)
    return plan


def test_a_trial_that_can_be_decided_ends_with_0_and_says_when(file: Path) -> None:
    code, output = run(file, "--baseline", "62%", "--per-week", "4000")
    assert code == 0
    assert "4,000 units a week, 80% power" in output
    for words in ("normal mixture", "O'Brien-Fleming", "one look", "20,590", "in 4 weeks of the 6"):
        assert words in output


def test_one_that_can_t_ends_with_3_and_says_what_can(file: Path) -> None:
    code, output = run(file, "--baseline", "62%", "--per-week", "1800")
    assert code == 3
    assert "It can't be decided" in output
    assert "- 7 weeks (7 weeks" in output
    watched = run(file, "--baseline", "62%", "--per-week", "1800", "--mode", "monitor")[1]
    assert "- 9 weeks (9 weeks" in watched


def test_traffic_that_is_too_small_is_told_first_what_still_decides(file: Path) -> None:
    _, output = run(file, "--baseline", "62%", "--per-week", "1000")
    first, table = " ".join(output.split()).split("What still decides:")[1].split("looks units", 1)
    assert re.search(r"- an effect of 4\.\d points for feedback.resolved \(6 weeks", first)
    assert re.search(r"- require: not_worse with a margin of \d\.?\d? points for feedback.resolved \(6 weeks", first)
    assert "- people: 194 blind comparisons of pairs" in first and "- offline evaluation" in first
    assert "normal mixture" in table


def test_a_plan_uses_the_looks_of_control_unless_it_is_asked_otherwise(file: Path) -> None:
    arguments = ("--baseline", "62%", "--per-week", "4000")
    assert planned(file, *arguments)["design"]["mode"] == "planned"
    changed(file, "require: superior", "require: superior, min_days: 2")
    assert planned(file, *arguments)["design"]["mode"] == "monitor"


def test_traffic_that_decides_nothing_says_so(file: Path) -> None:
    code, output = run(file, "--baseline", "62%", "--per-week", "3")
    assert code == 3
    assert "with users, nothing" in output


def test_guardrails_have_their_own_baselines_and_unplannable_ones_are_listed(file: Path) -> None:
    plan = planned(changed(file, PLAIN, GUARDED), *BASELINES, *SPREAD, "--per-week", "4000")
    assert [metric["question"]["metric"] for metric in plan["metrics"]] == [
        "feedback.resolved",
        "requests.error_rate",
        "cost.per_unit",
    ]
    assert [metric["power"] for metric in plan["metrics"]] == pytest.approx([1 - 0.2 / 3] * 3)
    error = plan["metrics"][1]
    assert error["chosen"]["rule"] == "shares of units"
    assert error["question"]["lower_is_better"]
    assert plan["metrics"][2]["question"]["effect"] == pytest.approx(0.42)
    assert plan["notes"][1:] == [
        "feedback.resolved of a unit counts 7 days after its first request; the weeks include that time",
        "one of 8 slices by tag that loses 20 points of feedback.resolved is named with 381 users of each arm "
        "that give feedback",
        "cost.per_unit: the share of units above its cap needs more units than the mean up to it",
    ]
    assert "requests.error_rate: not worse by 1 point" in run(file, *BASELINES, *SPREAD, "--per-week", "4000")[1]


def test_it_says_after_how_many_units_a_broken_treatment_is_stopped(file: Path) -> None:
    plan = planned(changed(file, PLAIN, GUARDED), *BASELINES, *SPREAD, "--per-week", "4000")
    pattern = (
        r"requests\.error_rate: 5 times as many bad requests \(1 → 5 %\) pause it after about (\d+) units, "
        r"and stop it after about ([\d,]+) if it continues after the pause"
    )
    stops = re.fullmatch(pattern, plan["notes"][0])
    assert stops is not None and 600 < int(stops[1]) < 900 < int(stops[2].replace(",", "")) < 1_500
    none = planned(file, "--baseline", "62%", "--baseline", "requests.error_rate=0%", *SPREAD, "--per-week", "4000")
    assert not any("five times" in note for note in none["notes"])


def test_a_guardrail_without_a_baseline_is_left_out_and_asked_for(file: Path) -> None:
    plan = planned(changed(file, PLAIN, GUARDED), "--baseline", "62%", "--per-week", "4000")
    assert len(plan["metrics"]) == 1
    assert (
        "not planned: requests.error_rate: give its level today, such as --baseline requests.error_rate=1%"
        in plan["notes"]
    )


def test_the_file_s_split_duration_and_number_of_arms_are_those_of_the_design(file: Path) -> None:
    changed(file, "split: {base: 50, tuned: 50}", "split: {base: 60, tuned: 20, third: 20}\n    max_weeks: 9")
    changed(
        file,
        "      tuned: {deployment: tuned}\n",
        "      tuned: {deployment: tuned}\n      third: {deployment: tuned}\n",
    )
    plan = planned(file, "--baseline", "62%", "--per-week", "10000")
    design = plan["design"]
    assert (design["share"], design["per_week"], design["weeks"]) == (0.25, 8000.0, 9)
    assert design["alpha"] == 0.025
    assert "2 treatments" in plan["notes"][0]
    assert planned(file, "--baseline", "62%", "--per-week", "10000", "--weeks", "3")["design"]["weeks"] == 3


def test_a_question_of_not_worse_and_an_amount_are_read_too(file: Path) -> None:
    changed(file, "require: superior, mde: 3pp", "require: not_worse, mde: 5%")
    share = planned(file, "--baseline", "62%", "--per-week", "4000")["metrics"][0]["question"]
    assert (share["kind"], share["effect"]) == ("not worse", pytest.approx(0.031))
    low = planned(file, "--baseline", "3.2", "--sd", "1.5", "--lower", "feedback.resolved", "--per-week", "4000")
    assert low["metrics"][0]["question"]["lower_is_better"]
    assert low["metrics"][0]["question"]["sd"] == 1.5


def test_a_stage_that_enrolls_a_part_is_printed(file: Path) -> None:
    changed(file, "    primary:", "    enroll: {stages: [10, 50, 100]}\n    primary:")
    assert "10 % of the units" in planned(file, "--baseline", "62%", "--per-week", "4000")["notes"][0]


@for_each(
    ("arguments", "words"),
    [
        (("--per-week", "9"), "give its level today, such as --baseline feedback.resolved=62%"),
        (("--baseline", "62%"), "give the number of new units a week, such as --per-week 4000"),
        (("--baseline", "much", "--per-week", "9"), "'much' is not a level"),
        (
            ("--baseline", "62", "--per-week", "9"),
            "a share must be between 0 and 1, not 62 (62% is 0.62); for an amount",
        ),
        (("--baseline", "0%", "--per-week", "9"), "a level of exactly 0% can't be planned with"),
        (("--baseline", "100%", "--per-week", "9"), "give a realistic level (such as 99.9%)"),
        (("--baseline", "150%", "--per-week", "9"), "a share must be between 0 and 1, not 1.5"),
        (("--baseline", "-5%", "--per-week", "9"), "a share must be between 0 and 1, not -0.05"),
        (("--baseline", "nan", "--per-week", "9"), "'nan' is not a level"),
        (("--baseline", "62%", "--sd", "inf", "--per-week", "9"), "'inf' is not a level"),
        (("--baseline", "=62%", "--per-week", "9"), "'=62%' names no metric"),
        (("--baseline", "99%", "--per-week", "9"), "a share of 99% can't rise by 3 points"),
        (("--baseline", "62%", "--baseline", "feedback.resolved=61%", "--per-week", "9"), "given more than once"),
        (("--baseline", "62%", "--baseline", "cost.per_unit=1", "--per-week", "9"), "not a metric of tuned-vs-base"),
    ],
)
def test_missing_and_wrong_options_are_refused_with_the_reason(
    file: Path, arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError) as error:
        run(file, *arguments)
    assert words in str(error.value)


@for_each(
    "arguments",
    [("--per-week", "nan"), ("--per-week", "inf"), ("--per-week", "0"), ("--design-effect", "nan"), ("--power", "nan"),
     ("--power", "100"), ("--weeks", "0"), ("--design-effect", "inf")],
)  # fmt: skip
def test_a_number_out_of_its_range_is_refused_before_anything_is_planned(
    file: Path, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(click.BadParameter, match=r"range|not a number"):
        run(file, "--baseline", "62%", *arguments)


def test_a_relative_margin_is_printed_as_written_and_needs_a_level_above_0(file: Path) -> None:
    changed(file, PLAIN, GUARDED)
    cost = ("--sd", "cost.per_unit=3", "--per-week", "4000", "--baseline", "62%", "--baseline")
    assert "cost.per_unit: not worse by 0.42 (20% of today's)" in run(file, *cost, "cost.per_unit=2.1")[1]
    with pytest.raises(UsageError, match="20% of a level of 0 is 0"):
        run(file, *cost, "cost.per_unit=0")


def test_a_guardrail_of_the_primary_metric_is_no_question_of_its_own(file: Path) -> None:
    changed(file, PLAIN, f"{PLAIN}    guardrails: [{{metric: feedback.resolved, margin: 1pp}}]\n")
    plan = planned(file, "--baseline", "62%", "--per-week", "4000")
    assert (len(plan["metrics"]), plan["decidable"]) == (1, True)
    assert "already requires better" in plan["notes"][0]


def test_what_is_left_out_is_no_part_of_the_answer(file: Path) -> None:
    _, output = run(changed(file, PLAIN, GUARDED), "--baseline", "62%", "--per-week", "4000")
    assert "that are allowed, except for 2 metrics without a plan." in " ".join(output.split())
    assert "if 2 metrics without a plan are left out." in " ".join(output.split())
    assert "--baseline requests.error_rate=1%" in output  # in one line, to be copied


LATENCY = f"{PLAIN}    guardrails: [{{metric: requests.latency_p95, margin: 20%}}]\n"


def test_a_latency_of_arms_on_one_engine_can_t_be_proven_safe_and_is_refused(file: Path) -> None:
    code, output = run(changed(file, PLAIN, LATENCY), "--baseline", "62%", "--per-week", "40000")
    words = " ".join(output.split())
    assert code == 3
    assert "requests.latency_p95: arms on one engine slow each other" in words
    assert "Give each arm its own engine, or remove the guardrail" in words


def test_a_latency_of_arms_on_two_engines_is_planned_from_its_spread(file: Path) -> None:
    deployment = "tuned: {model: openai/tuned, base_url: http://127.0.0.2:8000/v1"
    text = changed(file, PLAIN, LATENCY).read_text()
    file.write_text(re.sub(r"tuned: \{model: openai/tuned, base_url: [^,}]+", deployment, text))
    levels = ("--baseline", "62%", "--baseline", "requests.latency_p95=900", "--sd", "requests.latency_p95=400")
    plan = planned(file, *levels, "--per-week", "4000")
    latency = plan["metrics"][1]
    assert (latency["chosen"]["rule"], latency["question"]["tau"]) == ("normal mixture", 90.0)
    assert 4_000 < latency["chosen"]["units"] < 12_000


def test_an_unknown_or_observing_experiment_is_an_error(file: Path) -> None:
    with pytest.raises(UsageError, match=r"no experiment 'x' \(tuned-vs-base\)"):
        run(file, "--baseline", "62%", name="x")
    changed(file, PLAIN, "")
    with pytest.raises(UsageError, match="has no primary metric"):
        run(file, "--baseline", "62%", "--per-week", "9")
    with pytest.raises(
        UsageError, match=r"names no metric, and the experiment has no primary metric \(write METRIC=62%\)"
    ):
        run(file, "--baseline", "62%", "--baseline", "61%", "--per-week", "9")


def test_what_the_store_knows_stands_in_for_options(file: Path) -> None:
    layout = load_project(file, {}).layout.make()
    now = time.time_ns() // 1000 - 3_600_000_000
    journal = JournalWriter(layout.journal, writer="w")
    for number in range(900):
        arm = "base" if number % 2 else "tuned"
        seen = exposure(number, at_us=now, assigned=arm, served=arm, unit=f"u-{number}")
        journal.append(request(number, at_us=now), seen, feedback(number, at_us=now, boolean=number % 5 > 1))
    journal.close()
    LocalOwner(layout).close()  # makes the store
    plan = planned(file, "--weeks", "1")
    assert plan["design"]["per_week"] == pytest.approx(900)
    assert plan["metrics"][0]["question"]["baseline"] == pytest.approx(0.6, abs=0.01)
    given = planned(file, "--weeks", "1", "--per-week", "5000")
    assert given["design"]["per_week"] == 5000
    assert not [note for note in given["notes"] if "in the last week" in note]  # unused figures have no note
    assert any(note.startswith("feedback.resolved of the control in the last 14 days") for note in given["notes"])
    assert planned(file, "--baseline", "62%", "--weeks", "1")["notes"][0].startswith("900 units in the last week")


def test_what_users_cost_before_saves_units(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_levels, "LEVEL_UNITS", 20)
    layout = load_project(changed(file, PLAIN, GUARDED.replace("20%", "2%")), {}).layout.make()
    journal, now = JournalWriter(layout.journal, writer="w"), time.time_ns() // 1000 - 3_600_000_000
    for number in range(80):
        at = now - (number % 2) * 15 * 86_400_000_000
        call = attempt_of(number, at_us=at, deployment="base", cost_usd=str(0.01 * (1 + number // 2 % 7 + number % 3)))
        journal.append(record(number, reason="direct", at_us=at, unit=f"u-{number // 2}", attempts=[call]))
    journal.close()
    LocalOwner(layout).close()
    plan = planned(file, *BASELINES[:4], "--per-week", "40000")
    cost = plan["metrics"][2]
    assert cost["question"]["baseline"] == pytest.approx(0.05, abs=0.01)
    assert 0.01 < cost["question"]["left"] < 0.6
    (words,) = (note for note in plan["notes"] if "CUPED" in note)
    fewer, plain = (
        float(number.replace(",", "")) for number in re.findall(r"([0-9,]+) units instead of ([0-9,]+)", words)[0]
    )
    assert fewer == pytest.approx(cost["chosen"]["units"], abs=1) and fewer < 0.9 * plain
    assert any(note.startswith("cost.per_unit of the control in the last 14 days: 0.0") for note in plan["notes"])
    stated = planned(file, *BASELINES, *SPREAD, "--per-week", "40000")["metrics"][2]["question"]
    assert (stated["baseline"], stated["sd"], stated["left"]) == (2.1, 3.0, pytest.approx(cost["question"]["left"]))
    by_request = planned(changed(file, "unit: user", "unit: request"), *BASELINES[:4], "--per-week", "40000")
    assert not any("CUPED" in note for note in by_request["notes"])


WORST = ("kind: boolean}", "kind: boolean, missing: worst_case}")
PER_WEEK = ("--baseline", "62%", "--per-week", "40000")


def test_the_worst_case_of_missing_feedback_is_planned_for_the_share_that_answers(file: Path) -> None:
    plain = planned(file, *PER_WEEK, "--response", "98%")
    worst = planned(changed(file, *WORST), *PER_WEEK, "--response", "98%")
    assert worst["design"]["per_week"] == plain["design"]["per_week"] == pytest.approx(39_200)
    units = [report["metrics"][0]["chosen"]["units"] for report in (plain, worst)]
    assert worst["decidable"] and units[1] > 4 * units[0]
    text = run(file, *PER_WEEK, "--response", "98%")[1]
    assert "better by 3 points, also in the worst case (98% feedback)" in text
    assert "98% of the units send the feedback: only these are counted" in text


def test_too_little_feedback_for_the_worst_case_is_refused_with_the_share_that_would_do(file: Path) -> None:
    changed(file, *WORST)
    code, text = run(file, *PER_WEEK, "--response", "60%")
    flat = " ".join(text.split())
    assert code == 3
    assert "with feedback from 60% of the units, missing: worst_case can't be met: over 97.1% must give it" in flat
    with pytest.raises(UsageError, match="give the share of units with this feedback, such as --response"):
        run(file, *PER_WEEK)
    with pytest.raises(UsageError, match="above 0% and at most 100%"):
        run(file, *PER_WEEK, "--response", "120%")


def test_a_plan_that_may_pass_early_warns_that_fading_can_not_be_seen(file: Path) -> None:
    text = file.read_text()
    for days, early in (("7", True), ("0", True), ("28", False), ("", False)):
        file.write_text(text.replace("mde: 3pp", f"mde: 3pp, min_days: {days}" if days else "mde: 3pp"))
        _, output = run(file, "--per-week", "90000", "--baseline", "62%")
        assert ("so a fading effect can't be seen" in " ".join(output.split())) is early, output
        assert f"decided in {4 if days == '28' else 2} weeks" in output, output
