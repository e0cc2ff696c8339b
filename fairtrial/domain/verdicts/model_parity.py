"""Defines the result of comparing a served model with records of its training."""

from typing import Literal

import msgspec

from fairtrial.domain.verdicts.model_equality import EqualityAnswer
from fairtrial.domain.wording import counted

SERVED = "parity.served"
"""The metric of findings on whether the candidate serves what was trained, and of the gate line."""
Cause = Literal[
    "", "not applied", "chat template", "special token", "end token", "parameters", "merge or quantisation",
    "other weights",
]  # fmt: skip
CAUSES: dict[Cause, str] = {
    "not applied": "it answers as the base, so the adapter is not applied",
    "chat template": "the server renders another prompt: compare the chat templates",
    "special token": "the server adds or drops one special token: look for a doubled or missing BOS or EOS",
    "end token": "it does not stop where it was trained to: compare the end tokens",
    "parameters": "the server adds parameters, such as a temperature or a system prompt",
    "merge or quantisation": "its weights are near: compare merge, quantisation and the scale of the adapter",
    "other weights": "it has other weights",
}


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a served model is the one that was trained, with the cause if not, and ``why``: what shows it.

    ``distance``: the median difference of log probabilities between served and trained model, ``noise``: between served
    and trained base, ``off``: between served model and trained base.
    """

    answer: EqualityAnswer
    cause: Cause = ""
    why: str = ""
    distance: float = 0.0
    noise: float = 0.0
    off: float = 0.0
    p: float = 1.0


class ModelParity(Parity, frozen=True, kw_only=True):
    """The result for a deployment, by ``rows`` of a file whose digest is ``file_digest``.

    ``unanswered``: rows without all answers.
    """

    deployment: str
    base: str
    deployment_digest: str
    file_digest: str
    asked_us: int
    rows: int
    unanswered: int
    requests: int
    tokens: int

    @property
    def wrong(self) -> bool:
        """Whether another model is served than was trained."""
        return self.answer == "different"

    @property
    def words(self) -> str:
        """One sentence with the answer, its cause and its figures."""
        said = {
            "same": f"{self.deployment} serves what was trained",
            "different": f"{self.deployment} does not serve what was trained: {CAUSES.get(self.cause, '')}",
            "not known": f"whether {self.deployment} serves what was trained is not known",
        }[self.answer]
        why = f"{self.why}; " if self.why else ""
        figures = f"{self.distance:.2g} nats from training, noise {self.noise:.2g}" if self.noise else "no figures"
        return f"{said} ({why}{counted(self.rows, 'row')}, {figures})"

    @property
    def lines(self) -> tuple[str, ...]:
        """The answer, and what it cost."""
        failed = f", {counted(self.unanswered, 'row')} without all answers" if self.unanswered else ""
        return f"{self.words}.", f"  {self.requests:,} requests with {self.tokens:,} prompt tokens{failed}."
