"""Finds rows whose system prompt differs from the one that their task usually has."""

from collections import Counter

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.similarity.near_duplicates import grouped
from fairtrial.domain.wording import counted

RARE = 0.05
"""A system prompt of at most this share of the rows of a task is an exception."""


def _find(corpus: Corpus) -> list[Issue]:
    tasks = grouped((tuple(sorted(corpus.labels[row])), row) for row in corpus.train)
    exceptions: list[int] = []
    for rows in tasks.values():
        counts = Counter(corpus.examples[row].system for row in rows)
        usual, most = counts.most_common(1)[0]
        if len(counts) > 1 and most >= (1 - RARE) * len(rows):
            exceptions += [row for row in rows if corpus.examples[row].system != usual]
    sentence = "{rows} with another system prompt than the other rows of their task, or without one"
    return [*_summary(corpus), *corpus.issues("system-prompt", "warning", exceptions, sentence)]


def _summary(corpus: Corpus) -> list[Issue]:
    counts = Counter(corpus.examples[row].system for row in corpus.train)
    if len(counts) < 2:
        return []
    without = counts.pop("", 0)
    sentence = f"{counted(len(counts), 'system prompt')}, and {counted(without, 'row')} without one"
    return [corpus.summary("system-prompt", "info", sentence, len(counts), without=without)]


check = Check("rows whose system prompt differs from the usual one of their task", _find)
