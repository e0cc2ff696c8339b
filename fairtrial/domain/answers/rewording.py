"""Represents a user's question by keyed hashes of its words, so that a rewording is found without the text."""

import re
from functools import lru_cache
from hashlib import blake2b

from fairtrial.domain.answers.chat import last_question
from fairtrial.domain.promises import QUESTION_WORDS

STEM = 5
"""Letters of a word that are compared, so that its forms are alike."""
READ = 4_000
"""Characters of a message that are read."""
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff"
WORD = re.compile(rf"(?=([{_UNSPACED}]{{2}}))|([^\W{_UNSPACED}]+)")
"""A word, or two neighbouring characters in Thai, Lao, Japanese and Chinese, which put no spaces between words."""


def question_words(secret: str, body: str | None) -> list[int] | None:
    """Hashes of the words of the question that ends a request, 32 bits each; ``None`` without a comparable question.

    ``secret``: the store's, without which no word can be guessed. ``body``: the request as recorded.
    """
    text = last_question(body) if body else None
    stems = {(pair or word)[:STEM] for pair, word in WORD.findall(text[:READ].lower())} if text else set()
    return sorted(_hashed(secret, stem) for stem in stems) if len(stems) >= QUESTION_WORDS else None


def _hashed(secret: str, stem: str) -> int:
    digest = _keyed(secret).copy()
    digest.update(stem.encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest())


@lru_cache(maxsize=8)
def _keyed(secret: str) -> blake2b:
    key = blake2b(secret.encode("utf-8", "surrogatepass"), digest_size=32, person=b"words").digest()
    return blake2b(key=key, digest_size=4)
