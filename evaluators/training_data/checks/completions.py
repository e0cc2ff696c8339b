"""Finds completions that are empty or cut off, and prompts that are empty."""

from collections.abc import Iterator, Mapping

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import MOST_LISTED, Issue, Severity
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.endings import find_cut
from evaluators.training_data.similarity.near_duplicates import grouped


def _find(corpus: Corpus) -> list[Issue]:
    examples = corpus.examples
    empty = [row for row in corpus.train if not examples[row].completion.strip()]
    no_prompt = [row for row in corpus.train if not examples[row].prompt.strip()]
    cut = find_cut(corpus)
    kinds: tuple[tuple[str, Severity, list[int], str], ...] = (
        ("empty", "error", empty, "an empty completion, which teaches the model to say nothing"),
        ("empty prompt", "warning", no_prompt, "an empty prompt"),
    )
    return [
        *(
            issue
            for kind, severity, rows, text in kinds
            for issue in corpus.issues("completions", severity, rows, f"{{rows}} with {text}", kind=kind)
        ),
        *_cut(corpus, "truncated", "warning", cut.sure, "a completion that is cut off"),
        *_cut(corpus, "unfinished", "suggestion", cut.likely, "a completion that may be cut off"),
    ]


def _cut(corpus: Corpus, kind: str, severity: Severity, reasons: Mapping[int, str], text: str) -> Iterator[Issue]:
    """One issue for each file, with the reason of each row by its line."""
    for rows in grouped((corpus.path(row), row) for row in reasons).values():
        by_line = {corpus.examples[row].line: reasons[row] for row in rows[:MOST_LISTED]}
        yield from corpus.issues("completions", severity, rows, f"{{rows}} with {text}", kind=kind, reasons=by_line)


check = Check("empty and truncated completions, empty prompts", _find)
