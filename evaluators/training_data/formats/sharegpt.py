"""ShareGPT's format: `conversations` of turns `{from, value}`."""

from typing import Any

from evaluators.training_data.example import ROLES, Example, Format, Row, RowError, read_messages, without

NAMES = {"system": "system", "developer": "system", "user": "human", "assistant": "gpt"}


def _lacks(row: Row) -> tuple[str, ...]:
    return () if "conversations" in row or "conversation" in row else ("conversations",)


def _read(row: Row, line: int) -> Example:
    name = "conversations" if "conversations" in row else "conversation"
    turns = row[name]
    if not isinstance(turns, list):
        raise RowError(f"{name!r} is not a list of turns")
    messages, _ = read_messages([_message(turn, f"{name}[{at}]") for at, turn in enumerate(turns)], name=name)
    system = row.get("system")
    if isinstance(system, str) and system and messages[0]["role"] != "system":
        messages = ({"role": "system", "content": system}, *messages)
    return Example(line, messages, without(row, name, "system"))


def _message(turn: Any, where: str) -> dict[str, Any]:
    if not isinstance(turn, dict) or not {"from", "value"} <= turn.keys():
        raise RowError(f"{where} lacks 'from' or 'value'")
    role = ROLES.get(str(turn["from"]).lower())
    if role is None:
        raise RowError(f"{where} is from {turn['from']!r}", "known: " + ", ".join(ROLES))
    return {"role": role, "content": turn["value"]}


def _write(example: Example) -> dict[str, Any]:
    turns = [{"from": NAMES.get(said["role"], "observation"), "value": said["content"]} for said in example.messages]
    rest = {name: value for name, value in example.fields.items() if name not in ("conversations", "message_fields")}
    return {"conversations": turns, **rest}


formats = (Format("sharegpt", "{conversations: [{from, value}, …]}, and other columns", _lacks, _read, _write),)
