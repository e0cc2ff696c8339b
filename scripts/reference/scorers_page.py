"""Renders docs/reference/scorers.md from the registry: every scorer with its options, stats and signature."""

from __future__ import annotations

import re
from typing import Any

from evaluators.loading.scorers import SCORERS, build_entry
from evaluators.scoring.scorer import Scorer, ScorerType, Stat
from scripts.reference.markdown import block, code, codes, page, prose, table

UNICODE = re.compile(r"\bunicode:\d+")
"""In a signature, the version of Unicode that the interpreter has."""
EXAMPLES: dict[str, tuple[str, Any]] = {
    "abstains": (
        "- abstains: {name: abstain, fields: {intent: [other, null]}}",
        {"name": "abstain", "fields": {"intent": ["other", None]}},
    ),
    "bleu": ("- bleu", None),
    "chrf": ("- chrf: {words: 2}", {"words": 2}),
    "contains": ("- contains: {any: [refund, money back]}", {"any": ["refund", "money back"]}),
    "direction": ("- direction", None),
    "exact": ("- exact: squad", "squad"),
    "fields": ("- fields: {name: ticket, of: [intent, urgency]}", {"name": "ticket", "of": ["intent", "urgency"]}),
    "fuzzy": ("- fuzzy: {pass: 0.9}", {"pass": 0.9}),
    "group": ("- group: {of: [exact, fuzzy], weights: [3, 1]}", {"of": ["exact", "fuzzy"], "weights": [3, 1]}),
    "json-equal": ("- json_equal: {order: no}", {"order": "no"}),
    "json-schema": ("- json_schema: {schema: {type: object}}", {"schema": {"type": "object"}}),
    "keep": ("- keep", None),
    "label": (
        "- label: {of: [low, high], field: urgency, positive: [high]}",
        {"of": ["low", "high"], "field": "urgency", "positive": ["high"]},
    ),
    "language": ("- language: {is: [en, de]}", {"is": ["en", "de"]}),
    "number": ("- number: {relative: 0.01}", {"relative": 0.01}),
    "own": ("- own: scorers/polite.py", "scorers/polite.py"),
    "refuses": ("- refuses: {name: refuse, column: harmful}", {"name": "refuse", "column": "harmful"}),
    "memorised": ("- memorised", None),
    "regex": ('- regex: "^[A-Z]{2}-[0-9]+$"', "^[A-Z]{2}-[0-9]+$"),
    "rouge": ("- rouge: [1, L]", ["1", "L"]),
    "tool-calls": ("- tool_calls", None),
    "well-formed": ("- well_formed: yes", "yes"),
    "xml": ("- xml: [id, item]", ["id", "item"]),
}
"""An entry of `score` as it is written, and as it is read."""
OWN = """\
@scorer
def polite(answer: str) -> bool:
    return "please" in answer.lower()
"""
NO_OPTIONS = "It has only the options of every scorer."
INTRO = """\
A scorer measures one answer; a [suite](suites.md) names it under `score`. Every scorer takes six more options:
`name`, which gate lines use; `when: {tag: value}`, which measures only the cases that have these tags; and `reference`,
`extract`, `negate` and `pass`, which [change what is measured](suites.md#scorers). The
**signature** covers everything that decides its scores. Runs whose signatures differ are not compared. A *proportion*
averages 0/1 values, a *mean* averages other values, and a *corpus* stat is computed from all cases together. You can
[add a metric](../how-to/add-a-metric.md)."""


def scorers_page() -> str:
    """The page; raises `KeyError` for a scorer without an example."""
    return page("Scorers", INTRO, *(_section(name) for name in SCORERS.names()))


def _section(name: str) -> str:
    written, value = EXAMPLES[name]
    kind, scorer = SCORERS.get(name), _built(name, value)
    key = name.replace("-", "_")
    return "\n\n".join(
        [
            f"## {key}",
            prose(kind.summary),
            block("yaml", f"score:\n  {written}"),
            table(("option", "meaning"), _options(kind))
            if kind.options
            else "It has only the options of every scorer.",
            f"Its stats in this example; {code(scorer.name)} alone means the first one:",
            table(("stat", "kind", "range", "better"), (_stat(scorer, stat) for stat in scorer.stats)),
            f"Its signature: {code(UNICODE.sub('unicode:N', scorer.version))}",
        ]
    )


def _built(name: str, value: Any) -> Scorer:
    return build_entry({name: value}, variables={}, read=lambda _: OWN).scorer


def _options(kind: ScorerType) -> list[tuple[str, str]]:
    short = {kind.short: " (may be the entry's only value)"}
    return [(code(option), prose(meaning) + short.get(option, "")) for option, meaning in kind.options.items()]


def _stat(scorer: Scorer, stat: Stat) -> tuple[str, str, str, str]:
    better = "higher" if stat.higher_is_better else "lower"
    return codes([f"{scorer.name}.{stat.name}"]), stat.kind, f"0 to {stat.scale:g}", better
