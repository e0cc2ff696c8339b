"""Defines the live state of an experiment that its result is described in."""

from dataclasses import dataclass

from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.decision.values import EarlierProof, Tried
from fairtrial.domain.settings import Ending, ExperimentState, KeptControl
from fairtrial.domain.verdicts.model_equality import ModelEquality
from fairtrial.domain.verdicts.model_parity import ModelParity
from fairtrial.experiments.decision.acceptance import accepted_by
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline
from fairtrial.experiments.decision.waits import Wait
from fairtrial.experiments.ending import ending_of
from fairtrial.experiments.lifecycle import cause_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The live state of the experiment. Times are microseconds since 1970, UTC.

    ``last``: its newest transition, and ``entered`` the one into the present state. ``stage``: percent of the units
    now, since ``stage_since_us``. ``waits``: what the next stage still needs, ``None`` if that is unknown. ``serves``:
    the promoted variant. ``kept``: the control that stays after a promotion, while it runs. ``error``: why its looks
    fail. ``late_us``: the time since the start that only a correction of the wall clock made; it counts for no wait.
    ``same``: the treatments that answer as the control, by probes, or not as they were trained.
    """

    now_us: int
    state: ExperimentState
    last: Transition | None
    stage: float
    stage_since_us: int
    entered: Transition | None = None
    waits: tuple[Wait, ...] | None = None
    approved: frozenset[float] = frozenset()
    serves: str | None = None
    error: str = ""
    earlier: tuple[EarlierProof, ...] = ()
    tried: Tried | None = None
    late_us: int = 0
    kept: KeptControl | None = None
    same: tuple[ModelEquality | ModelParity, ...] = ()

    @property
    def cause(self) -> str | None:
        """What paused, killed or rolled it back."""
        stopped = self.state in ("paused", "killed") or self.undone
        return cause_of(self.entered) if stopped and self.entered is not None else None

    @property
    def accepted(self) -> tuple[AcceptedDecline, ...]:
        """The declines with which a person let it continue, while it runs or is paused."""
        return accepted_by(self.entered)

    @property
    def ending(self) -> Ending | None:
        return ending_of(self.entered or self.last)  # an archived experiment has a later transition

    @property
    def undone(self) -> bool:
        return self.ending in ("rolled back by a person", "rolled back by control")
