"""A cap fits amounts and shares of requests, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.experiments.analysis.freeze import Start, freeze
from tests.fixtures.services.projects import errors, project

ERRORS, LATENCY = "requests.error_rate,  margin: 1pp}", "requests.latency_p95, margin: 20%}"


def capped(line: str, cap: str) -> tuple[str, str]:
    return line, line.replace("}", f", cap: {cap}}}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (capped(LATENCY, "5"), "requests.latency_p95 has nothing to cap (costs, tokens and shares of requests have)"),
        (capped(ERRORS, "0.5"), "no unit has 0.5 requests (1 or more)"),
    ],
)
def test_a_cap_that_fits_nothing_is_an_error(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    assert [one.partition(".cap: ")[2] for one in errors(tmp_path, change)] == [said]


def test_the_cap_of_a_share_of_requests_is_frozen(tmp_path: Path) -> None:
    plan = project(tmp_path, capped(ERRORS, "5")).plan
    frozen = freeze(plan, plan.experiments["tuned-vs-base"], Start(at_us=0, started_us=0))
    assert [one.cap for one in frozen.guardrails] == [5.0, None]
    assert frozen.declared["guardrails.requests.error_rate.cap"] == 5
