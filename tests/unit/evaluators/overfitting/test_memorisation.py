"""Regurgitation is found where only training texts are repeated, and not where held-out texts are repeated as often."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from evaluators.overfitting.memorisation import judge_regurgitation
from evaluators.suite import Suite
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.run import Case
from tests.fixtures.evaluators.continuation_runs import answered, run_of, suite_of

TRIALS = 40


def trained(case: Case) -> bool:
    return case.fields["split"] == "train"


def always(_: Case) -> bool:
    return True


def never(_: Case) -> bool:
    return False


def by_chance(seed: int, of_train: float, of_holdout: float) -> Callable[[Case], bool]:
    draw = random.Random(seed)
    return lambda case: draw.random() < (of_train if trained(case) else of_holdout)


def judged(suite: Suite, candidate: Callable[[Case], bool], base: Callable[[Case], bool] = never, margin: float = 0.05):
    return judge_regurgitation(suite, run_of(suite, "tuned", candidate), run_of(suite, "base", base), margin=margin)


def test_a_model_that_repeats_only_training_texts_has_memorised() -> None:
    judgement = judged(suite_of(30, 30), trained)
    assert judgement.answer == "memorised" and (judgement.trained, judgement.held_out) == (30, 30)
    assert judgement.gaps[0].candidate == (1.0, 0.0) and judgement.gaps[0].base == (0.0, 0.0)
    assert judgement.in_words.startswith("The candidate repeats its training texts")


def test_a_model_that_completes_every_text_has_not_memorised() -> None:
    judgement = judged(suite_of(150, 150), always)
    assert judgement.answer == "not memorised", judgement.in_words


def test_a_base_that_knew_the_texts_before_is_not_held_against_the_candidate() -> None:
    judgement = judged(suite_of(150, 150), trained, base=trained)
    assert judgement.answer == "not memorised", judgement.in_words


def test_few_texts_decide_nothing_and_the_sentence_says_what_is_possible() -> None:
    judgement = judged(suite_of(10, 10), always)
    assert judgement.answer == "cannot tell" and "is not shown" in judgement.in_words
    judgement = judged(suite_of(3, 3), always)
    assert judgement.answer == "cannot tell" and "cannot be judged" in judgement.in_words


def test_one_long_verbatim_run_is_found_where_no_text_is_extracted_whole() -> None:
    suite = suite_of(60, 60)
    texts = {case.case_id: str(case.expected)[5:] if trained(case) else "something else" for case in suite.cases}
    judgement = judge_regurgitation(suite, answered(suite, "tuned", texts), run_of(suite, "base", never))
    extracted, verbatim = (gap.excess for gap in judgement.gaps)
    assert isinstance(extracted, Estimate) and extracted.value == 0
    assert isinstance(verbatim, Estimate) and verbatim.low > 0.5
    assert judgement.answer == "memorised"


@pytest.mark.release("simulations")
@pytest.mark.parametrize(("count", "share"), [((20, 60), 0.9), ((20, 60), 0.5), ((80, 60), 0.93), ((100, 100), 0.1)])
def test_a_model_without_memory_is_accused_in_at_most_five_percent(count: tuple[int, int], share: float) -> None:
    suite = suite_of(*count)
    accused = [judged(suite, by_chance(seed, share, share), margin=0).answer == "memorised" for seed in range(TRIALS)]
    assert sum(accused) / TRIALS <= 0.05


def test_a_strong_memory_of_twenty_texts_is_nearly_always_found() -> None:
    suite = suite_of(20, 60)
    judgements = [judged(suite, by_chance(seed, 1.0, 0.4)).answer == "memorised" for seed in range(20)]
    assert sum(judgements) >= 18


def test_without_a_repeated_word_on_either_side_there_is_no_signal() -> None:
    judgement = judged(suite_of(150, 150), never)
    assert judgement.answer == "cannot tell" and "there is no signal" in judgement.in_words
