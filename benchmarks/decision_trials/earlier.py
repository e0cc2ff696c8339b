"""What earlier requests of the same users explain (CUPED): users saved by kind of metric, and how often costs err."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.decision_trials.earlier_traffic import DURING, HISTORIES, Floats, History, Requests, Users
from benchmarks.decision_trials.trial import Row, Trial, frozen, mean_row, share
from fairtrial.experiments.analysis.findings import METHODS
from fairtrial.experiments.analysis.freeze import Known
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import Times
from fairtrial.experiments.methods.method import question_of
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.planning.question import Design
from fairtrial.stats.planning.trial import option
from fairtrial_cli.demo.setting import ALL

UNIT, REQUEST = "cost.per_unit", "cost.per_request"
FEEDBACK_DAYS = 7.0
DESIGN = Design(per_week=2_000.0, weeks=8)
DAYS = int(DURING)
Pair = tuple[Floats, Floats]


def _gain(rng: Generator, trials: int) -> list[Row]:
    del trials
    rows = []
    for history in HISTORIES:
        users = Users.drawn(rng, history)
        returns = float((users.count(users.requests.at < 0) > 0).mean())
        rows.append(Row(f"{history.name}: users with requests in the 14 days before", returns, 0.0))
        for name, (x, y) in {**_costs(users), **_others(users)}.items():
            cap = float(np.nanquantile(y[y > 0], 0.99)) if name in (UNIT, REQUEST) else np.inf
            x, y = np.minimum(x, cap), np.minimum(y, cap)
            explained = _explained(x, y)
            rows.append(Row(f"{history.name}: {name}, share of the variance explained", explained, 0.0))
            if cap < np.inf:
                rows += _saved(f"{history.name}: {name}", name, (x, cap), explained)
    return [*rows, _demo(rng)]


def _demo(rng: Generator) -> Row:
    """The demo's customers, who send one ticket each once the experiment runs."""
    who, ones = np.arange(ALL.customers), np.ones(ALL.customers)
    sent = Requests(who, rng.random(len(who)), ones, ones, ones, ones)
    users = Users(sent, sent.at)
    returns = float((users.count(sent.at < 0) > 0).mean())
    return Row(f"the demo: of its {len(who)} customers, those with requests in the 14 days before", returns, 0.0)


def _costs(users: Users) -> dict[str, Pair]:
    """The costs of each user during the experiment, and before; NaN where there is none."""
    one = users.requests
    windows = one.at >= 0, one.at < 0
    whole, sent = ([of(window) for window in windows] for of in (lambda at: users.total(one.cost, at), users.count))
    return {UNIT: (whole[0], whole[1]), REQUEST: (_ratio(whole[0], sent[0]), _ratio(whole[1], sent[1]))}


def _others(users: Users) -> dict[str, Pair]:
    """The same of what isn't adjusted. A quantile is linear in each user's slow requests beyond the usual share."""
    one = users.requests
    before, during, since = one.at < 0, one.at >= 0, one.at - users.first[one.who]
    day, week, given = during & (since <= 1.0), during & (since <= FEEDBACK_DAYS), ~np.isnan(one.thumbs)
    slow, ups = one.slow - float(one.slow[during].mean()), np.nan_to_num(one.thumbs)
    answers, earlier = (_ratio(users.total(ups, at), users.count(at & given)) for at in (week, before))
    errors = (_ratio(users.total(one.failed, at), users.count(at)) for at in (day, before))
    return {
        "requests.latency_p95": (users.total(slow, during), users.total(slow, before)),
        "feedback of those who answer": (answers, earlier),
        "feedback with missing as no": (np.nan_to_num(answers), np.nan_to_num(earlier)),
        "whether feedback is given": ((~np.isnan(answers)).astype(float), (~np.isnan(earlier)).astype(float)),
        "requests.error_rate": (next(errors), next(errors)),
    }


def _ratio(over: Floats, under: Floats) -> Floats:
    return np.where(under > 0, over / np.maximum(under, 1.0), np.nan)


def _explained(x: Floats, y: Floats) -> float:
    """The share of the variance that the earlier value explains, with the mean where there is none."""
    known = ~np.isnan(x)
    y = np.where(np.isnan(y), np.nanmean(y), y)
    return float(np.corrcoef(x[known], y[known])[0, 1] ** 2)


def _saved(what: str, name: str, amounts: tuple[Floats, float], explained: float) -> Iterator[Row]:
    """The users that the planner saves, where the share above the cap must be shown too."""
    x, cap = amounts
    for asked in ("superior", "not_worse", "guardrail"):
        for size in ("10%", "20%"):
            plan = _plan(name, float(x.mean()), cap, asked, size)
            question = question_of(_metric(plan), plan.unit, level=float(x.mean()), spread=float(x.std()))
            plain, fewer = (option(replace(question, left=left), DESIGN, 0.8).units for left in (1.0, 1 - explained))
            if plain and fewer:
                yield Row(f"{what}, {asked} {size}: users saved of {plain:,.0f}", 1 - fewer / plain, 0.0)


def _plan(name: str, level: float, cap: float, asked: str, size: str) -> AnalysisPlan:
    known = {name: Known(level=level, cap=cap, earlier=0.0 if name == UNIT else level)}
    if asked == "guardrail":
        return frozen(known, primary=None, guardrails=[{"metric": name, "margin": size}])
    return frozen(known, primary={"metric": name, "require": asked, "mde": size}, guardrails=())


def _metric(plan: AnalysisPlan) -> MetricPlan:
    return plan.primary or plan.guardrails[0]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The users of one trial: who is treated, and what each has cost and sent by the end of each day."""

    users: Users
    treated: NDArray[np.bool_]
    spent: Floats
    sent: Floats
    earlier: Mapping[str, Floats]

    @classmethod
    def of(cls, rng: Generator, history: History) -> Self:
        """Each user is assigned by chance."""
        users = Users.drawn(rng, history)
        count, requests = len(users.first), users.requests
        during = requests.at >= 0
        place = requests.at[during].astype(np.int64) * count + requests.who[during]
        spent, sent = (
            np.bincount(place, weights, DAYS * count).reshape(DAYS, count).cumsum(axis=0)
            for weights in (requests.cost[during], None)
        )
        earlier = {name: before for name, (_, before) in _costs(users).items()}
        return cls(users, rng.random(count) < 0.5, spent, sent, earlier)


@dataclass(frozen=True, slots=True)
class Case:
    """Equal arms, or a treatment that costs so many ``times`` as much; ``asked`` and ``size`` as in a file."""

    name: str
    asked: str
    size: str
    times: float

    def days(self, drawn: Drawn) -> Iterator[tuple[AnalysisPlan, tuple[Amounts, Amounts]]]:
        """The plan, and the sums of both arms at the end of each day."""
        treated, earlier = drawn.treated, drawn.earlier[self.name]
        known = ~np.isnan(earlier) & (earlier > 0)
        cap = float(np.quantile(earlier[known], 0.99))
        level = float(np.minimum(earlier[known], cap).mean())
        earlier = np.where(known, earlier, 0.0 if self.name == UNIT else level)
        plan = _plan(self.name, level, cap, self.asked, self.size)
        for day, (spent, sent) in enumerate(zip(drawn.spent, drawn.sent, strict=True), 1):
            cost = spent * np.where(treated, self.times, 1.0) / (1.0 if self.name == UNIT else np.maximum(1.0, sent))
            there = drawn.users.first < day
            arms = [
                Amounts.of(cost[arm & there], limit=cap, earlier=earlier[arm & there]) for arm in (~treated, treated)
            ]
            yield plan, (arms[0], arms[1])

    def first_answers(self, drawn: Drawn) -> list[tuple[str, int]]:
        """The first answer with earlier amounts and without them, each with its day."""
        found = [("cannot tell", DAYS), ("cannot tell", DAYS)]
        for day, (plan, pair) in enumerate(self.days(drawn), 1):
            plain = tuple(replace(arm, with_earlier=None) for arm in pair)
            for number, arms in enumerate((pair, plain)):
                if found[number][0] == "cannot tell":
                    found[number] = _answer(plan, arms), day
            if all(answer != "cannot tell" for answer, _ in found):
                break
        return found


def _answer(plan: AnalysisPlan, pair: tuple[Amounts, ...]) -> str:
    metric, variant = _metric(plan), plan.treatments[0]
    method: Any = METHODS[metric.method]
    if metric.role == "guardrail":
        answer: str = method.guardrail(plan, metric, variant, pair).answer
        return answer
    return str(method.primary(plan, metric, variant, pair, Times()).answer)


def _small(history: History) -> History:
    """The same history with about 2,500 users in the experiment."""
    return replace(history, people=round(history.people / 25) if history.stays < 365 else round(history.people / 9))


CASES = (
    (Case(UNIT, "superior", "20%", 1.0), {"better": 0.05, "worse": 0.05}),
    (Case(REQUEST, "superior", "20%", 1.0), {"better": 0.05, "worse": 0.05}),
    (Case(UNIT, "guardrail", "20%", 1.0), {"harm": 0.05}),
    (Case(UNIT, "guardrail", "20%", 1.3), {"safe": 0.05}),
    (Case(UNIT, "superior", "20%", 0.75), {"worse": 0.05}),
    (Case(REQUEST, "superior", "20%", 0.8), {"worse": 0.05}),
)
GOOD = {"superior": "better", "guardrail": "safe"}


def _errors(rng: Generator, trials: int) -> list[Row]:
    """All cases of a history see the same users."""
    rows = []
    for history in HISTORIES[:2]:
        drawn = (Drawn.of(rng, _small(history)) for _ in range(trials))
        found = [[case.first_answers(users) for case, _ in CASES] for users in drawn]
        for (case, most), firsts in zip(CASES, zip(*found, strict=True), strict=True):
            what = f"{history.name}: {case.name}, {case.asked} {case.size}, {case.times:g} times the cost"
            for number, rule in enumerate(("with earlier amounts", "without")):
                answers = [first[number] for first in firsts]
                for answer in dict.fromkeys((*most, GOOD[case.asked])):
                    hits = [given == answer for given, _ in answers]
                    rows.append(share(f"{what}: {answer} ({rule})", hits, most=most.get(answer)))
                row = mean_row(f"{what}: days to an answer, {DAYS} without one ({rule})", [day for _, day in answers])
                rows.append(replace(row, unit="days"))
    return rows


TRIALS: Sequence[Trial] = (
    Trial("earlier-gain", "What amounts of 14 earlier days explain of each metric, and the users saved", _gain, 1, 1),
    Trial("earlier-costs", "Costs with and without earlier amounts, daily looks for 28 days", _errors, 150, 8),
)
