"""The plan is published when it changes and is sound; else the last good one stays, and why is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.api.keys import CreateKey
from fairtrial.config.plan.published import as_written, read
from fairtrial.config.project import Project, load_project
from fairtrial.domain.plan import Ending
from fairtrial.store.access import audit, credentials
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from gateway.control.background import plan_publisher as publisher_module
from gateway.control.background.plan_publisher import RETRY_US, PlanPublisher
from tests.fixtures.control.control_app import NOW, PROJECT
from tests.fixtures.dashboard.migration_report import save_report


def actions(database: Database) -> list[str]:
    return [row["action"] for row in database.dicts(audit.listing(Page()))]


def test_the_plan_of_the_file_is_published_with_keys_and_pepper(database: Database, publisher: PlanPublisher) -> None:
    credentials.create_key(database, CreateKey(name="app"), now_us=NOW)
    assert publisher.refresh()
    published = read(database.layout.plan)
    assert publisher.published is not None and published == as_written(publisher.published)
    assert [key.name for key in published.keys] == ["app"]
    assert len(published.pepper) == 64
    assert actions(database) == ["plan.publish"]


def test_a_second_look_at_unchanged_files_publishes_nothing(database: Database, publisher: PlanPublisher) -> None:
    publisher.refresh()
    before = database.layout.plan.stat().st_ino
    assert not publisher.refresh()
    assert database.layout.plan.stat().st_ino == before


def test_a_changed_prompt_is_picked_up(database: Database, publisher: PlanPublisher, config: Path) -> None:
    publisher.refresh()
    before = read(database.layout.plan).plan.plan_hash
    (config.parent / "prompt.md").write_text("Be very kind indeed.")
    assert publisher.refresh()
    assert read(database.layout.plan).plan.plan_hash != before


def test_a_broken_file_keeps_the_last_good_plan_and_says_why(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    publisher.refresh()
    good = read(database.layout.plan)
    config.write_text(PROJECT.replace("unit: user", "unit: planet"))
    assert not publisher.refresh()
    assert read(database.layout.plan) == good
    assert publisher.refused is not None
    assert "planet" in publisher.refused
    assert actions(database) == ["plan.refuse", "plan.publish"]
    config.write_text(PROJECT)
    publisher.refresh()
    assert publisher.refused is None


def test_an_edit_while_the_file_is_read_is_not_missed(
    database: Database, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load() -> Project:
        project = load_project(config, {})
        config.write_text(PROJECT.replace("openai/tuned", "openai/tuned-2"))
        return project

    publisher = PlanPublisher(database, config, load, clock_us=lambda: NOW)
    publisher.refresh()
    assert publisher.refresh()
    assert read(database.layout.plan).plan.deployments["tuned"].model == "tuned-2"


def test_a_plan_that_the_disk_did_not_take_is_published_when_it_can_be(
    database: Database, publisher: PlanPublisher, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.refresh()
    made = credentials.create_key(database, CreateKey(name="app"), now_us=NOW)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publisher_module, "publish", full)
    with pytest.raises(OSError, match="No space"):
        publisher.refresh(keys_changed=True)
    monkeypatch.undo()
    assert publisher.refresh()
    assert [key.key_id for key in read(database.layout.plan).keys] == [made.key_id]


def test_a_prompt_that_appears_after_the_file_named_it_is_picked_up(database: Database, config: Path) -> None:
    clock = [NOW]
    publisher = PlanPublisher(database, config, lambda: load_project(config, {}), clock_us=lambda: clock[0])
    publisher.refresh()
    config.write_text(PROJECT.replace("prompt.md", "later.md"))
    publisher.refresh()
    assert "later.md" in (publisher.refused or "")
    (config.parent / "later.md").write_text("Be brief.")
    clock[0] += RETRY_US
    assert publisher.refresh()
    assert publisher.refused is None


def test_a_change_that_would_move_units_is_refused(database: Database, publisher: PlanPublisher, config: Path) -> None:
    publisher.refresh()
    good = read(database.layout.plan)
    config.write_text(PROJECT.replace("{base: 50, tuned: 50}", "{base: 20, tuned: 80}"))
    publisher.refresh()
    assert read(database.layout.plan) == good
    assert "salt" in (publisher.refused or "")


def test_a_change_that_would_move_units_is_refused_after_a_restart_too(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    publisher.refresh()
    config.write_text(PROJECT.replace("{base: 50, tuned: 50}", "{base: 20, tuned: 80}"))
    again = PlanPublisher(database, config, lambda: load_project(config, {}), clock_us=lambda: NOW)
    again.refresh()
    assert "salt" in (again.refused or "")
    assert publisher.published is not None and again.published == as_written(publisher.published)


def test_a_key_is_revoked_in_the_plan_even_while_the_file_is_broken(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    made = credentials.create_key(database, CreateKey(name="app"), now_us=NOW)
    publisher.refresh()
    config.write_text("version: [")
    credentials.revoke_key(database, made.key_id, now_us=NOW)
    assert publisher.refresh(keys_changed=True)
    assert read(database.layout.plan).keys == ()
    assert publisher.refused is not None


def test_a_new_report_names_the_tested_successor_and_a_damaged_one_stops_no_plan(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    publisher.refresh()
    assert read(database.layout.plan).endings is None
    before = read(database.layout.plan).plan.plan_hash
    config.write_text(PROJECT.replace("model: openai/base,", 'model: openai/base, shutdown_date: "2099-01-01",'))
    publisher.refresh()
    assert read(database.layout.plan).endings == {"base": Ending("2099-01-01")}
    for targets, successor in ((("gone", "tuned"), None), (("tuned", "base"), "tuned")):
        save_report(database.layout, "base", *targets)
        publisher.refresh()
        assert read(database.layout.plan).endings == {"base": Ending("2099-01-01", successor)}
    save_report(database.layout, "unknown", "tuned")
    (database.layout.migrations / "unknown.json").write_text("{")
    assert publisher.refresh()
    assert read(database.layout.plan).endings == {"base": Ending("2099-01-01")}
    config.write_text(PROJECT)
    publisher.refresh()
    published = read(database.layout.plan)
    assert (published.endings, published.plan.plan_hash) == (None, before)


def test_the_headers_that_name_units_are_published_in_lower_case(
    database: Database, publisher: PlanPublisher, config: Path
) -> None:
    config.write_text(f"{PROJECT}gateway: {{unit_headers: [X-OpenWebUI-User-Id]}}\n")
    publisher.refresh()
    assert read(database.layout.plan).unit_headers == ("x-openwebui-user-id",)
