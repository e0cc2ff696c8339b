"""Finds training rows with the same prompt, or nearly the same, and different labels."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue, Severity
from evaluators.training_data.corpus import WHOLE, Corpus, LabelField, copies, normalise
from evaluators.training_data.example import as_text
from evaluators.training_data.labels.words import WordDifference
from evaluators.training_data.similarity.near_duplicates import grouped, similar

Conversation = tuple[tuple[str, str], ...]

SHORT = 60
"""Characters up to which a completion can be a label; two longer texts can both be right."""
HABIT = 0.8
"""Short completions are labels if at least this share of a task's completions also stand under another conversation.
Otherwise they are replies, and two replies to one message can both be right."""
LEAST_TASK = 20
"""Rows with one system prompt from which on they are a task of their own."""


class _Rows:
    """The labels of the rows, and whether a difference of prompts explains a difference of labels."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    @cached_property
    def fields(self) -> list[LabelField]:
        return self.corpus.label_fields

    @cached_property
    def difference(self) -> WordDifference:
        return WordDifference(self.corpus)

    def conversation(self, row: int) -> Conversation:
        """All that the model reads before it answers: the role and words of each message."""
        return tuple((said["role"], normalise(said["content"])) for said in self.corpus.examples[row].messages[:-1])

    @cached_property
    def _systems(self) -> Counter[str]:
        return Counter(self.corpus.examples[row].system for row in self.corpus.train)

    def _task(self, row: int) -> str:
        system = self.corpus.examples[row].system
        return system if self._systems[system] >= LEAST_TASK else ""

    @cached_property
    def _label_tasks(self) -> set[str]:
        """The tasks whose completions are labels."""
        texts = grouped(
            (self._task(row), (self.corpus.prompts[row], self.corpus.completions[row]))
            for row in self.corpus.train
            if self.corpus.completions[row] and not self.corpus.labels[row]
        )
        tasks = set()
        for task, pairs in texts.items():
            prompts = Counter(completion for _, completion in set(pairs))
            if sum(prompts[text] > 1 and len(text) <= SHORT for _, text in pairs) >= HABIT * len(pairs):
                tasks.add(task)
        return tasks

    def labels(self, row: int) -> tuple[tuple[str, str], ...]:
        """What the row teaches, or nothing if its completion is a free text."""
        if self.corpus.labels[row]:
            return tuple(sorted((name, as_text(value)) for name, value in self.corpus.labels[row].items()))
        completion = self.corpus.completions[row]
        is_label = 0 < len(completion) <= SHORT and (
            self._task(row) in self._label_tasks or not any(map(str.isalpha, completion))
        )
        return ((WHOLE, completion),) if is_label else ()

    def differ(self, left: int, right: int) -> bool:
        """Whether two rows with nearly the same prompt have a different label that no word explains."""
        return self._same_but_last(left, right) and any(
            field.values[left] != field.values[right]
            and field.values[left] is not None
            and field.values[right] is not None
            and (field.name != WHOLE or bool(self.labels(left) and self.labels(right)))
            and not self.difference.explains(field, left, right)
            for field in self.fields
        )

    def _same_but_last(self, one: int, other: int) -> bool:
        """Whether two conversations are equal up to their last messages, and these are nearly equal."""
        left, right = self.conversation(one), self.conversation(other)
        if left[:-1] != right[:-1]:
            return False
        turns = sum(role not in ("system", "developer") for role, _ in left)
        return turns < 2 or left[-1] == right[-1] or similar(left[-1][1], right[-1][1])


def _find(corpus: Corpus) -> list[Issue]:
    rows = _Rows(corpus)
    same, answers = _same_prompts(rows)
    near = list(_near_prompts(rows))
    contradictions: tuple[tuple[str, list[Sequence[int]], Severity, str], ...] = (
        ("same", same, "warning", "{rows} with the same prompt as another row and a different label"),
        ("near", near, "warning", "{rows} with nearly the same prompt as another row and a different label"),
        ("answers", answers, "info", "{rows} with the same prompt as another row and a different answer"),
    )
    issues = list(_columns(corpus))
    for kind, groups, severity, sentence in contradictions:
        numbers = [row for group in groups for row in group]
        issues += corpus.issues("contradictions", severity, numbers, sentence, kind=kind, groups=corpus.places(groups))
    return issues


def _columns(corpus: Corpus) -> Iterator[Issue]:
    """Rows whose label column says something else than the completion."""
    for field, column in copies(corpus):
        pairs = zip(corpus.train, field.values, column.values, strict=True)
        rows = [row for row, one, other in pairs if one and other and one != other]
        sentence = f"{{rows}} with another {field.name!r} in the completion than in the column {column.name!r}"
        yield from corpus.issues("contradictions", "warning", rows, sentence, kind="column", field=field.name)


def _same_prompts(rows: _Rows) -> tuple[list[Sequence[int]], list[Sequence[int]]]:
    """Groups of equal conversations whose labels differ, and those whose free answers do."""
    labels: list[Sequence[int]] = []
    answers: list[Sequence[int]] = []
    for group in _conversations(rows):
        taught = {rows.labels(row) for row in group}
        if len(taught) > 1 and () not in taught:
            labels.append(group)
        elif len({rows.corpus.completions[row] for row in group}) > 1:
            answers.append(group)
    return labels, answers


def _conversations(rows: _Rows) -> Iterator[list[int]]:
    for group in rows.corpus.similar.same:
        prompted = [row for row in group if row in rows.corpus.train and rows.corpus.examples[row].prompt]
        members = grouped((rows.conversation(row), row) for row in prompted)
        yield from (same for same in members.values() if len(same) > 1)


def _near_prompts(rows: _Rows) -> Iterator[Sequence[int]]:
    members = {group[0]: [row for row in group if row in rows.corpus.train] for group in rows.corpus.similar.same}
    for left, right in rows.corpus.similar.near:
        pairs = ((a, b) for a in members.get(left, [left])[:5] for b in members.get(right, [right])[:5])
        for pair in pairs:
            if max(pair) in rows.corpus.train and rows.differ(*pair):
                yield pair
                break


check = Check("rows with the same prompt, or nearly the same, and different labels", _find)
