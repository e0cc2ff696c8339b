"""The store of an earlier release gets attributions and outcomes for the rows that it already has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.layout import Layout
from fairtrial.domain.store_reports import KeyFeedback, VariantTraffic
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.erasure.erase import ErasedUnit, erase, new_state
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic import traffic
from tests.fixtures.releases.unpacked import expected, unpack

DEAD = "dead-vs-base"
"""An experiment of the release whose candidate had no server; the route falls back to the base."""
LATER = "DELETE FROM feedback WHERE feedback_id NOT IN (SELECT feedback_id FROM feedback ORDER BY at_time LIMIT ?)"
"""Feedback that came after the release was asked for its figures."""


@pytest.fixture(name="database")
def database_fixture(tmp_path: Path) -> Iterator[Database]:
    """The store of the release, without what its journal has had since."""
    unpack(tmp_path)
    layout = Layout(tmp_path / "fairtrial.duckdb").make()
    for segment in layout.journal.glob("*.jsonl"):
        segment.unlink()
    database = Database.open(layout)
    with database.transaction() as cursor:
        cursor.execute(LATER, [expected()["info"]["rows"]["feedback"]])
    Ingester(database, lambda: 1).catch_up()
    yield database
    database.close()


def shown(database: Database) -> dict[tuple[str, str], VariantTraffic]:
    """What today's program shows of the requests that the release had stored when it was asked."""
    experiments = traffic.by_variant(database, Page(until_us=expected()["info"]["newest_us"] + 1))
    return {(experiment.experiment, arm.variant): arm for experiment in experiments for arm in experiment.variants}


def released() -> dict[tuple[str, str], dict[str, Any]]:
    pages = expected()["pages"]["experiments"]
    return {(page["name"], arm["variant"]): arm for page in pages for arm in page["traffic"]["variants"]}


def test_the_rates_of_feedback_are_those_of_the_release(database: Database) -> None:
    before, now = released(), shown(database)
    requests = {arm: recorded["requests"] for arm, recorded in before.items()}
    assert {arm: traffic_now.requests for arm, traffic_now in now.items()} == requests
    for arm, recorded in before.items():
        figures = {key: vars_of(feedback) for key, feedback in now[arm].feedback.items()}
        assert figures == {key: pytest.approx(numbers) for key, numbers in recorded["feedback"].items()}


def vars_of(feedback: KeyFeedback) -> dict[str, Any]:
    return {"n": feedback.n, "rated": feedback.rated, "rate": feedback.rate}


def test_each_exposure_of_the_release_is_in_its_requests_row(database: Database) -> None:
    assert database.rows("SELECT count(*) FROM exposures") == [(0,)]
    ((counted, named),) = database.rows("SELECT count(enrolled), count(experiment) FROM requests")
    assert counted == named > expected()["info"]["rows"]["exposures"]


def test_errors_of_a_dead_arm_are_computed_from_its_attempts(database: Database) -> None:
    assert released()[DEAD, "dead"]["errors"] == 0, "what the release showed"
    dead, base = shown(database)[DEAD, "dead"], shown(database)[DEAD, "base"]
    assert (dead.errors, dead.user_errors, dead.fallbacks) == (dead.requests, 0, dead.requests)
    assert (base.errors, base.user_errors) == (0, 0)
    assert database.rows("SELECT count(*) FROM requests WHERE arm_outcome IS NULL OR user_outcome IS NULL") == [(0,)]


def test_a_unit_is_erased_from_a_backup_of_the_release(database: Database, tmp_path: Path) -> None:
    """Its tables lack the columns that came later."""
    sql = "SELECT exposed_unit FROM requests WHERE enrolled AND at_time < (SELECT max(at_time) FROM backups) LIMIT 1"
    ((unit,),) = database.rows(sql)
    with database.transaction() as cursor:
        cursor.execute("UPDATE backups SET path = ?", [str(tmp_path / "backup")])
    state = new_state(ErasedUnit("somebody", "user", unit), now_us=1, actor="test", rewrite_backups=True)
    done = erase(database, state, now_us=1)
    assert done.counts["requests"] > 0
    assert [look.found for look in done.backups] == ["rewritten"]
