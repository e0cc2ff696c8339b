"""Defines one of the daily asks that tell whether a deployment still answers as the model that was judged."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec


class ProbeShares(msgspec.Struct, frozen=True, kw_only=True):
    """The answers to one prompt of one token, each with its probability or its share of the repeats."""

    prompt: str
    shares: Mapping[str, float]


class ModelAsk(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment of this definition answered at one time.

    ``score``: the mean difference of its answers from those of the first ask of the series, from 0 to 1; ``None`` for
    the first one itself, which alone keeps its ``answers``. ``seen``: whether the server gives log probabilities.
    ``fingerprint``: what the server declares, if anything. ``tokens``: of the prompts. ``changed_us``: since when
    another model answers, once that is established; the series ends with this ask.
    """

    deployment: str
    deployment_digest: str
    asked_us: int
    score: float | None
    tokens: int
    seen: bool
    fingerprint: str | None = None
    answers: tuple[ProbeShares, ...] = ()
    changed_us: int | None = None

    @property
    def line(self) -> str:
        """One sentence with what it found and what it cost."""
        cost = f"({self.tokens:,} prompt tokens)"
        if self.score is None:
            return f"{self.deployment} was asked for the first time since it was judged {cost}."
        found = self.words or f"{self.deployment} answers {self.score:.1%} otherwise than at the first ask"
        return f"{found} {cost}."

    @property
    def words(self) -> str:
        """The sentence about a change; empty without one."""
        if self.changed_us is None:
            return ""
        since = datetime.fromtimestamp(self.changed_us / 1e6, UTC)
        declared = f"; its server declares {self.fingerprint}" if self.fingerprint else ""
        return f"since {since:%A, %-d %B %Y}, {self.deployment} answers as another model than before{declared}"
