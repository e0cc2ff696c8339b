"""Judges "not worse than" and "better than" lines on two runs, by the truth table."""

import shlex
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import numpy as np

from evaluators.comparison.compare import compare, oriented
from evaluators.comparison.pairing import Pairs, lacks_signal, pair
from evaluators.comparison.presentation import (
    NO_SIGNAL,
    both_figures,
    bounds_in_words,
    difference_in_words,
    gap,
    p_in_words,
    subject,
)
from evaluators.comparison.question import LOOK_NEEDS, Question, by_truth_table
from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import Measure
from evaluators.criteria.validation import margin_of
from evaluators.gate.multiplicity import RuleResult
from evaluators.gate.threshold_rule import ENDS
from evaluators.results.run_table import RunTable, Scope
from fairtrial.domain.estimates import Answer, Comparison, Estimate, NotEnough
from fairtrial.domain.promises import ALPHA, MIN_UNITS, MIN_UNLIKE
from fairtrial.domain.verdicts.verdict import Finding, Result
from fairtrial.domain.wording import counted
from fairtrial.stats.paired.clustered import count_unlike

__all__ = ["ANSWERS", "by_truth_table", "judge_comparison"]

MOST_TIMES_MORE = 20
"""If more than this many times the present cases are needed, more cases are not advised."""
ANSWERS: dict[tuple[str, Result], Answer] = {
    ("not worse", "pass"): "not worse",
    ("better", "pass"): "better",
    ("not worse", "fail"): "worse",
}


def judge_comparison(
    rule: str,
    source: str,
    test: VersusBaseline,
    measure: Measure,
    *,
    runs: tuple[RunTable, RunTable],
    scope: Scope | None,
    later: bool = False,
    alpha: float = ALPHA,
) -> RuleResult:
    """Judge one line; ``runs`` are candidate and baseline, and ``later`` is true if this candidate was compared before.

    Not worse by M: pass if the one-sided lower bound of the paired difference is above −M, fail if the upper bound is
    below −M. Better (by M): pass if the lower bound is above 0 (or M), fail if the upper bound is below. Each bound is
    wrong with probability ``alpha``. Otherwise the line is undecided. Without a margin, an exact one-sided p has to
    agree with the bound. Beyond a margin, an enumerated p of 0/1 cases has to agree. A relative margin is judged on
    candidate − factor · baseline. From the
    second look on, and for clusters of unequal sizes always, the bounds hold at all looks together.
    """
    candidate, baseline = runs
    pairs = pair(measure, candidate, baseline, scope)
    question = Question(test, measure, pairs, later=later, seed=candidate.seed)
    comparison = compare(measure, pairs, scope=str(scope or ""), seed=candidate.seed)
    if lacks_signal(measure, comparison, candidate, scope):
        return RuleResult(_silent(rule, source, comparison, runs, needed=_needs_signal(measure)))
    usual = alpha == ALPHA and not (question.always_valid or question.relative)
    judged = comparison.difference if usual else question.at_look(alpha)
    if not usual and not question.relative:
        comparison = replace(comparison, difference=judged)
    own = question.result_of(judged, alpha)
    p, p_method = question.p_of(by_truth_table(judged, measure.sign, question.limit))
    comparison = replace(comparison, p=p, p_method=p_method, rule=_rule(question, alpha))

    def finding(result: Result, level: float = alpha) -> Finding:
        answered = replace(comparison, answer=ANSWERS.get((test.question, result), "cannot tell"))
        sentence = _says(question, answered, judged, baseline.target, result, alpha) + _worst_case(measure, pairs)
        needed = _needed(question, judged, level) if result == "cannot tell" else ""
        if result == "cannot tell" and _none_right(measure, pairs):
            sentence = f"no answer of {candidate.target} or {baseline.target} is right: {sentence}"
            needed = _read_one(candidate, pairs)
        return Finding(rule, source, result, sentence, needed, measure.name, answered.scope, answered)

    def fails_at(level: float) -> bool:
        return question.result_of(question.at_look(level), level) == "fail"

    estimated = not isinstance(judged, NotEnough)
    return RuleResult(finding(own), None, fails_at if estimated else None, partial(finding, "cannot tell"))


def _none_right(measure: Measure, pairs: Pairs) -> bool:
    """Whether all cases score 0 on both sides where more is better, which looks like a wrong prompt or scorer."""
    return (
        (measure.form, measure.sign) == ("share", 1)
        and pairs.n > 0
        and not np.any([pairs.candidate.values, pairs.baseline.values])
    )


def _read_one(run: RunTable, pairs: Pairs) -> str:
    """Advise to read an answer. A run of a result file is not stored, and has its target for an id."""
    case = shlex.quote(run.case_ids[pairs.candidate.cases[0]])
    command = "" if run.run_id == run.target else f": fairtrial runs why {run.suite}@{run.target} {case}"
    return f"a look at why an answer is wrong, because more cases would not help{command}"


def _silent(rule: str, source: str, compared: Comparison, runs: tuple[RunTable, RunTable], *, needed: str) -> Finding:
    """The finding on a probe that shows nothing, which is never a pass."""
    name = subject(compared.metric, compared.scope)
    sentence = f"no signal: {name} is 0 for both {runs[0].target} and {runs[1].target} ({counted(compared.n, 'case')})"
    sentence += "; a probe that neither model reacts to cannot show that the candidate is no worse"
    comparison = replace(compared, answer="cannot tell", p=None, p_method="", rule=NO_SIGNAL)
    return Finding(rule, source, "cannot tell", sentence, needed, compared.metric, compared.scope, comparison)


def _needs_signal(measure: Measure) -> str:
    """Advise what a probe without a signal needs."""
    limit = f"{measure.name} {'>= 90%' if measure.sign > 0 else '<= 5%'}"
    return f"cases that at least one of the models reacts to, or a limit that needs no base, such as '{limit}'"


def _says(
    question: Question,
    comparison: Comparison,
    judged: Estimate | NotEnough,
    baseline: str,
    result: Result,
    alpha: float,
) -> str:
    measure, name = question.measure, subject(comparison.metric, comparison.scope)
    if isinstance(comparison.difference, NotEnough):
        return f"{name} can't be compared with {baseline}: {comparison.difference.reason}"
    words = f"{name} {difference_in_words(comparison, measure)} {baseline}"
    p_text = "" if comparison.p is None else f"; {comparison.p_method}: p {p_in_words(comparison.p)}"
    bounds = bounds_in_words(comparison.difference, measure, alpha) + (
        ", wider because this candidate was compared on this suite before"
        if question.look_explained and not question.relative
        else ""
    )
    numbers = f" ({both_figures(comparison, measure)}; {bounds}{p_text})"
    return words + numbers + f"; {_requirement(question.test, measure)}{_end(question, judged, result, alpha)}"


def _end(question: Question, judged: Estimate | NotEnough, result: Result, alpha: float) -> str:
    """How the line ends; says which part of the rule decided if the bounds that are printed do not show it."""
    end = ENDS[result]
    if question.relative and isinstance(judged, Estimate):
        bounds = bounds_in_words(judged, question.measure, alpha)
        return f"{end} ({bounds} of candidate − {question.factor:g} × baseline)"
    beyond = by_truth_table(judged, question.measure.sign, question.limit) != "cannot tell"
    if beyond and question.result_of(judged, alpha) == "cannot tell":
        return f"{end}, because p is above {alpha:g}"
    return end


def _rule(question: Question, alpha: float) -> str:
    """The rule that decides, in words; the sentence before it has the numbers."""
    bound = f"one-sided {100 * (1 - alpha):.4g} % bound of {question.quantity} beyond {question.limit_in_words}"
    if question.always_valid:
        return f"always-valid {bound}"
    if question.enumerated:
        return f"{bound} and, beyond the margin, enumerated p ≤ {alpha:g}"
    return f"{bound} and one-sided p ≤ {alpha:g}" if question.tested else bound


def _requirement(test: VersusBaseline, measure: Measure) -> str:
    if test.margin is None:
        return "better is required"
    size = f"{test.margin:g} %" if test.unit == "%" else gap(margin_of(test, measure), measure).replace(".0 ", " ")
    return f"at most {size} worse is allowed" if test.question == "not worse" else f"better by {size} is required"


def _worst_case(measure: Measure, pairs: Pairs) -> str:
    """The difference if every unscored case counted against the candidate."""
    if not pairs.unscored:
        return ""
    if pairs.unscored == 1:
        left_out, if_all = "1 case is", "it counted"
    else:
        left_out, if_all = f"{pairs.unscored} cases are", "all of them counted"
    text = f"; {left_out} left out, not being scored on both sides"
    if measure.kind == "corpus" or measure.form != "share":
        return text
    total = float(np.sum(pairs.differences)) - measure.sign * pairs.unscored * measure.scale
    worst = total / (pairs.n + pairs.unscored)
    side = "lower" if worst < 0 else "higher"
    return f"{text} (if {if_all} against the candidate: {gap(worst, measure)} {side})"


def _needed(question: Question, judged: Estimate | NotEnough, alpha: float) -> str:
    """What is already excluded, and about how many more cases would settle the question at the level ``alpha``."""
    if isinstance(judged, NotEnough):
        return judged.needed
    measure = question.measure
    low, _ = oriented(judged, measure.sign)
    excluded = ""
    if question.test.unit == "pp" and by_truth_table(judged, measure.sign, question.limit) == "cannot tell":
        excluded = (
            f"the candidate is at most {gap(low, measure)} worse; "
            if low < 0
            else f"the candidate is at least {gap(low, measure)} better; "
        )
    return excluded + _more_cases(question, judged, alpha)


def _more_cases(question: Question, judged: Estimate, alpha: float) -> str:
    """The advice asks the rule of the next look, because judging more cases is a further look at this candidate."""
    n, more = question.pairs.n, question.cases_to_settle(judged, alpha)
    if isinstance(more, NotEnough):
        return more.needed
    if more.total > MOST_TIMES_MORE * n and n >= 20 and not more.limited_by_look:
        return "the estimate is so close to the limit that more cases of this kind are unlikely to settle it"
    look = "that counts as a further look"
    if more.limited_by_look:
        look += f", which {LOOK_NEEDS}; {more.unlike} of {more.count} do so far"
    return f"about {counted(max(more.total - n, 1), 'more case')} would settle it ({look})"


def further_look(compared: Iterable[tuple[str, Pairs]]) -> str:
    """Explain what more cases mean for lines that compare these metrics, for the advice of a line that does not."""
    text = "more cases count as a further look for the lines that compare with the base"
    known = [
        (unlike, count, metric)
        for metric, pairs in compared
        for count, unlike in [count_unlike(pairs.differences, pairs.candidate.clusters)]
    ]
    fewest = min(known, default=None)
    if fewest is None or (fewest[0] >= MIN_UNLIKE and fewest[1] >= MIN_UNITS):
        return text
    return f"{text}, which {LOOK_NEEDS}; {fewest[0]} of {fewest[1]} differ so far on {fewest[2]}"
