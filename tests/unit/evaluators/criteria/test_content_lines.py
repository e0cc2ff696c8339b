"""A line measures content if its scorer compares answers with references, or if people judge them."""

from dataclasses import replace
from typing import Any

from evaluators.criteria.content_lines import REVIEW_LINE, can_be_content, compares
from evaluators.criteria.grammar import parse
from evaluators.suite import ScorerEntry
from tests.fixtures.evaluators.trials import suite
from tests.fixtures.for_each import for_each


@for_each(
    ("kind", "options", "content"),
    [
        ("label", {"of": ["a", "b"]}, True),
        ("contains", {"negate": True}, False),
        ("json_schema", {"schema": {}}, False),
        ("regex", {"match": "x"}, False),
        ("regex", {"match_column": "pattern"}, True),
        ("group", {"of": ["well_formed", {"regex": {"match": "x"}}]}, False),
        ("group", {"of": ["well_formed", {"exact": "squad"}]}, True),
    ],
)
def test_scorers_with_references_compare(kind: str, options: dict[str, Any], content: bool) -> None:
    assert compares(kind, options) == content


def test_lines_on_the_form_of_answers_and_on_their_cost_do_not_measure_content() -> None:
    of = replace(suite(), entries={"qa": ScorerEntry("label", {"of": ["a", "b"]})})
    lines = {
        "qa >= 90%": True,
        "qa.f1 not worse than base by 2pp": True,
        "lost == 0": True,
        REVIEW_LINE: True,
        "live.primary better than base": True,
        "qa.off_label <= 1%": False,
        "live.guardrails hold": False,
        **dict.fromkeys(("errors <= 1%", "refusals <= 1%", "format_valid >= 99%", "latency.p95 <= 2s"), False),
    }
    assert {line: can_be_content(of, parse(line)) for line in lines} == lines
