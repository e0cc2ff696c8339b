"""TRL's format for KTO: a prompt, one completion, and whether it is a good one."""

from dataclasses import replace
from typing import Any

from evaluators.training_data.example import FORMATS, REJECTED, Example, Format, Row, RowError, write_messages

NAMES = ("prompt", "completion", "label")
KEYS = ("name", "tool_calls", "tool_call_id")
LABELS = {"true": True, "false": False, "1": True, "0": False}


def _lacks(row: Row) -> tuple[str, ...]:
    return tuple(name for name in NAMES if name not in row)


def _read(row: Row, line: int) -> Example:
    return FORMATS.get("completion").read(row, line)


def _parts(example: Example) -> tuple[Example, ...]:
    """A pair of answers becomes a good row and a bad one. A label that is written otherwise becomes a boolean."""
    if REJECTED not in example.fields:
        label = LABELS.get(str(example.fields.get("label")).lower())
        return (example if label is None else replace(example, fields={**example.fields, "label": label}),)
    pair = FORMATS.get("trl-dpo").write(example)
    rest = {name: value for name, value in example.fields.items() if name not in (REJECTED, "message_fields")}
    answers = ((pair["chosen"], True), (pair["rejected"], False))
    rows = ({**rest, "prompt": pair["prompt"], "completion": answer, "label": label} for answer, label in answers)
    return tuple(_read(row, example.line) for row in rows)


def _write(example: Example) -> dict[str, Any]:
    label = example.fields.get("label")
    if not isinstance(label, bool):
        raise RowError("the row has no 'label' of true or false, and no pair of answers")
    messages = write_messages(example, keep=KEYS)
    tools = {"tools": example.fields["tools"]} if "tools" in example.fields else {}
    return {"prompt": messages[:-1], "completion": messages[-1:], "label": label, **tools}


formats = (
    Format("trl-kto", "{prompt: [messages], completion: [message], label}", _lacks, _read, _write, parts=_parts),
)
