"""Tokens are counted as tiktoken counts them, from files of an installed package, and estimated for other models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tiktoken
import tokenizers

from evaluators.training_data.example import REJECTED, Example
from evaluators.training_data.provider_rules.check import (
    ENCODINGS,
    ESTIMATE,
    MODELS,
    _packaged,
    row_counter,
    tokenizer_of,
)
from fairtrial.domain.errors import UsageError
from tests.fixtures.for_each import for_each

TEXTS = (
    "How warm is it in Ørsta, 12.5 °C?\n\n  It's mild.",
    "Wie warm ist es?",
    "東京は暖かいですか。",
    "<|endoftext|>",
    "",
)
BY_MODEL = {"gpt-3.5-turbo-0125": "cl100k_base", "gpt-4.1-mini-2025-04-14": "o200k_base", "openai/gpt-4o": "o200k_base"}


@for_each("model", [*BY_MODEL])
def test_openai_models_count_as_tiktoken_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    name = BY_MODEL[model]
    path = _packaged(ENCODINGS[name][0])
    assert path is not None
    shutil.copy(path, tmp_path)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    original = tiktoken.get_encoding(name)
    tokenizer = tokenizer_of(model)
    assert (tokenizer.name, tokenizer.exact, original._pat_str) == (name, True, ENCODINGS[name][1])
    assert [tokenizer.count(text) for text in TEXTS] == [len(original.encode_ordinary(text)) for text in TEXTS]


def test_a_models_own_tokenizer_is_read_from_its_file(tmp_path: Path) -> None:
    own = tokenizers.Tokenizer(tokenizers.models.WordLevel({"warm": 0, "?": 1, "x": 2}, unk_token="x"))
    own.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    own.save(str(tmp_path / "tokenizer.json"))
    tokenizer = tokenizer_of("acme/model", tmp_path / "tokenizer.json")
    assert (tokenizer.name, tokenizer.exact, tokenizer.count("warm cold ?")) == ("tokenizer.json", True, 3)


def test_the_tokenizer_of_every_known_model_is_in_the_installed_package() -> None:
    files = {ENCODINGS[name][0] if name in ENCODINGS else name for _, name in MODELS}
    assert [name for name in files if _packaged(name) is None] == []


def test_a_file_that_is_no_tokenizer_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UsageError, match=r"tokenizer\.json: is not a tokenizer"):
        tokenizer_of(None, tmp_path / "tokenizer.json")


def test_other_models_are_estimated_and_say_so() -> None:
    tokenizer = tokenizer_of("meta-llama/Llama-3.3-70B-Instruct")
    assert (tokenizer.name, tokenizer.exact, tokenizer.count("x" * 36)) == (ESTIMATE, False, 10)


def test_a_row_counts_its_tools_and_both_answers_but_only_the_longer_one_for_the_context() -> None:
    messages = ({"role": "user", "content": "x" * 36}, {"role": "assistant", "content": "x" * 72})
    count = row_counter(tokenizer_of(None))
    assert count(Example(1, messages)).total == 10 + 20 + 3 * 3
    pair = count(Example(1, messages, {REJECTED: "x" * 36}))
    assert (pair.longest, pair.total) == (39, 39 + 13)
    assert count(Example(1, messages, {"tools": ["x" * 32]})).total == 39 + 10
