"""Prints verdicts: the list, one record, a recomputation, and the check of integrity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from fairtrial.api.verdict_answers import Integrity, Recomputation, ReleaseRecord, VerdictRow
from fairtrial.domain.answers.signals import BLOCK_TITLE
from fairtrial.domain.verdicts import verdict_wording
from fairtrial.domain.wording import counted, rows_by_table
from fairtrial_cli.output.terminal import columns, print_table

if TYPE_CHECKING:
    from gateway.control.verdicts.export_check import ExportCheck


def print_list(rows: Sequence[VerdictRow]) -> None:
    """A row for each verdict."""
    console = Console()
    if not rows:
        console.print("No verdicts yet. Judge a candidate: fairtrial gate GATE --candidate tuned --baseline base")
        return
    cells = [
        (
            row.verdict_id,
            _title(row),
            f"{row.at_time:%Y-%m-%d %H:%M}",
            row.candidate,
            row.baseline,
            row.gate,
            verdict_wording.standing_word(official=row.official),
        )
        for row in rows
    ]
    print_table(console, columns("id", "reads", "judged", "candidate", "baseline", "gate", "standing"), cells)


def print_block(console: Console, lines: Sequence[str]) -> None:
    """Print the lines of `block_lines`, the last of which is the rule."""
    if not lines:
        return
    console.print(Text(BLOCK_TITLE, style="bold"))
    *changes, rule = lines
    for line in changes:
        console.print(Text(line))
    console.print(Text(rule, style="dim"))


def _title(row: VerdictRow | ReleaseRecord) -> str:
    return verdict_wording.titled(row.reads, official=row.official)


def print_recomputed(recomputation: Recomputation) -> None:
    """``THE SAME`` or ``CHANGED``, then what differs, and what was repeated."""
    console, lines = Console(), recomputation.lines
    console.print(Text(recomputation.result, style="bold" if recomputation.same else "bold red"))
    for sentence in recomputation.differences:
        console.print(Text(sentence, style="red"), soft_wrap=True)
    for line in (changed for changed in lines if not changed.same):
        console.print(Text(f"{line.rule}\n  stored:   {line.says}\n  computed: {line.says_now}"))
    same = sum(line.same for line in lines)
    console.print(Text(f"{same} of {counted(len(lines), 'finding')} are the same."))
    for look in recomputation.looks:
        looks = counted(look.judged, "look")
        console.print(Text(f"experiment {look.experiment}: {look.repeated} of {looks} repeated"))
    if recomputation.program != recomputation.program_now:
        console.print(Text(f"It was judged by fairtrial {recomputation.program}; this is {recomputation.program_now}."))
    console.print(Text(f"Decision: {recomputation.decision} when stored, {recomputation.decision_now} now."))


def print_integrity(result: Integrity) -> None:
    """Whether anything was changed, what the audit trail covers, and the heads of the two chains."""
    console, head, trail_head = Console(), result.head, result.trail_head
    for problem in result.problems:
        console.print(Text(f"CHANGED: {problem.says}", style="red"), soft_wrap=True)
    covered, uncovered = rows_by_table(result.covered), rows_by_table(result.uncovered)
    if result.intact:
        verdicts = counted(result.verdicts, "verdict")
        console.print(Text(f"Intact: {verdicts} with evidence, and the audit trail.", style="bold"))
        if covered:
            console.print(Text(f"As the audit trail recorded them: {covered}."), soft_wrap=True)
    if uncovered:
        console.print(Text(f"Not covered, because earlier versions recorded no digest: {uncovered}."), soft_wrap=True)
    if result.without_evidence:
        console.print(Text(f"{counted(result.without_evidence, 'verdict')} of earlier versions have no evidence."))
    if head is not None:
        console.print(Text(f"Head of the chain: {head.number} {head.hash}"), soft_wrap=True)
    if trail_head is not None:
        console.print(Text(f"Head of the audit trail: {trail_head.number} {trail_head.hash}"), soft_wrap=True)


def print_export_check(result: ExportCheck) -> None:
    """Whether an export was changed, what its verdict says, and the head of the chain in it."""
    console, shows, head = Console(), result.shows, result.head
    for problem in result.problems:
        console.print(Text(f"CHANGED: {problem}", style="red"), soft_wrap=True)
    if result.unknown_form:
        console.print(Text(f"CAN'T BE CHECKED: {result.unknown_form}", style="yellow"), soft_wrap=True)
    if not result.problems and shows is not None:
        console.print(Text("Intact: the verdict, its evidence and the chain.", style="bold"))
        words = verdict_wording.titled(shows.decision, official=shows.official)
        against = f"{shows.candidate} against {shows.baseline}, gate {shows.gate}"
        console.print(Text(f"{words}: {against}, id {shows.verdict_id}"), soft_wrap=True)
    for note in result.notes:
        console.print(Text(f"Not checked: {note}"), soft_wrap=True)
    if not result.problems and head is not None:
        console.print(Text(f"Head of the chain: {head.number} {head.hash}"), soft_wrap=True)
        console.print(Text("Compare it with a head that you kept: only that shows that the chain was not replaced."))
