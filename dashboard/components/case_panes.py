"""Draws cases with prompt, expected answer and answers as plain text, and marks the words that differ."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import streamlit as st

from dashboard.components import formatting
from fairtrial.api.run_answers import AnyAnswer, CasePair, CaseQuestion, CaseScore, GradedCase
from fairtrial.domain.answers.chat import messages_of
from fairtrial.domain.answers.signals import FORMAT_VALID, LANGUAGE_SWITCH, OVER_REFUSED, REFUSED, SIGNALS, departs
from fairtrial.domain.wording import TEXT_DELETED, TEXT_NOT_STORED, counted

HERE = Path(__file__).parent
OWN = ("probe", "own")
"""The tag of a suite's own cases beside cases of probes, which a reader need not see."""
DEPARTURES = {
    f"{SIGNALS}.{REFUSED}": "refusal",
    f"{SIGNALS}.{OVER_REFUSED}": "over-refusal",
    f"{SIGNALS}.{FORMAT_VALID}": "not in the required format",
    f"{SIGNALS}.{LANGUAGE_SWITCH}": "in another language",
}
"""The words for a signal that departs from what is expected."""
FAILED = {"refused": "refused", "off_format": "wrong format", "truncated": "truncated at its limit"}
Mark = Literal["same", "only"]
WORDS = re.compile(r"\s+|\w+|[^\w\s]")
MOST_WORDS = 4000
"""Longer texts are not compared, because that would take too long."""


@lru_cache(maxsize=1)
def component() -> Any:
    """The component, declared once per process from files of this package."""
    script, style = ((HERE / f"case_panes.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    return st.components.v2.component("fairtrial_cases", js=script, css=style)


def show(cases: Sequence[Mapping[str, Any]], *, key: str) -> None:
    """Draw cases from `one_sided` and `two_sided`."""
    component()(key=key, data={"cases": list(cases)})


def one_sided(row: GradedCase, title: str, *, link: Mapping[str, str]) -> dict[str, Any]:
    """A case of one run; ``link`` has the query parameters of its page."""
    return _case(row, [_side(row, title, "", _whole(row))], link, deleted=row.texts_deleted)


def two_sided(row: CasePair, titles: tuple[str, str], *, link: Mapping[str, str], mark: bool = True) -> dict[str, Any]:
    """A case of two runs, the baseline on the left. ``titles``: candidate, baseline; ``mark`` shows differences."""
    new, old = row.candidate, row.baseline
    left, right = _whole(old), _whole(new)
    if mark and not any(side.error is not None or side.texts_deleted for side in (new, old)):
        pieces = differing(old.output or "", new.output or "")
        left, right = pieces.base, pieces.candidate
    sides = [_side(old, titles[1], "base", left), _side(new, titles[0], "candidate", right)]
    return _case(row, sides, link, deleted=new.texts_deleted) | {"change": row.change}


def _case(
    row: CaseQuestion, sides: Sequence[Mapping[str, Any]], link: Mapping[str, str], *, deleted: bool
) -> dict[str, Any]:
    repeat = f", repeat {row.repeat + 1}" if row.repeat else ""
    return {
        "case_id": f"{row.case_id}{repeat}",
        "link": "?" + urlencode(dict(link) | {"case": row.case_id}),
        "tags": ", ".join(f"{name}: {value}" for name, value in (row.tags or {}).items() if (name, value) != OWN),
        "asked": _messages(row.asked, deleted=deleted),
        "expected": None if row.expected is None else formatting.readable_reference(row.expected),
        "sides": sides,
    }


def _side(row: AnyAnswer, title: str, side: str, pieces: "Sequence[Piece]") -> dict[str, Any]:
    notes = [FAILED.get(row.outcome, ""), formatting.milliseconds(row.latency_ms) if row.latency_ms else ""]
    notes += [counted(row.tokens_out, "token") if row.tokens_out is not None else ""]
    notes += ["cached" if row.cached else ""]
    return {
        "title": title,
        "side": side,
        "note": " · ".join(note for note in notes if note),
        "pieces": [[piece.text, piece.mark] for piece in pieces if piece.text],
        "scores": [
            _score(score)
            for score in row.scores
            if departs(score.metric, score.value) and (score.value is not None or score.why)
        ],
    }


def _score(score: CaseScore) -> tuple[str, str, str]:
    value = formatting.DASH if score.value is None else f"{score.value:g}"
    why = score.why or (f"answered {score.label!r}" if score.label is not None else "")
    words = DEPARTURES.get(score.metric)
    return ("", words, why) if words else (score.metric, value, why)


def _whole(row: AnyAnswer) -> "tuple[Piece, ...]":
    if row.texts_deleted:
        return (Piece(f"Answer {TEXT_DELETED}"),)
    if row.error is not None:
        return (Piece(f"No answer: {row.error}"),)
    return (Piece(row.output or row.refusal or ""),)


def _messages(prompt: str | None, *, deleted: bool = False) -> list[tuple[str, str]]:
    """The role and text of each message, or why there is none."""
    if prompt is None:
        return [("prompt", TEXT_DELETED if deleted else TEXT_NOT_STORED)]
    return messages_of(prompt)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of one text: in both texts, or in this one ``only``."""

    text: str
    mark: Mark = "same"


@dataclass(frozen=True, slots=True)
class Differing:
    """Both texts in pieces that join to the whole texts. ``compared`` is false if they were too long."""

    base: tuple[Piece, ...]
    candidate: tuple[Piece, ...]
    compared: bool = True


def differing(base: str, candidate: str) -> Differing:
    """Leave the longest common sequences unmarked, and mark the other words of each side."""
    old, new = WORDS.findall(base), WORDS.findall(candidate)
    if max(len(old), len(new)) > MOST_WORDS:
        return Differing((Piece(base),), (Piece(candidate),), compared=False)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        mark: Mark = "same" if kind == "equal" else "only"
        left += [Piece("".join(old[a:b]), mark)] if b > a else []
        right += [Piece("".join(new[c:d]), mark)] if d > c else []
    return Differing(tuple(left), tuple(right))
