"""`fairtrial simulate`: what it simulates, what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from fairtrial.domain.errors import UsageError
from fairtrial_cli.main import fairtrial
from tests.fixtures.for_each import for_each
from tests.fixtures.services.project_files import write_project

SLOW = pytest.mark.release("simulations")
"""Simulates several candidates, for seconds each."""

NAME = "tuned-vs-base"
FAST = ("--per-week", "300", "--runs", "2", "--baseline", "62%")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("project"))


def run(file: Path, *arguments: str, name: str = NAME) -> str:
    """What the command prints; raises what it raises."""
    done = CliRunner().invoke(fairtrial, ["simulate", name, *arguments, "-c", str(file)], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    assert not done.return_value
    return done.output


def simulated(file: Path, *arguments: str) -> dict[str, Any]:
    report = json.loads(run(file, *arguments, "--json"))
    assert isinstance(report, dict)
    return report


@SLOW
def test_it_prints_each_candidate_with_errors_and_says_what_it_means(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    output = run(file, *FAST)
    assert f"{NAME}: 2 trials each" in output
    for words in ("no difference", "errors 1 → 5 %", "ships", "stopped for harm", "ends undecided", "proven safe"):
        assert words in output
    assert "100.0 % ±" in output
    assert "this plan ships it in" in output and "wrongly stops it in" in output


@SLOW
def test_the_planned_look_at_the_end_spends_all_error_that_is_left(file: Path, tmp_path: Path) -> None:
    at_once = ("--per-week", "100", "--runs", "4", "--baseline", "62%", "--effect", "+30pp")
    planned = tmp_path / "planned.yaml"
    text = file.read_text().replace("unit: user", "unit: user\n    looks: planned", 1)
    planned.write_text(text.replace("mde: 3pp", "mde: 3pp, baseline: 62%", 1))
    (scenario,) = simulated(planned, *at_once)["scenarios"]  # far fewer units than planned
    assert (scenario["ends"]["better"]["share"], scenario["ends"]["better"]["days"]) == (1, 42)


@SLOW
def test_json_has_every_end_of_every_candidate(file: Path) -> None:
    report = simulated(file, *FAST)
    assert (report["experiment"], report["runs"], report["seed"]) == (NAME, 2, 1)
    assert [scenario["truth"] for scenario in report["scenarios"]] == ["better", "same", "worse", "worse"]
    for scenario in report["scenarios"]:
        assert sum(end["share"] for end in scenario["ends"].values()) == pytest.approx(1.0)
        assert set(scenario["ends"]["ships"]) == {"share", "error", "days", "units"}
    assert report["scenarios"][3]["ends"]["stopped"]["share"] == 1.0


@SLOW
def test_a_seed_repeats_it_and_another_one_does_not(file: Path) -> None:
    effect = ("--effect", "+3pp")
    first, same, different = (simulated(file, *FAST, *effect, "--seed", seed) for seed in ("3", "3", "4"))
    assert first == same
    assert first["scenarios"] != different["scenarios"]


def test_a_stated_effect_is_simulated_alone_with_its_assumptions(file: Path) -> None:
    more = ("--effect", "-30pp", "--response", "60%", "--late", "tuned=2", "--missing", "tuned=10", "--requests", "3")
    (scenario,) = simulated(file, *FAST, *more)["scenarios"]
    assert (scenario["candidate"], scenario["truth"]) == ("worse by 30 points", "worse")
    assert scenario["ends"]["ships"]["share"] == 0.0


@for_each(
    ("arguments", "message"),
    [
        (("--per-week", "800"), "feedback.resolved: give its level today"),
        ((*FAST, "--baseline", "60%"), "feedback.resolved is given more than once"),
        ((*FAST[:4], "--baseline", "much"), "'much' is not a level"),
        ((*FAST, "--baseline", "cost.per_unit=2"), "not a metric of tuned-vs-base"),
        ((*FAST, "--effect", "3"), "'3' is not an effect"),
        ((*FAST, "--effect", "+60pp"), "which is not possible"),
        ((*FAST, "--response", "0%"), "without feedback there is nothing to simulate"),
        ((*FAST, "--response", "130%"), "--response: '130%' is not a share"),
        ((*FAST, "--errors", "1%"), "must be two shares"),
        ((*FAST, "--errors", "1%,200%"), "--errors: '200%' is not a share"),
        ((*FAST, "--late", "soon"), "--late: 'soon' is not a number"),
        ((*FAST, "--late", "other=1"), "not a variant of tuned-vs-base"),
        ((*FAST, "--late", "1", "--late", "2"), "--late: all arms is given more than once"),
        ((*FAST, "--missing", "10"), "names no variant"),
        ((*FAST, "--missing", "tuned=-1"), "not a number of 0 or more"),
        ((*FAST, "--missing", "tuned=nan"), "not a number of 0 or more"),
        (("--per-week", "1e9", "--baseline", "62%"), "are too many to simulate"),
    ],
)
def test_wrong_options_are_refused_with_the_reason(file: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        run(file, *arguments)
    assert message in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("arguments", [(), ("--per-week", "nan"), ("--per-week", "800", "--runs", "1")])
def test_a_wrong_number_is_refused(file: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        run(file, *arguments)


def test_an_unknown_experiment_is_named_with_the_known_ones(file: Path) -> None:
    with pytest.raises(UsageError, match="there is no experiment 'other' \\(tuned-vs-base\\)"):
        run(file, *FAST, name="other")
