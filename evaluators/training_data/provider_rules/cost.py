"""Says how many tokens training data have, which rows are cut, and what a training costs, as a check of an audit."""

from __future__ import annotations

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.provider_rules.check import NAME as RULES
from evaluators.training_data.provider_rules.check import provider_check
from evaluators.training_data.provider_rules.rule import PROVIDERS
from evaluators.training_data.provider_rules.tokens import row_counter, tokenizer_of
from evaluators.training_data.provider_rules.training import PRICES, Training
from fairtrial.domain.verdicts.verdict_wording import dollars

NAME = "training-cost"
TRAINING_CHECKS = (RULES, NAME)
"""The names of the further checks."""


def training_checks(training: Training) -> dict[str, Check]:
    """The further checks of an audit by name: the provider's rules, and tokens and price if anything is known."""
    if training == Training():
        return {}
    rules = {RULES: provider_check(PROVIDERS.get(training.provider))} if training.provider else {}
    return {**rules, NAME: cost_check(training)}


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
    says += "" if training.most_tokens else "; from how many tokens on a row is cut is not known (--context TOKENS)"
    details = {
        "kind": "tokens", "tokens": total, "trained_tokens": trained, "epochs": training.epochs, "tokenizer": tokenizer,
        "exact": exact, "model": training.model, "usd_per_million": price, "usd": cost, "price_source": source,
    }  # fmt: skip
    return says, details
