"""Explains a model that refuses a suite's parameters, and proposes the deployment's `params` that it may accept."""

import json
import re
from collections.abc import Mapping
from typing import Any

from evaluators.engine.answer_cache import LIMITS
from evaluators.engine.summary import MOST_UNSCORED, first_error, unscored_share
from evaluators.suite import Suite
from fairtrial.api.migrations import Refusal
from fairtrial.domain.answers.chat import PARAMS
from fairtrial.domain.plan import Deployment
from fairtrial.domain.run import Run

REFUSED = re.compile(r"HTTP 4(?:00|22): ")
QUOTED = frozenset({"n", "seed", "stop"})
"""Names that are also words or letters, so they count only in quotation marks."""


def refusal_of(suite: Suite, run: Run, deployment: Deployment) -> Refusal | None:
    """The refusal if more of the run failed than a verdict allows; ``None`` otherwise."""
    error = first_error(run)
    if error is None or unscored_share(run) <= MOST_UNSCORED:
        return None
    params = accepted_params(error, suite.params, deployment.params or {})
    line = "" if params is None else f"deployments.{deployment.name}.params: {_flow(params)}"
    return Refusal(suite.name, error, line)


def accepted_params(error: str, sent: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any] | None:
    """The deployment's parameters without the first one that the error names; ``None`` if it names none that was sent.

    If the error names the other limit of tokens, that one gets the value: "Use 'max_completion_tokens' instead".
    """
    places = {name: place for name in {*PARAMS, *sent} if (place := _place(name, error)) is not None}
    reached = {name: value for name, value in {**sent, **declared}.items() if value is not None}
    named = sorted(places.keys() & reached.keys(), key=lambda name: places[name])
    if REFUSED.match(error) is None or not named:
        return None
    removed = named[0]
    others = [name for name in LIMITS if removed in LIMITS and name != removed and name in places]
    return {**declared, removed: None, **dict.fromkeys(others, reached[removed])}


def _place(name: str, error: str) -> int | None:
    """Where the error names a parameter, as a whole word."""
    word = re.escape(name)
    pattern = rf"['\"`]{word}['\"`]" if name in QUOTED else rf"(?<!\w){word}(?!\w)"
    match = re.search(pattern, error)
    return None if match is None else match.start()


def _flow(params: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {json.dumps(value)}" for name, value in params.items()) + "}"
