"""Defines the answer of a plan that spends its error level over several sources, as everybody prints it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from fairtrial.domain.wording import moment_words

Family = Literal["split", "shadow"]
ClaimAnswer = Literal["better", "worse", "undecided"]
SourcesAnswer = Literal["better", "not better", "contradiction", "undecided"]
OF_WHOM: Mapping[str, str] = {
    "split": "users, by {}",
    "shadow": "the scorer {} on pairs of answers",
}
"""Whose claim it is. No source speaks for another one."""


class Claim(msgspec.Struct, frozen=True):
    """What one source shows about the candidate. ``of``: the metric, scorer or dimension.

    ``weight``: its share of the error level for *better*. ``says``: the effect; ``needed``: what a claim still lacks.
    """

    family: Family
    of: str
    weight: float
    answer: ClaimAnswer
    says: str = ""
    needed: str = ""

    @property
    def whose(self) -> str:
        return OF_WHOM[self.family].format(self.of)

    @property
    def words(self) -> str:
        """Whose claim it is, with its effect in its unit."""
        return f"{self.whose}{f' ({self.says})' if self.says else ''}"


class SourcesDecision(msgspec.Struct, frozen=True):
    """The claims of all sources as one answer. ``counts_us``: from when *better* counts."""

    answer: SourcesAnswer
    claims: tuple[Claim, ...]
    counts_us: int

    def counts(self, now_us: int) -> bool:
        """Whether the candidate is better, and the time has come from which that counts."""
        return self.answer == "better" and now_us >= self.counts_us

    def headline(self, variant: str) -> str:
        """The answer with those whose claim it is, in a few words."""
        better, worse = (" and ".join(each.whose for each in self._with(answer)) for answer in ("better", "worse"))
        return {
            "better": f"{variant} is better for {better}",
            "not better": f"{variant} is worse for {worse}, so it is not better",
            "contradiction": f"HOLD: {variant} is better for {better} and worse for {worse}",
            "undecided": "Not decided yet by any source",
        }[self.answer]

    def sentence(self, variant: str, now_us: int) -> str:
        """The answer, each claim in its unit, and what the other sources lack, without a full stop."""
        parts = [self.headline(variant)]
        parts += [f"{each.answer} for {each.words}" for each in self.claims if each.answer != "undecided"]
        if self.answer == "better" and now_us < self.counts_us:
            parts.append(f"it counts from {moment_words(self.counts_us, now_us=now_us)}")
        parts += [f"no claim for {each.words}, needed: {each.needed}" for each in self._with("undecided")]
        return "; ".join(parts)

    def needed(self, now_us: int) -> str:
        """What the answer *better* still lacks; empty if nothing."""
        if self.answer == "contradiction":
            return "sources that agree, or another candidate"
        if self.answer == "better":
            return "" if self.counts(now_us) else f"time: it counts from {moment_words(self.counts_us, now_us=now_us)}"
        return "; or ".join(f"{each.needed} ({each.whose})" for each in self._with("undecided"))

    def _with(self, answer: ClaimAnswer) -> list[Claim]:
        return [claim for claim in self.claims if claim.answer == answer]
