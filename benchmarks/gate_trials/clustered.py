"""Lines on cases that come in clusters, and on questions that a suite has more than once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.gate_trials.draws import Draw, by, mixed, one_pair, overlap, shares, steps, together
from benchmarks.gate_trials.lines import line, targets
from benchmarks.gate_trials.real_path import GRADED, SHARE
from benchmarks.trials.trial import Trial
from evaluators.criteria.metric_catalogue import Measure

ALIKE = 0.7
SIZES = (28, 60, 100, 200, 400, 2_000)


def of(
    name: str,
    process: str,
    draw: Draw,
    sizes: Callable[[int], list[int]],
    *,
    measure: Measure = SHARE,
    margin: float = 0.05,
    alike: float = ALIKE,
) -> Trial:
    drawn, names = together(draw, sizes, alike)
    return Trial(
        f"clusters-{name}",
        f"Cases in clusters, `not worse than base by {100 * margin:g}pp`",
        f"{process}; a case repeats the first of its cluster with chance {alike:g}",
        partial(line, draw=drawn, margin=margin, measure=measure, clusters=names),
        targets(),
    )


def asked_again(times: int, draw: Draw, measure: Measure, process: str) -> Trial:
    drawn, names = together(draw, by(times), 1.0)
    return Trial(
        f"asked-{times}-times-{'share' if measure is SHARE else 'graded'}",
        f"The same question {times} times, without a declared cluster, `not worse than base by 5pp`",
        process,
        partial(line, draw=drawn, margin=0.05, measure=measure, prompts=names),
        targets(),
    )


TWO_WAYS, ONE_WAY = shares(0.8, 0.2), shares(0.8, 0.0)
TRIALS = (
    of("of-2", "0/1, 20 % discordant, clusters of 2", TWO_WAYS, by(2)),
    of("of-2-one-way", "0/1, losses only, clusters of 2", ONE_WAY, by(2)),
    of("of-5", "0/1, 20 % discordant, clusters of 5", TWO_WAYS, by(5)),
    of("of-5-one-way", "0/1, losses only, clusters of 5", ONE_WAY, by(5), margin=0.1),
    of("mixed", "0/1, 20 % discordant, clusters of 1, 2, 3, 5 and 10", TWO_WAYS, mixed),
    of("mixed-one-way", "0/1, losses only, clusters of 1, 2, 3, 5 and 10", ONE_WAY, mixed, margin=0.1),
    of("one-pair", "0/1, losses only, one cluster of two, all others alone", ONE_WAY, one_pair),
    of("one-pair-two-ways", "0/1, 20 % discordant, one cluster of two, all others alone", TWO_WAYS, one_pair),
    of("graded-of-2", "F1 of a few words, clusters of 2", overlap, by(2), measure=GRADED),
    of("graded-mixed", "F1 of a few words, clusters of 1, 2, 3, 5 and 10", overlap, mixed, measure=GRADED),
    of("unlike", "0/1, losses only, clusters of 5 whose cases are unlike", ONE_WAY, by(5), alike=0.0),
    asked_again(2, TWO_WAYS, SHARE, "0/1, 20 % discordant"),
    asked_again(5, TWO_WAYS, SHARE, "0/1, 20 % discordant"),
    asked_again(2, steps(0.5), GRADED, "two points: a few cases lose a half"),
)
