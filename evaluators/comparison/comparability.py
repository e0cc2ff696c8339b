"""Checks whether two runs may be compared, and lists exactly what differs."""

from __future__ import annotations

from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.events import RunEvent
from fairtrial.domain.run import RunHead


def differences(candidate: RunHead | RunEvent, baseline: RunHead | RunEvent) -> list[str]:
    """Every difference that makes a comparison unsound, as parts of a sentence; empty if the runs are comparable.

    The suite's digest covers cases, prompts, parameters, scorers and their options. Scorer versions are compared
    separately, so that the message can name the scorer. Detectors of signals are no scorer: only the comparison of
    signals needs equal versions.
    """
    found = []
    if candidate.suite != baseline.suite:
        found.append(f"the suites are {candidate.suite} and {baseline.suite}")
    if candidate.suite_digest != baseline.suite_digest:
        found.append(
            "the suite's content (cases, prompt, params or scorers) has the digest "
            f"{candidate.suite_digest[:8]} in one run and {baseline.suite_digest[:8]} in the other"
        )
    if candidate.seed != baseline.seed:
        found.append(f"the seeds are {candidate.seed} and {baseline.seed}")
    if candidate.repeat != baseline.repeat:
        found.append(f"each case was asked {candidate.repeat} and {baseline.repeat} times")
    for scorer in sorted((set(candidate.versions) | set(baseline.versions)) - {SIGNALS}):
        one, other = candidate.versions.get(scorer), baseline.versions.get(scorer)
        if one != other:
            found.append(f"scorer {scorer} is {one or 'absent'!r} and {other or 'absent'!r}")
    return found
