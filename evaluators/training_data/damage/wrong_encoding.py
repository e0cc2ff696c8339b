"""Finds text that was written in one encoding and read in another, and reads it as it was written.

ftfy finds most UTF-8 that was read as a Western code page. Here, every pair of code pages of Europe is tried: the right
one gives whole sequences of UTF-8, or only letters of one alphabet where the text has those of none.
"""

import re
from collections import Counter
from collections.abc import Iterator

import ftfy

_READ_AS = ("latin-1", "cp1252", "cp1251", "cp1250", "cp1254", "cp1257", "koi8-r", "cp437", "cp850", "cp852", "cp866")
_SINGLE_BYTE = (*_READ_AS[1:], "iso8859-2", "iso8859-5", "latin-1")
_BYTES = {page: [bytes([code]).decode(page, "ignore") for code in range(256)] for page in _READ_AS}
_PAIR = re.compile(
    "|".join(
        f"[{re.escape(''.join(of[0xC2 : 0xE0 if page == 'cp866' else 0xF5]))}][{re.escape(''.join(of[0x80:0xC0]))}]"
        for page, of in _BYTES.items()
    ) + "|[\x80-\x9f]"
)  # fmt: skip
"""UTF-8 that was read in another encoding has such pairs of characters, which are real text in some languages."""
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_NOT_WORD_SIGN = "\u00ad\u200b-\u200d’‘‑·´–—°…"
_IN_WORD = re.compile(
    rf"(?<=[^\W\d_])[^\x00-\x7f\w\s{_NOT_WORD_SIGN}]+(?=[^\W\d_])|[³¹¿£¼¾](?=[a-z])|(?<=[a-z]{{2}})[³¹¿]"
)
"""Signs inside words, which no language has."""
_BESIDE_LETTER = re.compile(r"[\x80-\x9f\u2219-\u25ff](?=[^\W\d_])|(?<=[^\W\d_])[\x80-\x9f\u2219-\u25ff]")
"""Control characters, and signs of mathematics and of frames, without a space before the next letter."""
_BEYOND_ASCII = re.compile(r"[^\W\d_\x00-\x7fªºµ]")
_LOOK_ALIKE = frozenset("aceiopxyABCEHIKMOPTVX")
"""Latin letters that people type into Cyrillic words and numerals."""
_LATIN = "".join(filter(str.isalpha, {chr(code) for code in range(0x41, 0x250)} - _LOOK_ALIKE))
_OTHERS = "\u0370-\u03ff\u0400-\u052f\u05d0-\u05ea\u0621-\u064a"
_SMALL, _CAPITAL = (
    "".join(letter for code in range(0x41, 0x530) if case(letter := chr(code))) for case in (str.islower, str.isupper)
)
_ODD = re.compile(f"[{_LATIN}][{_OTHERS}]|[{_OTHERS}][{_LATIN}]|[{_SMALL}](?![A-Z])[{_CAPITAL}]")
"""Neighbouring letters of two scripts, or a capital letter beyond ASCII behind a small one."""
LEAST_BYTES = 4
"""Bytes in sequences of UTF-8 that chance does not give; three are enough for a sign such as a curly quotation mark."""
MOST_STRAY = 0.2
"""The share of the other bytes that may have lost a part of their sequence."""
LEAST_WRONG, LEAST_DISTINCT = 4, 2
"""Letters that another code page changes, and different ones among them."""
FITS = 0.85
"""The share of a text's letters that one alphabet has, from which on the text may be in that language."""
_ALPHABETS = tuple(map(frozenset, (
    "àâæçèéêëîïôœùûüÿ", "äöüßéà", "áéíñóúüçª", "àçèéíïòóúü", "áàâãçéêíóôõúü", "àèéìíîòóùú", "ëéïóöüèêá",
    "æøåéòôóäö", "åäöéàü",
    "äöåšžé", "áðéíóúýþæö", "ąćęłńóśźż", "áčďéěíňóřšťúůýžö", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșțşţ", "čćđšž",
    "äöüõšž", "āčēģīķļņšūžōŗ", "ąčęėįšųūž", "çğıöşüâîû", "ëç", "áéíóú", "âêîôûŵŷ", "áíóúýæøðå",
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "абвгдежзийклмнопрстуфхцчшщъьюя",
    "абвгдђежзијклљмнњопрстћуфхцчџш", "абвгдѓежзѕијклљмнњопрстќуфхцчџш", "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
)))  # fmt: skip
"""The letters beyond ASCII of languages of Europe that have a code page."""


def is_mojibake(text: str) -> bool:
    """Whether a text was read in a wrong encoding."""
    if text.isascii():
        return False
    if _PAIR.search(text) and (_by_ftfy(text) != text or any(map(_is_utf8, _all_bytes(text)))):
        return True
    return any(_recoded(text))


def with_right_encoding(text: str) -> str:
    """The text as it was meant.

    A text that has lost a part of its bytes stays as it is, and so does one that two code pages explain.
    """
    repaired = _by_ftfy(text)
    if repaired == text:
        whole = (raw for raw in _all_bytes(text) if _is_utf8(raw) and not _HIGH.search(_SEQUENCE.sub(b"", raw)))
        repaired = next((raw.decode() for raw in whole), None) or _only(set(_recoded(text))) or text
    return repaired


def _by_ftfy(text: str) -> str:
    """The text as it was meant, or else with each word as it was meant, because sound words may surround wrong ones."""
    repaired = ftfy.fix_encoding(text)
    return repaired if repaired != text else re.sub(r"\S+", _with_right_letters, text)


def _only(texts: set[str]) -> str | None:
    return texts.pop() if len(texts) == 1 else None


def _with_right_letters(word: re.Match[str]) -> str:
    return ftfy.fix_encoding(word[0]) if _PAIR.search(word[0]) else word[0]


def _all_bytes(text: str) -> Iterator[bytes]:
    """The bytes that each code page reads as the text, as far as it has all of its characters."""
    for page in _READ_AS:
        try:
            yield text.encode(page)
        except UnicodeEncodeError:
            continue


def _is_utf8(raw: bytes) -> bool:
    """Whether nearly all bytes beyond ASCII are sequences of UTF-8, each word being of one script."""
    sequences = _SEQUENCE.findall(raw)
    inside = sum(map(len, sequences))
    if inside < LEAST_BYTES and not any(each.startswith(b"\xe2\x80") for each in sequences):
        return False
    if inside < (1 - MOST_STRAY) * len(_HIGH.findall(raw)):
        return False
    return _has_whole_words(raw.decode("utf-8", "ignore"))


def _has_whole_words(text: str) -> bool:
    """Whether no word has letters of several scripts, a capital letter behind a small one, or a sign."""
    return not _IN_WORD.search(text) and not _BESIDE_LETTER.search(text) and not _ODD.search(text)


def _recoded(text: str) -> Iterator[str]:
    """The text by each code page that gives it only letters of one alphabet, if it has those of none."""
    letters = _letters(text)
    if letters.total() < LEAST_WRONG or (_cover(letters) >= FITS and not _ODD.search(text)):
        return
    for read in _SINGLE_BYTE:
        for written in _SINGLE_BYTE:
            try:
                recoded = text.encode(read).decode(written)
            except UnicodeError:
                continue
            changed = [new for old, new in zip(text, recoded, strict=True) if old != new and new.isalpha()]
            if (
                len(changed) >= LEAST_WRONG
                and len(set(changed)) >= LEAST_DISTINCT
                and _cover(_letters(recoded)) == 1
                and _has_whole_words(recoded)
            ):
                yield recoded


def _letters(text: str) -> Counter[str]:
    """The letters beyond ASCII, and the signs that stand in words as if they were letters."""
    letters = Counter(_BEYOND_ASCII.findall(text.replace("İ", "i").lower()))
    letters.update(_IN_WORD.findall(text))
    return letters


def _cover(letters: Counter[str]) -> float:
    """The largest share of the letters that one alphabet has."""
    if any(letters.keys() <= alphabet for alphabet in _ALPHABETS):
        return 1.0
    total = letters.total()
    return max(sum(letters[letter] for letter in letters.keys() & alphabet) for alphabet in _ALPHABETS) / total
