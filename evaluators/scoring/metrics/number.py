"""Scores a number in an answer against the expected one, with a tolerance and units."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from evaluators.scoring.scorer import Compared, OffFormat, ScorerType, Stat, no_reference, read_choice, references_of
from fairtrial.domain.run import Answer, Case, Score

TAKE = ("last", "first", "only")
LARGEST_EXPONENT = 300
DIGITS = Context(prec=2 * LARGEST_EXPONENT)
NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>(?<!\d)[-+\N{MINUS SIGN}])?\$?(?P<digits>\d{1,3}(?:,\d{3})+(?!,?\d)|\d+|(?=\.\d))"
    r"(?P<rest>(?:\.\d+)?(?:[eE][-+]?\d{1,3})?)(?!\w*\d)\s?(?P<unit>[^\W\d_]+|%)?"
)
"""A decimal number with an optional unit. Commas only separate thousands; 5 is not found in x5."""


@dataclass(frozen=True, slots=True)
class NumberWithUnit:
    """A number and the unit that follows it, which may be an ordinary word."""

    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Number:
    """``accuracy``: 1 if the number is within the tolerance of an accepted one."""

    name: str
    take: str
    absolute: Decimal
    relative: Decimal
    units: Mapping[str, Decimal]

    @property
    def version(self) -> str:
        units = "".join(f" {unit or '(none)'}={factor}" for unit, factor in self.units.items())
        return f"number/2 take:{self.take} absolute:{self.absolute} relative:{self.relative}{units}"

    stats = (Stat("accuracy", "proportion"),)

    def case_problem(self, case: Case) -> str | None:
        for text in references_of(case.expected):
            numbers = quantities(text)
            if len(numbers) != 1 or self._converted(numbers[0], expected=True) is None:
                return f"expects {text!r}, which is not one number" + (" in a known unit" if self.units else "")
        return no_reference(case.expected)

    def score(self, case: Case, answer: Answer) -> Score:
        taken, expected = self._taken(answer), self._accepted(case)
        value = self._converted(taken, expected=False)
        right = value is not None and any(self._near(value, number) for number in expected)
        return Score(self.name, {"accuracy": float(right)}, {"number": str(taken.value), "unit": taken.unit})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        taken, expected = self._taken(answer), self._accepted(case)
        value = self._converted(taken, expected=False)
        references = tuple(f"{number:f}" for number in expected)
        if value is None:
            return Compared(str(taken.value), references, f"{taken.unit or 'a missing unit'} is not a known unit")
        near = min(expected, key=lambda number: abs(DIGITS.subtract(value, number)))
        which = "the only number" if self.take == "only" else f"the {self.take} number"
        why = f"{which} of the answer differs from {near:f} by {abs(DIGITS.subtract(value, near)):f}, and "
        return Compared(f"{value:f}", references, f"{why}{self._allowed(near):f} is allowed")

    def _taken(self, answer: Answer) -> NumberWithUnit:
        numbers = quantities(answer.text or "")
        if not numbers or (self.take == "only" and (len(numbers) > 1 or not is_only_a_number(answer.text or ""))):
            why = "the answer is not one number" if self.take == "only" else "the answer has no number"
            raise OffFormat(why, Score(self.name, {"accuracy": 0.0}))
        return numbers[0 if self.take == "first" else -1]

    def _accepted(self, case: Case) -> list[Decimal]:
        generator = (self._converted(quantities(text)[0], expected=True) for text in references_of(case.expected))
        return [number for number in generator if number is not None]

    def _converted(self, quantity: NumberWithUnit, *, expected: bool) -> Decimal | None:
        """The number in the base unit. ``None`` for an unknown unit; a bare expected number is in the base unit."""
        if not self.units:
            return quantity.value
        factor = self.units.get(quantity.unit, Decimal(1) if expected and not quantity.unit else None)
        return None if factor is None else DIGITS.multiply(quantity.value, factor)

    def _near(self, value: Decimal, expected: Decimal) -> bool:
        return abs(DIGITS.subtract(value, expected)) <= self._allowed(expected)

    def _allowed(self, expected: Decimal) -> Decimal:
        return DIGITS.add(self.absolute, DIGITS.multiply(self.relative, abs(expected)))


def quantities(text: str) -> list[NumberWithUnit]:
    """The numbers of a text in their order, without those that have too large an exponent."""
    return list(_quantities(text))


def _quantities(text: str) -> Iterable[NumberWithUnit]:
    for match in NUMBER.finditer(text):
        sign = "-" if match["sign"] in ("-", "\N{MINUS SIGN}") else ""
        value = Decimal(sign + match["digits"].replace(",", "") + match["rest"])
        if not value or abs(value.adjusted()) <= LARGEST_EXPONENT:
            yield NumberWithUnit(value, match["unit"] or "")


def is_only_a_number(text: str) -> bool:
    """Whether the text is one number, with its unit, and nothing else."""
    return NUMBER.fullmatch(text.strip().rstrip(".")) is not None


def build(options: Mapping[str, Any], name: str) -> Number:
    absolute, relative = (_amount(options.get(option, 0), option) for option in ("absolute", "relative"))
    units = options.get("units") or {}
    if not isinstance(units, Mapping):
        raise ValueError("units: map each unit to its factor, such as {km: 1000, m: 1}")
    factors = {str(unit): _amount(factor, "units") for unit, factor in units.items()}
    return Number(name, read_choice(options, "take", TAKE), absolute, relative, factors)


def _amount(value: Any, option: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"{option}: {value!r} is not a number of 0 or more")
    return Decimal(str(value))


scorer = ScorerType(
    summary="A number in the answer equals an accepted one, within a tolerance.",
    options={
        "take": "Which number counts: the `last` (default), the `first`, or the `only` one, which must be the whole "
        "answer.",
        "absolute": "The largest allowed difference; 0 by default.",
        "relative": "A further allowed difference as a share of the expected number; 0 by default.",
        "units": "The known units and their factors, such as `{km: 1000, m: 1}`. A number in the answer without a "
        "known unit is then wrong.",
    },
    build=build,
    short="absolute",
)
