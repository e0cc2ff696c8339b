"""Computes chrF and chrF++ with sacrebleu: the sums of the cases' n-gram statistics give its corpus score."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sacrebleu
from numpy.typing import NDArray
from sacrebleu.metrics.chrf import CHRF

from evaluators.scoring.answer_text import Counts, matches, word_ngrams
from evaluators.scoring.scorer import Compared, FromSums, ScorerType, Stat, no_reference, read_flag, references_of
from fairtrial.domain.run import Answer, Case, Score

Ints = NDArray[np.int64]
Marks = NDArray[np.bool_]
INTEGER_BITS = 63


@dataclass(frozen=True, slots=True)
class Chrf:
    """``corpus``, from 0 to 100. A single case has its sentence chrF, for information only."""

    name: str
    metric: Any

    @property
    def version(self) -> str:
        case = "lc" if self.metric.lowercase else "mixed"
        orders = f"nc:{self.metric.char_order}|nw:{self.metric.word_order}"
        return f"chrf/1 case:{case}|eff:yes|{orders}|space:no|version:{sacrebleu.__version__}"

    @property
    def stats(self) -> Sequence[Stat]:
        parts = FromSums(_row, self._of_sums)
        return (Stat("corpus", "corpus", scale=100.0, aggregate=self._corpus, parts=parts),)

    def case_problem(self, case: Case) -> str | None:
        return no_reference(case.expected)

    def score(self, case: Case, answer: Answer) -> Score:
        text = self._prepared(answer.text or "")
        candidates = [self._statistics(text, self._prepared(reference)) for reference in references_of(case.expected)]
        statistics = max(candidates, key=self.metric._compute_f_score)
        return Score(self.name, {"corpus": self._value(statistics)}, {"statistics": statistics})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        """The statistics count characters without white space; words keep it."""
        texts = [self._prepared(text) for text in (answer.text or "", *references_of(case.expected))]
        shown = texts if self.metric.word_order else ["".join(text.split()) for text in texts]
        statistics = self.score(case, answer).details["statistics"]
        rows = zip(statistics[::3], statistics[1::3], statistics[2::3], strict=True)
        shares = "; ".join(f"{mine}, {reference}, {both}" for mine, reference, both in rows)
        words = f", then of 1 to {self.metric.word_order} words" if self.metric.word_order else ""
        orders = f"1 to {self.metric.char_order} characters{words}"
        return Compared(
            shown[0], tuple(shown[1:]), f"n-grams of {orders} (answer, nearest reference, shared): {shares}"
        )

    def _prepared(self, text: str) -> str:
        prepared: str = self.metric._preprocess_segment(text)
        return prepared

    def _statistics(self, text: str, reference: str) -> list[int]:
        """For each order, the n-grams of the text (0 if the reference has none), of the reference, and of both."""
        sides = "".join(text.split()), "".join(reference.split())
        matched = char_matches(*sides, self.metric.char_order)
        rows = [(*(len(side) - order for side in sides), both) for order, both in enumerate(matched)]
        words = [self.metric._remove_punctuation(side) for side in (text, reference)] if self.metric.word_order else []
        for order in range(self.metric.word_order):
            both = matches(*(word_ngrams(side, order + 1) for side in words))
            rows.append((*(len(side) - order for side in words), both))
        return [max(count, 0) for mine, theirs, both in rows for count in (mine if theirs > 0 else 0, theirs, both)]

    def _corpus(self, scores: Sequence[Score]) -> float:
        columns = zip(*(_row(score.details) for score in scores), strict=True)
        return self._value([sum(column) for column in columns])

    def _of_sums(self, sums: Iterable[float]) -> float:
        return self._value([int(number) for number in sums])

    def _value(self, statistics: Sequence[int]) -> float:
        return float(self.metric._compute_score_from_stats(list(statistics)).score)


def char_matches(left: str, right: str, longest: int) -> list[int]:
    """For each order up to ``longest``, how many n-grams of characters both texts have.

    Each character and those that follow it become one integer. The sorted integers are also in the order of their
    beginnings, so that one sort serves all orders.
    """
    letters = [np.frombuffer(side.encode("utf-32-le", "surrogatepass"), np.uint32) for side in (left, right)]
    known, codes = np.unique(np.concatenate(letters), return_inverse=True)
    bits = len(known).bit_length()
    if longest * bits >= INTEGER_BITS:
        return [matches(_ngrams(left, order), _ngrams(right, order)) for order in range(1, longest + 1)]
    ends = np.zeros(longest, np.int64)
    sides = np.split(codes.ravel() + 1, [len(left)])
    joined = np.concatenate([_joined(np.concatenate([side, ends]), longest, bits) for side in sides])
    order = np.argsort(joined, kind="stable")
    joined, of_left = joined[order], order < len(left)
    return [_in_both(joined >> bits * (longest - n), of_left, (1 << bits) - 1) for n in range(1, longest + 1)]


def _ngrams(text: str, order: int) -> Counts:
    return Counter(text[at : at + order] for at in range(len(text) - order + 1))


def _joined(codes: Ints, longest: int, bits: int) -> Ints:
    """For each character, the codes of it and of those that follow as one integer; 0 follows the last one."""
    joined = codes[: len(codes) - longest]
    for start in range(1, longest):
        joined = joined << bits | codes[start : start + len(joined)]
    return joined


def _in_both(ngrams: Ints, of_left: Marks, last: int) -> int:
    """The n-grams of both texts; ``ngrams`` is sorted, and the bits ``last`` are 0 in what is shorter."""
    whole = ngrams & last != 0
    ngrams, of_left = ngrams[whole], of_left[whole]
    starts = np.flatnonzero(np.diff(ngrams, prepend=-1))
    if not len(starts):
        return 0
    counts = np.diff(starts, append=len(ngrams))
    mine = np.add.reduceat(of_left, starts, dtype=np.int64)
    return int(np.minimum(mine, counts - mine).sum())


def _row(details: Mapping[str, Any]) -> Sequence[int]:
    statistics: Sequence[int] = details["statistics"]
    return statistics


def build(options: Mapping[str, Any], name: str) -> Chrf:
    words = options.get("words", 0)
    if isinstance(words, bool) or words not in (0, 1, 2):
        raise ValueError(f"words: {words!r} is not 0, 1 or 2")
    return Chrf(name, CHRF(word_order=words, lowercase=read_flag(options, "lowercase", default=False)))


scorer = ScorerType(
    summary="chrF over all cases together, exactly sacrebleu's; good for short answers and rich languages.",
    options={
        "words": "The order of the word n-grams: 0 (default) is chrF, 2 is chrF++.",
        "lowercase": "`yes` to ignore case.",
    },
    build=build,
    short="words",
)
