"""Finds training rows that also occur in validation files or suites, so that these no longer measure anything new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import MOST_LISTED, Issue, Severity
from evaluators.training_data.corpus import Corpus
from fairtrial.domain.training_data import LEAKAGE

WORDS = 13
"""Words of a passage that two texts hardly share by chance, as in the decontamination of GPT-3's test sets."""
FREQUENT, FREQUENT_SHARE = 10, 0.005
"""A passage in more training rows than this is a phrase of the domain, not a copy."""
COVERED = 0.8
"""The share of a held-out text's words that must lie in passages of one training row."""

Match = tuple[int, int]
"""A training row and a held-out row."""


def _find(corpus: Corpus) -> list[Issue]:
    if len(corpus.train) == len(corpus.examples):
        return []
    same = {pair for group in corpus.similar.same for pair in _across(corpus, group)}
    near = {pair for cluster in corpus.similar.clusters() for pair in _across(corpus, cluster)} - same
    known = {held for _, held in same | near}
    shared = set(_shared_passages(corpus, known))
    return [
        *_issues(corpus, same, "exact", "with the same prompt as a held-out row"),
        *_issues(corpus, near, "near", "with nearly the same prompt as a held-out row"),
        *_issues(corpus, shared, "passage", f"with passages of {WORDS} words that make up most of a held-out row"),
    ]


def _across(corpus: Corpus, rows: list[int] | tuple[int, ...]) -> Iterator[Match]:
    held = [row for row in rows if row not in corpus.train]
    learnt = [row for row in rows if row in corpus.train]
    for row in held:
        yield from ((one, row) for one in learnt[:MOST_LISTED])


def _shared_passages(corpus: Corpus, known: set[int]) -> Iterator[Match]:
    wanted: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for row in range(len(corpus.train), len(corpus.examples)):
        if row not in known:
            for at, passage in enumerate(_passages(corpus.prompts[row])):
                wanted[passage].append((row, at))
    if not wanted:
        return
    found: dict[int, list[int]] = defaultdict(list)
    for row in corpus.train:
        for passage in _passages(corpus.prompts[row]):
            if passage in wanted:
                found[passage].append(row)
    most = max(FREQUENT, FREQUENT_SHARE * len(corpus.train))
    covered: dict[Match, set[int]] = defaultdict(set)
    for passage, rows in found.items():
        if len(rows) <= most:
            for held, at in wanted[passage]:
                for row in rows:
                    covered[row, held].update(range(at, at + WORDS))
    for match, words in covered.items():
        if len(words) >= COVERED * len(corpus.prompts[match[1]].split()):
            yield match


def _passages(text: str) -> list[int]:
    """Hashes of all passages, by their first word. They live as long as the process, whose seed they depend on."""
    words = text.split()
    return [hash(tuple(words[at : at + WORDS])) for at in range(len(words) - WORDS + 1)]


def _issues(corpus: Corpus, matches: set[Match], kind: str, says: str) -> list[Issue]:
    ordered = sorted(matches)
    held = {corpus.path(row) for _, row in ordered}
    listed = [[corpus.place(row), corpus.place(other)] for row, other in ordered[:MOST_LISTED]]
    rows = [row for row, _ in ordered]
    full = f"{{rows}} {says} of {', '.join(sorted(held))}"
    severity: Severity = "warning" if kind == "passage" else "error"
    return corpus.issues(LEAKAGE, severity, rows, full, kind=kind, matches=listed)


check = Check("rows that also occur in validation files or suites: the same, nearly the same, or long passages", _find)
