"""What the data plane's workers are told: defaults, what the file says of them, and mistakes in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import mistakes, project

from fairtrial.domain.worker_settings import WorkerSettings

STORE = "store:"


def test_a_file_that_says_nothing_leaves_the_usual_settings(tmp_path: Path) -> None:
    found = project(tmp_path)
    assert found.gateway.worker == WorkerSettings()
    one = found.plan.deployments["base"]
    assert (one.on_disconnect, one.drain_seconds, one.shutdown_date) == ("cancel", 60.0, None)


def test_what_a_file_says_reaches_the_workers(tmp_path: Path) -> None:
    said = "gateway: {max_in_flight: 7, keepalive: 0, grace: 2, drain: 9, transport: aiohttp, others: base}\nstore:"
    found = project(tmp_path, (STORE, said))
    assert found.gateway.worker == WorkerSettings(7, 0.0, 2.0, 9.0, "aiohttp", "base")


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("others: bsae", "gateway.others: the deployment 'bsae' does not exist (did you mean 'base'?)"),
        ("others: ''", "gateway.others"),
        ("max_in_flight: 0", "gateway.max_in_flight"),
        ("transport: pol", "gateway.transport"),
        ("keepalive: -1", "gateway.keepalive"),
    ],
)
def test_mistakes_are_told_with_what_is_known(tmp_path: Path, said: str, wrong: str) -> None:
    [found] = mistakes(tmp_path, (STORE, f"gateway: {{{said}}}\nstore:"))
    assert wrong in found


def test_everything_else_goes_to_no_deployment_that_is_translated_for(tmp_path: Path) -> None:
    claude = "  claude: {model: anthropic/claude-sonnet-4-5, external: true, api_key: '${CLOUD_KEY}'}\nroutes:"
    [found] = mistakes(tmp_path, ("routes:", claude), (STORE, "gateway: {others: claude}\nstore:"))
    assert "gateway.others: 'claude' is reached by translation" in found


@pytest.mark.parametrize("day", ["2027-02-30", "soon", "''"])
def test_a_shutdown_date_is_a_day(tmp_path: Path, day: str) -> None:
    [found] = mistakes(tmp_path, ("external: true", f"external: true, shutdown_date: {day}"))
    assert "deployments.cloud.shutdown_date" in found
