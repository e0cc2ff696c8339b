"""The development set: real texts of four packages in four formats and twelve languages, each row different.

| source | package (licence) | rows | format | languages |
|---|---|--:|---|---|
| `vader` | vaderSentiment 2.5 (MIT): tweets, reviews, articles | 2,400 | completion CSV | English |
| `chatterbot` | chatterbot-corpus 1.3.3 (BSD-3): dialogues | 2,000 | chat JSON Lines | ten |
| `pretix` | pretix 2026.8.0 (AGPL-3): a ticket shop's settings and their help | 2,800 | Alpaca JSON | eight |
| `django` | Django 5.2.19 (BSD-3): documentation | 1,500 | ShareGPT JSON Lines | English |
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape

from ruamel.yaml import YAML

from benchmarks.audit_trials.packages import archive, inner_members, members, messages, sections
from benchmarks.audit_trials.planted.rows import Row

WORDS = re.compile(r"\w+")
FAULTY = re.compile(r"\S@\w+[.-]\w|\b\d{3}\W{1,2}\d{3}-\d{4}\b|[ÃÂ][\x80-\xbf]|â€|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b]")
CHATTERBOT = {
    "english": "en",
    "italian": "it",
    "spanish": "es",
    "portuguese": "pt",
    "dutch": "nl",
    "japanese": "ja",
    "korean": "ko",
    "persian": "fa",
    "ukrainian": "uk",
    "german": "de",
    "french": "fr",
    "turkish": "tr",
}
HELP = {
    "de": ("Was bewirkt „{}“?", "Können Sie mir „{}“ erklären?", "Wofür ist das Feld „{}“?"),
    "fr": ("À quoi sert « {} » ?", "Que signifie « {} » ?", "Pouvez-vous m’expliquer « {} » ?"),
    "es": ("¿Qué significa «{}»?", "¿Para qué sirve «{}»?", "¿Me puede explicar «{}»?"),
    "it": ("A cosa serve «{}»?", "Che cosa significa «{}»?", "Mi può spiegare «{}»?"),
    "nl": ("Wat betekent ‘{}’?", "Waar is ‘{}’ voor?", "Kunt u ‘{}’ uitleggen?"),
    "pl": ("Co oznacza „{}”?", "Do czego służy „{}”?", "Czy może Pan wyjaśnić „{}”?"),
    "tr": ("“{}” ne anlama geliyor?", "“{}” ne işe yarar?", "“{}” nedir, açıklar mısınız?"),
    "pt_BR": ("O que significa “{}”?", "Para que serve “{}”?", "Pode me explicar “{}”?"),
}
LEFT_OVER = re.compile(r"^\s*\.\. |::$|:[a-z:]+:`|`__?\b|`__?$|\|\w+\|", re.MULTILINE)
"""Mark-up that the reading of a page leaves: such sections are not sound rows."""
EXPLAIN = ("What does Django's documentation say about {}?", "Explain {} in Django.", "How do I use {} in Django?")


@dataclass(frozen=True, slots=True)
class Source:
    """A set of rows and the format in which they are written; ``labelled`` if the answers are labels."""

    name: str
    format: str
    rows: Callable[[], Iterator[Row]]
    most: int
    labelled: bool = False

    def draw(self) -> list[Row]:
        """Different rows in an order drawn at random."""
        rows = list(different(self.rows()))
        random.Random(self.name).shuffle(rows)
        return rows[: self.most]


def different(rows: Iterator[Row]) -> Iterator[Row]:
    """Rows whose first prompt and, apart from labels, whose last answer no earlier row has, by their words alone.

    Rows that really have a fault are left out: those that repeat their prompt, and those with an address, a telephone
    number of the United States, letters that are misread, or control characters.
    """
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        answer = tuple(WORDS.findall(row.answer.casefold()))
        prompts = [tuple(WORDS.findall(prompt.casefold())) for prompt, _ in row.turns]
        keys = {prompts[0]} | ({answer} if len(answer) > 1 else set())
        faulty = prompts[-1] == answer or any(FAULTY.search(text) for turn in row.turns for text in turn)
        if all(keys) and not faulty and not keys & seen:
            seen |= keys
            yield row


def vader() -> Iterator[Row]:
    """Sentences and where they are from; the label is never in doubt, because it names the file."""
    _, content = next(members(archive("vaderSentiment", "2.5", source=True), "hutto_ICWSM_2014.tar.gz"))
    labels = {"tweets": "tweet", "movieReview": "film", "amazonReview": "product", "nytEditorial": "news"}
    draw = random.Random(1)
    for name, data in inner_members(content, "GroundTruth.txt"):
        label = next((label for part, label in labels.items() if f"/{part}" in name), "")
        lines = [_decoded(line) for line in data.splitlines() if line.count(b"\t") == 2]
        texts = [unescape(unescape(line.split("\t")[2])).strip() for line in lines]
        for text in draw.sample(texts, min(900, len(texts))):
            text = text.replace("@anonymous", "@" + draw.choice(("mike", "lena", "jo"))).replace(
                "http://url_removed", ""
            )
            if len(text) > 25:
                channel = draw.choice(("web", "app", "mail", "kiosk"))
                yield Row(((text, label),), "en", columns=(("channel", channel),))


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="ignore")


def chatterbot() -> Iterator[Row]:
    """Dialogues of up to four questions and answers."""
    reader = YAML(typ="safe")
    for name, data in members(archive("chatterbot-corpus", "1.3.3", source=False), ".yml"):
        language = CHATTERBOT.get(name.split("/")[-2])
        if language is None:
            continue
        for lines in reader.load(data.decode("utf-8"))["conversations"]:
            texts = [str(line).strip() for line in lines if line is not None][:8]
            turns = tuple(zip(texts[::2], texts[1::2], strict=False))
            if turns and all(all(turn) for turn in turns):
                yield Row(turns, language)


def pretix() -> Iterator[Row]:
    """The name of a setting, and the sentence that explains it beside it."""
    for name, data in members(archive("pretix", "2026.8.0", source=False), "/LC_MESSAGES/django.po"):
        language = name.split("/")[-3]
        if language in HELP:
            yield from catalogue(data.decode("utf-8"), language.partition("_")[0], HELP[language])


def catalogue(text: str, language: str, questions: tuple[str, ...]) -> Iterator[Row]:
    """A short message and the long one that follows it in the same source file, as a question and its answer."""
    draw = random.Random(language)
    before = ("", "", "")
    for message in messages(text):
        name, sentence = before[2], message[2]
        same_file = set(before[0].split()) & set(message[0].split())
        if same_file and 4 < len(name) <= 50 and len(sentence) >= 60 and not set("%{<|@") & set(name + sentence):
            yield Row(((draw.choice(questions).format(name), sentence),), language, original=message[1])
        before = message


def django() -> Iterator[Row]:
    """The sections of the documentation, apart from release notes."""
    draw = random.Random(2)
    for name, data in members(archive("django", "5.2.19", source=True), ".txt"):
        if "/docs/" in name and "/releases/" not in name and "/internals/" not in name:
            yield from documentation(data.decode("utf-8"), EXPLAIN, draw)


def documentation(page: str, questions: tuple[str, ...], draw: random.Random) -> Iterator[Row]:
    """Each section whose title is a question or a name, with its text as the answer."""
    for title, body in sections(page):
        sound = not LEFT_OVER.search(body) and body.count("```") % 2 == 0 and not body.endswith((":", ","))
        if sound and 80 <= len(body) <= 3_000 and "@" not in body:
            yield Row(((title if title.endswith("?") else draw.choice(questions).format(title), body),), "en")


SOURCES = (
    Source("vader", "completion", vader, 2_400, labelled=True),
    Source("chatterbot", "chat", chatterbot, 2_000),
    Source("pretix", "alpaca", pretix, 2_800),
    Source("django", "sharegpt", django, 1_500),
)
