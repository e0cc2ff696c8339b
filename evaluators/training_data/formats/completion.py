"""Pairs of a prompt and a completion, under the names that such columns usually have."""

from typing import Any

from evaluators.training_data.example import (
    Example,
    Format,
    Row,
    RowError,
    as_messages,
    is_messages,
    read_messages,
    text_of,
    with_message_fields,
    without,
)

PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("input", "expected"),
    ("input", "output"),
    ("question", "answer"),
    ("text", "label"),
    ("message", "label"),
)


def _pair(row: Row) -> tuple[str, str] | None:
    return next(((prompt, completion) for prompt, completion in PAIRS if prompt in row and completion in row), None)


def _lacks(row: Row) -> tuple[str, ...]:
    if _pair(row) is not None:
        return ()
    completion = next((completion for prompt, completion in PAIRS if prompt in row), None)
    return (completion,) if completion else tuple(name for name in ("prompt", "completion") if name not in row)


def _read(row: Row, line: int) -> Example:
    pair = _pair(row)
    if pair is None:
        raise RowError("the row lacks " + " and ".join(map(repr, _lacks(row))))
    system = text_of(row, "system")
    said = [{"role": "system", "content": system}] if system else []
    prompt, completion = (row[name] for name in pair)
    if is_messages(prompt) or is_messages(completion):
        given = [*said, *as_messages(prompt, "user"), *as_messages(completion, "assistant")]
        messages, extra = read_messages(given, name=f"{pair[0]} and {pair[1]}")
        return Example(line, messages, with_message_fields(without(row, "system", *pair), extra))
    said += [
        {"role": "user", "content": text_of(row, pair[0])},
        {"role": "assistant", "content": text_of(row, pair[1])},
    ]
    return Example(line, tuple(said), without(row, "system", *pair))


def _write(example: Example) -> dict[str, Any]:
    rest = {name: value for name, value in example.fields.items() if name not in (*PAIRS[0], "message_fields")}
    system = {"system": example.system} if example.system else {}
    return {**system, "prompt": example.prompt, "completion": example.completion, **rest}


formats = (Format("completion", "{prompt, completion}, and other columns", _lacks, _read, _write),)
