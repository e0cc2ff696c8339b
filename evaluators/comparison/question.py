"""Tests one gate line on two runs: its hypothesis, bounds and p-value, and how many cases would decide it."""

from dataclasses import dataclass, replace
from math import inf

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from evaluators.comparison import compare
from evaluators.comparison.pairing import Pairs
from evaluators.comparison.presentation import MINUS, gap
from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import Measure
from evaluators.criteria.validation import margin_of
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import LOOK_SCALE, MIN_UNITS, MIN_UNLIKE
from fairtrial.domain.verdicts.verdict import Result
from fairtrial.domain.wording import counted
from fairtrial.stats.always_valid import at_least, at_most, cases_for_bound
from fairtrial.stats.effects import Effect
from fairtrial.stats.intervals import enumerated_p, tango_score
from fairtrial.stats.paired.clustered import cases_for_look, cluster_sums, clustered_effect, count_unlike
from fairtrial.stats.paired.score_mean import always_valid_mean, unequal

LOOK_NEEDS = f"needs {MIN_UNITS} cases of which {MIN_UNLIKE} differ"
"""What the rule of every look after the first requires."""
AGAIN = "corpus figures and totals can be tested only once for each candidate"


@dataclass(frozen=True, slots=True)
class CasesToSettle:
    """About how many cases would settle a line at the next look.

    ``unlike`` of ``count`` cases (or clusters) differ from the others so far. ``limited_by_look``: the number comes
    from what any further look requires, not from the width of its bounds.
    """

    total: int
    count: int
    unlike: int
    limited_by_look: bool


@dataclass(frozen=True, slots=True)
class Question:
    """One line on one slice of two runs; ``later``: this is not the first look at the candidate."""

    test: VersusBaseline
    measure: Measure
    pairs: Pairs
    later: bool
    seed: int

    @property
    def unequal(self) -> bool:
        """Whether the line has clusters whose sizes are so unequal that every look uses the bound of later looks."""
        clusters = self.pairs.candidate.clusters
        if clusters is None or not self.tau:
            return False
        sizes = np.bincount(clusters).astype(np.float64)
        return unequal(sizes[sizes > 0])

    @property
    def look_explained(self) -> bool:
        """Whether sentences say that this look has other bounds than a first one."""
        return self.later and not self.unequal

    @property
    def always_valid(self) -> bool:
        """Whether the bounds hold at all looks together."""
        return self.later or self.unequal

    @property
    def enumerated(self) -> bool:
        """Whether an enumerated p has to agree where the difference is beyond the margin: for 0/1 cases."""
        with_margin = self.test.margin is not None and not self.relative and 0 < abs(self.limit) < 1
        first = with_margin and not self.always_valid
        return first and self.pairs.n > 0 and compare.is_binary(self.measure, self.pairs)

    @property
    def relative(self) -> bool:
        """Whether the margin is a share of the baseline's figure."""
        return self.test.margin is not None and self.test.unit == "%"

    @property
    def limit(self) -> float:
        """The limit that the judged difference must clear, turned so that more is better."""
        return 0.0 if self.relative else self._direction * margin_of(self.test, self.measure)

    @property
    def tau(self) -> float | None:
        """The standard deviation of the mixture at later looks: the margin on the measure's scale."""
        if self.measure.kind not in ("proportion", "mean"):
            return None
        if self.test.margin is None:
            return LOOK_SCALE * (self.measure.scale if self.measure.form == "share" else self._level)
        if self.relative:
            return self.test.margin / 100 * self._level
        return margin_of(self.test, self.measure)

    @property
    def tested(self) -> bool:
        """Whether a p-value has to agree with the bound: at the first look, for lines without a margin."""
        return self.test.margin is None and not self.always_valid and compare.has_p(self.measure)

    @property
    def quantity(self) -> str:
        """The quantity that the bounds enclose."""
        return f"candidate − {self.factor:g} × baseline" if self.relative else "the paired difference"

    @property
    def limit_in_words(self) -> str:
        """The limit on the printed scale, such as ``−5 points``."""
        limit = self.limit * self.measure.sign
        return "0" if not limit else f"{MINUS if limit < 0 else '+'}{gap(limit, self.measure).replace('.0 ', ' ')}"

    def result_of(self, judged: Estimate | NotEnough, alpha: float) -> Result:
        """The result of the line at the level ``alpha``, whose bounds are ``judged``."""
        result = by_truth_table(judged, self.measure.sign, self.limit)
        if result == "cannot tell" or not (self.tested or (self.enumerated and result == self._beyond)):
            return result
        p, _ = self.p_of(result)
        return result if p is not None and p <= alpha else "cannot tell"

    @property
    def _beyond(self) -> Result:
        """The result that says that the difference is further from 0 than the margin."""
        return "fail" if self.test.question == "not worse" else "pass"

    def p_of(self, result: Result) -> tuple[float | None, str]:
        """The one-sided p of the hypothesis that the bound tests, and its method; ``None`` if no test has this bound.

        ``result`` is what the bounds say. Against a margin it is the p of the score test whose bound is Tango's, so
        that both always agree. Beyond the margin it is enumerated. A failed line tests the opposite hypothesis.
        """
        if self.tested:
            return compare.one_sided_p_of(self.measure, self.pairs)
        if self.always_valid or self.relative or not self.pairs.n or not compare.is_binary(self.measure, self.pairs):
            return None, ""
        won, lost = compare.discordant_cases(self.measure, self.pairs)
        if abs(self.limit) >= 1:
            return None, ""
        size = gap(self.limit, self.measure).replace(".0 ", " ")
        worse = self.test.question == "not worse"
        if result == "fail":
            against = f"at most {size} worse" if worse else f"{size} better or more"
        else:
            against = f"{size} worse or more" if worse else f"at most {size} better"
        if self.enumerated and result == self._beyond:
            return enumerated_p(won, lost, self.pairs.n, self.limit), f'enumerated score test of "{against}"'
        score = tango_score(won, lost, self.pairs.n, self.limit)
        return float(scipy.special.ndtr(score if result == "fail" else -score)), f'score test of "{against}"'

    def at_look(self, alpha: float) -> Estimate | NotEnough:
        """The difference that decides; each of its bounds is wrong with probability ``alpha``."""
        return self._later(alpha) if self.always_valid else self._first(alpha)

    def cases_to_settle(self, judged: Estimate, alpha: float) -> CasesToSettle | NotEnough:
        """About how many cases would settle it at the next look, by the rule of that look; or why no number would.

        ``alpha``: the level at which the bound has to exclude the limit.
        """
        tau, values = self.tau, self._differences
        if tau is None:
            return NotEnough(AGAIN, f"a candidate that was not compared before, because {AGAIN}", judged.n)
        distance = abs(judged.value * self.measure.sign - self.limit)
        if not distance:
            exactly = "the estimate lies exactly at the limit"
            return NotEnough(exactly, f"{exactly}, so more cases would not settle it", judged.n)
        clusters = self.pairs.candidate.clusters
        least, (count, unlike) = cases_for_look(values, clusters), count_unlike(values, clusters)
        if least is None or tau <= 0:
            alike = "no case differs from the others"
            return NotEnough(alike, f"{alike}, and a further look needs {MIN_UNLIKE} that do", judged.n)
        bound = cases_for_bound(distance, variance=self._variance_of_case(judged.n), tau=tau, alpha=alpha)
        return CasesToSettle(max(bound, least), count, unlike, limited_by_look=least > bound)

    def _variance_of_case(self, n: int) -> float:
        """The variance of one case's difference; with clusters, that of the mean times the number of cases."""
        clusters = self.pairs.candidate.clusters
        effect = None if clusters is None else clustered_effect(self._differences, clusters)
        return effect.variance * n if isinstance(effect, Effect) else float(np.var(self._differences))

    @property
    def _direction(self) -> int:
        return 1 if self.test.question == "better" else -1

    @property
    def factor(self) -> float:
        if not self.relative or self.test.margin is None:
            return 1.0
        return 1 + self._direction * self.measure.sign * self.test.margin / 100

    @property
    def _level(self) -> float:
        return float(np.abs(self.pairs.baseline.values).mean()) if self.pairs.n else 0.0

    @property
    def _differences(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return self.pairs.candidate.values - self.factor * self.pairs.baseline.values

    def _first(self, alpha: float) -> Estimate | NotEnough:
        level = 1 - 2 * alpha
        if self.relative:
            return compare.relative_difference(self.measure, self.pairs, self.factor, level=level, seed=self.seed)
        return compare.difference_of(self.measure, self.pairs, level=level, seed=self.seed)

    def _later(self, alpha: float) -> Estimate | NotEnough:
        tau = self.tau
        if tau is None:
            return NotEnough(AGAIN, "a candidate that was not compared before", self.pairs.n)
        if not self.pairs.n:
            return self._first(alpha)
        if tau <= 0:
            return NotEnough("the baseline's figure is 0, so a relative margin of it is 0 too", "a margin in points")
        clusters = self.pairs.candidate.clusters
        if self.unequal and clusters is not None:
            most = compare.largest_value(self.measure, self.pairs)
            within = (-self.factor * most, most)
            return always_valid_mean(self._differences, clusters, within=within, tau=tau, alpha=alpha)
        effect = clustered_effect(self._differences, clusters)
        low, high = at_least(effect, tau=tau, alpha=alpha), at_most(effect, tau=tau, alpha=alpha)
        if isinstance(low, NotEnough) or isinstance(high, NotEnough):
            return (
                self._too_few()
                if isinstance(effect, Effect) and self.look_explained
                else (low if isinstance(low, NotEnough) else high)
            )
        # A share can't change by more than its scale, so no decision depends on what is beyond it.
        span = self.measure.scale if self.measure.form == "share" and self.look_explained else inf
        return replace(
            low,
            low=max(low.low, -self.factor * span),
            high=min(high.high, span),
            method=low.method.replace(", one-sided", ""),
        )

    def _too_few(self) -> NotEnough:
        """Which cases a further look still needs, in terms of the two models."""
        values, clusters = self._differences, self.pairs.candidate.clusters
        count, unlike = count_unlike(values, clusters)
        unit = "case" if clusters is None else "cluster"
        seen, further = (
            (f"the models differ on only {unlike} of {count} {unit}s", "on which the models differ")
            if np.count_nonzero(cluster_sums(values, clusters)) == unlike
            else (f"all but {unlike} of {count} {unit}s show the same difference", "with another difference")
        )
        more = [
            *[counted(MIN_UNITS - count, f"more {unit}")] * (count < MIN_UNITS),
            *[f"{counted(MIN_UNLIKE - unlike, f'more {unit}')} {further}"] * (unlike < MIN_UNLIKE),
        ]
        return NotEnough(
            f"{seen}; this candidate was compared on this suite before, and a further look "
            f"{LOOK_NEEDS.replace('case', unit)}",
            " and ".join(more),
            len(values),
        )


def by_truth_table(judged: Estimate | NotEnough, sign: int, limit: float) -> Result:
    """Compare the interval, turned so that more is better, with the limit."""
    if isinstance(judged, NotEnough):
        return "cannot tell"
    low, high = compare.oriented(judged, sign)
    return "pass" if low > limit else "fail" if high < limit else "cannot tell"
