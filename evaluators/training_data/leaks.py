"""Finds pairs of a training row and a held-out row of which one copies the other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from rapidfuzz.fuzz import ratio

from evaluators.training_data.audit_report import MOST_LISTED
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.similarity.containment import PASSAGE, Pair, contained_pairs, is_contained, words_of
from evaluators.training_data.similarity.near_duplicates import grouped

Copy = Literal["exact", "near", "contained", "template", "phrase", "answer"]
CERTAIN: tuple[Copy, ...] = ("exact", "near", "contained")
"""What is nearly always a leak; a template, a phrase or an answer is often shared by rows that differ."""
SPELT_ALIKE = 60
"""The similarity in percent from which on two words are spellings of one."""
LONG, SHORT = 8, 3
"""Words of an answer that is looked for inside others; words of an answer, and of a prompt beside it, that count."""
REPEATED, FREQUENT = 3, 10
"""An answer in more than 3 training rows is a standard answer, and a prompt in more than 10 rows a phrase."""


def copies(corpus: Corpus) -> dict[Copy, set[Pair]]:
    """Pairs of a training row and a held-out row, each under the surest kind."""
    held = range(len(corpus.train), len(corpus.examples))
    if not held:
        return {}
    answers = _rare(_same_answers(corpus, held), REPEATED)
    contained = _rare(contained_pairs(corpus.prompts, corpus.train, held), FREQUENT)
    lengths = {row: len(words_of(corpus.prompts[row])) for pair in contained | answers for row in pair}
    long = {pair for pair in contained if min(lengths[row] for row in pair) >= PASSAGE and _is_whole(corpus, pair)}
    inside = {pair for pair in answers if is_contained(*(words_of(corpus.prompts[row]) for row in pair), least=1)}
    near = {pair for cluster in corpus.similar.clusters() for pair in _across(corpus, cluster)}
    matches: dict[Copy, set[Pair]] = {}
    known: set[Pair] = set()
    by_kind: tuple[tuple[Copy, set[Pair]], ...] = (
        ("exact", {pair for group in corpus.similar.same for pair in _across(corpus, group)}),
        ("near", {pair for pair in near if not _is_template(corpus, pair)}),
        ("contained", long | {pair for pair in inside if min(lengths[row] for row in pair) >= SHORT}),
        ("template", near),
        ("phrase", contained | inside),
        ("answer", {pair for pair in answers if len(words_of(corpus.completions[pair[1]])) >= SHORT}),
    )
    for kind, pairs in by_kind:
        matches[kind] = pairs - known
        known |= pairs
    return matches


def _is_whole(corpus: Corpus, pair: Pair) -> bool:
    """Whether a prompt is inside the other one as a whole, or the answers are the same.

    A few other words, such as another product, can make another question.
    """
    whole = is_contained(*(words_of(corpus.prompts[row]) for row in pair), covered_share=1)
    return whole or corpus.completions[pair[0]] == corpus.completions[pair[1]]


def _is_template(corpus: Corpus, pair: Pair) -> bool:
    """Whether the prompts differ in what they ask about, as "Is the bar open?" and "Is the zoo open?" do.

    Each has a word that is no spelling of a word of the other one, and the answers differ.
    """
    row, other = pair
    words, others = (set(words_of(corpus.prompts[each])) for each in pair)
    only = words - others, others - words
    return corpus.completions[row] != corpus.completions[other] and all(map(_has_own_word, only, reversed(only)))


def _has_own_word(words: set[str], others: set[str]) -> bool:
    return any(all(ratio(word, other) < SPELT_ALIKE for other in others) for word in words)


def _rare(pairs: Iterable[Pair], most: int) -> set[Pair]:
    """The pairs without those of a row that has more matches."""
    distinct = set(pairs)
    counts = Counter((side, pair[side]) for pair in distinct for side in (0, 1))
    return {pair for pair in distinct if max(counts[0, pair[0]], counts[1, pair[1]]) <= most}


def _across(corpus: Corpus, rows: Iterable[int]) -> Iterator[Pair]:
    held = [row for row in rows if row not in corpus.train]
    learnt = [row for row in rows if row in corpus.train]
    for row in held:
        yield from ((learnt_row, row) for learnt_row in learnt[:MOST_LISTED])


def _same_answers(corpus: Corpus, held: Sequence[int]) -> Iterator[Pair]:
    """Rows with the same answer, or with a long one that contains the other."""
    texts, labels = corpus.completions, [bool(example.labels) for example in corpus.examples]
    equal = grouped((texts[row], row) for row in corpus.train if not labels[row])
    for other in held:
        if texts[other] and len(equal[texts[other]]) <= REPEATED:
            yield from ((row, other) for row in equal[texts[other]])
    long = (
        [row for row in rows if not labels[row] and len(words_of(texts[row])) >= LONG] for rows in (corpus.train, held)
    )
    yield from contained_pairs(texts, *long)
