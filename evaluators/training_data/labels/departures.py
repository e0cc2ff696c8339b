"""Finds slices whose labels ignore what determines the label elsewhere: one wrong pattern, repeated.

Within a slice, take the rows whose words are strong and unambiguous evidence for a class, as learnt from the rows
outside. If most of them have another label, and a binomial test at the error rate outside rejects chance after
Bonferroni's correction for all slices, the slice departs. A constant label is not wrong by itself.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from evaluators.training_data.corpus import Corpus, LabelField
from evaluators.training_data.labels.slices import Slice, SliceTest, slice_tests, slices
from evaluators.training_data.labels.words import (
    LabelledWords,
    LabelModel,
    Vocabulary,
    even_sample,
    labelled_words,
    vocabulary,
    without_neighbours,
)
from fairtrial.domain.promises import LABEL_ALPHA

MOST_ROWS = 5_000
"""Rows that are tested, evenly spread; all rows of a slice that departs are then examined."""
MOST_LEARNT = 20_000
"""Rows that the expected labels are learnt from."""
NEARLY_ALL, SURE = 0.85, 0.9
"""If this share of a slice's rows has another label than expected, the rest is reported, too, unless the expectation is
this sure."""
LEAST_COVERAGE, LEAST_CONTRADICTED = 0.6, 0.2
"""The `SliceTest.coverage` and `SliceTest.contradicted` below which a slice is a kind of text with words of its own,
such as posts among reviews. Planted patterns have at least 0.73 and 0.26; posts that name users cover at most 0.47."""
SHOWN_WORDS = 3


@dataclass(frozen=True, slots=True)
class Departure:
    """A slice whose labels depart. ``evidence`` rows have words that elsewhere mean ``expected``; ``wrong`` of them
    have another label, mostly ``found``. ``error`` is the share of such rows outside. ``rows`` are those to look at.
    If the words in the slice say little elsewhere, or mostly mean its label (``own_words``), the label may follow.
    """

    says: str
    field: str
    expected: str
    found: str
    evidence: int
    wrong: int
    error: float
    p: float
    words: tuple[str, ...]
    members: int
    labelled_found: int
    own_words: bool
    rows: tuple[int, ...]


def find_departures(corpus: Corpus, fields: Sequence[LabelField], others: Sequence[LabelField]) -> list[Departure]:
    """The departing slices of each label field, the most certain first. A found slice is left out of later tests."""
    sample = even_sample(len(corpus.train), MOST_ROWS)
    prompts = [corpus.prompts[row] for row in sample]
    words = vocabulary(prompts)
    has = words.matrix(prompts)
    every = (*fields, *others)
    candidates = slices(every, sample, words.words, has)
    departures: list[Departure] = []
    # The matrices are small, so that more threads would mostly wait for each other.
    with threadpool_limits(limits=1):
        for field in fields:
            data = labelled_words(has, np.array(field.values, dtype=object)[sample])
            usable = [candidate for candidate in candidates if not candidate.has_field(field)]
            tests = list(_departing(data, usable, words, prompts))
            alone = [_alone(data, test, tests) for test in tests]
            departures += _described(corpus, field, alone, words, LabelModel(corpus, words, field, every))
    return departures


def _departing(
    data: LabelledWords, usable: Sequence[Slice], words: Vocabulary, prompts: Sequence[str]
) -> Iterator[SliceTest]:
    """Tests all slices, and again without each slice that departs, because it hides others and has reflections."""
    remaining, left = data, list(usable)
    while left:
        counts = remaining.counts()
        tests = [test for candidate in left for test in slice_tests(remaining, counts, candidate)]
        best = min(tests, key=lambda test: test.p, default=None)
        most = LABEL_ALPHA / max(len(tests), len(usable))
        if best is None or best.p > most:
            return
        left = [candidate for candidate in left if candidate is not best.of]
        if not best.of.phrase or _p_by_pairs(remaining, best, words, prompts) <= most:
            yield best
            remaining = remaining.part(~best.of.member[remaining.rows])


def _p_by_pairs(data: LabelledWords, test: SliceTest, words: Vocabulary, prompts: Sequence[str]) -> float:
    """The p-value by pairs of words alone, without the neighbours of the phrase.

    A phrase can change what a word means, as in "this is urgent" and "not urgent", or be a part of a name.
    """
    inside = np.flatnonzero(test.of.member[data.rows])
    apart = [without_neighbours(prompts[data.rows[row]], test.of.phrase) for row in inside]
    names = words.words
    has = data.has.copy()
    has[inside] = words.matrix(apart)[:, data.columns_of].toarray()
    has[:, [" " not in names[at] for at in data.columns_of]] = 0
    changed = replace(data, has=has)
    again = slice_tests(changed, changed.counts(), test.of, typical=0)
    return min((slice_test.p for slice_test in again), default=1.0)


def _alone(data: LabelledWords, test: SliceTest, tests: Sequence[SliceTest]) -> SliceTest:
    """The same test without the other slices that depart, which raise the error rate outside."""
    others = (
        _union([slice_test for slice_test in tests if slice_test is not test])
        if len(tests) > 1
        else np.zeros_like(test.of.member)
    )
    part = data.part(test.of.member[data.rows] | ~others[data.rows])
    again = (
        slice_test for slice_test in slice_tests(part, part.counts(), test.of) if slice_test.expected == test.expected
    )
    return replace(next(again, test), p=test.p)


def _union(tests: Sequence[SliceTest]) -> NDArray[np.bool_]:
    union = np.zeros_like(tests[0].of.member)
    for test in tests:
        union |= test.of.member
    return union


def _described(
    corpus: Corpus, field: LabelField, tests: Sequence[SliceTest], words: Vocabulary, model: LabelModel
) -> Iterator[Departure]:
    """The departures with their rows in the whole file, which a model of the other rows would label otherwise."""
    if not tests:
        return
    values = np.array(field.values, dtype=object)
    labelled = np.array([value is not None for value in values], dtype=bool)
    members = [test.of.in_all_rows(corpus) & labelled for test in tests]
    outside = np.flatnonzero(labelled & ~np.array(members).any(axis=0))
    learn = outside[even_sample(len(outside), MOST_LEARNT)]
    for test, member in zip(tests, members, strict=True):
        inside = np.flatnonzero(member)
        predicted, sure = model.predict(learn, inside)
        wrong = values[inside] != predicted
        rows = inside[wrong | (sure < SURE)] if wrong.mean() >= NEARLY_ALL else inside[wrong]
        usual = Counter(values[inside[wrong & (predicted == test.expected)]]).most_common(1)
        label = str(usual[0][0]) if usual else test.expected
        yield Departure(
            says=str(test.of),
            field=field.name,
            expected=test.expected,
            found=label,
            evidence=test.evidence,
            wrong=test.wrong,
            error=test.error,
            p=test.p,
            words=_shown([words.words[at] for at in test.words]),
            members=len(inside),
            labelled_found=int((values[inside] == label).sum()),
            own_words=test.coverage < LEAST_COVERAGE or test.contradicted < LEAST_CONTRADICTED,
            rows=tuple(int(row) for row in rows),
        )


def _shown(words: Sequence[str]) -> tuple[str, ...]:
    """The first words that do not repeat each other."""
    kept: list[str] = []
    for word in words:
        if not any(set(word.split()) & set(other.split()) for other in kept):
            kept.append(word)
    return tuple(kept[:SHOWN_WORDS])
