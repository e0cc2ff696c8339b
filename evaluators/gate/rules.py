"""Judges one rule of a gate on the runs that it needs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from evaluators.comparison.compare import discordant_cases, figures
from evaluators.comparison.pairing import Pairs, differences, pair, slices_of
from evaluators.comparison.presentation import both_figures
from evaluators.criteria.grammar import Rule, Threshold, VersusBaseline
from evaluators.criteria.metric_catalogue import COUNTS, Measure, measure_of
from evaluators.criteria.validation import scopes_of, validate_line
from evaluators.gate.comparison_rule import further_look, judge_comparison
from evaluators.gate.multiplicity import Family, RuleResult
from evaluators.gate.regression_rule import (
    LOST,
    find_regressions,
    is_sampled,
    judge_regressions,
    judge_sampled_regressions,
)
from evaluators.gate.threshold_rule import judge_threshold, require_count
from evaluators.results.run_table import RunTable, Scope, table_of
from evaluators.suite import Suite
from evaluators.trial import Trial, stale_run
from fairtrial.domain.estimates import NotEnough
from fairtrial.domain.promises import ALPHA, CANDIDATE_DAYS, MIN_SLICE_CASES
from fairtrial.domain.verdicts.verdict import Finding, Result
from fairtrial.stats.e_values import holm
from fairtrial.stats.paired.clustered import sign_flip
from fairtrial.stats.paired.paired_tests import mid_p


def judge_rule(rule: Rule, trial: Trial, *, rules: Sequence[Rule] = ()) -> list[RuleResult]:
    """The results of a rule: one, or one for each slice of ``in every``. ``rules``: all rules of the gate."""
    wrong = validate_line(rule.suite, rule.line)
    if wrong is not None:
        return [_untested(rule, _finding(rule, "invalid", f"{wrong[0]} ({wrong[1]})", "correct the line"))]
    run = _run(rule, trial, trial.candidate)
    if isinstance(run, Finding):
        return [_untested(rule, run)]
    measure = measure_of(rule.suite, rule.line.metric)
    if measure is None:
        raise ValueError(f"{rule.line.metric} is not measured by {rule.suite.name}")
    return [
        replace(
            result,
            finding=require_count(rule.line, result.finding, getattr(result.finding.evidence, "n", 0)),
            family=family_of(rule),
        )
        for result in _judged(rule, trial, (run, measure), rules)
    ]


def better_rules(rules: Sequence[Rule]) -> list[Rule]:
    """The rules that require a better candidate, which the candidates of a gate share."""
    tests = [(rule, rule.line.test) for rule in rules]
    return [rule for rule, test in tests if isinstance(test, VersusBaseline) and test.question == "better"]


def family_of(rule: Rule) -> Family | None:
    """The family of a rule for Holm's correction; none for exact counts and for lines that require proof.

    The safety family has the suites of kind `edges`, and `lost` for sampled answers, where it is a test.
    """
    test, counted = rule.line.test, rule.line.metric in COUNTS
    if counted:
        return "safety" if rule.line.metric == LOST and is_sampled(rule.suite) else None
    if isinstance(test, Threshold) and (test.sure or test.operator == "==" or rule.line.metric == "errors"):
        return None
    return "safety" if rule.suite.kind == "edges" else "quality"


def _judged(
    rule: Rule, trial: Trial, measured: tuple[RunTable, Measure], rules: Sequence[Rule]
) -> Iterator[RuleResult]:
    test, (run, measure) = rule.line.test, measured
    scopes = scopes_of(rule.suite, rule.line.scope)
    if isinstance(test, Threshold) and measure.name not in COUNTS:
        for scope in scopes:
            look = partial(_further_look, rules, rule.suite, trial)
            yield judge_threshold(
                rule.text, rule.source, test, measure, run=run, scope=scope, further_look=look, alpha=trial.alpha
            )
        return
    baseline = _run(rule, trial, _ref(test, trial))
    if isinstance(baseline, Finding):
        yield _untested(rule, baseline)
        return
    differing = differences(run, baseline)
    if differing:
        sentence = f"{run.target} and {baseline.target} are not comparable: {'; '.join(differing)}"
        again = f"run both on the same suite: {rule.suite.command(baseline.target, run.target)}"
        yield _untested(rule, _finding(rule, "invalid", sentence, again))
        return
    for scope in scopes:
        yield _compared(rule, trial, measure, (run, baseline), scope)


def _compared(
    rule: Rule, trial: Trial, measure: Measure, runs: tuple[RunTable, RunTable], scope: Scope | None
) -> RuleResult:
    test = rule.line.test
    if isinstance(test, Threshold):
        if measure.name == LOST and is_sampled(rule.suite):
            return _lost(rule, trial, test, runs, scope)
        changes = find_regressions(rule.suite, runs, scope)
        return RuleResult(judge_regressions(rule.text, rule.source, test, measure, changes=changes, scope=scope))
    if not isinstance(test, VersusBaseline):
        raise TypeError(f"{rule.text!r} does not compare")
    later, better = rule.suite.name in trial.later, test.question == "better"
    result = judge_comparison(
        rule.text,
        rule.source,
        test,
        measure,
        runs=runs,
        scope=scope,
        later=later,
        alpha=trial.better_alpha if better else trial.alpha,
    )
    more = _shared_level(trial) if better else ""
    if not better and scope is None:
        more = in_words(lost_slices(rule.suite, measure, runs))
    return replace(
        result,
        finding=_adding(result.finding, more),
        as_undecided=result.as_undecided and partial(_doubt, result.as_undecided, more),
    )


def _shared_level(trial: Trial) -> str:
    """Why a line `better` counts at a lower level; empty if the candidates of a migration share a lower one."""
    if trial.better_alpha == trial.alpha:
        return ""
    many = f"{trial.candidates} candidates were evaluated on these cases within {CANDIDATE_DAYS} days"
    return f"; better at {100 * trial.better_alpha:.3g} %, because {many}"


def _further_look(rules: Sequence[Rule], suite: Suite, trial: Trial) -> str:
    """Explain what more cases mean for the suite's lines that compare: a further look, and what it needs."""
    candidate, baseline = trial.table(suite.name, trial.candidate), trial.table(suite.name, trial.baseline)
    compared = [rule for rule in rules if rule.suite.name == suite.name and isinstance(rule.line.test, VersusBaseline)]
    if candidate is None or baseline is None or not compared:
        return ""
    metrics = dict.fromkeys(
        (rule.line.metric, scope) for rule in compared for scope in scopes_of(suite, rule.line.scope)
    )
    questions = [(measure_of(suite, metric), scope) for metric, scope in metrics]
    return further_look(
        (measure.name, pair(measure, candidate, baseline, scope))
        for measure, scope in questions
        if measure is not None and measure.kind in ("proportion", "mean")
    )


def _lost(
    rule: Rule, trial: Trial, test: Threshold, runs: tuple[RunTable, RunTable], scope: Scope | None
) -> RuleResult:
    before = trial.before(rule.suite.name, runs[1].target)
    first = None if before is None else table_of(before)
    return judge_sampled_regressions(
        rule.text, rule.source, test, suite=rule.suite, runs=runs, first=first, scope=scope
    )


def _doubt(as_undecided: Callable[[float], Finding], more: str, alpha: float) -> Finding:
    return _adding(as_undecided(alpha), more)


def _adding(finding: Finding, more: str) -> Finding:
    return replace(finding, says=finding.says + more)


def _untested(rule: Rule, finding: Finding) -> RuleResult:
    """The result of a rule that could not be tested: all its slices count as tests with p = 1."""
    return RuleResult(finding, family_of(rule), questions=len(scopes_of(rule.suite, rule.line.scope)))


def _ref(test: object, trial: Trial) -> str:
    """The baseline's name: `base` means the trial's baseline, any other name a deployment."""
    return test.ref if isinstance(test, VersusBaseline) and test.ref != "base" else trial.baseline


def _run(rule: Rule, trial: Trial, target: str) -> RunTable | Finding:
    run = trial.table(rule.suite.name, target)
    command = rule.suite.command(target)
    if run is None:
        sentence = f"the present version of suite {rule.suite.name} has not been run on {target}"
        return _finding(rule, "cannot tell", sentence, command)
    if run.suite_digest != rule.suite.digest:
        sentence = (
            f"the run of {rule.suite.name} on {target} used another version of the suite ({run.suite_digest[:8]})"
        )
        return _finding(rule, "invalid", sentence, command)
    if trial.digests.get(target, run.deployment_digest) != run.deployment_digest:
        sentence = f"the definition of {target} has changed since {rule.suite.name} was run on it"
        return _finding(rule, "invalid", sentence, command)
    if run.interrupted:
        return _finding(rule, "cannot tell", f"the run of {rule.suite.name} on {target} was interrupted", command)
    stale = stale_run(run, trial)
    return run if stale is None else _finding(rule, *stale, command)


def _finding(rule: Rule, result: Result, sentence: str, needed: str) -> Finding:
    return Finding(rule.text, rule.source, result, sentence, needed, rule.line.metric, str(rule.line.scope or ""))


@dataclass(frozen=True, slots=True)
class Loss:
    """A slice with a significant loss; ``p`` is corrected over all slices, ``share`` is relative to the scale."""

    scope: str
    numbers: str
    p: float
    share: float


def lost_slices(suite: Suite, measure: Measure, runs: tuple[RunTable, RunTable]) -> list[Loss]:
    """Slices with a significant paired loss, the largest first, by McNemar's mid-p or a sign flip, with Holm."""
    if measure.kind not in ("proportion", "mean"):
        return []
    tested: list[tuple[Scope, Pairs, float]] = []
    for scope in slices_of(runs[0], suite.slices):
        pairs = pair(measure, *runs, scope)
        p = _p(measure, pairs)
        if pairs.n >= MIN_SLICE_CASES and not isinstance(p, NotEnough):
            tested.append((scope, pairs, p))
    corrected = holm([p for _, _, p in tested])
    losses = [
        _loss(measure, scope, pairs, p)
        for (scope, pairs, _), p in zip(tested, corrected, strict=True)
        if p < ALPHA and pairs.differences.sum() * measure.sign < 0
    ]
    return sorted(losses, key=lambda loss: -loss.share)


def in_words(losses: list[Loss]) -> str:
    """``; worst slice kind:arithmetic 37 → 15 of 120``, or nothing."""
    if not losses:
        return ""
    more = "" if len(losses) == 1 else f" (also lost: {', '.join(loss.scope for loss in losses[1:])})"
    return f"; worst slice {losses[0].scope} {losses[0].numbers}{more}"


def _p(measure: Measure, pairs: Pairs) -> float | NotEnough:
    if pairs.binary and pairs.candidate.clusters is None:
        return mid_p(*discordant_cases(measure, pairs))
    return sign_flip(pairs.differences, pairs.candidate.clusters)


def _loss(measure: Measure, scope: Scope, pairs: Pairs, p: float) -> Loss:
    return Loss(
        str(scope),
        both_figures(figures(measure, pairs, str(scope)), measure),
        p,
        abs(float(pairs.differences.mean())) / measure.scale,
    )
