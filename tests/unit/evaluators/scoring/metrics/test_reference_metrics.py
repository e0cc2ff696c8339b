"""The published metrics give the very numbers of their reference implementations."""

from __future__ import annotations

import json
import random
import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from evaluators.loading.scorers import build_entry
from evaluators.scoring.confusion import OFF_LABEL, confusion
from evaluators.scoring.confusion import pairs as label_pairs
from evaluators.scoring.scorer import FromCounts, Scorer
from fairtrial.domain.run import Answer, Case, CaseResult, Run, Score
from tests.fixtures.for_each import for_each

WORDS = [
    "the",
    "a",
    "model",
    "answers",
    "state-of-the-art",
    "question,",
    "in",
    "time;",
    "it's",
    "well-known:",
    "42",
    "42.0",
    "don't",
    "Don’t",
    "café",
    "end.",
]


def scorer(entry: Any) -> Scorer:
    return build_entry(entry, variables={}).scorer


def measure(one: Scorer, text: str, expected: Any) -> Score:
    return one.score(Case("c", (), expected), Answer(text))


def pairs(count: int, *, longest: int = 18) -> list[tuple[str, list[str]]]:
    draw = random.Random(7)

    def text() -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(1, longest)))

    def near(reference: str) -> str:
        words = [word if draw.random() < 0.8 else draw.choice(WORDS) for word in reference.split()]
        return " ".join(words[: draw.randint(1, len(words) + 2)])

    made = [text() for _ in range(count)]
    return [(near(reference), [reference, text()]) for reference in made]


def stored(scores: Sequence[Score]) -> list[Score]:
    """The scores as they come back from JSON."""
    return [Score(one.scorer, one.values, json.loads(json.dumps(one.details))) for one in scores]


def test_the_sum_of_the_cases_counts_is_sacrebleus_corpus_bleu_bit_for_bit() -> None:
    import sacrebleu

    bleu, found = scorer("bleu"), pairs(120)
    scores = stored([measure(bleu, said, references) for said, references in found])
    streams = [[references[at] for _, references in found] for at in (0, 1)]
    expected = sacrebleu.corpus_bleu([said for said, _ in found], streams).score
    aggregate = bleu.stats[0].aggregate
    assert aggregate is not None and aggregate(scores) == expected


@pytest.mark.parametrize("words", [0, 2])
def test_the_sum_of_the_cases_statistics_is_sacrebleus_corpus_chrf_bit_for_bit(words: int) -> None:
    import sacrebleu

    chrf, found = scorer({"chrf": words}), pairs(60)
    scores = stored([measure(chrf, said, references[:1]) for said, references in found])
    expected = sacrebleu.corpus_chrf(
        [said for said, _ in found], [[references[0] for _, references in found]], word_order=words
    ).score
    aggregate = chrf.stats[0].aggregate
    assert aggregate is not None and aggregate(scores) == expected


def test_sacrebleus_known_traps_do_not_reach_a_user() -> None:
    bleu = scorer("bleu")
    assert measure(bleu, "one two three four five", ["nothing alike here at all", "one two three four five"]).values[
        "corpus"
    ] == pytest.approx(100)
    warning = bleu.suite_warning([Case("c", (), "too short")])  # type: ignore[attr-defined]
    assert "fewer than 4 words" in warning
    assert "version:2" in bleu.version and "eff:no|tok:13a|smooth:exp" in bleu.version


@pytest.mark.parametrize("stem", [True, False])
def test_rouge_is_rouge_scores(stem: bool) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    kinds = [1, 2, 3, 4, 5, "L"]
    ours = scorer({"rouge": {"kinds": kinds, "stem": "yes" if stem else "no"}})
    theirs = RougeScorer([f"rouge{kind}" for kind in kinds], use_stemmer=stem)
    for said, references in pairs(40):
        expected = {kind: score.fmeasure for kind, score in theirs.score(references[0], said).items()}
        assert measure(ours, said, references[0]).values == expected


HOSTILE = [
    *("", " ", "a", "ab", "\x00", "\ud83d", "İİ ıſ K", "ﬁn\u200bal\u00a0call\x1c\n\n", "(hi) ...!"),
    *("&amp; <skipped> 1,000.5", "the the the cat", "THE Cat the\tcat", "running runs generously", "中文国 abc 中文"),
    "".join(map(chr, range(0x4E00, 0x5400))),
]  # fmt: skip


def test_hostile_texts_have_the_statistics_of_the_reference_implementations() -> None:
    """Empty and short texts, other scripts, half an emoji, and more letters than fit into the bits of an n-gram."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU, CHRF

    kinds = ["1", "2", "L", "Lsum"]
    ours = scorer("bleu"), scorer({"chrf": 2}), scorer({"rouge": {"kinds": kinds}})
    theirs = BLEU(), CHRF(word_order=2), RougeScorer([f"rouge{kind}" for kind in kinds])
    for said in HOSTILE:
        for references in zip(HOSTILE, [*HOSTILE[1:], said], strict=True):
            streams = [[one] for one in references]
            bleu, chrf, rouge = (measure(one, said, list(references)) for one in ours)
            found = theirs[0].corpus_score([said], streams)
            lengths = [bleu.details["sys_len"], bleu.details["ref_len"]]
            assert [bleu.details["counts"], bleu.details["totals"]] == [found.counts, found.totals]
            assert lengths == [found.sys_len, found.ref_len]
            assert [chrf.details["statistics"]] == theirs[1]._extract_corpus_statistics([said], streams)
            expected = theirs[2].score_multi(references, said)
            assert rouge.values == {kind: score.fmeasure for kind, score in expected.items()}


def test_rouge_refuses_references_that_it_cannot_see() -> None:
    assert "use chrf" in scorer("rouge").case_problem(Case("c", (), "привет"))  # type: ignore[attr-defined]


def squad_script(said: str, truth: str) -> tuple[bool, float]:
    """The published evaluate-v1.1 script, function by function."""

    def normalize(text: str) -> str:
        text = "".join(char for char in text.lower() if char not in set(string.punctuation))
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())

    one, other = normalize(said).split(), normalize(truth).split()
    same = sum((Counter(one) & Counter(other)).values())
    if same == 0:
        return normalize(said) == normalize(truth), 0.0
    precision, recall = 1.0 * same / len(one), 1.0 * same / len(other)
    return normalize(said) == normalize(truth), (2 * precision * recall) / (precision + recall)


def test_squad_is_the_published_script() -> None:
    squad = scorer({"exact": "squad"})
    for said, references in [*pairs(200, longest=5), ("the", ["a"]), ("Don’t", ["dont"]), ("42", ["42.0"])]:
        by_script = [squad_script(said, reference) for reference in references]
        values = measure(squad, said, references).values
        assert values == {"em": float(max(em for em, _ in by_script)), "f1": max(f1 for _, f1 in by_script)}


def labelled(count: int, labels: list[str], seed: int) -> tuple[list[str], list[str]]:
    """True labels and answers, three in ten of which are wrong or off-label."""
    draw = random.Random(seed)
    true = draw.choices(labels, k=count)
    return true, [one if draw.random() < 0.7 else draw.choice([*labels, "I think it is low"]) for one in true]


def test_label_figures_are_scikit_learns_with_fixed_labels() -> None:
    from sklearn.metrics import f1_score, recall_score

    labels = ["low", "normal", "high"]
    true, said = labelled(200, labels, seed=3)
    label = scorer({"label": {"of": labels}})
    scores = stored([measure(label, answer, one) for answer, one in zip(said, true, strict=True)])
    bucketed = [one if one in labels else OFF_LABEL for one in said]
    stats = {stat.name: stat for stat in label.stats}
    f1, recall = stats["macro_f1"].aggregate, stats["macro_recall"].aggregate
    assert f1 is not None and recall is not None
    assert f1(scores) == pytest.approx(f1_score(true, bucketed, labels=labels, average="macro"), abs=1e-15)
    assert recall(scores) == pytest.approx(recall_score(true, bucketed, labels=labels, average="macro"), abs=1e-15)


@for_each("count", [1, 2, 5, 40, 400])
@for_each("seed", range(8))
def test_figures_of_counts_are_scikit_learns(count: int, seed: int) -> None:
    """Resampling computes its figures from counts; labels may be absent on either side, or on both."""
    labels = ["low", "normal", "high", "urgent"]
    true, said = labelled(count, labels[: 2 + seed % 3], seed)
    label = scorer({"label": {"of": labels, "positive": ["high", "normal"]}})
    scores = stored([measure(label, answer, one) for answer, one in zip(said, true, strict=True)])
    counted = label_pairs(scores)
    counts = np.array(list(counted.values()), dtype=np.intp)
    for stat in label.stats:
        if isinstance(stat.parts, FromCounts) and stat.aggregate is not None:
            expected = stat.aggregate(scores)
            assert stat.parts.figure(list(counted))(counts) == (expected and pytest.approx(expected, abs=1e-14))


def test_the_confusion_matrix_is_scikit_learns() -> None:
    from sklearn.metrics import confusion_matrix

    labels = ["low", "normal", "high"]
    true, said = labelled(200, labels, seed=3)
    label = scorer({"label": {"of": labels}})
    scores = [measure(label, answer, one) for answer, one in zip(said, true, strict=True)]
    every = [*labels, OFF_LABEL]
    bucketed = [one if one in labels else OFF_LABEL for one in said]
    found = confusion(run_with(scores), label.name, labels)
    assert found.labels == tuple(every)
    assert [list(row) for row in found.counts] == confusion_matrix(true, bucketed, labels=every).tolist()
    assert confusion(run_with([]), label.name, labels).counts == ((0,) * 4,) * 4


def run_with(scores: list[Score]) -> Run:
    """A run whose results have these scores."""
    results = [
        CaseResult(Case(f"c{at}", (), ""), 0, Answer("x"), "scored", {score.scorer: score})
        for at, score in enumerate(scores)
    ]
    return Run("r", "s", "d", "base", "b", None, 0, 1, 0, {}, {}, ended_us=0, results=tuple(results))


def test_sentence_bleu_is_sacrebleus() -> None:
    from sacrebleu import sentence_bleu

    bleu = scorer({"bleu": {"sentence": "yes"}})
    assert [stat.name for stat in bleu.stats] == ["sentence", "corpus"]
    different = [
        said
        for said, references in pairs(40)
        if measure(bleu, said, references).values["sentence"]
        != pytest.approx(sentence_bleu(said, references).score, abs=1e-9)
    ]
    assert different == []
    assert measure(bleu, "one", ["one"]).values["sentence"] == pytest.approx(100), (
        "by effective order, unlike the corpus"
    )
