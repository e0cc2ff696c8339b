"""Whether the odds that a gate prints are right: simulated candidates that equal the base, judged by the real gate.

    python benchmarks/gate_odds.py [--folder .gate-odds] [--candidates 1000] [--seed 1] [--drawn]
        [--markdown docs/gate_validity.md] [--json FILE]

The demo's models answer the demo's three suites first, unless ``--folder`` has their runs; that takes minutes of CPU.
Each simulated candidate and its base get new cases: every case is drawn from the recorded ones that the same rules
measure, with both answers, and a fair coin says which side gives which. Nothing of this is shared with the code that
computes the odds. `evaluators.gate.judge.judge` judges each pair by all rules. Eight more gates get runs that are drawn
afresh; ``--drawn`` checks them alone, which takes a few minutes of CPU. Exit code 1 if a share differs from the printed
odds by more than 3 points and two standard errors, or if too few intervals hold the true odds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import sqrt
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

import numpy as np  # noqa: E402 - found by the line above
from numpy.random import Generator  # noqa: E402

from benchmarks.gate_trials import odds_gates  # noqa: E402
from benchmarks.gate_trials.odds_gates import OddsGate  # noqa: E402
from evaluators.comparison.pairing import counterparts  # noqa: E402
from evaluators.criteria.metric_catalogue import measure_of  # noqa: E402
from evaluators.criteria.validation import scopes_of  # noqa: E402
from evaluators.gate import judge as judging  # noqa: E402
from evaluators.gate.file import Gate, load  # noqa: E402
from evaluators.gate.odds import GateOdds, gate_odds  # noqa: E402
from evaluators.results.run_table import Details, Ints, RunTable  # noqa: E402
from evaluators.trial import Trial  # noqa: E402
from fairtrial.api.operation import Nothing  # noqa: E402
from fairtrial.api.store import ingest  # noqa: E402
from fairtrial.config.project import load_project  # noqa: E402
from fairtrial.domain.verdicts.verdict import Verdict  # noqa: E402
from fairtrial_cli.demo.model_servers import local_models  # noqa: E402
from fairtrial_cli.demo.setting import RELEASE, SUITES, prepare  # noqa: E402
from fairtrial_cli.output.gate_odds import newest_run  # noqa: E402
from fairtrial_cli.processes.private_gateway import project_gateway  # noqa: E402
from fairtrial_cli.run_suites import RunOptions, load_suites, run_suites  # noqa: E402
from fairtrial_cli.store_client.client import open_store  # noqa: E402

PAIRS = (("support-v2", "base"), ("support-v2", "support-v1"), ("support-v1", "support-overfit"))
FILES = ("support/suite.yaml", "general/suite.yaml", "edges/suite.yaml")
MOST_APART = 0.03
RUNS, COVERED = 60, 0.8
"""How many runs of one gate show whether 90 % intervals hold the true odds, and the least share that must."""
BEGIN, END = "<!-- Made by `python benchmarks/gate_odds.py --markdown docs/gate_validity.md`. -->", "<!-- End. -->"
Runs = dict[tuple[str, str], RunTable]
Draw = Callable[[], Trial]


@dataclass(frozen=True, slots=True)
class Row:
    """A printed share and the share that the gate let pass; ``error`` is the standard error of their difference."""

    what: str
    printed: float
    judged: float
    error: float
    low: float | None = None
    high: float | None = None

    @property
    def missed(self) -> bool:
        return abs(self.printed - self.judged) > MOST_APART + 2 * self.error

    @property
    def shown(self) -> str:
        """The printed share, with its own interval if it has one."""
        text = f"{100 * self.printed:.1f} %"
        return (
            text if self.low is None or self.high is None else f"{text} ({100 * self.low:.0f} to {100 * self.high:.0f})"
        )


def recorded(folder: Path, gate: Gate) -> Runs:
    """The models' runs of the gate's suites, made first if the folder has none. Details are read into memory."""
    targets = list(dict.fromkeys(target for pair in PAIRS for target in pair))
    if not (folder / "fairtrial.yaml").exists():
        setting = prepare(folder)
        project = load_project(setting.project, os.environ)
        with local_models(setting.ports.models, folder / "models.log"), project_gateway(project) as url:
            suites = load_suites([SUITES / file for file in FILES])
            run_suites(project, suites, targets, base_url=url, options=RunOptions(open_store))
    found: Runs = {}
    with open_store(load_project(folder / "fairtrial.yaml", os.environ).layout) as store:
        store.call(ingest, Nothing())
        for suite in gate.suites:
            for target in targets:
                run = newest_run(store, suite, target)
                if run is None or not run.single or run.clusters is not None:
                    raise SystemExit(f"{folder}: no run of {suite.name} on {target} with one answer for each case")
                details = {scorer: list(run.details(scorer)) for scorer in run.states}
                found[suite.name, target] = replace(run, details=details.__getitem__, _memo={})
    return found


def kinds_of(gate: Gate, run: RunTable) -> Ints:
    """For each case, a number for the rules that measure it: which have a value, and in which slices it is.

    Whether a rule measures a case is a property of the case. If only scorers counted, the number of urgent tickets
    would vary, on which recall is measured.
    """
    marks = [state > 0 for state in run.states.values()]
    for rule in gate.rules:
        measure = measure_of(rule.suite, rule.line.metric)
        if rule.suite.name != run.suite or measure is None:
            continue
        marks.append(~np.isnan(measure.values(run)))
        marks += [np.asarray(run.in_scope(one)) for one in scopes_of(rule.suite, rule.line.scope) if one is not None]
    return np.unique(np.column_stack(marks), axis=0, return_inverse=True)[1].ravel()


def of_rows(one: RunTable, other: RunTable, side: Ints, source: Ints) -> RunTable:
    """A run whose case i has the result of case ``source[i]``, of ``other`` where ``side`` is 1."""

    def column(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.where(side == 1, second[source], first[source])

    def details(scorer: str) -> Iterator[Details | None]:
        both = list(one.details(scorer)), list(other.details(scorer))
        return (both[at][row] for at, row in zip(side, source, strict=True))

    return replace(
        one,
        outcomes=column(one.outcomes, other.outcomes),
        failed=column(one.failed, other.failed),
        values={name: column(one.value(name), other.value(name)) for name in one.values.keys() | other.values.keys()},
        states={name: column(one.state(name), other.state(name)) for name in one.states},
        details=details,
        _memo={},
    )


def aligned(run: RunTable, order: Ints) -> RunTable:
    """The run with its cases in this order."""
    return of_rows(run, run, np.zeros(len(order), dtype=np.intp), order)


def resampled(gate: Gate, runs: Runs, pair: tuple[str, str], rng: Generator) -> Trial:
    """A candidate and a base that are equally good, on new cases of the same kinds."""
    made: Runs = {}
    for suite in gate.suites:
        new, old = runs[suite.name, pair[0]], runs[suite.name, pair[1]]
        old = replace(aligned(old, counterparts(new, old)), case_ids=new.case_ids, tags=new.tags)
        kinds, source = kinds_of(gate, new), np.zeros(len(new.case_ids), dtype=np.intp)
        for kind in np.unique(kinds):
            here = np.flatnonzero(kinds == kind)
            source[here] = rng.choice(here, len(here))
        coin = rng.integers(0, 2, len(source))
        made[suite.name, "candidate"] = of_rows(new, old, coin, source)
        made[suite.name, "base"] = of_rows(new, old, 1 - coin, source)
    return Trial("candidate", "base", lambda suite, target: made[suite, target])


def judged(gate: Gate, draw: Draw, candidates: int) -> list[Verdict]:
    """The verdicts on so many candidates; their odds, which no finding depends on, are not computed each time."""
    setattr(judging, "odds_of", lambda *_: None)  # noqa: B010 - a plain assignment is an error for the type checker
    return [judging.judge(gate, draw(), verdict_id="v", at_us=0) for _ in range(candidates)]


def compared(what: str, verdicts: list[Verdict], found: GateOdds) -> Iterator[Row]:
    """SHIP and BLOCK; of the demo's gate also what passes without rules that require better, and every rule."""
    better = {(one.rule, one.source) for one in found.rules if one.requires_better}
    decided = [{(one.rule, one.source): one.result for one in each.findings if one.decisive} for each in verdicts]
    for verdict, results in zip(verdicts, decided, strict=True):
        if (verdict.decision == "SHIP") != all(one == "pass" for one in results.values()):
            raise AssertionError("a verdict disagrees with its findings")

    def row(name: str, printed: float, passed: list[bool], low: float | None = None, high: float | None = None) -> Row:
        shares = printed, float(np.mean(passed))
        ran = (shares[0], found.trials), (shares[1], len(passed))
        return Row(f"{what}: {name}", *shares, sqrt(sum(one * (1 - one) / n for one, n in ran)), low, high)

    odds = found.odds
    yield row("SHIP", odds.ship, [one.decision == "SHIP" for one in verdicts], odds.ship_low, odds.ship_high)
    blocked = [one.decision == "BLOCK" for one in verdicts]
    yield row("BLOCK", odds.block or 0.0, blocked, odds.block_low, odds.block_high)
    if not what.startswith("support"):
        return
    if found.without_better is not None:
        others = [all(one == "pass" for key, one in each.items() if key not in better) for each in decided]
        yield row("all rules but `better than`", found.without_better, others)
    for rule in found.rules:
        if rule.passes is not None:
            passed = [each[rule.rule, rule.source] == "pass" for each in decided]
            yield row(f"`{rule.rule}`", rule.passes, passed)


def measure(folder: Path | None, candidates: int, seed: int) -> list[Row]:
    """The rows of the demo's gate, unless there is no folder for its runs, and those of the eight gates."""
    rng, rows = np.random.default_rng(seed), list[Row]()
    if folder is not None:
        gate = load(SUITES / RELEASE)
        runs = recorded(folder, gate)
        for pair in PAIRS:
            printed = odds_of(gate, Trial(*pair, partial(_run_of, runs)))
            what = f"{pair[0]}, {pair[1]} ({100 * printed.odds.discordance.value:.0f} % differ)"
            rows += compared(what, judged(gate, partial(resampled, gate, runs, pair, rng), candidates), printed)
    for one in odds_gates.GATES:
        made = one.gate
        sides = one.draw(rng)
        printed = odds_of(made, one.trial(made, sides))

        def draw(one: OddsGate = one, made: Gate = made, sides: odds_gates.Sides = sides) -> Trial:
            return one.trial(made, one.identical(sides, rng))

        rows += compared(one.name, judged(made, draw, candidates), printed)
    return [*rows, *covered(odds_gates.NEAR_FLOOR, candidates, rng)]


def odds_of(gate: Gate, trial: Trial) -> GateOdds:
    found = gate_odds(gate.rules, trial)
    if found is None:
        raise SystemExit(f"{gate.name}: no odds")
    return found


def covered(one: OddsGate, candidates: int, rng: Generator) -> Iterator[Row]:
    """The share of runs whose interval holds the true odds, against 90 %; new runs show the true odds."""
    gate = one.gate
    runs = [odds_of(gate, one.trial(gate, one.draw(rng))).odds for _ in range(RUNS)]
    verdicts = judged(gate, lambda: one.trial(gate, one.draw(rng)), candidates)
    true = {word: float(np.mean([each.decision == word for each in verdicts])) for word in ("SHIP", "BLOCK")}
    bounds = {
        "SHIP": [(each.ship, each.ship_low or 0.0, each.ship_high or 0.0) for each in runs],
        "BLOCK": [(each.block or 0.0, each.block_low or 0.0, each.block_high or 0.0) for each in runs],
    }
    for word, found in bounds.items():
        least, most = min(share for share, _, _ in found), max(share for share, _, _ in found)
        held = float(np.mean([low <= true[word] <= high for _, low, high in found]))
        spread = f"printed {100 * least:.0f} to {100 * most:.0f} % in {RUNS} runs, true {100 * true[word]:.1f} %"
        error = max(sqrt(held * (1 - held) / RUNS), (0.9 - COVERED - MOST_APART) / 2)
        yield Row(f"{one.name}, {word} ({spread}): intervals that hold the true odds", 0.9, held, error)


def _run_of(runs: Runs, suite: str, target: str) -> RunTable:
    return runs[suite, target]


def page(rows: list[Row], candidates: int, seed: int) -> str:
    """The part of the documentation."""
    head = f"""{BEGIN}

## Whether the printed odds are right

A verdict and `fairtrial gate --self-test` print how often an identical model would SHIP or BLOCK. Here {candidates:,}
pairs of a candidate and a base that are equally good were judged by the demo's gate. The rows below name its rules.
Each case is drawn anew from the recorded answers of two of the demo's models, and a fair coin says which side gives
which. The code is independent of that of the odds, but the idea is the same. Eight more gates get runs that are drawn
afresh, and the identical models are drawn from these. The brackets have the printed 90 % interval. It shows how much
the odds vary between runs of the same two models, which the last rows check. ± is one standard error of the difference.
The odds must agree within 3 points and two standard errors.

The number of differing cases varies between trials. With a fixed number, the odds of a rule were wrong by up to 9
points, mostly where it has 30 cases. Cases are drawn among those on which the same rules have a value. If only
scorers counted, the number of urgent tickets would vary, and `urgency.recall` would pass in 30 instead of 34 %.

With `better than base`, an identical model passes in at most 5 % by design. A base that fails the floors never passes
them as a candidate. Both make the odds of the demo's own pair 0, so its rows without them and two other pairs say more.

Seed {seed}; the command is `python benchmarks/gate_odds.py --markdown docs/gate_validity.md`.

| what passes | printed | judged | difference | |
|---|--:|--:|--:|---|
"""
    lines = [
        f"| {one.what} | {one.shown} | {100 * one.judged:.1f} % | "
        f"{100 * (one.judged - one.printed):+.1f} ± {100 * one.error:.1f} | {'**missed**' if one.missed else 'met'} |"
        for one in rows
    ]
    return head + "\n".join(lines).replace("| +", "| +").replace("| -", "| −") + f"\n\n{END}\n"


def write(path: Path, text: str) -> None:
    """Replace the part in the page, or add it at the end."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    path.write_text(before.rstrip() + "\n\n" + text + rest.partition(END)[2].lstrip(), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(".gate-odds"), help="where the models' runs are kept")
    parser.add_argument("--candidates", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the page that gets the table")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--drawn", action="store_true", help="only the eight gates whose runs are drawn afresh")
    asked = parser.parse_args()
    rows = measure(None if asked.drawn else asked.folder, asked.candidates, asked.seed)
    text = page(rows, asked.candidates, asked.seed)
    print(text)
    if asked.markdown:
        write(asked.markdown, text)
    if asked.json:
        asked.json.write_text(json.dumps([vars_of(one) for one in rows], indent=2) + "\n", encoding="utf-8")
    return int(any(one.missed for one in rows))


def vars_of(row: Row) -> dict[str, float | str | bool]:
    return {"what": row.what, "printed": row.printed, "judged": row.judged, "error": row.error, "missed": row.missed}


if __name__ == "__main__":
    sys.exit(main())
