"""The report of a migration: one value, which the terminal and `--json` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.domain.verdicts.verdict_wording import unasked_lines
from fairtrial_cli.migration.experiment_file import WrittenMove

if TYPE_CHECKING:
    from evaluators.comparison.matrix import Column
    from fairtrial.config.plan.retirement import Retirement

ALPHA_IN_WORDS = "5 %"
MOVING = ("SHIP", "HOLD")
"""The decisions after which live traffic may be moved, the better one first."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """How the old model's answers to one suite came about; ``run_id`` is ``None`` without any.

    ``stored``: whether it is an earlier run, because the model did not answer; ``why`` has the reason.
    ``erased``: how many cases of the suite are left out on both sides, because an erasure has removed them.
    """

    suite: str
    run_id: str | None
    stored: bool = False
    why: str = ""
    erased: int = 0


@dataclass(frozen=True, slots=True)
class Successor:
    """One successor: its verdict, and what it takes beside the old model, by suite."""

    target: str
    verdict: Verdict
    beside: Mapping[str, tuple[Column | None, Column]]

    @property
    def unasked(self) -> list[str]:
        """What changed without being asked."""
        return unasked_lines(self.verdict.findings)

    @property
    def notable(self) -> list[str]:
        """The part of it that is notable, or that nothing is."""
        return [line for line in self.unasked if line.startswith("Notable")] or ["No signal changed notably."]


@dataclass(frozen=True, slots=True)
class Migration:
    """The whole report. ``move`` is the written experiment; ``no_move`` is why there is none.

    ``command`` makes the report anew.
    """

    old: str
    today: date
    retirement: Retirement | None
    baselines: Sequence[Baseline]
    successors: Sequence[Successor]
    move: WrittenMove | None
    no_move: str = ""
    command: str = ""

    @property
    def countdown(self) -> str:
        """The first line."""
        if self.retirement is None:
            return f"{self.old}: no last day is known (set deployments.{self.old}.shutdown_date)"
        return self.retirement.in_words(self.today)

    @property
    def shared(self) -> str:
        """How the successors share the error rate."""
        count = len(self.successors)
        if count == 1:
            return f"It is judged at {ALPHA_IN_WORDS}."
        return f"Each of {count} successors is judged at {ALPHA_IN_WORDS} / {count}, so that they share one error rate."


def chosen_successor(successors: Sequence[Successor]) -> Successor | None:
    """The first in the order of the command that ships; without one, the first whose evidence is not sufficient yet."""
    by_decision = {decision: [one for one in successors if one.verdict.decision == decision] for decision in MOVING}
    return next((found[0] for found in by_decision.values() if found), None)


def as_json(report: Migration) -> dict[str, Any]:
    """The report for a program."""
    retirement, move = report.retirement, report.move
    return {
        "old": report.old,
        "date": report.today.isoformat(),
        "command": report.command,
        "countdown": report.countdown,
        "last_day": None if retirement is None else retirement.day.isoformat(),
        "days_left": None if retirement is None else retirement.days_left(report.today),
        "source": None if retirement is None else retirement.source,
        "serves": [] if retirement is None else list(retirement.serves),
        "baselines": [asdict(one) for one in report.baselines],
        "successors": [_successor(one) for one in report.successors],
        "error_rate": 0.05 / len(report.successors),
        "experiment": None
        if move is None
        else {"file": str(move.path), "piece": move.piece, "plans": [asdict(one) for one in move.moves]},
        "no_experiment": report.no_move,
    }


def _successor(one: Successor) -> dict[str, Any]:
    verdict = one.verdict
    return {
        "target": one.target,
        "decision": verdict.decision,
        "headline": verdict.headline,
        "verdict_id": verdict.verdict_id,
        "findings": [
            {"rule": found.rule, "source": found.source, "result": found.result, "says": found.says}
            for found in verdict.findings
            if found.decisive
        ],
        "unasked": one.unasked,
        "beside": {
            suite: {"old": None if old is None else asdict(old), "new": asdict(new)}
            for suite, (old, new) in one.beside.items()
        },
    }
