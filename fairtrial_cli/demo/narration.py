"""Explains the demo: what it is doing, how far it is, and what its results mean, with numbers from the runs."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.run import Run, Score
from fairtrial.domain.store_reports import Traffic, VariantTraffic
from fairtrial.domain.verdicts.verdict import Decision, Finding, Verdict, interleave_sources
from fairtrial.domain.wording import counted

QUIET_SECONDS = 6.0
"""The longest silence without a terminal."""
TICK_SECONDS = 0.5
ENOUGH = 15.0
"""The work after which its own speed says more than the first measurement."""

STYLES: Mapping[Decision, str] = {"SHIP": "bold green", "HOLD": "bold yellow", "BLOCK": "bold red", "INVALID": "bold"}
MOST_REASONS = 3
TALLIES = {"HOLD": "undecided", "BLOCK": "failed", "INVALID": "unsound"}
MARKS = {"invalid": "!", "fail": "✗", "cannot tell": "?", "pass": "✓"}
WIDTH, INDENT = 80, 8
VERSUS = " not worse than base by "


class DemoProgress:
    """A line that is redrawn on a terminal, and printed every few seconds elsewhere. Safe to use from two threads.

    Work is counted in ticket answers (see `sizes`).
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began = self._printed = clock()
        self._lock = threading.Lock()
        self._doing = ""
        self._counts: dict[str, tuple[int, int]] = {}
        self._speed: float | None = None
        self._work_began = 0.0
        self._work_left = self._work_done = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._status = console.status("", refresh_per_second=4) if console.is_terminal else None

    @property
    def elapsed(self) -> float:
        """Seconds since the demo began."""
        return self._clock() - self._began

    @property
    def speed(self) -> float | None:
        """Units of work a second: as first measured, or as done since if that is enough to say."""
        seconds = self._clock() - self._work_began
        return self._work_done / seconds if self._work_done >= ENOUGH and seconds > 0 else self._speed

    def expect(self, work: float, speed: float | None) -> None:
        """From now on there is this much work left, at this speed until enough of it is done."""
        with self._lock:
            self._work_left, self._work_done, self._speed = work, 0.0, speed
            self._work_began = self._clock()

    def doing(self, what: str) -> None:
        """Name the next step, and forget the counts of the last one."""
        with self._lock:
            self._doing, self._counts = what, {}
        if self._status is None:
            self.say(f"  {what}")
        else:
            self._redraw()

    def count(self, name: str, done: int, total: int, *, work: float = 0.0) -> None:
        """``done`` of ``total`` of something, after ``work`` more."""
        with self._lock:
            self._counts[name] = (done, total)
        self.spend(work)

    def spend(self, work: float) -> None:
        """So much more work is done."""
        with self._lock:
            self._work_done += work
            self._work_left -= work

    def say(self, text: str = "", *, markup: bool = False) -> None:
        """Print a line that stays."""
        self._printed = self._clock()
        self._console.print(text if markup else escape(text), highlight=False, soft_wrap=True)

    def say_styled(self, text: str, style: str) -> None:
        """Print a line that stays, in this style."""
        self.say(f"[{style}]{escape(text)}[/]", markup=True)

    def rule(self, title: str) -> None:
        """Begin a part of the demo, with the time since its beginning."""
        self._printed = self._clock()
        self._console.rule(f"{escape(title)} [dim]{minutes(self.elapsed)}[/]", align="left")

    def __str__(self) -> str:
        with self._lock:
            parts = [self._doing, *(f"{name} {done:,} of {total:,}" for name, (done, total) in self._counts.items())]
            left = self._work_left
        speed = self.speed
        if speed and left > 0:
            parts.append(f"about {minutes(left / speed)} left")
        return ", ".join(parts)

    def __enter__(self) -> "DemoProgress":
        if self._status is not None:
            self._status.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        if self._status is not None:
            self._status.stop()

    def pause(self) -> None:
        """Stop redrawing, because the demo waits for nothing but its user."""
        self._ending.set()
        if self._status is not None:
            self._status.stop()

    def _run(self) -> None:
        while not self._ending.wait(TICK_SECONDS):
            if self._status is not None:
                self._redraw()
            elif self._clock() - self._printed >= QUIET_SECONDS:
                self.say(f"  {minutes(self.elapsed)}  {self}")

    def _redraw(self) -> None:
        if self._status is not None:
            self._status.update(escape(f"{minutes(self.elapsed)}  {self}"))


def minutes(seconds: float) -> str:
    """``1:05`` for 65 seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


@dataclass(frozen=True, slots=True)
class Count:
    """The number of correct answers in a run."""

    right: int
    of: int

    def __str__(self) -> str:
        return f"{self.right} of {self.of}"


def count_right(run: Run, scorer: str, tag: tuple[str, str] | None = None) -> Count:
    """Correct answers by a 0/1 scorer, over all cases or those with the tag."""
    values = [
        score.values.get("accuracy")
        for result in run.results
        if tag is None or result.case.tags.get(tag[0]) == tag[1]
        if isinstance(score := result.scores.get(scorer), Score)
    ]
    known = [value for value in values if value is not None]
    return Count(round(sum(known)), len(known))


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and in words by which gate and on what it was reached."""

    verdict: Verdict
    on: str


def style_of(verdict: Verdict) -> str:
    """The style of its decision; a SHIP of an unofficial gate is not green."""
    return STYLES[verdict.decision] if verdict.official or verdict.decision != "SHIP" else "bold"


def table_lines(judged: Sequence[Judged]) -> Iterator[str]:
    """One line in rich markup for each verdict, then at most three reasons, all within eighty columns."""
    longest = max(len(entry.verdict.candidate) for entry in judged)
    for entry in judged:
        verdict = entry.verdict
        yield (
            f"[{style_of(verdict)}]{verdict.decision:<7}[/] [bold]{escape(verdict.candidate):<{longest}}[/]  "
            f"[dim]{escape(entry.on)}: {_tally(verdict)}[/]"
        )
        for reason in _reasons(verdict):
            yield escape(_cut(f"{' ' * INDENT}{reason}", WIDTH))


def _deciding(verdict: Verdict) -> list[Finding]:
    """The findings from which the decision follows: the failed rules of a BLOCK, and all rules of a SHIP."""
    result = {"SHIP": "pass", "HOLD": "cannot tell", "BLOCK": "fail", "INVALID": "invalid"}[verdict.decision]
    return [finding for finding in verdict.findings if finding.decisive and finding.result == result]


def _tally(verdict: Verdict) -> str:
    """How many rules decided, such as ``2 rules undecided``."""
    count = len(_deciding(verdict))
    if verdict.decision == "SHIP":
        return f"all {count} rules are met"
    return f"{counted(count, 'rule')} {TALLIES[verdict.decision]}"


def _reasons(verdict: Verdict) -> list[str]:
    """At most three of the deciding findings, the gate's own lines first.

    For a SHIP these are the approval that it waits for, and the main comparisons.
    """
    deciding = _deciding(verdict)
    if verdict.decision != "SHIP":
        own_first = sorted(deciding, key=lambda finding: finding.source != verdict.gate)
        return [_in_short(finding) for finding in interleave_sources(own_first)][:MOST_REASONS]
    waits = [f"it waits for the approval of {' and '.join(verdict.approvers)}"] if verdict.approvers else []
    compared = [_in_short(finding) for finding in deciding if VERSUS in finding.rule]
    return [*waits, *compared][:MOST_REASONS]


def _in_short(finding: Finding) -> str:
    """What was measured and what is demanded in one line, such as ``✗ schema.valid >= 95%: 75.8 %``."""
    metric, versus, margin = finding.rule.partition(VERSUS)
    if not versus:
        return f"{MARKS[finding.result]} {finding.rule}: {_figures(finding)}"
    scope = f" in {finding.scope}" if finding.scope else ""
    figures = _loss(finding.evidence, margin.split()[0]) or _figures(finding)
    return f"{MARKS[finding.result]} {metric}{scope}: {figures}"


def _loss(evidence: object, margin: str) -> str:
    """Both shares, and how large the loss may be at worst beside what the rule allows; empty without an estimate."""
    if not isinstance(evidence, Comparison) or not isinstance(evidence.difference, Estimate):
        return ""
    if evidence.baseline is None or evidence.candidate is None:
        return ""
    loss = max(0.0, -100 * evidence.difference.low)
    return f"{100 * evidence.baseline:.0f} → {100 * evidence.candidate:.0f} %, loss ≤ {loss:.1f} of {margin}"


def _figures(finding: Finding) -> str:
    evidence = finding.evidence
    if isinstance(evidence, Comparison) and evidence.baseline is not None and evidence.candidate is not None:
        return f"{100 * evidence.baseline:.1f} → {100 * evidence.candidate:.1f} %"
    if isinstance(evidence, Estimate) and 0 <= evidence.value <= 1:
        return f"{100 * evidence.value:.1f} %"
    return finding.needed.partition(", or ")[0] or (
        evidence.reason if isinstance(evidence, NotEnough) else finding.says
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def lesson(small: Mapping[str, Run], large: Mapping[str, Run], candidate: str, baseline: str) -> str:
    """Why forty questions are not enough, compared with a few hundred questions in slices."""
    few, few_base = (count_right(small[name], "general") for name in (candidate, baseline))
    many, many_base = (count_right(large[name], "general") for name in (candidate, baseline))
    sums, sums_base = (count_right(large[name], "general", ("kind", "arithmetic")) for name in (candidate, baseline))
    lost = "The gate's margin says whether that is too few." if sums.right < sums_base.right else "No sums were lost."
    return (
        f"What {candidate} shows: of {few.of} obvious questions it answers {few.right} correctly, {baseline} "
        f"{few_base.right}. So few questions can't show a change of less than about 20 points. Of {many.of} questions "
        f"it answers {many.right} correctly, {baseline} {many_base.right}. Of {sums.of} small sums, {sums.right} and "
        f"{sums_base.right}. {lost}"
    )


def variant_lines(traffic: Sequence[Traffic], *, experiment: str, key: str) -> list[str]:
    """One line of plain rates for each variant of the experiment. Control decides by intervals."""
    return [_live_line(variant, key) for each in traffic if each.experiment == experiment for variant in each.variants]


def _live_line(variant: VariantTraffic, key: str) -> str:
    feedback = variant.feedback.get(key)
    rate = f"{key} {feedback.rate:.0%} of {feedback.rated}" if feedback and feedback.rate is not None else "no feedback"
    speed = f"median {variant.latency_p50 / 1000:.1f} s" if variant.latency_p50 is not None else "no latency"
    errors = f"{counted(variant.errors, 'variant error')}, {variant.user_errors} seen by customers"
    counts = f"{counted(variant.units, 'customer')}, {counted(variant.requests, 'request')}, {errors}"
    return f"{variant.variant}: {counts}, {speed}, {rate} (plain rates)"
