"""Latches the decision about one metric of one treatment over all looks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fairtrial.domain.estimates import Estimate
from fairtrial.experiments.methods.finding import Answer, Finding, Times
from fairtrial.stats.always_valid import RunningDecision


@dataclass(frozen=True, slots=True)
class Latched:
    """The decision about one metric of one treatment, over all looks so far.

    ``answer`` is the first one that was given, and ``answered_us`` its time. A guardrail that was safe can still do
    harm. ``running`` is the intersection of the intervals, and ``log_e`` the largest evidence of harm. ``now`` is how
    much of what stops the last look has: ln of its evidence minus ln of the evidence that stops. ``times``: the
    shares of the planned units at planned looks, and ``planned`` the interval of the last one. ``declined_us``: when a
    decline that pauses was first proven. ``log_harm``: the largest evidence of harm, where ``log_e`` is of a decline.
    ``spent``: whether the planned look was made that spends all error that is left.
    ``worst_case``: that of missing feedback at the last planned look. ``declined``: the levels of the control and the
    treatment when a decline was first proven.
    """

    answer: Answer = "cannot tell"
    answered_us: int | None = None
    running: RunningDecision = field(default_factory=RunningDecision)
    log_e: float | None = None
    now: float | None = None
    times: tuple[float, ...] = ()
    planned: Estimate | None = None
    declined_us: int | None = None
    log_harm: float | None = None
    worst_case: Estimate | None = None
    declined: tuple[float, float] | None = None
    spent: bool = False

    def after(self, finding: Finding, at_us: int) -> "Latched":
        """The decision after one more look."""
        log_e = self.log_e if finding.log_e is None else max(finding.log_e, self.log_e or 0.0)
        known = finding.log_e is not None and finding.log_kill is not None
        now = (finding.log_e or 0.0) - (finding.log_kill or 0.0) if known else self.now
        planned = finding.information is not None
        running = self.running if planned else self.running.after(finding.estimate)
        times = (*self.times, finding.information) if finding.information is not None else self.times
        last = finding.estimate if planned and isinstance(finding.estimate, Estimate) else self.planned
        answer, answered_us = self.answer, self.answered_us
        if answer == "cannot tell" or (finding.answer == "harm" and answer != "harm"):
            answer = finding.answer
            answered_us = None if answer == "cannot tell" else at_us
        declined_us, declined = self.declined_us, self.declined
        if finding.declined and declined_us is None:
            declined_us = at_us
            if finding.control is not None and finding.treatment is not None:
                declined = finding.control, finding.treatment
        log_harm = self.log_harm if finding.log_harm is None else max(finding.log_harm, self.log_harm or 0.0)
        worst = finding.worst_case if planned and isinstance(finding.worst_case, Estimate) else self.worst_case
        return Latched(
            answer,
            answered_us,
            running,
            log_e,
            now,
            times,
            last,
            declined_us,
            log_harm,
            worst,
            declined,
            self.spent or finding.last,
        )

    @property
    def looked(self) -> Times:
        """The planned looks so far."""
        return Times(self.times, last=self.spent)

    @property
    def broken(self) -> bool:
        """Whether the intervals exclude each other, so that nothing but a kill can be concluded."""
        return self.running.broken

    def stored(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {
            "answer": self.answer,
            "answered_us": self.answered_us,
            "log_e": self.log_e,
            "now": self.now,
            "times": list(self.times),
            **({} if self.planned is None else {"planned": asdict(self.planned)}),
            **({} if self.declined_us is None else {"declined_us": self.declined_us}),
            **({} if self.log_harm is None else {"log_harm": self.log_harm}),
            **({} if self.worst_case is None else {"worst_case": asdict(self.worst_case)}),
            **({} if self.declined is None else {"declined": list(self.declined)}),
            **({"spent": True} if self.spent else {}),
            "running": self.running.stored(),
        }

    @classmethod
    def restored(cls, fields: Mapping[str, Any]) -> "Latched":
        """The inverse of `stored`."""
        running = RunningDecision.restored(fields["running"])
        times = tuple(fields["times"])
        last, worst = (Estimate(**fields[name]) if name in fields else None for name in ("planned", "worst_case"))
        return cls(
            fields["answer"], fields["answered_us"], running, fields["log_e"], fields["now"], times, last,
            fields.get("declined_us"), fields.get("log_harm"), worst,
            tuple(fields["declined"]) if "declined" in fields else None, fields.get("spent", False),
        )  # fmt: skip
