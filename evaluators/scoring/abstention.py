"""Tells whether an answer declines, hands over, says that it does not know, or asks back; in English."""

from __future__ import annotations

from typing import Literal

from fairtrial.domain.answers.refusals import refuses
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


def refused(answer: Answer) -> bool:
    """Whether the model refused to answer, by fields of the API or by how the answer begins."""
    return refuses(answer.text, refusal=answer.refusal, finish_reason=answer.finish_reason)


def abstention(answer: Answer) -> Form | None:
    """How the answer abstains; ``None`` if it does not."""
    if refused(answer):
        return "refuses"
    said = (answer.text or "")[:MOST_CHARS].replace("’", "'")
    return next((form for form, pattern in PATTERNS if compile_regex(pattern, case=False).search(said)), None)
