"""Declares the operations on experiments: their states, figures, decisions and changes."""

from typing import Annotated

from msgspec import Meta, field

from fairtrial.api.alarms import Reason
from fairtrial.api.experiment_answers import ExperimentStatus, ShownDecision, TransitionRow
from fairtrial.api.experiment_traffic import ExperimentDetails, ExperimentList, Series, SignalList, VariantErrors
from fairtrial.api.operation import Nothing, Operation, Request, Text, TrafficWindow, Window
from fairtrial.api.verdict_answers import ReleaseStanding
from fairtrial.domain.settings import PersonsAction


class ListStates(Request, frozen=True, kw_only=True):
    """Which experiments."""

    everything: Annotated[bool, Meta(description="also ended ones that left the project file")] = field(
        name="all", default=False
    )


class NameExperiment(Request, frozen=True, kw_only=True):
    """An experiment."""

    name: str


class FiguresOf(TrafficWindow, frozen=True, kw_only=True):
    """An experiment, and the time window of its figures."""

    name: str


class DecisionOf(Request, frozen=True, kw_only=True):
    """An experiment."""

    name: str
    slices: Annotated[bool, Meta(description="also the metrics by the tags of units' first requests")] = True


class ReleaseOf(Request, frozen=True, kw_only=True):
    """An experiment, and the variant to promote."""

    name: str
    variant: str | None = None


class TransitionsOf(Window, frozen=True, kw_only=True):
    """An experiment, and a page of its transitions."""

    name: str


class ChangeOptions(Request, frozen=True, kw_only=True):
    """What a promotion, a resume, an amendment or an approval chooses."""

    variant: (
        Annotated[Text, Meta(description="for a promotion: by default the only variant besides the control")] | None
    ) = None
    override: Annotated[bool, Meta(description="for a promotion by an admin: promote even if something is missing")] = (
        False
    )
    keep_control: (
        Annotated[
            str, Meta(max_length=20, description="for a promotion: the share that stays on the control, `1%` to `50%`")
        ]
        | None
    ) = None
    keep_for: (
        Annotated[str, Meta(max_length=20, description="for a promotion: how long the control stays, `1d` to `90d`")]
        | None
    ) = None
    accept: Annotated[
        tuple[Annotated[str, Meta(max_length=100)], ...],
        Meta(
            max_length=20,
            description="for a resume: how large a decline is accepted, `25pp`, or `30%` of the control's level; "
            "`METRIC=25pp` if several declined",
        ),
    ] = ()
    rules: Annotated[bool, Meta(description="for an amendment: adopt the rules of this version, as a new attempt")] = (
        False
    )
    unit: Annotated[
        tuple[Text, ...],
        Meta(max_length=20, description="for an approval by an admin: the named units to accept, by pseudonym"),
    ] = ()

    @property
    def promotes(self) -> bool:
        """Whether it chooses anything about a promotion."""
        return (self.variant, self.override, self.keep_control, self.keep_for) != (None, False, None, None)


class ChangeExperiment(ChangeOptions, frozen=True, kw_only=True):
    """What to do with an experiment, and why."""

    name: str
    action: PersonsAction
    why: Reason
    stage: (
        Annotated[
            float,
            Meta(gt=0, le=100, description="for an approval: the stage in percent, by default the next that needs it"),
        ]
        | None
    ) = None


listing = Operation(
    name="experiments.listing",
    method="GET",
    path="/experiments",
    role="release-manager",
    request=TrafficWindow,
    response=ExperimentList,
    description="Every published experiment with its traffic in the window and its test for sample-ratio mismatch.",
)
one = Operation(
    name="experiments.one",
    method="GET",
    path="/experiments/{name}",
    role="release-manager",
    request=FiguresOf,
    response=ExperimentDetails,
    description="One experiment with its live state, its traffic in the window and its test for sample-ratio "
    "mismatch.\n\nOnce it was started again, the window begins there at the earliest, as `window` says.",
)
series = Operation(
    name="experiments.series",
    method="GET",
    path="/experiments/{name}/series",
    role="release-manager",
    request=FiguresOf,
    response=Series,
    description="One experiment's traffic by variant in at most 60 time slots, and its distribution of latencies.",
)
signals = Operation(
    name="experiments.signals",
    method="GET",
    path="/experiments/{name}/signals",
    role="release-manager",
    request=FiguresOf,
    response=SignalList,
    description="What each variant's answers show without being asked: refusals, valid format, tokens and language "
    "switches.\n\nEach is a plain rate with the number of answers that could be measured (`n`). Languages are those of "
    "at most 200 recorded exchanges of a variant; without recorded texts the rate is null.",
)
errors = Operation(
    name="experiments.errors",
    method="GET",
    path="/experiments/{name}/errors",
    role="release-manager",
    request=FiguresOf,
    response=list[VariantErrors],
    kind="table",
    description="How often each variant failed per try and per call of the client, for the variant and as users saw "
    "it.\n\nA call is the tries of one unit with one prompt that follow each other as retries. It failed if its last "
    "try did. The figures decide nothing.",
)
states = Operation(
    name="experiments.states",
    method="GET",
    path="/experiment-states",
    role="release-manager",
    request=ListStates,
    response=list[ExperimentStatus],
    kind="table",
    description="The state of every published experiment with its last transition, without traffic and without "
    "archived ones.",
)
state = Operation(
    name="experiments.state",
    method="GET",
    path="/experiments/{name}/state",
    role="release-manager",
    request=NameExperiment,
    response=ExperimentStatus,
    description="The state of one experiment with its last transition, without traffic.",
)
decision = Operation(
    name="experiments.decision",
    method="GET",
    path="/experiments/{name}/decision",
    role="release-manager",
    request=DecisionOf,
    response=ShownDecision,
    description="What one experiment has shown and decided: a box for people, and the figures behind it.\n\n`analysis` "
    "is null before the analysis plan is frozen. Slices are shown and never decide.",
)
decisions = Operation(
    name="experiments.decisions",
    method="GET",
    path="/experiment-decisions",
    role="release-manager",
    request=ListStates,
    response=list[ShownDecision],
    kind="table",
    description="What every published experiment has shown and decided, as for one, without charts and slices.",
)
release = Operation(
    name="experiments.release",
    method="GET",
    path="/experiments/{name}/release",
    role="release-manager",
    request=ReleaseOf,
    response=ReleaseStanding,
    description="What a promotion of the variant rests on now: the newest official verdict, and what is missing.\n\n"
    "`variant` is by default the only treatment. A promotion also asks its server for one answer.",
)
transitions = Operation(
    name="experiments.transitions",
    method="GET",
    path="/experiments/{name}/transitions",
    role="release-manager",
    request=TransitionsOf,
    response=list[TransitionRow],
    kind="table",
    description="The transitions of one experiment, newest first: who did what, when and why.\n\nAn experiment that is "
    "no longer in the project file keeps its transitions.",
)
analysis_plans = Operation(
    name="experiments.analysis_plans",
    method="GET",
    path="/analysis-plans",
    role="release-manager",
    request=Nothing,
    response=bytes,
    kind="file",
    description="The newest frozen analysis plan of every experiment that has started, as JSON. Each is as it was "
    "frozen, so that a plan by older rules has their fields.",
)
change = Operation(
    name="experiments.change",
    method="POST",
    path="/experiments/{name}/{action}",
    role="release-manager",
    request=ChangeExperiment,
    response=ExperimentStatus,
    description="Change an experiment: start, approve, amend, pause, continue (`resume`), stop (`kill`), start again "
    "(`rearm`), end, promote, undo (`rollback`), withdraw or archive.\n\nThe workers follow within a second. After a "
    "promotion, `edit` has the lines for the project file. An approval with `unit` accepts units that are named as "
    "behind a difference by request, instead of a stage. "
    "403 says that only an admin can override what a promotion lacks, accept units, or withdraw what an attempt has "
    "proven. 409 says "
    "what it lacks, or which state the experiment is in and what is possible. 503 says that the change is recorded and "
    "will be published later. A kill that can't be recorded or published becomes a file that the workers obey, which "
    "`file` names.",
)
