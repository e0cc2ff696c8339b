"""Computes BLEU with sacrebleu: each case stores its n-gram counts, and their sums give sacrebleu's corpus score."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sacrebleu
from sacrebleu.metrics.bleu import BLEU

from evaluators.scoring.answer_text import matches, word_ngrams
from evaluators.scoring.scorer import (
    Compared,
    FromSums,
    ScorerType,
    Stat,
    no_reference,
    read_choice,
    read_flag,
    references_of,
)
from fairtrial.domain.run import Answer, Case, Score

ORDER = 4
ORDERS = range(1, ORDER + 1)
TOKENIZERS = ("13a", "intl", "char", "zh", "none")
BY_CHARACTER = ("zh", "char")
WITHOUT_SPACES = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]{4}"
)
"""Four characters in a row of Thai, Lao, Burmese, Khmer, Japanese or Chinese."""


@dataclass(frozen=True, slots=True)
class Bleu:
    """``corpus``, from 0 to 100. ``sentence``: the mean over the cases of sentence BLEU, with effective order.

    Each case has its sentence BLEU as ``corpus``, too, for information only.
    """

    name: str
    metric: Any
    sentence: bool = False

    @property
    def version(self) -> str:
        case = "lc" if self.metric.lowercase else "mixed"
        tokenizer = self.metric.tokenizer_signature
        orders = "no,sentence:yes" if self.sentence else "no"
        return f"bleu/1 case:{case}|eff:{orders}|tok:{tokenizer}|smooth:exp|version:{sacrebleu.__version__}"

    @property
    def stats(self) -> Sequence[Stat]:
        corpus = Stat("corpus", "corpus", scale=100.0, aggregate=corpus_bleu, parts=PARTS, reach=reach_of_corpus)
        return (Stat("sentence", "mean", scale=100.0), corpus) if self.sentence else (corpus,)

    def case_problem(self, case: Case) -> str | None:
        return no_reference(case.expected)

    def suite_warning(self, cases: Sequence[Case]) -> str | None:
        references = [references_of(case.expected) for case in cases]
        unspaced = sum(any(map(WITHOUT_SPACES.search, texts)) for texts in references)
        tokenizer = self.metric.tokenizer_signature
        if unspaced and tokenizer not in BY_CHARACTER:
            return (
                f"{self.name}: {unspaced} of {len(cases)} references are in a script without spaces, which tokenize: "
                f"{tokenizer} reads as one word; use tokenize: zh for Chinese, or char"
            )
        short = sum(any(len(self._words(text)) < ORDER for text in texts) for texts in references)
        if not short:
            return None
        return (
            f"{self.name}: {short} of {len(cases)} references have fewer than {ORDER} words, for which BLEU "
            "means little (a corpus of perfect three-word answers scores 0); use exact or chrf"
        )

    def score(self, case: Case, answer: Answer) -> Score:
        words = self._words(answer.text or "")
        references = [self._words(reference) for reference in references_of(case.expected)]
        ref_len = min((abs(len(words) - len(reference)), len(reference)) for reference in references)[1]
        details = {
            "counts": [_matched(words, references, order) for order in ORDERS],
            "totals": [max(len(words) - order + 1, 0) for order in ORDERS],
            "sys_len": len(words),
            "ref_len": ref_len,
        }
        value = _bleu(details, effective_order=True)
        return Score(self.name, {"sentence": value, "corpus": value} if self.sentence else {"corpus": value}, details)

    def normalised(self, case: Case, answer: Answer) -> Compared:
        prediction, *references = (
            " ".join(self._words(text)) for text in (answer.text or "", *references_of(case.expected))
        )
        details = self.score(case, answer).details
        shares = ", ".join(f"{hits} of {of}" for hits, of in zip(details["counts"], details["totals"], strict=True))
        lengths = f"it has {details['sys_len']} words, and the reference of the nearest length {details['ref_len']}"
        return Compared(
            prediction, tuple(references), f"of its n-grams of 1 to {ORDER} words, references have {shares}; {lengths}"
        )

    def _words(self, text: str) -> list[str]:
        words: list[str] = self.metric._preprocess_segment(text).split()
        return words


def _matched(words: Sequence[str], references: Sequence[Sequence[str]], order: int) -> int:
    """An n-gram counts as often as in the reference that has it most often."""
    most = word_ngrams(references[0], order)
    for reference in references[1:]:
        most |= word_ngrams(reference, order)
    return matches(word_ngrams(words, order), most)


def corpus_bleu(scores: Sequence[Score]) -> float:
    """sacrebleu's corpus BLEU of all cases, from the sums of their counts (Post 2018)."""
    return _of_sums([sum(column) for column in zip(*(_row(score.details) for score in scores), strict=True)])


def _row(details: Mapping[str, Any]) -> list[int]:
    return [*details["counts"], *details["totals"], details["sys_len"], details["ref_len"]]


def _of_sums(sums: Iterable[float]) -> float:
    whole = [int(number) for number in sums]
    counts, totals, (sys_len, ref_len) = whole[:ORDER], whole[ORDER : 2 * ORDER], whole[2 * ORDER :]
    total = {"counts": counts, "totals": totals, "sys_len": sys_len, "ref_len": ref_len}
    return _bleu(total, effective_order=False)


PARTS = FromSums(_row, _of_sums)


def reach_of_corpus(details: Sequence[Mapping[str, Any]]) -> float | None:
    """n times the largest weight of a case in `corpus_bleu`, which is that of the longest reference."""
    lengths = [detail["ref_len"] for detail in details]
    return len(lengths) * max(lengths) / sum(lengths) if sum(lengths) else None


def _bleu(counts: Mapping[str, Any], *, effective_order: bool) -> float:
    score = BLEU.compute_bleu(
        correct=counts["counts"],
        total=counts["totals"],
        sys_len=counts["sys_len"],
        ref_len=counts["ref_len"],
        smooth_method="exp",
        effective_order=effective_order,
        max_ngram_order=ORDER,
    )
    return float(score.score)


def build(options: Mapping[str, Any], name: str) -> Bleu:
    tokenize = read_choice(options, "tokenize", TOKENIZERS)
    metric = BLEU(tokenize=tokenize, lowercase=read_flag(options, "lowercase", default=False))
    return Bleu(name, metric, read_flag(options, "sentence", default=False))


scorer = ScorerType(
    summary="BLEU over all cases together, exactly sacrebleu's.",
    options={
        "tokenize": "sacrebleu's tokeniser: `13a` (default), `intl`, `char`, `zh` (for Chinese), `none`.",
        "lowercase": "`yes` to ignore case.",
        "sentence": "`yes` adds the stat `sentence`: the mean of each case's BLEU, as OpenAI's graders have it.",
    },
    build=build,
    short="tokenize",
)
