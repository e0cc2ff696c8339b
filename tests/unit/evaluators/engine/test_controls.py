from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.engine.controls import MOST_OWN, with_controls
from evaluators.engine.scoring import score_case
from evaluators.probes.probe import ORIGINAL
from evaluators.scoring.metrics import exact, keep, label, own
from evaluators.scoring.scorer import NamedText, Scorer
from evaluators.suite import FAMILY_TAG, Suite, with_digest
from fairtrial.domain.run import REPLACEMENTS, Answer, Case, CaseResult, Score

LABELS = ("red", "green", "blue")


def suite(expected: list[str], *scorers: Scorer, families: list[str] | None = None, repeat: int = 1) -> Suite:
    cases = tuple(
        Case(f"c{at}", (), reference, {FAMILY_TAG: families[at]} if families else {})
        for at, reference in enumerate(expected)
    )
    return with_digest(Suite("s", "metric", Path("s.yaml"), "", cases, {}, scorers or (LABEL,), repeat=repeat))


LABEL = label.build({"of": list(LABELS)}, "label")


def answered(of: Suite, answers: list[str | None] | None = None) -> tuple[CaseResult, ...]:
    """The results of a suite with these answers to its cases, by default the right ones."""
    texts = answers if answers is not None else [str(case.expected) for case in of.cases]
    results = [
        score_case(of, case, repeat, Answer(text, error="HTTP 503" if text is None else None))
        for case, text in zip(of.cases, texts, strict=True)
        for repeat in range(of.repeat)
    ]
    return with_controls(of, results)


def right(results: tuple[CaseResult, ...], number: int, metric: str = "label") -> float:
    """The share of cases that are right with a replacement."""
    scores = [result.controls[number].scores[metric].values["accuracy"] for result in results]
    return sum(score or 0.0 for score in scores) / len(scores)


@pytest.mark.parametrize(
    ("expected", "share"),
    [
        ([LABELS[at % 3] for at in range(90)], 0.0),
        (["red"] * 50 + ["green"] * 50, 0.0),
        (["red"] * 95 + ["green"] * 5, 0.9),
        (["red"] * 40, 1.0),
    ],
)
def test_a_shuffle_gives_other_references_as_far_as_a_permutation_can(expected: list[str], share: float) -> None:
    results = answered(suite(expected))
    assert [right(results, number) for number in range(1, 4)] == [share] * 3
    assert right(results, 0) == 0.0


def test_a_shuffle_uses_each_answer_once_and_never_on_its_own_case() -> None:
    of = suite([f"answer {at}" for at in range(30)], exact.build({}, "exact"))
    results = answered(of)
    for number in range(1, 4):
        given = [result.controls[number].scores["exact"].details["compared"] for result in results]
        assert Counter(given) == Counter(str(case.expected) for case in of.cases)
        assert all(text != case.expected for text, case in zip(given, of.cases, strict=True))
    assert len({tuple(str(result.controls[n].scores["exact"].details) for result in results) for n in range(1, 4)}) == 3


def test_the_same_answers_get_the_same_controls_and_another_suite_gets_others() -> None:
    of = suite([f"answer {at}" for at in range(30)], exact.build({}, "exact"))
    assert answered(of) == answered(of)
    other = with_digest(replace(of, seed=1))
    assert [result.controls for result in answered(of)] != [result.controls for result in answered(other)]


def test_answers_stay_within_their_family_and_repeat() -> None:
    families = ["sums"] * 4 + ["words"] * 4 + ["alone"]
    of = suite([f"{family} {at}" for at, family in enumerate(families)], exact.build({}, "exact"), families=families)
    results = answered(of)
    for result, family in zip(results, families, strict=True):
        given = [control.scores["exact"].details["compared"] for control in result.controls]
        assert given == [] if family == "alone" else all(text.startswith(family) for text in given[1:])


def test_failed_answers_stay_and_give_none() -> None:
    results = answered(suite(["red", "green", "blue", "red"]), [None, "green", "blue", "red"])
    assert results[0].controls == ()
    assert results[0].outcome == "provider_error"
    assert all(len(result.controls) == len(REPLACEMENTS) for result in results[1:])


def test_a_changed_copy_is_compared_with_the_replaced_original() -> None:
    cases = [Case(f"c{at}", (), f"text {at}", {}, {}) for at in range(6)]
    copies = [Case(f"c{at} typo", (), f"copy {at}", {}, {ORIGINAL: f"c{at}"}) for at in range(6)]
    scorer = keep.build({}, "keep")
    of = with_digest(Suite("s", "edges", Path("s.yaml"), "", (*cases, *copies), {}, (scorer,)))
    results = answered(of)
    flips = [[result.controls[n].scores["keep"].values["flips"] for result in results[6:]] for n in range(4)]
    assert flips[0] == [0.0] * 6
    assert sum(flips[1]) > 3


def own_scorer(signature: str, returned: str) -> Scorer:
    text = f"from fairtrial.scoring import scorer\n\n@scorer\ndef {signature} -> bool:\n    return {returned}\n"
    scorer = own.build({"file": NamedText("own.py", text)}, "own")
    scorer.process.refused = None
    return scorer


def test_an_own_scorer_scores_at_most_a_hundred_cases_again() -> None:
    scorers = own_scorer("same(answer: str, expected: str)", "answer == expected"), exact.build({}, "exact")
    results = answered(suite([f"answer {at}" for at in range(130)], *scorers))
    scored = [result for result in results if "own" in result.controls[1].scores]
    assert len(scored) == MOST_OWN
    assert all("exact" in result.controls[1].scores for result in results)
    assert not any(result.controls[1].scores["own"].values["value"] for result in scored)


def test_a_scorer_that_fails_on_a_replacement_scores_nothing_there() -> None:
    results = answered(suite(["red", "green"], own_scorer("first(answer: str)", "answer[0] == 'r'")))
    assert results[0].controls[0].scores == {}
    assert isinstance(results[0].controls[1].scores["own"], Score)
