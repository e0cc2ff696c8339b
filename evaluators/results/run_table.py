"""Holds a run as columns of numbers, without any text of its cases, for measures, comparisons and gates."""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from evaluators.clusters import with_clusters
from fairtrial.domain.run import (
    CASE_OUTCOMES,
    MANY,
    REPLACEMENTS,
    CaseResult,
    Run,
    RunHead,
    Score,
    ScoreFailure,
    head_of,
)

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]
Details = Mapping[str, Any]
T = TypeVar("T")

SCORED, FAILED = 1, 2
"""A scorer's state in one result: it scored or it failed; 0 means that it was not applied."""
NO_DONOR = 255
"""The outcome of a control that a result does not have."""
OUTCOME: Mapping[str, int] = {outcome: at for at, outcome in enumerate(CASE_OUTCOMES)}


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag of every case: ``codes`` are indices into ``texts``, −1 for a case without the tag."""

    codes: Ints
    texts: tuple[str, ...]


def no_controls() -> None:
    """The default of `RunTable.controls`: an earlier version made the run, or no case has a donor."""


@dataclass(frozen=True, slots=True, eq=False)
class Controls:
    """What the replacements of a run's answers score. Each array has a row for each of the `REPLACEMENTS`.

    ``outcomes``: indices into `CASE_OUTCOMES`, `NO_DONOR` for a result without a donor. ``values``: metric → numbers,
    NaN without one. ``details(scorer)``: of each result, one for each replacement; ``None`` without a score.
    """

    outcomes: NDArray[np.uint8]
    values: Mapping[str, Floats]
    details: Callable[[str], Iterable[Sequence[Details | None] | None]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RunTable(RunHead):
    """One run. Columns of results are in the run's order, columns of cases in the order of their first result.

    ``case_of``: each result's case. ``outcomes``: indices into `CASE_OUTCOMES`. ``latency_ms``, ``tokens_out``,
    ``cost_usd`` and ``values`` (metric → number) are NaN if unknown. ``states``: scorer → `SCORED`, `FAILED` or 0.
    ``clusters``: each case's cluster, numbered in the order of their names; ``None`` if no two cases share one.
    ``details(scorer)``: the details of each result's score in order, ``None`` without a score. ``answers``: a digest of
    each answer's text, 0 if it is unknown. ``controls()`` reads the negative controls.
    """

    case_ids: tuple[str, ...]
    case_of: Ints
    outcomes: NDArray[np.uint8]
    failed: Marks
    cached: Marks
    latency_ms: Floats
    tokens_out: Floats
    cost_usd: Floats
    values: Mapping[str, Floats]
    states: Mapping[str, NDArray[np.uint8]]
    tags: Mapping[str, Tag]
    clusters: Ints | None
    details: Callable[[str], Iterable[Details | None]]
    answers: NDArray[np.uint64]
    controls: Callable[[], Controls | None] = no_controls
    _memo: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        """The number of results."""
        return len(self.case_of)

    @property
    def single(self) -> bool:
        """Whether each case has one result, so that results and cases have the same rows."""
        return self.n == len(self.case_ids)

    def memoize(self, name: Hashable, make: Callable[[], T]) -> T:
        """The result of ``make``, computed once, for groupings that all measures and scopes share."""
        if name not in self._memo:
            self._memo[name] = make()
        value: T = self._memo[name]
        return value

    def has_memo(self, name: Hashable) -> bool:
        """Whether it was computed already."""
        return name in self._memo

    def state(self, scorer: str) -> NDArray[np.uint8]:
        """The scorer's state in each result."""
        states = self.states.get(scorer)
        return np.zeros(self.n, dtype=np.uint8) if states is None else states

    def value(self, metric: str) -> Floats:
        """The metric of each result, NaN if it has none."""
        values = self.values.get(metric)
        return np.full(self.n, np.nan) if values is None else values

    def any_of_case(self, marks: Marks) -> Marks:
        """For each case, whether any of its results is marked."""
        return marks if self.single else np.bincount(self.case_of, weights=marks, minlength=len(self.case_ids)) > 0

    def mean_of_case(self, values: Floats) -> Floats:
        """For each case, the mean of its results' values, NaN if it has none."""
        if self.single:
            return values
        known = ~np.isnan(values)
        of, count = self.case_of[known], len(self.case_ids)
        with np.errstate(invalid="ignore"):
            sums = np.bincount(of, weights=values[known], minlength=count)
            return np.asarray(sums / np.bincount(of, minlength=count), dtype=np.float64)

    def results_of_cases(self) -> Ints:
        """For each case, its results in order; short rows are padded with −1."""
        return self.memoize("results of cases", self._results_of_cases)

    def in_scope(self, scope: "Scope | None") -> Marks | None:
        """For each case, whether it lies in the slice; ``None`` means that all do."""
        return None if scope is None else self.memoize(scope, partial(self._in_scope, scope))

    def slices(self, tag: str) -> list[str]:
        """The tag's slices that have a case, sorted."""
        slice_tag = self.tags.get(tag)
        return sorted({value for text in slice_tag.texts for value in text.split(MANY)}) if slice_tag else []

    def _in_scope(self, scope: "Scope") -> Marks:
        tag = self.tags.get(scope.tag)
        if tag is None:
            return np.zeros(len(self.case_ids), dtype=bool)
        inside = np.array([*(scope.value in text.split(MANY) for text in tag.texts), False])
        return inside[tag.codes]  # the last element stands for −1

    def _results_of_cases(self) -> Ints:
        count = len(self.case_ids)
        if self.single:
            return np.arange(count, dtype=np.intp)[:, None]
        order = np.argsort(self.case_of, kind="stable")
        sizes = np.bincount(self.case_of, minlength=count)
        within = np.arange(self.n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        places = np.full((count, int(sizes.max(initial=0))), -1, dtype=np.intp)
        places[self.case_of[order], within] = order
        return places


def table_of(run: Run | RunTable) -> RunTable:
    """The run as a table; a table is returned as it is."""
    if isinstance(run, RunTable):
        return run
    results = run.results
    case_of, ids = encode(result.case.case_id for result in results)
    cases = [results[at].case for at in firsts_of(case_of)]
    tags = dict.fromkeys(tag for case in cases for tag in case.tags)
    values, states = _scores(results)
    return RunTable(
        **head_of(run),
        case_ids=ids,
        case_of=case_of,
        outcomes=np.array([OUTCOME[result.outcome] for result in results], dtype=np.uint8),
        failed=np.array([result.answer.error is not None for result in results], dtype=bool),
        cached=np.array([result.answer.cached for result in results], dtype=bool),
        latency_ms=_floats(result.answer.latency_ms for result in results),
        tokens_out=_floats(result.answer.tokens_out for result in results),
        cost_usd=_floats(result.answer.cost_usd for result in results),
        values=values,
        states=states,
        tags={tag: _tag([case.tags.get(tag) for case in cases]) for tag in tags},
        clusters=clusters_of([case.cluster for case in with_clusters(cases)], ids),
        details=partial(_details_of, results),
        answers=np.array([answer_digest(result.answer.text) for result in results], dtype=np.uint64),
        controls=partial(_controls_of, results),
    )


def answer_digest(text: str | None) -> int:
    """The lower 64 bits of MD5, as DuckDB's ``md5_number_lower`` computes them; 0 without a text."""
    if text is None:
        return 0
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:], "little")


def encode(texts: Iterable[str]) -> tuple[Ints, tuple[str, ...]]:
    """Each text as an index into the distinct texts, which are in the order of their first appearance."""
    places: dict[str, int] = {}
    codes = [places.setdefault(text, len(places)) for text in texts]
    return np.array(codes, dtype=np.intp), tuple(places)


def firsts_of(codes: Ints) -> Ints:
    """The first row of each code; codes are numbered in the order of first appearance."""
    return np.unique(codes, return_index=True)[1].astype(np.intp)


def clusters_of(names: Sequence[str | None], ids: Sequence[str]) -> Ints | None:
    """Each case's cluster as a number in the order of their names; a case without one is a separate cluster."""
    if all(name is None for name in names):
        return None
    keys = [f"i:{case_id}" if name is None else f"c:{name}" for name, case_id in zip(names, ids, strict=True)]
    order = {name: at for at, name in enumerate(sorted(set(keys)))}
    return np.array([order[name] for name in keys], dtype=np.intp)


def _tag(values: Sequence[str | None]) -> Tag:
    codes, texts = encode(value for value in values if value is not None)
    all_codes = np.full(len(values), -1, dtype=np.intp)
    all_codes[np.array([value is not None for value in values], dtype=bool)] = codes
    return Tag(all_codes, texts)


def _scores(results: Sequence[CaseResult]) -> tuple[dict[str, Floats], dict[str, NDArray[np.uint8]]]:
    values: dict[str, Floats] = {}
    states: dict[str, NDArray[np.uint8]] = {}
    for at, result in enumerate(results):
        for scorer, score in result.scores.items():
            if scorer not in states:
                states[scorer] = np.zeros(len(results), dtype=np.uint8)
            if isinstance(score, ScoreFailure):
                states[scorer][at] = FAILED
                continue
            states[scorer][at] = SCORED
            for stat, value in score.values.items():
                metric = f"{scorer}.{stat}"
                if metric not in values:
                    values[metric] = np.full(len(results), np.nan)
                values[metric][at] = np.nan if value is None else value
    return values, states


def _details_of(results: Sequence[CaseResult], scorer: str) -> Iterator[Details | None]:
    for result in results:
        score = result.scores.get(scorer)
        yield score.details if isinstance(score, Score) else None


def _controls_of(results: Sequence[CaseResult]) -> Controls | None:
    if not any(result.controls for result in results):
        return None
    outcomes = np.full((len(REPLACEMENTS), len(results)), NO_DONOR, dtype=np.uint8)
    values: dict[str, Floats] = {}
    for at, result in enumerate(results):
        for number, control in enumerate(result.controls):
            outcomes[number, at] = OUTCOME[control.outcome]
            for scorer, score in control.scores.items():
                for stat, value in score.values.items():
                    metric = f"{scorer}.{stat}"
                    if metric not in values:  # `setdefault` would make an array for each value
                        values[metric] = np.full(outcomes.shape, np.nan)
                    values[metric][number, at] = np.nan if value is None else value
    return Controls(outcomes, values, partial(_control_details, results))


def _control_details(results: Sequence[CaseResult], scorer: str) -> Iterator[Sequence[Details | None] | None]:
    for result in results:
        scores = [control.scores.get(scorer) for control in result.controls]
        yield [(score.details or None) if score is not None else None for score in scores] or None


def _floats(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Scope:
    """``in tag:value``, or ``in every tag`` if ``value`` is ``None``; the tag ``slice`` then means all slices."""

    tag: str
    value: str | None = None

    def __str__(self) -> str:
        return f"every {self.tag}" if self.value is None else f"{self.tag}:{self.value}"
