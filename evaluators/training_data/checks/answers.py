"""Finds answers that repeat their input, a refusal that many prompts share, and answers of another row's prompt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue, Severity
from evaluators.training_data.corpus import Corpus, normalise
from evaluators.training_data.near_duplicates import find_similar
from fairtrial.domain.answers.refusals import refuses_by_text

ALIKE = 90
"""The similarity in percent from which on an answer repeats its input."""
LEAST_LETTERS = 12
"""Letters of an answer below which it can equal its input by chance, as "hello" does."""
HABIT = 0.05
"""What more than this share of the rows does is the task, such as correcting a text."""
REFUSALS, REPEATED = 3, 5
"""Prompts that share one refusal, or one other long answer, from which on it is reported."""
LEAST_WORDS = 8


def _find(corpus: Corpus) -> list[Issue]:
    free = [row for row in corpus.train if corpus.completions[row] and not corpus.labels[row]]
    echoes = [row for row in free if repeats_input(corpus, row)]
    refusals = [row for row in free if refuses_by_text(corpus.examples[row].completion.strip())]
    ...
