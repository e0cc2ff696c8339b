"""Each page of the dashboard on a real control plane: empty, filled, by links, and with hostile text in it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from dashboard.components.formatting import plain
from fairtrial.api.experiments import ChangeExperiment, change
from fairtrial.config.layout import Layout
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.domain.verdicts.verdict import ControlledLine, Finding, NegativeControls, Verdict
from fairtrial.journal.writer import JournalWriter
from fairtrial_cli.experiment_states import status
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.dashboard.markup import drawn_markup, drawn_tables
from tests.fixtures.dashboard.migration_report import PIECE, save_report
from tests.fixtures.dashboard.opened_page import cells, opened, words
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import client_reads, samples
from tests.fixtures.store.stored_verdict import store_verdict
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

HOSTILE = "<img src=x onerror=alert(1)> ![x](http://example.invalid/b.png) **bold** $x^2$"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedServices]:
    yield from running(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedServices]:
    folder = tmp_path_factory.mktemp("filled")
    store_verdict(Layout(folder / "fairtrial.duckdb"), verdict())
    for services in running(folder):
        fill(services)
        yield services


def running(folder: Path) -> Iterator[ForkedServices]:
    with FakeUpstream() as upstream:
        project = write_project(folder, upstream=upstream.url.removesuffix("/v1"), workers=1)
        with ForkedServices(project, workers=1, dashboard=False) as services:
            yield services


def fill(services: ForkedServices) -> None:
    """Three runs of twelve cases, and traffic of both variants, in which request 4 is the retry of 2, which failed."""
    writer = JournalWriter(services.project.layout.journal, writer="test")
    for run_id, target, right in (("new", "tuned", 8), ("old", "base", 10), ("newer", "tuned-2", 12)):
        for number in range(12):
            words = HOSTILE if number == 0 else f"{target} says {number}"
            tags = {"kind": ("sum", "capital")[number % 2]}
            writer.append(samples.case_result(run_id, f"c{number}", output=words, tags=tags, cluster=None))
            writer.append(samples.score(run_id, f"c{number}", value=float(number < right)))
        writer.append(samples.run(run_id, target=target, suite="general", metrics={"general.accuracy": right / 12}))
    an_hour_ago = time.time_ns() // 1000 - HOUR_US
    for number in range(40):
        arm = ("base", "tuned")[number % 2]
        at_us = an_hour_ago + number * 60_000_000
        failed = {"arm_outcome": "failed", "user_outcome": "failed"} if number == 2 else {}
        retry = {"retry_ordinal": int(number == 4)}
        writer.append(samples.request(number, at_us=at_us, latency_ms=100.0 + number, **failed, **retry))
        reason = "no_unit" if number == 39 else "assigned"
        enrolled = number != 39
        more = {"assigned": arm, "served": arm, "reason": reason, "enrolled": enrolled} | retry
        more |= {"unit": "u-2"} if number == 4 else {}
        writer.append(samples.exposure(number, at_us=at_us, **more))
        writer.append(samples.feedback(number, at_us=at_us + 1, boolean=number % 3 == 0))
    writer.close()
    with open_store(services.project.layout) as owner:
        client_reads.ingest(owner)


def verdict() -> Verdict:
    """A verdict with every kind of finding."""
    gap = Estimate(-0.17, -0.3, -0.02, 0.9, 12, "Tango")
    compared = Comparison("general.accuracy", "", 0.67, 0.83, gap, "cannot tell", 0, 2, 12)
    level = Estimate(0.67, 0.4, 0.86, 0.95, 12, "Wilson")
    findings = (
        Finding("general.accuracy not worse than base by 5pp", "general", "cannot tell", HOSTILE, "more cases",
                "general.accuracy", "", compared),
        Finding("general.accuracy >= 50%", "general", "pass", "it is 67 %", "", "general.accuracy", "", level),
        Finding("live.errors", "live", "cannot tell", "shown only", decisive=False),
    )  # fmt: skip
    controls = NegativeControls((ControlledLine("errors <= 1%", "general", "neither"),), "SHIP", "SHIP")
    return Verdict(
        "v1", samples.NOW, "release", "tuned", "base", "HOLD", "HOLD tuned", findings, ("new", "old"),
        controls=controls, shown="tuned against base: general (general.accuracy; 12 cases)", not_shown="cost",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("experiment", "No traffic of enrolled units"),
        ("runs", "fairtrial eval"),
        ("gate", "fairtrial gate"),
        ("data_audit", "fairtrial data audit --deployment"),
        ("migration", "No deployment has a known last day"),
        ("cost", "No requests of the experiment"),
    ],
)
def test_an_empty_page_says_what_to_do_next(
    empty: ForkedServices, monkeypatch: pytest.MonkeyPatch, path: str, says: str
) -> None:
    assert says in words(opened(empty, monkeypatch, path))


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        ("runs", {"run": "../../keys"}, "This run does not exist"),
        ("runs", {"run": "nobody", "against": "old"}, "This run does not exist"),
        ("gate", {"verdict": HOSTILE}, "This verdict does not exist"),
        ("data_audit", {"audit": HOSTILE}, "This audit does not exist"),
        ("experiment", {"experiment": "tuned-vs-bass"}, "This experiment does not exist"),
        ("experiment", {"experiment": HOSTILE}, "This experiment does not exist"),
    ],
)
def test_an_unknown_name_in_the_address_is_reported_and_leads_back(
    filled: ForkedServices, monkeypatch: pytest.MonkeyPatch, path: str, query: dict[str, str], says: str
) -> None:
    page = opened(filled, monkeypatch, path, **query)
    assert says in words(page)
    assert [button.label.partition(" ")[0] for button in page.button] == ["All"]


def test_a_filter_of_the_address_that_is_not_known_is_named_and_counts_for_none(
    filled: ForkedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(filled, monkeypatch, "experiment", window="ever")
    assert page.selectbox[1].value == "week"
    assert page.warning[0].value == "Period: there is no ever."


def test_the_status_of_an_experiment_shows_errors_per_try_and_per_call(filled: ForkedServices) -> None:
    ran = CliRunner().invoke(status, ["tuned-vs-base", "--config", str(filled.project.path)])
    assert ran.exit_code == 0, ran.output
    assert (
        "    base: 1 of 20 tries (5.0 %), 0 of 19 calls (0.0 %); "
        "users saw 1 of 20 tries (5.0 %), 0 of 19 calls (0.0 %)\n"
        "    tuned: 0 of 19 tries (0.0 %), 0 of 19 calls (0.0 %); users saw "
    ) in ran.output
    ran = CliRunner().invoke(status, ["tuned-vs-base", "--config", str(filled.project.path), "--json"])
    assert [row["failed_tries"] for row in json.loads(ran.output)["errors"]] == [1, 0]


def test_an_experiment_shows_each_variant_marks_plain_rates_and_raises_the_alarm(
    filled: ForkedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(filled, monkeypatch, "experiment")
    shown = {row[""]: (row["base (control)"], row["tuned"]) for row in drawn_tables(page)[0]}
    assert shown["requests"] == ("20", "19")
    assert shown["variant errors"] == ("1 (5.0 %)", "0 (0.0 %)")
    assert shown["variant errors per client call"] == ("0 (0.0 %)", "0 (0.0 %)")
    assert shown["errors seen by users per client call"] == ("0 (0.0 %)", "0 (0.0 %)")
    assert shown["latency p50"] == ("119 ms", "119 ms")
    assert shown["cost"][0].startswith("unknown")
    assert "Plain rates" in words(page)
    assert "1 request (2.5 %) had no unit" in words(page)


def test_an_experiment_says_whether_its_units_came_by_the_planned_split(
    filled: ForkedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "checked from the first unit on. 38 units that came only under an earlier configuration" in words(
        opened(filled, monkeypatch, "experiment")
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {},
            [
                "No sample-ratio mismatch so far: 5,012 / 4,988 units (base / tuned), ",
                "planned 50 % / 50 % (p > 0.99 over",
                "p = 0.81",
            ],
        ),
        (
            {"p_fixed": None, "earlier": 1},
            ["so far).", "1 unit that came only under an earlier configuration is not counted"],
        ),
        ({"more": True}, ["Only the first 10,000 units are tested"]),
        ({"more": True, "invalid": True, "crossed_at": 9}, ["Sample-ratio mismatch", "Only the first 10,000 units"]),
        ({"invalid": True, "p": 1e-9, "crossed_at": 1200}, ["Sample-ratio mismatch", "p < 0.0001", "at unit 1,200"]),
    ],
)
def test_the_split_is_one_sentence_or_an_error(changed: dict[str, Any], says: list[str]) -> None:
    srm = {
        "arms": [
            {"variant": "base", "units": 5012, "planned": 0.5},
            {"variant": "tuned", "units": 4988, "planned": 0.5},
        ],
        "units": 10_000,
        "earlier": 0,
        "p": 1.0,
        "p_fixed": 0.81,
        "crossed_at": None,
        "invalid": False,
        "more": False,
        "alpha": 0.01,
    }
    page = AppTest.from_string(
        "import msgspec\nfrom dashboard.experiments.alarms import render_srm\n"
        "from fairtrial.api.experiment_traffic import SplitCheck\n"
        f"render_srm(msgspec.convert({srm | changed!r}, SplitCheck))",
        default_timeout=PATIENCE,
    ).run()
    assert not page.exception
    assert len(page.error) == int(changed.get("invalid", False))
    assert all(one in words(page) for one in says)


def test_runs_are_filtered_by_the_address(filled: ForkedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    page = opened(filled, monkeypatch, "runs", target="tuned")
    assert [row["target"] for row in cells(page)] == ["tuned"]


def test_a_run_shows_scores_outcomes_and_slices(filled: ForkedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    page = opened(filled, monkeypatch, "runs", run="new")
    assert cells(page)[0]["metric"] == "general.accuracy"
    assert "general on tuned" in words(page)
    assert {row["kind"] for row in cells(page, 2)} == {"sum", "capital"}
    assert "12 matching cases" in words(page)


def test_two_runs_are_compared_with_intervals_and_case_by_case(
    filled: ForkedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(filled, monkeypatch, "runs", run="new", against="old", change="lost")
    (row,) = [row for row in cells(page) if row["metric"] == "general.accuracy"]
    assert (row["baseline"], row["candidate"], row["difference"]) == ("83.3 %", "66.7 %", "−16.7")
    assert "to" in row["95 % interval"]
    assert (row["answer"], row["rule"]) == ("cannot tell", "interval and p")
    assert "better or worse if the 95 % interval of the paired difference excludes 0 and p ≤ 0.05" in words(page)
    assert page.selectbox(key="choose-metric").value == "general.accuracy"
    assert page.query_params["change"] == "lost"


def test_several_runs_are_compared_with_one_baseline(filled: ForkedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    page = opened(filled, monkeypatch, "runs", run=["new", "newer"], against="old", by="kind")
    assert "2 runs against one" in words(page)
    rows = {(row["metric"], row["in"]): row for row in cells(page)}
    overall = rows["general.accuracy", ""]
    assert overall["base"] == "83.3 %"
    assert (overall["tuned"], overall["tuned-2"]) == ("66.7 % (−16.7, cannot tell)", "100.0 % (+16.7, cannot tell)")
    assert {scope for _, scope in rows} == {"", "kind:capital", "kind:sum"}
    assert [row["run"] for row in cells(page, 1)] == ["base", "tuned", "tuned-2"]
    assert "No case is worse by" in words(page)
    (error,) = opened(filled, monkeypatch, "runs", run=["new", "nothing"], against="old").warning
    assert "does not exist" in error.value


def test_a_verdict_shows_its_findings_runs_and_the_command_to_judge_again(
    filled: ForkedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(filled, monkeypatch, "gate", verdict="v1")
    said = words(page)
    assert "not yet: not enough evidence" in said
    assert "saved by" in said
    assert "more cases" in said
    shown = "Shown: tuned against base: general (general.accuracy; 12 cases)."
    for line in ("Controls: shuffled SHIP, empty SHIP.", shown, "Not shown: cost."):
        assert plain(line) in said
    assert "fairtrial gate release.gate.yaml --candidate tuned --baseline base --run" in said
    findings = drawn_tables(page)[0]
    assert [row["result"] for row in findings] == ["? cannot tell", "✓ pass", "· shown"]
    assert findings[0]["finding"] == HOSTILE
    assert HOSTILE not in drawn_markup(page)


def test_an_experiment_shows_its_state_in_a_sentence_its_transitions_and_what_is_possible(
    empty: ForkedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(empty, monkeypatch, "experiment")
    assert "Running" in words(page)
    assert _changes(page) == ["Amend", "Pause", "Promote", "Stop", "End", "Roll back"]
    with open_store(empty.project.layout) as owner:
        owner.call(change, ChangeExperiment(name="tuned-vs-base", action="kill", why=f"answers in French {HOSTILE}"))
    page = opened(empty, monkeypatch, "experiment")
    assert "STOPPED" in words(page)
    assert f"Answers in French {HOSTILE}" in words(page)
    assert HOSTILE not in drawn_markup(page)
    assert [(row["action"], row["segment"]) for row in drawn_tables(page)[0]] == [("Stop", "1")]
    assert _changes(page) == ["Start again", "End"]


def test_an_archived_experiment_is_shown_under_its_name_alone(
    empty: ForkedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(empty.project.layout) as owner:
        for action in ("end", "archive"):
            owner.call(change, ChangeExperiment(name="tuned-vs-base", action=action, why="the quarter is over"))
    assert "No experiments yet" in words(opened(empty, monkeypatch, "experiment"))
    page = opened(empty, monkeypatch, "experiment", experiment="tuned-vs-base")
    assert page.selectbox[0].value == "tuned-vs-base"
    assert "It is archived" in words(page) and "The quarter is over" in words(page)
    assert [row["action"] for row in drawn_tables(page)[0]][:2] == ["Archive", "End"]


def _changes(page: AppTest) -> list[str]:
    return [button.label for button in page.button if (button.key or "").startswith("state-")]


def test_the_cost_page_shows_each_variant_and_the_same_traffic_at_another_price(
    filled: ForkedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(filled, monkeypatch, "cost", name="tuned-vs-base", price="base")
    for text in ("US dollars a request", "Tokens a request", "The same traffic at the price of base"):
        assert text in words(page)
    costs = {row["variant"]: row for table in drawn_tables(page) for row in table if "pending" in row}
    assert set(costs) == {"base", "tuned"}
    assert all(int(row["requests"]) > 0 for row in costs.values())


def test_a_migration_shows_verdicts_amounts_the_baseline_and_the_experiment(
    filled: ForkedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_report(filled.project.layout, "base", "tuned", "tuned-2")
    page = opened(filled, monkeypatch, "migration")
    shown = words(page)
    for text in (
        "SHIP tuned: is not worse",
        "Notable: tickets: refusals rose",
        "3 erased cases left out on both sides",
        "1,200 users and 12 days",
        "fairtrial check fairtrial.migrate-base.yaml",
        "fairtrial migrate base tuned tuned-2",
        PIECE.strip(),
        "Each of 2 successors is judged at 5 % / 2",
        "Its last day is unknown",
        "kind.accuracy not worse than base by 5pp replaces",
    ):
        assert text in shown or plain(text) in shown, text
    assert [(row["what"], row["base"], row["tuned"]) for row in drawn_tables(page)[1]] == [
        ("cost", "$0.0421", "$0.0012"),
        ("output tokens", "1,234", "1,234"),
        ("median latency", "840 ms", "840 ms"),
        ("p95 latency", "2,300 ms", "2,300 ms"),
    ]
    assert HOSTILE not in drawn_markup(page)
