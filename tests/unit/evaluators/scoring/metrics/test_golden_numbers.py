"""Every published metric gives the numbers of its reference implementation, within 1e-9, on the same drawn pairs."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product, zip_longest
from typing import Any

import numpy as np
import pytest

from evaluators.loading.scorers import build_entry
from evaluators.scoring.confusion import OFF_LABEL, pairs as label_pairs
from evaluators.scoring.scorer import FromCounts, FromSums, OffFormat, Scorer
from fairtrial.domain.run import Answer, Case, Score
from tests.fixtures.evaluators.metric_pairs import LABELS, Pair, labelled, numbers, pairs

CLOSE = 1e-9
FEW, MANY = 60, 1000
Figure = tuple[str, float | None, float | None]
"""What is compared: its name, our number, and that of the reference implementation."""


def score(scorer: Scorer, prediction: str, expected: Any) -> Score:
    """One score, as it comes back from the store's JSON."""
    try:
        measured = scorer.score(Case("c", (), expected), Answer(prediction))
    except OffFormat as error:
        measured = error.score
    return Score(measured.scorer, measured.values, json.loads(json.dumps(measured.details)))


def build(entry: Any) -> Scorer:
    return build_entry(entry, variables={}).scorer


def yes(value: bool) -> str:
    return "yes" if value else "no"


def streams(drawn: Sequence[Pair]) -> list[list[Any]]:
    """The references as sacrebleu takes them: one stream for each place, with `None` where a case has fewer."""
    return [list(stream) for stream in zip_longest(*(pair.references for pair in drawn))]


def corpus_figures(scorer: Scorer, scores: Sequence[Score]) -> Iterator[tuple[str, float | None]]:
    """Each corpus stat by its name, computed from the scores and again from their sums or counts."""
    for stat in scorer.stats:
        if stat.aggregate is None:
            continue
        yield stat.name, stat.aggregate(scores)
        if isinstance(stat.parts, FromSums):
            sums = np.array([stat.parts.row(score.details) for score in scores]).sum(axis=0, dtype=float)
            yield f"{stat.name} of sums", stat.parts.figure(sums)
        if isinstance(stat.parts, FromCounts):
            counts = label_pairs(scores)
            yield f"{stat.name} of counts", stat.parts.figure(list(counts))(np.array(list(counts.values())))


def bleu(count: int) -> Iterator[Figure]:
    import sacrebleu

    drawn = pairs(count)
    for tokenize, lowercase in product(("13a", "intl", "char", "zh", "none"), (False, True)):
        options = {"tokenize": tokenize, "lowercase": lowercase}
        ours = build({"bleu": {"tokenize": tokenize, "lowercase": yes(lowercase), "sentence": "yes"}})
        scores = [score(ours, pair.prediction, pair.references) for pair in drawn]
        for pair, own_score in zip(drawn, scores, strict=True):
            theirs = sacrebleu.sentence_bleu(pair.prediction, pair.references, **options).score
            yield f"sentence {options} {pair}", own_score.values["sentence"], theirs
        corpus = sacrebleu.corpus_bleu([pair.prediction for pair in drawn], streams(drawn), force=True, **options)
        for name, value in corpus_figures(ours, scores):
            yield f"{name} {options}", value, corpus.score


def chrf(count: int) -> Iterator[Figure]:
    from sacrebleu.metrics import CHRF

    drawn = pairs(count)
    for words, lowercase in product((0, 1, 2), (False, True)):
        options = f"words:{words} lowercase:{lowercase}"
        ours = build({"chrf": {"words": words, "lowercase": yes(lowercase)}})
        metric = CHRF(word_order=words, lowercase=lowercase)
        scores = [score(ours, pair.prediction, pair.references) for pair in drawn]
        for pair, own_score in zip(drawn, scores, strict=True):
            theirs = metric.sentence_score(pair.prediction, pair.references).score
            yield f"sentence {options} {pair}", own_score.values["corpus"], theirs
        corpus = metric.corpus_score([pair.prediction for pair in drawn], streams(drawn))
        for name, value in corpus_figures(ours, scores):
            yield f"{name} {options}", value, corpus.score


def rouge(count: int) -> Iterator[Figure]:
    """Lsum needs one sentence on each line; we split by a published rule, which the signature names."""
    from rouge_score.rouge_scorer import RougeScorer

    kinds = ("1", "2", "3", "4", "5", "L", "Lsum")
    for stem in (False, True):
        ours = build({"rouge": {"kinds": list(kinds), "stem": yes(stem)}})
        theirs = RougeScorer([f"rouge{kind}" for kind in kinds], use_stemmer=stem)
        for pair in pairs(count):
            prediction, *references = (
                re.sub(r"([.!?])\s+", r"\1\n", text) for text in (pair.prediction, *pair.references)
            )
            expected = theirs.score_multi(references, prediction)
            for name, value in score(ours, pair.prediction, pair.references).values.items():
                yield f"{name} stem:{stem} {pair}", value, expected[name].fmeasure


def squad(count: int) -> Iterator[Figure]:
    """The figures of evaluate-v1.1, the script of Rajpurkar et al. (2016), which is in no package."""
    ours = build({"exact": "squad"})
    for pair in pairs(count):
        values = score(ours, pair.prediction, pair.references).values
        by_script = [squad_script(pair.prediction, reference) for reference in pair.references]
        yield f"em {pair}", values["em"], max(em for em, _ in by_script)
        yield f"f1 {pair}", values["f1"], max(f1 for _, f1 in by_script)


def squad_script(prediction: str, truth: str) -> tuple[float, float]:
    def normalize(text: str) -> str:
        text = "".join(char for char in text.lower() if char not in set(string.punctuation))
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())

    predicted, true = normalize(prediction).split(), normalize(truth).split()
    em = float(normalize(prediction) == normalize(truth))
    shared = sum((Counter(predicted) & Counter(true)).values())
    if shared == 0:
        return em, 0.0
    precision, recall = 1.0 * shared / len(predicted), 1.0 * shared / len(true)
    return em, (2 * precision * recall) / (precision + recall)


def exact(count: int) -> Iterator[Figure]:
    """The plain comparisons of Python: `raw` is lm-eval's exact_match, `strip` is promptfoo's equals."""
    norms: dict[str, Callable[[str], str]] = {"raw": lambda text: text, "strip": lambda text: text.strip()}
    compare: dict[str, Callable[[str, str], bool]] = {
        "equal": lambda text, reference: text == reference,
        "prefix": lambda text, reference: text[: len(reference)] == reference,
        "suffix": lambda text, reference: (
            text[len(text) - len(reference) :] == reference and len(text) >= len(reference)
        ),
    }
    for (mode, norm), (match, holds) in product(norms.items(), compare.items()):
        ours = build({"exact": {"mode": mode, "match": match}})
        for pair in pairs(count):
            right = any(holds(norm(pair.prediction), norm(reference)) for reference in pair.references)
            yield f"{mode} {match} {pair}", score(ours, pair.prediction, pair.references).values["accuracy"], right


def fuzzy(count: int) -> Iterator[Figure]:
    from rapidfuzz import fuzz

    methods = ("ratio", "partial_ratio", "token_sort_ratio", "token_set_ratio", "WRatio")
    for method, case in product(methods, (True, False)):
        ours, theirs = build({"fuzzy": {"method": method, "case": yes(case)}}), getattr(fuzz, method)
        for pair in pairs(count):
            prediction, *references = (
                text.strip() if case else text.strip().casefold() for text in (pair.prediction, *pair.references)
            )
            best = max(theirs(prediction, reference) for reference in references) / 100
            yield f"{method} {case} {pair}", score(ours, pair.prediction, pair.references).values["similarity"], best


def number(count: int) -> Iterator[Figure]:
    """Exact fractions, which the generator knows before it writes the number as text."""
    for take, absolute, relative in product(("last", "first"), (0, 0.01), (0, 0.1)):
        ours = build({"number": {"take": take, "absolute": absolute, "relative": relative}})
        for text, value, expected in numbers(count):
            allowed = Fraction(str(absolute)) + Fraction(str(relative)) * abs(expected)
            right = float(abs(value - expected) <= allowed)
            reference = f"{Decimal(expected.numerator) / expected.denominator:f}"
            yield f"{take} {absolute} {relative} {text!r}", score(ours, text, reference).values["accuracy"], right


def label(count: int) -> Iterator[Figure]:
    """scikit-learn with fixed labels, where each answer that is none of them is one further label."""
    from sklearn import metrics

    positive = ["high", "urgent"]
    for labels in (LABELS, LABELS[:2]):
        true, predicted = labelled(count, labels)
        given = [answer if answer in labels else OFF_LABEL for answer in predicted]
        chosen = [each for each in positive if each in labels]
        ours = build({"label": {"of": list(labels), "positive": chosen}})
        scores = [score(ours, answer, truth) for answer, truth in zip(predicted, true, strict=True)]
        expected = {
            "accuracy": metrics.accuracy_score(true, given),
            "macro_f1": metrics.f1_score(true, given, labels=labels, average="macro"),
            "macro_recall": metrics.recall_score(true, given, labels=labels, average="macro"),
            "off_label": np.mean([answer == OFF_LABEL for answer in given]),
        }
        sides = [[answer in chosen for answer in side] for side in (true, given)]
        if chosen:
            expected["recall"], expected["precision"] = metrics.recall_score(*sides), metrics.precision_score(*sides)
        by_label = metrics.recall_score(true, given, labels=labels, average=None)
        expected |= {f"recall.{each}": value for each, value in zip(labels, by_label, strict=True)}
        figures = dict(corpus_figures(ours, scores))
        yield "balanced accuracy", figures["macro_recall"], balanced_accuracy(true, given)
        for stat in ours.stats:
            values = [value for score in scores if (value := score.values[stat.name]) is not None]
            figures.setdefault(stat.name, float(np.mean(values)))
        for name, value in figures.items():
            yield f"{name} of {labels}", value, expected[name.removesuffix(" of counts")]


def balanced_accuracy(true: Sequence[str], given: Sequence[str]) -> float:
    from sklearn.metrics import balanced_accuracy_score

    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        return float(balanced_accuracy_score(true, given))


METRICS: Sequence[Callable[[int], Iterator[Figure]]] = (bleu, chrf, rouge, squad, exact, fuzzy, number, label)
metrics = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)


def differences(figures: Iterator[Figure]) -> list[str]:
    return [
        f"{name[:300]}: {ours} instead of {theirs}"
        for name, ours, theirs in figures
        if ours is None or theirs is None or abs(ours - theirs) > CLOSE
    ]


@metrics
def test_a_metric_equals_its_reference_implementation(metric: Callable[[int], Iterator[Figure]]) -> None:
    assert differences(metric(FEW)) == []


@metrics
@pytest.mark.release("golden")
def test_a_metric_equals_its_reference_implementation_on_a_thousand_pairs(
    metric: Callable[[int], Iterator[Figure]],
) -> None:
    assert differences(metric(MANY)) == []
