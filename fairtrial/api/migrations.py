"""Declares the operation on deployments that end, and the report on a migration from one."""

from fairtrial.api.comparison_answers import MatrixColumn
from fairtrial.api.operation import Answer, Nothing, Operation
from fairtrial.domain.verdicts.verdict import Decision, Result


class KeptBaseline(Answer, frozen=True):
    """How the old model's answers to one suite came about; ``run_id`` is ``None`` without any.

    ``stored``: whether it is an earlier run, because the model did not answer; ``why`` has the reason.
    ``erased``: how many cases of the suite are left out on both sides, because an erasure has removed them.
    """

    suite: str
    run_id: str | None
    stored: bool = False
    why: str = ""
    erased: int = 0


class SuccessorLine(Answer, frozen=True, kw_only=True):
    """A decisive `Finding` without its evidence; ``old``: what the old model itself has on the line."""

    rule: str
    source: str
    result: Result
    says: str
    old: str | None


class SuiteRefusal(Answer, frozen=True):
    """Why most cases of a suite have no answer, in the provider's words; ``params``: the line that may help, or ""."""

    suite: str
    error: str
    params: str = ""


class BothSides(Answer, frozen=True, kw_only=True):
    """What the answers to one suite took; ``old`` is ``None`` if the old model no longer answers."""

    old: MatrixColumn | None
    new: MatrixColumn


class JudgedSuccessor(Answer, frozen=True, kw_only=True):
    """A successor's verdict. ``unasked``: what changed without being asked. ``beside``: by suite."""

    target: str
    decision: Decision
    headline: str
    verdict_id: str
    findings: tuple[SuccessorLine, ...]
    refusals: tuple[SuiteRefusal, ...]
    unasked: tuple[str, ...]
    beside: dict[str, BothSides]


class PlannedMove(Answer, frozen=True):
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


class WrittenMove(Answer, frozen=True):
    """The project file's copy with the experiments, its part that is new, and the plan of each experiment."""

    file: str
    piece: str
    plans: tuple[PlannedMove, ...]


class MigrationReport(Answer, frozen=True, kw_only=True):
    """What `fairtrial migrate` found on ``date``; its ``command`` makes the report anew.

    ``replaced``: the lines that the old model itself breaks, in sentences. ``error_rate``: of each successor's verdict.
    ``no_experiment``: why none was written. ``reviews``: the commands after which people compare answers that no line
    of a suite measures. ``left_out``: how many recorded requests can't be cases, by reason.
    """

    old: str
    date: str
    command: str
    countdown: str
    last_day: str | None
    days_left: int | None
    source: str | None
    serves: tuple[str, ...]
    baselines: tuple[KeptBaseline, ...]
    replaced: tuple[str, ...]
    successors: tuple[JudgedSuccessor, ...]
    error_rate: float
    experiment: WrittenMove | None
    no_experiment: str
    reviews: tuple[str, ...]
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
