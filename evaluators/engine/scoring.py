"""Scores answers, one outcome for each case, and measures refusals, format, language and length on each."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from evaluators.scoring.scorer import OffFormat, Scorer, ScoresPairs, Stat, WaitsForProcess
from evaluators.suite import Suite
from fairtrial.domain.answers.chat import text_of
from fairtrial.domain.answers.refusals import refuses, refuses_by_text, withheld
from fairtrial.domain.answers.signals import (
    CHARACTERS,
    FORMAT_VALID,
    LANGUAGE_SWITCH,
    OVER_REFUSED,
    REFUSED,
    SIGNALS,
    Form,
    form_of,
    language_of,
    shape_of,
)
from fairtrial.domain.limits.json_schema import checked_schema, follows, requested_schema
from fairtrial.domain.run import Answer, Case, CaseOutcome, CaseResult, Score, ScoreFailure

SLOW_S = 0.001
"""If scoring an answer takes more CPU time than this, the next one moves from the event loop to a thread."""

EXPECTS = "expects"
"""The column that says what a case expects: an `ANSWER`, or anything else, such as a refusal."""
ANSWER = "answer"
REFERENCES = ("contains_any", "contains_all", "regex_match")
"""Columns that state what a right answer contains, besides ``expected``."""
JSON_SCORERS = frozenset({"fields", "json_schema", "json-schema"})


def score_case(
    suite: Suite,
    case: Case,
    repeat: int,
    answer: Answer,
    *,
    signals: "Signals | None" = None,
    scorers: Sequence[Scorer] | None = None,
) -> CaseResult:
    """Apply every scorer of the case, or these ``scorers``, to one answer; with ``signals``, measure those too."""
    if answer.error is not None:
        return CaseResult(case, repeat, answer, "provider_error", {})
    scores: dict[str, Score | ScoreFailure] = {}
    off_format = False
    for scorer in suite.scorers_of(case) if scorers is None else scorers:
        scores[scorer.name], off = _measure(scorer, case, answer)
        off_format = off_format or off
    refused = _refuses(answer) if signals is None else signals.refuses(answer)
    outcome = _outcome(answer, scores, off_format=off_format, refused=refused)
    if signals is not None:
        scores[SIGNALS], _ = _measure(signals, case, answer)
    return CaseResult(case, repeat, answer, outcome, scores)


def score_copy(suite: Suite, result: CaseResult, original: CaseResult) -> CaseResult:
    """Apply the scorers of changed copies to a scored copy and its original."""
    scores = dict(result.scores)
    for scorer in suite.scorers_of(result.case):
        if isinstance(scorer, ScoresPairs) and result.answer.error is None:
            scores[scorer.name] = _measure_pair(scorer, scorer.name, result, original)
    failed = any(isinstance(score, ScoreFailure) for score in scores.values())
    return replace(result, scores=scores, outcome="judge_error" if failed else result.outcome)


def _measure_pair(scorer: ScoresPairs, name: str, result: CaseResult, original: CaseResult) -> Score | ScoreFailure:
    if original.answer.error is not None:
        return ScoreFailure(name, f"its original {original.case.case_id} has no answer")
    try:
        return _sound(name, scorer.score_pair(result, original))
    except Exception as error:  # noqa: BLE001 - one crashing scorer must not lose the other cases
        return ScoreFailure(name, f"{type(error).__name__}: {error}"[:300])


def _measure(scorer: "Scorer | Signals", case: Case, answer: Answer) -> tuple[Score | ScoreFailure, bool]:
    """The score, and whether the answer lacks the format that the scorer needs."""
    try:
        return _sound(scorer.name, scorer.score(case, answer)), False
    except OffFormat as error:
        wrong = error.score
        return Score(wrong.scorer, wrong.values, {**wrong.details, "off_format": str(error)}), True
    except Exception as error:  # noqa: BLE001 - one crashing scorer must not lose the other cases
        return ScoreFailure(scorer.name, f"{type(error).__name__}: {error}"[:300]), False


def _sound(name: str, score: Score) -> Score | ScoreFailure:
    odd = [stat for stat, value in score.values.items() if value is not None and not math.isfinite(value)]
    return ScoreFailure(name, f"its stat {odd[0]!r} is not a finite number") if odd else score


def _outcome(
    answer: Answer, scores: Mapping[str, Score | ScoreFailure], *, off_format: bool, refused: bool
) -> CaseOutcome:
    if any(isinstance(score, ScoreFailure) for score in scores.values()):
        return "judge_error"
    if refused:
        return "refused"
    if answer.finish_reason == "length":
        return "truncated"
    return "off_format" if off_format else "scored"


def _refuses(answer: Answer) -> bool:
    return refuses(answer.text or "", refusal=answer.refusal, finish_reason=answer.finish_reason)


class Scoring:
    """Scores on the event loop while that is fast, and in a thread while the last answer took long."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._signals = Signals(suite)
        self._waits = any(isinstance(scorer, WaitsForProcess) and scorer.waits for scorer in suite.scorers)
        self._slow = self._waits

    async def score(self, case: Case, repeat: int, answer: Answer) -> CaseResult:
        """See `score_case`."""
        if self._slow:
            return await asyncio.to_thread(self._score, case, repeat, answer)
        return self._score(case, repeat, answer)

    def _score(self, case: Case, repeat: int, answer: Answer) -> CaseResult:
        began = time.thread_time()
        result = score_case(self._suite, case, repeat, answer, signals=self._signals)
        self._slow = self._waits or time.thread_time() - began > SLOW_S
        return result


def metrics_of(suite: Suite, results: Sequence[CaseResult]) -> dict[str, float | None]:
    """``scorer.stat`` → its value over all scored cases, each case's repeats averaged first; ``None`` if unscored."""
    return {
        f"{scorer.name}.{stat.name}": value_of(stat, scores_of(results, scorer.name))
        for scorer in suite.scorers
        for stat in scorer.stats
    }


def scores_of(results: Sequence[CaseResult], scorer: str) -> list[list[Score]]:
    """The scores of one scorer: for each case a list of its repeats."""
    cases: dict[str, list[Score]] = {}
    for result in results:
        score = result.scores.get(scorer)
        if isinstance(score, Score):
            cases.setdefault(result.case.case_id, []).append(score)
    return list(cases.values())


def value_of(stat: Stat, cases: Sequence[Sequence[Score]]) -> float | None:
    """One statistic over cases; a corpus statistic uses all repeats together."""
    if stat.aggregate is not None:
        every = [score for repeats in cases for score in repeats]
        return stat.aggregate(every) if every else None
    means = [mean for repeats in cases if (mean := _mean(stat.name, repeats)) is not None]
    return math.fsum(means) / len(means) if means else None


def _mean(name: str, repeats: Sequence[Score]) -> float | None:
    values = [value for score in repeats if (value := score.values.get(name)) is not None]
    return math.fsum(values) / len(values) if values else None


class Signals:
    """Measures the answers of one suite, like a scorer that every suite has."""

    name = SIGNALS

    def __init__(self, suite: Suite) -> None:
        self._schema = _requested(suite.params)
        kinds = {entry.kind for entry in suite.entries.values()}
        fields = any("field" in entry.options for entry in suite.entries.values())
        self._object_form = bool(kinds & JSON_SCORERS) or fields
        self._known_forms: dict[str, set[Form]] = {}
        self._expects: dict[str, bool] = {}
        self._refused: dict[tuple[str | None, str | None, str | None], bool] = {}
        self._usual = _majority(form for case in suite.cases for form in self._forms(case))

    def refuses(self, answer: Answer) -> bool:
        """Whether the answer refuses, which is found once for each answer."""
        key = answer.text, answer.refusal, answer.finish_reason
        refused = self._refused.get(key)
        if refused is None:
            refused = self._refused[key] = _refuses(answer)
        return refused

    def score(self, case: Case, answer: Answer) -> Score:
        """The signals of one answer; details name the languages and the form if they depart from what is expected."""
        text, refused = answer.text or "", self.refuses(answer)
        values: dict[str, float | None] = {REFUSED: float(refused), CHARACTERS: float(len(text))}
        details: dict[str, Any] = {}
        expects = self._expects.get(case.case_id)
        if expects is None:
            expects = self._expects[case.case_id] = expects_answer(case)
        if expects:
            values[OVER_REFUSED] = float(refused)
        if text and not withheld(answer.refusal, answer.finish_reason):
            self._add_format(case, text, values, details)
            _add_language(case, text, values, details)
        return Score(SIGNALS, values, details)

    def _add_format(self, case: Case, text: str, values: dict[str, float | None], details: dict[str, Any]) -> None:
        if self._schema is not None:
            valid = follows(self._schema, text)
        else:
            forms = self._forms_of(case) or ({self._usual} if self._usual else set())
            valid = shape_of(text) in forms if forms else None
        if valid is None:
            return
        values[FORMAT_VALID] = float(valid)
        if not valid:
            details["form"] = form_of(text)

    def _forms_of(self, case: Case) -> set[Form]:
        forms = self._known_forms.get(case.case_id)
        if forms is None:
            forms = self._known_forms[case.case_id] = self._forms(case)
        return forms

    def _forms(self, case: Case) -> set[Form]:
        """The forms of the case's references; an expected object is one only if a scorer reads JSON answers."""
        expected = case.expected
        if isinstance(expected, Mapping):
            return {"JSON object"} if self._object_form else set()
        texts = expected if isinstance(expected, list) else [expected]
        return {form_of(text) for text in texts if isinstance(text, str) and text.strip()}


def expects_answer(case: Case) -> bool:
    """Whether the suite expects this case to be answered.

    The column ``expects`` decides where there is one. Otherwise a reference does that is no refusal itself.
    """
    stated = case.fields.get(EXPECTS, case.tags.get(EXPECTS))
    if stated is not None:
        return bool(stated == ANSWER)
    expected = case.expected
    if expected is None:
        return any(case.fields.get(column) for column in REFERENCES)
    texts = expected if isinstance(expected, list) else [expected]
    return not all(isinstance(text, str) and refuses_by_text(text) for text in texts)


def _add_language(case: Case, text: str, values: dict[str, float | None], details: dict[str, Any]) -> None:
    """Compare the answer's language with that of the reference, or else with that of the prompt."""
    language = language_of(text)
    if language is None:
        return
    references = case.expected if isinstance(case.expected, list) else [case.expected]
    known = [
        language if reference == text else language_of(reference)
        for reference in references
        if isinstance(reference, str)
    ]
    expected = {language for language in known if language is not None} or {prompt_language(case.messages)} - {None}
    if not expected:
        return
    values[LANGUAGE_SWITCH] = float(language not in expected)
    if language not in expected:
        details["language"] = language
        details["expected_language"] = "|".join(sorted(language for language in expected if language is not None))


def prompt_language(messages: Iterable[Mapping[str, Any]]) -> str | None:
    """The language of the last user message or, if that is too short, of all of them."""
    texts = [text_of(message.get("content")) or "" for message in messages if message.get("role") == "user"]
    if not texts:
        return None
    return language_of(texts[-1]) or (language_of("\n".join(texts)) if len(texts) > 1 else None)


def _requested(params: Mapping[str, Any]) -> Any:
    """The checked schema of the suite's ``response_format``, or ``None``."""
    response_format = params.get("response_format")
    if response_format is None:
        return None
    schema = requested_schema({"response_format": msgspec.Raw(msgspec.json.encode(response_format))})
    return None if schema is None else checked_schema(schema)


def _majority(forms: Iterable[Form]) -> Form | None:
    """The form of more than half of the references."""
    counts = Counter(forms)
    form, count = counts.most_common(1)[0] if counts else ("plain text", 0)
    return form if 2 * count > counts.total() else None
