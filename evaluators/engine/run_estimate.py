"""Estimates what a run will ask before anything is sent: requests, tokens and cost."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from evaluators.engine.answer_cache import AnswerKey
from evaluators.engine.engine import open_cache
from evaluators.engine.target import Target
from evaluators.suite import Suite

CHARS_PER_TOKEN = 4
"""A usual mean for English; other languages and code need more tokens for the same text."""
LIMITS = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """What one suite on one target will ask.

    ``cached`` answers are reused if the same weights still serve. ``tokens_in`` is estimated from characters,
    ``most_tokens_out`` is the limit of the suite's params, ``None`` without one, and ``most_usd`` follows from both.
    """

    suite: str
    target: str
    requests: int
    cached: int
    tokens_in: int
    most_tokens_out: int | None
    most_usd: float | None


def estimate_run(suite: Suite, target: Target, *, cache: Path, now_us: int, fresh: bool) -> RunEstimate:
    """The estimate; ``cache`` and ``fresh`` are as `run_suite` has them. Sends nothing."""
    cached: frozenset[str] = frozenset()
    if cache.is_dir():
        with closing(open_cache(suite, target, cache, now_us, fresh=fresh)) as answers:
            cached = answers.contents()
    keys = [
        (case, AnswerKey.of(case, suite.params, target.first_repeat + repeat).content)
        for case in suite.cases
        for repeat in range(suite.repeat)
    ]
    asked = [case for case, key in keys if key not in cached]
    tokens_in = sum(len(str(message.get("content"))) for case in asked for message in case.messages) // CHARS_PER_TOKEN
    limit = next((suite.params[name] for name in LIMITS if isinstance(suite.params.get(name), int)), None)
    most_out = None if limit is None else limit * len(asked)
    cost = target.cost(tokens_in, most_out)
    return RunEstimate(suite.name, target.name, len(asked), len(keys) - len(asked), tokens_in, most_out, cost)
