"""The texts of the sealed set: no check was made with these packages, or with these files of them.

| source | package | rows | format | languages |
|---|---|--:|---|---|
| `topics` | evals: questions of four fields, which words tell (99 %) | 1,800 | completion CSV | English |
| `origins` | ua-gec: translated and own sentences, which words tell less (83 %) | 1,800 | completion CSV | Ukrainian |
| `examinations` | evals: questions and right choices, dialogues | 2,000 | chat JSON Lines | nine |
| `shop` | django-oscar: a shop's fields and their help | 867 | Alpaca JSON | twenty |
| `handbook` | celery: sections of its manual; ua-gec: prose to be continued | 469 | ShareGPT JSON Lines | two |

The shares are the accuracy of a logistic regression on letters, across five folds.
The packages are evals 3.0.1.post1 (MIT; EXAMS in it is CC BY-SA 4.0), of which no other set reads these files,
ua-gec 2.1.3 (CC BY 4.0), django-oscar 4.2.1 (BSD-3) and celery 5.5.3 (BSD-3).
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html import unescape
from itertools import islice
from unicodedata import category

from benchmarks.audit_trials.development import Source, documentation
from benchmarks.audit_trials.packages import archive, members, messages
from benchmarks.audit_trials.planted.rows import Row
from benchmarks.audit_trials.sealed_set.shop_texts import FIELDS, QUESTIONS

EXAMS = {
    "french": "fr", "german": "de", "italian": "it", "polish": "pl", "portuguese": "pt", "spanish": "es",
    "turkish": "tr",
}  # fmt: skip
CHOICE = re.compile(r"^([A-E])\. ", re.MULTILINE)
UKRAINIAN_CHOICE = re.compile(r"^[А-Д]\. ", re.MULTILINE)
OTHERS = re.compile(
    r"\b(above|dessus|oben|obigen|sopra|wszystkie|żadn\w+|acima|anteriores|todas|tutte|toutes|alle|hepsi|hiçbiri|усі|всі)"
    r"\b|\b[A-E]\b (and|et|und|e|i|y|ve) \b[A-E]\b",
    re.IGNORECASE,
)
"""Choices that name other choices: they fit any question."""
ITALIAN = re.compile(r"\b(il|lo|la|gli|le|di|del\w*|nel\w*|che|un|una|qual\w*|è|sono)\b", re.IGNORECASE)
"""Words of Italian: some questions of that file are in Croatian."""
DAMAGED = re.compile(
    r"[ĪĊĞĔĨĜ❩❨一ˆ▪]|__|(?<!\.)\.\.(?!\.)|</?[a-z]|\d{9}|https?:|www\.|\[latex|\[\d+\]|passw|^:\w+ ?\w*: |:\w+: `"
    r"|<[\w-]+>`|```\n+```|-{8}|\+--|\b(to|the|see|or|of|and|a|an|with|for)\n\n",
    re.MULTILINE,
)
"""Texts that have a fault already: letters that were misread, gaps, mark-up, numbers, addresses, leftovers."""
UNENDED = re.compile(r"([,;:(–-]|\b(com|de|des|und|et|oraz))$")
GUESS = re.compile(r"^(.+?[.!]) (\S[^.]+\?) A: (.+); B: (.+); C: (.+)\.$")
ENDED = re.compile(r"[.!?…»”\"]$")
CONTINUE = (
    "Як би ти продовжив цей текст?\n\n{}",
    "Напиши, що було далі:\n\n{}",
    "{}\n\nЩо далі?",
    "Продовж, будь ласка, цю розповідь.\n\n{}",
    "Ось початок: {}\n\nПотрібне продовження.",
)
EXPLAIN = (
    "I'm reading the Celery manual. What is {} about?",
    "{} in Celery, please explain.",
    "What do I have to know about {} when I run Celery?",
    "Could you walk me through {} (Celery)?",
    "Celery newbie here: {}?",
)
ORIGINS = {"translation": "translated", "text_donation": "own"}


def topics() -> Iterator[Row]:
    """Questions of four fields without their choices; the label names the file, so it is never in doubt."""
    files = {
        "/fcc_amateur_extra/samples.jsonl": ("radio", r"\nA\. "),
        "/us_tort_law/samples.jsonl": ("law", r"\n\s*\(?A[.):]"),
        "/quartz/samples.jsonl": ("nature", r"\n\s*A: "),
        "/theory_of_mind/socialiqa/test.jsonl": ("people", r" A: "),
    }
    draw = random.Random(21)
    for ending, (label, choices) in files.items():
        texts = [re.split(choices, record["input"][-1]["content"])[0] for record in _registry(ending)]
        for text in draw.sample(texts, min(900, len(texts))):
            text = " ".join(unescape(text).split())
            if 25 < len(text) < 1_500 and "__" not in text:
                yield Row(((text, label),), "en", columns=(("batch", draw.choice(("2023", "2024", "2025"))),))


def origins() -> Iterator[Row]:
    """Sentences of translations and of texts that people gave; the label is what the corpus says of the text."""
    draw = random.Random(22)
    by_label = defaultdict(list)
    for label, text in _corpus("target-sentences"):
        by_label[label] += [line.strip() for line in text.splitlines() if 40 < len(line) < 400]
    for label in sorted(by_label):
        for line in draw.sample(by_label[label], min(1_700, len(by_label[label]))):
            if line[0].isupper() and ENDED.search(line):
                yield Row(((line, label),), "uk", columns=(("editor", draw.choice(("olha", "taras", "iryna"))),))


def examinations() -> Iterator[Row]:
    """Questions of school examinations with the text of the right choice, and dialogues about people's motives."""
    for name, language in EXAMS.items():
        for record in _registry(f"/{name}-exams-qa/samples.jsonl"):
            question, *parts = CHOICE.split(record["input"][-1]["content"].removesuffix("Answer:"))
            choices = dict(zip(parts[::2], parts[1::2], strict=True))
            answer = " ".join(choices.get(str(record["ideal"]).strip("[]"), "").split())
            in_italian = language != "it" or ITALIAN.search(question)
            if len(answer) > 12 and in_italian and not OTHERS.search(answer):
                yield Row(((question.strip(), answer),), language)
    for record in _registry("/ukraine_eit/samples.jsonl"):
        question = UKRAINIAN_CHOICE.split(record["input"][-1]["content"])[0].strip()
        answer = " ".join(UKRAINIAN_CHOICE.sub("", str(record["ideal"])).split()).rstrip(";")
        if 30 < len(question) < 500 and len(answer) > 25 and not OTHERS.search(answer):
            yield Row(((question, answer),), "uk")
    yield from _motives()


def _motives() -> Iterator[Row]:
    scenes: dict[str, tuple[str, str]] = {}
    for record in _registry("/theory_of_mind/socialiqa/test.jsonl"):
        if parts := GUESS.match(record["input"][-1]["content"]):
            scene, question, *choices = parts.groups()
            answer = choices["ABC".index(record["ideal"])]
            if len(answer) > 12:
                scenes.setdefault(scene, (f"{scene} {question}", answer[0].upper() + answer[1:] + "."))
    draw = random.Random(24)
    turns_left = iter(scenes.values())
    for first in turns_left:
        turns = (first, *islice(turns_left, draw.choice((0, 0, 0, 1, 2))))
        yield Row(turns, "en")


def shop() -> Iterator[Row]:
    """The names of a shop's fields and the help beside them."""
    translations: dict[str, dict[str, str]] = defaultdict(dict)
    for name, data in members(archive("django-oscar", "4.2.1", source=False), "/LC_MESSAGES/django.po"):
        language = name.split("/")[-3].partition("_")[0]
        for _, english, text in messages(data.decode("utf-8")):
            translations[language].setdefault(" ".join(english.split()), " ".join(text.split()))
    for language, questions in QUESTIONS.items():
        draw = random.Random(language)
        texts = translations[language]
        for field, help_text in FIELDS:
            if field in texts and help_text in texts and texts[help_text] != help_text:
                question = draw.choice(questions).format(texts[field])
                yield Row(((question, texts[help_text]),), language, original=help_text)


def handbook() -> Iterator[Row]:
    """Sections of a manual in English, and Ukrainian prose that goes on."""
    draw = random.Random(23)
    for name, data in members(archive("celery", "5.5.3", source=True), ".rst"):
        if "/docs/" in name and not re.search(r"/(history|internals|reference|includes)/|whatsnew|changelog", name):
            pages = documentation(data.decode("utf-8"), EXPLAIN, draw)
            yield from (row for row in pages if row.answer.endswith((".", "!", "?", "`")))
    for label, text in _corpus("target"):
        paragraphs = [line.strip() for line in text.splitlines() if line.strip()]
        if len(paragraphs) > 1 and len(paragraphs[0]) > 60:
            start, further = paragraphs[0], "\n\n".join(paragraphs[1:4])
            ended = ENDED.search(start) and ENDED.search(further)
            if label == "own" and 120 < len(further) < 2_500 and ended and "http" not in text:
                yield Row(((draw.choice(CONTINUE).format(start), further),), "uk")


def _sound(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows without the faults that a reader finds in these texts."""
    for row in rows:
        texts = [text for turn in row.turns for text in turn]
        signs = {category(sign) for text in texts for sign in text} & {"Mn", "Cf", "Co", "So", "Zl"}
        misread = row.language == "pl" and any("á" in text for text in texts)
        damaged = misread or any(DAMAGED.search(text) for text in texts)
        if not signs and not damaged and "…" not in row.answer and not UNENDED.search(row.answer):
            yield row


def _unlike(rows: Iterable[Row], most: float = 0.65) -> Iterator[Row]:
    """Rows that share few words with each earlier one of their language, so that none is a near copy."""
    earlier: dict[str, list[set[str]]] = defaultdict(list)
    for row in rows:
        text = row.prompt if row.labelled else " ".join(part for turn in row.turns for part in turn)
        stems = {word[:5] for word in re.findall(r"\w{5,}", text.casefold())}
        others = earlier[row.language]
        if stems and all(len(stems & other) <= most * min(len(stems), len(other)) for other in others):
            others.append(stems)
            yield row


def _registry(ending: str) -> list[dict[str, str]]:
    _, data = next(members(archive("evals", "3.0.1.post1", source=False), f"/data{ending}"))
    return [json.loads(line) for line in data.decode("utf-8").splitlines()]


def _corpus(kind: str) -> Iterator[tuple[str, str]]:
    """The label and the corrected text of each document, in the words of the first editor."""
    path = archive("ua-gec", "2.1.3", source=False)
    _, table = next(members(path, "/metadata.csv"))
    documents = {row["id"]: row for row in csv.DictReader(io.StringIO(table.decode("utf-8")))}
    for name, data in members(path, ".a1.txt"):
        if f"/gec-fluency/train/{kind}/" in name:
            of = documents[name.rpartition("/")[2].partition(".")[0]]
            if of["submission_type"] in ORIGINS and of["is_sensitive"] == "0":
                yield ORIGINS[of["submission_type"]], data.decode("utf-8")


SOURCES = (
    Source("topics", "completion", lambda: _unlike(_sound(topics())), 1_800, labelled=True),
    Source("origins", "completion", lambda: _unlike(_sound(origins()), 0.4), 1_800, labelled=True),
    Source("examinations", "chat", lambda: _unlike(_sound(examinations())), 2_000),
    Source("shop", "alpaca", shop, 1_200),
    Source("handbook", "sharegpt", lambda: _unlike(_sound(handbook()), 0.8), 1_000),
)
