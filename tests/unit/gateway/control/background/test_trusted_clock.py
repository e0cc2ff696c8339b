"""The clocks of this machine are read, and their anchor survives a restart of control."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from evaluators.loading.suite_text import digest_of, text_of
from fairtrial.api.verdicts import Judge, SuiteReference
from fairtrial.config.layout import Layout
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.experiments.steady_time import Anchor, Reading
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from fairtrial_cli.store_client.local_client import LocalClient, LocalOwner
from fairtrial_cli.store_client.stored import judge
from gateway.control.background.trusted_clock import TrustedClock, read_clocks
from tests.fixtures.control.judged_trial import JudgedTrial
from tests.fixtures.store.empty_store import open_empty

START = Reading(1_800_000_000_000_000, 5_000_000, 7)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_empty(Layout(tmp_path / "fairtrial.duckdb").make())) as made:
        yield made


def test_the_clocks_of_this_machine_are_of_one_boot_and_agree(database: Database) -> None:
    first, second = read_clocks(), read_clocks()
    assert first.boot_id == second.boot_id > 0
    assert second.boot_us >= first.boot_us
    assert not TrustedClock(database, read_clocks).step().held


def test_the_anchor_is_stored_by_the_first_step_and_found_after_a_restart(database: Database) -> None:
    TrustedClock(database, lambda: START).step()
    assert named_values.read(database) == Anchor(START.wall_us, START.boot_us, 7)
    jumped = Reading(START.wall_us + 2 * DAY_US, START.boot_us + 1_000_000, 7)
    step = TrustedClock(database, lambda: jumped).step()
    assert step.now_us == START.wall_us + 1_000_000 and "2 days ahead" in step.held
    assert named_values.read(database) == Anchor(START.wall_us, START.boot_us, 7)


def test_a_clock_without_a_check_stores_nothing(database: Database) -> None:
    TrustedClock.without_check(database, lambda: START.wall_us).step()
    assert named_values.read(database) is None


def test_a_command_that_judges_without_control_sees_the_jump(tmp_path: Path) -> None:
    with closing(JudgedTrial.with_traffic_and_runs(tmp_path)) as trial:
        suite, now = trial.suite, read_clocks()
        with trial.database.transaction() as cursor:
            named_values.write(cursor, Anchor(now.wall_us - 2 * DAY_US, now.boot_us, now.boot_id))
    reference = SuiteReference(suite=suite.name, digest=suite.digest, text_digest=digest_of(text_of(suite)))
    request = Judge(gate=trial.gate.read_text(), suites=(reference,), candidate="tuned", baseline="base")
    with LocalClient(LocalOwner(trial.layout, trial.config)) as store:
        verdict = judge(store, request)
    assert verdict.decision == "HOLD"
    assert any("2 days ahead of the boot-time clock" in finding.says for finding in verdict.findings)
