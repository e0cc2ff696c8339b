"""Says which gate lines can measure what was answered, and which line a person adds where none does.

The negative controls decide with stored scores. This module decides without a run, for commands that write gates.
"""

from collections.abc import Mapping
from typing import Any

from evaluators.criteria.grammar import GateLine
from evaluators.criteria.metric_catalogue import COUNTS
from evaluators.criteria.validation import PREFERENCE, PRIMARY, is_external
from evaluators.suite import Suite
from fairtrial.domain.promises import REVIEWED_PAIRS

COMPARING = frozenset(
    {
        *("bleu", "chrf", "contains", "exact", "fields", "fuzzy", "json_equal", "label", "number", "own", "rouge"),
        "tool_calls",
    }
)
"""Kinds of scorers that compare an answer with the reference of its case, or may do so."""
FORM_STATS = frozenset({"off_label", "valid"})
"""Their stats that have no reference."""
REVIEW_LINE = f"{PREFERENCE} not worse than base by 5pp among these reviewers with {REVIEWED_PAIRS} pairs"
"""What measures prose: people who compare pairs of answers."""
MISSING = "no line measures what was answered"
ADVICE = (
    f"N{MISSING[1:]}, so the gate requires {REVIEWED_PAIRS} reviewed pairs. "
    "To decide without people, add references and a line on `label`, `exact` or `fields`."
)
"""What a person reads where a command writes a gate without such a line."""


def compares(kind: str, options: Mapping[str, Any]) -> bool:
    """Whether a scorer of this kind compares answers with references; a negated one accepts almost any answer."""
    if options.get("negate"):
        return False
    if kind == "group":
        return any(compares(*_named(member)) for member in options.get("of", ()))
    return kind in COMPARING or (kind == "regex" and "match_column" in options)


def _named(member: Any) -> tuple[str, Mapping[str, Any]]:
    """The kind and options of a member, which is a name alone or a mapping from it."""
    [(kind, options)] = member.items() if isinstance(member, Mapping) else [(str(member), {})]
    return kind, options if isinstance(options, Mapping) else {}


def can_be_content(suite: Suite, line: GateLine) -> bool:
    """Whether the line measures content: answers of other cases and empty answers can fail it."""
    if is_external(suite, line):
        return is_judged_by_people(line)
    if line.metric in COUNTS:
        return any(compares(entry.kind, entry.options) for entry in suite.entries.values())
    name, _, stat = line.metric.partition(".")
    entry = suite.entries.get(name)
    return entry is not None and stat not in FORM_STATS and compares(entry.kind, entry.options)


def is_judged_by_people(line: GateLine) -> bool:
    """Whether reviewers or users judge the answers of this line."""
    return line.family == "review" or line.metric == PRIMARY
