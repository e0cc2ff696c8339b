"""What holds for every scorer of the folder."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from evaluators.loading.scorers import SCORERS, WrongEntry, build_entry
from evaluators.scoring.metrics.own import Own
from evaluators.scoring.scorer import Compared, OffFormat, Scorer, ScorerType, ScoresPairs, ShowsComparison
from fairtrial.domain.run import STATISTICAL_DETAILS, Answer, Case, Score
from tests.fixtures.for_each import for_each

OWN = (
    "from fairtrial.scoring import scorer\n\n\n@scorer\ndef short(answer: str) -> bool:\n    return len(answer) < 80\n"
)
OPTIONS: dict[str, Any] = {
    "fields": ["intent"],
    "group": {"of": ["exact", "fuzzy"]},
    "own": "short.py",
    "json-schema": {"schema": {"type": "object"}},
    "label": {"of": ["refund", "fault"], "field": "intent", "positive": ["refund"]},
}
OBJECT = {"intent": "refund"}
EXPECTED: dict[str, Any] = {"fields": OBJECT, "json-equal": OBJECT, "label": OBJECT, "number": 5, "tool-calls": []}
COLUMNS = {"contains_any": ["refund"], "regex_match": "refund"}
ANSWERS = ['{"intent": "refund"}', "", "plain words", "{", "привет 你好 🙂\x00", "x" * 5000]


def build(name: str) -> Scorer:
    scorer = build_entry({name: OPTIONS.get(name)}, variables={}, read=lambda _: OWN).scorer
    if isinstance(scorer, Own):
        scorer.process.refused = None
    return scorer


def case(name: str) -> Case:
    return Case("c", (), EXPECTED.get(name, "refund the whole order now"), fields=COLUMNS)


def score(name: str, text: str) -> Score:
    try:
        return build(name).score(case(name), Answer(text))
    except OffFormat as error:
        return error.score


every_scorer = for_each("name", SCORERS.names())


@every_scorer
def test_every_scorer_describes_itself_and_its_options(name: str) -> None:
    member: ScorerType = SCORERS.get(name)
    assert member.summary.endswith((".", "languages."))
    assert all(sentence.endswith(".") for sentence in member.options.values())
    assert member.short is None or member.short in member.options


@every_scorer
def test_every_scorer_measures_any_text_with_finite_numbers_under_its_declared_stats(name: str) -> None:
    stats = {stat.name: stat for stat in build(name).stats}
    for text in ANSWERS:
        found = score(name, text)
        assert set(found.values) == set(stats)
        assert all(
            value is None or (math.isfinite(value) and 0 <= value <= stats[stat].scale * (1 + 1e-9))
            for stat, value in found.values.items()
        )


@every_scorer
def test_every_scorer_has_details_that_survive_json(name: str) -> None:
    for text in ANSWERS:
        details = dict(score(name, text).details)
        assert json.loads(json.dumps(details)) == details


@every_scorer
def test_every_scorer_declares_an_aggregate_for_exactly_its_corpus_stats(name: str) -> None:
    for stat in build(name).stats:
        assert (stat.kind == "corpus") == (stat.aggregate is not None)
        if stat.aggregate is not None:
            value = stat.aggregate([score(name, text) for text in ANSWERS])
            assert value is None or math.isfinite(value)


@every_scorer
def test_every_scorer_has_figures_that_need_no_detail_that_retention_drops(name: str) -> None:
    scores = [score(name, text) for text in ANSWERS]
    kept = [
        Score(one.scorer, one.values, {key: one.details[key] for key in STATISTICAL_DETAILS if key in one.details})
        for one in scores
    ]
    for stat in build(name).stats:
        if stat.aggregate is not None:
            assert stat.aggregate(kept) == stat.aggregate(scores)


@every_scorer
def test_every_scorer_shows_what_it_compares_of_any_answer_that_has_its_form(name: str) -> None:
    scorer = build(name)
    if isinstance(scorer, ScoresPairs):
        return
    assert isinstance(scorer, ShowsComparison)
    for text in ANSWERS:
        try:
            scorer.score(case(name), Answer(text))
        except OffFormat:
            with pytest.raises(OffFormat):
                scorer.normalised(case(name), Answer(text))
            continue
        compared = scorer.normalised(case(name), Answer(text))
        assert isinstance(compared, Compared) and compared.why and not compared.why.endswith(".")
        assert all(isinstance(one, str) for one in (compared.prediction, *compared.references))


@every_scorer
def test_every_scorer_is_repeatable_and_signs_with_its_version(name: str) -> None:
    assert build(name).version == build(name).version
    assert build(name).version.startswith(f"{name}/")
    assert score(name, ANSWERS[0]) == score(name, ANSWERS[0])


@every_scorer
def test_every_scorer_refuses_an_option_that_it_does_not_have(name: str) -> None:
    with pytest.raises(WrongEntry, match="no option"):
        build_entry({name: {"no_such_option": 1}}, variables={})
