"""Says how many tokens training data have, which rows are cut, and what a training costs, as a check of an audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.provider_rules.tokens import row_counter, tokenizer_of
from fairtrial.domain.verdicts.verdict_wording import dollars

NAME = "training-cost"
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
        """The model, if its limits are in the table."""
        return MODELS.get(self.model or "")

    @property
    def most_tokens(self) -> int | None:
        """From how many tokens on a row is cut, if that is known."""
        default = TRL_LENGTH if self.provider == "trl" else None
        return self.context or (self.known.context if self.known else default)


def cost_check(training: Training) -> Check:
    """The check of an audit for tokens, cut rows and price."""
    tokenizer = tokenizer_of(training.model, training.tokenizer)

    def find(corpus: Corpus) -> list[Issue]:
        tokens_of, limit = row_counter(tokenizer), training.most_tokens
        rows = {row: tokens_of(corpus.examples[row]) for row in corpus.train}
        total = sum(tokens.total for tokens in rows.values())
        cut = [] if limit is None else [row for row, tokens in rows.items() if tokens.longest > limit]
        trained = training.epochs * (total - sum(rows[row].longest - (limit or 0) for row in cut))
        says, details = _sentence(training, total, trained, tokenizer.name, exact=tokenizer.exact)
        path = str(corpus.files[0].path)
        says_cut = f"{{rows}} with more than {limit:,} tokens, whose ends are cut off" if limit else ""
        return [
            *corpus.issues(NAME, "warning", cut, says_cut, kind="cut", most_tokens=limit),
            Issue(NAME, "info", says, path, (), total, details),
        ]

    return Check("tokens, rows that are cut, and the price of a training", find)


def _sentence(
    training: Training, total: int, trained: int, tokenizer: str, *, exact: bool
) -> tuple[str, dict[str, object]]:
    price = training.price if training.price is not None else training.known.price if training.known else None
    source = "--price" if training.price is not None else PRICES
    cost = None if price is None else trained * price / 1_000_000
    about = "" if exact else "about "
    epochs = "1 epoch" if training.epochs == 1 else f"{training.epochs} epochs"
    says = f"{about}{total:,} tokens ({tokenizer}); {epochs} of training: {about}{trained:,} tokens"
    says += " at a price that is not known (--price USD_PER_MILLION)" if cost is None else f", {about}{dollars(cost)}"
    says += "" if price is None else f" at {dollars(price)} per million ({source})"
    details = {
        "kind": "tokens", "tokens": total, "trained_tokens": trained, "epochs": training.epochs, "tokenizer": tokenizer,
        "exact": exact, "model": training.model, "usd_per_million": price, "usd": cost, "price_source": source,
    }  # fmt: skip
    return says, details
