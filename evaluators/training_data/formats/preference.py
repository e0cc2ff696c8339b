"""Pairs of a preferred and a rejected answer: the format of OpenAI, Together and Fireworks, and that of TRL."""

from collections.abc import Mapping
from typing import Any

from evaluators.training_data.example import (
    REJECTED,
    Example,
    Format,
    Row,
    RowError,
    as_messages,
    read_messages,
    with_message_fields,
    without,
    write_message,
    write_messages,
)

OPENAI = ("input", "preferred_output", REJECTED)
TRL = ("prompt", "chosen", "rejected")
KEYS = ("name", "tool_calls", "tool_call_id", "function_call", "refusal")
TOP = ("tools", "parallel_tool_calls")


def _lacks(row: Row) -> tuple[str, ...]:
    if all(name in row for name in TRL[1:]):
        return ()
    missing = [tuple(name for name in names if name not in row) for names in (OPENAI, TRL)]
    return min(missing, key=len)


def _read(row: Row, line: int) -> Example:
    names = OPENAI if all(name in row for name in OPENAI) else TRL
    given, chosen, rejected = (row.get(name) for name in names)
    top = dict(given) if isinstance(given, Mapping) else {}
    given = top.pop("messages", None) if top else given
    if names[0] not in row:
        given, chosen, rejected = _without_shared(chosen, rejected)
    if not isinstance(given, str | list):
        raise RowError(f"{names[0]!r} has no messages")
    answers = [as_messages(answer, "assistant") for answer in (chosen, rejected)]
    for name, answer in zip(names[1:], answers, strict=True):
        read, _ = read_messages(answer, name=name)
        if len(read) < len(answer):
            raise RowError(f"{name!r} has messages behind the answer", "the answer is the last message")
        if names is OPENAI and len(answer) > 1:
            raise RowError(f"{name!r} has {len(answer)} messages", "it has one, the answer")
    messages, extra = read_messages([*as_messages(given, "user"), answers[0][-1]], name=names[0])
    [other], others = read_messages(answers[1][-1:], name=names[2])
    extra |= {"rejected": others["0"]} if others else {}
    fields = {**without(row, *names), **top, REJECTED: other["content"]}
    return Example(line, messages, with_message_fields(fields, extra))


def _without_shared(chosen: Any, rejected: Any) -> tuple[Any, Any, Any]:
    """The beginning that both answers share, which is the prompt if no field has it, and what is left of each."""
    if type(chosen) is not type(rejected) or not isinstance(chosen, str | list):
        raise RowError("'chosen' and 'rejected' are not both texts, or both lists of messages")
    pairs = zip(chosen, rejected, strict=False)
    same = next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(chosen), len(rejected)))
    same = chosen[:same].rfind(" ") + 1 if isinstance(chosen, str) else same
    if not same:
        raise RowError("there is no 'prompt', and 'chosen' and 'rejected' share no beginning")
    if isinstance(chosen, list) and not len(chosen) == len(rejected) == same + 1:
        raise RowError("there is no 'prompt', and 'chosen' and 'rejected' differ in more than the last message")
    return chosen[:same], chosen[same:], rejected[same:]


def _pair(example: Example) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The messages with the preferred answer, and the rejected answer; raises `RowError` without a pair."""
    rejected = example.fields.get(REJECTED)
    if not isinstance(rejected, str):
        raise RowError("the row has no rejected answer (pairs have the columns 'prompt', 'chosen' and 'rejected')")
    rest = example.fields.get("message_fields", {}).get("rejected", {})
    messages = write_messages(example, keep=KEYS)
    answer = write_message({"role": "assistant", "content": rejected}, rest, KEYS)
    if answer == messages[-1]:
        raise RowError("the preferred and the rejected answer are equal")
    return messages, answer


def _top(example: Example) -> dict[str, Any]:
    return {name: example.fields[name] for name in TOP if name in example.fields}


def _write(example: Example) -> dict[str, Any]:
    messages, rejected = _pair(example)
    given = {"messages": messages[:-1], **_top(example)}
    return {"input": given, "preferred_output": messages[-1:], REJECTED: [rejected]}


def _write_trl(example: Example) -> dict[str, Any]:
    messages, rejected = _pair(example)
    tools = {name: value for name, value in _top(example).items() if name == "tools"}
    return {"prompt": messages[:-1], "chosen": messages[-1:], "rejected": [rejected], **tools}


formats = (
    Format("preference", "{input: {messages}, preferred_output, non_preferred_output}", _lacks, _read, _write),
    Format("trl-dpo", "{prompt: [messages], chosen: [message], rejected: [message]}", _lacks, _read, _write_trl),
)
