"""One gate line on two runs: its hypothesis, the bounds and the p-value that decide it, and how many cases would."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from evaluators.comparison.answer import discordant_cases, has_p, is_binary, one_sided_p_of
from evaluators.comparison.compare import difference_of, oriented, relative_difference
from evaluators.comparison.pairing import Pairs
from evaluators.comparison.wording import MINUS, gap
from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import Measure
from evaluators.criteria.validation import margin_of
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.verdict import Result
from fairtrial.stats.always_valid import at_least, at_most, cases_for_bound
from fairtrial.stats.paired.clustered import MIN_UNLIKE, cases_for_look, clustered_effect, count_unlike
from fairtrial.stats.paired.tango import tango_score

USUAL_TAU = 0.05
"""τ for a line without a margin: five points of a share, or 5 % of the baseline's mean."""
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
        of_share = self.measure.form == "share"
        if self.test.margin is None:
            return USUAL_TAU * (self.measure.scale if of_share else self._level)
        if self.relative:
            return self.test.margin / 100 * self._level
        return margin_of(self.test, self.measure)

    @property
    def tested(self) -> bool:
        """Whether a p-value has to agree with the bound: at the first look, for lines without a margin."""
        return self.test.margin is None and not self.later and has_p(self.measure)

    @property
    def quantity(self) -> str:
        """What the bounds are about."""
        return f"candidate − {self.factor:g} × baseline" if self.relative else "the paired difference"

    @property
    def limit_in_words(self) -> str:
        """The limit on the printed scale, such as ``−5 points``."""
        limit = self.limit * self.measure.sign
        return "0" if not limit else f"{MINUS if limit < 0 else '+'}{gap(limit, self.measure).replace('.0 ', ' ')}"

    def result_of(self, judged: Estimate | NotEnough, alpha: float) -> Result:
        """What the line says at the level ``alpha``, whose bounds are ``judged``."""
        found = by_truth_table(judged, self.measure.sign, self.limit)
        if not self.tested or found == "cannot tell":
            return found
        p, _ = one_sided_p_of(self.measure, self.pairs)
        return found if p is not None and p <= alpha else "cannot tell"

    def p_of(self, result: Result) -> tuple[float | None, str]:
        """The one-sided p of the hypothesis that the bound tests, and its method; ``None`` if no test has this bound.

        Against a margin it is the p of the score test whose bound is Tango's, so that both always agree. A failed line
        tests the opposite hypothesis.
        """
        if self.tested:
            return one_sided_p_of(self.measure, self.pairs)
        if self.later or self.relative or not self.pairs.n or not is_binary(self.measure, self.pairs):
            return None, ""
        won, lost = discordant_cases(self.measure, self.pairs)
        score = tango_score(won, lost, self.pairs.n, self.limit)
        if abs(self.limit) >= 1:
            return None, ""
        size = gap(self.limit, self.measure).replace(".0 ", " ")
        worse = self.test.question == "not worse"
        if result == "fail":
            return float(
                scipy.special.ndtr(score)
            ), f'score test of "{f"at most {size} worse" if worse else f"{size} better or more"}"'
        return float(
            scipy.special.ndtr(-score)
        ), f'score test of "{f"{size} worse or more" if worse else f"at most {size} better"}"'

    def at_look(self, alpha: float) -> Estimate | NotEnough:
        """The difference that decides; each of its bounds is wrong with probability ``alpha``."""
        return self._later(alpha) if self.later else self._first(alpha)

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
        bound = cases_for_bound(distance, variance=float(np.var(values)), tau=tau, alpha=alpha)
        return CasesToSettle(max(bound, least), count, unlike, limited_by_look=least > bound)

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
            return relative_difference(self.measure, self.pairs, self.factor, level=level, seed=self.seed)
        return difference_of(self.measure, self.pairs, level=level, seed=self.seed)

    def _later(self, alpha: float) -> Estimate | NotEnough:
        tau = self.tau
        if tau is None:
            return NotEnough(AGAIN, "a candidate that was not compared before", self.pairs.n)
        if not self.pairs.n:
            return self._first(alpha)
        if tau <= 0:
            return NotEnough("the baseline's figure is 0, so a relative margin of it is 0 too", "a margin in points")
        effect = clustered_effect(self._differences, self.pairs.candidate.clusters)
        low, high = at_least(effect, tau=tau, alpha=alpha), at_most(effect, tau=tau, alpha=alpha)
        if isinstance(low, NotEnough) or isinstance(high, NotEnough):
            return low if isinstance(low, NotEnough) else high
        return replace(low, high=high.high, method=low.method.replace(", one-sided", ""))


def by_truth_table(judged: Estimate | NotEnough, sign: int, limit: float) -> Result:
    """Compare the interval, turned so that more is better, with the limit."""
    if isinstance(judged, NotEnough):
        return "cannot tell"
    low, high = oriented(judged, sign)
    return "pass" if low > limit else "fail" if high < limit else "cannot tell"
