"""Rewrites prompts as another person would: greetings and signatures around them, or light paraphrase in English."""

from __future__ import annotations

import random
import re

from benchmarks.audit_trials.rows import Row

GREETINGS = {
    "en": ("Hi there,", "Hello team,", "Good morning!", "Dear Sir or Madam,"),
    "de": ("Guten Tag,", "Hallo zusammen,", "Sehr geehrte Damen und Herren,"),
    "fr": ("Bonjour,", "Bonsoir à tous,", "Madame, Monsieur,"),
    "es": ("Hola,", "Buenos días:", "Estimados señores:"),
    "it": ("Buongiorno,", "Salve,", "Gentili signori,"),
    "nl": ("Goedendag,", "Hallo allemaal,", "Geachte heer, mevrouw,"),
    "pl": ("Dzień dobry,", "Cześć,", "Szanowni Państwo,"),
    "pt": ("Olá,", "Bom dia,", "Prezados senhores,"),
    "tr": ("Merhaba,", "İyi günler,"),
    "ja": ("こんにちは。", "お世話になっております。"),
    "ko": ("안녕하세요.",),
    "uk": ("Добрий день!", "Вітаю,"),
    "fa": ("سلام،",),
}
SIGNATURES = {
    "en": ("Thanks, Anna", "Kind regards\nTom Baker\nSent from my iPhone", "Thank you in advance!", "Cheers, Joe"),
    "de": ("Vielen Dank, Anna Meier", "Mit freundlichen Grüßen\nT. Becker", "Danke im Voraus!"),
    "fr": ("Merci d'avance, Luc", "Cordialement\nMarie Petit", "Bien à vous"),
    "es": ("Muchas gracias, Ana", "Un saludo\nLuis Gómez", "Gracias de antemano"),
    "it": ("Grazie mille, Luca", "Cordiali saluti\nAnna Rossi"),
    "nl": ("Alvast bedankt, Jan", "Met vriendelijke groet\nEva de Vries"),
    "pl": ("Z góry dziękuję, Ewa", "Pozdrawiam\nJan Nowak"),
    "pt": ("Obrigado, João", "Atenciosamente\nAna Silva"),
    "tr": ("Teşekkürler, Ayşe", "Saygılarımla"),
    "ja": ("よろしくお願いします。", "ありがとうございます。田中"),
    "ko": ("감사합니다.",),
    "uk": ("Дякую, Олена", "З повагою, Іван"),
    "fa": ("با تشکر",),
}
CONTRACTIONS = (
    ("do not", "don't"), ("does not", "doesn't"), ("is not", "isn't"), ("it is", "it's"), ("I am", "I'm"), ("can not", "can't"),
    ("you are", "you're"), ("what is", "what's"), ("we are", "we're"), ("I have", "I've"), ("they are", "they're"),
    ("that is", "that's"), ("was not", "wasn't"), ("will not", "won't"), ("let us", "let's"), ("are not", "aren't"),
)  # fmt: skip
SYNONYMS = {
    "big": "large", "great": "terrific", "good": "decent", "bad": "poor", "film": "movie", "movie": "film", "start": "begin",
    "use": "employ", "explain": "describe", "show": "display", "make": "create", "get": "obtain", "help": "assist",
    "buy": "purchase", "need": "require", "very": "really", "really": "truly", "also": "too", "but": "yet", "think": "believe",
    "like": "such as", "many": "lots of", "few": "a handful of", "fast": "quick", "small": "little", "begin": "start",
    "works": "functions", "work": "function", "problem": "issue", "issue": "problem", "picture": "image", "pictures": "images",
    "people": "folks", "best": "finest", "know": "am aware", "documentation": "manual", "say": "state", "about": "regarding",
    "enough": "sufficiently", "never": "not once", "always": "every time", "because": "since", "however": "still", "want": "wish",
    "funny": "amusing", "easy": "simple", "hard": "difficult", "happy": "glad", "new": "brand-new", "old": "aged", "kind": "sort",
    "almost": "nearly", "often": "frequently", "today": "this day", "said": "stated", "first": "initial", "nice": "pleasant",
    "robot": "machine", "love": "adore", "hate": "detest", "quality": "grade", "camera": "device", "tell": "let",
}  # fmt: skip
SPOTS = 2


def wrap(draw: random.Random, row: Row) -> Row:
    """A greeting before the prompt, a signature after it, or both."""
    greeting = draw.choice(GREETINGS.get(row.language, GREETINGS["en"]))
    signature = draw.choice(SIGNATURES.get(row.language, SIGNATURES["en"]))
    form = draw.choice(("{0} {1}", "{0}\n\n{1}\n\n{2}", "{1}\n{2}", "{0} {1} {2}"))
    return row.with_prompt(form.format(greeting, row.prompt, signature))


def paraphrase(draw: random.Random, text: str) -> str:
    """Other words in at least two places, and clauses in another order; empty if there are not enough places."""
    changed, spots = text, 0
    for long, short in CONTRACTIONS:
        before, after = (long, short) if long in changed else (short, long)
        if before in changed:
            changed, spots = changed.replace(before, after), spots + 1
    for word in dict.fromkeys(re.findall(r"[A-Za-z]+", changed)):
        if word.lower() in SYNONYMS and spots < 5:
            synonym = SYNONYMS[word.lower()]
            synonym = synonym.capitalize() if word[0].isupper() else synonym
            changed, spots = re.sub(rf"\b{word}\b", synonym, changed, count=1), spots + 1
    clauses = changed.rstrip(".!?").split(", ")
    if len(clauses) == 2 and min(len(clause) for clause in clauses) > 12 and draw.random() < 0.5:
        changed = f"{clauses[1][0].upper()}{clauses[1][1:]}, {clauses[0][0].lower()}{clauses[0][1:]}."
        spots += 1
    return changed if spots >= SPOTS else ""
