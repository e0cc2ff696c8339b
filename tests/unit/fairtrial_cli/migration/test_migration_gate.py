"""A successor has to be as good as the old model, and several successors share the error rate."""

from __future__ import annotations

from dataclasses import replace

from evaluators.gate.file import gate_of
from evaluators.gate.judge import judge
from evaluators.trial import ALPHA, Trial
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial_cli.migration.successors import migration_gate, successor_suite
from tests.fixtures.evaluators.trials import run, suite

DAY_US = 86_400_000_000


def test_better_becomes_not_worse_and_a_suite_without_comparison_gets_one() -> None:
    own = suite("qa.accuracy better than base", "qa.f1 not worse than base by 2pp", "errors <= 1%")
    floors = suite("qa.accuracy >= 80%")
    assert successor_suite(own, "5pp").gate == (
        "qa.accuracy not worse than base by 5pp",
        "qa.f1 not worse than base by 2pp",
        "errors <= 1%",
    )
    made = successor_suite(floors, "3pp")
    assert made.gate == ("qa.accuracy >= 80%", "qa.accuracy not worse than base by 3pp")
    assert len(made.gate_lines) == len(made.gate) and made.digest == floors.digest
    gate, _ = migration_gate("migrate-old", [made])
    assert (gate.name, [rule.text for rule in gate.rules]) == ("migrate-old", list(made.gate))


def verdict(successors: int, **more: object) -> Verdict:
    of = suite("qa.accuracy not worse than base by 5pp", n=120)
    new = run(of, "new", [0.0] * 3 + [1.0] * 117)
    old = run(of, "old", [1.0] * 3 + [0.0] * 3 + [1.0] * 114)
    trial = Trial("new", "old", lambda _, target: {"new": new, "old": old}[target], alpha=ALPHA / successors)
    return judge(gate_of(of), replace(trial, **more), verdict_id="v", at_us=0)


def test_what_passes_alone_is_undecided_among_eight() -> None:
    alone, among = verdict(1), verdict(8)
    assert (alone.decision, among.decision) == ("SHIP", "HOLD")
    assert "one-sided 95 % bounds" in alone.findings[0].says
    assert "one-sided 99.38 % bounds" in among.findings[0].says
    assert alone.odds is not None and among.odds is None


def test_a_kept_baseline_never_grows_old() -> None:
    late = {"now_us": 400 * DAY_US, "max_age_seconds": 14 * 86_400.0}
    old = verdict(1, **late)
    assert old.decision == "HOLD" and "days old" in old.findings[0].says
    assert verdict(1, **late, kept=frozenset({"run-old", "run-new"})).decision == "SHIP"
