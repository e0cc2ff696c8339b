"""A cluster with 40 % of the cases: how often a line ships an identical model, beside methods of the literature."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
import scipy
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.decision_trials.trial import Row, Trial, share
from benchmarks.gate_trials.draws import Draw, overlap
from benchmarks.gate_trials.unequal import MARGIN, ONE_WAY, SHAPES, TWO_WAYS, Sizes
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_UNITS
from fairtrial.stats.always_valid import at_least
from fairtrial.stats.effects import freedom_of
from fairtrial.stats.paired.clustered import clustered_effect
from fairtrial.stats.paired.score_mean import always_valid_mean, score_mean, unequal

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
ALPHA, BOOTSTRAPS, NEAR_BEST = 0.05, 399, 0.1
DOMINATED, OURS = "dominated-40", "gate lines"
PROCESSES: Mapping[str, tuple[Draw, float]] = {
    "0/1, 20 % discordant, alike 0.3": (TWO_WAYS, 0.3),
    "0/1, 20 % discordant, alike 0.7": (TWO_WAYS, 0.7),
    "F1, alike 0.3": (overlap, 0.3),
    "F1, alike 0.7": (overlap, 0.7),
    "0/1, losses only, alike 0.7": (ONE_WAY, 0.7),
}
WEBB = np.array([-sqrt(1.5), -1.0, -sqrt(0.5), sqrt(0.5), 1.0, sqrt(1.5)])
SIGNS = np.array([-1.0, 1.0])
SIMILAR = np.linspace(0.0, 1.0, 21)
"""The similarities of two cases of a cluster for which degrees of freedom are computed; others are interpolated."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The differences of many trials, a row for each; ``sizes`` gives the cases of each cluster, which are in order."""

    values: Floats
    sizes: Floats

    @classmethod
    def of(cls, rng: Generator, trials: int, sizes: Sizes, process: tuple[Draw, float], delta: float) -> "Drawn":
        draw, alike = process
        n = sum(sizes)
        candidate, baseline = draw(rng, trials * n, delta)
        first = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
        source = np.where(rng.random((trials, n)) < alike, first, np.arange(n))
        values = np.take_along_axis((candidate - baseline).reshape(trials, n), source, axis=1)
        return cls(values, np.array(sizes, np.float64))

    @property
    def cases(self) -> float:
        return float(self.sizes.sum())

    @property
    def above(self) -> Floats:
        """How far each trial's mean is above that of a candidate that is worse by the margin."""
        return np.asarray(self.values.mean(axis=1) + MARGIN)

    def sums(self, values: Floats | None = None) -> Floats:
        starts = np.cumsum([0, *self.sizes[:-1]]).astype(np.intp)
        return np.asarray(np.add.reduceat(self.values if values is None else values, starts, axis=1))

    def variance(self, power: float) -> Floats:
        """The variance of the mean by clusters: CR2 with a power of 0.5, the jackknife CR3 with 1."""
        residuals = self.sums() - self.sizes * self.values.mean(axis=1, keepdims=True)
        scaled = residuals / (1 - self.sizes / self.cases) ** power
        return np.asarray((scaled**2).sum(axis=1) / self.cases**2)

    def similarity(self) -> tuple[Floats, Floats]:
        """The similarity of two cases of a cluster, by an analysis of variance, and the variance of one case."""
        sums, n, count = self.sums(), self.cases, len(self.sizes)
        inside = (self.sums(self.values**2) - sums**2 / self.sizes).sum(axis=1) / (n - count)
        apart = sums / self.sizes - self.values.mean(axis=1, keepdims=True)
        between = (apart**2 * self.sizes).sum(axis=1) / (count - 1)
        usual = (n - float((self.sizes**2).sum()) / n) / (count - 1)
        shared = np.maximum((between - inside) / usual, 0.0)
        total = shared + inside
        return np.divide(shared, total, out=np.zeros_like(total), where=total > 0), total

    def freedom(self, power: float, similar: float) -> float:
        """Satterthwaite's degrees of freedom of a variance by clusters, for cases that are so similar."""
        own, n = self.sizes * (1 + (self.sizes - 1) * similar), self.cases
        crossed = np.outer(self.sizes, own) / n
        spread = np.diag(own) - crossed - crossed.T + np.outer(self.sizes, self.sizes) * own.sum() / n**2
        scale = (1 - self.sizes / n) ** -power
        spread = scale[:, None] * spread * scale
        return float(np.trace(spread) ** 2 / (spread**2).sum())


def _passes(drawn: Drawn, variance: Floats, freedom: float | Floats) -> Bools:
    return np.asarray(drawn.above > scipy.special.stdtrit(freedom, 1 - ALPHA) * np.sqrt(variance))


def _by_bound(bound: Callable[[Floats, NDArray[np.intp]], Estimate | NotEnough]) -> Callable[[Drawn], Bools]:
    """Whether the lower bound of a function of the product excludes the margin."""

    def passes(drawn: Drawn) -> Bools:
        clusters = np.repeat(np.arange(len(drawn.sizes)), drawn.sizes.astype(np.intp))
        judged = (
            bound(values, clusters) if above > 0 else None
            for values, above in zip(drawn.values, drawn.above, strict=True)
        )
        return np.array([isinstance(estimate, Estimate) and estimate.low > -MARGIN for estimate in judged])

    return passes


def _first_look(values: Floats, clusters: NDArray[np.intp]) -> Estimate | NotEnough:
    if unequal(np.bincount(clusters).astype(np.float64)):
        return always_valid_mean(values, clusters, within=(-1, 1), tau=MARGIN, alpha=ALPHA)
    return score_mean(values, clusters, within=(-1, 1), level=1 - 2 * ALPHA)


def _later_look(values: Floats, clusters: NDArray[np.intp]) -> Estimate | NotEnough:
    return at_least(clustered_effect(values, clusters), tau=MARGIN, alpha=ALPHA)


def _plain(drawn: Drawn) -> Bools:
    count = len(drawn.sizes)
    return _passes(drawn, drawn.variance(0.0) * count / (count - 1), count - 1)


def _jackknife(drawn: Drawn) -> Bools:
    count = len(drawn.sizes)
    return _passes(drawn, drawn.variance(1.0) * (count - 1) / count, count - 1)


def _by_sizes(drawn: Drawn) -> Bools:
    count, freedom = len(drawn.sizes), freedom_of(drawn.sizes)
    enough = freedom >= 1 and count >= MIN_UNITS
    return _passes(drawn, drawn.variance(0.0) * count / (count - 1), freedom) & enough


def _satterthwaite(power: float, *, similar: bool) -> Callable[[Drawn], Bools]:
    def passes(drawn: Drawn) -> Bools:
        if not similar:
            return _passes(drawn, drawn.variance(power), drawn.freedom(power, 0.0))
        known = [drawn.freedom(power, each) for each in SIMILAR]
        return _passes(drawn, drawn.variance(power), np.interp(drawn.similarity()[0], SIMILAR, known))

    return passes


def _design_effect(drawn: Drawn) -> Bools:
    similar, total = drawn.similarity()
    inflated = drawn.sizes.sum() + similar * float((drawn.sizes * (drawn.sizes - 1)).sum())
    variance = total * inflated / drawn.cases**2
    return _passes(drawn, variance, len(drawn.sizes) - 1) & (variance > 0)


def _stratum(drawn: Drawn) -> Bools:
    """The largest cluster is a population of its own, whose cases are independent."""
    at = int(drawn.sizes.argmax())
    start, size = int(drawn.sizes[:at].sum()), int(drawn.sizes[at])
    inside = drawn.values[:, start : start + size].var(axis=1, ddof=1) / size
    rest = Drawn(np.delete(drawn.values, slice(start, start + size), axis=1), np.delete(drawn.sizes, at))
    part, count = size / drawn.cases, len(rest.sizes)
    variance = part**2 * inside + (1 - part) ** 2 * rest.variance(0.0) * count / (count - 1)
    return _passes(drawn, variance, count - 1)


def _bootstrap(weights: Floats) -> Callable[[Drawn], Bools]:
    """The studentised mean among those that have random weights, with the margin as the true mean (WCR)."""

    def passes(drawn: Drawn) -> Bools:
        rng = np.random.default_rng(len(drawn.sizes))
        chosen = rng.choice(weights, (len(drawn.sizes), BOOTSTRAPS))
        apart, n = drawn.sums() + MARGIN * drawn.sizes, drawn.cases
        sums = apart @ chosen
        squares = apart**2 @ chosen**2 - 2 * sums / n * ((apart * drawn.sizes) @ chosen)
        squares += (sums / n) ** 2 * float((drawn.sizes**2).sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            at_random = sums / np.sqrt(np.maximum(squares, 0.0))
            observed = drawn.above / np.sqrt(drawn.variance(0.0))
        larger = (at_random >= observed[:, None]).sum(axis=1)
        return np.asarray((larger + 1) / (BOOTSTRAPS + 1) <= ALPHA)

    return passes


METHODS: Mapping[str, Callable[[Drawn], Bools]] = {
    OURS: _by_bound(_first_look),
    "bound of later looks, the sample's variance": _by_bound(_later_look),
    "clustered standard errors, t": _plain,
    "the same, degrees of freedom by sizes": _by_sizes,
    "CR2, Satterthwaite": _satterthwaite(0.5, similar=False),
    "CR2, Satterthwaite by similarity": _satterthwaite(0.5, similar=True),
    "CR3 (jackknife), t": _jackknife,
    "CR3, Satterthwaite by similarity": _satterthwaite(1.0, similar=True),
    "wild cluster bootstrap, Webb": _bootstrap(WEBB),
    "random signs of clusters": _bootstrap(SIGNS),
    "the largest cluster as a stratum": _stratum,
    "design effect, t": _design_effect,
}
DESIGNS: Mapping[str, tuple[str, Sizes]] = {**SHAPES, "equal-40": ("400 cases in 40 equal clusters", (10,) * 40)}


def _measure(rng: Generator, trials: int) -> Sequence[Row]:
    errors: dict[str, dict[str, Row]] = {method: {} for method in METHODS}
    for what, sizes in DESIGNS.values():
        for process, draws in PROCESSES.items():
            drawn = Drawn.of(rng, trials, sizes, draws, -MARGIN)
            for method, passes in METHODS.items():
                errors[method][f"{what}; {process}"] = share("", passes(drawn).tolist(), most=ALPHA)
    rows = [_worst(method, errors[method]) for method in METHODS]
    what, sizes = DESIGNS[DOMINATED]
    rivals = [method for method in METHODS if method != OURS]
    valid = [method for method in rivals if all(errors[method][f"{what}; {process}"].ok for process in PROCESSES)]
    for process in [process for process in PROCESSES if "losses only" not in process]:
        drawn = Drawn.of(rng, trials, sizes, PROCESSES[process], 0.0)
        passed = {method: passes(drawn) for method, passes in METHODS.items()}
        rows += [share(f"{process}: identical, ships ({method})", hits.tolist()) for method, hits in passed.items()]
        best = max(valid, key=lambda method: passed[method].mean())
        apart = passed[OURS].astype(np.float64) - passed[best]
        name = f"{process}: {OURS} less the most of another method that is valid with this cluster ({best})"
        rows.append(Row(name, float(apart.mean()), float(apart.std()) / sqrt(trials), least=-NEAR_BEST))
    return rows


def _worst(method: str, errors: Mapping[str, Row]) -> Row:
    """The largest error at the margin over all designs. Only gate lines promise one."""
    design, row = max(errors.items(), key=lambda item: item[1].measured)
    what = f"worse by the margin, ships ({method}), the most of {len(errors)} designs: {design}"
    return replace(row, what=what, most=ALPHA if method == OURS else None)


TRIALS: Sequence[Trial] = (
    Trial(
        "dominant-cluster",
        "One cluster of 40 with 40 % of 400 cases, `not worse than base by 10pp`",
        _measure,
        1_000,
        200,
    ),
)
