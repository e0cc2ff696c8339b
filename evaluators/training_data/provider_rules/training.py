"""Defines a planned training, and the models whose prices and limits are known."""

from dataclasses import dataclass
from pathlib import Path

PRICES = "openai.com/api/pricing in a copy of late 2025, looked up on 2026-11-30"
TRL_LENGTH = 1_024
"""The default of `max_length` in TRL's configurations, from which on rows are cut."""


@dataclass(frozen=True, slots=True)
class FineTunable:
    """A model that can be fine-tuned: the tokens of one row that it reads, and US dollars per million tokens."""

    context: int
    price: float | None = None


MODELS = {
    "gpt-4.1-2025-04-14": FineTunable(65_536, 25.00),
    "gpt-4.1-mini-2025-04-14": FineTunable(65_536, 5.00),
    "gpt-4.1-nano-2025-04-14": FineTunable(65_536, 1.50),
    "gpt-4o-2024-08-06": FineTunable(65_536),
    "gpt-4o-mini-2024-07-18": FineTunable(65_536),
}


def short_name(model: str | None) -> str:
    """The name of a model without its provider and without what a fine-tune adds."""
    return (model or "").lower().rsplit("/", 1)[-1].removeprefix("ft:").partition(":")[0]


@dataclass(frozen=True, slots=True)
class Training:
    """A planned training. ``price``: US dollars per million tokens; ``context``: the most tokens of a row."""

    provider: str | None = None
    model: str | None = None
    tokenizer: Path | None = None
    epochs: int = 1
    price: float | None = None
    context: int | None = None

    @property
    def known(self) -> FineTunable | None:
        """OpenAI's model of this name, with or without the date."""
        name = short_name(self.model) if self.provider in (None, "openai") else None
        return next((model for dated, model in MODELS.items() if name in (dated, dated[:-11])), None)

    @property
    def most_tokens(self) -> int | None:
        """From how many tokens on a row is cut, if that is known."""
        default = TRL_LENGTH if self.provider == "trl" else None
        return self.context or (self.known.context if self.known else default)
