"""Recomputing a verdict names every look that does not repeat, and every rate that its own evidence contradicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from evaluators.gate import evidence
from evaluators.gate.live_evidence import Rate, contradictions
from fairtrial.api.verdict_answers import Recomputation
from fairtrial.domain.errors import Conflict
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.store.evaluations import verdict_chain
from gateway.control.verdicts.recompute import recompute
from gateway.control.verdicts.release.release_record import integrity
from tests.fixtures.control.judged_trial import JudgedTrial
from tests.fixtures.for_each import for_each

Shipped = tuple[JudgedTrial, Verdict]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    trial = JudgedTrial.with_traffic_and_runs(tmp_path_factory.mktemp("judged"), 400)
    yield trial, trial.judge()
    trial.close()


def changed(shipped: Shipped, *statements: str) -> Recomputation:
    """The recomputation after SQL, which is undone."""
    trial, verdict = shipped
    with trial.database.transaction() as cursor:
        cursor.execute("CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM looks")
        for sql in statements:
            cursor.execute(sql)
    found = recompute(trial.database, verdict.verdict_id)
    with trial.database.transaction() as cursor:
        cursor.execute("DELETE FROM looks")
        # by hand: rows of the product, put back after a change
        cursor.execute("INSERT INTO looks SELECT * FROM temp.kept")
    return found


def test_an_unchanged_verdict_is_the_same(shipped: Shipped) -> None:
    found = changed(shipped)
    assert (found.result, found.same, found.differences) == ("THE SAME", True, ())


@for_each(
    "assignment",
    (
        "finding = replace(finding, '\"better\"', '\"worse\"')",
        "finding = '{}'",
        "finding = 'no json'",
        "control_sums = replace(control_sums, '\"n\": 1', '\"n\": 2'), treatment_sums = '[1]'",
        "metric = 'feedback.other'",
    ),
)
def test_a_look_that_does_not_repeat_is_named(shipped: Shipped, assignment: str) -> None:
    found = changed(shipped, f"UPDATE looks SET {assignment} WHERE number = 3 AND metric = 'feedback.resolved'")
    assert (found.result, found.same) == ("CHANGED", False)
    assert any("look 3 of tuned-vs-base does not repeat" in one for one in found.differences), found.differences


def test_weeks_that_do_not_repeat_are_named(shipped: Shipped) -> None:
    weeks = 'UPDATE looks SET treatment_sums = replace(treatment_sums, \'"over_time": {"weeks": [{"n"\', \'{}\')'
    found = changed(
        shipped, weeks.replace("{}", '"over_time": {"weeks": [{"n": 1, "m"') + " WHERE metric = 'feedback.resolved'"
    )
    assert found.result == "CHANGED"


def test_each_of_many_is_named(shipped: Shipped) -> None:
    found = changed(
        shipped, "UPDATE looks SET finding = replace(finding, '\"value\": ', '\"value\": 1') WHERE number > 1"
    )
    (looks,) = found.looks
    assert looks.different == tuple(range(2, looks.stored + 1)) and looks.repeated == 1
    assert len(found.differences) == looks.stored - 1


def test_a_look_that_is_gone_is_a_change(shipped: Shipped) -> None:
    found = changed(shipped, "DELETE FROM looks WHERE number = 2")
    assert found.result == "CHANGED"
    assert any("looks at tuned-vs-base are stored, and the verdict judged" in one for one in found.differences)


def test_a_verdict_of_earlier_rules_still_verifies_and_is_not_computed_again(
    shipped: Shipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, _ = shipped
    monkeypatch.setattr(evidence, "RULES", 4)  # the number that release 0.3.0 wrote
    earlier = trial.judge()
    monkeypatch.undo()
    with pytest.raises(Conflict, match=r"its rules \(number 4\) are no longer computed; fairtrial 0.3.0 computes them"):
        recompute(trial.database, earlier.verdict_id)
    assert integrity(trial.database, earlier.verdict_id).intact


def evidence_with(shipped: Shipped, scale: Any) -> list[str]:
    """What contradicts the sums if each rate has another number of requests or ratings."""
    trial, verdict = shipped
    stored = verdict_chain.evidence_of(trial.database, verdict.verdict_id)
    assert stored is not None
    live = evidence.decode(stored).live
    rates = {metric: (scale(new), scale(old)) for metric, (new, old) in live.rates.items()}
    return list(contradictions(replace(live, rates=rates)))


def test_a_rate_that_counts_two_segments_contradicts_the_sums(shipped: Shipped) -> None:
    doubled: list[str] = evidence_with(shipped, lambda rate: replace(rate, n=2 * rate.n))
    assert len(doubled) == 4 and any("live feedback.resolved says 90.4 % of 394 ratings" in one for one in doubled)
    assert all("the sums of tuned-vs-base in the same evidence" in one for one in doubled)


def test_a_rate_that_counts_fewer_than_the_sums_contradicts_them(shipped: Shipped) -> None:
    (says,) = evidence_with(shipped, lambda rate: replace(rate, n=rate.n // 2))
    assert says.startswith("live feedback.resolved") and "197 units that rated" in says


def test_some_requests_since_the_last_look_are_no_contradiction(shipped: Shipped) -> None:
    assert evidence_with(shipped, lambda rate: replace(rate, n=rate.n + 40)) == []


def test_recompute_fails_on_such_a_rate(shipped: Shipped, monkeypatch: pytest.MonkeyPatch) -> None:
    trial, _ = shipped
    from gateway.control.verdicts import live_evidence

    rates = {"feedback.resolved": (Rate(0.276, 847, "ratings"), Rate(0.25, 901, "ratings"))}
    monkeypatch.setattr(live_evidence, "live_rates", lambda *_: rates)
    found = recompute(trial.database, trial.judge().verdict_id)
    assert found.result == "CHANGED" and all(line.same for line in found.lines)
    (says,) = found.differences
    assert says.startswith("live feedback.resolved says 27.6 % of 847 ratings, baseline 25.0 % of 901 ratings, but")


def test_unequally_lost_records_are_repeated_from_the_looks(shipped: Shipped, caplog: pytest.LogCaptureFixture) -> None:
    trial, _ = shipped
    trial.lose(20, "tuned")
    trial.live_traffic(1)
    assert "the records of some requests were lost: 0 of base, 20 of tuned" in caplog.text
    assert "its arms can't be compared: records were lost unequally" in caplog.text
    verdict = trial.judge()
    assert verdict.decision == "INVALID"
    assert any(
        "lost the records of unequally many users (base 0 requests; tuned 20" in one.says for one in verdict.findings
    )
    assert changed((trial, verdict)).result == "THE SAME"
    without = changed((trial, verdict), "UPDATE looks SET split = replace(split, '[20, 20]', '[0, 0]')")
    assert any("does not repeat" in one for one in without.differences), without.differences
