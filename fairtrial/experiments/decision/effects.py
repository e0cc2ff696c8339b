"""States what an experiment's decision means for a release, also if no line of the gate reads the experiment.

The gate turns each effect into a finding, and a promotion is refused by the same effects.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from fairtrial.domain.decision.slices import SliceFinding
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.decision.values import Decision, EarlierProof, PrimaryDecision, Tried
from fairtrial.domain.settings import Ending, ExperimentState
from fairtrial.domain.wording import moment_words
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.acceptance import accepted_by, accepted_words
from fairtrial.experiments.decision.by_request_words import heaviest_words, needed_words
from fairtrial.experiments.decision.caveat_words import fading_words, missing_words, weeks_words
from fairtrial.experiments.decision.guardrail_words import (
    decline_words,
    kept_decline_words,
    levels_words,
    weighed_words,
)
from fairtrial.experiments.decision.slice_words import worse_words
from fairtrial.experiments.decision.wording import (
    effect_words,
    invalid_words,
    lost_words,
    proof_words,
    tried_words,
)
from fairtrial.experiments.lifecycle import promoted_by
from fairtrial.experiments.promotion import kept_words

Result = Literal["fail", "cannot tell", "invalid", "shown"]
Kind = Literal[
    "harmed", "worse", "split", "stopped", "weighed", "changed", "clock", "earlier", "error", "answer", "missing",
    "lost", "accepted",
    "over time", "undecided", "heaviest", "slices",
]  # fmt: skip
RESUME = "a resume"
OPPOSITE: Mapping[str, str] = {"harmed": "safe", "worse": "better or not worse"}
"""What clears an earlier proof. A roll-back or kill needs both."""
CLOCK = "a mended clock, or a person who acknowledges the alarm clock.jump"


@dataclass(frozen=True, slots=True)
class Effect:
    """One statement about a release. ``says`` is a sentence without its full stop; ``needed`` is what would settle it.

    ``metric`` is empty for what concerns no metric. ``safety``: proven harm to users, which outweighs all else.
    """

    kind: Kind
    result: Result
    says: str
    needed: str = ""
    metric: str = ""
    safety: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownState:
    """The state in which the experiment is.

    ``entered``: the transition into the state. ``error``: why its looks fail, if they do. ``tried``: how many
    definitions its routes have tried. ``held``: as in `StepTime`. ``worse_in``: the slices in which it is worse.
    """

    name: str
    variant: str
    state: ExperimentState
    entered: Transition | None = None
    error: str = ""
    tried: Tried | None = None
    held: str = ""
    worse_in: tuple[SliceFinding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState(KnownState):
    """The state now, and what is known beside its own looks.

    ``earlier``: what other attempts of the same definition have proven, its own roll-back or kill, and which of its own
    proofs were withdrawn. ``redefined``: whether an arm serves something else now than its looks are about. ``ending``:
    why it ended; ``None`` also by rules of judging that do not say it.
    """

    now_us: int
    earlier: tuple[EarlierProof, ...] = ()
    redefined: bool = False
    ending: Ending | None = None

    def of_segment(self, segment: int) -> tuple[EarlierProof, ...]:
        """What is known of one of its own segments."""
        return tuple(proof for proof in self.earlier if (proof.experiment, proof.segment) == (self.name, segment))

    @property
    def undone(self) -> bool:
        """Whether its roll-back or kill blocks, which says more than its state."""
        return any(proof.blocks and proof.experiment == self.name for proof in self.earlier)


def effects(plan: AnalysisPlan | None, decision: Decision | None, live: LiveState) -> tuple[Effect, ...]:
    """What the experiment says about its variant. The first effects outweigh the later ones.

    ``plan`` and ``decision`` are ``None`` before the start.
    """
    if plan is None or decision is None or live.redefined:
        return (
            *_stopped(live, explained=live.undone),
            *_error(live),
            *earlier_effects(live.earlier),
            Effect("answer", "shown", _without_plan(live)),
        )
    own = live.of_segment(plan.segment)
    settled = {proof.metric for proof in own if not proof.stands and live.state == "ended"}
    harm = [effect for effect in (*_harmed(plan, decision), *_worse(plan, decision)) if effect.metric not in settled]
    listed = [*(effect for effect in harm if effect.kind == "harmed"), *_split(decision, live)]
    if decision.split.balanced:
        listed += [
            *(effect for effect in harm if effect.kind == "worse"),
            *_stopped(live, explained=bool(listed or harm) or (live.state == "killed" and live.undone)),
            *_weighed(plan, decision),
            *_changed(decision),
            *_held(live),
            *_accepted(plan, decision, live),
        ]
    said = [proof for proof in own if proof.blocks and harm]  # the harm says why it was undone
    listed += [*_error(live), *earlier_effects(proof for proof in live.earlier if proof not in said)]
    if decision.split.balanced and not any(effect.kind == "worse" for effect in harm):
        listed.append(Effect("answer", "shown", _answer(plan, decision, live)))
    if decision.split.balanced and (lost := lost_words(decision.split, decision.unit)):
        listed.append(Effect("lost", "shown", lost, "", "srm"))
    if decision.split.balanced and (words := worse_words(plan, live.worse_in)):
        listed.append(Effect("slices", "shown", words))
    return (*listed, *_missing(plan, decision), *_over_time(plan, decision))


def _missing(plan: AnalysisPlan, decision: Decision) -> Iterator[Effect]:
    """What units without feedback count as, for each metric that feedback decides."""
    for metric_decision in (decision.primary, *decision.guardrails):
        words = "" if metric_decision is None else missing_words(plan, decision.variant, metric_decision)
        if metric_decision is not None and words and decision.split.balanced:
            yield Effect("missing", "shown", f"{metric_decision.metric}: {words}", "", metric_decision.metric)


def _over_time(plan: AnalysisPlan, decision: Decision) -> Iterator[Effect]:
    """The effect on the primary metric by week, once a whole one is over."""
    primary_decision = decision.primary
    words = "" if primary_decision is None else weeks_words(plan, decision.variant, primary_decision)
    if primary_decision is not None and words and decision.split.balanced:
        yield Effect(
            "over time", "shown", f"{primary_decision.metric}: {words}".rstrip("."), "", primary_decision.metric
        )


def _harmed(plan: AnalysisPlan, decision: Decision) -> Iterator[Effect]:
    for guardrail_decision in decision.harmed:
        words = f"{guardrail_decision.metric}: {levels_words(plan, guardrail_decision)}: harm is proven"
        safety = guardrail_decision.signal == "kill" or not decision.split.balanced
        yield Effect(
            "harmed",
            "fail",
            words,
            "another candidate: this one has harmed users",
            guardrail_decision.metric,
            safety=safety,
        )


def _split(decision: Decision, live: LiveState) -> Iterator[Effect]:
    if not decision.split.balanced:
        words = invalid_words(decision.split, decision.unit, live.now_us)
        yield Effect("split", "invalid", words, "the cause, then a new salt", "srm")


def _worse(plan: AnalysisPlan, decision: Decision) -> Iterator[Effect]:
    primary_decision = decision.primary
    if primary_decision is not None and decision.worse:
        words = f"{decision.variant} is worse: {effect_words(plan, decision)}"
        yield Effect(
            "worse", "fail", words, "another candidate, or the next attempt of this one", primary_decision.metric
        )


def _stopped(live: LiveState, *, explained: bool) -> Iterator[Effect]:
    """A pause or a stop that nobody has undone, unless a proof explains it already."""
    if live.state not in ("paused", "killed") or explained:
        return
    word = "paused" if live.state == "paused" else "stopped"
    by = live.entered
    since = "" if by is None else f" since {moment_words(by.at_us, now_us=live.now_us)} by {by.actor}: {by.why}"
    yield Effect(
        "stopped", "cannot tell", f"it is {word}{since.rstrip('.')}", RESUME if word == "paused" else "a re-arm"
    )


def _weighed(plan: AnalysisPlan, decision: Decision) -> Iterator[Effect]:
    """Units with many requests suffer, which holds a release without being latched."""
    for guardrail in decision.guardrails:
        if guardrail.vetoed and guardrail.answer != "harmed":
            words = decline_words(plan, decision.variant, msgspec.structs.replace(guardrail, declined=False))
            yield Effect("weighed", "cannot tell", words, "a candidate that serves them as well", guardrail.metric)
        by_request = guardrail.by_request
        if by_request is not None and (by_request.holds or by_request.accepted):
            words = f"{guardrail.metric}: {weighed_words(plan, decision.variant, guardrail)}"
            needed = needed_words(plan.experiment, plan.unit, by_request) if by_request.holds else ""
            yield Effect("weighed", "cannot tell" if by_request.holds else "shown", words, needed, guardrail.metric)
    if heaviest := heaviest_words(decision):
        yield Effect("heaviest", "shown", heaviest)


def _changed(decision: Decision) -> Iterator[Effect]:
    if decision.changed:
        words = f"the effect on {' and '.join(decision.changed)} has changed since the start"
        yield Effect("changed", "cannot tell", words, "a new segment")


def _accepted(plan: AnalysisPlan, decision: Decision, live: LiveState) -> Iterator[Effect]:
    """A decline with which a person let it continue is repeated for as long as its segment lasts."""
    for accepted in accepted_by(live.entered):
        if accepted.variant == decision.variant and accepted.amount is not None:
            yield Effect("accepted", "shown", accepted_words(plan, accepted), "", accepted.metric)


def _held(live: LiveState) -> Iterator[Effect]:
    if live.held:
        yield Effect("clock", "cannot tell", f"its time is not trusted: it needs {live.held}", CLOCK)


def _error(live: LiveState) -> Iterator[Effect]:
    if live.error and live.state == "running":
        yield Effect("error", "cannot tell", f"its looks fail: {live.error}", "a mended plan; see the alarm")


def earlier_effects(earlier: Iterable[EarlierProof]) -> Iterator[Effect]:
    """What other attempts have proven is a HOLD, and a roll-back or kill a BLOCK, until it is cleared."""
    return map(_proof, earlier)


def _proof(proof: EarlierProof) -> Effect:
    segment = f"segment {proof.segment} of {proof.experiment}"
    opposite = OPPOSITE.get(proof.proved)
    words = f"{f'an earlier attempt ({segment})' if opposite else segment} {proof_words(proof)}"
    if not proof.stands:
        return Effect("earlier", "shown", f"{words}; {proof.cleared_by}", "", proof.metric)
    needed = (
        f"a later attempt that proves it {opposite or 'safe, and better or not worse'}, or an admin who withdraws it "
        f"(fairtrial experiment withdraw {proof.experiment} --why …)"
    )
    result: Result = "fail" if proof.blocks else "cannot tell"
    return Effect("earlier", result, f"{words}, and nothing since has cleared it", needed, proof.metric)


def _without_plan(live: LiveState) -> str:
    if live.redefined:
        return "an arm serves something else now than it has tested"
    return "it has not started" if live.state == "declared" else "it has shown nothing yet"


def _answer(plan: AnalysisPlan, decision: Decision, live: LiveState) -> str:
    """The answer to the primary metric, for the first lines of a verdict."""
    why = f" ({live.ending})" if live.ending else ""
    state = {"ended": f"it has ended{why}; ", "declared": "it has not started; "}.get(live.state, "")
    if promoted_by(live.entered) is not None:
        state = f"{decision.variant} was promoted; "
    if plan.kept_control is not None and live.state == "running":
        promoted = f"{decision.variant} was promoted, {kept_words(plan.kept_control)}"
        return "; ".join(filter(None, (promoted, kept_decline_words(plan, (decision,)))))
    primary = decision.primary
    if primary is None:
        return f"{state}it has no primary metric, so nothing is decided except harm"
    if decision.at_us is None:
        return f"{state}it has shown nothing yet"
    effect, tried = effect_words(plan, decision), _tried(plan, live)
    if decision.sources is not None:
        return f"{state}{decision.sources.sentence(decision.variant, live.now_us)}{tried}"
    if primary.answer == "undecided":
        return f"{state}not decided yet" + (f": {effect}" if effect else "") + tried
    return f"{state}{decision.variant} is {primary.answer}: {effect}{_counting(plan, primary, live)}{tried}"


def _tried(plan: AnalysisPlan, live: LiveState) -> str:
    words = "" if live.tried is None else tried_words(plan, live.tried)
    return f"; {words}" if words else ""


def _counting(plan: AnalysisPlan, primary: PrimaryDecision, live: LiveState) -> str:
    if not primary.meets or primary.counts_us is None or primary.counts(live.now_us):
        return ""
    if live.now_us >= primary.counts_us:
        return f" (HOLD: {words})" if (words := fading_words(plan, primary)) else ""
    return f" (it counts from {moment_words(primary.counts_us, now_us=live.now_us)})"
