"""The options of `fairtrial data` that say where data are trained: provider, model, and price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from evaluators.training_data.audit import Check

PROVIDERS = ("openai", "together", "fireworks", "trl")
FOR = click.option(
    "--for", "provider", type=click.Choice(PROVIDERS), help="Check the rules of this provider for rows and files."
)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the data are trained, as far as it is known. ``price``: US dollars per million tokens."""

    provider: str | None = None
    model: str | None = None
    tokenizer: Path | None = None
    epochs: int = 1
    price: float | None = None
    context: int | None = None

    def checks(self) -> dict[str, Check]:
        """The checks by name: the provider's rules, and tokens and price if a provider or model is named."""
        if not (self.provider or self.model or self.tokenizer):
            return {}
        from evaluators.training_data.provider_rules.check import provider_check
        from evaluators.training_data.provider_rules.cost import Training, cost_check
        from evaluators.training_data.provider_rules.rule import PROVIDERS as RULES

        training = Training(self.provider, self.model, self.tokenizer, self.epochs, self.price, self.context)
        rules = {"provider-rules": provider_check(RULES.get(self.provider))} if self.provider else {}
        return {**rules, "training-cost": cost_check(training)}


ANYWHERE = Destination()
_OPTIONS = (
    FOR,
    click.option("--model", metavar="NAME", help="The model that is trained: its tokens, its longest row, its price."),
    click.option(
        "--tokenizer",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="The model's tokenizer.json, for models whose tokenizer isn't known.",
    ),
    click.option("--epochs", type=click.IntRange(1, 1_000), default=1, show_default=True, help="Epochs to be priced."),
    click.option("--price", type=click.FloatRange(0), metavar="USD_PER_MILLION", help="The price of a million tokens."),
    click.option("--context", type=click.IntRange(1), metavar="TOKENS", help="From how many tokens on a row is cut."),
)


def destination_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one `Destination`."""

    @wraps(command)
    def with_destination(**options: Any) -> None:
        names = Destination.__dataclass_fields__
        given = Destination(**{name: options.pop(name) for name in names})
        command(**options, destination=given)

    for option in reversed(_OPTIONS):
        with_destination = option(with_destination)
    return with_destination
