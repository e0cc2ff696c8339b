"""Scores whether an answer contains any, all or none of some texts, as whole words and ignoring case."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from evaluators.scoring.scorer import Compared, ScorerType, TextRules, read_flag, read_rules, references_of
from fairtrial.domain.run import Answer, Case, Score

RULES = ("any", "all", "none")
APOSTROPHES = str.maketrans("‘’ʼ", "'''")
BEFORE_A_NUMBER = r"(?<!\d[.,])(?<!\s[-−])(?<!=[-−])(?<!^[-−])"
AFTER_A_NUMBER = r"(?![.,]\d)"
"""5 is not found in 15, 50, 1.5, 5,200 or -5."""


@dataclass(frozen=True, slots=True)
class Contains(TextRules):
    """``accuracy``: 1 if the answer contains at least one of *any*, every one of *all* and none of *none*."""

    words: bool
    raw: bool

    @property
    def version(self) -> str:
        columns = ",".join(self.columns.values())
        raw = " raw:yes" if self.raw else ""
        return f"contains/1 words:{_yes(self.words)} case:{_yes(self.case)}{raw} columns:{columns}{self.written}"

    def case_problem(self, case: Case) -> str | None:
        try:
            required = self._wanted(case)
        except ValueError as error:
            return f"has an invalid column {error}"
        if any(required.values()):
            return None
        return f"has nothing to look for (columns: {', '.join(self.columns.values())}, expected)"

    def score(self, case: Case, answer: Answer) -> Score:
        required = self._wanted(case)
        text = normal(answer.text or "", case=self.case, raw=self.raw)
        hits = {rule: [part for part in required[rule] if self._finds(part, text)] for rule in RULES}
        right = (
            (not required["any"] or bool(hits["any"])) and len(hits["all"]) == len(required["all"]) and not hits["none"]
        )
        return Score(self.name, {"accuracy": float(right)}, {rule: has for rule, has in hits.items() if has})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        required, details = self._wanted(case), self.score(case, answer).details
        references = tuple(normal(part, case=self.case) for rule in RULES for part in required[rule])
        clauses = [
            f"{rule} of {_quoted(required[rule])}: {_found(details.get(rule))}" for rule in RULES if required[rule]
        ]
        return Compared(normal(answer.text or "", case=self.case), references, "; ".join(clauses))

    def _wanted(self, case: Case) -> dict[str, tuple[str, ...]]:
        required = {rule: self.literal[rule] + self.of_case(case, rule) for rule in RULES}
        if not any(required.values()):
            required["any"] = references_of(case.expected)
        return required

    def _finds(self, part: str, text: str) -> bool:
        part = normal(part, case=self.case, raw=self.raw)
        return _word(part).search(text) is not None if self.words else part in text


def normal(text: str, *, case: bool, raw: bool = False) -> str:
    """The text in NFKC, with straight apostrophes, and in lower case unless case matters; ``raw``: only its case."""
    if raw:
        return text if case else text.lower()
    text = unicodedata.normalize("NFKC", text).translate(APOSTROPHES)
    return text if case else text.casefold()


@lru_cache(maxsize=4096)
def _word(part: str) -> re.Pattern[str]:
    before = (r"(?<!\w)" if part[:1].isalnum() else "") + (BEFORE_A_NUMBER if part[:1].isdigit() else "")
    after = (r"(?!\w)" if part[-1:].isalnum() else "") + (AFTER_A_NUMBER if part[-1:].isdigit() else "")
    return re.compile(before + re.escape(part) + after)


def _quoted(parts: Sequence[str]) -> str:
    return ", ".join(map(repr, parts))


def _found(parts: Sequence[str] | None) -> str:
    return f"found {_quoted(parts)}" if parts else "none found"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def build(options: Mapping[str, Any], name: str) -> Contains:
    literal, columns = read_rules(options, RULES, "contains")
    if any(not part.strip() for rule in RULES for part in literal[rule]):
        raise ValueError("an empty text is in every answer: name a text to look for")
    words = read_flag(options, "words", default=True)
    case, raw = (read_flag(options, option, default=False) for option in ("case", "raw"))
    return Contains(name, literal, columns, case, words, raw)


scorer = ScorerType(
    summary="The answer contains given texts, or does not contain them.",
    options={
        "any": "At least one of these must be in every answer.",
        "all": "Every one of these must be in every answer.",
        "none": "None of these may be in any answer.",
        "any_column": "The column with a row's list, of which one must be there; `contains_any` by default.",
        "all_column": "The column with a row's list, all of which must be there; `contains_all` by default.",
        "none_column": "The column with a row's list, none of which may be there; `contains_none` by default.",
        "words": "`yes` (default): whole words and whole numbers only, so 5 is not in 15 or 1.5; `no` for languages "
        "written without spaces.",
        "raw": "`yes` compares characters as they are. By default full-width letters and curly apostrophes equal plain "
        "ones.",
        "case": "`yes` to respect case; by default it is ignored.",
    },
    build=build,
    short="any",
)
