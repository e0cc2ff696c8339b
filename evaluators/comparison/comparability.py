"""Whether two runs may be compared: the same cases, asked and scored the same way, or exactly what differs."""

from __future__ import annotations

from evaluators.results.run_table import RunTable
from fairtrial.domain.run import Run


def what_differs(candidate: Run | RunTable, baseline: Run | RunTable) -> list[str]:
    """Every difference that makes a comparison unsound, one sentence part each; empty if the runs may be compared.

    The suite's digest covers cases, prompts, parameters, scorers and their options; versions are named apart so that
    the message can say which.
    """
    found = []
    if candidate.suite != baseline.suite:
        found.append(f"the suites are {candidate.suite} and {baseline.suite}")
    if candidate.suite_digest != baseline.suite_digest:
        found.append(
            "the suite's content (cases, prompt, params or scorers) is "
            f"{candidate.suite_digest[:8]} in one and {baseline.suite_digest[:8]} in the other"
        )
    if candidate.seed != baseline.seed:
        found.append(f"the seeds are {candidate.seed} and {baseline.seed}")
    if candidate.repeat != baseline.repeat:
        found.append(f"each case was asked {candidate.repeat} and {baseline.repeat} times")
    for scorer in sorted(set(candidate.versions) | set(baseline.versions)):
        one, other = candidate.versions.get(scorer), baseline.versions.get(scorer)
        if one != other:
            found.append(f"scorer {scorer} is {one or 'absent'!r} and {other or 'absent'!r}")
    return found
