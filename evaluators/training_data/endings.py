"""Finds completions that are cut off, by signs at their end and by how the other texts of the file end."""

import json
import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from unicodedata import category

from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example import Example

SURE, LIKELY = 0.002, 0.1
"""The share of whole texts that look at least as cut off, as estimated from the file, up to which a row is cut off or
may be cut off."""
MOST_ROWS = 20_000
"""Rows whose words are counted, evenly spread."""
OFTEN_OPEN = 0.3
"""If more than this share of the texts has no end mark, the last word alone proves nothing."""
ENOUGH_ROWS = 10
"""Texts of one shape that have a habit; fewer are compared with all."""
REPEATED = 3
"""Texts without an end mark that must stop at the same word, so that texts of a file with end marks may do so."""
LONGEST_WORD = 40
LEAST_LIMIT, NEAR_LENGTHS, DEVIATIONS, LONGEST_ROWS = 100, 10, 6, 3
"""A limit of length has at least 100 characters, and six standard deviations more texts than the ten lengths below and
above it; for the greatest length of all, three texts are enough."""
SHORT = 12
"""Characters below which a text is never surely cut off, because short answers often have no end mark."""
_FINISH = frozenset({"finish_reason", "finishReason", "stop_reason", "done_reason"})
_LIMITS = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
_END_MARKS = tuple(".!?…。！？؟।॥\"'”’»«“)]}>）】」』`*_|~")
_GOES_ON = tuple(",;:-–—(（[{«„、，：；،؛")
_PAIRS = tuple(zip("([{（【「『", ")]}）】」』", strict=True))
_SMILEY = re.compile(r"[:;=][-o^']?[(\[{]")
_INSIDE_WORD = re.compile(r"(?<=\w)\"(?=\w)")
"""A quotation mark inside a word, which is a sign of Hebrew abbreviations."""
_SMILEY_END = re.compile(rf"{_SMILEY.pattern}\Z")
_ITEM = re.compile(r"\s*(?:[-*+#|•·>]|--|\d+[.)]|[a-z][.)]\s)")
_FENCE = re.compile(r"^[^\S\n]*```", re.MULTILINE)
_LONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Characters that are counted as words, because no spaces divide them."""
_WORD = re.compile(rf"[{_LONE}]|[^\W{_LONE}]+")
_LAST_WORD = re.compile(rf"(?:[{_LONE}]|[^\W{_LONE}]+)\Z")
_PART_OF_PATH = re.compile(r"[/\\_@=<>#.]\S+\Z")
_LAST_LONE = re.compile(f"[{_LONE}]")
LEAST_OF_LONE = 0.02
"""Such a character tells less than a word: titles end with nouns, and sentences in Japanese with other words."""
_SENTENCE_END = re.compile(rf"([{_LONE}]|(?<![^\W{_LONE}])[^\W{_LONE}]++)(?:[.!?…؟।]++[^\w\s]*+(?=\s|\Z)|[。！？])")
"""It is linear, because a word begins only behind no other, and no quantifier gives back what it has."""


@dataclass(frozen=True, slots=True)
class CutRows:
    """Rows with the reason of each: those that are surely cut off, and those that only may be."""

    sure: Mapping[int, str]
    likely: Mapping[int, str]


def find_cut(corpus: Corpus) -> CutRows:
    """The training rows whose completion is cut off."""
    texts = {row: text for row in corpus.train if (text := corpus.examples[row].completion.strip())}
    open_ = {row: text for row, text in texts.items() if not _is_ended(text) and not corpus.labels[row]}
    raw = {row: len(corpus.examples[row].completion) for row in texts}
    long = [row for row in texts if raw[row] >= LEAST_LIMIT]
    usually_ended = 2 * len(open_) <= len(texts) or 2 * sum(row in open_ for row in long) <= len(long)
    limits = _limits([raw[row] for row in open_], max(raw.values(), default=0)) if usually_ended else set()
    sample = list(texts.values())[:: max(1, len(texts) // MOST_ROWS)]
    words, unclosed = LastWords(sample), _unclosed_share(sample)
    habits = _habits(texts, open_)
    marks = _mark_shares(list(texts.values()))
    usually_marked = len(open_) <= OFTEN_OPEN * len(texts)
    sure: dict[int, str] = {}
    likely: dict[int, str] = {}
    for row, text in texts.items():
        reason = _structure(corpus.examples[row], text)
        if reason is None and row in open_ and raw[row] in limits:
            reason = "its length is a limit that several texts reach, and it has no end mark"
        if reason is not None:
            sure[row] = reason
        elif row in open_:
            share, why = _evidence(text, corpus.examples[row].prompt, words, unclosed)
            share *= habits[_shape(text)]
            if marks.get(text[-1], 1) < share:
                share, why = marks[text[-1]], "it ends with a mark after which a text goes on"
            has_sign = usually_marked or text[-1] in marks or _is_unclosed(text)
            is_sure = share <= SURE and len(text) >= SHORT and has_sign
            (sure if is_sure else likely if share <= LIKELY else {})[row] = why
    return CutRows(sure, likely)


def _is_ended(text: str) -> bool:
    """Whether a text has an end mark, or a smiley in its place."""
    return text.endswith((*_END_MARKS, "\ufe0f")) or category(text[-1]) == "So" or bool(_SMILEY_END.search(text[-3:]))


def _structure(example: Example, text: str) -> str | None:
    """Why the text is cut off, whatever the other texts are like."""
    last = example.fields.get("message_fields", {}).get(str(len(example.messages) - 1), {})
    if any(str(of[name]).lower() in _LIMITS for of in (example.fields, last) for name in _FINISH.intersection(of)):
        return "its finish reason is a limit of tokens"
    if len(_FENCE.findall(text)) % 2:
        return "its code block is not closed"
    return "its JSON ends early" if _is_cut_json(text) else None


def _is_cut_json(text: str) -> bool:
    if not text.startswith(("{", "[")) or text.endswith(("}", "]")):
        return False
    try:
        json.loads(text)
    except RecursionError:
        return False
    except json.JSONDecodeError as error:
        return error.pos >= len(text) or "Unterminated" in error.msg
    return False


def _limits(lengths: Sequence[int], longest: int) -> set[int]:
    """The lengths that far more texts without an end mark have than chance gives to the lengths around them."""
    counts = Counter(lengths)
    limits = set()
    for length, count in counts.items():
        around = sum(counts[length + step] for step in range(-NEAR_LENGTHS, NEAR_LENGTHS + 1) if step) / (
            2 * NEAR_LENGTHS
        )
        least = LONGEST_ROWS if length == longest else around + DEVIATIONS * math.sqrt(around + 1)
        if length >= LEAST_LIMIT and count >= least:
            limits.add(length)
    return limits


def _mark_shares(texts: Sequence[str]) -> dict[str, float]:
    """For each mark after which a text goes on, the share of the texts that end with it or with a rarer one."""
    counts = Counter(text[-1] for text in texts if text.endswith(_GOES_ON))
    shares = {}
    so_far = 0
    for mark, count in reversed(counts.most_common()):
        so_far += count
        shares[mark] = so_far / len(texts)
    return shares


def _shape(text: str) -> tuple[bool, int]:
    """Texts of one shape end alike: those whose last line is an item of a list, and those of about one length."""
    before, _, last = text.rpartition("\n")
    is_item = bool(_ITEM.match(last)) or (bool(before) and " " not in last)
    return is_item, min(len(text).bit_length(), 9)


def _habits(texts: Mapping[int, str], open_: Mapping[int, str]) -> dict[tuple[bool, int], float]:
    """The share of the texts of each shape that have no end mark."""
    all_of = Counter(map(_shape, texts.values()))
    without = Counter(map(_shape, open_.values()))
    usual = len(open_) / max(1, len(texts))
    return {
        shape: without[shape] / count if count >= ENOUGH_ROWS else max(usual, without[shape] / count)
        for shape, count in all_of.items()
    }


def last_word(text: str) -> str:
    """The word with which a text stops, in lower case; empty if it has a mark behind it, or is part of a path."""
    end = text[-LONGEST_WORD:].lower()
    last = _LAST_WORD.search(end)
    return last[0] if last and not _PART_OF_PATH.search(end) else ""


class LastWords:
    """How surprising each word is as the last one of a whole text, learnt from where the file's sentences end."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._counts: Counter[str] = Counter()
        self._ends: Counter[str] = Counter()
        last = Counter(filter(None, map(last_word, texts)))
        for text in texts:
            lower = text.lower()
            self._counts.update(_WORD.findall(lower))
            self._ends.update(_SENTENCE_END.findall(lower))
        usual = REPEATED if 2 * sum(map(_is_ended, texts)) >= len(texts) else 1
        self._ends.update({word: count for word, count in last.items() if count >= usual})
        self._words = sorted(self._counts)
        self._before = [0, *accumulate(self._counts[word] for word in self._words)]
        self._usual = self._ends.total() / max(1, self._counts.total())
        scores = sorted((self._score(word, less=1), count) for word, count in self._ends.items())
        self._scores = [score for score, _ in scores]
        self._up_to = [0, *accumulate(count for _, count in scores)]

    def p(self, word: str) -> float:
        """The share of the file's sentences whose last word is at least as surprising."""
        up_to = self._up_to[bisect_right(self._scores, self._score(word))]
        return max((up_to + 1) / (self._up_to[-1] + 1), LEAST_OF_LONE if _LAST_LONE.match(word) else 0.0)

    def is_known(self, word: str) -> bool:
        """Whether the file has the word more than once."""
        return self._counts[word] > 1

    def _score(self, word: str, *, less: int = 0) -> float:
        """How often a sentence ends with the word, this time not counted, among the words that begin like it."""
        first, last = bisect_left(self._words, word), bisect_left(self._words, word + chr(0x10FFFF))
        return (self._ends[word] - less + self._usual) / max(1, self._before[last] - self._before[first])


def _evidence(text: str, prompt: str, words: LastWords, unclosed: float) -> tuple[float, str]:
    """The share of whole texts without an end mark that look at least as cut off, and the strongest sign."""
    word = last_word(text)
    signs = [(1.0, "it has no end mark, unlike most of these texts")]
    if word and not re.search(rf"\b{re.escape(word)}\b", prompt.lower()):
        inside = "a word that rarely ends a sentence of the file" if words.is_known(word) else "the beginning of a word"
        signs.append((words.p(word), f"it has no end mark and stops at {inside}"))
    if _is_unclosed(text):
        signs.append((unclosed, "it stops within brackets or quotation marks"))
    return math.prod(share for share, _ in signs), min(signs)[1]


def _is_unclosed(text: str) -> bool:
    plain = _INSIDE_WORD.sub("", _SMILEY.sub("", text))
    if plain.count('"') % 2:
        return True
    return any(
        plain.count(opening) > plain.count(closing) and plain.rfind(opening) > plain.rfind(closing)
        for opening, closing in _PAIRS
    )


def _unclosed_share(texts: Sequence[str]) -> float:
    whole = [text for text in texts if _is_ended(text)]
    return (sum(map(_is_unclosed, whole)) + 1) / (len(whole) + 1)
