"""Explains the scores of one stored case: what each scorer compared, and why the answer is right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluators.scoring.scorer import OffFormat, Scorer, ScoresPairs, ShowsComparison, Stat
from evaluators.suite import Suite
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.run import Answer, Case, CaseResult, Score, ScoreFailure

NO_SCORER = "the suite's file does not define this scorer for the case"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known about one scorer's score of a case.

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
    case = next((one for one in suite.cases if one.case_id == result.case.case_id), None) if suite else None
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
    """What differs between the stored case and the suite's; empty if nothing does."""
    case = next((one for one in suite.cases if one.case_id == result.case.case_id), None)
    if case is None:
        return "the suite's file no longer has this case"
    stored = result.case
    if stored.messages and list(stored.messages) != list(case.messages):
        return "the suite's file now has another prompt for this case"
    return "" if stored.expected == case.expected else "the suite's file now expects another answer in this case"


def has_answer(answer: Answer) -> bool:
    """Whether there is an answer whose text the store keeps."""
    return answer.error is None and answer.text is not None
