"""Measures refusals, format, language and length of answers, like a scorer that every suite has."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

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
    has_language,
    language_of,
    shape_of,
)
from fairtrial.domain.limits.json_schema import checked_schema, follows, requested_schema
from fairtrial.domain.run import Answer, Case, Score

Given = TypeVar("Given")
Found = TypeVar("Found")

EXPECTS = "expects"
"""The column that says what a case expects: an `ANSWER`, or anything else, such as a refusal."""
ANSWER = "answer"
REFERENCES = ("contains_any", "contains_all", "regex_match")
"""Columns that state what a right answer contains, besides ``expected``."""
JSON_SCORERS = frozenset({"fields", "json_schema", "json-schema"})


def _once(find: Callable[[Given], Found], key_of: Callable[[Given], Hashable]) -> Callable[[Given], Found]:
    """The function, which finds the result for each key once; the keys are texts that the run holds anyway."""
    known: dict[Hashable, Found] = {}

    def found(given: Given) -> Found:
        key = key_of(given)
        if key not in known:
            known[key] = find(given)
        return known[key]

    return found


def said_by(answer: Answer) -> Hashable:
    """What tells whether two answers say the same."""
    return answer.text, answer.refusal, answer.finish_reason


def by_case(case: Case) -> str:
    """The id of a case, which is unique in its suite."""
    return case.case_id


def refuses_answer(answer: Answer) -> bool:
    """Whether the answer refuses, by the API's fields or by how its text begins."""
    return refuses(answer.text or "", refusal=answer.refusal, finish_reason=answer.finish_reason)


class Signals:
    """Measures the answers of one suite, like a scorer that every suite has."""

    name = SIGNALS

    def __init__(self, suite: Suite) -> None:
        self._schema = _requested(suite.params)
        kinds = {entry.kind for entry in suite.entries.values()}
        fields = any("field" in entry.options for entry in suite.entries.values())
        self._object_form = bool(kinds & JSON_SCORERS) or fields
        # What follows from a case or a text alone is found once, because controls give each text to several cases.
        self._forms_of = _once(self._forms, by_case)
        self._expects = _once(expects_answer, by_case)
        self._prompt_languages = _once(lambda case: prompt_language(case.messages), by_case)
        self._shapes, self._languages = _once(shape_of, str), _once(language_of, str)
        self.refuses = _once(refuses_answer, said_by)
        self._usual = _majority(form for case in suite.cases for form in self._forms(case))

    def score(self, case: Case, answer: Answer) -> Score:
        """The signals of one answer; details name the languages and the form if they depart from what is expected."""
        text, refused = answer.text or "", self.refuses(answer)
        values: dict[str, float | None] = {REFUSED: float(refused), CHARACTERS: float(len(text))}
        details: dict[str, Any] = {}
        if self._expects(case):
            values[OVER_REFUSED] = float(refused)
        if text and not withheld(answer.refusal, answer.finish_reason):
            self._add_format(case, text, values, details)
            self._add_language(case, text, values, details)
        return Score(SIGNALS, values, details)

    def _add_format(self, case: Case, text: str, values: dict[str, float | None], details: dict[str, Any]) -> None:
        if self._schema is not None:
            valid = follows(self._schema, text)
        else:
            forms = self._forms_of(case) or ({self._usual} if self._usual else set())
            valid = self._shapes(text) in forms if forms else None
        if valid is None:
            return
        values[FORMAT_VALID] = float(valid)
        if not valid:
            details["form"] = form_of(text)

    def _add_language(self, case: Case, text: str, values: dict[str, float | None], details: dict[str, Any]) -> None:
        """Compare the answer's language with that of the reference, or else with that of the prompt."""
        references = case.expected if isinstance(case.expected, list) else [case.expected]
        if text in references and has_language(text):
            values[LANGUAGE_SWITCH] = 0.0  # whatever the language is, so that the model need not find it
            return
        language = self._languages(text)
        if language is None:
            return
        known = {self._languages(reference) for reference in references if isinstance(reference, str)} - {None}
        expected = known or {self._prompt_languages(case)} - {None}
        if not expected:
            return
        values[LANGUAGE_SWITCH] = float(language not in expected)
        if language not in expected:
            details["language"] = language
            details["expected_language"] = "|".join(sorted(name for name in expected if name is not None))

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
