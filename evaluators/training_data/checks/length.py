"""Finds prompts and completions that are far longer than all others."""

from collections.abc import Sequence

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus

FAR_LONGER = 10
"""How many times as long as the 99th percentile a text must be, and ..."""
LONG = 4_000
"""... its least characters, for a warning: training usually truncates such rows."""
LEAST_ROWS = 20


def _find(corpus: Corpus) -> list[Issue]:
    rows = list(corpus.train)
    if len(rows) < LEAST_ROWS:
        return []
    prompts = [len(corpus.examples[row].prompt) for row in rows]
    completions = [len(corpus.examples[row].completion) for row in rows]
    issues = [_summary(corpus, prompts, completions)]
    for name, lengths in (("prompts", prompts), ("completions", completions)):
        usual = _quantile(lengths, 0.99)
        far = [row for row, length in zip(rows, lengths, strict=True) if length > max(FAR_LONGER * usual, LONG)]
        sentence = (
            f"{{rows}} with a {name[:-1]} {FAR_LONGER} times as long as 99 % of the others ({usual:,} characters)"
        )
        issues += corpus.issues("length", "warning", far, sentence, kind=name, percentile_99=usual)
    return issues


def _summary(corpus: Corpus, prompts: Sequence[int], completions: Sequence[int]) -> Issue:
    figures = {
        name: {str(share): _quantile(lengths, share) for share in (0.01, 0.5, 0.99, 1)}
        for name, lengths in (("prompts", prompts), ("completions", completions))
    }
    sentence = "; ".join(
        f"{name} have {of['0.5']:,} characters in the median, 99 % at most {of['0.99']:,}, the longest {of['1']:,}"
        for name, of in figures.items()
    )
    return corpus.summary("length", "info", sentence, len(prompts), **figures)


def _quantile(values: Sequence[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


check = Check("prompts and completions that are far longer than the others", _find)
