"""Makes cases from rows: renders the prompt, finds the reference, and tags each case for its slices."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.loading.rows import FileRow
from evaluators.loading.suite_file import SuiteModel
from evaluators.loading.template import UnknownName, as_text, render
from evaluators.scoring.answer_text import expected_object
from evaluators.suite import KIND_TAG
from fairtrial.domain.errors import Diagnostic, nearest
from fairtrial.domain.run import MANY, Case

MOST_ASKED = 64_000_000
SPLIT = "split the suite"
ASSISTANT_PREFIX = "assistant_prefix"
"""The column with the beginning of an answer, which the model continues; its row's ``messages`` are sent unchanged."""


@dataclass(frozen=True, slots=True)
class CaseRecipe:
    """How rows become the cases of a suite.

    ``messages`` is the template, empty if rows bring their own messages or an ``input``; ``tags`` maps tag → column;
    ``groups`` maps tag → (column, group → values).
    """

    model: SuiteModel
    messages: Sequence[Mapping[str, str]]
    tags: Mapping[str, str]
    groups: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]]


@dataclass(frozen=True, slots=True)
class CaseOfRow:
    """One case with the row that it comes from."""

    case: Case
    row: FileRow


def make_cases(rows: Sequence[FileRow], recipe: CaseRecipe) -> tuple[list[CaseOfRow], list[Diagnostic]]:
    """A case for every valid row, and all errors of the rows, each with its line."""
    made: list[CaseOfRow] = []
    errors: list[Diagnostic] = []
    seen: dict[str, FileRow] = {}
    messages_count = 0
    for number, row in enumerate(rows, 1):
        case = _case(row, recipe, number)
        if isinstance(case, Diagnostic):
            errors.append(case)
            continue
        if case.case_id in seen:
            first = seen[case.case_id]
            errors.append(row.diagnostic(f"the id {case.case_id!r} occurs twice", f"first at {_at(first)}"))
            continue
        seen[case.case_id] = row
        made.append(CaseOfRow(case, row))
        messages_count += sum(len(str(message.get("content", ""))) for message in case.messages)
        if messages_count > MOST_ASKED:
            errors.append(row.diagnostic(f"the prompts have more than {MOST_ASKED:,} characters up to here", SPLIT))
            break
    return made, errors


def sample(made: Sequence[CaseOfRow], n: int, seed: int) -> list[CaseOfRow]:
    """``n`` cases drawn by the seed (all if there are fewer), in file order; the same on every Python version."""
    draw = random.Random(seed)
    ranked = sorted(range(len(made)), key=lambda _: draw.random())
    return [made[at] for at in sorted(ranked[:n])]


def columns_of(row: FileRow) -> dict[str, Any]:
    """All columns of a row; for a chat row, its metadata and its other keys."""
    metadata = row.columns.get("metadata")
    if "messages" not in row.columns or not isinstance(metadata, dict):
        return dict(row.columns)
    return {**{key: value for key, value in row.columns.items() if key not in ("messages", "metadata")}, **metadata}


def _case(row: FileRow, recipe: CaseRecipe, number: int) -> Case | Diagnostic:
    columns = columns_of(row)
    columns.pop("messages", None)
    chat = row.columns.get("messages")
    if chat is not None and (wrong := _wrong_chat(chat)):
        return row.diagnostic(wrong)
    prompt_messages, reference = _split(chat or [])
    expected = columns.get("expected", reference)
    try:
        messages = _messages(prompt_messages, columns, recipe)
    except UnknownName as error:
        known = nearest(str(error), {*columns, *recipe.model.vars})
        return row.diagnostic(f"the prompt names ${error}, but the row has no such column", known)
    except ValueError as error:
        return row.diagnostic(str(error))
    return Case(
        case_id=as_text(columns.get("id", f"row-{number:04d}")),
        messages=tuple(messages),
        expected=expected,
        tags=_tags(columns, expected, recipe),
        fields=columns,
        cluster=_text_or_none(_column(columns, expected, cluster)) if (cluster := recipe.model.cluster) else None,
    )


def _wrong_chat(chat: Any) -> str | None:
    if not isinstance(chat, list) or not chat:
        return "'messages' must be a list of at least one message"
    if any(not isinstance(message, dict) or not isinstance(message.get("role"), str) for message in chat):
        return "each of 'messages' must be an object with a role and a content"
    return None


def _split(chat: Sequence[Mapping[str, Any]]) -> tuple[Sequence[Mapping[str, Any]], Any]:
    """The prompt and the reference, which is the last message if it is the assistant's."""
    return (chat[:-1], chat[-1].get("content")) if chat and chat[-1]["role"] == "assistant" else (chat, None)


def _messages(
    chat: Sequence[Mapping[str, Any]], columns: Mapping[str, Any], recipe: CaseRecipe
) -> list[Mapping[str, Any]]:
    values = {**recipe.model.vars, **columns}
    messages: list[Mapping[str, Any]] = list(chat)
    if ASSISTANT_PREFIX in columns and messages:
        begun = as_text(columns[ASSISTANT_PREFIX])
        return [*messages, {"role": "assistant", "content": begun}] if begun else messages
    if recipe.messages and not (messages and KIND_TAG in columns):  # a probe's own messages stay as they are
        messages = [
            {"role": message["role"], "content": render(message["content"], values)} for message in recipe.messages
        ]
    elif not messages and "input" in columns:
        messages = [{"role": "user", "content": as_text(columns["input"])}]
    if not messages:
        raise ValueError("the row has no prompt: add 'input' or 'messages' to it, or a 'prompt' to the suite")
    if recipe.model.system is None:
        return messages
    if messages[0]["role"] == "system":
        raise ValueError("the row has a system message, and the suite sets one too")
    return [{"role": "system", "content": render(recipe.model.system, values)}, *messages]


def _tags(columns: Mapping[str, Any], expected: Any, recipe: CaseRecipe) -> dict[str, str]:
    tags: dict[str, str] = {}
    named = {*recipe.tags.values(), *(column for column, _ in recipe.groups.values())}
    if not named <= columns.keys():
        expected = expected_object(expected)  # read once for all tags
    texts = {column: _text_or_none(_column(columns, expected, column)) for column in named}
    for tag, column in recipe.tags.items():
        value = texts[column]
        if value is not None:
            tags[tag] = value
    for tag, (column, groups) in recipe.groups.items():
        values = (texts[column] or "").split(MANY)
        names = [group for group, members in groups.items() if set(values) & set(members)]
        if names:
            tags[tag] = MANY.join(names)
    return tags


def _column(columns: Mapping[str, Any], expected: Any, column: str) -> Any:
    """The value of a column, or else of the expected object's field of this name; ``None`` if neither exists."""
    return columns[column] if column in columns else (expected_object(expected) or {}).get(column)


def _text_or_none(value: Any) -> str | None:
    if value is None or value == []:
        return None
    return MANY.join(as_text(item) for item in value) if isinstance(value, list) else as_text(value)


def _at(row: FileRow) -> str:
    return f"line {row.line} of {row.file.rsplit('/', 1)[-1]}"
