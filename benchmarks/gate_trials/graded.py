"""Lines on scores of cases that stand alone: does a candidate that is worse by the margin ship?"""

from __future__ import annotations

from functools import partial

from benchmarks.gate_trials.draws import Draw, betas, drift, overlap, ripple, shares, steps
from benchmarks.gate_trials.lines import line, targets
from benchmarks.gate_trials.real_path import GRADED, SHARE
from benchmarks.trials.trial import Trial
from evaluators.criteria.metric_catalogue import Measure


def of(
    name: str, process: str, draw: Draw, *, margin: float = 0.05, measure: Measure = GRADED, least: int = 0
) -> Trial:
    what = "A graded score" if measure is GRADED else "A 0/1 score"
    return Trial(
        f"{name}-{round(100 * margin)}pp",
        f"{what}, `not worse than base by {100 * margin:g}pp`",
        process,
        partial(line, draw=draw, margin=margin, measure=measure),
        targets(),
        least=least,
    )


TRIALS = (
    of("share", "0/1, the base passes 80 %, 20 % discordant", shares(0.8, 0.2), measure=SHARE),
    of("share-one-way", "0/1, the base passes 80 %, losses only", shares(0.8, 0.0), measure=SHARE),
    of("whole-losses", "two points: a few cases lose everything, no other differs", steps(1.0)),
    # By enumeration, 400 cases that are worse by just the margin fail with 6.01 %.
    of("half-losses", "two points: a few cases lose a half, no other differs", steps(0.5), least=4_000),
    of("half-losses", "two points: a few cases lose a half, no other differs", steps(0.5), margin=0.1),
    of(
        "either-way",
        "three points: 10 % of the cases differ by a half either way, and some lose it",
        steps(0.5, 0.1),
    ),
    of("overlap", "F1 of a few words: 15 % of the cases differ, by thirds, halves or the whole", overlap),
    of("overlap", "F1 of a few words: 15 % of the cases differ, by thirds, halves or the whole", overlap, margin=0.1),
    of("uniform", "both sides uniform", betas(1, 1), margin=0.1),
    of("mostly-0-or-1", "both sides Beta(0.1, 0.1)", betas(0.1, 0.1), margin=0.1),
    of("high", "both sides Beta(5, 1)", betas(5, 1)),
    of("ripple", "every case moves by up to 0.1 either way, a few lose everything", ripple(0.1)),
    of("wide-ripple", "every case moves by up to 0.4 either way, a few lose everything", ripple(0.4)),
    of("drift", "nearly every case gains 0.02, a few lose everything", drift(0.02)),
    of("drift", "nearly every case gains 0.1, a few lose everything", drift(0.1), margin=0.02),
)
