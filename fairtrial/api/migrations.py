"""Declares the operation on deployments that end, and the report of a migration, which `fairtrial migrate` stores."""

from msgspec import Struct

from fairtrial.api.comparison_answers import MatrixColumn
from fairtrial.api.operation import Answer, Nothing, Operation
from fairtrial.domain.verdicts.verdict import Decision, Result


class Baseline(Struct, frozen=True):
    """How the old model's answers to one suite came about; ``run_id`` is ``None`` without any.

    ``stored``: whether it is an earlier run, because the model did not answer; ``why`` has the reason.
    ``erased``: how many cases of the suite are left out on both sides, because an erasure has removed them.
    """

    suite: str
    run_id: str | None
    stored: bool = False
    why: str = ""
    erased: int = 0


class Refusal(Struct, frozen=True):
    """Why most cases of a suite have no answer, in the provider's words; ``params``: the line that may help, or ""."""

    suite: str
    error: str
    params: str = ""


class JudgedLine(Answer, frozen=True, kw_only=True):
    """A line that decides on a successor. ``old``: what the old model itself has; ``None`` if it has no level.

    It repeats four fields of `Finding`, because stored reports have exactly these.
    """

    rule: str
    source: str
    result: Result
    says: str
    old: str | None


class BothColumns(Answer, frozen=True, kw_only=True):
    """What the answers of the old model and of a successor took; ``old`` is ``None`` without answers."""

    old: MatrixColumn | None
    new: MatrixColumn


class JudgedSuccessor(Answer, frozen=True, kw_only=True):
    """The verdict on one successor. ``beside``: by suite. ``unasked``: what changed without being asked."""

    target: str
    decision: Decision
    headline: str
    verdict_id: str
    findings: list[JudgedLine]
    refusals: list[Refusal]
    unasked: list[str]
    beside: dict[str, BothColumns]


class PlannedMove(Struct, frozen=True):
    """One experiment, and whether it can decide before the old model's last day.

    ``weeks``: what it needs, ``None`` if it cannot be planned or decided; ``summary`` is one sentence.
    ``users_missing`` and ``days_missing``: what a decision lacks before the last day.
    """

    experiment: str
    route: str
    summary: str
    weeks: int | None = None
    users_missing: int | None = None
    days_missing: int | None = None


class WrittenMove(Struct, frozen=True):
    """The file, its part that is new, and the plan of each experiment."""

    file: str
    piece: str
    plans: tuple[PlannedMove, ...]


class MigrationReport(Answer, frozen=True, kw_only=True):
    """The report of a migration. ``date``: of the report. ``error_rate``: of each successor.

    ``command`` makes it anew. ``replaced``: the lines that the old model itself breaks, in sentences. ``reviews``: the
    commands after which people compare answers that no line of a suite measures. ``experiment``: the written one, or
    ``no_experiment`` says why there is none. ``left_out``: how many requests can't be cases, by reason.
    """

    old: str
    date: str
    command: str
    countdown: str
    last_day: str | None
    days_left: int | None
    source: str | None
    serves: tuple[str, ...]
    baselines: list[Baseline]
    replaced: list[str]
    successors: list[JudgedSuccessor]
    error_rate: float
    experiment: WrittenMove | None
    no_experiment: str
    reviews: list[str]
    left_out: dict[str, int]


class EndingDeployment(Answer, frozen=True, kw_only=True):
    """A deployment that ends, and the newest report of `fairtrial migrate` on it; ``None`` is unknown or not made."""

    deployment: str
    model: str | None
    countdown: str | None
    last_day: str | None
    days_left: int | None
    serves: tuple[str, ...]
    report: MigrationReport | None


listing = Operation(
    name="migrations.listing",
    method="GET",
    path="/migrations",
    role="release-manager",
    request=Nothing,
    response=list[EndingDeployment],
    kind="table",
    description="Each deployment with a last day or a migration, the earliest day first: the countdown as of today, "
    "and the newest report of `fairtrial migrate`, as its `--json` prints it.",
)
