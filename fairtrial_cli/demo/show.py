"""Runs the demo: models, services, suites, verdicts and live traffic, with explanations."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from fairtrial.domain.wording import counted
from fairtrial_cli.dashboard_link import dashboard_link
from fairtrial_cli.demo import narration, setting as sizes
from fairtrial_cli.demo.live import LiveTraffic, TrafficSetting
from fairtrial_cli.demo.model_servers import allowed_seconds, late_server, local_models, measure
from fairtrial_cli.demo.narration import DemoProgress, minutes
from fairtrial_cli.demo.setting import ALL, RELEASE, REVIEWED, SUITES, SUPPORT, DemoSetting, Sizes, prepare
from fairtrial_cli.demo.traffic import read_tickets
from fairtrial_cli.demo.trial import BASE, EDGES, FORTY, GENERAL_KEPT, TICKETS, DemoTrial
from fairtrial_cli.processes.children import Child
from fairtrial_cli.processes.services import Services, Urls
from fairtrial_cli.processes.signals import Interruption, interruption

BAD, GOOD = "support-overfit", "support-v2"
OTHERS = ("support-v1", "support-overfit", "support-wrongpattern")
LESSON = "support-v1"
ALL_SUITES = (TICKETS, GENERAL_KEPT, EDGES)
VALIDATION = SUPPORT / "data" / "val.jsonl"

StartModels = Callable[[int, Path], AbstractContextManager[Sequence[Child]]]


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The demo's options. ``limit`` is the most cases of each suite, ``full`` judges all four fine-tunes."""

    folder: Path
    wait: bool = True
    full: bool = False
    users: int | None = None
    limit: int | None = None


def show(options: DemoOptions, console: Console, *, models: StartModels = local_models) -> int:
    """Run the demo; returns 0, because a demo that tells its story to the end has worked, whatever its gates say.

    Raises `KeyboardInterrupt` at Ctrl-C after everything has ended, within five seconds.
    """
    setting = prepare(options.folder)
    with interruption() as limits, DemoProgress(console) as progress, ExitStack() as stack:
        progress.doing("starting the local models: one base and four fine-tunes of it")
        children = stack.enter_context(models(setting.ports.models, setting.folder / "models.log"))
        limits.watch(lambda: children)
        late = stack.enter_context(late_server(setting.ports.late, setting.models_url))
        speed = _measure(setting, progress)
        late.late_seconds = 2 * allowed_seconds(speed)
        setting.allow(allowed_seconds(speed))
        taken = _choose(options, speed, progress)
        setting.take(taken)
        services = _start_services(setting, options, progress, limits, stack)
        trial = DemoTrial(services.project, setting.suites, services.urls.api, progress)
        progress.expect(taken.work - sizes.SERVICES / 2, speed)
        taken, live = _tell(trial, setting, options, taken)
        _print_closing(trial, live, services.urls if options.wait else None, taken=taken)
        if options.wait:
            progress.say("\nPress Ctrl-C to stop everything.")
            progress.pause()
            limits.shutdown.wait()
            raise KeyboardInterrupt
        progress.doing("stopping")
    return 0


def _measure(setting: DemoSetting, progress: DemoProgress) -> float:
    progress.doing("measuring how many answers a second this machine gives")
    return asyncio.run(measure(setting.models_url, [ticket.messages for ticket in read_tickets([VALIDATION])]))


def _choose(options: DemoOptions, speed: float, progress: DemoProgress) -> Sizes:
    """The sizes for this machine, printed with the time that they take."""
    taken = ALL if options.full else sizes.choose(speed, elapsed=progress.elapsed)
    if options.limit is not None:
        limit = options.limit
        taken = Sizes(min(limit, ALL.tickets), min(limit, ALL.general), min(limit, ALL.edges), taken.customers)
    if options.users is not None:
        taken = replace(taken, customers=options.users)
    seconds = progress.elapsed + taken.work / speed
    progress.say(
        f"This machine gives {speed:.2g} answers a second to support tickets. "
        + ("All four fine-tunes take" if options.full else f"The first verdict comes after about "
           f"{minutes(progress.elapsed + sizes.first_half(taken) / speed)} minutes, the end after")
        + f" about {minutes(_full_seconds(seconds, speed) if options.full else seconds)} minutes."
    )  # fmt: skip
    _print_left_out(taken, progress)
    return taken


def _full_seconds(seconds: float, speed: float) -> float:
    """``--full`` also has all suites of three more candidates, except the tickets that one of them has answered."""
    return seconds + sizes.others_work() / speed


def _print_left_out(taken: Sizes, progress: DemoProgress) -> None:
    left_out = taken.fewer_than(ALL)
    if left_out:
        progress.say(f"To end sooner, it takes {', '.join(left_out)}. The margins stay.")


def _start_services(
    setting: DemoSetting, options: DemoOptions, progress: DemoProgress, limits: Interruption, stack: ExitStack
) -> Services:
    """Start gateway, control and, if anybody can look at it, the dashboard."""
    progress.doing("starting gateway, control and dashboard" if options.wait else "starting gateway and control")
    services = Services(setting.project, workers=2, dashboard=options.wait)
    limits.watch(services.children.values)
    return stack.enter_context(services)


def _tell(trial: DemoTrial, setting: DemoSetting, options: DemoOptions, taken: Sizes) -> tuple[Sizes, list[str]]:
    """The story in three parts; returns the sizes that the machine allowed in the end, and the live decision."""
    progress = trial.progress
    progress.rule(f"1. {BAD}, trained on 20 tickets: it answers {counted(taken.tickets, 'ticket')}")
    trial.ask([BAD])
    trial.evaluate([BASE, BAD], [TICKETS])
    trial.judge(BAD, RELEASE, on="release gate, on the tickets alone")
    if not options.full and options.limit is None:
        taken = _shorten(trial, setting, taken)
    progress.rule(f"2. {GOOD}: three suites, beside live traffic")
    progress.expect(taken.second_half, progress.speed)
    trial.ask([GOOD])
    trial.evaluate([GOOD], [TICKETS])
    live = LiveTraffic(
        TrafficSetting(
            trial.project,
            trial.base_url,
            read_tickets([VALIDATION, SUITES / "support" / "test.jsonl"]),
            taken.customers,
        ),
        progress,
    )
    live.start()
    trial.evaluate([BASE, GOOD], [GENERAL_KEPT, EDGES])
    live.wait()
    trial.judge(GOOD, RELEASE, on="release gate")
    progress.rule(f"3. {GOOD} by the gate that also needs blind reviews")
    trial.fill_review_queue(GOOD)
    trial.judge(GOOD, REVIEWED, on="gate with blind reviews")
    if options.full:
        _judge_others(trial)
    return taken, live.decision()


def _shorten(trial: DemoTrial, setting: DemoSetting, taken: Sizes) -> Sizes:
    """Take fewer cases for the rest if the machine has become slower than it was when it was measured."""
    progress = trial.progress
    speed = progress.speed
    shorter = taken if speed is None else sizes.shorten(taken, speed, elapsed=progress.elapsed)
    if shorter != taken and speed is not None:
        setting.take(shorter)
        progress.say(f"The machine now gives {speed:.2g} answers a second.")
        _print_left_out(shorter, progress)
    return shorter


def _judge_others(trial: DemoTrial) -> None:
    """Judge the other three fine-tunes by the release gate on all suites, and show what forty questions can't show."""
    trial.progress.rule("4. The other fine-tunes on all suites")
    trial.progress.expect(sizes.others_work(), trial.progress.speed)
    for candidate in OTHERS:
        trial.evaluate([candidate], ALL_SUITES)
        trial.judge(candidate, RELEASE, on="release gate")
    trial.progress.rule("5. Forty questions, as in a test by hand")
    trial.evaluate([BASE, LESSON], [FORTY])
    small, large = trial.runs_of("general-forty"), trial.runs_of("general-kept")
    trial.progress.say(narration.lesson(small, large, LESSON, BASE))


def _print_closing(trial: DemoTrial, live: Sequence[str], urls: Urls | None, *, taken: Sizes) -> None:
    """Print verdicts, the live decision, and the next steps. ``urls``: of the services if they stay open."""
    progress = trial.progress
    progress.rule("What the customers decided")
    for line in live:
        progress.say(f"  {line}")
    progress.rule("May this fine-tune replace its base?")
    for line in narration.table_lines(trial.judged):
        progress.say(line, markup=True)
    codes = [str(entry.verdict.exit_code) for entry in trial.judged]
    progress.say(f"As commands, these gates exit with {', '.join(codes[:-1])} and {codes[-1]}.")
    left_out = taken.fewer_than(ALL)
    if left_out:
        progress.say(f"This run took {', '.join(left_out)}.")
    progress.say(f"Everything above was computed in this run, in {minutes(progress.elapsed)} minutes.")
    for line in (*(_to_click(trial, urls) if urls is not None else ()), *_to_type(trial)):
        progress.say(line)


def _to_click(trial: DemoTrial, urls: Urls) -> Iterator[str]:
    """The pages that tell the story; the first signs the browser in."""
    board = urls.dashboard
    shipped = trial.verdicts[GOOD, RELEASE]
    start = dashboard_link(trial.project) or f"{board}/overview"
    yield ""
    yield "Click (the first link signs your browser in, once, within 15 minutes):"
    yield f"  the whole story    {start}"
    yield f"  the release gate   {board}/gate?verdict={shipped.verdict_id}"
    yield f"  the live decision  {board}/experiment?experiment=tuned-vs-base"
    yield f"  what it costs      {board}/cost?name=tuned-vs-base"
    yield f"  judge blind        {board}/review"


def _to_type(trial: DemoTrial) -> Iterator[str]:
    """The commands that continue the story, as typed from the current folder."""
    program = _from_here(Path(sys.executable).with_name("fairtrial"), otherwise="fairtrial")
    project = _from_here(trial.project.path, otherwise=str(trial.project.path))
    gate = _from_here(trial.folder / REVIEWED, otherwise=str(trial.folder / REVIEWED))
    shipped = trial.verdicts[GOOD, RELEASE]
    yield ""
    yield "Type (in another terminal):"
    if shipped.decision == "SHIP":
        yield f"  {program} verdict approve {shipped.verdict_id} -c {project} --why 'the demo'"
    yield f"  {program} gate {gate} -c {project} --candidate {GOOD} --baseline {BASE}"
    yield f"  {program} experiment status next-vs-base -c {project}"
    yield f"  {program} cost tuned-vs-base -c {project}"


def _from_here(path: Path, *, otherwise: str) -> str:
    """The path relative to the current folder, if possible."""
    if not path.exists():
        return otherwise
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
