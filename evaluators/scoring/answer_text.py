"""Reads answers for several scorers: their JSON value, how they abstain, and their n-grams of words."""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Literal

from fairtrial.domain.answers.refusals import refuses
from fairtrial.domain.limits.canonical_json import refuse_constant
from fairtrial.domain.limits.linear_regex import compile_regex
from fairtrial.domain.run import Answer

Form = Literal["refuses", "hands_over", "does_not_know", "asks"]
MOST_CHARS = 600
"""How much of an answer is searched. Later phrases rarely concern the whole answer."""

NOT = r"( not|n't)"
GIVE = (
    r"(clarify|specify|provide|tell|give|share|explain|confirm|describe|elaborate|rephrase|let me know"
    r"|be (a bit )?more)"
)
TEXT = r"(text|context|passage|sentence|message|question|statement|information|document|description|story|conversation)"
STATES = r"(say|mention|specify|provide|contain|include|state|give|tell|indicate|reveal|name|explain)"
KNOWN = r"(stated|mentioned|specified|provided|given|included|clear|known|possible to (say|tell|know|determine))"
FIND_OUT = r"(tell|say|know|determined?|answer(ed)?|inferred?|identify|identified|deduced?|conclude)"
PEOPLE = r"(support|agent|team|colleague|specialist|professional|expert|representative|human|staff|desk)"
GREETING = r"(hello|hi|sure|thank you|thanks|okay|ok)?"
ASKING = r"(which|what|who|where|when|how|do|did|does|is|are|have|has)"
PATTERNS: tuple[tuple[Form, str], ...] = (
    (
        "refuses",
        r"\bi(('m| am) (unable|not (able|equipped|designed|allowed))| do( not|n't) have the ability) to "
        r"(assist|help|provide|answer|access|give|send|share|offer|discuss)",
    ),
    (
        "hands_over",
        r"\b(contact|reach out to|consult|ask|speak (to|with)|talk to|write to|call) (a |an |the |our |your )?"
        rf"(\w+ ){{0,2}}{PEOPLE}\b",
    ),
    (
        "hands_over",
        r"\b(transfer|forward|escalate|hand|pass|redirect)(ring|ing)? (you|this|it|your \w+)( over| on)? to\b",
    ),
    ("hands_over", r"\b(outside|beyond|out of)( of)?( my| the| our)? (scope|area|expertise|remit|domain)\b"),
    ("hands_over", r"\bi (can|am able to|'m able to) only (help|assist|answer|support|handle|route|deal)\b"),
    (
        "hands_over",
        rf"\b(is|are|was){NOT} (related to|about) (a |the |our |my )?(ticket|product|service|support|order)",
    ),
    ("does_not_know", rf"\bi do{NOT} (really )?(know|have (enough|that|this|any|access|the)|understand)"),
    (
        "does_not_know",
        r"\b(i am|i'm|it is|it's|that is|this is|is) (not (sure|certain)|unsure|uncertain|unclear|unknown|ambiguous)",
    ),
    (
        "does_not_know",
        rf"\b(cannot|can{NOT}|can't|could{NOT}|unable to|impossible to)( be)? {FIND_OUT}",
    ),
    ("does_not_know", rf"\b((is|are|was|were){NOT}|it's not) ((explicitly|clearly|directly|specifically) )?{KNOWN}"),
    ("does_not_know", rf"\b{TEXT} (above |given |provided )?(does|do){NOT} {STATES}"),
    (
        "does_not_know",
        r"\b(not enough|insufficient|too little|missing|there is no) (information|context|details?|evidence|mention)\b",
    ),
    (
        "does_not_know",
        r"^\W*(unsure|unknown|none|null|n/?a|undetermined|not (sure|known|given|stated)|no answer)\W*$",
    ),
    ("asks", rf"\b(can|could|would|will) you (please |kindly )?{GIVE}"),
    ("asks", rf"\b(please|kindly) {GIVE}"),
    ("asks", r"\bwhat (exactly )?(do|did) you mean\b"),
    (
        "asks",
        r"\b(i|we)( would|'d)? (need|require|like) (some |a (bit|little) )?(more|additional|further) "
        r"(information|details?|context)",
    ),
    ("asks", rf"^\W*{GREETING}\W*{ASKING}\b[^.!?\n]{{0,160}}\b(you|your)\b[^.!?\n]{{0,160}}\?"),
)
Counts = Counter[Any]


class NotJson(Exception):
    """The answer has no JSON value of the required form; the message is the reason."""


def parse(text: str, *, lenient: bool = False) -> Any:
    """The JSON value of the whole answer (surrounding white space is allowed), or the first object in it."""
    if lenient:
        return _first_object(text)
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"the answer is not JSON: {error}") from error


def parse_object(text: str, *, lenient: bool = False) -> dict[str, Any]:
    """Like `parse`, but the value must be an object."""
    value = parse(text, lenient=lenient)
    if not isinstance(value, dict):
        raise NotJson(f"the answer is JSON, but {_kind(value)}")
    return value


def expected_object(expected: Any) -> dict[str, Any] | None:
    """The expected object of a row, given as an object or as JSON text; ``None`` if it is neither."""
    if isinstance(expected, dict):
        return expected
    if not isinstance(expected, str):
        return None
    try:
        return parse_object(expected)
    except NotJson:
        return None


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; ``true`` is not 1, but 1 equals 1.0."""
    return canonical(left) == canonical(right)


def canonical(value: Any, *, order: bool = True, ignore: Collection[str] = ()) -> str:
    """A text that is equal for equal values only; raises `NotJson` for a value that is nested too deeply.

    ``ignore``: fields that are left out. Without ``order`` lists are sorted.
    """
    try:
        return json.dumps(_canonical(value, order, ignore), sort_keys=True)
    except RecursionError as error:
        raise NotJson("the answer is nested too deeply to compare") from error


def _canonical(value: Any, order: bool, ignore: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(part, order, ignore) for key, part in value.items() if key not in ignore}
    if isinstance(value, list | tuple):
        parts = [_canonical(part, order, ignore) for part in value]
        return parts if order else sorted(parts, key=lambda part: json.dumps(part, sort_keys=True))
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _first_object(text: str) -> Any:
    decoder = json.JSONDecoder(parse_constant=refuse_constant)
    at = text.find("{")
    while at >= 0:
        try:
            value, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
        else:
            return value
    raise NotJson("the answer contains no JSON object")


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return f"{names.get(type(value), 'a number')} instead of an object"


def refused(answer: Answer) -> bool:
    """Whether the model refused to answer, by fields of the API or by how the answer begins."""
    return refuses(answer.text, refusal=answer.refusal, finish_reason=answer.finish_reason)


def abstention(answer: Answer) -> Form | None:
    """The form in which the answer abstains, in English; ``None`` if it does not."""
    if refused(answer):
        return "refuses"
    text = (answer.text or "")[:MOST_CHARS].replace("’", "'")
    return next((form for form, pattern in PATTERNS if compile_regex(pattern, case=False).search(text)), None)


def word_ngrams(words: Sequence[str], order: int) -> Counts:
    """Count each n-gram of this order."""
    return Counter(zip(*(words[start:] for start in range(order)), strict=False))


def matches(left: Counts, right: Counts) -> int:
    """The n-grams that both have, each counted as often as in the one that has fewer of it."""
    shared = left.keys() & right.keys()
    return sum(map(min, map(left.__getitem__, shared), map(right.__getitem__, shared)))


def longest_common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    """Its length. Each bit of an integer is a word of ``left``, so that one addition does a whole row.

    Source: Hyyrö (2004), Bit-parallel LCS-length computation revisited.
    """
    places: dict[str, int] = {}
    for at, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << at
    every = (1 << len(left)) - 1
    unmatched = every
    for word in right:
        hits = unmatched & places.get(word, 0)
        unmatched = (unmatched + hits | unmatched - hits) & every
    return len(left) - unmatched.bit_count()
