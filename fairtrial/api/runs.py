"""Declares the operations on runs of suites, their cases, and comparisons of two runs."""

from typing import Annotated

from msgspec import Meta

from fairtrial.api.comparison_answers import RunMatrix, RunsCompared
from fairtrial.api.operation import Operation, Request, Text, Window
from fairtrial.api.run_answers import (
    CasePage,
    FoundRun,
    OptionalRun,
    PairPage,
    RunEvents,
    RunFigures,
    RunRow,
    SliceMean,
    SuiteTextRow,
)
from fairtrial.domain.wording import Change, Grade

MOST_CANDIDATES = 16
"""Runs that are compared with one baseline at once."""


class ListRuns(Window, frozen=True, kw_only=True):
    """Runs in a time window."""

    suite: str | None = None
    target: str | None = None


class LatestRuns(Request, frozen=True, kw_only=True):
    """Which runs."""

    suite: str | None = None
    target: str | None = None
    suite_digest: str | None = None


class ResolveRun(Request, frozen=True, kw_only=True):
    """A run as a person names it."""

    name: Annotated[str, Meta(min_length=1, max_length=400)]


class NameRun(Request, frozen=True, kw_only=True):
    """A run."""

    run_id: str


class DetailsOf(Request, frozen=True, kw_only=True):
    """A run, and one of its scorers."""

    run_id: str
    scorer: Text


class CasesOf(Window, frozen=True, kw_only=True):
    """A run, and which of its cases; ``metric`` is by default its first one."""

    run_id: str
    metric: Text | None = None
    grade: Grade | None = None
    case: Text | None = None
    outcome: Text | None = None
    text: Text | None = None


class PairsOf(Window, frozen=True, kw_only=True):
    """Two runs, and which of their cases; ``metric`` is by default their first one."""

    candidate_run: str
    baseline_run: str
    metric: Text | None = None
    change: Change | None = None
    case: Text | None = None
    text: Text | None = None


class CompareRuns(Request, frozen=True, kw_only=True):
    """Two runs, and the tags whose slices are compared too."""

    candidate_run: str
    baseline_run: str
    by: tuple[str, ...] = ()


class CompareMany(Request, frozen=True, kw_only=True):
    """Runs of one suite, the baseline first, and the tags whose slices are compared too."""

    baseline_run: str
    candidate_runs: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MOST_CANDIDATES)]
    by: tuple[str, ...] = ()


class ListSuites(Window, frozen=True, kw_only=True):
    """Stored texts of suites."""

    suite: str | None = None
    suite_digest: str | None = None
    text_digest: str | None = None


class NameSuiteText(Request, frozen=True, kw_only=True):
    """One text of a suite."""

    suite_digest: str
    text_digest: str


listing = Operation(
    name="runs.listing",
    method="GET",
    path="/runs",
    role="release-manager",
    request=ListRuns,
    response=list[RunRow],
    kind="table",
    description="Runs in a time window, newest first.",
)
latest = Operation(
    name="runs.latest",
    method="GET",
    path="/runs/latest",
    role="release-manager",
    request=LatestRuns,
    response=list[str],
    description="The ids of the newest finished run of each suite, target and suite digest.",
)
resolve = Operation(
    name="runs.resolve",
    method="GET",
    path="/runs/resolve",
    role="release-manager",
    request=ResolveRun,
    response=FoundRun,
    description="The id of the run with this id, with an id that begins so, or of the newest finished run of "
    "SUITE@TARGET.",
)
one = Operation(
    name="runs.one",
    method="GET",
    path="/runs/{run_id}",
    role="release-manager",
    request=NameRun,
    response=RunEvents,
    description="One run with its results and scores.",
)
events = Operation(
    name="runs.events",
    method="GET",
    path="/runs/{run_id}/events",
    role="release-manager",
    request=NameRun,
    response=bytes,
    kind="file",
    description="All journal events of one run, one JSON line each; the run itself comes last.",
)
columns = Operation(
    name="runs.columns",
    method="GET",
    path="/runs/{run_id}/columns",
    role="release-manager",
    request=NameRun,
    response=bytes,
    kind="file",
    description="One run without texts as an Arrow stream: one row per result with its scores; the run is in the "
    "metadata.",
)
details = Operation(
    name="runs.details",
    method="GET",
    path="/runs/{run_id}/details",
    role="release-manager",
    request=DetailsOf,
    response=bytes,
    kind="file",
    description="One scorer's details of each result as an Arrow stream: the row number in the columns, and JSON.",
)
figures = Operation(
    name="runs.figures",
    method="GET",
    path="/runs/{run_id}/figures",
    role="release-manager",
    request=NameRun,
    response=RunFigures,
    description="One run without its cases: summary, counts, latency, tokens, cost, and the metrics of its cases.",
)
noise_floor = Operation(
    name="runs.noise_floor",
    method="GET",
    path="/runs/{run_id}/noise",
    role="release-manager",
    request=NameRun,
    response=OptionalRun,
    description="The run in which the same weights answered the suite of this run again, if there is one.",
)
keep = Operation(
    name="runs.keep",
    method="POST",
    path="/runs/{run_id}/keep",
    role="release-manager",
    request=NameRun,
    response=FoundRun,
    description="Keep a run as a baseline for good: retention leaves its answers.",
)
kept = Operation(
    name="runs.kept",
    method="GET",
    path="/kept-runs",
    role="release-manager",
    request=LatestRuns,
    response=OptionalRun,
    description="The newest run of this suite on this target that is kept for good; null without one.",
)
slices = Operation(
    name="runs.slices",
    method="GET",
    path="/runs/{run_id}/slices",
    role="release-manager",
    request=NameRun,
    response=list[SliceMean],
    kind="table",
    description="Each metric's mean in every slice of each tag with 2 to 40 values.",
)
cases = Operation(
    name="runs.cases",
    method="GET",
    path="/runs/{run_id}/cases",
    role="release-manager",
    request=CasesOf,
    response=CasePage,
    description="Cases of one run with answers and scores; ``total`` counts all matching cases.\n\nEach has a "
    "``grade`` by ``metric`` (default: the run's first one): right, wrong or unscored. ``counts`` has all cases by "
    "grade. ``texts_deleted`` marks and counts cases whose texts retention has deleted.",
)
pairs = Operation(
    name="runs.pairs",
    method="GET",
    path="/comparisons/cases",
    role="release-manager",
    request=PairsOf,
    response=PairPage,
    description="Cases of both runs side by side: lost, gained, same, both wrong or unscored by one metric.\n\n"
    "``metric`` is by default their first one. Runs that can't be compared give 400.",
)
compare = Operation(
    name="runs.compare",
    method="GET",
    path="/comparisons",
    role="release-manager",
    request=CompareRuns,
    response=RunsCompared,
    description="Compare all measures that both runs have, paired, with two-sided 95 % intervals; 400 if they are not "
    "comparable.\n\n``rule`` of each row says what its ``answer`` follows from: the interval and, where there is one, "
    "the p-value.\n\n``by``: tags whose slices are compared too. ``shown`` gives each measure's form, scale and better "
    "direction. ``signals``: what changed without being asked, each with a sentence and whether it is ``notable``.",
)
matrix = Operation(
    name="runs.matrix",
    method="GET",
    path="/comparisons/matrix",
    role="release-manager",
    request=CompareMany,
    response=RunMatrix,
    description="Compare several runs with one baseline; 400 if they are not comparable.\n\n``columns``: the runs, "
    "baseline first, with tokens, cost and latency. ``rows``: the level of each measure in each run, and each "
    "candidate's comparison, as ``/comparisons`` gives it. ``changes``: the cases that changed most. ``noise``: how "
    "many cases change where the baseline answers again, if ``fairtrial eval --noise-floor`` asked it again.",
)
suites = Operation(
    name="runs.suites",
    method="GET",
    path="/suites",
    role="release-manager",
    request=ListSuites,
    response=list[SuiteTextRow],
    kind="table",
    description="The digests of every stored version of a suite's text, newest first.",
)
suite_text = Operation(
    name="runs.suite_text",
    method="GET",
    path="/suites/{suite_digest}/texts/{text_digest}",
    role="release-manager",
    request=NameSuiteText,
    response=bytes,
    kind="file",
    description="One text: JSON with the suite's gate lines, slices and scorers, and digests instead of rows.",
)
