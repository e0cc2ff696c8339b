"""Judges a gate again on replaced answers, so that a SHIP shows that the gate could have noticed wrong ones."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from evaluators.comparison.pairing import side_of
from evaluators.criteria.content_lines import MISSING, REVIEW_LINE
from evaluators.criteria.grammar import Rule
from evaluators.criteria.metric_catalogue import COUNTS, Measure, is_signal, measure_of
from evaluators.gate.external_line import judging
from evaluators.gate.file import Gate
from evaluators.gate.live_evidence import LiveEvidence
from evaluators.gate.multiplicity import RuleResult
from evaluators.gate.regression_rule import scope_mask
from evaluators.gate.rules import judge_rule
from evaluators.results.controlled_table import controls_of, only, replaced, with_donor
from evaluators.results.equal_answers import equal_answers, same_results
from evaluators.results.run_table import RunTable
from evaluators.trial import Trial
from fairtrial.api.comparison_answers import EqualAnswers
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.promises import MIN_DONORS
from fairtrial.domain.run import CONTROLS, REPLACEMENTS
from fairtrial.domain.verdicts.model_equality import EQUAL
from fairtrial.domain.verdicts.verdict import (
    ControlledLine,
    Decision,
    Finding,
    LineKind,
    NegativeControls,
    Result,
)
from fairtrial.domain.wording import counted

BEST_FIRST: tuple[Result, ...] = ("pass", "cannot tell", "fail", "invalid")
MILDEST_FIRST: tuple[Decision, ...] = ("SHIP", "HOLD", "BLOCK", "INVALID")
FROM_ANSWERS = frozenset({"off_format", *COUNTS})
"""Built-in metrics that are scored from the answer, besides the signals."""
REVIEW, LIVE_PRIMARY, FEEDBACK = "review.", "live.primary", "feedback."
DIFFERENT = "the model that was trained, behind this name; or 'may_equal_base: yes' in the gate"
NEEDED = f"macro_f1 for labels, a scorer with references, or '{REVIEW_LINE}'; otherwise 'form_only: WHY' in the gate"
"""What would notice answers to other questions."""
UNCERTAIN = f"no line shows on {MIN_DONORS} cases that it stops answers to other questions"
"""What is said where the gate as a whole stops them, but too few cases tell by which line."""
Results = list[RuleResult]


@dataclass(frozen=True, slots=True)
class _Controlled:
    """One line on replaced answers: its ``kind``, and its results for each of the `REPLACEMENTS`, if any has donors."""

    kind: LineKind
    results: tuple[Results, ...] = ()


def check_controls(
    gate: Gate, trial: Trial, judged: Sequence[Results], decide_with: Callable[[Sequence[RuleResult]], Decision]
) -> NegativeControls:
    """What each line on suites measures, and what the gate says of replaced answers.

    ``judged``: the results of each rule on the candidate's own answers. ``decide_with`` gives the decision of the whole
    gate for other results of its rules.
    """
    lines = {at: _control(rule, gate, trial) for at, rule in enumerate(gate.rules) if _is_from_answers(rule)}
    listed = tuple(ControlledLine(gate.rules[at].text, gate.rules[at].source, line.kind) for at, line in lines.items())
    again = {at: line.results for at, line in lines.items() if line.results}
    if not again:
        return NegativeControls(listed, None, None)
    decisions: list[Decision] = []
    for number in range(len(REPLACEMENTS)):
        results = [again[at][number] if at in again else own for at, own in enumerate(judged)]
        decisions.append(decide_with(list(chain.from_iterable(results))))
    empty, *shuffled = decisions
    return NegativeControls(listed, min(shuffled, key=MILDEST_FIRST.index), empty)


def by_people(findings: Sequence[Finding], gate: Gate, live: LiveEvidence) -> tuple[ControlledLine, ...]:
    """The lines by which experts, or users whose feedback is the primary metric, have judged the answers."""
    plans = [experiment.plan for experiment in judging(gate.experiment, live.experiments)]
    primaries = [plan.primary.metric for plan in plans if plan and plan.primary]
    feedback = [metric for metric in primaries if metric.startswith(FEEDBACK)]
    asked = {f"live.{metric}" for metric in feedback} | ({LIVE_PRIMARY} if feedback else set())
    decisive = (finding for finding in findings if finding.decisive)
    lines = (finding for finding in decisive if finding.metric.startswith(REVIEW) or finding.metric in asked)
    return tuple(ControlledLine(finding.rule, finding.source, "content") for finding in lines)


def without_content(gate: Gate, controls: NegativeControls) -> Iterator[Finding]:
    """The finding that holds a SHIP without a line on what was answered. A run of an earlier version is not held."""
    kinds = {line.kind for line in controls.lines}
    if not (gate.form_only or kinds & {"content", "not checked"}):
        also = controls.shuffled == "SHIP" or not controls.lines
        sentence = f"{MISSING}: this gate would also ship answers to other questions" if also else UNCERTAIN
        yield Finding(CONTROLS, gate.name, "cannot tell", sentence, NEEDED, CONTROLS)


def equal_to_base(gate: Gate, trial: Trial) -> Iterator[Finding]:
    """The finding that holds a candidate that answers probes as its base, or gives only answers that its base gave.

    Probes that show another model decide: then the suites can't see the change, and their lines judge. Once the texts
    of answers are dropped, the answers count as equal if all of their scores and signals are.
    """
    asked = trial.equality
    if asked is not None and asked.answer == "same":
        yield _held(gate, asked.words)
        return
    if sentence := _equal_answers(gate, trial):
        if asked is not None and asked.answer == "different":
            sentence = f"{sentence}, but {asked.words}: your suite can't see the change"
            yield Finding(EQUAL, gate.name, "cannot tell", sentence, metric=EQUAL, decisive=False)
        else:
            power = f" ({asked.words}: {asked.power_words})" if asked is not None else ""
            yield _held(gate, f"{sentence}: is the adapter loaded?{power}")


def _held(gate: Gate, sentence: str) -> Finding:
    if gate.may_equal_base:
        sentence = f"{sentence.replace(': is the adapter loaded?', '')}, as the gate allows"
        return Finding(EQUAL, gate.name, "cannot tell", sentence, metric=EQUAL, decisive=False)
    return Finding(EQUAL, gate.name, "cannot tell", sentence, DIFFERENT, EQUAL)


def _equal_answers(gate: Gate, trial: Trial) -> str:
    """The clause that all answers are equal; empty if they are not, or nothing is known."""
    both = [
        (trial.table(suite.name, trial.candidate), trial.table(suite.name, trial.baseline)) for suite in gate.suites
    ]
    pairs = [(tuned, base) for tuned, base in both if tuned is not None and base is not None]
    total = sum((equal_answers(*pair) for pair in pairs), EqualAnswers(equal=0, n=0))
    if total.all_equal:
        return total.words(trial.candidate, trial.baseline)
    if pairs and not total.n and all(_look_equal(*pair) for pair in pairs):
        number = counted(sum(len(candidate.outcomes) for candidate, _ in pairs), "answer")
        return f"{number} of {trial.candidate} have the same scores and signals as those of {trial.baseline}"
    return ""


def _look_equal(candidate: RunTable, baseline: RunTable) -> bool:
    """Whether all results are equal, of runs whose signals were measured; without signals, too little is known."""
    return SIGNALS in candidate.states and SIGNALS in baseline.states and same_results(candidate, baseline)


def _is_from_answers(rule: Rule) -> bool:
    """Whether the line's metric is scored from the answer: not errors, latency, cost or tokens."""
    measure = measure_of(rule.suite, rule.line.metric)
    if measure is None:
        return False
    return measure.scorer is not None or is_signal(measure) or measure.name in FROM_ANSWERS


def _control(rule: Rule, gate: Gate, trial: Trial) -> _Controlled:
    run, measure = trial.table(rule.suite.name, trial.candidate), measure_of(rule.suite, rule.line.metric)
    if run is None or measure is None or CONTROLS not in run.versions:
        return _Controlled("not checked")
    controls = controls_of(run)
    if controls is None:
        return _Controlled("form")
    cases = with_donor(run, controls, SIGNALS if is_signal(measure) else measure.scorer)
    whole = bool(cases.all())
    own = run if whole else only(run, cases)
    tables = [replaced(run, controls, number) for number in range(len(REPLACEMENTS))]
    results = tuple(_judged(rule, gate, trial, table if whole else only(table, cases)) for table in tables)
    passed = 0 if whole else _rank(_judged(rule, gate, trial, own))
    kind = _kind(_count(rule, measure, own), passed, [_rank(result) for result in results])
    # Garbage in the right language or format passes a signal, although answers of other cases may not.
    return _Controlled("form" if kind == "content" and is_signal(measure) else kind, results)


def _kind(cases: int, own: int, replaced: Sequence[int]) -> LineKind:
    """By the ranks of the candidate's own answers and of their replacements, on the same cases.

    On few of its cases a candidate that passes may be undecided. Replacements that fail there differ all the same.
    """
    empty, *shuffled = replaced
    if cases < MIN_DONORS:
        return "form"
    if own >= BEST_FIRST.index("fail") or empty <= own:
        return "neither"
    return "form" if min(shuffled) <= own else "content"


def _count(rule: Rule, measure: Measure, run: RunTable) -> int:
    """The cases that the line judges, in its slice if it names one."""
    scope = rule.line.scope if rule.line.scope is not None and rule.line.scope.value is not None else None
    if measure.name in COUNTS:
        return int(np.count_nonzero(scope_mask(run, scope)))
    return side_of(measure, run, scope).n


def _judged(rule: Rule, gate: Gate, trial: Trial, table: RunTable) -> Results:
    """The results of the line with this table in place of the candidate's run."""

    def run_of(suite: str, target: str) -> RunTable | None:
        return table if (suite, target) == (rule.suite.name, trial.candidate) else trial.table(suite, target)

    return judge_rule(rule, replace(trial, run_of=run_of, _tables={}), rules=gate.rules)


def _rank(results: Results) -> int:
    """The place of the worst result among the `BEST_FIRST`."""
    return max((BEST_FIRST.index(result.finding.result) for result in results), default=0)
