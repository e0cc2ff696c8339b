"""Defines estimates with confidence intervals, the alternative if the data do not suffice, and both as JSON."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

Answer = Literal["better", "not worse", "worse", "cannot tell"]


class Evidence:
    """What a finding rests on: an `Estimate`, a `Comparison`, or `NotEnough`."""

    __slots__ = ()


class Estimation(Evidence):
    """An `Estimate`, or `NotEnough` for one."""

    __slots__ = ()

    @property
    def bounds(self) -> tuple[float, float, float] | None:
        """The value and its interval; ``None`` without an estimate."""
        return (self.value, self.low, self.high) if isinstance(self, Estimate) else None


@dataclass(frozen=True, slots=True)
class Estimate(Estimation):
    """An effect or a level with its interval, on the metric's own scale.

    ``level`` is the two-sided confidence of ``low`` and ``high``; one-sided 95 % bounds have the level 0.90. ``n``
    counts units of analysis, ``method`` names the method, ``always_valid`` says whether repeated looks are allowed.
    """

    value: float
    low: float
    high: float
    level: float
    n: int
    method: str
    always_valid: bool = False

    def __str__(self) -> str:
        bounds = f"{self.low:.4g} to {self.high:.4g}"
        return f"{self.value:.4g} ({bounds}; {100 * self.level:.4g} %, n = {self.n:,}, {self.method})"


@dataclass(frozen=True, slots=True)
class NotEnough(Estimation):
    """There is no estimate; ``reason`` says why, and ``needed`` what is missing."""

    reason: str
    needed: str
    n: int = 0

    def __str__(self) -> str:
        return f"not enough: {self.reason}; needed: {self.needed}"


if TYPE_CHECKING:
    MaybeEstimate = Estimate | NotEnough
else:
    MaybeEstimate = Estimation  # msgspec reads no union of dataclasses; `read_evidence` reads their base


class Forecast(Struct, frozen=True):
    """The size that a comparison needs, in units of both arms.

    ``units`` count for the primary metric so far, and ``needed`` find the planned effect with ``power``. ``waiting``
    are enrolled, but their window of feedback is still open. ``expected_us``: when the needed units will be there at
    the average rate so far, or ``None`` if that is unknown.
    """

    units: int
    needed: int
    waiting: int
    expected_us: int | None
    power: float

    @property
    def more(self) -> int:
        """The units that are still missing."""
        return max(0, self.needed - self.units)


class ServedBefore(Struct, frozen=True):
    """Whose requests an estimate before a start counts: the control's in its experiment, and its deployment's on this
    route outside it.
    """

    experiment: str
    control: str
    route: str
    deployment: str


@dataclass(frozen=True, slots=True)
class Comparison(Evidence):
    """Candidate against baseline on one metric, over the same cases or units.

    ``difference`` is candidate − baseline on the metric's scale. ``won`` and ``lost`` count the cases of a 0/1 metric
    that only the candidate or only the baseline passed. ``rule`` says in words what ``answer`` follows from. ``p`` is
    the p-value that the rule uses, two-sided unless ``p_method`` says one-sided.
    """

    metric: str
    scope: str
    candidate: float | None
    baseline: float | None
    difference: MaybeEstimate
    answer: Answer
    won: int | None = None
    lost: int | None = None
    n: int = 0
    p: float | None = None
    p_method: str = ""
    rule: str = ""


KINDS: dict[str, type[Evidence]] = {"estimate": Estimate, "not_enough": NotEnough, "comparison": Comparison}
NAMES = {kind: name for name, kind in KINDS.items()}


def named_evidence(evidence: Evidence | None) -> dict[str, Any] | None:
    """The evidence as JSON values, in which each of the three kinds names itself under ``is``."""
    if evidence is None:
        return None
    plain = {"is": NAMES[type(evidence)], **msgspec.to_builtins(evidence)}
    if isinstance(evidence, Comparison):
        plain["difference"] = named_evidence(evidence.difference)
        if not evidence.rule:
            plain.pop("rule")  # added later; a comparison without one is encoded as before
    return plain


def read_evidence(kind: type, value: Any) -> Any:
    """The hook of msgspec for types with `Evidence` or `Estimation`; raises `ValueError`.

    Answers of control don't name the kind of an `Estimation`, because their fields tell.
    """
    name = value.get("is") if isinstance(value, dict) else None
    if kind is Estimation and isinstance(value, dict) and name is None:
        name = "estimate" if "value" in value else "not_enough"
    if kind not in (Evidence, Estimation) or name not in KINDS:
        raise ValueError(f"unknown kind of evidence: {str(value)[:80]} (known: {', '.join(KINDS)})")
    return msgspec.convert(value, KINDS[name], dec_hook=read_evidence)
