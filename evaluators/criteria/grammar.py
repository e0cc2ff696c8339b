"""A gate line, read and written: one grammar for the lines of suites and of gates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from evaluators.criteria.grammar_hints import EVERY, PHRASES, UNITS, GateLineError, nearest_form, nearest_word
from evaluators.results.scope import Scope

Operator = Literal[">=", "<=", "=="]
Unit = Literal["", "%", "pp", "s", "ms", "$"]
Whom = Literal["", "among these reviewers", "in general"]
OPERATORS: tuple[Operator, ...] = (">=", "<=", "==")
WHOM: tuple[Whom, ...] = ("among these reviewers", "in general")

TOKEN = re.compile(r'>=|<=|==|[<>=]|(?:[^\s"<>=]|"[^"]*")+')
NUMBER = re.compile(r"(\$?)(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(.*)", re.DOTALL)
PLAIN = re.compile(r"[\w.+\-@/:|*]+")
METRIC = re.compile(r'\w[\w-]*(?:\.[^.\s"]+)*', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Level:
    """``>= 95% sure``: a floor or a ceiling; ``number`` as written, in ``unit``; ``sure``: the bound must clear it."""

    operator: Operator
    number: float
    unit: Unit = ""
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Versus:
    """``not worse than base by 2pp``; ``margin`` as written, in ``unit``: points (``pp``) or relative (``%``)."""

    question: Literal["not worse", "better"]
    ref: str
    margin: float | None = None
    unit: Literal["pp", "%"] = "pp"


@dataclass(frozen=True, slots=True)
class State:
    """``hold`` or ``clean``: what guardrails and audits do."""

    word: Literal["hold", "clean"]


@dataclass(frozen=True, slots=True)
class GateLine:
    """One line: what is measured, what is asked of it, where, and on how much evidence (``with 100 ratings``).

    ``whom``: for whom a line on reviews speaks; by default for reviewers in general where three or more judged.
    """

    metric: str
    test: Level | Versus | State
    scope: Scope | None = None
    with_count: int | None = None
    with_unit: str = ""
    whom: Whom = ""

    @property
    def family(self) -> str:
        """The part before the first point: a scorer's name, or ``live``, ``review``, ``judge``, ``data``."""
        return self.metric.partition(".")[0]


def parse(text: str) -> GateLine:
    """The line that this text means; raises `GateLineError` with what is wrong and the nearest form."""
    words = Words(text)
    metric = _metric(words)
    test = _test(words)
    whom = _whom(words)
    scope = _scope(words)
    count, unit = _with(words)
    if not words.done:
        raise words.error(f"{words.peek()!r} is not expected here")
    return GateLine(metric, test, scope, count, unit, whom)


def render(line: GateLine) -> str:
    """The line as text; ``parse(render(line)) == line``."""
    parts = [quoted(line.metric), _rendered_test(line.test), *([line.whom] if line.whom else [])]
    if line.scope is not None:
        value = line.scope.value
        parts.append(f"in every {quoted(line.scope.tag)}" if value is None else f"in {line.scope.tag}:{quoted(value)}")
    if line.with_count is not None:
        parts.append(f"with {line.with_count} {quoted(line.with_unit)}")
    return " ".join(parts)


def quoted(text: str) -> str:
    """The text, in quotes if it needs them."""
    return text if PLAIN.fullmatch(text) else f'"{text}"'


class Words:
    """The words of one line, taken from the left."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._words = TOKEN.findall(text)
        self._at = 0
        if text.count('"') % 2:
            raise self.error("a quote is opened and not closed")

    @property
    def done(self) -> bool:
        return self._at >= len(self._words)

    def peek(self) -> str:
        return "" if self.done else self._words[self._at]

    def take(self, what: str) -> str:
        """The next word; an error that says what was expected if there is none."""
        if self.done:
            raise self.error(f"the line ends where {what} should come")
        self._at += 1
        return str(self._words[self._at - 1])

    def taken(self, *expected: str) -> bool:
        """Take these words if they come next."""
        if tuple(self._words[self._at : self._at + len(expected)]) != expected:
            return False
        self._at += len(expected)
        return True

    def error(self, wrong: str) -> GateLineError:
        return GateLineError(self.text, wrong, nearest_form(self.text))


def _metric(words: Words) -> str:
    metric = words.take("a metric").replace('"', "")
    if not METRIC.fullmatch(metric):
        raise words.error(f"{metric!r} is not the name of a metric")
    return metric


def _test(words: Words) -> Level | Versus | State:
    if words.taken("not", "worse", "than"):
        return _not_worse(words)
    if words.taken("better", "than"):
        ref = _ref(words)
        return Versus("better", ref, *_margin(words)) if words.taken("by") else Versus("better", ref)
    if words.taken("hold"):
        return State("hold")
    if words.taken("clean"):
        return State("clean")
    return _level(words)


def _not_worse(words: Words) -> Versus:
    ref = _ref(words)
    if not words.taken("by"):
        raise words.error("'not worse than' needs a margin: a margin of nothing can't be shown for two equal models")
    margin, unit = _margin(words)
    return Versus("not worse", ref, margin, unit)


def _ref(words: Words) -> str:
    ref = words.take("what to compare with").replace('"', "")
    if ref in ("by", "in", "with"):
        raise words.error(f"what to compare with is missing before {ref!r}")
    return ref


def _margin(words: Words) -> tuple[float, Literal["pp", "%"]]:
    number, unit = _number(words, "a margin")
    if unit == "pp" or unit == "%":
        if number <= 0:
            raise words.error("a margin must be greater than 0")
        return number, unit
    raise words.error(f"a margin is in pp (points) or % (relative), not {unit or 'a bare number'!r}")


def _level(words: Words) -> Level:
    word = words.take("what is asked of the metric")
    for operator in OPERATORS:
        if word == operator:
            number, unit = _number(words, "a number")
            return Level(operator, number, unit, words.taken("sure"))
    if word in PHRASES:
        raise words.error(f"{word!r} goes on otherwise: {PHRASES[word]!r}")
    raise words.error(f"{word!r} can't follow a metric{nearest_word(word)}")


def _number(words: Words, what: str) -> tuple[float, Unit]:
    word = words.take(what)
    found = NUMBER.fullmatch(word)
    if found is None:
        raise words.error(f"{word!r} is not a number")
    dollar, digits, rest = found.groups()
    rest = dollar or rest
    if not rest and words.peek() in UNITS:
        rest = words.take("a unit")
    for unit in UNITS:
        if rest == unit:
            return float(digits), unit
    if not rest:
        return float(digits), ""
    raise words.error(f"{rest!r} is not a unit (known: {', '.join(UNITS)})")


def _whom(words: Words) -> Whom:
    for whom in WHOM:
        if words.taken(*whom.split()):
            return whom
    return ""


def _scope(words: Words) -> Scope | None:
    if not words.taken("in"):
        return None
    if words.taken(EVERY):
        return Scope(words.take("the tag whose slices are meant").replace('"', ""))
    word = words.take("a slice, such as language:en")
    tag, colon, value = word.partition(":")
    value = value.replace('"', "")
    if not tag or not colon or not value:
        raise words.error(f"{word!r} is not a slice: write tag:value, or 'in every tag'")
    return Scope(tag, value)


def _with(words: Words) -> tuple[int | None, str]:
    if not words.taken("with"):
        return None, ""
    count = words.take("how many")
    if not count.isdecimal() or int(count) < 1:
        raise words.error(f"{count!r} is not a whole number from 1")
    return int(count), words.take("what is counted, such as ratings").replace('"', "")


def _rendered_test(test: Level | Versus | State) -> str:
    if isinstance(test, State):
        return test.word
    if isinstance(test, Level):
        return f"{test.operator} {_amount(test.number, test.unit)}" + (" sure" if test.sure else "")
    by = "" if test.margin is None else f" by {_amount(test.margin, test.unit)}"
    return f"{test.question} than {quoted(test.ref)}{by}"


def _amount(number: float, unit: Unit) -> str:
    digits = repr(number).removesuffix(".0")
    return f"${digits}" if unit == "$" else f"{digits}{unit}"
