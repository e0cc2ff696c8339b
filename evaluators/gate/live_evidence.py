"""Defines the live evidence of a trial (decisions of experiments, and plain rates), and writes it as JSON values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import msgspec

from fairtrial.domain.decision.slices import SliceFinding
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.decision.values import Decision, EarlierProof, Tried
from fairtrial.domain.promises import MOST_CAPPED_SHARE
from fairtrial.domain.verdicts.verdict import Finding
from fairtrial.experiments.analysis.latched import Latched
from fairtrial.experiments.analysis.memory import Memory, SplitLatch
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.effects import Effect, KnownState, LiveState, effects
from fairtrial.experiments.ending import ending_of
from fairtrial.experiments.sums import ArmSums, Sums, restored, restored_over_time, stored, stored_over_time
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.sequential.request_errors import RequestErrors

LIVE = "live traffic"
EVERY_REQUEST = ("requests.error_rate", "requests.user_error_rate", "requests.rejected_rate", "requests.cancel_rate")
"""Metrics that count nearly all requests of a unit."""
FEWER, MORE, SOME = 0.9, 1.25, 20
"""Requests that a metric leaves out, and those since the last look, explain differences up to these shares."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A plain rate of live traffic: a share, or a mean, over ``n`` requests or feedbacks; ``None``: no data."""

    value: float | None
    n: int
    of: str = "requests"
    share: bool = True

    def __str__(self) -> str:
        if self.value is None:
            return "no data yet"
        value = f"{100 * self.value:.1f} %" if self.share else f"{self.value:.2f}"
        return f"{value} of {self.n:,} {self.of}" if self.share else f"{value} over {self.n:,} {self.of}"


Rates = Mapping[str, tuple[Rate, Rate]]
"""Metric, such as ``requests.error_rate`` or ``feedback.resolved`` → rates of candidate and baseline."""


def rates_information(rates: Rates | None, required: frozenset[str]) -> list[Finding]:
    """A finding for every live rate that no line requires."""
    return [
        Finding(
            f"live.{metric}",
            LIVE,
            "cannot tell",
            f"live {metric}: {candidate}, baseline {baseline} (informative only: plain rates do not decide)",
            "",
            f"live.{metric}",
            decisive=False,
        )
        for metric, (candidate, baseline) in (rates or {}).items()
        if f"live.{metric}" not in required
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveExperiment(KnownState):
    """What one experiment has shown and decided on the candidate, which is its ``variant``.

    ``plan`` is ``None`` before its start. ``sums``: those of the last look, and ``memory``: the decisions over all
    looks. ``decision``: what control stored at that look; ``None`` for looks of release 0.1.0 and 0.2.0. ``changed``:
    the variants of which another definition is declared now than the plan froze. ``looks``: how many looks there were.
    ``exact``: whether candidate and baseline are what the two variants serve; otherwise a variant adds a prompt or
    parameters, and the experiment is only named. ``late_us`` is that of `DecidedLook`.
    """

    segment: int = 1
    plan: AnalysisPlan | None = None
    sums: Sums | None = None
    memory: Memory = field(default_factory=Memory)
    decision: Decision | None = None
    changed: tuple[str, ...] = ()
    looks: int = 0
    exact: bool = True
    late_us: int = 0

    @property
    def started(self) -> bool:
        """Whether there is a frozen plan and a look."""
        return self.plan is not None and self.sums is not None

    def effects(self, earlier: Sequence[EarlierProof], now_us: int) -> tuple[Effect, ...]:
        """Its effects on a release of its variant."""
        state: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(KnownState)}
        state |= {"earlier": tuple(earlier), "redefined": self.variant in self.changed}
        state |= {"ending": ending_of(self.entered)}
        live = LiveState(**state, now_us=now_us)
        return effects(self.plan, self.decision, live)


@dataclass(frozen=True, slots=True)
class LiveEvidence:
    """All live evidence of a trial: plain rates, and the experiments that compare the candidate with the baseline.

    ``earlier``: what attempts of the candidate's definition have proven, and how they were undone. ``read``: whether
    the experiments were read at all. ``official``: whether the gate is the one for releases, so that an undecided trial
    holds. ``attempts``: how many have compared the two, in the file or not.
    """

    rates: Rates = field(default_factory=dict)
    experiments: Sequence[LiveExperiment] = ()
    earlier: Sequence[EarlierProof] = ()
    read: bool = True
    official: bool = False
    attempts: int = 0

    @property
    def counting(self) -> tuple[LiveExperiment, ...]:
        """The experiments of exactly these two definitions, whose effects count without a line."""
        return tuple(experiment for experiment in self.experiments if experiment.exact)


NO_LIVE_EVIDENCE = LiveEvidence(read=False)


def contradictions(live: LiveEvidence) -> Iterator[str]:
    """A sentence for each rate that the sums contradict.

    The evidence does not say which experiment a rate is of, so the sums of every experiment must contradict it.
    """
    experiments = [experiment for experiment in live.experiments if experiment.started]
    for metric, rates in live.rates.items():
        sentences = [_contradiction(metric, rates, experiment) for experiment in experiments]
        if sentences and all(sentences):
            yield sentences[0]


def _contradiction(metric: str, rates: tuple[Rate, Rate], live: LiveExperiment) -> str:
    """Empty if there is none."""
    assert live.plan is not None
    assert live.sums is not None
    arms = [live.sums.arms.get(name) for name in (live.variant, live.plan.control)]
    pairs = [(rate, arm) for rate, arm in zip(rates, arms, strict=True) if arm is not None]
    least = [_rated(arm, metric) for _, arm in pairs]
    if any(rate.n < FEWER * units - SOME for (rate, _), units in zip(pairs, least, strict=True)):
        return _says(metric, live, rates, " and ".join(f"{units:,} units that rated" for units in least))
    most = [_requests(arm) for _, arm in pairs]
    # All units count from the start of the segment only if no amendment began anew; a killed arm gets no further look.
    comparable = live.plan.from_us == live.plan.started_us and live.state != "killed" and len(pairs) == len(rates)
    if comparable and all(
        requests is not None and rate.n > MORE * requests + SOME
        for (rate, _), requests in zip(pairs, most, strict=True)
    ):
        return _says(metric, live, rates, " and ".join(f"{requests or 0:,.0f} requests" for requests in most))
    return ""


def _rated(arm: ArmSums, metric: str) -> int:
    sums = arm.metrics.get(metric)
    return sums.given.n if isinstance(sums, Feedback) else 0


def _requests(arm: ArmSums) -> float | None:
    """The requests of all units; ``None`` if a cap may have left out many of them.

    A unit at the cap adds ``cap² − cap`` to Σy² − Σy, and no unit subtracts from it.
    """
    counts = [
        sums.for_safety.y
        for sums in (arm.metrics.get(metric) for metric in EVERY_REQUEST)
        if isinstance(sums, RequestErrors)
        and sums.for_safety.yy - sums.for_safety.y <= MOST_CAPPED_SHARE * sums.for_safety.n * (sums.cap**2 - sums.cap)
    ]
    return max(counts, default=None)


def _says(metric: str, live: LiveExperiment, rates: tuple[Rate, Rate], sums: str) -> str:
    new, old = rates
    return (
        f"live {metric} says {new}, baseline {old}, but the sums of {live.name} in the same evidence have {sums} "
        f"of segment {live.segment}; the rate may count another segment, too"
    )


def written_live(live: LiveEvidence) -> dict[str, Any]:
    """The evidence as JSON values."""
    return {
        "rates": {metric: [asdict(rate) for rate in both] for metric, both in live.rates.items()},
        "experiments": [_written(experiment) for experiment in live.experiments],
        "earlier": msgspec.to_builtins(live.earlier),
        "read": live.read,
        "official": live.official,
        "attempts": live.attempts,
    }


def read_live(fields: Mapping[str, Any]) -> LiveEvidence:
    """The inverse of `written_live`; raises `KeyError`, `TypeError`, `ValueError` or `msgspec.ValidationError`."""
    rates = {metric: (Rate(**candidate), Rate(**baseline)) for metric, (candidate, baseline) in fields["rates"].items()}
    return LiveEvidence(
        rates,
        tuple(map(_read, fields["experiments"])),
        msgspec.convert(fields["earlier"], tuple[EarlierProof, ...]),
        fields["read"],
        fields["official"],
        fields["attempts"],
    )


def _written(live: LiveExperiment) -> dict[str, Any]:
    return {
        "name": live.name,
        "variant": live.variant,
        "state": live.state,
        "segment": live.segment,
        "changed": list(live.changed),
        "looks": live.looks,
        "exact": live.exact,
        "plan": None if live.plan is None else live.plan.stored(),
        "sums": None if live.sums is None else _written_sums(live.sums),
        "memory": {
            "latched": [[*key, latched.stored()] for key, latched in live.memory.latched.items()],
            "split": live.memory.split.stored(),
            "looked_us": live.memory.looked_us,
        },
        "decision": msgspec.to_builtins(live.decision),
        "entered": msgspec.to_builtins(live.entered),
        "error": live.error,
        "tried": msgspec.to_builtins(live.tried),
        **({"late_us": live.late_us} if live.late_us else {}),
        **({"held": live.held} if live.held else {}),
        **({"worse_in": msgspec.to_builtins(live.worse_in)} if live.worse_in else {}),
    }


def _read(fields: Mapping[str, Any]) -> LiveExperiment:
    plan = None if fields["plan"] is None else AnalysisPlan.restored(fields["plan"])
    memory = fields["memory"]
    return LiveExperiment(
        name=fields["name"],
        variant=fields["variant"],
        state=fields["state"],
        segment=fields["segment"],
        changed=tuple(fields["changed"]),
        looks=fields["looks"],
        exact=fields["exact"],
        plan=plan,
        sums=None if fields["sums"] is None or plan is None else _read_sums(plan, fields["sums"]),
        memory=Memory(
            {(metric, variant): Latched.restored(value) for metric, variant, value in memory["latched"]},
            SplitLatch.restored(memory["split"]),
            looked_us=memory["looked_us"],
        ),
        decision=msgspec.convert(fields.get("decision"), Decision | None),
        entered=msgspec.convert(fields.get("entered"), Transition | None),
        error=fields.get("error", ""),
        tried=msgspec.convert(fields.get("tried"), Tried | None),
        late_us=fields.get("late_us", 0),
        held=fields.get("held", ""),
        worse_in=msgspec.convert(fields.get("worse_in", ()), tuple[SliceFinding, ...]),
    )


def _written_sums(sums: Sums) -> dict[str, Any]:
    arms = {
        name: {
            "units": arm.units,
            "requests": arm.requests,
            "metrics": {metric: stored(metric_sums) for metric, metric_sums in arm.metrics.items()},
            "unknown": dict(arm.unknown),
            **({"kept_away": arm.kept_away} if arm.kept_away else {}),
            **stored_over_time(arm),
        }
        for name, arm in sums.arms.items()
    }
    return {"at_us": sums.at_us, "arms": arms}


def _read_sums(plan: AnalysisPlan, fields: Mapping[str, Any]) -> Sums:
    methods = {metric_plan.metric: metric_plan.method for metric_plan in plan.metrics}
    arms = {
        name: ArmSums(
            arm["units"],
            arm["requests"],
            {metric: restored(methods[metric], value) for metric, value in arm["metrics"].items()},
            arm["unknown"],
            arm.get("kept_away", 0),
            over_time=restored_over_time(arm),
        )
        for name, arm in fields["arms"].items()
    }
    return Sums(fields["at_us"], arms)
