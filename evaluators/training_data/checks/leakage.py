"""Finds training rows that also occur in validation files or suites, so that these no longer measure anything new."""

from collections.abc import Iterator

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import MOST_LISTED, Issue, Severity
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.leaks import copies
from evaluators.training_data.similarity.containment import Pair, embedders, similarities
from evaluators.training_data.similarity.near_duplicates import numbers_in
from fairtrial.domain.training_data import LEAKAGE

AHEAD = 0.1
"""How much more similar than the second nearest row a paraphrase is."""
MOST_HELD = 5_000
"""Held-out rows whose paraphrases are looked for, evenly spread, because each is compared with all training rows."""
_KINDS: dict[str, tuple[Severity, str]] = {
    "exact": ("error", "with the same prompt as a held-out row"),
    "near": ("error", "with nearly the same prompt as a held-out row"),
    "contained": ("warning", "whose prompt contains, or stands inside, that of a held-out row"),
    "template": ("suggestion", "with the prompt, apart from a word, and another answer"),
    "phrase": ("suggestion", "with most of the shorter prompt in common with a held-out row"),
    "answer": ("suggestion", "with another prompt and the answer of a held-out row"),
    "paraphrase": ("suggestion", "whose prompt may be a paraphrase of a held-out row"),
}


def _find(corpus: Corpus) -> list[Issue]:
    matches: dict[str, set[Pair]] = dict(copies(corpus).items())
    known = {held for pairs in matches.values() for _, held in pairs}
    held = [row for row in range(len(corpus.train), len(corpus.examples)) if row not in known]
    matches["paraphrase"] = set(_paraphrases(corpus, held[:: len(held) // MOST_HELD + 1]))
    return [issue for kind, pairs in matches.items() for issue in _issues(corpus, pairs, kind)]


def _paraphrases(corpus: Corpus, held: list[int]) -> Iterator[Pair]:
    """For each held-out row the training row that is nearest in meaning, if it stands out from all others."""
    if len(corpus.train) < 2 or not held:
        return
    texts = corpus.prompts
    for by in embedders():
        vectors = by.vectors([texts[row] for row in (*corpus.train, *held)])
        learnt, others = vectors[: len(corpus.train)], vectors[len(corpus.train) :]
        for other, similarity in zip(held, similarities(others, learnt), strict=True):
            row = int(similarity.argmax())
            best, similarity[row] = float(similarity[row]), -1
            stands_out = best >= max(by.alike, float(similarity.max()) + AHEAD)
            if stands_out and by.reads(texts[other]) and _may_mean_the_same(texts[row], texts[other]):
                yield row, other


def _may_mean_the_same(text: str, other: str) -> bool:
    words, others = set(text.split()), set(other.split())
    return numbers_in(words) == numbers_in(others) and min(len(words), len(others)) > 2


def _issues(corpus: Corpus, matches: set[Pair], kind: str) -> list[Issue]:
    severity, sentence = _KINDS[kind]
    ordered = sorted(matches)
    held = {corpus.path(row) for _, row in ordered}
    listed = [[corpus.place(row), corpus.place(other)] for row, other in ordered[:MOST_LISTED]]
    full = f"{{rows}} {sentence} of {', '.join(sorted(held))}"
    return corpus.issues(LEAKAGE, severity, [row for row, _ in ordered], full, kind=kind, matches=listed)


check = Check(
    "rows that also occur in validation files or suites: the same, nearly the same, contained, or in other words", _find
)
