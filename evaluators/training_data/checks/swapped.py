"""Finds answers that were exchanged between two rows."""

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.labels.words import even_sample
from evaluators.training_data.similarity.answer_fit import swapped_answers

LEAST_WORDS = 4
"""Words of an answer that is compared with other prompts."""
MOST_ROWS = 5_000
"""Rows that are compared, evenly spread."""


def _find(corpus: Corpus) -> list[Issue]:
    """Pairs of rows that fit better if they exchange their answers."""
    free = [row for row in corpus.train if not corpus.labels[row]]
    usable = [row for row in free if len(corpus.completions[row].split()) >= LEAST_WORDS]
    rows = [usable[at] for at in even_sample(len(usable), MOST_ROWS)]
    exchanged = swapped_answers([corpus.prompts[row] for row in rows], [corpus.completions[row] for row in rows])
    pairs = [(rows[left], rows[right]) for left, right in exchanged]
    sentence = (
        "{rows} whose answer fits the prompt of another row better, and the other way round (answers that share no "
        "words with their prompts, as in small talk, are not seen)"
    )
    numbers = [row for pair in pairs for row in pair]
    return corpus.issues("swapped", "suggestion", numbers, sentence, matches=corpus.places(pairs))


check = Check("answers that were swapped between rows, as far as answers share words with their prompts", _find)
