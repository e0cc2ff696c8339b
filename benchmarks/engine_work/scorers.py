"""CPU seconds of ROUGE, BLEU and chrF beside rouge-score and sacrebleu, which must give the same figures."""

from __future__ import annotations

import random
import time
from math import fsum

from evaluators.engine.scoring import value_of
from evaluators.loading.scorers import build_entry
from fairtrial.domain.run import Answer, Case


def texts_of(cases: int, tokens: int) -> list[tuple[str, str]]:
    """Pairs of an answer and its reference; three in ten words differ."""
    draw = random.Random(0)
    words = [f"word{at}" for at in range(200)] + ["the", "order,", "was", "sent.", "It's", "(to", "you)"] * 20
    references = [draw.choices(words, k=tokens) for _ in range(cases)]
    return [
        (" ".join(one if draw.random() < 0.7 else draw.choice(words) for one in reference), " ".join(reference))
        for reference in references
    ]


def score_texts(pairs: list[tuple[str, str]]) -> dict[str, float | None]:
    """The metrics as a run has them."""
    scorers = [build_entry(entry, variables={}).scorer for entry in ({"rouge": {"kinds": [1, 2, "L"]}}, "bleu", "chrf")]
    found: dict[str, float | None] = {}
    for scorer in scorers:
        scores = [[scorer.score(Case("c", (), reference), Answer(text))] for text, reference in pairs]
        found |= {f"{scorer.name}.{stat.name}": value_of(stat, scores) for stat in scorer.stats}
    return found


def score_texts_bare(pairs: list[tuple[str, str]]) -> dict[str, float | None]:
    """The same by the reference implementations alone."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU, CHRF

    rouge = RougeScorer(["rouge1", "rouge2", "rougeL"])
    each = [rouge.score(reference, text) for text, reference in pairs]
    means = {f"rouge.{kind}": fsum(one[kind].fmeasure for one in each) / len(each) for kind in each[0]}
    texts, references = [text for text, _ in pairs], [[reference for _, reference in pairs]]
    metrics = {"bleu.corpus": BLEU(), "chrf.corpus": CHRF()}
    return means | {name: metric.corpus_score(texts, references).score for name, metric in metrics.items()}


def compare_scorers(cases: int, tokens: int) -> dict[str, float]:
    """CPU seconds of both, which must agree."""
    pairs, cpu = texts_of(cases, tokens), [time.process_time()]
    found = score_texts(pairs)
    cpu.append(time.process_time())
    expected = score_texts_bare(pairs)
    cpu.append(time.process_time())
    assert found.keys() == expected.keys()
    assert all(abs((found[name] or 0.0) - (value or 0.0)) < 1e-9 for name, value in expected.items())
    ours, bare = cpu[1] - cpu[0], cpu[2] - cpu[1]
    return {
        "scorers_cpu_s": round(ours, 3),
        "bare_scorers_cpu_s": round(bare, 3),
        "scorers_ratio": round(ours / bare, 2),
    }
