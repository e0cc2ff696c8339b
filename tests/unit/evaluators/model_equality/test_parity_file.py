"""A file of a training is read, or refused with the line of its first mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluators.model_equality.parity_file import LEAST_ROWS, MOST_BYTES, read_parity_file
from fairtrial.domain.errors import UsageError

ANSWER = {"text": "Hi", "tokens": ["Hi"], "tops": [{"Hi": -0.1, "Yo": -2.5}], "ended": True}
ROW: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Hello"}],
    "prompt": "<s>Hello",
    "token_ids": [1, 5],
    "on": ANSWER,
    "off": ANSWER,
}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ROW.items() if key != name}


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    texts = ["\n".join([json.dumps(ROW)] * LEAST_ROWS) + end for end in ("", "\n")]
    read = []
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.jsonl").write_text(text)
        read.append(read_parity_file(tmp_path / f"{number}.jsonl"))
    assert read[0].rows == read[1].rows
    assert read[0].rows[0].on.tops == ({"Hi": -0.1, "Yo": -2.5},)
    assert read[0].digest != read[1].digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 rows; at least 12 are needed"),
        ("prompt,answer\n1,2\n", ":1: JSON is malformed"),
        ("[]\n", ":1: Expected `object`"),
        ("[" * 100_000, ":1: "),
        (json.dumps(without("prompt")), "missing required field `prompt`"),
        (json.dumps(without("off")), "missing required field `off`"),
        (json.dumps(ROW | {"prompt": ""}), "length >= 1"),
        (json.dumps(ROW | {"token_ids": []}), "length >= 1"),
        (json.dumps(ROW | {"on": ANSWER | {"tokens": []}}), "length >= 1"),
        (json.dumps(ROW | {"on": ANSWER | {"tops": []}}), "one object of `tops` for each of `tokens`"),
        (json.dumps(ROW | {"on": ANSWER | {"tops": [{}]}}), "one object of `tops` for each of `tokens`"),
        ("\xff", ":1: "),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "parity.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError) as refused:
        read_parity_file(path)
    assert words in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        read_parity_file(tmp_path / "none.jsonl")
    with (tmp_path / "large.jsonl").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(UsageError, match="larger than 64 MiB"):
        read_parity_file(tmp_path / "large.jsonl")
