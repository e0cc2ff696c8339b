"""Defines the frozen analysis plan of an experiment: what decides it, by which method, and with which numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import msgspec

from fairtrial.domain.limits.constants import WEEK_US
from fairtrial.domain.promises import ALPHA, REQUESTS_CAP, SEEN_WEEKS
from fairtrial.domain.settings import SPLIT, Enrolment, KeptControl, Looks, OnWorse, UnitKind
from fairtrial.experiments.metric_plan import MetricPlan

Interruption = tuple[int, int | None]
"""From when to when an experiment did not run, in microseconds since 1970, UTC; ``None`` means until now."""
RULES = 7
"""The number of the rules by which a plan that starts now is decided.

6: those of release 0.3.0. 7: a rate of requests is safe only if its plain difference by request, without a cap, is
within the margin too; pause and kill also go by each unit's first request; a pause cuts no window, and an accepted
decline that grows pauses again; a kept control rolls back what is beyond the margin, and its evidence restarts each
week; planned looks are the default, are made once a week, and the one at the end spends all error that is left.
"""
OLDEST_RULES = 6
"""Plans of earlier rules, which are those of releases 0.1.0 and 0.2.0, can be read, and are ended by the upgrade."""
RESTARTS_RULES = 7
"""Since these rules, the units and the error probability of a kept control begin anew each week."""
UNCAPPED = 1e9
"""More requests than one unit sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisPlan:
    """What was fixed before the first unit that counts. Times are microseconds since 1970, UTC.

    ``segment`` has its own salt. ``revision`` is 1, plus the number of amendments in the segment. ``attempt`` counts
    the plans in which these candidates were compared with this control; it divides ``alpha`` of the primary metric.
    ``from_us``: only units that were first exposed from then on decide. ``started_us``: when the segment started.
    ``models``: the digest of each variant's deployment. ``declared``: the frozen fields as the file had them, by name.
    ``planned_units``: the units of the control and a treatment at which planned looks have spent all of alpha; ``None``
    if looks are allowed at any time. ``rules``: the number of the rules that decide. ``definitions``: the digest of
    what each variant serves, which is its deployment, prompt and parameters. ``routes``: those that led to the
    experiment. ``kept_control``: what stays of the control in a segment that a promotion began; then no metric is
    primary. ``sources``: the shares of alpha that the sources of the primary answer spend, by name; empty if the split
    alone answers. ``week``: that of a kept control whose evidence this is, from 1; it is 0 in stored plans, and without
    restarts.
    """

    experiment: str
    segment: int
    revision: int
    attempt: int
    from_us: int
    started_us: int
    unit: UnitKind
    control: str
    shares: Mapping[str, float]
    metrics: tuple[MetricPlan, ...]
    enrolment: Enrolment
    min_days: float
    max_weeks: int
    models: Mapping[str, str]
    shared_engine: bool
    analysis_hash: str
    declared: Mapping[str, Any]
    alpha: float = ALPHA
    planned_units: float | None = None
    rules: int = 1
    definitions: Mapping[str, str] = field(default_factory=dict)
    routes: tuple[str, ...] = ()
    on_worse: OnWorse = "continue"
    kept_control: KeptControl | None = None
    sources: Mapping[str, float] = field(default_factory=dict)
    week: int = 0

    def metric(self, name: str) -> MetricPlan:
        """The metric of that name; `KeyError` if the plan has none."""
        return {plan.metric: plan for plan in self.metrics}[name]

    @property
    def treatments(self) -> tuple[str, ...]:
        """The variants that are compared with the control."""
        return tuple(name for name in self.shares if name != self.control)

    @property
    def primary(self) -> MetricPlan | None:
        """The primary metric, if there is one."""
        return next((metric for metric in self.metrics if metric.role == "primary"), None)

    @property
    def guardrails(self) -> tuple[MetricPlan, ...]:
        """The guardrails, in the order of the file."""
        return tuple(metric for metric in self.metrics if metric.role == "guardrail")

    @property
    def is_computed(self) -> bool:
        """Whether this version computes what the plan decides."""
        return self.rules >= OLDEST_RULES

    @property
    def weighs_every_request(self) -> bool:
        """Whether a rate of requests is safe only if the plain difference by request is within the margin too."""
        return self.rules > 6

    @property
    def may_miss_fading(self) -> bool:
        """Whether better may pass before it can be seen whether the effect fades."""
        return self.min_days < 7 * SEEN_WEEKS

    @property
    def rolls_back_declines(self) -> bool:
        """Whether a decline that would pause an experiment rolls the promotion back."""
        return self.kept_control is not None and self.rules < RESTARTS_RULES

    def in_week(self, at_us: int) -> "AnalysisPlan":
        """The plan of this week, whose units and error probability begin anew if a control is kept."""
        restarts = self.kept_control is not None and self.rules >= RESTARTS_RULES
        return replace(self, week=1 + max(0, at_us - self.from_us) // WEEK_US) if restarts else self

    @property
    def counts_from_us(self) -> int:
        """From when on a unit's first request counts, in microseconds since 1970, UTC."""
        return self.from_us + max(0, self.week - 1) * WEEK_US

    @property
    def counts_first_requests(self) -> bool:
        """Whether pause and kill also go by each unit's first request, unless each request is a unit."""
        return self.rules > 6 and self.unit != "request"

    @property
    def goes_on_after_pause(self) -> bool:
        """Whether a resumed pause cuts no window, and an accepted decline that grows pauses again."""
        return self.rules > 6

    @property
    def way_to_look(self) -> Looks:
        """When the primary metric is looked at."""
        return "monitor" if self.planned_units is None else "planned"

    @property
    def looks_weekly(self) -> bool:
        """Whether planned looks are made at whole weeks and at the end, rather than at tenths of the planned units."""
        return self.rules > 6 and self.planned_units is not None

    def whole_weeks(self, at_us: int) -> int:
        """How many whole weeks since the plan began are over."""
        return max(0, at_us - self.from_us) // WEEK_US

    @property
    def ends_us(self) -> int:
        """When its time is over, in microseconds since 1970, UTC."""
        kept_control = self.kept_control
        return self.started_us + self.max_weeks * WEEK_US if kept_control is None else kept_control.until_us

    @property
    def alpha_primary(self) -> float:
        """The two-sided error probability of the primary metric for each treatment: the split's share, with sources."""
        return self.alpha_attempt * self.sources.get(SPLIT, 1.0) / len(self.treatments)

    @property
    def alpha_attempt(self) -> float:
        """What this attempt may spend: alpha, halved with each earlier attempt and each week of a kept control."""
        return float(self.alpha / 2 ** (self.attempt - 1 + self.week))

    @property
    def alpha_kill(self) -> float:
        """The error probability of a kill by one guardrail of one treatment."""
        return float(self.alpha / 2**self.week) / max(1, len(self.guardrails) * len(self.treatments))

    def cap_of_requests(self, metric: MetricPlan) -> float:
        """The most requests of one unit in the sums of a rate over all time, which only readers see since rules 7."""
        return UNCAPPED if self.weighs_every_request else float(metric.cap or REQUESTS_CAP)

    def share_of(self, treatment: str) -> float:
        """The treatment's planned share of the units of itself and the control."""
        return self.shares[treatment] / (self.shares[treatment] + self.shares[self.control])

    def stored(self) -> dict[str, Any]:
        """The plan as JSON values, without the fields that plans of its rules lack, as they were stored."""
        fields: dict[str, Any] = {}
        for name, value in msgspec.to_builtins(self).items():
            fields |= value if name == "enrolment" else {name: value}
        del fields["start"], fields["week"]  # which a plan that has started says, and the time of a look
        for name in ("kept_control", "sources"):
            if not fields[name]:
                fields.pop(name)
        if not self.is_computed:
            for name in ("rules", "definitions", "routes", "on_worse"):
                fields.pop(name)
            for metric in fields["metrics"]:
                del metric["pause"], metric["pause_relative"]
        return fields

    @classmethod
    def restored(cls, fields: Mapping[str, Any]) -> "AnalysisPlan":
        """The inverse of `stored`, also of its JSON, which has null for infinity; raises `msgspec.ValidationError`."""
        within = [[inf if end is None else end for end in metric["within"]] for metric in fields["metrics"]]
        metrics = [{**metric, "within": ends} for metric, ends in zip(fields["metrics"], within, strict=True)]
        return msgspec.convert({**fields, "metrics": metrics, "enrolment": {**fields}}, AnalysisPlan)
