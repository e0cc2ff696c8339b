"""Scores whether an answer is in the required language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.scorer import Compared, ScorerType, Stat, as_texts, read_texts, read_word
from fairtrial.domain.answers.signals import SAME_LANGUAGE, SIGNALS_VERSION, language_of
from fairtrial.domain.run import Answer, Case, Score


@dataclass(frozen=True, slots=True)
class Language:
    """``accuracy``: 1 if the detected language is a required one. Answers without a known language are unscored."""

    name: str
    codes: tuple[str, ...]
    column: str

    @property
    def version(self) -> str:
        return f"language/1 detector:{SIGNALS_VERSION} is:{'|'.join(self.codes) or '-'} column:{self.column}"

    stats = (Stat("accuracy", "proportion"),)

    def case_problem(self, case: Case) -> str | None:
        try:
            codes = self._codes(case)
        except ValueError as error:
            return f"has an invalid language: {error}"
        return None if codes else f"has no language in {self.column!r}"

    def score(self, case: Case, answer: Answer) -> Score:
        language = language_of(answer.text or "")
        value = None if language is None else float(language in self._codes(case))
        return Score(self.name, {"accuracy": value}, {"detected": language or "(too short to tell)"})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        language = language_of(answer.text or "")
        why = (
            "the answer is too short to tell its language"
            if language is None
            else f"the detected language is {language}"
        )
        return Compared(language or "", self._codes(case), why)

    def _codes(self, case: Case) -> tuple[str, ...]:
        codes = self.codes or as_texts(case.fields.get(self.column), repr(self.column))
        return tuple(SAME_LANGUAGE.get(code, code) for code in codes)


def build(options: Mapping[str, Any], name: str) -> Language:
    return Language(name, read_texts(options, "is"), read_word(options, "column", "language") or "")


scorer = ScorerType(
    summary="The answer is in the required language.",
    options={
        "is": "The accepted languages by their ISO 639-1 codes, such as `de`, or `[en, de]`.",
        "column": "The column with a row's accepted languages, if `is` is not given; `language` by default.",
    },
    build=build,
    short="is",
)
