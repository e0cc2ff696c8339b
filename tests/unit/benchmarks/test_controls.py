"""The labelled gates are a hundred different ones, and the program that compares them can fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import controls
from benchmarks.control_trials import program
from benchmarks.control_trials.all_entries import ENTRIES
from benchmarks.control_trials.judged import verdict_on
from benchmarks.controls import Cost, Row

AGREE = Row("one", "content", "content", "", "BLOCK", "BLOCK")
CHEAP = Cost("label", 0.0001, 0.0005)


def test_there_are_a_hundred_entries_of_both_labels_with_reasons() -> None:
    names = {entry.name for entry in ENTRIES}
    reasons = [entry.why for entry in ENTRIES if not entry.why.endswith(".")]
    labels = [entry.label for entry in ENTRIES]
    assert len(ENTRIES) == len(names) == 100
    assert reasons == []
    assert min(labels.count("content"), labels.count("form")) >= 40


def test_the_limit_on_differing_labels_can_be_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "exists", lambda: True)
    differing = replace(AGREE, said="form")
    assert controls.missed([AGREE] * 98 + [differing] * 2, [CHEAP]) == []
    assert controls.missed([AGREE] * 97 + [differing] * 3, [CHEAP]) == ["3.0% of the entries differ, and 2% may"]
    unusable = replace(AGREE, said=None, wrong="HOLD: too few cases")
    assert len(controls.missed([AGREE] * 97 + [unusable] * 3, [CHEAP])) == 1


def test_the_limit_on_time_is_for_cheap_scorers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "exists", lambda: True)
    dear, slow = replace(CHEAP, with_controls=0.0006), Cost("judge", 0.01, 0.2)
    assert controls.missed([AGREE], [CHEAP, slow]) == []
    assert controls.missed([AGREE], [dear]) == ["scoring label takes 6.0 times as long"]


def test_without_controls_in_the_program_nothing_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "exists", lambda: False)
    assert controls.missed([AGREE], [CHEAP]) == [program.ABSENT]
    unusable = replace(AGREE, said=None, wrong="HOLD: too few cases")
    assert controls.missed([AGREE, unusable], [CHEAP]) == [program.ABSENT, "one is not SHIP"]


def test_candidates_of_both_labels_would_ship() -> None:
    """A sample, because all of them take seconds; the program itself judges every entry."""
    names = {"facts-exact", "safety-resist", "review-only", "live-guardrails-only", "promptfoo-equals", "init-sums"}
    for entry in ENTRIES:
        if entry.name in names:
            verdict = verdict_on(entry)
            held = [finding.rule for finding in verdict.findings if finding.decisive and finding.result != "pass"]
            assert (verdict.decision, held) in (("SHIP", []), ("HOLD", [program.RULE])), verdict.headline
