"""Finds personal text and secrets in training rows, with the patterns that redact recorded traffic."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.similarity.near_duplicates import grouped
from fairtrial.domain.wording import counted
from fairtrial.privacy.search import SECRETS, counted_kind, joined, search_bytes

CHUNK = 2_000
"""Rows that are searched as one text."""


def _find(corpus: Corpus) -> list[Issue]:
    finds = list(find_kinds(corpus))
    secrets = grouped((row, kind) for row, kind in finds if kind in SECRETS)
    personal = grouped((row, kind) for row, kind in finds if kind not in SECRETS)
    return [*_issues(corpus, "secrets", secrets, "secret"), *_issues(corpus, "pii", personal, "personal text")]


def find_kinds(corpus: Corpus) -> Iterator[tuple[int, str]]:
    """The training rows with personal text, and the kind of each find. Equal system prompts are searched once."""
    numbers = list(corpus.train)
    for start in range(0, len(numbers), CHUNK):
        rows = numbers[start : start + CHUNK]
        look, begins = joined([_spoken(corpus, row) for row in rows])
        for text in search_bytes(look):
            yield rows[bisect_right(begins, text.start) - 1], text.kind
    systems = grouped((corpus.examples[row].system, row) for row in numbers)
    look, begins = joined(list(systems))
    having = list(systems.values())
    for text in search_bytes(look):
        for row in having[bisect_right(begins, text.start) - 1]:
            yield row, text.kind


def _spoken(corpus: Corpus, row: int) -> str:
    """All texts of a row except the system prompt, and its other fields. A find does not reach over two of them."""
    example = corpus.examples[row]
    texts = [message["content"] for message in example.messages if message["role"] not in ("system", "developer")]
    fields = (f"{name}: {value}" for name, value in example.fields.items() if isinstance(value, str | int))
    return "\n\0\n".join([*texts, *fields])


def _issues(corpus: Corpus, check: str, rows_of: dict[int, list[str]], noun: str) -> Iterator[Issue]:
    for path, lines in corpus.by_file(rows_of).items():
        kinds = Counter(kind for row, has in rows_of.items() if corpus.path(row) == path for kind in has)
        named = ", ".join(counted_kind(count, kind) for kind, count in kinds.most_common())
        sentence = f"{counted(len(lines), 'row')} with {noun}: {named}"
        by_kind = {
            kind: [
                corpus.examples[row].line for row, has in rows_of.items() if kind in has and corpus.path(row) == path
            ]
            for kind in kinds
        }
        details = {"kinds": dict(kinds), "rows_by_kind": by_kind}
        yield Issue(check, "error" if check == "secrets" else "warning", sentence, path, lines, len(lines), details)


check = Check(
    "personal text and secrets: addresses, phone numbers, cards, IBANs, national ids, keys, passwords",
    _find,
    names=("pii", "secrets"),
)
