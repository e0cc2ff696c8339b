"""The table of states, written by hand: what each surface says and does in each state of an experiment.

The project: `tuned` against `base`, one primary metric and one guardrail, runs of a suite that pass, and a gate of that
suite alone, which names no experiment. So only the experiment's own effects change the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["success", "info", "warning", "error"]
Serves = Literal["both", "base", "tuned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One state.

    ``status``: how the result box begins, on the page and in `fairtrial experiment status`. ``tone``: the colour of
    the box. ``gate``: the decision by suites that pass, without a line on live traffic; ``exit_code``: of
    `fairtrial gate`. ``says``: words of the verdict on the experiment. ``promote``: words of the refusal; empty if an
    approved SHIP is promoted. ``alarms`` are open, and ``notices`` were written. ``serves``: which arm enrolled users
    get. ``ending``: why it ended or was stopped, in the JSON. ``printed``: whether the documentation prints the row.
    """

    state: str
    meaning: str
    status: str
    tone: Tone
    gate: Literal["SHIP", "HOLD", "BLOCK", "INVALID"]
    says: str
    promote: str
    serves: Serves
    ending: str | None = None
    alarms: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    printed: bool = False

    @property
    def exit_code(self) -> int:
        return {"SHIP": 0, "BLOCK": 1, "HOLD": 3, "INVALID": 4}[self.gate]


TABLE = (
    Row(
        state="declared", meaning="it waits for its start",
        status="NOT STARTED", tone="warning", gate="SHIP", says="has not started",
        promote="can't promote an experiment that is declared", serves="base",
    ),
    Row(
        state="no look", meaning="it runs, and there are no units yet",
        status="No data yet", tone="info", gate="SHIP", says="has shown nothing yet",
        promote="", serves="both",
    ),
    Row(
        state="undecided", meaning="the interval of the primary metric contains both answers",
        status="Not decided yet", tone="info", gate="HOLD", says="not decided yet",
        promote="it is undecided", serves="both", printed=True,
    ),
    Row(
        state="no primary metric", meaning="it has guardrails and no primary metric",
        status="Nothing is decided but harm", tone="info", gate="SHIP", says="nothing is decided except harm",
        promote="", serves="both", printed=True,
    ),
    Row(
        state="better, too early", meaning="better is proven, but whole weeks are not over",
        status="tuned is better", tone="info", gate="HOLD", says="counts from",
        promote="its answer does not count yet", serves="both", notices=("notice.better",),
    ),
    Row(
        state="better", meaning="better is proven and counts",
        status="tuned is better", tone="success", gate="SHIP", says="better",
        promote="", serves="both", notices=("notice.better",), printed=True,
    ),
    Row(
        state="approved and judged again", meaning="a SHIP was approved, and equal evidence was judged again",
        status="tuned is better", tone="success", gate="SHIP", says="better",
        promote="", serves="both", notices=("notice.better",), printed=True,
    ),
    Row(
        state="not worse", meaning="a plan that requires not worse has its answer",
        status="tuned is not worse", tone="success", gate="SHIP", says="not worse",
        promote="", serves="both", notices=("notice.better",), printed=False,
    ),
    Row(
        state="declined within the margin", meaning="a decline is proven, and it is smaller than the plan's margin",
        status="tuned is not worse", tone="success", gate="SHIP", says="not worse",
        promote="", serves="both", notices=("notice.better",), printed=True,
    ),
    Row(
        state="worse", meaning="worse is proven on the primary metric; the default on_worse pauses",
        status="tuned is worse", tone="error", gate="BLOCK", says="worse",
        promote="tuned is worse", serves="base", alarms=("experiment.worse",), printed=True,
    ),
    Row(
        state="worse, on_worse: kill", meaning="worse is proven on the primary metric",
        status="tuned is worse", tone="error", gate="BLOCK", says="worse",
        promote="can't promote an experiment that is killed", serves="base",
        ending="killed", alarms=("experiment.killed",),
    ),
    Row(
        state="worse, on_worse: continue", meaning="worse is proven on the primary metric",
        status="tuned is worse", tone="error", gate="BLOCK", says="worse",
        promote="tuned is worse", serves="both", alarms=("experiment.worse",),
    ),
    Row(
        state="worse, then amended", meaning="worse was proven, and an amendment counts anew",
        status="PAUSED", tone="warning", gate="HOLD", says="an earlier attempt",
        promote="an earlier attempt", serves="base", alarms=("experiment.worse",), printed=True,
    ),
    Row(
        state="harmed", meaning="a guardrail with `signal: kill` proves harm",
        status="STOPPED", tone="error", gate="BLOCK", says="harm is proven",
        promote="can't promote an experiment that is killed", serves="base",
        ending="killed", alarms=("experiment.killed",), printed=True,
    ),
    Row(
        state="harmed, signal: pause", meaning="a guardrail with `signal: pause` proves harm",
        status="PAUSED", tone="error", gate="BLOCK", says="harm is proven",
        promote="harm is proven", serves="base", alarms=("experiment.paused",), printed=True,
    ),
    Row(
        state="guardrail declined",
        meaning="a decline of a guardrail within its margin is proven, and nobody has accepted it",
        status="PAUSED", tone="warning", gate="HOLD", says="paused",
        promote="paused", serves="base", alarms=("experiment.paused",), printed=True,
    ),
    Row(
        state="decline accepted", meaning="a person continued it, which accepts the decline",
        status="Not decided yet", tone="warning", gate="HOLD", says="accepted a decline of",
        promote="it is undecided", serves="both", alarms=("experiment.accepted",), printed=True,
    ),
    Row(
        state="re-armed after harm", meaning="a new attempt of the same definition, undecided",
        status="No data yet", tone="error", gate="BLOCK", says="was killed on",
        promote="was killed on", serves="both", printed=True,
    ),
    Row(
        state="re-armed and proven safe", meaning="the new attempt proves what the earlier one had found harmed safe",
        status="Not decided yet", tone="error", gate="BLOCK", says="was killed on",
        promote="was killed on", serves="both",
    ),
    Row(
        state="re-armed, proven safe and better", meaning="the new attempt proves what a stop asks for",
        status="tuned is better", tone="success", gate="SHIP", says="proved it safe and better",
        promote="", serves="both", notices=("notice.better",), printed=True,
    ),
    Row(
        state="earlier proof withdrawn", meaning="an admin withdrew the earlier proof, with a reason",
        status="No data yet", tone="info", gate="HOLD", says="withdrew it",
        promote="it is undecided", serves="both",
    ),
    Row(
        state="paused by a person", meaning="nobody has continued it",
        status="PAUSED", tone="warning", gate="HOLD", says="paused",
        promote="paused", serves="base", alarms=("experiment.paused",), printed=True,
    ),
    Row(
        state="resumed", meaning="a person continued it",
        status="Not decided yet", tone="info", gate="HOLD", says="not decided yet",
        promote="it is undecided", serves="both",
    ),
    Row(
        state="kept away", meaning="an open breaker keeps requests from the variant",
        status="PAUSED", tone="warning", gate="HOLD", says="an open breaker kept",
        promote="paused", serves="base", alarms=("experiment.kept_away",), printed=True,
    ),
    Row(
        state="kept away, then resumed", meaning="a person continued it; earlier requests no longer pause it",
        status="Not decided yet", tone="info", gate="HOLD", says="not decided yet",
        promote="it is undecided", serves="both",
    ),
    Row(
        state="killed by a person", meaning="a person stopped it",
        status="STOPPED", tone="error", gate="BLOCK", says="was killed on",
        promote="can't promote an experiment that is killed", serves="base",
        ending="killed", alarms=("experiment.killed",), printed=True,
    ),
    Row(
        state="model replaced", meaning="the file names another model for a variant",
        status="PAUSED", tone="warning", gate="HOLD", says="paused",
        promote="paused", serves="base", alarms=("experiment.model",), printed=True,
    ),
    Row(
        state="resumed with another model", meaning="a new segment; its figures begin with its start",
        status="No data yet", tone="info", gate="SHIP", says="has shown nothing yet",
        promote="", serves="both",
    ),
    Row(
        state="unbalanced split", meaning="the units do not arrive by the planned split",
        status="INVALID", tone="error", gate="INVALID", says="planned split",
        promote="planned split", serves="both", alarms=("experiment.srm",), printed=True,
    ),
    Row(
        state="lost records", meaning="the arms lost the records of unequally many users",
        status="INVALID", tone="error", gate="INVALID", says="lost the records of unequally many users",
        promote="unequally many users", serves="both", alarms=("experiment.lost_records",),
    ),
    Row(
        state="unbalanced split and a decline", meaning="counted events pause it, although the split is invalid",
        status="PAUSED", tone="error", gate="INVALID", says="planned split",
        promote="planned split", serves="base",
        alarms=("experiment.paused", "experiment.srm"), printed=True,
    ),
    Row(
        state="effect changed", meaning="the intervals of different looks exclude each other",
        status="HOLD", tone="warning", gate="HOLD", says="has changed since the start",
        promote="has changed since the start", serves="both", alarms=("experiment.changed",),
        notices=("notice.better",),
    ),
    Row(
        state="waits for approval", meaning="all other conditions of the next stage hold",
        status="Not decided yet", tone="info", gate="HOLD", says="not decided yet",
        promote="it is undecided", serves="both", alarms=("stage.approval",),
    ),
    Row(
        state="stage reached", meaning="control raised the stage",
        status="Not decided yet", tone="info", gate="HOLD", says="not decided yet",
        promote="it is undecided", serves="both", notices=("notice.stage",),
    ),
    Row(
        state="monitor error", meaning="its looks fail; other experiments go on",
        status="No data yet", tone="error", gate="HOLD", says="its looks fail",
        promote="its looks fail", serves="both", alarms=("experiment.error",), printed=True,
    ),
    Row(
        state="ended by a person", meaning="it is over, and the control serves everyone",
        status="ENDED", tone="warning", gate="HOLD", says="it ended undecided",
        promote="can't promote an experiment that is ended", serves="base",
        ending="ended by hand", notices=("notice.ended",),
    ),
    Row(
        state="ended after max_weeks", meaning="the time of the plan is over, undecided",
        status="ENDED", tone="warning", gate="HOLD", says="it ended undecided",
        promote="can't promote an experiment that is ended", serves="base",
        ending="expired", notices=("notice.ended",), printed=True,
    ),
    Row(
        state="promoted", meaning="a person promoted the variant",
        status="PROMOTED", tone="success", gate="SHIP", says="promoted",
        promote="can't promote an experiment that is ended", serves="tuned",
        ending="promoted", notices=("notice.better", "notice.ended"), printed=True,
    ),
    Row(
        state="promoted with a kept control",
        meaning="a person promoted the variant, and a part of the control stays, without a primary metric",
        status="PROMOTED, control kept at 5 %", tone="success", gate="SHIP", says="was promoted, control kept at 5 %",
        promote="is promoted already", serves="both", notices=("notice.better",), printed=True,
    ),
    Row(
        state="promoted by override", meaning="an admin promoted although something was missing",
        status="PROMOTED", tone="warning", gate="SHIP", says="promoted",
        promote="can't promote an experiment that is ended", serves="tuned",
        ending="promoted", notices=("notice.better", "notice.ended"),
    ),
    Row(
        state="rolled back", meaning="a person rolled the promotion back",
        status="ROLLED BACK by account rosa", tone="error", gate="BLOCK", says="was rolled back on",
        promote="can't promote an experiment that is ended", serves="base",
        ending="rolled back by a person", notices=("notice.better", "notice.ended", "notice.ended"), printed=True,
    ),
    Row(
        state="roll-back withdrawn", meaning="an admin withdrew the roll-back, with a reason",
        status="ROLLED BACK by account rosa", tone="warning", gate="SHIP", says="withdrew it",
        promote="can't promote an experiment that is ended", serves="base",
        ending="rolled back by a person", notices=("notice.better", "notice.ended", "notice.ended"),
    ),
    Row(
        state="rolled back by control", meaning="control rolled a promotion with a kept control back",
        status="ROLLED BACK: harm by requests.error_rate", tone="error", gate="BLOCK", says="harm is proven",
        promote="can't promote an experiment that is ended", serves="base",
        ending="rolled back by control", alarms=("promotion.rolled_back",),
        notices=("notice.better", "notice.ended"), printed=True,
    ),
    Row(
        state="control's roll-back withdrawn", meaning="an admin withdrew control's roll-back, with a reason",
        status="ROLLED BACK: harm by requests.error_rate", tone="warning", gate="SHIP", says="withdrew it",
        promote="can't promote an experiment that is ended", serves="base",
        ending="rolled back by control", alarms=("promotion.rolled_back",), notices=("notice.better", "notice.ended"),
    ),
    Row(
        state="ended as worse", meaning="a person ended it while it was paused as worse",
        status="ENDED", tone="warning", gate="BLOCK", says="tuned is worse",
        promote="can't promote an experiment that is ended", serves="base",
        ending="worse", notices=("notice.ended",),
    ),
    Row(
        state="removed from the file", meaning="it ended, and its entry left the project file",
        status="ENDED", tone="warning", gate="SHIP", says="",
        promote="there is no experiment", serves="base",
        ending="ended by hand", notices=("notice.ended",),
    ),
)  # fmt: skip
