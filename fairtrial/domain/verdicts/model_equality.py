"""Defines the result of asking two deployments the same probes: whether they answer with the same model."""

from typing import Literal

import msgspec

from fairtrial.domain.wording import counted

EQUAL = "equal to base"
"""The metric of findings on whether a candidate answers as its base."""
EqualityAnswer = Literal["different", "same", "not known"]


class ModelEquality(msgspec.Struct, frozen=True, kw_only=True):
    """The result for two deployments, identified by the digests of their definitions.

    ``p``: of the permutation test. ``excess``: the disagreement between the sides minus that within them, and ``bound``
    its one-sided upper 95 % bound. ``power``: the probability to find an excess of five points with so many probes.
    ``seen``: whether log probabilities were compared. ``failed``: questions without an answer of both. ``tokens``: of
    all prompts, with those of the search for probes. ``listed``: what the server lists about the candidate.
    """

    deployment: str
    base: str
    deployment_digest: str
    base_digest: str
    asked_us: int
    answer: EqualityAnswer
    p: float
    excess: float
    bound: float
    power: float
    probes: int
    repeats: int
    requests: int
    failed: int
    tokens: int
    seen: bool
    listed: str = ""

    @property
    def wrong(self) -> bool:
        """Whether the adapter may not be loaded."""
        return self.answer == "same"

    @property
    def words(self) -> str:
        """One sentence with the answer and the figures that decided it."""
        known = {
            "different": f"{self.deployment} is another model than {self.base} (p {self.p:.2g}",
            "same": f"{self.deployment} answers as {self.base}: is the adapter loaded? ("
            + ("all log probabilities within the noise" if self.seen else f"at most {self.bound:.1%} differ"),
            "not known": f"whether {self.deployment} is another model than {self.base} is not known (p {self.p:.2g}",
        }[self.answer]
        kind = "log probabilities of " if self.seen else ""
        return f"{known}; {kind}{counted(self.probes, 'probe')}, {counted(self.repeats, 'repeat')})"

    @property
    def lines(self) -> tuple[str, ...]:
        """The answer, what it cost and could find, and what the server lists."""
        failed = f", {counted(self.failed, 'pair')} without two answers" if self.failed else ""
        cost = f"{self.requests:,} requests with {self.tokens:,} prompt tokens{failed}"
        bound = f"the excess is {self.excess:.1%}, at most {self.bound:.1%}"
        details = f"  {bound}; {self.power_words}; {cost}."
        return (f"{self.words}.", details, *([f"  {self.listed}"] if self.listed else []))

    @property
    def power_words(self) -> str:
        """What so many probes can find."""
        return f"{counted(self.probes, 'probe')} find an excess of 5 points in {self.power:.0%} of trials"
