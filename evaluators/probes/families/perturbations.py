"""Changes a text in ways that must not change the answer, such as typing errors, other spaces and greetings."""

import re

from evaluators.probes.rows import FIXED, SENTENCE_END, Draw, change_some, invariance, parts_of

BEFORE = ("Hi there, ", "Hello! ", "Good morning. ", "Hi, hope you are well. ", "Sorry to bother you, but ", "Um, so, ")
AFTER = (" Thanks!", " Thank you in advance.", " Kind regards", " Thanks a lot for your help.", " Cheers.")
LOOKS_LIKE = dict(zip("aceijopsxyABCEHIKMOPTX", "асеіјорѕхуАВСЕНІКМОРТХ", strict=True))
COMMA = re.compile(r"[,;](?=\s)")
END = re.compile(r"(?<=\w)([.!?])(?=\s|$)")
BETWEEN = ("  ", "   ", "\n", "\t")
KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
SHORTEST = 4


def case(text: str, draw: Draw) -> str:
    """Capitals or small letters, drawn; the other if the drawn one changes nothing."""
    upper = "".join(part if FIXED.search(part) else part.upper() for part in parts_of(text))
    lower = "".join(part if FIXED.search(part) else part.lower() for part in parts_of(text))
    first, second = draw.shuffled([upper, lower])
    return first if first != text else second


def filler(text: str, draw: Draw) -> str:
    """A greeting, thanks, or both."""
    if not text.strip():
        return text
    form = draw.below(3)
    before = draw.one(BEFORE) if form != 1 else ""
    return before + text.strip() + (draw.one(AFTER) if form != 0 else "")


def homoglyphs(text: str, draw: Draw) -> str:
    """One Cyrillic letter in about every fifth word."""
    return change_some(text, draw, _replaced, one_in=5)


def _replaced(word: str, draw: Draw) -> str:
    places = [at for at, letter in enumerate(word) if letter in LOOKS_LIKE]
    if not places:
        return word
    at = draw.one(places)
    return word[:at] + LOOKS_LIKE[word[at]] + word[at + 1 :]


def punctuation(text: str, draw: Draw) -> str:
    """All commas are left out; each end of a sentence is left out or repeated; without one, three dots are added."""
    plain = COMMA.sub("", text)
    repeat = draw.below(2) == 1
    ended = END.sub(lambda end: end[1] * 3 if repeat else "", plain)
    return ended if ended != text or not text.strip() else text.rstrip() + "..."


def reordering(text: str, draw: Draw) -> str:
    """The sentences, rotated by a drawn number; a text of one sentence stays."""
    sentences = [sentence for sentence in SENTENCE_END.split(text.strip()) if sentence]
    if len(sentences) < 2:
        return text
    by = 1 + draw.below(len(sentences) - 1)
    return " ".join([*sentences[by:], *sentences[:by]])


def spacing(text: str, draw: Draw) -> str:
    """About every third space is another one, and there is white space at both ends."""
    parts = [draw.one(BETWEEN) if part.isspace() and draw.below(3) == 0 else part for part in parts_of(text)]
    return draw.one(("  ", "\n", "\t")) + "".join(parts) + draw.one((" ", "\n\n", "   ")) if parts else text


def typos(text: str, draw: Draw) -> str:
    """An error in about every sixth word of at least four letters, never in its first letter."""
    return change_some(text, draw, _misspelt, one_in=6)


def _misspelt(word: str, draw: Draw) -> str:
    places = [at for at in range(1, len(word)) if word[at].isalpha() and word[at - 1].isalpha()]
    if len(places) < SHORTEST - 1:
        return word
    at, kind = draw.one(places), draw.below(4)
    before, here, after = word[:at], word[at], word[at + 1 :]
    if kind == 0 and at > 1 and before[-1] != here:
        return before[:-1] + here + before[-1] + after
    if kind == 1:
        return before + after
    return before + (_neighbour(here, draw) if kind == 2 else here * 2) + after


def _neighbour(letter: str, draw: Draw) -> str:
    row = next((row for row in KEYBOARD if letter.lower() in row), None)
    if row is None:
        return letter * 2
    at = row.index(letter.lower())
    return draw.one([row[place] for place in (at - 1, at + 1) if 0 <= place < len(row)])


probes = (
    invariance("case", "All words in capital or in small letters.", case, severity="low"),
    invariance("filler", "A greeting before the text, thanks after it, or both (in English).", filler),
    invariance("homoglyphs", "Cyrillic letters that look like Latin ones in some words.", homoglyphs),
    invariance(
        "punctuation", "Commas left out, and the ends of sentences left out or repeated.", punctuation, severity="low"
    ),
    invariance("reordering", "The sentences in another order; cases of one sentence are left out.", reordering),
    invariance("spacing", "More spaces, tabs and line breaks between the words.", spacing, severity="low"),
    invariance("typos", "Typing errors in some words, never in numbers, addresses or first letters.", typos),
)
