"""Scores whether regular expressions are found in an answer, or not found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.scorer import Compared, OffFormat, ScorerType, TextRules, read_flag, read_rules
from fairtrial.domain.limits.linear_regex import compile_regex
from fairtrial.domain.run import Answer, Case, Score

RULES = ("match", "none")
MOST_CHARS = 20_000
MOST_PATTERNS = 100


@dataclass(frozen=True, slots=True)
class Regex(TextRules):
    """``accuracy``: 1 if every pattern of *match* is found in the answer and no pattern of *none* is.

    RE2 takes linear time. An answer of more than `MOST_CHARS` is still off format, because text that is not searched
    must not count as "not found".
    """

    @property
    def version(self) -> str:
        return f"regex/3 case:{'yes' if self.case else 'no'} columns:{','.join(self.columns.values())}{self.written}"

    def case_problem(self, case: Case) -> str | None:
        try:
            patterns = [pattern for rule in RULES for pattern in self._patterns(case, rule)]
            for pattern in patterns:
                compile_regex(pattern, case=self.case)
        except ValueError as error:
            return f"has an invalid pattern: {error}"
        return None if patterns else f"has no pattern to look for (columns: {', '.join(self.columns.values())})"

    def score(self, case: Case, answer: Answer) -> Score:
        text = answer.text or ""
        if len(text) > MOST_CHARS:
            wrong = Score(self.name, {"accuracy": 0.0}, {"found": []})
            raise OffFormat(f"the answer has {len(text):,} characters; regex searches at most {MOST_CHARS:,}", wrong)
        matches = {rule: [self._find(pattern, text) for pattern in self._patterns(case, rule)] for rule in RULES}
        right = all(matches["match"]) and not any(matches["none"])
        return Score(
            self.name,
            {"accuracy": float(right)},
            {"found": [match for rule in RULES for match in matches[rule] if match]},
        )

    def normalised(self, case: Case, answer: Answer) -> Compared:
        self.score(case, answer)  # raises `OffFormat` for a text that is too long to search
        answered = answer.text or ""
        patterns = [(rule, pattern) for rule in RULES for pattern in self._patterns(case, rule)]
        generator = ((rule, pattern, self._find(pattern, answered)) for rule, pattern in patterns)
        clauses = (
            f"{rule} {pattern!r} finds {'nothing' if text is None else repr(text)}" for rule, pattern, text in generator
        )
        return Compared(answered, tuple(pattern for _, pattern in patterns), "; ".join(clauses))

    def _patterns(self, case: Case, rule: str) -> tuple[str, ...]:
        own = self.of_case(case, rule)
        if len(own) > MOST_PATTERNS:
            raise ValueError(f"{self.columns[rule]!r} has {len(own):,} patterns; the limit is {MOST_PATTERNS}")
        return self.literal[rule] + own

    def _find(self, pattern: str, text: str) -> str | None:
        """The matched text, ``None`` without a match; an empty match is marked, so that the two differ."""
        match = compile_regex(pattern, case=self.case).search(text)
        return None if match is None else match[:200] or "(an empty match)"


def _check(pattern: str, rule: str) -> None:
    try:
        compile_regex(pattern)
    except ValueError as error:
        raise ValueError(f"{rule}: {error}") from error


def build(options: Mapping[str, Any], name: str) -> Regex:
    literal, columns = read_rules(options, RULES, "regex")
    case = read_flag(options, "case", default=True)
    for rule in RULES:
        for pattern in literal[rule]:
            _check(pattern, rule)
    return Regex(name, literal, columns, case)


scorer = ScorerType(
    summary="RE2 regular expressions match the answer, or do not; more than 20,000 characters is off format.",
    options={
        "match": "Every one of these must be found, anywhere in the answer.",
        "none": "None of these may be found.",
        "match_column": "The column with a row's own patterns to find; `regex_match` by default.",
        "none_column": "The column with a row's own patterns that must not be found; `regex_none` by default.",
        "case": "`yes` (default) respects case; `no` ignores it.",
    },
    build=build,
    short="match",
)
