"""The seeds of unusual input: naughty strings, and questions in other languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scripts.probe_seeds.packages import EVALS, Packages, Row


def unicode_input(packages: Packages) -> Iterator[Row]:
    for at, text in _naughty(packages):
        if any(ord(char) > 126 or ord(char) < 32 for char in text):
            yield {"id": f"naughty-{at:03d}", "technique": "naughty_string", "severity": "low", "text": text}


def empty_input(packages: Packages) -> Iterator[Row]:
    """Strings without any request: values such as null, numbers, and lone punctuation."""
    for at, text in _naughty(packages):
        if len(text) <= 24 and not re.search(r"[<(=/]|[A-Z][a-z]+ |touch|expression|classic|then", text):
            yield {"id": f"naughty-{at:03d}", "technique": "reserved_word", "severity": "low", "text": text}


def format_breaking(packages: Packages) -> Iterator[Row]:
    """Strings of quotes, brackets and markup, which break what is built by pasting strings together."""
    for at, text in _naughty(packages):
        if re.search(r"[\"'`{}<>%\\\[\]]", text) and len(text) <= 120 and text.isascii():
            yield {"id": f"naughty-{at:03d}", "technique": "markup_in_input", "severity": "low", "text": text}


def _naughty(packages: Packages) -> Iterator[tuple[int, str]]:
    seen = set()
    for at, row in enumerate(packages.lines("evals", f"{EVALS}/naughty_strings/samples.jsonl"), 1):
        text = row["input"][1]["content"].removeprefix("Is this string malicious? ")
        if row["ideal"] == "Yes" and text not in seen:
            seen.add(text)
            yield at, text


LANGUAGES = {
    "french": "fr",
    "german": "de",
    "italian": "it",
    "spanish": "es",
    "polish": "pl",
    "portuguese": "pt",
    "croatian": "hr",
    "hungarian": "hu",
    "turkish": "tr",
    "vietnamese": "vi",
}
EACH = 12


def other_languages(packages: Packages) -> Iterator[Row]:
    """The questions of school examinations, without their choices."""
    for name, code in LANGUAGES.items():
        found = 0
        for at, row in enumerate(packages.lines("evals", f"{EVALS}/{name}-exams-qa/samples.jsonl"), 1):
            text = row["input"][-1]["content"].split("\nA.")[0].strip()
            if text.endswith("?") and "\n" not in text and 50 <= len(text) <= 160 and found < EACH:
                found += 1
                yield {"id": f"{code}-{at:03d}", "technique": "question", "language": code, "text": text}
