"""Finds answers that repeat their input, refusals, and short answers that unlike prompts share."""

from collections.abc import Iterator, Sequence

from rapidfuzz.fuzz import ratio

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue, Severity
from evaluators.training_data.corpus import Corpus, normalise
from evaluators.training_data.requests_and_refusals import (
    LONGEST,
    MOST_SENTENCES,
    asks_for_refusal,
    asks_to_repeat,
    refusing_sentence,
    sentences,
)
from evaluators.training_data.similarity.near_duplicates import find_similar, grouped

ALIKE = 90
"""The similarity in percent from which on an answer repeats its input, or a paragraph of it."""
LEAST_EQUAL, LEAST_ALIKE = 12, 20
"""Characters of an answer below which it can equal its input, or resemble it, by chance, as a greeting does."""
LENGTHS = 0.75, 1.75
"""An input with fewer or more characters than this share of the answer's words is not compared."""
HABIT = 0.05
"""What more than this share of the free answers does is the task, such as correcting a text."""
SHARED = 3
"""Different prompts with the same answer, or nearly the same refusal, from which on it is reported."""
LEAST_BYTES = 18
"""Bytes of an answer below which unlike prompts share it by chance; a Chinese character has three."""


def _find(corpus: Corpus) -> list[Issue]:
    free = [row for row in corpus.train if corpus.completions[row] and not corpus.labels[row]]
    echoes = [row for row in free if repeats_input(corpus, row)]
    sure = [row for row in echoes if not _is_requested(corpus, row)]
    severity: Severity = "warning" if len(sure) <= HABIT * len(free) else "suggestion"
    sentence = "{rows} with an answer that repeats its input, which the prompt may ask for"
    requested = sorted(set(echoes) - set(sure))
    return [
        *corpus.issues("answers", severity, sure, "{rows} with an answer that repeats its input", kind="echo"),
        *corpus.issues("answers", "suggestion", requested, sentence, kind="echo"),
        *_refusals(corpus, free),
        *_repeated(corpus, free),
    ]


def repeats_input(corpus: Corpus, row: int) -> bool:
    """Whether an answer is nearly the last message, or a paragraph of it, in other case or punctuation."""
    answer = corpus.completions[row]
    if len(answer) < LEAST_EQUAL:
        return False
    alike = ALIKE if len(answer) >= LEAST_ALIKE else 100
    message = corpus.examples[row].messages[-2]["content"] if len(corpus.examples[row].messages) > 1 else ""
    shortest, longest = LENGTHS[0] * len(answer), LENGTHS[1] * len(answer)
    inputs = (message, *message.split("\n\n"), message.partition("\n")[2], message.partition(":")[2])
    texts = {text for text in inputs if shortest <= len(text) <= longest}
    return any(ratio(answer, normalise(text), score_cutoff=alike) for text in texts)


def _is_requested(corpus: Corpus, row: int) -> bool:
    """Whether what the prompt has beside the words of the answer asks to repeat or to correct a text."""
    answer = set(corpus.completions[row].split())
    return asks_to_repeat(" ".join(word for word in corpus.prompts[row].split() if word not in answer))


def _refusals(corpus: Corpus, free: Sequence[int]) -> list[Issue]:
    """Groups of nearly equal refusals under different prompts, and the other refusals where these are rare."""
    refusing = {row: refusing_sentence(corpus.examples[row].completion) for row in free}
    rows = [row for row in free if refusing[row] and not asks_for_refusal(corpus.prompts[row])]
    clusters = find_similar([normalise(refusing[row]) for row in rows]).clusters()
    groups = [[rows[at] for at in cluster] for cluster in clusters]
    groups = [group for group in groups if len({corpus.prompts[row] for row in group}) >= SHARED]
    sentence = f"{{rows}} with a refusal that nearly equals that of {SHARED - 1} and more other prompts"
    numbers = [row for group in groups for row in group]
    single = sorted(set(rows) - set(numbers)) if len(rows) <= HABIT * len(free) else []
    return [
        *corpus.issues("answers", "warning", numbers, sentence, kind="refusal", groups=corpus.places(groups)),
        *corpus.issues("answers", "suggestion", single, "{rows} with a refusal, which is rare here", kind="refusal"),
    ]


def _repeated(corpus: Corpus, free: Sequence[int]) -> list[Issue]:
    """Short answers that stand under unlike prompts, alone or beside a further sentence. It needs no list of words."""
    short = {row for row in free if len(corpus.examples[row].completion) <= LONGEST}
    whole = {corpus.completions[row] for row in short if len(corpus.completions[row].encode()) >= LEAST_BYTES}
    rows_of = grouped(
        (part, row) for row in short for part in whole.intersection(_parts(corpus.examples[row].completion))
    )
    like = {row: cluster[0] for cluster in corpus.similar.clusters() for row in cluster}
    groups = sorted(sorted(rows) for rows in rows_of.values() if len({like.get(row, row) for row in rows}) >= SHARED)
    numbers = {row for group in groups for row in group}
    if len(numbers) > HABIT * len(free):
        return []
    sentence = f"{{rows}} with a short answer that {SHARED - 1} and more unlike prompts have, too"
    return corpus.issues("answers", "suggestion", numbers, sentence, kind="repeated", groups=corpus.places(groups))


def _parts(text: str) -> Iterator[str]:
    """An answer of few sentences, and each run of neighbouring sentences of it, normalised."""
    parts = [normalise(part) for part in sentences(text)[: MOST_SENTENCES + 1]]
    if len(parts) <= MOST_SENTENCES:
        yield from (
            " ".join(parts[start:end]) for start in range(len(parts)) for end in range(start + 1, len(parts) + 1)
        )


check = Check("answers that repeat their input, refusals, and short answers that unlike prompts share", _find)
