"""Summarises a run (scores, outcomes, worst slices), and explains the scores of one case."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evaluators.engine.scoring import scores_of, value_of
from evaluators.scoring.scorer import OffFormat, Scorer, ScoresPairs, ShowsComparison, Stat
from evaluators.suite import FAMILY_TAG, KIND_TAG, OWN, Suite, tag_values
from fairtrial.domain.answers.signals import METRICS, SIGNALS
from fairtrial.domain.promises import MIN_SLICE_CASES
from fairtrial.domain.run import CASE_OUTCOMES, UNSCORED, Case, CaseResult, Run, Score, ScoreFailure

MOST_UNSCORED = 0.02
"""The share of unscored cases above which a run proves nothing, unless its suite's own `errors` line says otherwise."""

NO_SCORER = "the suite's file does not define this scorer for the case"


@dataclass(frozen=True, slots=True)
class SliceValue:
    """One statistic over the ``n`` scored cases of one slice."""

    tag: str
    slice: str
    value: float
    n: int


@dataclass(frozen=True, slots=True)
class StatValue:
    """One statistic over the ``n`` cases of a run, or of a family, that enter it."""

    metric: str
    stat: Stat
    value: float | None
    n: int


@dataclass(frozen=True, slots=True)
class SummaryLine(StatValue):
    """One statistic of a run and its worst slice."""

    worst: SliceValue | None


@dataclass(frozen=True, slots=True)
class FamilyLine:
    """One family of probes, or the suite's own cases, with the main stat of each scorer that measures it."""

    family: str
    kind: str
    cases: int
    values: tuple[StatValue, ...]


def lines_of(suite: Suite, run: Run) -> list[SummaryLine]:
    """Each statistic of the suite's scorers, in their order."""
    return [
        SummaryLine(
            metric=f"{scorer.name}.{stat.name}",
            stat=stat,
            value=run.metrics.get(f"{scorer.name}.{stat.name}"),
            n=_count(stat, run.results, scorer.name),
            worst=worst_slice(suite, run.results, scorer.name, stat=stat),
        )
        for scorer in suite.scorers
        for stat in scorer.stats
    ]


@dataclass(frozen=True, slots=True)
class SignalLevel:
    """A built-in metric of signals over the ``n`` cases that have it; ``value`` is a share, or characters."""

    metric: str
    value: float
    n: int


def signal_levels(run: Run) -> Iterator[SignalLevel]:
    """The signals that every run measures; those that no case has are left out."""
    for metric, name in METRICS.items():
        cases = scores_of(run.results, SIGNALS)
        value, n = value_of(Stat(name, "mean"), cases), _scored(name, cases)
        if value is not None:
            yield SignalLevel(metric, value, n)


def worst_slice(suite: Suite, results: Sequence[CaseResult], scorer: str, *, stat: Stat) -> SliceValue | None:
    """The slice where the statistic is worst, among those of at least `MIN_SLICE_CASES` scored cases."""
    values = list(slices_of(suite, results, scorer, stat=stat))
    return None if not values else (min if stat.higher_is_better else max)(values, key=lambda value: value.value)


def slices_of(suite: Suite, results: Sequence[CaseResult], scorer: str, *, stat: Stat) -> Iterator[SliceValue]:
    """The statistic in every slice of the suite that has enough scored cases."""
    for tag in suite.slices:
        for name in sorted({value for result in results for value in tag_values(result.case, tag)}):
            inside = [result for result in results if name in tag_values(result.case, tag)]
            value, count = value_of(stat, scores_of(inside, scorer)), _count(stat, inside, scorer)
            if value is not None and count >= MIN_SLICE_CASES:
                yield SliceValue(tag, name, value, count)


def families_of(suite: Suite, run: Run) -> list[FamilyLine]:
    """The main stat of each scorer in each family of probes, after the suite's own cases; empty without probes."""
    results: dict[str, list[CaseResult]] = {}
    for result in run.results:
        tags = result.case.tags
        if KIND_TAG in tags:
            results.setdefault(OWN if tags[KIND_TAG] == OWN else tags[FAMILY_TAG], []).append(result)
    return [
        FamilyLine(
            family,
            inside[0].case.tags[KIND_TAG],
            len({case_result.case.case_id for case_result in inside}),
            tuple(
                StatValue(f"{scorer.name}.{stat.name}", stat, value, _count(stat, inside, scorer.name))
                for scorer in suite.scorers
                for stat in scorer.stats[:1]
                if (value := value_of(stat, scores_of(inside, scorer.name))) is not None
            ),
        )
        for family, inside in results.items()
    ]


def outcome_counts(run: Run) -> dict[str, int]:
    """The number of answers with each outcome that occurs."""
    counts = {str(outcome): sum(result.outcome == outcome for result in run.results) for outcome in CASE_OUTCOMES}
    return {outcome: count for outcome, count in counts.items() if count}


def unscored_share(run: Run) -> float:
    """The share of answers that no scorer could measure: the target failed, or a scorer did."""
    return sum(result.outcome in UNSCORED for result in run.results) / len(run.results) if run.results else 1.0


def first_error(run: Run) -> str | None:
    """The first error of the run: of the target in its words, or of a scorer."""
    for result in run.results:
        if result.answer.error:
            return result.answer.error
        for score in result.scores.values():
            if isinstance(score, ScoreFailure):
                return f"scorer {score.scorer}, case {result.case.case_id}: {score.why}"
    return None


def _count(stat: Stat, results: Sequence[CaseResult], scorer: str) -> int:
    """The cases that enter the statistic."""
    return _scored(stat.name, scores_of(results, scorer))


def _scored(name: str, cases: Sequence[Sequence[Score]]) -> int:
    return sum(any(score.values.get(name) is not None for score in repeats) for repeats in cases)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explains one scorer's score of a case.

    ``signature`` is the version that scored the run. ``prediction`` and ``references`` are ``None`` if the present
    suite cannot show what was compared; ``note`` is the reason, or says what changed since the run.
    """

    scorer: str
    values: Mapping[str, float | None]
    signature: str
    sentence: str
    prediction: str | None = None
    references: tuple[str, ...] | None = None
    note: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def explain(
    result: CaseResult, versions: Mapping[str, str], suite: Suite | None, originals: Mapping[str, CaseResult]
) -> list[Explanation]:
    """One explanation for each scorer of a stored result; ``originals``: the results of the same repeat by case.

    ``suite`` is the present one, whose case has the columns that the store does not keep.
    """
    case = next((case for case in suite.cases if case.case_id == result.case.case_id), None) if suite else None
    scorers = {scorer.name: scorer for scorer in suite.scorers_of(case)} if suite and case else {}
    return [
        _explained(score, versions.get(name, ""), scorers.get(name), case, result, originals)
        for name, score in result.scores.items()
        if name != SIGNALS
    ]


def _explained(
    score: Score | ScoreFailure,
    signature: str,
    scorer: Scorer | None,
    case: Case | None,
    result: CaseResult,
    originals: Mapping[str, CaseResult],
) -> Explanation:
    if isinstance(score, ScoreFailure):
        return Explanation(score.scorer, {}, signature, f"Not scored: {score.why}.")
    details = dict(score.details)
    known = (score.scorer, score.values, signature)
    if scorer is None or case is None:
        return Explanation(*known, _sentence(score, None, ""), note=NO_SCORER if case else "", details=details)
    main = scorer.stats[0]
    note = "" if scorer.version == signature else f"the suite's file now has the scorer {scorer.version!r}"
    if isinstance(scorer, ScoresPairs):
        original = originals.get(str(details.get("original")))
        references = () if original is None else (original.answer.text or "",)
        sentence = _sentence(score, main, _change(details))
        return Explanation(*known, sentence, result.answer.text, references, note, details)
    if not isinstance(scorer, ShowsComparison):
        note = note or "this scorer does not show what it compares"
        return Explanation(*known, _sentence(score, main, ""), note=note, details=details)
    try:
        compared = scorer.normalised(case, result.answer)
    except OffFormat as error:
        return Explanation(*known, f"Wrong: {error}.", note=note, details=details)
    except Exception as error:  # noqa: BLE001 - a scorer of a changed suite may fail in any way
        note = note or f"the comparison failed: {error}"
        return Explanation(*known, _sentence(score, main, ""), note=note, details=details)
    sentence = _sentence(score, main, compared.why)
    return Explanation(*known, sentence, compared.prediction, compared.references, note, details)


def _change(details: Mapping[str, Any]) -> str:
    """How the answer to a changed copy differs from that to its original."""
    if "must" in details:
        return f"the original has {details['before']!r}, the copy {details['after']!r}; required: {details['must']}"
    return "; ".join(details.get("changes", ())) or "the answer is that to the original"


def _sentence(score: Score, main: Stat | None, why: str) -> str:
    """``Right: the answer equals 'paris'.``, or the value of a graded stat with its scale."""
    if "off_format" in score.details:
        return f"Wrong: {score.details['off_format']}."
    stat = main.name if main is not None else next(iter(score.values), "")
    value = score.values.get(stat)
    if value is None:
        return f"Unscored: {score.details.get('unscored') or why or 'the case does not enter this stat'}."
    if main is None:
        return f"{stat} is {value:.4g}."
    if main.kind == "proportion" and value in (0.0, 1.0):
        grade = "Right" if (value == 1) == main.higher_is_better else "Wrong"
        return f"{grade}: {why}." if why else f"{grade}."
    return f"{stat} is {value:.4g} of {main.scale:g}" + (f": {why}." if why else ".")


def changed_since(result: CaseResult, suite: Suite) -> str:
    """Describe what differs between the stored case and the suite's; empty if nothing does."""
    case = next((case for case in suite.cases if case.case_id == result.case.case_id), None)
    if case is None:
        return "the suite's file no longer has this case"
    stored = result.case
    if stored.messages and list(stored.messages) != list(case.messages):
        return "the suite's file now has another prompt for this case"
    return "" if stored.expected == case.expected else "the suite's file now expects another answer in this case"
