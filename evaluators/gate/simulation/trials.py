"""Simulates which rules pass in each of many trials, with cases drawn anew and sides that swap at random."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.random import Generator
from numpy.typing import NDArray

from evaluators.gate.simulation.lines import LineGroup, SimulatedLine
from evaluators.results.run_table import Floats, Ints, Marks
from fairtrial.domain.estimates import Estimate
from fairtrial.stats.intervals import enumerated_p, tango_score, wilson
from fairtrial.stats.paired.paired_tests import exact_one_sided

TRIALS = 1_000
OTHER_RUNS, TRIALS_OF_EACH = 40, 50
"""How many other runs show the uncertainty of the odds, and the trials of each."""
ENTRIES = 1_000_000
"""How many counts are drawn at a time, over all trials."""
MOST_UNITS, FEWEST = 10_000, 100
"""Above the first number of units fewer trials are drawn, down to the second number."""
ROUNDING = 1e-9
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Kinds:
    """The distinct units of a group, as lines with one entry for each; ``times``: how often each occurs.

    ``strata`` has, for each kind, the number of its stratum: units with the same numbers of cases in all lines.
    """

    lines: Sequence[SimulatedLine]
    times: Ints
    strata: Ints

    @classmethod
    def of(cls, lines: Sequence[SimulatedLine]) -> "Kinds":
        """Counts equal units together."""
        columns = np.column_stack([column for line in lines for column in (line.keep, line.swap, line.count)])
        _, first, times = np.unique(columns, axis=0, return_index=True, return_counts=True)
        kinds = [line.of(first) for line in lines]
        counts = np.column_stack([line.count for line in kinds])
        return cls(kinds, times, np.unique(counts, axis=0, return_inverse=True)[1].ravel())

    def resampled(self, rng: Generator) -> "Kinds":
        """As many units, drawn anew within their stratum: other runs that could have been seen."""
        return replace(self, times=self.drawn(1, 1.0, rng)[0])

    def drawn(self, trials: int, factor: float, rng: Generator) -> Counts:
        """Count each kind in each trial, with units drawn anew within their stratum."""
        counts = np.zeros((trials, len(self.times)), dtype=np.int64)
        for stratum in range(int(self.strata.max(initial=-1)) + 1):
            here = np.flatnonzero(self.strata == stratum)
            size = int(self.times[here].sum())
            if not size:
                continue
            counts[:, here] = rng.multinomial(max(1, round(size * factor)), self.times[here] / size, size=trials)
        return counts

    def chunks(self, trials: int, factor: float, rng: Generator) -> Iterator[tuple[slice, Counts]]:
        """The trials in parts that fit into memory."""
        step = max(1, ENTRIES // max(len(self.times), 1))
        for start in range(0, trials, step):
            here = slice(start, min(start + step, trials))
            yield here, self.drawn(here.stop - start, factor, rng)


def trials_of(groups: Sequence[LineGroup], factor: float = 1.0) -> int:
    """The number of trials to draw."""
    most = max((round(group.size * factor) for group in groups), default=1)
    return TRIALS if most <= MOST_UNITS else max(TRIALS * MOST_UNITS // most, FEWEST)


@dataclass(frozen=True, slots=True)
class TrialResults:
    """For each trial (row) and rule (column), whether all lines of the rule pass, and whether one of them fails."""

    passed: Marks
    failed: Marks

    @classmethod
    def of(cls, trials: int, rules: int) -> "TrialResults":
        """The results before any line is simulated."""
        return cls(np.ones((trials, rules), dtype=bool), np.zeros((trials, rules), dtype=bool))

    def add(self, kinds: Kinds, here: slice, times: Counts, rng: Generator, *, failures: bool) -> None:
        """Swap the sides of these units in some of the trials, and add the results of their lines."""
        unswapped = rng.binomial(times, 0.5)
        for line in kinds.lines:
            self.passed[here, line.rule] &= passes(line, unswapped, times - unswapped)
            mirrored = line.mirrored if failures else None
            if mirrored is not None:
                self.failed[here, line.rule] |= passes(mirrored, unswapped, times - unswapped)

    @property
    def ship(self) -> float:
        """The share of trials in which all rules pass."""
        return float(self.passed.all(axis=1).mean())

    def block(self, invalid: Marks) -> float:
        """The share of trials in which a rule fails; ``invalid`` are rules whose failure makes the verdict INVALID."""
        return float((self.failed[:, ~invalid].any(axis=1) & ~self.failed[:, invalid].any(axis=1)).mean())


def simulate(
    groups: Sequence[LineGroup], rules: int, rng: Generator, *, factor: float = 1.0, failures: bool = False
) -> TrialResults:
    """Simulate the results of rules in many trials; a rule without a line passes, and fails only with ``failures``.

    In each trial the units are drawn anew from those that lie in the same slices, ``factor`` times as many. Each swaps
    sides with probability one half, in all lines at once.
    """
    results = TrialResults.of(trials_of(groups, factor), rules)
    for group in groups:
        kinds = Kinds.of(group.lines)
        for here, times in kinds.chunks(len(results.passed), factor, rng):
            results.add(kinds, here, times, rng, failures=failures)
    return results


def simulate_other_runs(groups: Sequence[LineGroup], rules: int, rng: Generator) -> list[TrialResults]:
    """The same for other runs that could have been seen, each with as many units drawn anew from these."""
    together = TrialResults.of(OTHER_RUNS * TRIALS_OF_EACH, rules)
    for group in groups:
        kinds = Kinds.of(group.lines)
        step = max(1, ENTRIES // (TRIALS_OF_EACH * max(len(kinds.times), 1)))
        for start in range(0, OTHER_RUNS, step):
            runs = range(start, min(start + step, OTHER_RUNS))
            times = np.vstack([kinds.resampled(rng).drawn(TRIALS_OF_EACH, 1.0, rng) for _ in runs])
            together.add(
                kinds, slice(runs.start * TRIALS_OF_EACH, runs.stop * TRIALS_OF_EACH), times, rng, failures=True
            )
    each = (slice(at, at + TRIALS_OF_EACH) for at in range(0, OTHER_RUNS * TRIALS_OF_EACH, TRIALS_OF_EACH))
    return [TrialResults(together.passed[trials_of_run], together.failed[trials_of_run]) for trials_of_run in each]


def passes(line: SimulatedLine, unswapped: Counts, swapped: Counts) -> Marks:
    """Mark the trials that pass; ``unswapped`` and ``swapped`` count the units of each kind with either value."""
    n = int((unswapped[0] + swapped[0]) @ line.count)
    if not n or n < line.required:
        return np.zeros(len(unswapped), dtype=bool)
    if line.test == "tango":
        return _by_tango(line, _signs(line, unswapped, swapped), n)
    sums = unswapped @ line.keep + swapped @ line.swap
    if line.test == "wilson":
        return _by_wilson(line, sums, n)
    if line.test == "estimate":
        return np.asarray(sums / n >= line.limit - ROUNDING, dtype=bool)
    times, score = np.hstack([unswapped, swapped]).astype(np.float64), line.score
    bounded = score.passes(times)
    if not line.tested or score.always_valid(times):
        return bounded
    return bounded & _p_agrees(line, unswapped, swapped, sums)


def _signs(line: SimulatedLine, counts: Counts, swapped: Counts) -> Counts:
    """For each trial, the numbers of gains and of losses."""
    won = counts @ (line.keep > 0) + swapped @ (line.swap > 0)
    lost = counts @ (line.keep < 0) + swapped @ (line.swap < 0)
    return np.stack([won, lost], axis=1).astype(np.int64)


def _by_tango(line: SimulatedLine, signs: Counts, n: int) -> Marks:
    """Tango's bound, and the exact or the enumerated p where it has to agree."""
    rule = line.upper, line.tested, line.enumerated
    return _for_each(signs, lambda won, lost: _tango_passes(won, lost, n, line.limit, *rule))


@lru_cache(maxsize=20_000)
def _tango_passes(won: int, lost: int, n: int, limit: float, upper: float, tested: bool, enumerated: bool) -> bool:
    """Kept, because other runs, mirrored lines and other lines have the same counts again."""
    z = NormalDist().inv_cdf(upper)  # as `scipy.special` has it, which is slow to load
    alpha = 1 - upper + ROUNDING
    if tango_score(won, lost, n, limit) <= z or (tested and exact_one_sided(won, lost) > alpha):
        return False
    return not enumerated or limit <= 0 or enumerated_p(won, lost, n, limit) <= alpha


def _by_wilson(line: SimulatedLine, sums: Floats, n: int) -> Marks:
    """Wilson's bound of a share; a ceiling has negative values, and its upper bound counts."""
    falling = line.lowest < 0

    def passed(successes: int) -> bool:
        bound = wilson(successes, n, level=2 * line.upper - 1)
        return isinstance(bound, Estimate) and (-bound.high if falling else bound.low) >= line.limit

    return _for_each(np.rint(np.abs(sums)).astype(np.int64)[:, None], passed)


def _p_agrees(line: SimulatedLine, counts: Counts, swapped: Counts, sums: Floats) -> Marks:
    """Where the one-sided sign-flip p is at most that of the bound.

    It is the exact binomial p if all units differ by the same amount. Otherwise it is approximated by the normal
    distribution, and it is at least 2 to the power of minus the number of differing units.
    """
    sizes, alpha = np.unique(np.abs(line.keep[line.moving])), 1 - line.upper + ROUNDING
    signs = _signs(line, counts, swapped)
    if len(sizes) == 1:
        return _for_each(signs, lambda won, lost: exact_one_sided(won, lost) <= alpha)
    spread = np.sqrt(counts @ line.keep**2 + swapped @ line.swap**2)
    p = np.maximum(scipy.special.ndtr(-sums / np.maximum(spread, ROUNDING)), 0.5 ** signs.sum(axis=1))
    return np.asarray(p <= alpha, dtype=bool)


def _for_each(counts: Counts, passes_one: Callable[..., bool]) -> Marks:
    """``passes_one`` for each row of one or two counts, computed once for equal rows."""
    keys = counts[:, 0] * (counts.max(initial=0) + 1) + counts[:, -1]
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return np.array([passes_one(*row) for row in counts[first].tolist()], dtype=bool)[which]


def worse_passes(line: SimulatedLine, times: float, trials: int, rng: Generator) -> float | None:
    """The share of trials in which a model that is worse by ``times`` the margin passes the line; ``None`` if unknown.

    The units that differ are lost with the probability that gives this loss on average. If too few differ, a 0/1 line
    is simulated with losses only; another line is not, because it is unknown how its cases would differ.
    """
    if line.margin is None or not line.cases:
        return None
    good, bad = np.maximum(line.keep, line.swap), np.minimum(line.keep, line.swap)
    least_sum, most, least = -times * line.margin * line.cases, float(good.sum()), float(bad.sum())
    if least_sum >= least and most > least:
        return _biased(replace(line, keep=good, swap=bad), (least_sum - least) / (most - least), trials, rng)
    if line.test != "tango" or times * line.margin >= 1:
        return None
    only = replace(line, keep=np.array([0.0]), swap=np.array([-1.0]), count=np.array([1.0]))
    lost = rng.binomial(line.cases, times * line.margin, size=trials)[:, None]
    return float(passes(only, line.cases - lost, lost).mean())


def _biased(line: SimulatedLine, share: float, trials: int, rng: Generator) -> float:
    """The share of trials that pass if each differing unit has its good value (``keep``) with probability ``share``."""
    kinds, passed = Kinds.of([line]), 0
    for _, times in kinds.chunks(trials, 1.0, rng):
        unswapped = rng.binomial(times, share)
        passed += int(passes(kinds.lines[0], unswapped, times - unswapped).sum())
    return passed / trials
