"""Explains the demo's results: which fine-tunes may ship and why, with numbers from the runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from fairtrial.domain.plurals import counted
from fairtrial.domain.run import Run, Score
from fairtrial.domain.verdict import Decision, Finding, Verdict, interleave_sources
from fairtrial.domain.verdicts.unasked import NOTABLE, is_unasked
from fairtrial.domain.verdicts.wording import titled

if TYPE_CHECKING:
    from fairtrial.domain.storage.traffic import Traffic, VariantTraffic

STYLES: Mapping[Decision, str] = {"SHIP": "bold green", "HOLD": "bold yellow", "BLOCK": "bold red", "INVALID": "bold"}
MEANINGS: Mapping[Decision, str] = {
    "SHIP": "may ship",
    "HOLD": "not yet: not enough evidence",
    "BLOCK": "must not ship",
    "INVALID": "the evidence is unsound",
}
MOST_REASONS = 4


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


def style_of(verdict: Verdict) -> str:
    """The style of its decision; a SHIP of an unofficial gate is not green."""
    return STYLES[verdict.decision] if verdict.official or verdict.decision != "SHIP" else "bold"


def meaning_of(verdict: Verdict) -> str:
    """What its decision means."""
    unofficial_ship = verdict.decision == "SHIP" and not verdict.official
    return "not from the official gate" if unofficial_ship else MEANINGS[verdict.decision]


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """One row for each fine-tune: the verdict, its meaning, and its reasons, the worst first."""
    table = Table(title="May this fine-tune replace its base?", title_justify="left", show_lines=True, expand=True)
    table.add_column("fine-tune", style="bold", no_wrap=True)
    table.add_column("verdict", width=18)
    table.add_column("why", ratio=1)
    for verdict in verdicts:
        word = f"[{style_of(verdict)}]{titled(verdict.decision, official=verdict.official)}[/]\n{meaning_of(verdict)}"
        table.add_row(escape(verdict.candidate), word, escape("\n".join(reasons(verdict))))
    return table


def reasons(verdict: Verdict) -> list[str]:
    """The sentences that explain a verdict: failed rules, then undecided ones; for a SHIP, the main comparisons."""
    order = ("invalid", "fail", "cannot tell")
    against = sorted(
        (finding for finding in verdict.findings if finding.decisive and finding.result in order),
        key=lambda finding: order.index(finding.result),
    )
    if not against:
        decisive = [finding for finding in verdict.findings if finding.decisive]
        shown_only = [f"· {finding.says}" for finding in verdict.findings if _is_shown(finding)]
        return [f"all {len(decisive)} rules passed", *_margins(decisive), *shown_only]
    sentences = list(dict.fromkeys(_sentence(finding) for finding in interleave_sources(against)))
    shown, left = sentences[:MOST_REASONS], len(sentences[MOST_REASONS:])
    return shown + ([f"… and {left} more"] if left else [])


def _is_shown(finding: Finding) -> bool:
    """Whether a finding that decides nothing is worth a line: of the signals only notable changes are."""
    return not finding.decisive and (not is_unasked(finding) or finding.says.endswith(NOTABLE))


def _sentence(finding: Finding) -> str:
    mark = {"invalid": "!", "fail": "✗", "cannot tell": "?"}[finding.result]
    return f"{mark} {finding.says}" + (f" ({finding.needed})" if finding.needed else "")


def _margins(findings: Iterable[Finding]) -> list[str]:
    """The findings that compare with the base, on which a SHIP is based."""
    return [f"✓ {finding.says}" for finding in findings if "not worse than" in finding.rule][:3]


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


def live_lines(traffic: Sequence[Traffic], *, key: str) -> list[str]:
    """One line of plain rates for each variant. Control decides by intervals, and later."""
    return [_live_line(variant, key) for each in traffic for variant in each.variants]


def _live_line(variant: VariantTraffic, key: str) -> str:
    found = variant.feedback.get(key)
    rate = f"{key} {found.rate:.0%} of {found.rated}" if found and found.rate is not None else "no feedback"
    speed = f"median {variant.latency_p50 / 1000:.1f} s" if variant.latency_p50 is not None else "no latency"
    errors = f"{counted(variant.errors, 'variant error')}, {variant.user_errors} seen by customers"
    counts = f"{counted(variant.units, 'customer')}, {counted(variant.requests, 'request')}, {errors}"
    return f"{variant.variant}: {counts}, {speed}, {rate} (plain rates)"
