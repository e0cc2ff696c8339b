"""What the demo says at its end: which fine-tune may ship, which may not, and why; every number from the runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from fairtrial.domain.run import Run, Score
from fairtrial.domain.verdict import Decision, Finding, Verdict, spread

if TYPE_CHECKING:
    from fairtrial.store.traffic.traffic import Traffic, VariantTraffic

STYLES: Mapping[Decision, str] = {"SHIP": "bold green", "HOLD": "bold yellow", "BLOCK": "bold red", "INVALID": "bold"}
MEANINGS: Mapping[Decision, str] = {
    "SHIP": "may ship",
    "HOLD": "not yet: the evidence can't tell",
    "BLOCK": "must not ship",
    "INVALID": "the evidence is unsound",
}
MOST_REASONS = 4


@dataclass(frozen=True, slots=True)
class Count:
    """How many cases of a run a model got right."""

    right: int
    of: int

    def __str__(self) -> str:
        return f"{self.right} of {self.of}"


def count_right(run: Run, scorer: str, tag: tuple[str, str] | None = None) -> Count:
    """Right answers by a 0/1 scorer, over all cases or those that carry the tag."""
    values = [
        score.values.get("accuracy")
        for result in run.results
        if tag is None or result.case.tags.get(tag[0]) == tag[1]
        if isinstance(score := result.scores.get(scorer), Score)
    ]
    known = [value for value in values if value is not None]
    return Count(round(sum(known)), len(known))


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """One row for each fine-tune: the verdict, what it means, and its reasons, the worst first."""
    table = Table(title="May this fine-tune replace its base?", title_justify="left", show_lines=True, expand=True)
    table.add_column("fine-tune", style="bold", no_wrap=True)
    table.add_column("verdict", width=18)
    table.add_column("why", ratio=1)
    for verdict in verdicts:
        style = STYLES[verdict.decision]
        word = f"[{style}]{verdict.decision}[/]\n{MEANINGS[verdict.decision]}"
        table.add_row(escape(verdict.candidate), word, escape("\n".join(reasons(verdict))))
    return table


def reasons(verdict: Verdict) -> list[str]:
    """The sentences that explain a verdict: what is broken, then what can't be told; for a SHIP, what it rests on."""
    order = ("invalid", "fail", "cannot tell")
    against = sorted(
        (finding for finding in verdict.findings if finding.decisive and finding.result in order),
        key=lambda finding: order.index(finding.result),
    )
    if not against:
        decisive = [finding for finding in verdict.findings if finding.decisive]
        shown_only = [f"· {finding.says}" for finding in verdict.findings if not finding.decisive]
        return [f"all {len(decisive)} rules are met", *_margins(decisive), *shown_only]
    said = list(dict.fromkeys(_sentence(finding) for finding in spread(against)))
    shown, left = said[:MOST_REASONS], len(said[MOST_REASONS:])
    return shown + ([f"… and {left} more"] if left else [])


def _sentence(finding: Finding) -> str:
    mark = {"invalid": "!", "fail": "✗", "cannot tell": "?"}[finding.result]
    return f"{mark} {finding.says}" + (f" ({finding.needed})" if finding.needed else "")


def _margins(findings: Iterable[Finding]) -> list[str]:
    """What a SHIP rests on: the findings that compare with the base."""
    return [f"✓ {finding.says}" for finding in findings if "not worse than" in finding.rule][:3]


def lesson(small: Mapping[str, Run], large: Mapping[str, Run], candidate: str, baseline: str) -> str:
    """Why forty questions are not enough: what they say of a candidate, and what a few hundred with slices say."""
    few, few_base = (count_right(small[name], "general") for name in (candidate, baseline))
    many, many_base = (count_right(large[name], "general") for name in (candidate, baseline))
    sums, sums_base = (count_right(large[name], "general", ("kind", "arithmetic")) for name in (candidate, baseline))
    told = f"That is what {candidate} lost." if sums.right < sums_base.right else "No sum was lost here."
    return (
        f"The lesson of {candidate}: on the {few.of} questions that one would think of first it answers {few.right}, "
        f"{baseline} {few_base.right}; so few can't show a change of less than about 20 points. On {many.of} questions "
        f"it answers {many.right}, {baseline} {many_base.right}; and of {sums.of} small sums {sums.right}, "
        f"{baseline} {sums_base.right}. {told}"
    )


def live_lines(traffic: Sequence[Traffic], *, key: str) -> list[str]:
    """One line for each variant that was served: plain rates, which are to be looked at and decide nothing."""
    return [_live_line(variant, key) for each in traffic for variant in each.variants]


def _live_line(variant: VariantTraffic, key: str) -> str:
    said = variant.feedback.get(key)
    rate = f"{key} {said.rate:.0%} of {said.rated}" if said and said.rate is not None else "no feedback"
    speed = f"median {variant.latency_p50 / 1000:.1f} s" if variant.latency_p50 is not None else "no latency"
    errors = f"{variant.errors} errors of the arm, {variant.user_errors} seen by customers"
    counts = f"{variant.units} customers, {variant.requests} requests, {errors}"
    return f"{variant.variant}: {counts}, {speed}, {rate} (plain rates: not decisive)"
