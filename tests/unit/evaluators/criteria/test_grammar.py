"""The grammar of gate lines: every form of the contract, every error with its nearest form, and the way back."""

import pytest
from hypothesis import given, strategies as st

from evaluators.criteria.grammar import GateLine, GateLineError, State, Threshold, VersusBaseline, parse
from evaluators.results.run_table import Scope
from tests.fixtures.evaluators.gate_lines import render
from tests.fixtures.for_each import for_each

CONTRACT = {
    "label.accuracy >= 0.85": GateLine("label.accuracy", Threshold(">=", 0.85)),
    "label.macro_f1 >= 0.80 sure": GateLine("label.macro_f1", Threshold(">=", 0.8, sure=True)),
    "label.accuracy >= 0.75 in every language": GateLine("label.accuracy", Threshold(">=", 0.75), Scope("language")),
    "errors <= 1%": GateLine("errors", Threshold("<=", 1, "%")),
    "latency.p95 <= 2s": GateLine("latency.p95", Threshold("<=", 2, "s")),
    "latency.p50 <= 300 ms": GateLine("latency.p50", Threshold("<=", 300, "ms")),
    "cost <= $0.50": GateLine("cost", Threshold("<=", 0.5, "$")),
    "qa.f1 not worse than base by 2pp": GateLine("qa.f1", VersusBaseline("not worse", "base", 2, "pp")),
    "number better than base": GateLine("number", VersusBaseline("better", "base")),
    "number better than base by 3pp": GateLine("number", VersusBaseline("better", "base", 3, "pp")),
    "lost == 0 in tags:critical": GateLine("lost", Threshold("==", 0), Scope("tags", "critical")),
    "tokens not worse than base by 20%": GateLine("tokens", VersusBaseline("not worse", "base", 20, "%")),
    "qa not worse than baseline:2026-11-01 by 2pp": GateLine(
        "qa", VersusBaseline("not worse", "baseline:2026-11-01", 2)
    ),
    "review.tone >= 4.0 with 100 ratings": GateLine("review.tone", Threshold(">=", 4), None, 100, "ratings"),
    "live.guardrails hold": GateLine("live.guardrails", State("hold")),
    "data.audit clean": GateLine("data.audit", State("clean")),
    "urgency.recall >= 50% in devices:camera+doorbell": GateLine(
        "urgency.recall", Threshold(">=", 50, "%"), Scope("devices", "camera+doorbell")
    ),
    'acc >= 1 in topic:"small sums"': GateLine("acc", Threshold(">=", 1), Scope("topic", "small sums")),
    "lost==0": GateLine("lost", Threshold("==", 0)),
}

MISTAKES = {
    "": ("the line ends where a metric is expected", "<metric> >= 90%"),
    "general.accuracy": ("the line ends", "general.accuracy >= 90%"),
    "general.accuracy > 90%": ("did you mean '>='?", "general.accuracy >= 90%"),
    "general.accuracy >= ninety": ("'ninety' is not a number", "general.accuracy >= 90%"),
    "general.accuracy >= 90px": ("'px' is not a unit", "general.accuracy >= 90%"),
    "general.accuracy not worse than base": ("needs a margin", "general.accuracy not worse than base by 2pp"),
    "general.accuracy not worse than base by 0pp": ("greater than 0", "general.accuracy not worse than base by 2pp"),
    "general.accuracy not worse than base by 2": ("a margin is in pp", "general.accuracy not worse than base by 2pp"),
    "general.accuracy not worse than by 2pp": ("missing before 'by'", "not worse than base by 2pp"),
    "live.primary better then base": ("'better' must continue as 'better than'", "live.primary better than base"),
    "general.accuracy not as bad as base": ("'not' must continue as 'not worse than'", ">= 90%"),
    "general.accuracy no worse than base by 2pp": ("did you mean 'not'?", "not worse than base by 2pp"),
    "general.accuracy >= 90% in arithmetic": ("write tag:value", "general.accuracy >= 90% in language:en"),
    "general.accuracy >= 90% please": ("'please' is not expected here", "general.accuracy >= 90%"),
    "review.tone >= 4 with many ratings": ("'many' is not a whole number", "with 100 ratings"),
    'acc >= 1 in topic:"small sums': ("a quotation mark is not closed", "in language:en"),
}


@for_each("text", CONTRACT)
def test_every_form_of_the_contract_is_read(text: str) -> None:
    assert parse(text) == CONTRACT[text]


@for_each("text", MISTAKES)
def test_a_wrong_line_is_an_error_with_its_reason_and_the_nearest_form(text: str) -> None:
    wrong, form = MISTAKES[text]
    with pytest.raises(GateLineError) as caught:
        parse(text)
    assert wrong in caught.value.wrong
    assert form in caught.value.known


PLAIN = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
METRICS = st.lists(PLAIN, min_size=1, max_size=3).map(".".join)
VALUES = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
NUMBERS = st.floats(min_value=0, max_value=1e9, allow_nan=False)
LEVELS = st.builds(
    Threshold,
    st.sampled_from([">=", "<=", "=="]),
    NUMBERS,
    st.sampled_from(["", "%", "pp", "s", "ms", "$"]),
    st.booleans(),
)
REFS = st.one_of(st.just("base"), st.just("baseline:2026-11-01"), PLAIN.filter(lambda ref: ref not in ("by", "in")))
MARGINS = st.floats(min_value=1e-6, max_value=1e6)
NOT_WORSE = st.builds(VersusBaseline, st.just("not worse"), REFS, MARGINS, st.sampled_from(["pp", "%"]))
BETTER = st.builds(VersusBaseline, st.just("better"), REFS, MARGINS, st.sampled_from(["pp", "%"]))
OPEN = st.builds(VersusBaseline, st.just("better"), REFS)
TESTS = st.one_of(LEVELS, NOT_WORSE, BETTER, OPEN, st.sampled_from([State("hold"), State("clean")]))
SCOPES = st.one_of(st.none(), st.builds(Scope, PLAIN.filter(lambda tag: tag != "every"), st.one_of(st.none(), VALUES)))
COUNTS = st.one_of(st.just((None, "")), st.tuples(st.integers(1, 10**6), PLAIN))


@given(METRICS, TESTS, SCOPES, COUNTS)
def test_a_rendered_line_reads_back_as_itself(metric, test, scope, counted) -> None:
    line = GateLine(metric, test, scope, *counted)
    assert parse(render(line)) == line
