"""Lines with a relative margin: ``by 5%`` of what the base has."""

from __future__ import annotations

from functools import partial

from benchmarks.gate_trials.draws import Draw, betas, shares, tokens
from benchmarks.gate_trials.lines import line, targets
from benchmarks.gate_trials.real_path import GRADED, NUMBER, SHARE
from benchmarks.trials.trial import Trial
from evaluators.criteria.metric_catalogue import Measure


def of(name: str, process: str, draw: Draw, *, margin: float, level: float = 1.0, measure: Measure = SHARE) -> Trial:
    return Trial(
        f"relative-{name}-{round(100 * margin)}%",
        f"`not worse than base by {100 * margin:g}%`",
        process,
        partial(line, draw=draw, margin=margin, measure=measure, relative_to=level),
        targets(),
    )


TRIALS = (
    of("share", "0/1, the base passes 90 %, losses only", shares(0.9, 0.0), margin=0.02, level=0.9),
    of("share", "0/1, the base passes 90 %, losses only", shares(0.9, 0.0), margin=0.05, level=0.9),
    of("share", "0/1, the base passes 90 %, losses only", shares(0.9, 0.0), margin=0.1, level=0.9),
    of("share", "0/1, the base passes 50 %, losses only", shares(0.5, 0.0), margin=0.2, level=0.5),
    of("share-two-ways", "0/1, the base passes 70 %, 20 % discordant", shares(0.7, 0.2), margin=0.05, level=0.7),
    of("share-two-ways", "0/1, the base passes 70 %, 20 % discordant", shares(0.7, 0.2), margin=0.2, level=0.7),
    of("graded", "both sides uniform", betas(1, 1), margin=0.2, level=0.5, measure=GRADED),
    of("graded", "both sides Beta(5, 1)", betas(5, 1), margin=0.05, level=5 / 6, measure=GRADED),
    of("tokens", "lognormal(σ = 0.5), correlated 0.7; less is better", tokens(0.5, 0.7), margin=0.1, measure=NUMBER),
    of("tokens-long", "lognormal(σ = 1), correlated 0.5; less is better", tokens(1.0, 0.5), margin=0.2, measure=NUMBER),
)
