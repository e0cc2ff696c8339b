"""Alpaca's format: an instruction, an optional input for it, and the output."""

from typing import Any

from evaluators.training_data.example import Example, Format, Row, text_of, without

NAMES = ("instruction", "input", "output", "system")


def _lacks(row: Row) -> tuple[str, ...]:
    return tuple(name for name in ("instruction", "output") if name not in row)


def _read(row: Row, line: int) -> Example:
    system, instruction, given = (text_of(row, name) for name in ("system", "instruction", "input"))
    said = [{"role": "system", "content": system}] if system else []
    prompt = f"{instruction}\n\n{given}" if given else instruction
    said += [{"role": "user", "content": prompt}, {"role": "assistant", "content": text_of(row, "output")}]
    return Example(line, tuple(said), without(row, *NAMES))


def _write(example: Example) -> dict[str, Any]:
    rest = {name: value for name, value in example.fields.items() if name not in (*NAMES, "message_fields")}
    system = {"system": example.system} if example.system else {}
    return {**system, "instruction": example.prompt, "input": "", "output": example.completion, **rest}


formats = (Format("alpaca", "{instruction, input, output}, and other columns", _lacks, _read, _write),)
