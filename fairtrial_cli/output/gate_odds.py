"""Prints a gate's own odds: how often an identical model would pass it, and which rules hold it back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from fairtrial.api import runs
from fairtrial.api.operation import Nothing
from fairtrial.api.store import ingest
from fairtrial.domain.errors import UsageError
from fairtrial_cli.options import project_of
from fairtrial_cli.output.terminal import columns, count_progress, print_table

if TYPE_CHECKING:
    from evaluators.gate.file import Gate
    from evaluators.gate.odds import GateOdds, RuleOdds
    from evaluators.results.run_table import RunTable
    from evaluators.suite import Suite
    from evaluators.trial import Trial
    from fairtrial.domain.verdicts.odds import Odds
    from fairtrial_cli.store_client.client import StoreClient

HOW = (
    "In each trial, the cases are drawn anew from these, and candidate and base swap the results of each case with "
    "probability one half, in all measures at once. This simulates a model that is as good as the base and differs "
    "from it in as many cases. Floors see the mean of both runs. The intervals in brackets "
    "(90 %) show how much the odds vary between runs of these two models."
)
NO_RUNS = (
    "There are no comparable runs on both targets, so shares of differing cases are assumed, floors are taken as met, "
    "and metrics are taken as independent."
)
NO_TARGETS = (
    "Without --candidate and --baseline no runs are read, so shares of differing cases are assumed, floors are taken "
    "as met, and metrics are taken as independent."
)
COLUMNS = (
    "The column 'passes' has the share of identical models that pass the rule, and 'differ' the cases that the two "
    "sides answer differently. So many cases as in 'for 90 %' would raise the share to 90 %. There, 'none' means that "
    "no number up to 20 times as many would, and 'better' that the rule requires a better model. Models that are worse "
    "by the margin, or by twice the margin, pass as often as 'worse' and 'twice' say."
)
NOTHING = "No line compares 0/1 scores or means with the base, so the odds of an identical model are unknown."


def self_test(gate_path: Path, config: Path, *, candidate: str | None, baseline: str | None, out: Path | None) -> None:
    """Simulate and print the odds; nothing is judged or stored. ``out``: a file for JSON, or ``-`` for the screen."""
    from evaluators.gate.file import load
    from evaluators.gate.odds import assumed_odds

    if (candidate is None) != (baseline is None):
        raise UsageError("--self-test: name both --candidate and --baseline, or neither")
    gate = load(gate_path)
    odds = None
    if candidate is not None and baseline is not None:
        odds = _of_store(gate, config, candidate, baseline)
    assumed = assumed_odds(gate.rules) if odds is None else []
    why = "" if odds is not None else NO_TARGETS if candidate is None else NO_RUNS
    if out is not None:
        text = json.dumps(_json(gate, candidate, baseline, odds, assumed), indent=2, ensure_ascii=False)
        if out == Path("-"):
            click.echo(text)
            return
        out.write_text(text + "\n", encoding="utf-8")
    _print(gate, odds, assumed, why)


def _of_store(gate: Gate, config: Path, candidate: str, baseline: str) -> GateOdds | None:
    from evaluators.gate.odds import gate_odds
    from evaluators.trial import Trial
    from fairtrial_cli.store_client.client import open_store
    from gateway.control.verdicts.gate_file import digests_of

    project = project_of(config)
    digests_of(project.plan, candidate, baseline)  # fails early for unknown targets
    if not (project.layout.store.exists() or project.layout.journal.exists()):
        return None  # opening the store would create it
    with open_store(project.layout) as store:
        store.call(ingest, Nothing())
        suites = {suite.name: suite for suite in gate.suites}
        trial = Trial(candidate, baseline, lambda suite, target: newest_run(store, suites[suite], target))
        _read(gate, trial)
        with count_progress("simulating", total=len(gate.rules)) as step:
            return gate_odds(gate.rules, trial, on_rule=step)


def _read(gate: Gate, trial: Trial) -> None:
    """Read all runs first, so that the progress bar counts the simulation alone."""
    for suite in gate.suites:
        for target in (trial.candidate, trial.baseline):
            trial.table(suite.name, target)


def newest_run(store: StoreClient, suite: Suite, target: str) -> RunTable | None:
    """The newest finished run of this version of the suite, which a verdict would use."""
    from fairtrial_cli.store_client.stored import load_table

    for run_id in store.call(runs.latest, runs.LatestRuns(suite=suite.name, target=target)):
        run = load_table(store, run_id)
        if run.suite_digest == suite.digest:
            return run
    return None


def _json(
    gate: Gate, candidate: str | None, baseline: str | None, odds: GateOdds | None, assumed: Sequence[Odds]
) -> dict[str, Any]:
    return {
        "gate": gate.name,
        "candidate": candidate,
        "baseline": baseline,
        "rules_of_gate": len(gate.rules) + len(gate.external),
        "odds": None if odds is None else asdict(odds.odds),
        "trials": None if odds is None else odds.trials,
        "standard_error": None if odds is None else odds.error,
        "without_better": None if odds is None else odds.without_better,
        "rules": [] if odds is None else [asdict(rule) for rule in odds.rules],
        "other_evidence": [text for text, _ in gate.external],
        "assumed": [asdict(odds) for odds in assumed],
    }


def _print(gate: Gate, odds: GateOdds | None, assumed: Sequence[Odds], why: str) -> None:
    console = Console()
    if odds is None:
        for assumption in assumed:
            console.print(Text(f"By this gate, {assumption}."))
        console.print(Text(why if assumed else NOTHING, style="dim"))
        return
    for sentence in sentences(gate, odds):
        console.print(Text(sentence))
    _print_table(console, odds)
    console.print(Text(COLUMNS, style="dim"))
    for sentence in _taken_as_met(gate, odds):
        console.print(Text(sentence, style="dim"))


def sentences(gate: Gate, odds: GateOdds) -> list[str]:
    """The odds, how they were computed, and what prevents an identical model from passing."""
    rules, share = len(gate.rules) + len(gate.external), odds.odds.discordance
    which = "its only rule" if rules == 1 else f"all {rules} rules"
    ship, block = (
        "" if share_of is None else f"{percent(share_of)}{_interval(low, high)}"
        for share_of, low, high in (
            (odds.odds.ship, odds.odds.ship_low, odds.odds.ship_high),
            (odds.odds.block, odds.odds.block_low, odds.odds.block_high),
        )
    )
    lines = [f"An identical model passes {which} in {ship} of trials with these cases, and is blocked in {block}."]
    better = sum(rule.requires_better for rule in odds.rules)
    if odds.without_better is not None:
        those = "1 rule requires" if better == 1 else f"{better} rules require"
        lines.append(
            f"{those} the candidate to be better, which an identical model achieves only by chance. Without "
            f"{'it' if better == 1 else 'them'}, an identical model passes in {percent(odds.without_better)}."
        )
    if odds.odds.more_cases is not None and odds.odds.more_ship is not None:
        lines.append(
            f"With {odds.odds.more_cases:,} cases in the largest suite and as many times more in the others, it "
            f"passes in {percent(odds.odds.more_ship)}."
        )
    known = [rule.worse_passes for rule in odds.rules if rule.worse_passes is not None]
    if known:
        twice = max((rule.twice_passes for rule in odds.rules if rule.twice_passes is not None), default=None)
        text = (
            f"A model that is worse by exactly the margin of a rule passes that rule in at most {percent(max(known))}"
        )
        text += "" if twice is None else f", and one that is worse by twice the margin in at most {percent(twice)}"
        lines.append(f"{text}. It passes the whole gate no more often.")
    differ = f"{percent(share.value)} of the cases differ (95 % interval {percent(share.low)} to {percent(share.high)})"
    lines.append(f"{differ}. {odds.trials:,} trials; standard error {100 * odds.error:.1f} points. {HOW}")
    return lines


def _print_table(console: Console, odds: GateOdds) -> None:
    """The rules that are simulated, those that hold an identical model back first."""
    numbers = ("passes", "cases", "differ", "for 90 %", "worse", "twice")
    simulated = [rule for rule in odds.rules if rule.passes is not None]
    rows = [_cells(rule_odds) for rule_odds in sorted(simulated, key=lambda each: each.passes or 0.0)]
    head = columns("passes", *numbers[1:], "rule", numbers=numbers, prose=("rule",))
    print_table(console, head, rows)


def _cells(odds: RuleOdds) -> tuple[str, ...]:
    enough = odds.passes is not None and odds.passes >= 0.9
    more = "better" if odds.requires_better else "" if enough else "none"
    if odds.more_cases is not None:
        more = f"{odds.more_cases:,}"
    worse = ["" if share is None else percent(share) for share in (odds.worse_passes, odds.twice_passes)]
    numbers = percent(odds.passes or 0.0), f"{odds.cases:,}", f"{odds.differing:,}", more, *worse
    return *numbers, f"{odds.source}: {odds.rule}"


def _taken_as_met(gate: Gate, odds: GateOdds) -> list[str]:
    lines = [
        f"Taken as met ({rule.taken_as_met}): {rule.source}: {rule.rule}" for rule in odds.rules if rule.taken_as_met
    ]
    return lines + [f"Taken as met (other evidence than runs): {text}" for text, _ in gate.external]


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({percent(low)} to {percent(high)})"


def percent(share: float) -> str:
    """``71 %``, or with one digit below 10 % and above 99 %."""
    value = 100 * share
    return f"{value:.0f} %" if 10 <= value <= 99 or value in (0, 100) else f"{value:.1f} %"
