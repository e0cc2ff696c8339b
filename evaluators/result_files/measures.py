"""Chooses what two files of results are compared by: scores that both have, or answers with their references."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluators.imports.imported import distinct, named
from evaluators.imports.sources.table import SHORT
from evaluators.loading.scorers import BuiltScorer, build_entry
from evaluators.result_files.pairing_files import PairedFiles
from evaluators.result_files.plain_rows import LESS
from evaluators.result_files.result import ResultFile
from evaluators.scoring.scorer import ChecksCases, Scorer, Stat
from fairtrial.domain.errors import UsageError, nearest
from fairtrial.domain.run import Answer, Case, Score

SHARES_OF = (5.0, 10.0)
SCALES = (1.0, *SHARES_OF, 100.0)
"""The usual largest scores. The smallest that no score exceeds is the scale of a measure."""
TWO_SCALES = 2.0
"""A larger score than this in one file does not belong to the scale of another file without scores above 1."""
MOST_LABELS, CASES_PER_LABEL = 20, 5
"""Short references that recur are labels; others are texts."""


@dataclass(frozen=True, slots=True)
class GivenScore:
    """A measure of a file. Its scores are read, so that no other answer can be scored.

    ``unit``: what a score is divided by, so that scales of 5 and 10 become shares, whose margins are in points.
    """

    name: str
    column: str
    stats: Sequence[Stat]
    unit: float = 1.0

    @property
    def version(self) -> str:
        return f"read from a file/1 scale:{self.stats[0].scale * self.unit:g}"

    def score(self, _: Case, __: Answer) -> Score:
        """Nothing, because only the tool that wrote the file can score an answer."""
        return Score(self.name, {})


@dataclass(frozen=True, slots=True)
class Measures:
    """``given``: scores that both files have; ``own``: the scorer of their answers; exactly one of both is there.

    ``notes``: sentences on scales, and on scores that are left out.
    """

    given: tuple[GivenScore, ...]
    own: BuiltScorer | None
    notes: tuple[str, ...] = ()

    @property
    def scorers(self) -> tuple[Scorer, ...]:
        return self.given if self.own is None else (self.own.scorer,)


def choose(files: tuple[ResultFile, ResultFile], paired: PairedFiles, wanted: Sequence[str]) -> Measures:
    """The measures of both files, or those that are ``wanted``; raises `UsageError`."""
    old, new = files
    shared = [name for name in old.measures if name in new.measures]
    for name in wanted:
        if name not in shared:
            raise UsageError(f"--measure {name}: the files do not share this measure ({nearest(name, shared)})")
    every = dict.fromkeys((*old.measures, *new.measures))
    notes = [f"{name} is in one file only" for name in every if name not in shared]
    given: list[GivenScore] = []
    seen: dict[tuple[float | None, ...], str] = {}
    for name in wanted or shared:
        values = tuple(result.scores.get(name) for file in (old, new) for result in file.results)
        scale = _scale([value for value in values if value is not None])
        low, high = sorted(max(result.scores.get(name) or 0.0 for result in file.results) for file in files)
        if values in seen:
            notes.append(f"{name} equals {seen[values]} in all cases")
        elif 0 < low <= 1 and high > TWO_SCALES:
            notes.append(f"{name} has two scales, because its largest scores are {low:g} and {high:g}")
        elif scale is None:
            notes.append(f"{name} has no scale, because its scores are not between 0 and {SCALES[-1]:g}")
        else:
            seen[values] = name
            unit = scale if scale in SHARES_OF else 1.0
            own_name = distinct(named(name, otherwise="score"), (one.name for one in given))
            given.append(GivenScore(own_name, name, (_stat(name, values, scale / unit),), unit))
            notes += [f"{name} is shown as a share of {scale:g}"] if unit != 1 else []
    if given:
        return Measures(tuple(given), None, tuple(notes))
    own = _own(files, paired.cases, notes)
    _check_references(own, paired.cases, old)
    _check_answers(own.scorer, paired)
    return Measures((), own, tuple(notes))


def _scale(values: Sequence[float]) -> float | None:
    if not values or min(values) < 0:
        return None
    return next((scale for scale in SCALES if max(values) <= scale), None)


def _stat(name: str, values: Sequence[float | None], scale: float) -> Stat:
    better = name.casefold() not in LESS
    if {value for value in values if value is not None} <= {0.0, 1.0}:
        return Stat("share", "proportion", higher_is_better=better)
    return Stat("mean", "mean", higher_is_better=better, scale=scale)


def _own(files: tuple[ResultFile, ResultFile], cases: Sequence[Case], notes: Sequence[str]) -> BuiltScorer:
    """`label` where few short references recur, else `exact`."""
    references = [case.expected for case in cases if case.expected is not None]
    if not references or not all(file.has_answers for file in files):
        why = "; ".join(notes) or "neither scores of the same name, nor answers with references"
        raise UsageError(f"{files[1].path} and {files[0].path} have nothing to compare: {why}")
    labels = list(dict.fromkeys(text for text in references if isinstance(text, str)))
    few = 2 <= len(labels) <= min(MOST_LABELS, len(references) // CASES_PER_LABEL)
    if few and all(isinstance(text, str) and len(text) <= SHORT for text in references):
        return build_entry({"label": {"of": sorted(labels)}}, variables={})
    return build_entry("exact", variables={})


def _check_references(built: BuiltScorer, cases: Sequence[Case], file: ResultFile) -> None:
    """Raise `ConfigError` for the first case that the scorer of answers can't score."""
    checks: object = built.scorer
    assert isinstance(checks, ChecksCases)
    lines = {result.case_id: result.line for result in file.results}
    for case in cases:
        if problem := checks.case_problem(case):
            file.refuse(lines.get(case.case_id, 1), f"the case {case.case_id!r} {problem}")


def _check_answers(scorer: Scorer, paired: PairedFiles) -> None:
    """Raise `UsageError` if no answer of either file is right, because sentences never equal short references."""
    answers = [
        (result.answer, case)
        for case in paired.cases
        for results in (paired.old, paired.new)
        for result in results.get(case.case_id, ())
        if result.answer
    ]
    if answers and not any(scorer.score(case, Answer(text)).values[scorer.stats[0].name] for text, case in answers):
        text, case = answers[0]
        raise UsageError(
            f"no answer equals its reference in either file, such as {text!r:.80} against {case.expected!r:.80} "
            "(add a column of scores, such as 'correct', to both files)"
        )
