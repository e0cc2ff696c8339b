"""Finds damaged texts: a wrong encoding, leftover template tokens and HTML, invisible characters, placeholders."""

from collections.abc import Iterator
from statistics import median

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue, Severity
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.damage.kinds import (
    asks_for_list,
    damage_of,
    is_about_code,
    is_about_templates,
    is_list,
)
from evaluators.training_data.damage.placeholders import is_missing, stands_for_text
from evaluators.training_data.example import Example
from evaluators.training_data.similarity.near_duplicates import grouped

PROSE = 30
"""Characters of the middle completion from which on a missing value, such as ``N/A``, is no class."""
MOSTLY_DIFFERENT = 0.5
"""The same for the share of different completions."""
FEW = 2
_KINDS: dict[str, tuple[Severity, float, str]] = {
    "mojibake": ("warning", 1.0, "text in a wrong encoding, such as 'Ã©' for 'é'"),
    "replacement-character": ("warning", 1.0, "characters that were lost when the text was read in a wrong encoding"),
    "template-token": ("warning", 0.5, "tokens of a chat template in the text, such as '<|im_start|>' or '[INST]'"),
    "control-character": ("warning", 0.5, "invisible or control characters that the text does not need"),
    "html": ("warning", 0.1, "leftover HTML tags or entities"),
    "list-as-text": ("warning", 0.1, "a list as a program prints it, instead of a text"),
    "placeholder": ("suggestion", 0.1, "a placeholder that was not filled in, or a missing value as text"),
}
"""The severity of each kind, the share of rows above which it is the format, and what the rows have."""


def _find(corpus: Corpus) -> list[Issue]:
    completions = [corpus.examples[row].completion for row in corpus.train]
    is_prose = bool(completions) and (
        median(map(len, completions)) >= PROSE or len(set(completions)) >= MOSTLY_DIFFERENT * len(completions)
    )
    rows_of = grouped((kind, row) for row in corpus.train for kind in _damage(corpus.examples[row], is_prose=is_prose))
    issues: list[Issue] = []
    for kind, (severity, most, text) in _KINDS.items():
        rows = rows_of[kind]
        if len(rows) <= max(FEW, most * len(corpus.train)):
            issues += corpus.issues("text-damage", severity, rows, f"{{rows}} with {text}", kind=kind)
        else:
            sentence = f"{{rows}} with {text}; so many have it that it seems to be the format"
            issues += corpus.issues("text-damage", "info", rows, sentence, kind=f"{kind} everywhere")
    return issues


def _damage(example: Example, *, is_prose: bool) -> Iterator[str]:
    """The kinds of damage in a row. Results of tools are not judged."""
    texts = [message["content"] for message in example.messages if message["role"] not in ("tool", "function")]
    kinds = frozenset[str]().union(*map(damage_of, texts))
    for kind, is_topic in (("html", is_about_code), ("placeholder", is_about_templates)):
        if kind in kinds and any(map(is_topic, texts)):
            kinds -= {kind}
    yield from kinds
    answer = example.completion.strip()
    if is_list(answer) and not asks_for_list(example.prompt):
        yield "list-as-text"
    if "placeholder" not in kinds and (stands_for_text(answer) or (is_prose and is_missing(answer))):
        yield "placeholder"


check = Check(
    "text in a wrong encoding, template tokens, control characters, leftover HTML, lists, placeholders", _find
)
