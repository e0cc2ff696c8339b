"""The options of `fairtrial data` that say where data are trained: provider, model, and price."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from evaluators.training_data.provider_rules.training import Training
from fairtrial_cli.options import Number

PROVIDERS = ("openai", "together", "fireworks", "trl")
FOR = click.option(
    "--for", "provider", type=click.Choice(PROVIDERS), help="Check the rules of this provider for rows and files."
)


_OPTIONS = (
    FOR,
    click.option("--model", metavar="NAME", help="The model that is trained: its tokens, its longest row, its price."),
    click.option(
        "--tokenizer",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="The model's tokenizer.json, for models whose tokenizer isn't known.",
    ),
    click.option("--epochs", type=click.IntRange(1, 1_000), default=1, show_default=True, help="Epochs to be priced."),
    click.option("--price", type=Number(0, 1_000_000), metavar="USD_PER_MILLION", help="Price of a million tokens."),
    click.option("--context", type=click.IntRange(1), metavar="TOKENS", help="From how many tokens on a row is cut."),
)


def training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one `Training`."""

    @wraps(command)
    def with_training(**options: Any) -> None:
        training = Training(**{name: options.pop(name) for name in Training.__dataclass_fields__})
        command(**options, training=training)

    for option in reversed(_OPTIONS):
        with_training = option(with_training)
    return with_training
