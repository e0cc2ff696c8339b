"""The API in depth: traffic over time, cases of runs a page at a time, and what stands around a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.evaluations import verdicts
from gateway.control.background.background_work import BackgroundWork
from tests.fixtures.control.control_app import client
from tests.fixtures.store import samples

MINUTE = 60_000_000


def bring(background: BackgroundWork, events: Sequence[Any]) -> None:
    writer = JournalWriter(background.database.layout.journal, writer="w0")
    for event in events:
        writer.append(event)
    writer.close()
    background.ingest_now()


async def get(background: BackgroundWork, path: str, **query: Any) -> Any:
    async with client(background) as http:
        answer = await http.get(f"/api/{path}", params=query)
    return answer.json() if answer.status_code == 200 else (answer.status_code, answer.json()["error"]["message"])


def visits(count: int) -> list[Any]:
    events: list[Any] = []
    for number in range(count):
        at_us, arm = samples.NOW + number * MINUTE, ("base", "tuned")[number % 2]
        outcomes = {"outcome": "error", "arm_outcome": "failed", "user_outcome": "failed"} if number == 3 else {}
        events.append(samples.request(number, at_us=at_us, latency_ms=100.0 + number, **outcomes))
        events.append(samples.exposure(number, at_us=at_us + 5, assigned=arm, served=arm))
    return events


async def test_traffic_over_time_counts_every_request_once_and_fills_the_gaps(background: BackgroundWork) -> None:
    bring(background, visits(20))
    series = await get(background, "experiments/tuned-vs-base/series")
    slots = series["slots"]
    assert sum(slot["requests"] for slot in slots) == 20
    assert sum(slot["errors"] for slot in slots if slot["variant"] == "tuned") == 1
    assert len(slots) % 2 == 0
    assert len(slots) <= 2 * 60
    assert [slot["latency_p50"] for slot in slots if not slot["requests"]] == [None] * sum(
        not slot["requests"] for slot in slots
    )
    shares = [latency["share"] for latency in series["latencies"] if latency["variant"] == "base"]
    assert shares == sorted(shares)
    assert len(shares) == 13


async def test_an_experiment_without_traffic_has_no_slots_and_an_unknown_one_is_a_404(
    background: BackgroundWork,
) -> None:
    assert (await get(background, "experiments/tuned-vs-base/series"))["slots"] == []
    status, message = await get(background, "experiments/nobody/series")
    assert status == 404
    assert "nobody" in message


def run_of(run_id: str, values: Sequence[float | None]) -> list[Any]:
    events: list[Any] = []
    for number, value in enumerate(values):
        tags = {"kind": ("sum", "capital")[number % 2], "many": f"x\u001f{number}"}
        events.append(samples.case_result(run_id, f"c{number}", output=f"{run_id} says {number}", tags=tags))
        events.append(samples.score(run_id, f"c{number}", value=value))
    return [*events, samples.run(run_id)]


async def test_two_runs_side_by_side_are_counted_filtered_and_paged(background: BackgroundWork) -> None:
    bring(background, [*run_of("new", [1, 0, 1, 0, None]), *run_of("old", [1, 1, 0, 0, 1])])
    ask = {"candidate_run": "new", "baseline_run": "old", "metric": "general.accuracy"}
    page = await get(background, "comparisons/cases", **ask, limit=2)
    assert page["counts"] == {"lost": 1, "gained": 1, "same": 1, "both wrong": 1, "unscored": 1}
    assert [row["case_id"] for row in page["rows"]] == ["c0", "c1"]
    (lost,) = (await get(background, "comparisons/cases", **ask, change="lost"))["rows"]
    assert lost["candidate"]["output"] == "new says 1"
    assert lost["baseline"]["output"] == "old says 1"
    assert lost["baseline"]["scores"][0] == {
        "metric": "general.accuracy",
        "value": 1.0,
        "label": None,
        "expected": None,
        "why": None,
    }
    assert "France" in lost["asked"]
    (pair,) = (await get(background, "comparisons/cases", **ask, case="c3"))["rows"]
    assert pair["change"] == "both wrong"
    assert (await get(background, "comparisons/cases", **ask, change="other"))[0] == 400


async def test_cases_of_one_run_are_found_by_text_and_counted(background: BackgroundWork) -> None:
    bring(background, run_of("new", [1, 0, 1]))
    cases = await get(background, "runs/new/cases", text="SAYS 2")
    assert cases["total"] == 1
    assert cases["rows"][0]["scores"][0]["value"] == 1.0
    refused = await get(background, "runs/new/cases", outcome="refused")
    assert (refused["total"], refused["rows"]) == (0, [])
    assert (await get(background, "runs/none/cases"))[0] == 404


async def test_a_run_in_figures_has_its_slices_and_leaves_tags_that_are_ids_out(background: BackgroundWork) -> None:
    bring(background, run_of("new", [1, 0, 1, 0] * 30))
    figures = await get(background, "runs/new/figures")
    assert figures["used"]["results"] == 120
    assert figures["used"]["cost_usd"] is None
    assert figures["metrics"] == ["general.accuracy"]
    assert figures["signals"] == []
    rows = (await get(background, "runs/new/slices"))["rows"]
    assert [(row["tag"], row["value"], row["mean"], row["scored"]) for row in rows] == [
        ("kind", "capital", 0.0, 60),
        ("kind", "sum", 1.0, 60),
    ]


async def test_a_run_has_the_level_of_each_signal_over_the_cases_that_have_it(background: BackgroundWork) -> None:
    values = [("c0", 0, 1.0), ("c1", 0, 0.0), ("c1", 1, 1.0), ("c2", 0, None)]
    signals = [
        samples.score("new", case, repeat=repeat, metric="signals.refused", value=value)
        for case, repeat, value in values
    ]
    bring(background, [*signals, *run_of("new", [1, 0, 1])])
    figures = await get(background, "runs/new/figures")
    assert figures["signals"] == [{"metric": "signals.refused", "mean": 0.75, "cases": 2}]


async def test_what_stands_around_a_verdict_can_be_drawn_and_taken_away(background: BackgroundWork) -> None:
    gap = Estimate(-0.1, -0.16, -0.04, 0.9, 120, "Tango")
    compared = Comparison("general.accuracy", "", 0.2, 0.3, gap, "cannot tell", 3, 15, 120)
    finding = Finding(
        "general.accuracy not worse than base by 5pp", "general", "cannot tell", "it fell", "", "general.accuracy"
    )
    with_evidence = Finding(**{name: getattr(finding, name) for name in finding.__slots__} | {"evidence": compared})
    verdict = Verdict(
        "v7", samples.NOW, "release", "tuned", "base", "HOLD", "Hold", (with_evidence,), ("run-1", "gone")
    )
    bring(background, [samples.case_result(), samples.score(), samples.run()])
    verdicts.save(background.database, verdict, actor="key ci")
    around = await get(background, "verdicts/v7/around")
    assert [run["run_id"] for run in around["runs"]] == ["run-1"]
    assert around["saved"]["actor"] == "key ci"
    (figure,) = around["figures"]
    assert (figure["kind"], figure["unit"], figure["limit"], figure["better"]) == (
        "difference",
        "points",
        -5.0,
        "higher",
    )
    assert round(figure["low"], 6) == -16
    for form, ending in (("json", "json"), ("junit", "xml"), ("markdown", "md")):
        report = await get(background, f"verdicts/v7/reports/{form}")
        assert report["file"] == f"verdict-v7.{ending}"
        assert "it fell" in report["text"]
    assert (await get(background, "verdicts/v7/reports/other"))[0] == 400
    assert (await get(background, "verdicts/none/around"))[0] == 404
