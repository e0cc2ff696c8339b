"""Runs generated suites on a fine-tune and its base, and prints what it memorised and how it generalises."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from evaluators.engine.target import resolve
from evaluators.overfitting.generalisation import PART, PARTS, Generalisation, PartLevel
from evaluators.overfitting.memorisation import Gap, Membership, Regurgitation
from evaluators.results.run_table import RunTable, table_of
from evaluators.suite import Suite
from fairtrial.domain.errors import UsageError
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.wording import counted
from fairtrial_cli.options import project_of
from fairtrial_cli.output.terminal import columns, print_table, run_progress
from fairtrial_cli.processes.private_gateway import project_gateway
from fairtrial_cli.store_client.client import open_store
from fairtrial_cli.training_data.data_files import deployment_of

if TYPE_CHECKING:
    from evaluators.training_data.continuations import Continuations
    from fairtrial.config.project import Project
    from fairtrial.domain.run import Run


TITLES = {"gap": "extracted verbatim", "verbatim_gap": "longest verbatim run"}
Runs = tuple[RunTable, RunTable]


@dataclass(frozen=True, slots=True)
class MemorisationReport:
    """Both verdicts of a candidate; ``runs`` has each suite with the runs of candidate and base."""

    candidate: str
    base: str
    regurgitation: Regurgitation
    membership: Membership | None
    runs: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...] = ()

    @property
    def is_found(self) -> bool:
        """Whether either kind of memorisation is shown."""
        members = self.membership is not None and self.membership.answer == "members detected"
        return members or self.regurgitation.answer == "memorised"

    @property
    def is_undecided(self) -> bool:
        """Whether a verdict that was asked for can't be given."""
        members = self.membership is not None and self.membership.answer == "cannot tell"
        return members or self.regurgitation.answer == "cannot tell"


def print_memorisation(report: MemorisationReport) -> None:
    """Print one sentence for each verdict, the table of figures, and where the runs are."""
    console = Console()
    regurgitation = report.regurgitation
    console.print(Text(f"{report.candidate} against {report.base}", style="bold"))
    console.print(
        Text(regurgitation.in_words, style="red" if regurgitation.answer == "memorised" else ""), soft_wrap=True
    )
    if report.membership is not None:
        red = report.membership.answer == "members detected"
        console.print(Text(report.membership.in_words, style="red" if red else ""), soft_wrap=True)
    rows: list[tuple[str, ...]] = []
    for gap in regurgitation.gaps:
        rows.append((TITLES[gap.stat], report.candidate, *_means(gap.candidate), _interval(gap)))
        rows.append(("", report.base, *_means(gap.base), ""))
    head = ("share of the remainder", "model", "training", "held out", "gap", "beyond the base (95 %)")
    print_table(console, columns(*head), rows)
    texts = f"{counted(regurgitation.trained, 'training text')} and {counted(regurgitation.held_out, 'held-out text')}"
    console.print(Text(f"{texts}, each continued from its beginning."), soft_wrap=True)
    for note in report.notes:
        console.print(Text(f"note: {note}", style="yellow"), soft_wrap=True)
    for suite, candidate, base in report.runs:
        console.print(Text(f"fairtrial runs show {candidate} --against {base}   ({suite})"), soft_wrap=True)


def left_out(made: Continuations, unreadable: int) -> list[str]:
    """Sentences on the examples that are not asked."""
    kinds = (
        (unreadable, "could not be read"),
        (made.short, "left out, because too little of the completion remains"),
        (made.leaked, "left out of the held-out texts, because they are in the training data"),
        (made.unlike, "left out of the training texts, because no held-out text has their system prompt"),
    )
    return [f"{counted(count, 'row')} {why}" for count, why in kinds if count]


def memorisation_json(report: MemorisationReport) -> dict[str, Any]:
    """Both verdicts for a program; a missing figure is null, never zero."""
    return {
        "candidate": report.candidate,
        "base": report.base,
        "regurgitation": {**asdict(report.regurgitation), "says": report.regurgitation.in_words},
        "membership": None
        if report.membership is None
        else {**asdict(report.membership), "says": report.membership.in_words},
        "runs": [{"suite": suite, "candidate": candidate, "base": base} for suite, candidate, base in report.runs],
        "notes": list(report.notes),
    }


def percent(value: float | None) -> str:
    """A share in percent, or a dash."""
    return "–" if value is None else f"{100 * value:.1f} %"


def _means(means: Sequence[float | None]) -> tuple[str, str, str]:
    trained, held = means
    gap = "–" if trained is None or held is None else f"{100 * (trained - held):+.1f}"
    return percent(trained), percent(held), gap


def _interval(gap: Gap) -> str:
    excess: Estimate | NotEnough = gap.excess
    if isinstance(excess, NotEnough):
        return str(excess)
    return f"{100 * excess.value:+.1f} ({100 * excess.low:+.1f} to {100 * excess.high:+.1f})"


def print_overfitting(result: Generalisation, suite: Suite, runs: Runs) -> None:
    """Print the verdict, both models' levels on each part with 95 % intervals, and where the runs are."""
    console = Console()
    candidate, base = runs
    console.print(Text(f"{candidate.target} against {base.target}", style="bold"))
    console.print(Text(result.in_words, style="red" if result.answer == "overfitted" else ""), soft_wrap=True)
    parts = [part for part in PARTS if part in suite.values.get(PART, ())]
    counts = {part: sum(case.tags.get(PART) == part for case in suite.cases) for part in parts}
    rows: list[tuple[str, ...]] = []
    for metric in result.metrics:
        rows.append((metric.metric, candidate.target, *_levels(metric.candidate), _excess(metric.excess)))
        rows.append(("", base.target, *_levels(metric.base), ""))
    head = columns("score", "model", *(f"{part} ({counts[part]})" for part in parts), "gap beyond the base")
    print_table(console, head, rows)
    console.print(
        Text(f"The gap is that from training to {result.held_out} cases, in points, with the interval that decides."),
        soft_wrap=True,
    )
    console.print(
        Text(f"fairtrial runs show {candidate.run_id} --against {base.run_id}   ({suite.name})"), soft_wrap=True
    )


def overfitting_json(result: Generalisation, suite: Suite, runs: Runs) -> dict[str, Any]:
    """The report for a program."""
    candidate, base = runs
    return {
        **asdict(result),
        "says": result.in_words,
        "candidate": candidate.target,
        "base": base.target,
        "runs": [{"suite": suite.name, "candidate": candidate.run_id, "base": base.run_id}],
    }


def _levels(levels: tuple[PartLevel, ...]) -> list[str]:
    return [_level(level.value) for level in levels]


def _level(value: Estimate | NotEnough) -> str:
    if isinstance(value, NotEnough):
        return "–"
    return f"{100 * value.value:.0f} % ({100 * value.low:.0f} to {100 * value.high:.0f})"


def _excess(excess: Estimate | NotEnough) -> str:
    if isinstance(excess, NotEnough):
        return str(excess)
    return f"{100 * excess.value:+.0f} ({100 * excess.low:+.0f} to {100 * excess.high:+.0f})"


class UnsoundRun(UsageError):
    """Too many cases of a run could not be scored, so that nothing is judged by it."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class FineTune:
    """A candidate and the base that it is compared with, in their project."""

    project: Project
    candidate: str
    base: str

    @classmethod
    def of(cls, config: Path, candidate: str, base: str | None) -> FineTune:
        """Both targets, checked; without ``base`` the deployment's parent. Raises `UsageError`."""

        project = project_of(config)
        deployment = base or _parent(project, candidate)
        for name in (candidate, deployment):
            resolve(name, project.plan, base_url="")
        if candidate == deployment:
            raise UsageError(f"--on {candidate}: a model cannot be compared with itself (name another with --against)")
        return cls(project, candidate, deployment)

    def run(self, suites: Sequence[Suite], *, concurrency: int, fresh: bool) -> list[tuple[RunTable, RunTable]]:
        """Run the suites on both through the gateway, with progress; each result has the candidate's run first.

        Raises `UnsoundRun` if more cases failed than a run may lose.
        """

        from fairtrial_cli.run_suites import RunOptions, run_suites

        stderr = Console(stderr=True)
        with (
            project_gateway(self.project, say=lambda text: stderr.print(text)) as base_url,
            run_progress(stderr) as on_progress,
        ):
            options = RunOptions(open_store, concurrency=concurrency, fresh=fresh, on_progress=on_progress)
            names = (self.candidate, self.base)
            runs = run_suites(self.project, suites, names, base_url=base_url, options=options)
        for run in runs:
            _require_sound(run)
        return [(table_of(candidate), table_of(base)) for candidate, base in zip(runs[::2], runs[1::2], strict=True)]


def _parent(project: Project, candidate: str) -> str:
    """The base of a deployment, or of a variant's deployment."""
    deployment = deployment_of(project, candidate)
    if deployment is not None and deployment.parent is not None:
        return deployment.parent
    if deployment is not None and deployment.lineage is not None:
        return deployment.lineage.base
    raise UsageError(f"--on {candidate}: its base is unknown (name it with --against, or set 'parent')")


def _require_sound(run: Run) -> None:
    from evaluators.engine.summary import MOST_UNSCORED, first_error, unscored_share

    share = unscored_share(run)
    if share > MOST_UNSCORED:
        why = first_error(run) or "unknown"
        raise UnsoundRun(
            f"{run.suite} on {run.target}: {100 * share:.0f} % of the cases could not be scored, so nothing is judged "
            f"(first error: {why})"
        )


def parameters(given: Sequence[str]) -> dict[str, Any]:
    """The parameters of ``--param NAME=VALUE``; a value is JSON, or else a text. Raises `UsageError`."""
    found: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals or not name or name in ("model", "messages", "stream", "n"):
            raise UsageError(f"--param {one!r}: write NAME=VALUE, such as continue_final_message=true")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found
