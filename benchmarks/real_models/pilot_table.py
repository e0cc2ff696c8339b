"""Which families suit the general suite, and how many cases a slice needs, from the base's answers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from evaluators.generators.general import QuestionFamily

LOW, HIGH = 0.4, 0.8
MARGIN = 0.10
POWER_FACTOR = 6.2
"""(1.645 + 0.842)²: one-sided 5 %, 80 % power."""


@dataclass(frozen=True, slots=True)
class Piloted:
    """What the base did on a family: right answers as asked, and those under the harmless change where it was tried."""

    family: QuestionFamily
    pool: int
    right: tuple[bool, ...]
    changed: tuple[bool, ...] = ()

    @property
    def share(self) -> float:
        return sum(self.right) / len(self.right)

    @property
    def suits(self) -> bool:
        return LOW <= self.share <= HIGH

    @property
    def discordance(self) -> float | None:
        return discordance([self]) if self.changed else None


def discordance(piloted: Sequence[Piloted]) -> float:
    """The share of questions that only one of the two runs answered right."""
    pairs = [pair for each in piloted for pair in zip(each.right, each.changed, strict=bool(each.changed))]
    return sum(one != other for one, other in pairs) / len(pairs)


def cases_needed(share_differing: float) -> int:
    return ceil(POWER_FACTOR * share_differing / MARGIN**2)


def table(found: Sequence[Piloted]) -> str:
    """A Markdown table: one line a family, then the suitable families of each slice together."""
    lines = ["| family | slice | pool | asked | right | suits | discordance |", "|---|---|---|---|---|---|---|"]
    for each in found:
        differing = "" if each.discordance is None else f"{each.discordance:.2f}"
        lines.append(
            f"| {each.family.name} | {each.family.kind} | {each.pool} | {len(each.right)} | {each.share:.0%} "
            f"| {'yes' if each.suits else 'no'} | {differing} |"
        )
    return "\n".join([*lines, "", *_slices(found)])


def _slices(found: Sequence[Piloted]) -> list[str]:
    lines = [
        "| slice | asked | right | discordance, harmless change | discordance, independent | cases for 10 points |",
        "|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(each.family.kind for each in found if each.suits):
        of_kind = [each for each in found if each.family.kind == kind and each.suits]
        right = [one for each in of_kind for one in each.right]
        share, differing = sum(right) / len(right), discordance(of_kind)
        independent = 2 * share * (1 - share)
        cases = f"{cases_needed(differing)} to {cases_needed(independent)}"
        lines.append(f"| {kind} | {len(right)} | {share:.0%} | {differing:.2f} | {independent:.2f} | {cases} |")
    return lines
