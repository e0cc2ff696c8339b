"""A successor has to be as good as the old model, and several successors share the error rate."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from evaluators.criteria.content_lines import REVIEW_LINE
from evaluators.gate.file import gate_of
from evaluators.gate.judge import judge
from evaluators.migration.successor_lines import broken_lines, migration_gate, own_levels, successor_suite
from evaluators.results.run_table import table_of
from evaluators.suite import ScorerEntry, Suite
from evaluators.trial import Trial
from fairtrial.domain.promises import ALPHA
from fairtrial.domain.verdicts.verdict import Finding, Result, Verdict
from fairtrial_cli.migration.report import Migration, Successor, chosen_successor, no_successor
from tests.fixtures.evaluators.trials import run, suite

NOT_PASSED = "no line that measures what was answered passes"
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


def test_lines_that_the_old_model_breaks_become_not_worse_with_its_level_beside_them() -> None:
    tags = {number: {"language": "de" if number % 2 else "en"} for number in range(120)}
    lines = {
        "qa.accuracy >= 90%": "qa.accuracy not worse than base by 5pp",
        "qa>=95% sure with 50 cases": "qa not worse than base by 5pp with 50 cases",
        "qa.accuracy >= 80% in every language": "qa.accuracy not worse than base by 5pp in every language",
        "qa.f1 >= 90%": "qa.f1 not worse than base by 2pp",
        "qa.f1 better than base by 1pp": "qa.f1 not worse than base by 2pp",
        "latency.p95 <= 50ms": "latency.p95 not worse than base by 20%",
        "qa.accuracy >= 80% sure": "qa.accuracy >= 80% sure",
        "qa.accuracy == 100% in language:de": "qa.accuracy == 100% in language:de",
        "lost == 0": "lost == 0",
        "errors <= 1%": "errors <= 1%",
    }
    of = suite(*list(lines)[:3], "qa.f1 not worse than base by 2pp", *list(lines)[3:], tags=tags)
    old = run(of, "old", [None] * 5 + [float(number % 5 != 0) for number in range(115)])
    broken = list(broken_lines(of, table_of(old), "5pp"))
    levels = {line.line: line.level for line in broken}
    assert levels["qa.accuracy >= 90%"] == "80.0 %" and "qa.accuracy >= 80% sure" not in levels, levels
    made = successor_suite(of, "5pp", broken)
    wanted = {text: by for text, by in lines.items() if text != "qa.f1 better than base by 1pp"}
    replaced = {line.line: line.by for line in broken}
    assert {text: replaced.get(text) or text for text in wanted} == wanted, replaced
    assert len(made.gate) == len(made.gate_lines) == len(set(made.gate))
    sentences = [line.in_words("old") for line in broken]
    assert sentences[0] == "small: qa.accuracy not worse than base by 5pp replaces qa.accuracy >= 90%: old has 80.0 %."
    assert "small: qa.accuracy == 100% in language:de stays, although old has" in sentences[-1], sentences
    own = own_levels(made, made.gate, table_of(old))
    assert own.keys() == {line for line in made.gate if line != "lost == 0"}
    assert (own["qa.accuracy not worse than base by 5pp"], own["errors <= 1%"]) == ("80.0 %", "4.2 %")
    assert own["qa.accuracy not worse than base by 5pp in every language"] == "79.3 % in language:de", own


def test_a_gate_that_cannot_measure_content_requires_reviewed_pairs() -> None:
    forms = replace(suite("errors <= 1%", "refusals not worse than base by 5pp"), entries={})
    for of, required in ((forms, [REVIEW_LINE]), (with_references(forms, "exact"), [REVIEW_LINE]),
                         (with_references(suite("qa >= 90%"), "exact"), []),
                         (with_references(suite("qa >= 90%"), "regex"), [REVIEW_LINE])):  # fmt: skip
        gate, _ = migration_gate("migrate-old", [of])
        assert [text for text, _ in gate.external] == required, of.gate


def with_references(of: Suite, kind: str) -> Suite:
    return replace(of, entries={"qa": ScorerEntry(kind, {})})


def finding(result: Result, rule: str = "qa >= 90%", metric: str = "qa.accuracy") -> Finding:
    return Finding(rule, "small", result, "it is so", metric=metric)


def test_only_a_successor_with_content_that_passes_gets_an_experiment() -> None:
    content = frozenset({("qa >= 90%", "small"), (REVIEW_LINE, "small")})
    review: Result = "cannot tell"
    cases = {
        "ships": ("SHIP", [finding("pass")], ""),
        "undecided": ("HOLD", [finding("pass"), finding("cannot tell", "errors <= 1%", "errors")], ""),
        "form": ("HOLD", [finding("pass"), finding("cannot tell", "negative controls", "")], NOT_PASSED),
        "content undecided": ("HOLD", [finding("cannot tell")], NOT_PASSED),
        "prose": ("HOLD", [finding(review, REVIEW_LINE, "review.preference")], NOT_PASSED),
        "worse": ("BLOCK", [finding("fail")], "no successor may take over"),
    }
    for name, (decision, findings, reason) in cases.items():
        verdict = Verdict("v", 1, "migrate-old", "new", "old", decision, "so", tuple(findings))  # type: ignore[arg-type]
        made = Successor("new", verdict, {}, content)
        report = Migration("old", date(2027, 1, 1), None, [], [made], None)
        assert (chosen_successor([made]) is None) == bool(reason), name
        assert not reason or no_successor(report) == reason, name
        assert made.waits_for_review == (name == "prose")
    assert "have people compare the answers" in no_successor(
        replace(report, reviews=["so"], successors=[replace(made, verdict=replace(verdict, decision="HOLD"))])
    )


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
