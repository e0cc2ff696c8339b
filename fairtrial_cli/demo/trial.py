"""Runs the demo's suites, judges its candidates by the gates, and creates its review queue."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluators.engine.engine import CaseProgress
from evaluators.engine.target import resolve
from evaluators.model_equality.ask import QUICK, ask_equality
from evaluators.model_equality.border_probes import prompts
from evaluators.suite import Suite
from fairtrial.api import reviews
from fairtrial.api.model_equality import RecordEquality, record
from fairtrial.api.operation import Nothing
from fairtrial.api.reviews import CreateQueue
from fairtrial.api.store import ingest
from fairtrial.config.project import Project
from fairtrial.domain.run import Run
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.domain.verdicts.verdict_wording import titled
from fairtrial.domain.wording import counted
from fairtrial_cli.demo.narration import DemoProgress, Judged, style_of
from fairtrial_cli.demo.setting import ASKING, EDGE, GENERAL, TICKET
from fairtrial_cli.run_suites import RunOptions, internal_key, load_suites, run_suites
from fairtrial_cli.store_client.client import open_store
from fairtrial_cli.store_client.stored import judge_gate_file

BASE = "base"
TICKETS, GENERAL_KEPT, EDGES, FORTY = (
    "support/suite.yaml",
    "general/suite.yaml",
    "edges/suite.yaml",
    "general/forty.yaml",
)
WORK = {"support-tickets": TICKET, "general-kept": GENERAL, "edges": EDGE}
CONCURRENCY = 2
"""Requests for each target: one that an engine answers, and one that waits."""
REVIEWED_SUITE = "support-tickets"
REVIEW_TITLE = "Support tickets: which answer is better?"


@dataclass(slots=True)
class DemoTrial:
    """The runs and verdicts of a demo so far; ``folder`` has the suites and gates, ``base_url`` is the gateway's."""

    project: Project
    folder: Path
    base_url: str
    progress: DemoProgress
    runs: dict[tuple[str, str], Run] = field(default_factory=dict)
    judged: list[Judged] = field(default_factory=list)
    verdicts: dict[tuple[str, str], Verdict] = field(default_factory=dict)

    def evaluate(self, targets: Sequence[str], files: Sequence[str]) -> None:
        """Run these suites on these targets, all targets at the same time."""
        suites = load_suites([self.folder / name for name in files])
        total = sum(len(suite.cases) for suite in suites) * len(targets)
        self.progress.doing(f"{' and '.join(targets)} on {', '.join(suite.name for suite in suites)}")
        answered: dict[tuple[str, str], int] = {}

        def step(now: CaseProgress) -> None:
            key = (now.suite, now.target)
            more = now.done - answered.get(key, 0)
            answered[key] = now.done
            work = more * WORK.get(now.suite, TICKET)
            self.progress.count("answers", sum(answered.values()), total, work=work)

        def note(suite: Suite, run: Run) -> None:
            self.runs[suite.name, run.target] = run
            self.progress.say(f"  {suite.name} on {run.target}: {_main_figures(suite, run)}")

        concurrency = CONCURRENCY if len(targets) > 1 else 2 * CONCURRENCY
        options = RunOptions(open_store, concurrency=concurrency, on_progress=step, on_run=note)
        run_suites(self.project, suites, targets, base_url=self.base_url, options=options)

    def ask(self, candidates: Sequence[str]) -> None:
        """Ask each fine-tune and its base some short questions, and print whether they are two models."""
        for candidate in candidates:
            self.progress.doing(f"asking {candidate} and {BASE} the same short questions")
            key = internal_key(self.project.layout)
            tuned, base = (
                resolve(name, self.project.plan, base_url=self.base_url, api_key=key) for name in (candidate, BASE)
            )
            result = asyncio.run(ask_equality(tuned, base, prompts(()), QUICK))
            with open_store(self.project.layout, self.project.path) as store:
                store.call(record, RecordEquality(result=result))
            for line in result.lines:
                self.progress.say(f"  {line}")
            self.progress.spend(ASKING)

    def judge(self, candidate: str, gate: str, *, on: str) -> None:
        """Judge by this gate, and print the verdict."""
        self.progress.doing(f"judging {candidate} by {gate}")
        with open_store(self.project.layout, self.project.path) as store:
            verdict = judge_gate_file(store, self.folder / gate, self.project, candidate=candidate, baseline=BASE)
        self.judged.append(Judged(verdict, on))
        self.verdicts[candidate, gate] = verdict
        title = titled(verdict.headline, official=verdict.official)
        self.progress.say_styled(title, style_of(verdict))

    def fill_review_queue(self, candidate: str) -> int:
        """Create a queue of random pairs of answers to the support tickets; returns the number of pairs."""
        request = CreateQueue(
            suite=REVIEWED_SUITE, candidate=candidate, baseline=BASE, size=20, seed=20261124, title=REVIEW_TITLE
        )
        with open_store(self.project.layout, self.project.path) as store:
            store.call(ingest, Nothing())
            return store.call(reviews.create, request).items

    def runs_of(self, suite: str) -> dict[str, Run]:
        """The runs of one suite by target."""
        return {target: run for (name, target), run in self.runs.items() if name == suite}


def _main_figures(suite: Suite, run: Run) -> str:
    """The main statistic of each scorer, and the number of errors."""
    names = [f"{scorer.name}.{scorer.stats[0].name}" for scorer in suite.scorers]
    figures = [f"{name} {value:.1%}" for name in names if (value := run.metrics.get(name)) is not None]
    errors = sum(result.answer.error is not None for result in run.results)
    failed = [counted(errors, "error")] if errors else []
    return ", ".join([counted(len(run.results), "case"), *figures, *failed])
