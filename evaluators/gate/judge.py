"""The gate: every rule on all the evidence, and from their findings the verdict and its first sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluators.comparison.levels import level_of
from evaluators.comparison.wording import amount, short
from evaluators.criteria.grammar import Level, Versus
from evaluators.criteria.metric_catalogue import BUILT_IN, COUNTS
from evaluators.engine.summary import MOST_UNSCORED
from evaluators.gate.file import Gate
from evaluators.gate.live_rule import Live, informative, judge_elsewhere
from evaluators.gate.multiplicity import Judged, corrected
from evaluators.gate.odds import odds_of
from evaluators.gate.review_rule import judge_review, shown_review, sort_reviews
from evaluators.gate.rules import Rule, judge_rule
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.verdict import Decision, Finding, Result, Verdict, decide, spread

WEARS_OUT = 7
MOST_NAMED = 3


def judge(
    gate: Gate,
    trial: Trial,
    *,
    verdict_id: str,
    at_us: int,
    live: Live | None = None,
    candidates_judged: int | None = None,
    first: Sequence[Finding] = (),
) -> Verdict:
    """The verdict on the trial's candidate.

    ``live``: plain rates of traffic, shown and never passing a line; ``candidates_judged``: how many candidates these
    suites have judged before and with this one, ``None`` if unknown; ``first``: findings of no line, such as a split
    that is not as planned. Never raises for evidence that is missing or
    unsound: that is what HOLD and INVALID say.
    """
    judged = [*map(Judged, first), *_findings(gate, trial), *_elsewhere(gate, trial, live)]
    findings = corrected(judged)
    decision = decide(findings)
    return Verdict(
        verdict_id=verdict_id,
        at_us=at_us,
        gate=gate.name,
        candidate=trial.candidate,
        baseline=trial.baseline,
        decision=decision,
        headline=headline(decision, trial, findings) + _worn(candidates_judged),
        findings=findings,
        runs=tuple(_runs(gate, trial)),
        candidates_judged=candidates_judged,
        odds=odds_of(gate.rules, trial),
    )


def headline(decision: Decision, trial: Trial, findings: Sequence[Finding]) -> str:
    """One plain sentence: the decision, the candidate, what decided it, and what is left."""
    deciding = [one for one in findings if one.decisive]
    start = f"{decision} {trial.candidate}: "
    if decision == "SHIP":
        return f"{start}all {len(deciding)} rules hold against {trial.baseline}."
    wanted: dict[Decision, Result] = {"INVALID": "invalid", "BLOCK": "fail", "HOLD": "cannot tell"}
    against = spread(one for one in deciding if one.result == wanted[decision])
    named = list(dict.fromkeys(short(one) for one in against))
    if not named:
        return f"{start}no rule decides anything."
    reasons = "; ".join(named[:MOST_NAMED])
    if len(named) > MOST_NAMED:
        reasons += f" and {len(named) - MOST_NAMED} more"
    lead = {"HOLD": "cannot tell yet about ", "INVALID": "the evidence is unsound: ", "BLOCK": ""}[decision]
    return f"{start}{lead}{reasons}; {_rest(decision, deciding)}."


def _rest(decision: Decision, deciding: Sequence[Finding]) -> str:
    untold = sum(one.result == "cannot tell" for one in deciding)
    failed = sum(one.result == "fail" for one in deciding)
    if decision == "BLOCK" and untold:
        return f"{untold} more can't be told yet"
    if decision == "INVALID" and failed:
        return f"{failed} {'rule' if failed == 1 else 'rules'} failed as far as it can be said"
    return "everything else within limits" if decision != "INVALID" else "nothing can be concluded"


def _findings(gate: Gate, trial: Trial) -> Iterator[Judged]:
    for suite in gate.suites:
        yield from map(Judged, _sound(gate, suite, trial))
    for rule in gate.rules:
        yield from judge_rule(rule, trial)


def _elsewhere(gate: Gate, trial: Trial, live: Live | None) -> Iterator[Judged]:
    told = frozenset(line.metric for _, line in gate.elsewhere)
    reviews = sort_reviews(trial, gate.suites)
    for text, line in gate.elsewhere:
        if line.family == "review":
            yield judge_review(text, gate.name, line, reviews, trial)
        else:
            yield Judged(judge_elsewhere(text, gate.name, line, live))
    yield from map(Judged, shown_review(reviews, trial, told))
    yield from map(Judged, informative(live, told))


def _sound(gate: Gate, suite: Suite, trial: Trial) -> Iterator[Finding]:
    """INVALID for a run with too many unscored cases; for the candidate the suite's own `errors` line replaces it."""
    rules = [rule for rule in gate.rules if rule.suite.name == suite.name]
    targets = [] if any(_limits_errors(rule) for rule in rules) else [trial.candidate]
    if any(isinstance(rule.line.test, Versus) or rule.line.metric in COUNTS for rule in rules):
        targets.append(trial.baseline)
    for target in targets:
        run = trial.table(suite.name, target)
        found = None if run is None else level_of(BUILT_IN["errors"], run)
        if isinstance(found, Estimate) and found.value > MOST_UNSCORED:
            share = amount(found.value, BUILT_IN["errors"])
            says = f"{share} of {found.n} cases of {suite.name} on {target} could not be scored (at most 2 % may be)"
            again = suite.command(target)
            yield Finding("errors <= 2%", suite.name, "invalid", says, again, "errors", "", found)


def _limits_errors(rule: Rule) -> bool:
    """Whether the line is a limit on the errors of all cases: one slice, or a comparison, says nothing of the rest."""
    line = rule.line
    limit = isinstance(line.test, Level) and line.test.operator != ">="
    return line.metric == "errors" and line.scope is None and limit


def _runs(gate: Gate, trial: Trial) -> Iterator[str]:
    for suite in gate.suites:
        for target in (trial.candidate, trial.baseline):
            run = trial.table(suite.name, target)
            if run is not None:
                yield run.run_id


def _worn(judged: int | None) -> str:
    """A test set wears out: the best of several equal candidates looks better than it is."""
    if judged is None or judged < WEARS_OUT:
        return ""
    return f" These suites have judged {judged} candidates: the best of many looks better than it is."
