"""Counts tokens by a model's own tokenizer, without the network, or estimates them from the characters."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from evaluators.training_data.example import REJECTED, Example
from evaluators.training_data.provider_rules.training import short_name
from fairtrial.domain.errors import UsageError
from fairtrial.safe_files import read_named

CHARACTERS_PER_TOKEN = 3.6
ESTIMATE = f"estimate: characters ÷ {CHARACTERS_PER_TOKEN}"
PER_MESSAGE = 3
"""Tokens of a chat template around each message, and at the end of a row; the exact number depends on the model."""
FOLDER = "litellm/litellm_core_utils/tokenizers"
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|"
    r"\s+(?!\S)|\s"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ENCODINGS = {
    "cl100k_base": ("9b5ad71b2ce5302211f9c61530b329a4922fc6a4", CL100K),
    "o200k_base": ("fb374d419588a4632f3f557e76b4b70aebbca790", O200K),
}
"""The file of each encoding in the distribution of litellm, and how it splits a text into words."""
MODELS = (
    ("gpt-3.5", "cl100k_base"), ("gpt-35", "cl100k_base"), ("gpt-4o", "o200k_base"), ("gpt-4.", "o200k_base"),
    ("gpt-4", "cl100k_base"), ("gpt-5", "o200k_base"), ("gpt-oss", "o200k_base"), ("o1", "o200k_base"),
    ("o3", "o200k_base"), ("o4", "o200k_base"), ("deepseek", "deepseek_tokenizer.json"),
)  # fmt: skip
"""The tokenizer of each model by the beginning of its name; the first that fits counts."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Counts the tokens of a text. ``name``: the encoding or the file, or how it estimates."""

    name: str
    count: Callable[[str], int]
    exact: bool = True


def estimated(text: str) -> int:
    """About how many tokens a text has."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def tokenizer_of(model: str | None, file: Path | None = None) -> Tokenizer:
    """The tokenizer in the file, or that of the model, or an estimate; `UsageError` for a file that is not one."""
    if file is not None:
        return Tokenizer(file.name, _of_json(file, read_named(file)))
    name = next((name for start, name in MODELS if short_name(model).startswith(start)), None)
    path = None if name is None else _packaged(ENCODINGS[name][0] if name in ENCODINGS else name)
    if name is None or path is None:
        return Tokenizer(ESTIMATE, estimated, exact=False)
    content = path.read_bytes()
    count = _of_ranks(name, ENCODINGS[name][1], content) if name in ENCODINGS else _of_json(path, content)
    return Tokenizer(name, count)


def _packaged(name: str) -> Path | None:
    """A file of litellm's distribution, which is not imported, because that takes seconds and changes tiktoken."""
    try:
        path = Path(str(importlib.metadata.distribution("litellm").locate_file(f"{FOLDER}/{name}")))
    except importlib.metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _of_ranks(name: str, pattern: str, content: bytes) -> Callable[[str], int]:
    import tiktoken

    pairs = (line.split() for line in content.splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return lambda text: len(encoding.encode_ordinary(text))


def _of_json(path: Path, content: bytes) -> Callable[[str], int]:
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises this very class
        raise UsageError(f"{path}: is not a tokenizer.json: {str(error)[:200]}") from error
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))


@dataclass(frozen=True, slots=True)
class RowTokens:
    """The tokens of a row: of its longest conversation, which the context limits, and of all that is trained."""

    longest: int
    total: int


def row_counter(tokenizer: Tokenizer) -> Callable[[Example], RowTokens]:
    """Counts the tokens of rows. Texts that many rows share, such as a system prompt, are counted once."""
    count = lru_cache(maxsize=4096)(tokenizer.count)

    def tokens_of(example: Example) -> RowTokens:
        *before, answer = [count(message["content"]) + PER_MESSAGE for message in example.messages]
        tools = example.fields.get("tools")
        prompt = sum(before) + PER_MESSAGE + (count(json.dumps(tools, ensure_ascii=False)) if tools else 0)
        rejected = example.fields.get(REJECTED)
        other = count(rejected) + PER_MESSAGE if isinstance(rejected, str) else 0
        return RowTokens(prompt + max(answer, other), prompt + answer + other)

    return tokens_of
