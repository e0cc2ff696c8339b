"""Parses gate lines, with one grammar for suites and gates, and suggests the nearest valid form."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal

from evaluators.results.run_table import Scope
from evaluators.suite import Suite

Operator = Literal[">=", "<=", "=="]
Unit = Literal["", "%", "pp", "s", "ms", "$"]
Population = Literal["", "among these reviewers", "in general"]
OPERATORS: tuple[Operator, ...] = (">=", "<=", "==")
POPULATIONS: tuple[Population, ...] = ("among these reviewers", "in general")

TOKEN = re.compile(r'>=|<=|==|[<>=]|(?:[^\s"<>=]|"[^"]*")+')
NUMBER = re.compile(r"(\$?)(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(.*)", re.DOTALL)
METRIC = re.compile(r'\w[\w-]*(?:\.[^.\s"]+)*', re.DOTALL)
UNITS: Final[tuple[Literal["%", "pp", "s", "ms", "$"], ...]] = ("%", "pp", "s", "ms", "$")
EVERY = "every"
NOT_WORSE = "<metric> not worse than base by 2pp"
BETTER = "<metric> better than base"
LEVEL = "<metric> >= 90%"
SCOPED = "<metric> >= 90% in language:en"
EVERY_SLICE = "<metric> >= 90% in every language"
COUNTED = "<metric> >= 4.0 with 100 ratings"
AMONG = "<metric> better than base among these reviewers"
GENERAL = "<metric> better than base in general"
HOLD = "live.guardrails hold"
SYMPTOMS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("among", "these", "reviewers"), AMONG),
    (("general", "generally"), GENERAL),
    (("worse", "drop", "regress", "least", "no-worse"), NOT_WORSE),
    (("better", "beats", "improves", "superior"), BETTER),
    (("every", "each", "all"), EVERY_SLICE),
    (("with", "ratings", "votes"), COUNTED),
    (("hold", "holds", "clean"), HOLD),
    (("in",), SCOPED),
)
WORDS = ("not", "better", ">=", "<=", "==", "hold", "clean")
PHRASES = {"not": "not worse than", "better": "better than"}
LOOKALIKES = {
    ">": ">=", "<": "<=", "=": "==", "=>": ">=", "at": ">=", "is": "==", "not-worse": "not worse than", "holds": "hold",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Threshold:
    """``>= 95% sure``: a floor or a ceiling.

    ``number`` is as written, in ``unit``; with ``sure`` the confidence bound must clear it, not only the estimate.
    """

    operator: Operator
    number: float
    unit: Unit = ""
    sure: bool = False


@dataclass(frozen=True, slots=True)
class VersusBaseline:
    """``not worse than base by 2pp``; ``margin`` is as written, in points (``pp``) or relative (``%``)."""

    question: Literal["not worse", "better"]
    ref: str
    margin: float | None = None
    unit: Literal["pp", "%"] = "pp"


@dataclass(frozen=True, slots=True)
class State:
    """``hold`` or ``clean``: the required state of guardrails and audits."""

    word: Literal["hold", "clean"]


@dataclass(frozen=True, slots=True)
class GateLine:
    """One line: the metric, the test, the slice, and the required evidence (``with 100 ratings``).

    ``population``: which reviewers a line on reviews generalises to; by default all, if six or more judged.
    """

    metric: str
    test: Threshold | VersusBaseline | State
    scope: Scope | None = None
    with_count: int | None = None
    with_unit: str = ""
    population: Population = ""

    @property
    def family(self) -> str:
        """The part before the first dot: a scorer's name, or ``live``, ``review``, ``judge``, ``data``."""
        return self.metric.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a gate: its text, its parsed form, the suite that measures it, and the gate or suite it stands in."""

    text: str
    line: GateLine
    suite: Suite
    source: str


def parse(text: str) -> GateLine:
    """Parse a line; raises `GateLineError` with the problem and the nearest valid form."""
    words = Words(text)
    metric = _metric(words)
    test = _test(words)
    population = _population(words)
    scope = _scope(words)
    count, unit = _with(words)
    if not words.done:
        raise words.error(f"{words.peek()!r} is not expected here")
    return GateLine(metric, test, scope, count, unit, population)


class Words:
    """The words of one line, consumed from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._words = TOKEN.findall(text)
        self._at = 0
        if text.count('"') % 2:
            raise self.error("a quotation mark is not closed")

    @property
    def done(self) -> bool:
        return self._at >= len(self._words)

    def peek(self) -> str:
        return "" if self.done else self._words[self._at]

    def take(self, what: str) -> str:
        """The next word; raises `GateLineError`, which names what was expected, at the end of the line."""
        if self.done:
            raise self.error(f"the line ends where {what} is expected")
        self._at += 1
        return str(self._words[self._at - 1])

    def skip(self, *expected: str) -> bool:
        """Consume these words if they come next; whether they did."""
        if tuple(self._words[self._at : self._at + len(expected)]) != expected:
            return False
        self._at += len(expected)
        return True

    def error(self, wrong: str) -> "GateLineError":
        return GateLineError(self.text, wrong, nearest_form(self.text))


def _metric(words: Words) -> str:
    metric = words.take("a metric").replace('"', "")
    if not METRIC.fullmatch(metric):
        raise words.error(f"{metric!r} is not the name of a metric")
    return metric


def _test(words: Words) -> Threshold | VersusBaseline | State:
    if words.skip("not", "worse", "than"):
        return _not_worse(words)
    if words.skip("better", "than"):
        ref = _ref(words)
        return VersusBaseline("better", ref, *_margin(words)) if words.skip("by") else VersusBaseline("better", ref)
    if words.skip("hold"):
        return State("hold")
    if words.skip("clean"):
        return State("clean")
    return _threshold(words)


def _not_worse(words: Words) -> VersusBaseline:
    ref = _ref(words)
    if not words.skip("by"):
        raise words.error("'not worse than' needs a margin: no evidence can show a difference of exactly zero")
    margin, unit = _margin(words)
    return VersusBaseline("not worse", ref, margin, unit)


def _ref(words: Words) -> str:
    ref = words.take("the name of the baseline").replace('"', "")
    if ref in ("by", "in", "with"):
        raise words.error(f"the name of the baseline is missing before {ref!r}")
    return ref


def _margin(words: Words) -> tuple[float, Literal["pp", "%"]]:
    number, unit = _number(words, "a margin")
    if unit == "pp" or unit == "%":
        if number <= 0:
            raise words.error("a margin must be greater than 0")
        return number, unit
    raise words.error(f"a margin is in pp (points) or % (relative), not {unit or 'a bare number'!r}")


def _threshold(words: Words) -> Threshold:
    word = words.take("a test of the metric")
    for operator in OPERATORS:
        if word == operator:
            number, unit = _number(words, "a number")
            return Threshold(operator, number, unit, words.skip("sure"))
    if word in PHRASES:
        raise words.error(f"{word!r} must continue as {PHRASES[word]!r}")
    raise words.error(f"{word!r} cannot follow a metric{nearest_word(word)}")


def _number(words: Words, what: str) -> tuple[float, Unit]:
    word = words.take(what)
    match = NUMBER.fullmatch(word)
    if match is None:
        raise words.error(f"{word!r} is not a number")
    dollar, digits, rest = match.groups()
    rest = dollar or rest
    if not rest and words.peek() in UNITS:
        rest = words.take("a unit")
    for unit in UNITS:
        if rest == unit:
            return float(digits), unit
    if not rest:
        return float(digits), ""
    raise words.error(f"{rest!r} is not a unit (known: {', '.join(UNITS)})")


def _population(words: Words) -> Population:
    for population in POPULATIONS:
        if words.skip(*population.split()):
            return population
    return ""


def _scope(words: Words) -> Scope | None:
    if not words.skip("in"):
        return None
    if words.skip(EVERY):
        return Scope(words.take("the tag of the slices").replace('"', ""))
    word = words.take("a slice, such as language:en")
    tag, colon, value = word.partition(":")
    value = value.replace('"', "")
    if not tag or not colon or not value:
        raise words.error(f"{word!r} is not a slice: write tag:value, or 'in every tag'")
    return Scope(tag, value)


def _with(words: Words) -> tuple[int | None, str]:
    if not words.skip("with"):
        return None, ""
    count = words.take("a count")
    if not count.isdecimal() or int(count) < 1:
        raise words.error(f"{count!r} is not a whole number of 1 or more")
    return int(count), words.take("a unit, such as ratings").replace('"', "")


class GateLineError(ValueError):
    """A gate line that cannot be parsed: ``wrong`` is the problem, ``known`` the nearest form, ``line`` the text."""

    def __init__(self, line: str, wrong: str, known: str) -> None:
        super().__init__(f"gate line {line!r}: {wrong} (the nearest form: {known})")
        self.line = line
        self.wrong = wrong
        self.known = f"the nearest form: {known}"


def nearest_form(text: str) -> str:
    """The form that a line with these words most likely intends."""
    words = text.lower().split()
    metric = next((word for word in words[:1] if word[0].isalpha()), "<metric>").strip('"')
    for symptoms, form in SYMPTOMS:
        if any(word in symptoms for word in words[1:]):
            return form.replace("<metric>", metric)
    return LEVEL.replace("<metric>", metric)


def nearest_word(word: str) -> str:
    """`: did you mean ...?`, or the words that may follow a metric."""
    near = LOOKALIKES.get(word) or next(iter(get_close_matches(word, WORDS, n=1)), None)
    return f": did you mean {near!r}?" if near else f"; it must be one of {', '.join(WORDS)}"
