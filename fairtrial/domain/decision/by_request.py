"""The plain difference by request, without a cap, which a rate of requests also needs within its margin to be safe."""

from datetime import UTC, datetime

import msgspec

Counts = tuple[float, float]
"""Bad requests and all requests."""


class UnitBehind(msgspec.Struct, frozen=True):
    """A unit of a treatment by its pseudonym, with its bad requests and all requests in its first 24 hours."""

    metric: str
    variant: str
    unit: str
    bad: float
    requests: float


class AcceptedUnit(UnitBehind, frozen=True, kw_only=True):
    """A unit that an admin has accepted."""

    actor: str = ""
    at_us: int = 0
    why: str = ""

    @property
    def words(self) -> str:
        on = f"{datetime.fromtimestamp(self.at_us / 1e6, UTC):%d %b %Y}"
        return f"{self.actor} accepted {self.unit} on {on}: {self.why.rstrip('.')}"


class ByRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Both arms in the complete windows of 24 hours.

    ``heaviest``: the share of all requests that the heaviest 1 % of the units of each arm send. ``holds``: whether this
    difference alone keeps the guardrail from being safe. ``behind``: how many units of the treatment, apart from
    accepted ones, carry two thirds of its excess; ``named``: these units, if they are few enough.
    """

    control: Counts
    treatment: Counts
    heaviest: float | None = None
    holds: bool = False
    behind: int = 0
    named: tuple[UnitBehind, ...] = ()
    accepted: tuple[AcceptedUnit, ...] = ()

    @property
    def rates(self) -> tuple[float, float]:
        """The bad requests per request of control and treatment."""
        (bad, sent), (treated_bad, treated_sent) = self.control, self.treatment
        return bad / sent if sent else 0.0, treated_bad / treated_sent if treated_sent else 0.0

    @property
    def excess(self) -> float:
        """The bad requests of the treatment, apart from accepted units, beyond those at the control's rate."""
        bad, sent = self._unaccepted
        return bad - self.rates[0] * sent

    def is_beyond(self, margin: float, *, relative: bool) -> bool:
        """Whether the difference without accepted units is beyond the margin, as far as no proof is asked for."""
        rate, (bad, sent) = self.rates[0], self._unaccepted
        return bad > sent * (rate * (1 + margin) if relative else rate + margin)

    @property
    def _unaccepted(self) -> Counts:
        bad, sent = self.treatment
        return bad - sum(unit.bad for unit in self.accepted), sent - sum(unit.requests for unit in self.accepted)
