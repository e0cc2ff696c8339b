"""Makes rows that ask a model to continue training texts and held-out texts from their beginning."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from evaluators.training_data.example import Example

Ask = Literal["prefill", "instruction"]
"""How the model is asked: by an unfinished answer as the last message, or by a message that asks to continue it."""
INSTRUCTION = "Continue your last answer exactly where it stopped. Write only the continuation."
USUAL_PREFIX = 0.25
"""Half of a short completion gives away what a model knows anyway: a quarter leaves more to remember."""
MOST_PREFIX = 0.9
SHORTEST = 20
"""Remainders of fewer characters are left out, because a model that knows the task writes them without memory."""
MOST_CANARIES = 10_000
CHARS_A_TOKEN = 2.0
MIN_TOKENS, MAX_TOKENS = 32, 256


@dataclass(frozen=True, slots=True)
class ContinuationRecipe:
    """How rows are made: the share of a completion that is given, rows of each half at most, seed, and how to ask."""

    prefix: float = USUAL_PREFIX
    most: int = 200
    seed: int = 0
    ask: Ask = "prefill"

    def for_canaries(self) -> "ContinuationRecipe":
        """The same for canaries, all of which are asked, because each counts."""
        return replace(self, most=MOST_CANARIES)


@dataclass(frozen=True, slots=True)
class Half:
    """One side of the comparison: the value of the column ``split``, and its examples."""

    split: Literal["train", "holdout", "planted", "control"]
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True)
class Continuations:
    """The rows, and how many examples were left out.

    ``short``: completions that are too short. ``leaked``: held-out examples that were trained on as well. ``unlike``:
    training examples whose system prompt no held-out example has, so that there is nothing to compare them with.
    """

    rows: tuple[Mapping[str, Any], ...]
    short: int
    leaked: int
    unlike: int

    @property
    def max_tokens(self) -> int:
        """A limit of tokens within which every remainder fits, up to a bound."""
        longest = max((len(str(row["expected"])) for row in self.rows), default=0)
        return int(min(MAX_TOKENS, max(MIN_TOKENS, -(-longest // CHARS_A_TOKEN))))


def continuations(trained: Half, held_out: Half, recipe: ContinuationRecipe) -> Continuations:
    """Rows of both halves, without the examples that would spoil the comparison."""
    known = {(example.prompt, example.completion) for example in trained.examples}
    fresh = [example for example in held_out.examples if (example.prompt, example.completion) not in known]
    alike = comparable(trained.examples, fresh)
    rows: list[Mapping[str, Any]] = []
    short = 0
    for split, examples in ((trained.split, alike), (held_out.split, fresh)):
        usable = [
            (at, example)
            for at, example in enumerate(examples, 1)
            if split_completion(example.completion, recipe.prefix)
        ]
        short += len(examples) - len(usable)
        rows += [_row(example, split, at, recipe) for at, example in _drawn(usable, split, recipe)]
    leaked, unlike = len(held_out.examples) - len(fresh), len(trained.examples) - len(alike)
    return Continuations(tuple(rows), short, leaked, unlike)


def comparable(trained: Sequence[Example], held_out: Sequence[Example]) -> Sequence[Example]:
    """The training examples whose system prompt a held-out one has too, or all if none has."""
    systems = {example.system for example in held_out}
    return [example for example in trained if example.system in systems] or trained


def split_completion(text: str, share: float) -> tuple[str, str] | None:
    """The beginning and the remainder, divided at the first space after ``share``; ``None`` if it is too short."""
    at = int(len(text) * share)
    space = next((place for place in range(at, len(text)) if text[place].isspace()), at)
    space = space if len(text) - space >= SHORTEST else at
    return (text[:space], text[space:]) if len(text) - space >= SHORTEST else None


def _drawn(
    usable: Sequence[tuple[int, Example]], split: str, recipe: ContinuationRecipe
) -> Sequence[tuple[int, Example]]:
    """At most so many, drawn by the seed, in the order of the file; the same on every Python version."""
    draw = random.Random(f"{recipe.seed}/{split}")
    ranked = sorted(range(len(usable)), key=lambda _: draw.random())
    return [usable[at] for at in sorted(ranked[: recipe.most])]


def _row(example: Example, split: str, at: int, recipe: ContinuationRecipe) -> Mapping[str, Any]:
    prefix, remainder = split_completion(example.completion, recipe.prefix) or ("", example.completion)
    messages: list[Mapping[str, str]] = [dict(message) for message in example.messages[:-1]]
    row: dict[str, Any] = {"id": f"{split}-{at:05d}", "split": split, "expected": remainder}
    if recipe.ask == "instruction":
        given = [{"role": "assistant", "content": prefix}] if prefix else []
        return {**row, "messages": [*messages, *given, {"role": "user", "content": INSTRUCTION}], "prefix": prefix}
    return {**row, "messages": messages, "assistant_prefix": prefix}
