"""Defines what a stage or a decision still waits for, and words it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

Need = Literal["clock", "split", "units", "hours", "less harm", "data", "requests", "workers", "approval"]


@dataclass(frozen=True, slots=True)
class Wait:
    """One condition that does not hold yet: for the next stage, or, of the clock, for all that waits for time.

    ``number``: of units, of hours, or the percent of the stage. ``arms``: those that lack something, with the units
    that they have. ``until_us``: when the hours are over. ``why``: what is wrong with the clock or the split.
    """

    needs: Need
    number: float = 0.0
    metric: str = ""
    arms: Mapping[str, int] = field(default_factory=dict)
    until_us: int = 0
    why: str = ""


def wait_words(wait: Wait) -> str:
    """What is needed, in a few words."""
    arms = ", ".join(sorted(wait.arms))
    match wait.needs:
        case "clock":
            return wait.why
        case "split":
            return f"a valid split: {wait.why}"
        case "units":
            have = ", ".join(f"{name} has {units:,}" for name, units in sorted(wait.arms.items()))
            return f"{wait.number:,.0f} units in each arm ({have})"
        case "hours":
            until = datetime.fromtimestamp(wait.until_us / 1e6, UTC)
            return f"{wait.number:g} hours of this stage (until {until:%d %b %H:%M} UTC)"
        case "less harm":
            return f"less evidence of harm by {wait.metric} of {arms}"
        case "data":
            return f"data for {wait.metric} ({arms})"
        case "requests":
            return f"requests of this stage in each arm ({arms} has none)"
        case "workers":
            return "all workers to serve the published configuration"
        case "approval":
            return f"approval of the {wait.number:g} % stage"
