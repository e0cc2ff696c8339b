"""Words for the changes of an experiment: the label of each button, and what follows from it."""

from collections.abc import Mapping

from fairtrial.domain.decision.transition import Action
from fairtrial.domain.settings import PersonsAction

LABELS: Mapping[Action, str] = {
    "start": "Start",
    "approve": "Approve stage",
    "stage": "Stage",
    "amend": "Amend",
    "pause": "Pause",
    "resume": "Continue",
    "kill": "Stop",
    "rearm": "Start again",
    "end": "End",
    "promote": "Promote",
    "rollback": "Roll back",
    "withdraw": "Withdraw what stands against it",
    "archive": "Archive",
}
EFFECTS: Mapping[PersonsAction, str] = {
    "start": "The experiment starts, and its analysis plan is frozen.",
    "approve": "The next stage that needs an approval starts as soon as its other conditions hold.",
    "amend": "What the project file says now becomes the plan. If it changes what decides, only later units count.",
    "pause": "All traffic goes to the control until you continue. Units of this time are not counted.",
    "resume": "The experiment continues with the same units, whose windows go on. Proven harm still stops it.",
    "kill": "All traffic goes to the control within a second. *Start again* starts it with new units.",
    "rearm": "A new segment starts: units are assigned anew, and those of earlier segments are not counted.",
    "end": "The route serves the control from now on. Nothing can start this experiment again.",
    "withdraw": "What attempts have proven, and a stop or undoing, no longer stops a release. Verdicts show why.",
    "archive": "The experiment leaves the lists. Its result, plan and looks stay readable under its name.",
    "promote": "The experiment ends, or goes on with the control that you keep, and the variant serves everyone until "
    "you undo it or the project file says the same. The gate must have decided before.",
    "rollback": "It is rolled back: the route serves the control from now on. Nothing can start this experiment again.",
}
END_OF_KEPT = "The promoted variant serves everyone from now on. Only *Roll back* brings the control back."
"""What follows from an end while a control is kept."""
ACCEPT = "Accept named users"
ACCEPTS = (
    "The requests of these users no longer keep a guardrail from being safe. They stay in the figures. Verdicts and "
    "pages show the acceptance, which ends with the segment. Only an admin can accept users."
)

DANGEROUS: tuple[PersonsAction, ...] = ("kill", "end", "rollback", "withdraw", "archive")
"""Changes that nothing undoes, which a page sets apart."""
