"""One rule of a gate on the runs that bear on it: to findings by the truth table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from evaluators.comparison.comparability import what_differs
from evaluators.criteria.grammar import GateLine, Level, Versus
from evaluators.criteria.metric_catalogue import COUNTS, Measure, measure_of
from evaluators.criteria.validation import scopes_of, unfit
from evaluators.gate.comparison_rule import judge_versus
from evaluators.gate.multiplicity import Family, Judged
from evaluators.gate.regression_rule import LOST, flipped, judge_ledger, judge_lost, samples
from evaluators.gate.slice_losses import in_words, lost_slices
from evaluators.gate.threshold_rule import judge_level
from evaluators.results.run_table import RunTable, table_of
from evaluators.results.scope import Scope
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.verdict import Finding, Result


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a gate: as written, read, the suite that measures it, and where it stands."""

    text: str
    line: GateLine
    suite: Suite
    source: str


def judge_rule(rule: Rule, trial: Trial) -> list[Judged]:
    """What the rule finds: one finding, or one for each slice of ``in every``."""
    wrong = unfit(rule.suite, rule.line)
    if wrong is not None:
        return [_untested(rule, _finding(rule, "invalid", f"{wrong[0]} ({wrong[1]})", "correct the line"))]
    run = _run(rule, trial, trial.candidate)
    if isinstance(run, Finding):
        return [_untested(rule, run)]
    measure = measure_of(rule.suite, rule.line.metric)
    if measure is None:
        raise ValueError(f"{rule.line.metric} is not measured by {rule.suite.name}")
    return [_enough(rule, replace(one, family=family_of(rule))) for one in _judged(rule, trial, run, measure)]


def family_of(rule: Rule) -> Family | None:
    """Which of the two families a rule is a question of; none for an exact count and for a proof that is asked for.

    Safety: suites of kind `edges`, and the ledger where it is a test, at a temperature above 0.
    """
    test, counted = rule.line.test, rule.line.metric in COUNTS
    if counted:
        return "safety" if rule.line.metric == LOST and samples(rule.suite) else None
    if isinstance(test, Level) and (test.sure or test.operator == "==" or rule.line.metric == "errors"):
        return None
    return "safety" if rule.suite.kind == "edges" else "quality"


def _judged(rule: Rule, trial: Trial, run: RunTable, measure: Measure) -> Iterator[Judged]:
    test = rule.line.test
    scopes = scopes_of(rule.suite, rule.line.scope)
    if isinstance(test, Level) and measure.name not in COUNTS:
        for scope in scopes:
            yield judge_level(rule.text, rule.source, test, measure, run=run, scope=scope)
        return
    baseline = _run(rule, trial, _ref(test, trial))
    if isinstance(baseline, Finding):
        yield _untested(rule, baseline)
        return
    differing = what_differs(run, baseline)
    if differing:
        says = f"{run.target} and {baseline.target} can't be compared: {'; '.join(differing)}"
        again = f"run both on the same suite: {rule.suite.command(baseline.target, run.target)}"
        yield _untested(rule, _finding(rule, "invalid", says, again))
        return
    for scope in scopes:
        yield _compared(rule, trial, measure, (run, baseline), scope)


def _compared(
    rule: Rule, trial: Trial, measure: Measure, runs: tuple[RunTable, RunTable], scope: Scope | None
) -> Judged:
    test = rule.line.test
    if isinstance(test, Level):
        if measure.name == LOST and samples(rule.suite):
            return _lost(rule, trial, test, runs, scope)
        ledger = flipped(rule.suite, runs, scope)
        return Judged(judge_ledger(rule.text, rule.source, test, measure, flips=ledger, scope=scope))
    if not isinstance(test, Versus):
        raise TypeError(f"{rule.text!r} does not compare")
    later = rule.suite.name in trial.later
    found = judge_versus(rule.text, rule.source, test, measure, runs=runs, scope=scope, later=later)
    if scope is not None or test.question != "not worse":
        return found
    lost = in_words(lost_slices(rule.suite, measure, runs))
    return replace(
        found, finding=_adding(found.finding, lost), doubtful=found.doubtful and partial(_doubt, found.doubtful, lost)
    )


def _lost(rule: Rule, trial: Trial, test: Level, runs: tuple[RunTable, RunTable], scope: Scope | None) -> Judged:
    before = trial.before(rule.suite.name, runs[1].target)
    first = None if before is None else table_of(before)
    return judge_lost(rule.text, rule.source, test, suite=rule.suite, runs=runs, first=first, scope=scope)


def _doubt(doubtful: Callable[[], Finding], more: str) -> Finding:
    return _adding(doubtful(), more)


def _adding(finding: Finding, more: str) -> Finding:
    return replace(finding, says=finding.says + more)


def _untested(rule: Rule, finding: Finding) -> Judged:
    """A rule without a figure: all its slices are questions whose p is 1."""
    return Judged(finding, family_of(rule), questions=len(scopes_of(rule.suite, rule.line.scope)))


def _ref(test: object, trial: Trial) -> str:
    """The baseline's name: `base` is the role, any other name a deployment or a named baseline."""
    if isinstance(test, Versus) and test.ref != "base":
        return test.ref
    return trial.baseline


def _run(rule: Rule, trial: Trial, target: str) -> RunTable | Finding:
    run = trial.table(rule.suite.name, target)
    command = rule.suite.command(target)
    if run is None:
        return _finding(rule, "cannot tell", f"suite {rule.suite.name} has not been run on {target}", command)
    if run.suite_digest != rule.suite.digest:
        says = f"the run of {rule.suite.name} on {target} is of another state of the suite ({run.suite_digest[:8]})"
        return _finding(rule, "invalid", says, command)
    if trial.digests.get(target, run.deployment_digest) != run.deployment_digest:
        says = f"{target} is defined differently now than when {rule.suite.name} was run on it"
        return _finding(rule, "invalid", says, command)
    if run.interrupted:
        return _finding(rule, "cannot tell", f"the run of {rule.suite.name} on {target} was interrupted", command)
    return run


def _enough(rule: Rule, judged: Judged) -> Judged:
    """``with N cases``: a pass on less evidence than asked for can't be told yet."""
    found, asked = judged.finding, rule.line.with_count
    n = getattr(found.evidence, "n", 0)
    if asked is None or found.result != "pass" or n >= asked:
        return judged
    says = f"{found.says}; {n} of the {asked} {rule.line.with_unit} asked for"
    short = replace(found, result="cannot tell", says=says, needed=f"{asked - n} more {rule.line.with_unit}")
    return replace(judged, finding=short)


def _finding(rule: Rule, result: Result, says: str, needed: str) -> Finding:
    return Finding(rule.text, rule.source, result, says, needed, rule.line.metric, str(rule.line.scope or ""))
