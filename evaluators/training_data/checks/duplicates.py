"""Finds training rows that repeat another: exact and near duplicates."""

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue, Severity
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.similarity.near_duplicates import grouped, similar

WARN_SHARE = 0.01
"""From this share of the rows on, duplicates are a warning; below it they are information."""


def _find(corpus: Corpus) -> list[Issue]:
    exact, near = _groups(corpus)
    repeated = [row for group in (*exact, *near) for row in group[1:]]
    severity: Severity = "warning" if len(repeated) >= WARN_SHARE * max(1, len(corpus.train)) else "info"
    issues: list[Issue] = []
    for groups, sentence in (
        (exact, "{rows} equal to an earlier row, apart from case and punctuation"),
        (near, "{rows} nearly equal to an earlier row: the prompts share at least 80 % of their words or letters"),
    ):
        rows = [row for group in groups for row in group[1:]]
        details = {"groups": corpus.places(groups), "kind": "exact" if groups is exact else "near"}
        issues += corpus.issues("duplicates", severity, rows, sentence, **details)
    return issues


def _groups(corpus: Corpus) -> tuple[list[list[int]], list[list[int]]]:
    """Groups of equal and of nearly equal training rows. Equal prompts with other completions are no duplicates."""
    exact: list[list[int]] = []
    near: list[list[int]] = []
    for cluster in corpus.similar.clusters():
        rows = [row for row in cluster if row in corpus.train]
        by_text = grouped(((corpus.prompts[row], corpus.completions[row]), row) for row in rows)
        exact += [group for group in by_text.values() if len(group) > 1]
        near += _nearly_equal(corpus, [group[0] for group in by_text.values()])
    return exact, near


def _nearly_equal(corpus: Corpus, rows: list[int]) -> list[list[int]]:
    """Groups of rows whose completions are nearly equal, too, each compared with the first of its group."""
    groups: list[list[int]] = []
    for row in rows:
        for group in groups:
            if corpus.prompts[row] != corpus.prompts[group[0]] and _same_answer(corpus, group[0], row):
                group.append(row)
                break
        else:
            groups.append([row])
    return [group for group in groups if len(group) > 1]


def _same_answer(corpus: Corpus, first: int, second: int) -> bool:
    left, right = corpus.completions[first], corpus.completions[second]
    return left == right if corpus.labels[first] or corpus.labels[second] else left == right or similar(left, right)


check = Check("exact and near duplicates within the training files", _find)
