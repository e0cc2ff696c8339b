"""Which deployments end, in the order of their last days, each with the newest report of a migration."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.api.migrations import EndingDeployment, listing
from fairtrial.api.operation import Nothing
from fairtrial.config.project import Project
from fairtrial.domain.errors import StoreError
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.dashboard.migration_report import save_report
from tests.fixtures.services.projects import ENVIRON, project


def ending(of: Project) -> list[EndingDeployment]:
    with open_store(of.layout, of.path) as store:
        return list(store.call(listing, Nothing()))


def test_the_earliest_day_is_first_and_a_report_needs_no_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_KEY", ENVIRON["CLOUD_KEY"])
    of = project(
        tmp_path,
        ("parent: base}", 'parent: base, shutdown_date: "2020-01-01"}'),
        ("gpu_hour: 2.10}}", 'gpu_hour: 2.10}, shutdown_date: "2099-01-01"}'),
    )
    save_report(of.layout, "base", "tuned", "cloud")
    save_report(of.layout, "gone/v1", "tuned")
    rows = {row.deployment: row for row in ending(of)}
    assert [name for name in rows if name != "cloud"] == ["tuned", "base", "gone/v1"]
    assert (rows["tuned"].last_day, rows["tuned"].report) == ("2020-01-01", None)
    left = rows["tuned"].days_left
    assert left is not None and left < 0
    assert rows["tuned"].serves == ("the route support-bot (tuned-vs-base)",)
    assert "base ends on 2099-01-01" in str(rows["base"].countdown)
    report = rows["base"].report
    assert report is not None and [successor.target for successor in report.successors] == ["tuned", "cloud"]
    assert (rows["gone/v1"].model, rows["gone/v1"].last_day) == (None, None)


def test_a_damaged_report_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_KEY", ENVIRON["CLOUD_KEY"])
    of = project(tmp_path)
    save_report(of.layout, "base", "tuned")
    (of.layout.migrations / "base.json").write_text("{")
    with pytest.raises(StoreError, match=r"base\.json: the report of a migration can't be read"):
        ending(of)
