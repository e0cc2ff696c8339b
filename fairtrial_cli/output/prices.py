"""Describes the prices of a project's deployments: which, since when, from where, and what they don't cover."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairtrial.config.plan.price_book import DatedPrice
    from fairtrial.config.project import Project


def price_lines(project: Project) -> Iterator[str]:
    """Each deployment's present and later prices, in one line each."""
    for name, book in project.price_books.items():
        for dated in book:
            when = "" if dated.since is None else f" from {dated.since}"
            yield f"  price of {name}{when}: {_price(dated)}"


def prices_text(project: Project) -> str:
    """The prices with their tiers, their long prompts, and what they don't cover."""
    lines: list[str] = []
    for name, book in project.price_books.items():
        lines.append(f"{name} ({project.plan.deployments[name].declared_model})")
        for dated in book:
            lines.append(f"  {'always' if dated.since is None else f'from {dated.since}'}: {_price(dated)}")
            lines += (f"    {line}" for line in _special(dated))
            lines += (f"    not covered: {words}" for words in dated.uncovered())
    return "\n".join(["US dollars per million tokens", *lines])


def prices_json(project: Project) -> dict[str, Any]:
    from fairtrial.config.plan.hashes import plain

    return {
        name: [{**plain(dated), "uncovered": dated.uncovered()} for dated in book]
        for name, book in project.price_books.items()
    }


def _price(dated: DatedPrice) -> str:
    from fairtrial.config.plan.price_book import described

    hour = f"{dated.price.gpu_hour:f} per hour of the machine" if dated.price.gpu_hour is not None else ""
    rates = ", ".join(filter(None, (described(dated.price), hour)))
    return f"{rates} ({dated.source})" if rates else f"unknown ({dated.source})"


def _special(dated: DatedPrice) -> Iterator[str]:
    from fairtrial.config.plan.price_book import described

    for long in dated.price.long_prompts:
        yield f"above {long.above:,} tokens of a prompt: {described(long)}"
    for tier, rates in (dated.price.tiers or {}).items():
        yield f"tier {tier}: {described(rates)}"
        for long in rates.long_prompts:
            yield f"tier {tier} above {long.above:,} tokens of a prompt: {described(long)}"
