"""Judges every rule of a gate on all evidence, and writes the verdict with its headline."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from evaluators.comparison.levels import level_of
from evaluators.comparison.observations import signal_findings, worst_slice
from evaluators.comparison.pairing import differences
from evaluators.comparison.presentation import amount, short_text
from evaluators.criteria.grammar import Rule, Threshold, VersusBaseline
from evaluators.criteria.metric_catalogue import BUILT_IN, COUNTS
from evaluators.criteria.validation import FAMILIES
from evaluators.engine.summary import MOST_UNSCORED
from evaluators.gate.evidence import Evidence
from evaluators.gate.external_line import JUDGED, ExternalLine
from evaluators.gate.families.live import effect_findings, fit_words
from evaluators.gate.families.parity import served_note
from evaluators.gate.families.review import review_information, sort_reviews
from evaluators.gate.file import Gate
from evaluators.gate.live_evidence import NO_LIVE_EVIDENCE, LiveEvidence, LiveExperiment, rates_information
from evaluators.gate.multiplicity import RuleResult, apply_holm
from evaluators.gate.negative_controls import by_people, check_controls, equal_to_base, without_content
from evaluators.gate.odds import odds_of
from evaluators.gate.rules import judge_rule
from evaluators.gate.scope import scope_of
from evaluators.results.run_table import RunTable
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.promises import REUSED_CASES
from fairtrial.domain.verdicts.verdict import Decision, Finding, Result, Verdict, decide, interleave_sources, precedence
from fairtrial.domain.verdicts.verdict_wording import is_in_headline
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis.memory import Looked
from fairtrial.experiments.decision.decide import decide as decide_experiment, look

MOST_NAMED = 3


def judge(
    gate: Gate,
    trial: Trial,
    *,
    verdict_id: str,
    at_us: int,
    live: LiveEvidence = NO_LIVE_EVIDENCE,
    candidates_judged: int | None = None,
    first: Sequence[Finding] = (),
) -> Verdict:
    """The verdict on the trial's candidate.

    ``candidates_judged``: how many candidates these suites have judged, including this one, if known. ``first``:
    findings of no line, such as a suite without a run. Unsound evidence raises no error; it gives HOLD or INVALID.
    """
    live = replace(live, experiments=tuple(map(_decided, live.experiments)))
    external = list(_external(gate, trial, live, at_us))
    effects = list(_effects(live, external, at_us))
    first = [*(finding for finding in effects if finding.decisive), *first, *_of_runs(gate, trial)]
    notes = (finding for finding in effects if not finding.decisive)
    shown = [*notes, *_unasked(gate, trial), *served_note(gate, trial)]
    judged = [judge_rule(rule, trial, rules=gate.rules) for rule in gate.rules]

    def with_results(results: Iterable[RuleResult]) -> tuple[Finding, ...]:
        return apply_holm([*map(RuleResult, first), *results, *external, *map(RuleResult, shown)])

    findings, controls = with_results(chain.from_iterable(judged)), None
    if decide(findings) == "SHIP":
        controls = check_controls(gate, trial, judged, lambda results: decide(with_results(results)))
        controls = replace(controls, lines=(*controls.lines, *by_people(findings, gate, live)))
        findings = (*without_content(gate, controls), *findings)
    decision, scope = decide(findings), scope_of(gate, trial, findings, live)
    return Verdict(
        verdict_id=verdict_id,
        at_us=at_us,
        gate=gate.name,
        candidate=trial.candidate,
        baseline=trial.baseline,
        decision=decision,
        headline=headline(decision, trial, findings) + _beside(decision, live, findings, candidates_judged),
        findings=findings,
        runs=tuple(_runs(gate, trial)),
        candidates_judged=candidates_judged,
        odds=odds_of(gate.rules, trial),
        conflicts=conflicts(findings),
        controls=controls,
        form_only=gate.form_only,
        shown=scope.shown,
        not_shown=scope.not_shown,
    )


def _decided(live: LiveExperiment) -> LiveExperiment:
    """With the decision that follows from the sums and the memory, if there was a look and none is stored."""
    if live.decision or live.plan is None or live.sums is None:
        return live
    findings = look(live.plan, live.memory, live.sums)
    looked = Looked(plan=live.plan, memory=live.memory, findings=findings, sums=live.sums)
    return replace(live, decision=decide_experiment(looked, forecasts=True)[live.variant])


def _effects(live: LiveEvidence, external: Iterable[RuleResult], now_us: int) -> Iterator[Finding]:
    """What experiments say without a line, as far as no line says it."""
    findings = (result.finding for result in external)
    lines = [finding for finding in findings if finding.decisive and finding.metric.startswith("live.")]
    if live.read:
        yield from effect_findings(live, lines, now_us)


def _unasked(gate: Gate, trial: Trial) -> Iterator[Finding]:
    """Changed signals, and the worst slices, which decide nothing."""
    yield from _changed_signals(gate, trial)
    yield from _worst_slices(gate, trial)


def _beside(decision: Decision, live: LiveEvidence, findings: Sequence[Finding], judged: int | None) -> str:
    """What stands beside the headline: whether a user was asked, the answers of experiments, and worn-out suites."""
    return fit_words(decision, live) + _live_answer(findings) + _reuse_warning(judged)


def _of_runs(gate: Gate, trial: Trial) -> Iterator[Finding]:
    """What runs show without a line: answers that all equal those of the base, and cases that could not be scored."""
    yield from equal_to_base(gate, trial)
    for suite in gate.suites:
        yield from _unscored_runs(gate, suite, trial)


def judge_again(evidence: Evidence, verdict_id: str) -> Verdict:
    """The verdict on this evidence, which is the same as when it was first judged by the same rules."""
    gate = evidence.gate()

    def newest(suite: str, target: str) -> RunTable | None:
        return evidence.runs.get((suite, target))

    def before(suite: str, target: str) -> RunTable | None:
        return evidence.before.get((suite, target))

    return judge(
        gate,
        evidence.trial(gate, newest, before),
        verdict_id=verdict_id,
        at_us=evidence.at_us,
        live=evidence.live,
        candidates_judged=evidence.candidates_judged,
        first=evidence.first,
    )


def headline(decision: Decision, trial: Trial, findings: Sequence[Finding]) -> str:
    """One plain sentence: the decision, the candidate, what decided, and how the other rules ended."""
    deciding = [finding for finding in findings if finding.decisive]
    start = f"{decision} {trial.candidate}: "
    if decision == "SHIP":
        rules = "its only rule holds" if len(deciding) == 1 else f"all {len(deciding)} rules hold"
        return f"{start}{rules} against {trial.baseline}."
    decisive: dict[Decision, Result] = {"INVALID": "invalid", "BLOCK": "fail", "HOLD": "cannot tell"}
    against = sorted(
        interleave_sources(finding for finding in deciding if finding.result == decisive[decision]), key=precedence
    )
    named = list(dict.fromkeys(short_text(finding) for finding in against))
    if not named:
        return f"{start}no rule decides anything."
    reasons = "; ".join(named[:MOST_NAMED])
    if len(named) > MOST_NAMED:
        reasons += f" and {len(named) - MOST_NAMED} more"
    lead = {"HOLD": "the evidence is not sufficient yet: ", "INVALID": "the evidence is unsound: ", "BLOCK": ""}[
        decision
    ]
    return f"{start}{lead}{reasons}; {_rest(decision, deciding)}."


SUITES = "the suites"


def conflicts(findings: Sequence[Finding]) -> tuple[str, ...]:
    """A sentence for each two kinds of evidence of which one passes all of its rules and the other one fails some."""
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.decisive:
            name = finding.metric.partition(".")[0]
            kind = FAMILIES.get(name).evidence if name in FAMILIES.names() else SUITES
            kinds.setdefault(kind, []).append(finding)
    passing = [
        kind for kind, kind_findings in kinds.items() if all(finding.result == "pass" for finding in kind_findings)
    ]
    failing = {
        kind: next((finding for finding in kind_findings if finding.result == "fail"), None)
        for kind, kind_findings in kinds.items()
    }
    return tuple(
        f"{good[0].upper()}{good[1:]}: every rule passes. {bad[0].upper()}{bad[1:]}: {short_text(against)}."
        for good in passing
        for bad, against in failing.items()
        if against is not None
    )


def _rest(decision: Decision, deciding: Sequence[Finding]) -> str:
    undecided = sum(finding.result == "cannot tell" for finding in deciding)
    failed = sum(finding.result == "fail" for finding in deciding)
    if decision == "BLOCK" and undecided:
        return f"{undecided} more {'rule is' if undecided == 1 else 'rules are'} undecided"
    if decision == "INVALID" and failed:
        return f"{failed} {'rule fails' if failed == 1 else 'rules fail'} on the evidence there is"
    return "everything else is within limits" if decision != "INVALID" else "nothing can be concluded"


def _external(gate: Gate, trial: Trial, live: LiveEvidence, now_us: int) -> Iterator[RuleResult]:
    required = frozenset(line.metric for _, line in gate.external)
    for text, line in gate.external:
        yield JUDGED.get(line.family).judge(ExternalLine(text, line, gate, trial, live, now_us))
    yield from map(RuleResult, review_information(sort_reviews(trial, gate.suites), trial, required))
    yield from map(RuleResult, rates_information(live.rates, required))


def _changed_signals(gate: Gate, trial: Trial) -> Iterator[Finding]:
    """List changed signals of each suite that no line judges; these findings decide nothing."""
    for suite, candidate, baseline in _comparable(gate, trial):
        rules = [rule.line for rule in gate.rules if rule.suite.name == suite.name and rule.line.scope is None]
        yield from signal_findings(suite.name, candidate, baseline, frozenset(line.metric for line in rules))


def _worst_slices(gate: Gate, trial: Trial) -> Iterator[Finding]:
    """The worst slice of each suite, which decides nothing."""
    generator = (worst_slice(*compared) for compared in _comparable(gate, trial))
    return (finding for finding in generator if finding is not None)


def _comparable(gate: Gate, trial: Trial) -> Iterator[tuple[Suite, RunTable, RunTable]]:
    """Each suite whose runs are comparable, with the runs of candidate and baseline."""
    for suite in gate.suites:
        candidate, baseline = (trial.table(suite.name, target) for target in (trial.candidate, trial.baseline))
        if candidate is not None and baseline is not None and not differences(candidate, baseline):
            yield suite, candidate, baseline


def _unscored_runs(gate: Gate, suite: Suite, trial: Trial) -> Iterator[Finding]:
    """INVALID findings for runs with too many unscored cases.

    The candidate's is replaced by the suite's own `errors` line, if there is one.
    """
    rules = [rule for rule in gate.rules if rule.suite.name == suite.name]
    targets = [] if any(_limits_errors(rule) for rule in rules) else [trial.candidate]
    if any(isinstance(rule.line.test, VersusBaseline) or rule.line.metric in COUNTS for rule in rules):
        targets.append(trial.baseline)
    for target in targets:
        run = trial.table(suite.name, target)
        unscored = None if run is None else level_of(BUILT_IN["errors"], run)
        if isinstance(unscored, Estimate) and unscored.value > MOST_UNSCORED:
            share = amount(unscored.value, BUILT_IN["errors"])
            cases = counted(unscored.n, "case")
            sentence = f"{share} of {cases} of {suite.name} on {target} could not be scored (the limit is 2 %)"
            again = suite.command(target)
            yield Finding("errors <= 2%", suite.name, "invalid", sentence, again, "errors", "", unscored)


def _limits_errors(rule: Rule) -> bool:
    """Whether the line limits the errors of all cases; a line on one slice, or a comparison, does not."""
    line = rule.line
    limit = isinstance(line.test, Threshold) and line.test.operator != ">="
    return line.metric == "errors" and line.scope is None and limit


def _runs(gate: Gate, trial: Trial) -> Iterator[str]:
    for suite in gate.suites:
        for target in (trial.candidate, trial.baseline):
            run = trial.table(suite.name, target)
            if run is not None:
                yield run.run_id


def _live_answer(findings: Sequence[Finding]) -> str:
    """Repeat the answers of experiments that decide nothing here, so that nobody overlooks them."""
    sentences = [finding.says for finding in findings if is_in_headline(finding)]
    return "".join(f" {text[0].upper()}{text[1:]}." for text in sentences)


def _reuse_warning(judged: int | None) -> str:
    """A warning that suites were used often: the best of several equal candidates looks better than it is."""
    if judged is None or judged < REUSED_CASES:
        return ""
    return f" These suites have judged {judged} candidates, so the best of them looks better than it is."
