"""Says whether a run is too old to decide, or tested other weights than those that answer now."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.results.run_table import RunTable
from evaluators.trial import Trial
from fairtrial.domain.verdicts.verdict import Result
from fairtrial.domain.wording import counted

DAY_US, HOUR_US = 86_400_000_000, 3_600_000_000
SHORT = 20
"""Characters of a fingerprint that a sentence shows."""
SEVERAL = "+"
"""Joins the fingerprints of a run whose answers named several."""


def stale_run(run: RunTable, trial: Trial) -> tuple[Result, str] | None:
    """INVALID with the reason if other weights answer now, "cannot tell" if the run is too old, else ``None``.

    A kept baseline is neither, because its deployment may no longer answer.
    """
    if run.run_id in trial.kept:
        return None
    served = trial.served.get(run.target, ())
    if weights_changed(run.fingerprint, served):
        both = fingerprints(run, served)
        return "invalid", f"{run.target} answers with other weights now than in the run of {run.suite}: {both}"
    if trial.now_us is None or trial.max_age_seconds is None:
        return None
    age_us = trial.now_us - run.started_us
    if age_us <= trial.max_age_seconds * 1e6:
        return None
    age, allowed = age_text(age_us), age_text(round(trial.max_age_seconds * 1e6))
    return "cannot tell", f"the run of {run.suite} on {run.target} is {age} old (the gate allows {allowed})"


def weights_changed(tested: str | None, served: Sequence[str]) -> bool:
    """Whether the newest answers come from other weights than the tested ones. ``served``: newest first.

    Fingerprints that alternate are no change: an answer of tested weights after the first one of the newest weights
    shows that both serve. Without fingerprints nothing is known.
    """
    if tested is None or not served:
        return False
    newest = served[0]
    if _among(newest, tested):
        return False
    first = max(at for at, one in enumerate(served) if one == newest)
    return not any(_among(one, tested) for one in served[:first])


def fingerprints(run: RunTable, served: Sequence[str]) -> str:
    """Both fingerprints for people."""
    return f"{_shown(run.fingerprint or '')} was tested, {_shown(served[0])} answers"


def age_text(age_us: int) -> str:
    """An age such as ``20 days`` or ``5 hours``."""
    if age_us >= 2 * DAY_US:
        return counted(age_us // DAY_US, "day")
    return counted(max(1, age_us // HOUR_US), "hour")


def _among(fingerprint: str, tested: str) -> bool:
    """Whether it is one of those that a run names; a fingerprint may contain the separator itself."""
    return f"{SEVERAL}{fingerprint}{SEVERAL}" in f"{SEVERAL}{tested}{SEVERAL}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHORT else f"{text[:SHORT]}…")
