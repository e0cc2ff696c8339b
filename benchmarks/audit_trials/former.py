"""The set that was sealed before: texts, languages and wordings that earlier checks were judged with, once.

| source | package (licence) | rows | format | languages |
|---|---|--:|---|---|
| `headlines` | evals 3.0.1.post1 (MIT): sarcastic and serious headlines | 2,000 | completion CSV | English |
| `exams` | evals 3.0.1.post1 (EXAMS, CC BY-SA 4.0): questions and right choices | 1,800 | chat JSON Lines | nine |
| `catalogues` | weblate 5.14.3 (GPL-3), pretalx 2025.2.2 (Apache-2.0) | 1,800 | Alpaca JSON | ten |
| `manuals` | buildbot 4.3.0 (GPL-2), Scrapy 2.19.0 (BSD-3) | 800 | ShareGPT JSON Lines | English |
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator

from benchmarks.audit_trials.development import Source, catalogue, documentation
from benchmarks.audit_trials.packages import archive, members
from benchmarks.audit_trials.planted.rows import Row
from benchmarks.audit_trials.planted.wordings import Wording

EXAMS = {
    "arabic": "ar", "bulgarian": "bg", "croatian": "hr", "hungarian": "hu", "lithuanian": "lt", "macedonian": "mk",
    "serbian": "sr", "vietnamese": "vi", "albanian": "sq",
}  # fmt: skip
CHOICE = re.compile(r"^([A-E])\. (.+)$", re.MULTILINE)
HELP = {
    "cs": ("Co znamená „{}“?", "K čemu je „{}“?"),
    "da": ("Hvad betyder »{}«?", "Hvad bruges »{}« til?"),
    "el": ("Τι σημαίνει «{}»;", "Σε τι χρησιμεύει «{}»;"),
    "fi": ("Mitä tarkoittaa ”{}”?", "Mihin ”{}” on tarkoitettu?"),
    "hu": ("Mit jelent: „{}”?", "Mire való: „{}”?"),
    "ja": ("「{}」とは何ですか。", "「{}」は何のためにありますか。"),
    "ro": ("Ce înseamnă „{}”?", "La ce folosește „{}”?"),
    "ru": ("Что значит «{}»?", "Для чего нужно «{}»?"),
    "sv": ("Vad betyder ”{}”?", "Vad är ”{}” till för?"),
    "sl": ("Kaj pomeni »{}«?", "Čemu služi »{}«?"),
}
EXPLAIN = ("Tell me about {}.", "What should I know about {}?", "{}: how does it work?")


def headlines() -> Iterator[Row]:
    """Headlines of newspapers and of a satirical one."""
    content = _registry("/sarcasm/samples.jsonl")
    draw = random.Random(11)
    for line in draw.sample(content, min(3_000, len(content))):
        messages = json.loads(line)
        prompt, ideal = messages["input"][-1]["content"], str(messages["ideal"])
        label = {"0": "serious", "1": "sarcastic"}.get(ideal.strip(), "")
        if label and len(prompt) > 25:
            yield Row(((prompt, label),), "en", columns=(("channel", draw.choice(("north", "south", "east"))),))


def exams() -> Iterator[Row]:
    """Questions of school examinations with the text of the right choice."""
    for name, language in EXAMS.items():
        for line in _registry(f"/{name}-exams-qa/samples.jsonl")[:900]:
            record = json.loads(line)
            text = record["input"][-1]["content"]
            choices = dict(CHOICE.findall(text))
            answer = choices.get(str(record["ideal"]).strip("[]"), "")
            if answer and len(answer) > 12:
                yield Row(((text.partition("\nA. ")[0].strip(), answer.strip()),), language)


def catalogues() -> Iterator[Row]:
    """Names of settings and their explanations, as in the development set, from other programs and languages."""
    for package, version in (("weblate", "5.14.3"), ("pretalx", "2025.2.2")):
        for name, data in members(archive(package, version, source=False), "/LC_MESSAGES/django.po"):
            language = name.split("/")[-3]
            if language in HELP:
                yield from catalogue(data.decode("utf-8"), language, HELP[language])


def manuals() -> Iterator[Row]:
    """The sections of two manuals."""
    draw = random.Random(12)
    for package, version in (("buildbot", "4.3.0"), ("scrapy", "2.19.0")):
        for name, data in members(archive(package, version, source=True), ".rst"):
            if "/docs/" in name and "release" not in name and "news" not in name:
                yield from documentation(data.decode("utf-8"), EXPLAIN, draw)


def _registry(ending: str) -> list[str]:
    _, data = next(members(archive("evals", "3.0.1.post1", source=False), ending))
    return data.decode("utf-8").splitlines()


SOURCES = (
    Source("headlines", "completion", headlines, 2_000, labelled=True),
    Source("exams", "chat", exams, 1_800),
    Source("catalogues", "alpaca", catalogues, 1_800),
    Source("manuals", "sharegpt", manuals, 800),
)
WORDING = Wording(
    tokens=(
        "{}<|end|>",
        "<|user|>\n{}",
        "{}<|im_end|>\n<|im_start|>user",
        "[INST] {} [/INST]",
        "<bos>{}<eos>",
        "USER: {} ASSISTANT:",
        "{}<|end_of_text|>",
        "<<SYS>>\n{}\n<</SYS>>",
        "<|start_header_id|>assistant<|end_header_id|>\n\n{}",
        "### Human: {}",
    ),
    markup=(
        "<b>{}</b>",
        "{}<br>",
        "<td>{}</td>",
        '<p class="MsoNormal">{}</p>',
        "{} &lt;/div&gt;",
        '<img src="x.png">{}',
        "{}&#8217;",
    ),
    placeholders=(
        "{} [Company Name]",
        "Dear {{{{name}}}}, {}",
        "{} <insert date>",
        "${{user.firstName}} {}",
        "{} [YOUR ANSWER HERE]",
        "{} FIXME",
        "XXXX {}",
        "{} dolor sit amet, consectetur",
    ),
    controls=("\x06", "\x1b[31m", "\x0e", "\x15", "\x84"),
    length=140,
    refusals={
        "en": ("I apologize, but I'm not able to provide that.", "Sorry, I don't have access to this information."),
        "bg": ("Съжалявам, но не мога да помогна с това.",),
        "hr": ("Žao mi je, ali ne mogu vam pomoći s tim.",),
        "hu": ("Sajnálom, de ebben nem tudok segíteni.",),
        "vi": ("Xin lỗi, tôi không thể giúp bạn việc này.",),
        "cs": ("Omlouvám se, ale s tím vám nemohu pomoci.",),
        "sv": ("Jag är ledsen, men jag kan inte hjälpa till med det.",),
        "ru": ("К сожалению, я не могу помочь с этим вопросом.",),
        "fi": ("Valitettavasti en voi auttaa tässä asiassa.",),
        "ja": ("恐れ入りますが、その質問にはお答えできません。",),
    },
    more={"en": ("Let me know what else you need.",), "ru": ("Здравствуйте!",)},
    sentences={
        "SSN": ("The last form wanted my social, it's {}.", "Social Security No. {}", "SSN# {} on file?"),
        "NINO": ("NI no. {}, as on my P60.", "National insurance: {}", "I was given the NINO {} last year."),
        "NIR": ("Numéro INSEE {}.", "Ma carte vitale porte le {}.", "Sécurité sociale : {}"),
        "DNI": ("NIF: {}", "El DNI del titular es el {}.", "Con DNI núm. {}."),
        "codice fiscale": ("codice fiscale: {}", "Cod. fisc. {}", "Il mio CF: {}"),
        "BSN": ("Mijn sofinummer is {}.", "BSN {}", "Op mijn ID staat burgerservicenummer {}."),
        "PESEL": ("Nr PESEL {}.", "Mam PESEL {}, proszę sprawdzić.", "pesel {}"),
        "CPF": ("CPF nº {}", "O cadastro é no CPF {}.", "meu cpf: {}"),
        "Aadhaar": ("UIDAI number {}.", "Aadhar no {}", "Here is the Aadhaar for KYC: {}."),
        "CN": ("居民身份证号：{}", "我的身份证是 {}。", "请用身份证{}登记。"),
        "AHV": ("Sozialversicherungsnummer {}.", "AHV {}", "N° AVS : {}"),
        "French phone": ("Appelez le {} svp.", "Tel {}", "Mon numéro : {}."),
        "Indian phone": ("Ring me at {}.", "Phone - {}", "Mob: {}"),
    },
    passwords=(
        "pass: {}",
        "I logged in with password {} and nothing happened.",
        "Kennwort: {}",
        "contraseña {}",
        "the wifi password is {}",
        "My PIN code for the app and password {} do not match.",
        "heslo je {}",
    ),
    urls=(
        "postgresql://{user}:{password}@{host}/main",
        "mariadb://{user}:{password}@{host}:3306/crm",
        "ftp://{user}:{password}@{host}/in",
        "smtp://{user}:{password}@mail.{host}:587",
        "https://{user}:{password}@git.{host}/team/repo.git",
    ),
    around_urls=("dsn: {}", "It fails with {} only.", "Clone it from {}"),
    secret_words=("Berlin", "cheval", "Monkey", "zima", "Passw0rd", "qwerty"),
    greetings={
        "en": ("Greetings!", "Hey folks,", "To whom it may concern:"),
        "bg": ("Здравейте,",),
        "hr": ("Dobar dan,",),
        "hu": ("Jó napot!",),
        "vi": ("Xin chào,",),
        "cs": ("Dobrý den,",),
        "sv": ("Hej!",),
        "ru": ("Здравствуйте!",),
        "fi": ("Hei,",),
        "da": ("Goddag,",),
        "ja": ("はじめまして。",),
    },
    signatures={
        "en": ("Regards, P. Novak", "Many thanks and all the best\nMaria", "-- \nRob\n+ my team"),
        "bg": ("Благодаря, Иван",),
        "hr": ("Hvala, Ana",),
        "hu": ("Köszönettel: Péter",),
        "vi": ("Cảm ơn nhiều, Lan",),
        "cs": ("Děkuji, Jana",),
        "sv": ("Tack på förhand, Erik",),
        "ru": ("Спасибо, Ольга",),
        "fi": ("Kiitos, Matti",),
        "da": ("Mange hilsner, Ida",),
        "ja": ("お願いいたします。山本",),
    },
    synonyms={
        "man": "guy", "woman": "lady", "says": "claims", "report": "account", "new": "recent", "still": "even now",
        "finds": "discovers", "after": "following", "why": "the reason why", "how": "in what way", "get": "receive",
        "area": "local", "nation": "country", "just": "simply", "can": "is able to", "may": "might", "big": "huge",
        "about": "on", "know": "learn", "work": "operate", "tell": "inform", "old": "elderly", "study": "survey",
        "should": "ought to", "need": "have to", "trump": "the president", "people": "persons", "day": "date",
        "family": "relatives", "kids": "children", "home": "house", "world": "globe", "first": "earliest",
        "making": "building", "running": "executing", "all": "every one of the", "using": "with", "best": "top",
    },
)  # fmt: skip
