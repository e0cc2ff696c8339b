"""Runs the demo: models, services, suites, verdicts and live traffic, with explanations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bar
from rich.progress import TextColumn

from evaluators.suite import Suite
from fairtrial.config.project import Project
from fairtrial.domain.plurals import counted
from fairtrial.domain.run import Run
from fairtrial.domain.verdict import Verdict
from fairtrial.domain.verdicts.wording import titled
from fairtrial_cli.dashboard_link import sign_in_lines
from fairtrial_cli.demo import sick_candidate, story
from fairtrial_cli.demo.decision import live_lines, wait_for_windows
from fairtrial_cli.demo.late_server import allowed_seconds, late_server
from fairtrial_cli.demo.local_models import expected_minutes, local_models, measure_seconds
from fairtrial_cli.demo.review import fill_queue, how_to_judge
from fairtrial_cli.demo.setting import GATE, SUITES, SUPPORT, Setting, prepare
from fairtrial_cli.demo.traffic import Ticket, Traffic, read_tickets, send
from fairtrial_cli.judge_gate_file import judge_gate_file
from fairtrial_cli.output.progress import run_progress
from fairtrial_cli.processes.services import Services, Urls
from fairtrial_cli.processes.signals import shutdown_signal
from fairtrial_cli.run_suites import RunOptions, load_suites, run_suites
from fairtrial_cli.store_client.client import open_store

BASE, GOOD = "base", "support-v2"
OTHERS = ("support-v1", "support-overfit", "support-wrongpattern")
LESSON = "support-v1"
SMALL, LARGE = "general-forty", "general-kept"
GATE_SUITES = ("support/suite.yaml", "general/suite.yaml", "edges/suite.yaml")
SMALL_SUITE = "general/forty.yaml"
SEED = 20261124
USERS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Options:
    """The demo's options. ``limit`` runs only the first cases of each suite, which no gate accepts as complete."""

    folder: Path
    fresh: bool = False
    wait: bool = True
    users: int = 240
    limit: int | None = None


@dataclass(slots=True)
class Demo:
    """The state of a running demo, with its runs and verdicts so far."""

    console: Console
    options: Options
    project: Project
    urls: Urls
    runs: dict[tuple[str, str], Run] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)


def show(options: Options, console: Console) -> int:
    """Run the whole demo; returns the gate's exit code for the good fine-tune."""
    setting = prepare(options.folder, fresh=options.fresh)
    with shutdown_signal() as shutdown, ExitStack() as stack:
        stack.enter_context(local_models(setting.ports["models"], setting.folder / "models.log"))
        trial_seconds = measure_seconds(setting.models_url)
        _start_late_server(setting, trial_seconds, stack)
        _print_duration(setting, options, console, trial_seconds)
        services = stack.enter_context(Services(setting.project, workers=2))
        demo = Demo(console, options, services.project, services.urls)
        _trial(demo)
        _conclude(demo)
        pairs = fill_queue(demo.project, GOOD, BASE)
        setting.finish()
        if options.wait:
            _print_addresses(demo, setting)
        _print_review_help(demo, setting, pairs)
        if options.wait:
            console.print("Press Ctrl-C to stop everything.")
            shutdown.wait()
            console.print("stopping")
    return demo.verdicts[GOOD].exit_code


def _start_late_server(setting: Setting, trial_seconds: float, stack: ExitStack) -> None:
    allowed = allowed_seconds(trial_seconds)
    setting.allow(allowed)
    stack.enter_context(late_server(setting.ports["late"], setting.models_url, late_seconds=2 * allowed))


def _print_duration(setting: Setting, options: Options, console: Console, trial_seconds: float) -> None:
    minutes = expected_minutes(trial_seconds)
    length = f"in about {counted(round(minutes), 'minute')} on this machine" if options.limit is None else "soon"
    resumed = " (it continues an interrupted demo and reuses its answers)" if setting.resumed else ""
    console.print(
        f"The demo will finish {length}{resumed}: five real models, live traffic, three suites, four verdicts.\n"
        f"The first verdict comes in less than half of that time. All files are in {escape(str(setting.folder))}.",
        highlight=False,
    )


def _trial(demo: Demo) -> None:
    """Judge the good fine-tune first, so that its verdict comes early; then send traffic; then judge the others."""
    demo.console.rule("Three suites on the base and the first candidate")
    _evaluate(demo, [BASE, GOOD], GATE_SUITES)
    _judge(demo, GOOD)
    demo.console.rule("Live traffic: simulated customers, split evenly")
    _report_traffic(demo, _send_traffic(demo))
    _judge(demo, GOOD)  # again, now with live rates
    sent_at = time.monotonic()
    demo.console.rule("A candidate whose server is often late: control stops it")
    _watch_sick_candidate(demo)
    demo.console.rule("Three suites on the other candidates")
    _evaluate(demo, OTHERS, GATE_SUITES)
    for candidate in OTHERS:
        _judge(demo, candidate)
    demo.console.rule("Forty questions, as in a test by hand")
    _evaluate(demo, [BASE, LESSON], [SMALL_SUITE])
    demo.console.rule("What the live traffic decided")
    _report_decision(demo, sent_at)


def _evaluate(demo: Demo, targets: Sequence[str], files: Sequence[str]) -> None:
    limit = demo.options.limit
    suites = load_suites([SUITES / name for name in files])
    suites = suites if limit is None else [suite.with_limit(limit) for suite in suites]

    def note(suite: Suite, run: Run) -> None:
        demo.runs[suite.name, run.target] = run
        demo.console.print(escape(f"  {suite.name} on {run.target}: {_main_figures(suite, run)}"), highlight=False)

    with run_progress(demo.console) as step:
        options = RunOptions(concurrency=4, side_by_side=2, on_progress=step, on_run=note)
        run_suites(demo.project, suites, targets, base_url=demo.urls.api, options=options)


def _main_figures(suite: Suite, run: Run) -> str:
    """The main statistic of each scorer, and the number of errors."""
    names = [f"{scorer.name}.{scorer.stats[0].name}" for scorer in suite.scorers]
    figures = [f"{name} {value:.1%}" for name in names if (value := run.metrics.get(name)) is not None]
    errors = sum(result.answer.error is not None for result in run.results)
    return ", ".join(
        [
            counted(len(run.results), "case"),
            *figures,
            *([counted(errors, "error")] if errors else []),
        ]
    )


def _judge(demo: Demo, candidate: str) -> None:
    with open_store(demo.project.layout) as store:
        verdict = judge_gate_file(store, GATE, demo.project, candidate=candidate, baseline=BASE)
    demo.verdicts[candidate] = verdict
    title = titled(verdict.headline, official=verdict.official)
    demo.console.print(f"[{story.style_of(verdict)}]{escape(title)}[/]", highlight=False)


def _tickets() -> list[Ticket]:
    return read_tickets([SUPPORT / "data" / "val.jsonl", SUITES / "support" / "test.jsonl"])


def _watch_sick_candidate(demo: Demo) -> None:
    """Send users to the second experiment, until control stops it before their eyes."""
    with Bar(TextColumn("  {task.description}"), console=demo.console, disable=not demo.console.is_terminal) as bar:
        task = bar.add_task("the first users are on their way", total=None)
        sending = sick_candidate.send_until_stopped(
            demo.urls.api, _tickets(), lambda seen: bar.update(task, description=str(seen))
        )
        seen = asyncio.run(sending)
    demo.console.print(f"  {seen} of the candidate", highlight=False)
    with open_store(demo.project.layout) as store:
        lines = sick_candidate.outcome_lines(store, seen)
    for line in lines:
        demo.console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


def _report_decision(demo: Demo, sent_at: float) -> None:
    """Wait until the time for feedback of the last customer is over, then say what control decided."""
    with open_store(demo.project.layout) as store:
        wait_for_windows(store, sent_at, demo.console)
        for line in live_lines(store):
            demo.console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


def _send_traffic(demo: Demo) -> Traffic:
    tickets = _tickets()
    users = demo.options.users
    with Bar(console=demo.console, disable=not demo.console.is_terminal) as bar:
        task = bar.add_task(f"{users} customers", total=users)
        sending = send(
            demo.urls.api,
            tickets,
            users=users,
            seed=SEED,
            concurrency=USERS_AT_ONCE,
            on_done=lambda: bar.advance(task),
        )
        return asyncio.run(sending)


def _report_traffic(demo: Demo, sent: Traffic) -> None:
    demo.console.print(
        f"  {counted(sent.users, 'customer')}: {sent.answered} answered, {counted(sent.errors, 'error')}, "
        f"{sent.feedback} gave feedback",
        highlight=False,
    )
    with open_store(demo.project.layout) as store:
        store.ingest_now()
        for line in story.live_lines(store.traffic(), key="understood"):
            demo.console.print(f"  {escape(line)}", highlight=False)


def _conclude(demo: Demo) -> None:
    demo.console.print(story.verdict_table(list(demo.verdicts.values())))
    small, large = (_of_suite(demo, name) for name in (SMALL, LARGE))
    demo.console.print(escape(story.lesson(small, large, LESSON, BASE)), highlight=False)


def _of_suite(demo: Demo, suite: str) -> dict[str, Run]:
    return {target: run for (name, target), run in demo.runs.items() if name == suite}


def _print_addresses(demo: Demo, setting: Setting) -> None:
    sign_in = "\n  ".join(sign_in_lines(demo.project))
    demo.console.print(
        f"\nEverything is still running:\n"
        f"  dashboard  {demo.urls.dashboard}\n"
        f"  {sign_in}\n"
        f"  gateway    {demo.urls.api}    (model: support-bot; the base_url of an application)\n"
        f"  control    {demo.urls.control}/api\n"
        f"  models     {setting.models_url}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _print_review_help(demo: Demo, setting: Setting, pairs: int) -> None:
    dashboard = demo.urls.dashboard if demo.options.wait else None
    lines = how_to_judge(pairs, setting.project, candidate=GOOD, baseline=BASE, dashboard=dashboard)
    demo.console.print("\n" + "\n".join(lines), highlight=False, markup=False, soft_wrap=True)
