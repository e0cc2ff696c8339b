"""Describes what answered in a run and how long ago: the model string, the weights' fingerprint, and the age."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from dashboard.components.formatting import plain
from fairtrial.domain.wording import age

SHOWN = 12
"""The characters of a fingerprint that are shown where space is short."""
NO_MODEL = "model not recorded"
NO_FINGERPRINT = "no fingerprint"


def now_us() -> int:
    """The present as microseconds since 1970."""
    return time.time_ns() // 1000


def model_of(run: Mapping[str, Any]) -> str:
    """The provider and model that the deployment declared; runs of older releases have none."""
    return str(run.get("model") or NO_MODEL)


def fingerprint_of(run: Mapping[str, Any]) -> str:
    """The first characters of each fingerprint that answered."""
    found = run.get("fingerprint")
    return " + ".join(one[:SHOWN] for one in str(found).split("+")) if found else NO_FINGERPRINT


def caption_of(run: Mapping[str, Any]) -> str:
    """Model string, fingerprint and age of a run in Markdown."""
    return f"{plain(model_of(run))} · {plain(fingerprint_of(run))} · {age(run['at_us'], now_us())}"


def help_of(run: Mapping[str, Any]) -> str:
    """What a hover shows: the complete fingerprint in Markdown."""
    found = run.get("fingerprint")
    if not found:
        return "The server sends no system\\_fingerprint, so the weights that answered are unknown."
    return f"Fingerprint of the weights that answered: {plain(str(found))}"
