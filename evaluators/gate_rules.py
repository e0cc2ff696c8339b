"""One rule of a gate on the runs that bear on it: to findings by the truth table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from evaluators.comparable import what_differs
from evaluators.gate_fit import scopes_of, unfit
from evaluators.gate_ledger import flipped, judge_ledger
from evaluators.gate_levels import judge_level
from evaluators.gate_lines import GateLine, Level, Scope, Versus
from evaluators.gate_slices import in_words, lost_slices
from evaluators.gate_versus import judge_versus
from evaluators.measures import COUNTS, Measure, measure_of
from evaluators.run_table import RunTable, table_of
from evaluators.suite import Suite
from fairtrial.domain.review_evidence import ReviewEvidence
from fairtrial.domain.run import Run
from fairtrial.domain.verdict import Finding, Result


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a gate: as written, read, the suite that measures it, and where it stands."""

    text: str
    line: GateLine
    suite: Suite
    source: str


@dataclass(frozen=True, slots=True)
class Trial:
    """Who is on trial: ``run_of(suite, target)`` gives the run, or ``None``; a run in columns is quicker.

    ``digests``: target → the digest of its present definition; a run of another definition is no evidence for it.
    ``reviews``: what people judged of the two, blind.
    """

    candidate: str
    baseline: str
    run_of: Callable[[str, str], Run | RunTable | None]
    digests: Mapping[str, str] = field(default_factory=dict)
    reviews: ReviewEvidence = ()
    _tables: dict[tuple[str, str], RunTable | None] = field(default_factory=dict, repr=False, compare=False)

    def table(self, suite: str, target: str) -> RunTable | None:
        """The run in columns, made once, so that all rules share its groupings."""
        if (suite, target) not in self._tables:
            found = self.run_of(suite, target)
            self._tables[suite, target] = None if found is None else table_of(found)
        return self._tables[suite, target]


def judge_rule(rule: Rule, trial: Trial) -> list[Finding]:
    """What the rule finds: one finding, or one for each slice of ``in every``."""
    wrong = unfit(rule.suite, rule.line)
    if wrong is not None:
        return [_finding(rule, "invalid", f"{wrong[0]} ({wrong[1]})", "correct the line")]
    run = _run(rule, trial, trial.candidate)
    if isinstance(run, Finding):
        return [run]
    measure = measure_of(rule.suite, rule.line.metric)
    if measure is None:
        raise ValueError(f"{rule.line.metric} is not measured by {rule.suite.name}")
    return list(_judged(rule, trial, run, measure))


def _judged(rule: Rule, trial: Trial, run: RunTable, measure: Measure) -> Iterator[Finding]:
    test = rule.line.test
    if isinstance(test, Level) and measure.name not in COUNTS:
        for scope in scopes_of(rule.suite, rule.line.scope):
            yield _enough(rule, judge_level(rule.text, rule.source, test, measure, run=run, scope=scope))
        return
    baseline = _run(rule, trial, _ref(test, trial))
    if isinstance(baseline, Finding):
        yield baseline
        return
    differing = what_differs(run, baseline)
    if differing:
        says = f"{run.target} and {baseline.target} can't be compared: {'; '.join(differing)}"
        again = f"run both on the same suite: {rule.suite.command(baseline.target, run.target)}"
        yield _finding(rule, "invalid", says, again)
        return
    for scope in scopes_of(rule.suite, rule.line.scope):
        yield _enough(rule, _compared(rule, measure, (run, baseline), scope))


def _compared(rule: Rule, measure: Measure, runs: tuple[RunTable, RunTable], scope: Scope | None) -> Finding:
    test = rule.line.test
    if isinstance(test, Level):
        ledger = flipped(rule.suite, runs, scope)
        return judge_ledger(rule.text, rule.source, test, measure, flips=ledger, scope=scope)
    if not isinstance(test, Versus):
        raise TypeError(f"{rule.text!r} does not compare")
    found = judge_versus(rule.text, rule.source, test, measure, runs=runs, scope=scope)
    if scope is None and test.question == "not worse":
        return replace(found, says=found.says + in_words(lost_slices(rule.suite, measure, runs)))
    return found


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


def _enough(rule: Rule, found: Finding) -> Finding:
    """``with N cases``: a pass on less evidence than asked for can't be told yet."""
    asked = rule.line.with_count
    n = getattr(found.evidence, "n", 0)
    if asked is None or found.result != "pass" or n >= asked:
        return found
    says = f"{found.says}; {n} of the {asked} {rule.line.with_unit} asked for"
    return replace(found, result="cannot tell", says=says, needed=f"{asked - n} more {rule.line.with_unit}")


def _finding(rule: Rule, result: Result, says: str, needed: str) -> Finding:
    return Finding(rule.text, rule.source, result, says, needed, rule.line.metric, str(rule.line.scope or ""))
