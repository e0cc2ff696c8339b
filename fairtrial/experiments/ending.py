"""Says why an experiment ended, which is evidence about what it has tested, from the transition that ended it."""

from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.settings import Ending, Undoing
from fairtrial.experiments.lifecycle import PROMOTED, RULES, WORSE, promoted_by


def ending_of(entered: Transition | None) -> Ending | None:
    """Why the experiment ended or was stopped; ``None`` for a transition after which it goes on.

    ``entered``: the transition into its state. *Worse*: a person ended it while it was paused as worse.
    """
    if entered is None:
        return None
    if entered.action == "rollback":
        return "rolled back by control" if entered.actor == CONTROL else "rolled back by a person"
    if entered.action == "kill":
        return "killed"
    if promoted_by(entered) is not None:
        return "promoted"
    if entered.action != "end":
        return None
    if entered.actor == CONTROL:
        return "ended by upgrade" if RULES in (entered.evidence or {}) else "expired"
    return "worse" if WORSE in (entered.evidence or {}) else "ended by hand"


def undoing_of(made: Transition) -> Undoing | None:
    """How the transition undid what the experiment served; ``None`` for other transitions."""
    ending = ending_of(made)
    return ending if ending in ("rolled back by a person", "rolled back by control", "killed") else None


def undone_variants(made: Transition) -> tuple[str, ...]:
    """The treatments that a roll-back or kill is about; empty for all of them, as where a person gives no variant."""
    evidence = made.evidence or {}
    if evidence.get(PROMOTED):
        return (str(evidence[PROMOTED]),)
    if WORSE in evidence:
        return tuple(evidence[WORSE])
    return (str(evidence["variant"]),) if "variant" in evidence else ()
