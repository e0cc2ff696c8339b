"""Computes ROUGE F-measures as rouge-score does, the reference implementation, and their mean over cases."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import Any

from evaluators.scoring.answer_text import longest_common_subsequence, matches, word_ngrams
from evaluators.scoring.scorer import Compared, ScorerType, Stat, no_reference, read_flag, read_texts, references_of
from fairtrial.domain.run import Answer, Case, Score

KINDS = ("1", "2", "3", "4", "5", "L", "Lsum")
LSUM = "Lsum"
READABLE = re.compile(r"[a-z0-9]", re.IGNORECASE)
WORD = re.compile(r"[a-z0-9]+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Rouge:
    """``rouge1`` to ``rouge5``, ``rougeL``, ``rougeLsum``: F-measures in [0, 1], of the best reference.

    rouge-score itself computes Lsum and stems words. The other measures are computed here with the same results,
    because its table of subsequences takes nearly all of its time.
    """

    name: str
    kinds: tuple[str, ...]
    stem: bool
    tokenize: Callable[[str], list[str]]
    metric: Any = None

    @property
    def version(self) -> str:
        stem = "porter" if self.stem else "no"
        return f"rouge/1 stem:{stem} measure:f references:best lsum-split:.!? rouge-score:{installed('rouge-score')}"

    @property
    def stats(self) -> Sequence[Stat]:
        return tuple(Stat(f"rouge{kind}", "mean") for kind in self.kinds)

    def case_problem(self, case: Case) -> str | None:
        references = references_of(case.expected)
        if references and not all(READABLE.search(reference) for reference in references):
            return "has a reference without Latin letters or digits, which ROUGE ignores: use chrf"
        return no_reference(case.expected)

    def suite_warning(self, cases: Sequence[Case]) -> str | None:
        unread = sum(any(map(_mostly_unread, references_of(case.expected))) for case in cases)
        if not unread:
            return None
        return (
            f"{self.name}: {unread} of {len(cases)} references consist mostly of letters that ROUGE ignores, because "
            "it reads only a to z and digits; use chrf"
        )

    def score(self, case: Case, answer: Answer) -> Score:
        texts, answered = references_of(case.expected), answer.text or ""
        words, references = self.tokenize(answered), [self.tokenize(text) for text in texts]
        values: dict[str, float | None] = {}
        for kind in self.kinds:
            if kind == LSUM:
                scores = self.metric.score_multi([_in_lines(text) for text in texts], _in_lines(answered))
                values[f"rouge{kind}"] = float(scores[f"rouge{kind}"].fmeasure)
            else:
                values[f"rouge{kind}"] = max(_f_measure(kind, words, reference) for reference in references)
        return Score(self.name, values)

    def normalised(self, case: Case, answer: Answer) -> Compared:
        words, *references = map(self.tokenize, (answer.text or "", *references_of(case.expected)))
        best = max(references, key=lambda reference: _f_measure("1", words, reference))
        why = f"{_shared(words, best)} of its {len(words)} words are among the {len(best)} of the nearest reference"
        return Compared(" ".join(words), tuple(map(" ".join, references)), why)


def _shared(words: Sequence[str], reference: Sequence[str]) -> int:
    return matches(word_ngrams(words, 1), word_ngrams(reference, 1))


def _mostly_unread(text: str) -> bool:
    letters = [char for char in text if char.isalnum()]
    return 2 * sum(READABLE.match(char) is not None for char in letters) < len(letters)


def _in_lines(text: str) -> str:
    """One sentence on each line, as rougeLsum needs."""
    return SENTENCE_END.sub("\n", text)


def _f_measure(kind: str, words: Sequence[str], reference: Sequence[str]) -> float:
    order = 1 if kind == "L" else int(kind)
    answered, expected = (max(len(each) - order + 1, 0) for each in (words, reference))
    if kind == "L":
        shared = longest_common_subsequence(words, reference)
    else:
        shared = matches(word_ngrams(words, order), word_ngrams(reference, order))
    precision, recall = shared / max(answered, 1), shared / max(expected, 1)
    return 2 * precision * recall / (precision + recall) if shared else 0.0


def _plain_words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def build(options: Mapping[str, Any], name: str) -> Rouge:
    kinds = read_texts(options, "kinds") or ("1", "L")
    strange = [kind for kind in kinds if kind not in KINDS]
    if strange or len(set(kinds)) < len(kinds):
        raise ValueError(f"kinds: {', '.join(strange or kinds)} (known: {', '.join(KINDS)}, each once)")
    stem = read_flag(options, "stem", default=False)
    if not stem and LSUM not in kinds:
        return Rouge(name, kinds, stem, _plain_words)
    from rouge_score.rouge_scorer import RougeScorer

    metric = RougeScorer([f"rouge{LSUM}"], use_stemmer=stem)
    return Rouge(name, kinds, stem, metric._tokenizer.tokenize if stem else _plain_words, metric)


scorer = ScorerType(
    summary="ROUGE F-measures, exactly rouge-score's, averaged over cases; Latin letters and digits only.",
    options={
        "kinds": "Any of 1 to 5, L and Lsum; [1, L] by default.",
        "stem": "`yes` applies the Porter stemmer to words of more than three letters; `no` is the default.",
    },
    build=build,
    short="kinds",
)
