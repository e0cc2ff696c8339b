"""Scores the negative controls of a run: the empty answer, and three answers of other cases, in place of each answer.

A gate that ships these answers, too, does not measure what was answered.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from evaluators.engine.scoring import score_case, score_copy
from evaluators.engine.signal_scorer import REFERENCES, Signals, said_by
from evaluators.probes.probe import ORIGINAL
from evaluators.scoring.scorer import Scorer, ScoresPairs, WaitsForProcess
from evaluators.suite import FAMILY_TAG, OWN, Suite
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.run import REPLACEMENTS, Answer, Case, CaseResult, NegativeControl, Score

SHUFFLES = len(REPLACEMENTS) - 1
WORD = 8
"""Bytes of a case's digest that order one shuffle."""
EMPTY = Answer("", finish_reason="stop")
MOST_OWN = 100
"""How many cases an own scorer scores again, because it waits for a process."""


def with_controls(suite: Suite, results: Sequence[CaseResult]) -> tuple[CaseResult, ...]:
    """The results of a whole run with their controls, where another case of the family gives an answer.

    A shuffle is a permutation of the answers within a family and a repeat. It gives each case an answer whose case has
    another reference, as far as a permutation can. Failed answers stay, and give none.
    """
    donors, scored = _donors(suite, results), _scored(suite, results)
    replaced = {at: scored(at, given) for at, given in donors.items()}
    if any(isinstance(scorer, ScoresPairs) for scorer in suite.scorers):
        replaced = _with_pairs(suite, results, replaced)
    return tuple(
        _with(result, tuple(_control(control, result) for control in replaced[at])) if at in donors else result
        for at, result in enumerate(results)
    )


def _with(result: CaseResult, controls: tuple[NegativeControl, ...]) -> CaseResult:
    """The result with its controls; `dataclasses.replace` would take as long as scoring a label."""
    return CaseResult(result.case, result.repeat, result.answer, result.outcome, result.scores, controls)


def _control(replaced: CaseResult, own: CaseResult) -> NegativeControl:
    """What a replacement scores, by the scorers that could score the case's own answer, too."""
    scores = {
        name: score
        for name, score in replaced.scores.items()
        if isinstance(score, Score) and isinstance(own.scores.get(name), Score)
    }
    return NegativeControl(replaced.outcome, scores)


def _scored(suite: Suite, results: Sequence[CaseResult]) -> Callable[[int, Sequence[int]], list[CaseResult]]:
    """A function that scores each replacement of the answer at a place of the run; the donors are places, too."""
    signals, scorers_of = Signals(suite), _scorers_of(suite)

    def scored(at: int, donors: Sequence[int]) -> list[CaseResult]:
        own, answers = results[at], [EMPTY, *(results[donor].answer for donor in donors)]
        scorers, measured = scorers_of(own.case), signals if SIGNALS in own.scores else None
        known: dict[Hashable, CaseResult] = {}
        for answer in answers:
            if said_by(answer) not in known:
                known[said_by(answer)] = score_case(
                    suite, own.case, own.repeat, answer, signals=measured, scorers=scorers
                )
        return [known[said_by(answer)] for answer in answers]

    return scored


def _with_pairs(
    suite: Suite, results: Sequence[CaseResult], replaced: Mapping[int, list[CaseResult]]
) -> dict[int, list[CaseResult]]:
    """The same, in which changed copies are compared with their replaced originals."""
    places = {(result.case.case_id, result.repeat): at for at, result in enumerate(results)}
    originals: dict[int, int] = {}
    for at in replaced:
        place = places.get((str(results[at].case.fields.get(ORIGINAL)), results[at].repeat))
        if place is not None and place in replaced:
            originals[at] = place
    return {
        at: [score_copy(suite, copy, of) for copy, of in zip(controls, replaced[originals[at]], strict=True)]
        if at in originals
        else controls
        for at, controls in replaced.items()
    }


def _scorers_of(suite: Suite) -> Callable[[Case], tuple[Scorer, ...]]:
    """The scorers of a case. Own scorers apply to a draw of cases, which is the same for each run of the suite."""
    if not any(map(_is_own, suite.scorers)):
        return suite.scorers_of
    drawn = sorted({case.case_id for case in suite.cases}, key=lambda name: _digest(suite.digest, "own", name))
    own = frozenset(drawn[:MOST_OWN])

    def scorers_of(case: Case) -> tuple[Scorer, ...]:
        scorers = suite.scorers_of(case)
        return scorers if case.case_id in own else tuple(scorer for scorer in scorers if not _is_own(scorer))

    return scorers_of


def _is_own(scorer: Scorer) -> bool:
    return isinstance(scorer, WaitsForProcess) and scorer.waits


class _Place(NamedTuple):
    """One answer: its place in the run, and the digests of its case and of what its case expects."""

    at: int
    case: bytes
    reference: bytes


def _donors(suite: Suite, results: Sequence[CaseResult]) -> dict[int, list[int]]:
    """For each result that has donors, the place of the answer that it gets in each shuffle."""
    columns = _reference_columns(suite)
    groups: dict[Hashable, list[_Place]] = {}
    for at, result in enumerate(results):
        if result.answer.error is None:
            case = result.case
            reference = _digest(suite.digest, _reference(case, columns))
            place = _Place(at, _digest(suite.digest, case.case_id), reference)
            groups.setdefault((case.tags.get(FAMILY_TAG, OWN), result.repeat), []).append(place)
    donors: dict[int, list[int]] = {}
    for group in (group for group in groups.values() if len(group) > 1):
        for number in range(SHUFFLES):
            for at, donor in _shuffled(group, number):
                donors.setdefault(at, []).append(donor)
    return donors


def _shuffled(group: Sequence[_Place], number: int) -> Iterable[tuple[int, int]]:
    """Each place with that of its donor, by a cyclic shift of the places, whose references are in a drawn order.

    A shift by the size of the largest class of equal references gives every case another reference, if that class has
    at most half of the places. Otherwise no permutation does, and this one does it as often as possible.
    """
    sizes = Counter(place.reference for place in group)
    part = slice(number * WORD, (number + 1) * WORD)
    drawn = sorted(group, key=lambda place: (-sizes[place.reference], place.reference[part], place.case[part]))
    ordered = [place.at for place in drawn]
    shift = max(sizes.values()) % len(group) or 1
    return zip(ordered, ordered[shift:] + ordered[:shift], strict=True)


def _reference_columns(suite: Suite) -> tuple[str, ...]:
    """The columns, besides ``expected``, that state what a right answer is."""
    named = [getattr(scorer, "column", None) for scorer in suite.scorers]
    rules = [column for scorer in suite.scorers for column in getattr(scorer, "columns", {}).values()]
    return tuple(sorted({*REFERENCES, *(column for column in named if isinstance(column, str)), *rules}))


def _reference(case: Case, columns: Iterable[str]) -> bytes:
    stated: list[Any] = [case.expected, *(case.fields.get(column) for column in columns)]
    return msgspec.json.encode(stated, enc_hook=str, order="sorted")


def _digest(*parts: str | bytes) -> bytes:
    encoded = (part.encode() if isinstance(part, str) else part for part in parts)
    return hashlib.sha256(b"\n".join(encoded)).digest()
