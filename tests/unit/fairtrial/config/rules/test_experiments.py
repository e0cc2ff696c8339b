"""Caps fit amounts and shares of requests only, and the stops of a guardrail agree with each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.experiments.analysis.freeze import freeze
from tests.fixtures.services.projects import errors, project

ERRORS, LATENCY = "requests.error_rate,  margin: 1pp}", "requests.latency_p95, margin: 20%}"


def capped(line: str, cap: str) -> tuple[str, str]:
    return line, line.replace("}", f", cap: {cap}}}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (capped(LATENCY, "5"), "requests.latency_p95 has nothing to cap (costs, tokens and shares of requests have)"),
        (capped(ERRORS, "0.5"), "no unit has 0.5 requests (1 or more)"),
    ],
)
def test_a_cap_that_fits_nothing_is_an_error(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert [error.partition(".cap: ")[2] for error in errors(tmp_path, change)] == [message]


def test_the_cap_of_a_share_of_requests_is_frozen(tmp_path: Path) -> None:
    plan = project(tmp_path, capped(ERRORS, "5")).plan
    frozen = freeze(plan, plan.experiments["tuned-vs-base"], 0)
    assert [guardrail.cap for guardrail in frozen.guardrails] == [5.0, None]
    assert frozen.declared["guardrails.requests.error_rate.cap"] == 5


def stopped(line: str, keys: str) -> tuple[str, str]:
    return line, line.replace("}", f", {keys}}}")


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        (stopped(ERRORS, "pause_at: 2pp"), "pause_at", "a pause at 2pp would come after the kill at 1pp"),
        (
            stopped(LATENCY, "pause_at: 30%, kill_at: 25%"),
            "pause_at",
            "a pause at 30% would come after the kill at 25%",
        ),
        (stopped(ERRORS, "kill_at: soon"), "kill_at", "'soon' is not a margin"),
        (stopped(ERRORS, "pause_at: -1pp"), "pause_at", "'-1pp' is not a margin"),
        (
            stopped(ERRORS, "stop_margin: 2pp, kill_at: 3pp"),
            "stop_margin",
            "it can't stand beside kill_at, which replaced it",
        ),
        (
            (ERRORS, "requests.schema_valid_rate, margin: 1pp, kill_at: 20%}"),
            "kill_at",
            "the kill_at of requests.schema_valid_rate must be in points",
        ),
        (stopped(LATENCY, "kill_at: 3pp"), "kill_at", "requests.latency_p95 is an amount"),
    ],
)
def test_stops_that_contradict_each_other_or_fit_nothing_are_errors(
    tmp_path: Path, change: tuple[str, str], key: str, message: str
) -> None:
    (wrong,) = errors(tmp_path, change)
    assert message in wrong.partition(f".{key}: ")[2], wrong


def test_both_stops_and_the_former_one_alone_are_accepted(tmp_path: Path) -> None:
    plan = project(
        tmp_path, stopped(ERRORS, "pause_at: 0.5pp, kill_at: 2pp"), stopped(LATENCY, "stop_margin: 30%")
    ).plan
    rate, latency = plan.experiments["tuned-vs-base"].guardrails
    assert (rate.pause_at, rate.kill_at, latency.kill_at, latency.stop_margin) == ("0.5pp", "2pp", None, "30%")


AGAIN = "requests.asked_again_rate, margin: 2pp}"
NO_TEXTS = ("bodies: redacted", "bodies: none")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            [(ERRORS, AGAIN), ("unit: user", "unit: request")],
            "requests.asked_again_rate needs units that send several requests (unit: user)",
        ),
        (
            [(ERRORS, AGAIN), NO_TEXTS],
            "requests.asked_again_rate compares texts, and capture.bodies is none"
            " (write capture: {bodies: redacted}, or use requests.regenerate_rate)",
        ),
    ],
)
def test_what_a_user_does_next_must_be_measurable(tmp_path: Path, changes: list[tuple[str, str]], message: str) -> None:
    assert [error.partition(".metric: ")[2] for error in errors(tmp_path, *changes)] == [message]


def test_leaving_after_an_error_needs_no_texts(tmp_path: Path) -> None:
    left = "requests.left_after_error_rate, margin: 2pp}"
    assert errors(tmp_path, (ERRORS, left), NO_TEXTS) == []
