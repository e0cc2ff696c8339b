"""Tells whether two runs have the same results, and counts their equal answers."""

import numpy as np

from evaluators.results.run_table import RunTable
from fairtrial.api.comparison_answers import EqualAnswers
from fairtrial.domain.answers.signals import SIGNALS


def equal_answers(left: RunTable, right: RunTable) -> EqualAnswers:
    """The equal ones of the answers that both runs have for a case and its repeat, and whose texts are known."""
    theirs = {place: digest for place, digest in _answers(right) if digest}
    pairs = [(digest, theirs[place]) for place, digest in _answers(left) if digest and place in theirs]
    return EqualAnswers(equal=sum(mine == other for mine, other in pairs), n=len(pairs))


def _answers(run: RunTable) -> list[tuple[tuple[str, int], int]]:
    """The digest of each answer, by case and by its number among the answers to this case."""
    seen: dict[int, int] = {}
    places = []
    for case, digest in zip(run.case_of.tolist(), run.answers.tolist(), strict=True):
        seen[case] = seen.get(case, -1) + 1
        places.append(((run.case_ids[case], seen[case]), digest))
    return places


def same_results(left: RunTable, right: RunTable) -> bool:
    """Whether both have the same cases with the same outcomes, scores and signals; latencies and costs may differ."""
    return (
        left.case_ids == right.case_ids
        and np.array_equal(left.case_of, right.case_of)
        and np.array_equal(left.outcomes, right.outcomes)
        and all(
            np.array_equal(left.value(metric), right.value(metric), equal_nan=True) for metric in _shared(left, right)
        )
    )


def _shared(table: RunTable, second: RunTable) -> set[str]:
    """The metrics of either run, without signals that an older version did not measure in one of them."""
    both = SIGNALS in table.states and SIGNALS in second.states
    metrics = table.values.keys() | second.values.keys()
    return {metric for metric in metrics if both or not metric.startswith(f"{SIGNALS}.")}
