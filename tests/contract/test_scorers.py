"""What holds for every scorer of the folder."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from evaluators.loading.scorers import SCORERS, build_entry
from evaluators.scoring.scorer import OffFormat, Scorer, ScorerType
from fairtrial.domain.run import Answer, Case, Score
from fairtrial.store.evaluations.score_texts import STATISTICAL_DETAILS

OPTIONS: dict[str, Any] = {
    "fields": ["intent"],
    "json-schema": {"schema": {"type": "object"}},
    "label": {"of": ["refund", "fault"], "field": "intent", "positive": ["refund"]},
}
EXPECTED: dict[str, Any] = {"fields": {"intent": "refund"}, "label": {"intent": "refund"}}
COLUMNS = {"contains_any": ["refund"], "regex_match": "refund"}
ANSWERS = ['{"intent": "refund"}', "", "plain words", "{", "привет 你好 🙂\x00", "x" * 5000]


def build(name: str) -> Scorer:
    return build_entry({name: OPTIONS.get(name)}, variables={}).scorer


def case(name: str) -> Case:
    return Case("c", (), EXPECTED.get(name, "refund the whole order now"), fields=COLUMNS)


def score(name: str, text: str) -> Score:
    try:
        return build(name).score(case(name), Answer(text))
    except OffFormat as error:
        return error.score


@pytest.mark.parametrize("name", SCORERS.names())
class TestEveryScorer:
    def test_says_what_it_is_and_what_its_options_do(self, name: str) -> None:
        member: ScorerType = SCORERS.get(name)
        assert member.summary.endswith((".", "languages."))
        assert all(sentence.endswith(".") for sentence in member.options.values())
        assert member.short is None or member.short in member.options

    def test_measures_any_text_with_finite_numbers_under_its_declared_stats(self, name: str) -> None:
        stats = {stat.name: stat for stat in build(name).stats}
        for text in ANSWERS:
            found = score(name, text)
            assert set(found.values) == set(stats)
            assert all(
                value is None or (math.isfinite(value) and 0 <= value <= stats[stat].scale * (1 + 1e-9))
                for stat, value in found.values.items()
            )

    def test_has_details_that_survive_json(self, name: str) -> None:
        for text in ANSWERS:
            details = dict(score(name, text).details)
            assert json.loads(json.dumps(details)) == details

    def test_declares_an_aggregate_for_exactly_its_corpus_stats(self, name: str) -> None:
        for stat in build(name).stats:
            assert (stat.kind == "corpus") == (stat.aggregate is not None)
            if stat.aggregate is not None:
                value = stat.aggregate([score(name, text) for text in ANSWERS])
                assert value is None or math.isfinite(value)

    def test_has_figures_that_need_no_detail_that_retention_drops(self, name: str) -> None:
        scores = [score(name, text) for text in ANSWERS]
        kept = [
            Score(one.scorer, one.values, {key: one.details[key] for key in STATISTICAL_DETAILS if key in one.details})
            for one in scores
        ]
        for stat in build(name).stats:
            if stat.aggregate is not None:
                assert stat.aggregate(kept) == stat.aggregate(scores)

    def test_is_repeatable_and_signs_with_its_version(self, name: str) -> None:
        assert build(name).version == build(name).version
        assert build(name).version.startswith(f"{name}/")
        assert score(name, ANSWERS[0]) == score(name, ANSWERS[0])

    def test_refuses_an_option_that_it_does_not_have(self, name: str) -> None:
        from evaluators.loading.scorers import WrongEntry

        with pytest.raises(WrongEntry, match="no option"):
            build_entry({name: {"no_such_option": 1}}, variables={})
