"""Overfitting is a gap between training and validation cases that the base does not have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.overfitting.generalisation import Parts, judge_generalisation, parts_suite
from evaluators.suite import Suite
from evaluators.training_data.example import Example
from fairtrial.domain.errors import UsageError
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.run import Case
from tests.fixtures.evaluators.continuation_runs import answered
from tests.fixtures.evaluators.small_suites import sums, write_suite


def examples(kind: str, count: int) -> list[Example]:
    answers = [
        ({"role": "user", "content": f"{kind} {at}"}, {"role": "assistant", "content": f"{kind[0]}-{at}"})
        for at in range(count)
    ]
    return [Example(at, messages, {"half": at % 2}) for at, messages in enumerate(answers, 1)]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    parts = Parts(examples("train", 60), examples("validation", 60), ("half", "1"))
    return parts_suite(sums(tmp_path, 40), parts, name="overfitting")


def judged(suite: Suite, candidate: Callable[[Case], bool], base: Callable[[Case], bool]):
    runs = [
        answered(suite, name, {case.case_id: str(case.expected) if right(case) else "?" for case in suite.cases})
        for name, right in (("tuned", candidate), ("base", base))
    ]
    return judge_generalisation(suite, runs[0], runs[1])


def trained(case: Case) -> bool:
    return case.tags["part"] == "train"


def test_every_case_has_its_part_and_unseen_ones_are_apart(suite: Suite) -> None:
    counts = {part: sum(case.tags["part"] == part for case in suite.cases) for part in suite.values["part"]}
    assert counts == {"train": 60, "validation": 60, "test": 20, "unseen": 20}
    assert suite.gate == () and suite.slices == ("part",)


def test_a_fine_tune_that_knows_only_its_training_cases_is_overfitted(suite: Suite) -> None:
    judgement = judged(suite, trained, lambda _: False)
    assert judgement.answer == "overfitted"
    assert judgement.in_words.startswith("The candidate is overfitted: contains.accuracy is at least")
    [metric] = judgement.metrics
    levels = {level.part: level.value for level in metric.candidate}
    assert {part: value.value for part, value in levels.items() if isinstance(value, Estimate)} == {
        "train": 1.0,
        "validation": 0.0,
        "test": 0.0,
        "unseen": 0.0,
    }


def test_a_fine_tune_that_is_right_everywhere_is_not(suite: Suite) -> None:
    judgement = judged(suite, lambda _: True, lambda _: False)
    assert judgement.answer == "not overfitted", judgement.in_words


def test_a_gap_that_the_base_has_too_is_not_overfitting(suite: Suite) -> None:
    assert judged(suite, trained, trained).answer == "not overfitted"


def test_the_examples_are_asked_as_they_were_trained(suite: Suite) -> None:
    case = next(case for case in suite.cases if trained(case))
    assert case.messages == ({"role": "user", "content": "train 0"},) and case.expected == "t-0"
    assert case.tags["half"] == "1"


def test_without_validation_cases_the_test_cases_are_compared(tmp_path: Path) -> None:
    made = parts_suite(sums(tmp_path, 60), Parts(examples("train", 60), []), name="overfitting")
    judgement = judged(made, trained, lambda _: False)
    assert judgement.held_out == "test" and judgement.answer == "overfitted"


def test_examples_that_the_scorers_cannot_score_are_refused(tmp_path: Path) -> None:
    from evaluators.loading.suite_reader import load

    text = "suite: labels\ndata: rows.jsonl\nscore: [label: {of: [yes, no]}]\n"
    labels = load(write_suite(tmp_path, text, [{"id": "a", "input": "x", "expected": "yes"}]))[0]
    with pytest.raises(UsageError, match=r"the example train-00001 .*scorer: label"):
        parts_suite(labels, Parts(examples("train", 3), []), name="overfitting")


def test_of_a_suite_with_probes_only_its_own_cases_are_compared(tmp_path: Path) -> None:
    from evaluators.loading.suite_reader import load

    text = "suite: parcels\ndata: rows.jsonl\nscore: [contains]\nprobes: [keep answer under: [typos]]\n"
    rows_of_probes = [
        {"id": f"p-{at}", "input": f"Where is my parcel number {at}?", "expected": "late"} for at in range(20)
    ]
    probed = load(write_suite(tmp_path, text, rows_of_probes))[0]
    made = parts_suite(probed, Parts(examples("train", 3), examples("validation", 3)), name="overfitting")
    assert len(probed.cases) > 20 and len(made.cases) == 26
    assert [scorer.name for scorer in made.scorers] == ["contains"]
    assert judged(made, lambda _: True, lambda _: False).metrics[0].candidate
