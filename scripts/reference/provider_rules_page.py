"""Renders docs/reference/provider-rules.md: each rule of each provider, with the document that states it."""

from __future__ import annotations

from collections.abc import Iterator

from evaluators.training_data.provider_rules.check import LAYOUT, ONE_LAYOUT
from evaluators.training_data.provider_rules.rule import PROVIDERS, Provider, ProviderRule
from evaluators.training_data.provider_rules.training import MODELS, PRICES, TRL_LENGTH
from scripts.reference.markdown import code, page, table

INTRO = """\
`fairtrial data audit --for NAME` and `fairtrial data convert` check these rules. A row or a file that breaks one is
refused with the name of the rule. A *suggestion* is not refused, because no document of the provider forbids it.
[Training data](training-data.md#what-each-provider-accepts) says how to use them. Providers change their rules; each
one here names its document, as it was in November 2026."""
HEADS = ("rule", "kind of row", "what is needed", "document")
COST = """\
## Models whose limits are known

`--model NAME` looks the model up here. `--context TOKENS` and `--price USD_PER_MILLION` state what is not known.
OpenAI cuts the end of a row that has more tokens ([Fine-tuning best practices]({practices})). TRL cuts a row after
{length:,} tokens, unless `max_length` is set. The prices are from {prices}. Check them before you spend money."""


def provider_rules_page() -> str:
    """The page."""
    practices = PROVIDERS.get("openai").documents["Fine-tuning best practices"]
    intro = COST.format(practices=practices, prices=PRICES, length=TRL_LENGTH)
    models = (
        (code(name), f"{model.context:,}", f"${model.price:,.2f}" if model.price else "")
        for name, model in MODELS.items()
    )
    costs = table(("model", "tokens of a row", "US dollars per million tokens"), models)
    providers = (f"## {provider.title}\n\n{table(HEADS, _rows(provider))}" for _, provider in PROVIDERS)
    return page("What each provider accepts", INTRO, *providers, intro, costs)


def _rows(provider: Provider) -> Iterator[tuple[str, str, str, str]]:
    for limit in provider.limits:
        yield code(limit.name), "file", limit.needs, _linked(provider, limit.source)
    for layout in provider.layouts:
        yield code(LAYOUT), layout.name, layout.needs, _linked(provider, layout.source)
    if provider.one_layout:
        yield code(ONE_LAYOUT), "", "one kind of row in a file", _linked(provider, provider.one_layout)
    rules: dict[ProviderRule, list[str]] = {rule: [] for layout in provider.layouts for rule in layout.rules}
    for layout in provider.layouts:
        for rule in layout.rules:
            rules[rule].append(layout.name)
    for rule, layouts in rules.items():
        kinds = "" if len(layouts) == len(provider.layouts) else ", ".join(layouts)
        name = code(rule.name) + (" (suggestion)" if rule.severity == "suggestion" else "")
        yield name, kinds, rule.needs, _linked(provider, rule.source)


def _linked(provider: Provider, source: str) -> str:
    address = provider.documents.get(source)
    return f"[{source}]({address})" if address else source
