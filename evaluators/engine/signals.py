"""Measures on every answer what fine-tuning breaks first: refusals, the format, the language and the length.

The signals are stored as scores of the reserved scorer `SIGNALS`. They need no scorer in the suite, and they stay when
texts are erased. A signal that an answer does not have is left out, and never 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from evaluators.suite import Suite
from fairtrial.domain.answers.language import language_of
from fairtrial.domain.answers.messages import text_of
from fairtrial.domain.answers.refusals import refuses, refuses_by_text, withheld
from fairtrial.domain.answers.requested_format import checked_schema, follows, requested_schema
from fairtrial.domain.answers.signals import (
    CHARACTERS,
    FORMAT_VALID,
    LANGUAGE_SWITCH,
    OVER_REFUSED,
    REFUSED,
    SIGNALS,
    Form,
    form_of,
    shape_of,
)
from fairtrial.domain.run import Answer, Case, Score

EXPECTS = "expects"
"""The column that says what a case expects: an `ANSWER`, or anything else, such as a refusal."""
ANSWER = "answer"
REFERENCES = ("contains_any", "contains_all", "regex_match")
"""Columns that state what a right answer contains, besides ``expected``."""
JSON_SCORERS = frozenset({"fields", "json_schema", "json-schema"})


class Signals:
    """Measures the answers of one suite, like a scorer that every suite has."""

    name = SIGNALS

    def __init__(self, suite: Suite) -> None:
        self._schema = _requested(suite.params)
        kinds = {entry.kind for entry in suite.entries.values()}
        fields = any("field" in entry.options for entry in suite.entries.values())
        self._object_form = bool(kinds & JSON_SCORERS) or fields
        self._usual = _majority(form for case in suite.cases for form in self._forms(case))

    def score(self, case: Case, answer: Answer) -> Score:
        """The signals of one answer; details name the languages and the form if they depart from what is expected."""
        text = answer.text or ""
        refused = refuses(text, refusal=answer.refusal, finish_reason=answer.finish_reason)
        values: dict[str, float | None] = {REFUSED: float(refused), CHARACTERS: float(len(text))}
        details: dict[str, Any] = {}
        if expects_answer(case):
            values[OVER_REFUSED] = float(refused)
        if text and not withheld(answer.refusal, answer.finish_reason):
            self._add_format(case, text, values, details)
            _add_language(case, text, values, details)
        return Score(SIGNALS, values, details)

    def _add_format(self, case: Case, text: str, values: dict[str, float | None], details: dict[str, Any]) -> None:
        if self._schema is not None:
            valid = follows(self._schema, text)
        else:
            forms = self._forms(case) or ({self._usual} if self._usual else set())
            valid = shape_of(text) in forms if forms else None
        if valid is None:
            return
        values[FORMAT_VALID] = float(valid)
        if not valid:
            details["form"] = form_of(text)

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
    found = language_of(text)
    if found is None:
        return
    references = case.expected if isinstance(case.expected, list) else [case.expected]
    known = [found if one == text else language_of(one) for one in references if isinstance(one, str)]
    wanted = {one for one in known if one is not None} or {prompt_language(case.messages)} - {None}
    if not wanted:
        return
    values[LANGUAGE_SWITCH] = float(found not in wanted)
    if found not in wanted:
        details["language"] = found
        details["expected_language"] = "|".join(sorted(one for one in wanted if one is not None))


def prompt_language(messages: Iterable[Mapping[str, Any]]) -> str | None:
    """The language of the last user message or, if that is too short, of all of them."""
    asked = [text_of(one.get("content")) or "" for one in messages if one.get("role") == "user"]
    if not asked:
        return None
    return language_of(asked[-1]) or (language_of("\n".join(asked)) if len(asked) > 1 else None)


def _requested(params: Mapping[str, Any]) -> Any:
    """The checked schema of the suite's ``response_format``, or ``None``."""
    wanted = params.get("response_format")
    if wanted is None:
        return None
    schema = requested_schema({"response_format": msgspec.Raw(msgspec.json.encode(wanted))})
    return None if schema is None else checked_schema(schema)


def _majority(forms: Iterable[Form]) -> Form | None:
    """The form of more than half of the references."""
    counts = Counter(forms)
    form, count = counts.most_common(1)[0] if counts else ("plain text", 0)
    return form if 2 * count > counts.total() else None
