"""A verdict that would be SHIP is judged again on answers of other cases and on empty ones."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.control_trials import evidence as evidence_of_people
from benchmarks.control_trials.all_entries import ENTRIES
from benchmarks.control_trials.entry import Primary
from evaluators.engine.controls import with_controls
from evaluators.engine.scoring import metrics_of, score_case, versions_of
from evaluators.engine.signal_scorer import Signals
from evaluators.gate.evidence import Evidence, GivenSuite, decode, encode
from evaluators.gate.file import Gate, of_text
from evaluators.gate.judge import judge, judge_again
from evaluators.gate.live_evidence import LiveEvidence, LiveExperiment
from evaluators.loading.scorers import SCORERS
from evaluators.loading.suite_text import text_of
from evaluators.results.run_table import RunTable, table_of
from evaluators.suite import ScorerEntry, Suite, with_digest
from evaluators.trial import Trial
from fairtrial.domain.run import STATISTICAL_DETAILS, Answer, Case, Run
from fairtrial.domain.verdicts import verdict_json
from fairtrial.domain.verdicts.verdict import ControlledLine, NegativeControls, Verdict
from fairtrial.domain.verdicts.verdict_wording import controls_words, scope_lines

LABELS = ["red", "green", "blue"]
LABEL = "label", {"of": LABELS}
ALIKE = ENTRIES[0]
PROSE = [f"the {at} of {at + 1} is near {at * 7}" for at in range(40)]
ANSWERS: dict[str, Callable[[int, str], str]] = {
    "right": lambda _, expected: expected,
    "garbage": lambda _, __: "purple monkey dishwasher",
}


def suite(
    *lines: str,
    scorer: tuple[str, dict[str, object]] = LABEL,
    expected: Sequence[str] = tuple(LABELS[at % 3] for at in range(60)),
) -> Suite:
    kind, options = scorer
    cases = tuple(
        Case(f"c{at}", ({"role": "user", "content": f"question {at}"},), text) for at, text in enumerate(expected)
    )
    built = SCORERS.get(kind.replace("_", "-")).build(options, kind)
    made = Suite(
        "colours", "regression", Path("colours.yaml"), "", cases, {"temperature": 0}, (built,), gate=lines,
        gate_lines=tuple(range(1, len(lines) + 1)), entries={kind: ScorerEntry(kind, options)},
    )  # fmt: skip
    return with_digest(made)


def run(of: Suite, target: str, answer: Callable[[int, str], str]) -> Run:
    """A run of the suite as the engine makes it, with these answers."""
    signals = Signals(of)
    results = with_controls(
        of,
        [
            score_case(of, case, 0, Answer(answer(at, str(case.expected)), finish_reason="stop"), signals=signals)
            for at, case in enumerate(of.cases)
        ],
    )
    versions = versions_of(of)
    return Run(
        f"run-{target}", of.name, of.digest, target, "d", None, 0, 1, 0, metrics_of(of, results), versions,
        ended_us=1, results=results,
    )  # fmt: skip


def base(at: int, expected: str) -> str:
    """Right in all cases but five."""
    return "red, I think" if at % 12 == 0 else expected


def evidence(of: Suite, answer: Callable[[int, str], str], keys: str = "") -> Evidence:
    text = f"version: 1\ngate: colours\nsuites: [colours]\n{keys}"
    answers = {"tuned": answer, "base": base}
    runs = {("colours", target): table_of(run(of, target, answers[target])) for target in answers}
    given = (GivenSuite("colours", "colours", "colours.yaml", text_of(of)),)
    return Evidence(gate_text=text, candidate="tuned", baseline="base", at_us=1, suites=given, runs=runs)


def judged(of: Suite, answer: Callable[[int, str], str] = ANSWERS["right"], keys: str = "") -> Verdict:
    return judge_again(evidence(of, answer, keys), "v")


def kinds(verdict: Verdict) -> list[str]:
    assert verdict.controls is not None
    return [line.kind for line in verdict.controls.lines]


def test_a_gate_that_measures_answers_ships_and_says_what_it_would_have_blocked() -> None:
    verdict = judged(suite("label.accuracy >= 80%", "errors <= 1%"))
    assert verdict.decision == "SHIP"
    assert kinds(verdict) == ["content"]
    assert scope_lines(verdict)[0] == "Controls: shuffled BLOCK, empty BLOCK."


def test_garbage_is_held_where_only_errors_are_limited() -> None:
    verdict = judged(suite("errors <= 1%", "refusals <= 5%"), ANSWERS["garbage"])
    assert verdict.decision == "HOLD"
    assert "would also ship answers to other questions" in verdict.headline
    held = next(finding for finding in verdict.findings if finding.rule == "negative controls")
    assert (held.decisive, held.result) == (True, "cannot tell")
    assert "with 20 pairs" in held.needed
    assert scope_lines(verdict)[0] == "Controls: shuffled SHIP, empty SHIP."


def test_a_gate_may_say_why_it_measures_form_only() -> None:
    verdict = judged(suite("errors <= 1%"), ANSWERS["garbage"], "form_only: it watches a formatter\n")
    assert verdict.decision == "SHIP"
    assert "Form only: it watches a formatter." in scope_lines(verdict)


@pytest.mark.parametrize(
    ("of", "kind"),
    [
        (suite("label.macro_f1 >= 0.8"), "content"),
        (suite("label not worse than base by 5pp"), "content"),
        (suite("label.off_label <= 5%"), "form"),
        (suite("refusals <= 5%"), "neither"),
        (suite("label >= 85%", expected=["red"] * 95 + ["green"] * 5), "form"),
        (suite("label.macro_f1 >= 0.8", expected=["red"] * 95 + ["green"] * 5), "content"),
        (suite("label >= 90%", expected=["red"] * 40), "form"),
        (suite("label >= 90%", expected=[LABELS[at % 3] for at in range(19)]), "form"),
        (suite("label >= 90%", expected=[LABELS[at % 3] for at in range(20)]), "content"),
        (suite("lost == 0"), "content"),
        (suite("regex >= 90%", scorer=("regex", {"match": "[a-z]"})), "form"),
        (suite("regex >= 90%", scorer=("regex", {"match": ".*"})), "neither"),
        (suite("bleu.corpus >= 20", scorer=("bleu", {}), expected=PROSE), "content"),
    ],
)  # fmt: skip
def test_a_line_is_content_form_or_neither(of: Suite, kind: str) -> None:
    verdict = judged(of)
    assert kinds(verdict) == [kind]
    assert verdict.decision == ("SHIP" if kind == "content" else "HOLD")


@pytest.mark.parametrize("count", [1, 12])
def test_a_gate_on_few_cases_is_not_said_to_ship_answers_to_other_questions(count: int) -> None:
    verdict = judged(suite("label >= 90%", expected=[LABELS[at % 3] for at in range(count)]))
    assert (verdict.decision, kinds(verdict)) == ("HOLD", ["form"])
    assert "no line shows on 20 cases that it stops answers to other questions" in verdict.headline
    assert "would also ship" not in verdict.headline


def test_a_line_that_passes_on_all_cases_measures_content_on_the_few_that_have_controls() -> None:
    of = suite("label >= 95% sure", expected=[LABELS[at % 3] for at in range(300)])
    made = evidence(of, lambda at, text: text if at % 100 else "red, I think")
    some = [at % 10 == 0 for at in range(300)]
    verdict = judge_again(replace(made, runs={key: controlled(table, some) for key, table in made.runs.items()}), "v")
    assert scope_lines(verdict)[0] == "Controls: shuffled BLOCK, empty BLOCK."
    assert (verdict.decision, kinds(verdict)) == ("SHIP", ["content"])


def controlled(table: RunTable, some: Sequence[bool]) -> RunTable:
    """The run with controls of these results only, as own scorers have them."""
    controls = table.controls()
    assert controls is not None
    values = {metric: np.where(some, of, np.nan) for metric, of in controls.values.items()}
    return replace(table, controls=lambda: replace(controls, values=values))


def test_only_a_verdict_that_would_ship_is_checked() -> None:
    verdict = judged(suite("label.accuracy >= 80%"), ANSWERS["garbage"])
    assert verdict.decision == "BLOCK"
    assert verdict.controls is None


def test_runs_of_an_earlier_version_are_not_checked_and_not_held() -> None:
    of = suite("label.accuracy >= 80%")
    old = replace(run(of, "tuned", ANSWERS["right"]), versions={"label": of.scorers[0].version})
    old = replace(old, results=tuple(replace(result, controls=()) for result in old.results))
    runs = {"tuned": old, "base": replace(run(of, "base", base), versions=old.versions)}
    trial = Trial("tuned", "base", lambda _, target: runs[target])
    verdict = judge(gate(of), trial, verdict_id="v", at_us=1)
    assert verdict.decision == "SHIP"
    assert kinds(verdict) == ["not checked"]
    assert scope_lines(verdict)[0] == "Controls: not checked, because the runs have no scores of replaced answers."


def gate(of: Suite, keys: str = "") -> Gate:
    return of_text(f"version: 1\ngate: colours\nsuites: [colours]\n{keys}", {"colours": [of]})


def test_a_gate_that_people_alone_decide_has_no_controls() -> None:
    by_people = NegativeControls((ControlledLine("live.primary better than base", "colours", "content"),), None, None)
    assert controls_words(by_people) == "none, because people have judged the answers"


def decided(primary: Primary, **more: Any) -> LiveExperiment:
    """An experiment with this primary metric, by which the candidate is better, and a safe guardrail."""
    live = evidence_of_people.live(replace(ALIKE, primary=primary))
    return replace(live.experiments[0], **more)


def judged_live(line: str, *experiments: LiveExperiment) -> Verdict:
    keys = f"experiment: {experiments[0].name}\nrequire: [{line}]\n"
    made, now_us = evidence(suite("errors <= 1%"), ANSWERS["garbage"], keys), evidence_of_people.NOW_US
    runs = {key: replace(table, started_us=now_us) for key, table in made.runs.items()}
    return judge_again(replace(made, live=LiveEvidence({}, experiments), at_us=now_us, runs=runs), "v")


def test_only_the_experiment_that_judges_a_line_makes_it_content() -> None:
    line, other = "live.primary better than base", decided("feedback", name="other")
    assert judged_live(line, decided("feedback")).decision == "SHIP"
    assert judged_live(line, decided("errors")).decision == "HOLD"
    assert judged_live(line, decided("errors"), other).decision == "HOLD"
    assert judged_live(line, decided("errors"), replace(other, exact=False)).decision == "HOLD"


def test_live_lines_are_shown_also_in_a_gate_that_is_called_as_its_suite() -> None:
    primary = judged_live("live.primary better than base", decided("feedback"))
    assert primary.shown.endswith("; live.primary (200,000 users)")
    live = decided("feedback")
    assert live.plan is not None
    by_conversation = replace(live, plan=replace(live.plan, unit="conversation"))
    shown = judged_live("live.primary better than base", by_conversation).shown
    assert shown.endswith("; live.primary (200,000 conversations)")
    guardrails = judged_live("live.guardrails hold", decided("feedback"))
    assert guardrails.shown.endswith("; live.guardrails")
    assert "what users do" not in primary.not_shown + guardrails.not_shown


def test_a_candidate_that_answers_exactly_like_its_base_is_held() -> None:
    of = suite("label.accuracy >= 80%")
    verdict = judged(of, base)
    assert verdict.decision == "HOLD"
    assert "60 of 60 answers of tuned are the same as those of base: is the adapter loaded?" in verdict.headline
    assert judged(of, base, "may_equal_base: yes\n").decision == "SHIP"
    assert judged(of, lambda at, text: base(at, text) if at else "green").decision == "SHIP"


def without_texts(made: Evidence) -> Evidence:
    """The evidence after old texts were dropped, which leaves scores and signals."""
    runs = {key: replace(table, answers=np.zeros_like(table.answers)) for key, table in made.runs.items()}
    return replace(made, runs=runs)


def test_such_a_candidate_is_still_held_after_the_texts_are_dropped() -> None:
    of = suite("label.accuracy >= 80%")
    verdict = judge_again(without_texts(evidence(of, base)), "v")
    assert verdict.decision == "HOLD"
    assert "60 answers of tuned have the same scores and signals as those of base" in verdict.headline
    allowed = judge_again(without_texts(evidence(of, base, "may_equal_base: yes\n")), "v")
    assert allowed.decision == "SHIP"
    better = without_texts(evidence(of, lambda at, text: base(at, text) if at else "green"))
    assert judge_again(better, "v").decision == "SHIP"


def test_the_evidence_gives_the_same_verdict_and_holds_no_answer() -> None:
    for of, answer in ((suite("label.macro_f1 >= 0.8"), "right"), (suite("errors <= 1%"), "garbage")):
        made = evidence(of, ANSWERS[answer])
        verdict = judge_again(made, "v")
        document = encode(made, made.gate(), details=STATISTICAL_DETAILS)
        again = decode(document)
        assert judge_again(again, "v") == verdict
        assert verdict_json.decode(verdict_json.encode(verdict)) == verdict
        assert all(max(table.answers) <= 2 * len(of.cases) for table in again.runs.values())


def test_a_verdict_says_what_it_shows_and_what_not() -> None:
    shown, not_shown = scope_lines(judged(suite("label.accuracy >= 80%", "errors <= 1%")))[1:]
    assert shown == "Shown: tuned against base: colours (label.accuracy, errors; 60 cases)."
    assert not_shown == (
        "Not shown: what users do, prose as people read it, cost, latency, training data, questions unlike these."
    )


def test_garbage_in_the_right_language_is_no_content() -> None:
    texts = [
        "Where is the parcel that I have ordered last week",
        "Wo ist das Paket, das ich letzte Woche bestellt habe",
    ]
    of = suite("language_switch <= 5%", expected=[f"{texts[at % 2]} {at}" for at in range(60)])
    garbage = {"W": "The monkey has eaten the purple dishwasher in the garden", "o": "Der Affe hat im Garten gegessen"}
    verdict = judged(of, lambda at, expected: garbage["W" if expected.startswith("Where") else "o"] + f" {at}")
    assert kinds(verdict) == ["form"]
    assert verdict.decision == "HOLD"
