"""Represents a user's question by keyed hashes of its words, so that a rewording is found without the text."""

import re
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
    if len(stems) < QUESTION_WORDS:
        return None
    key = blake2b(secret.encode(), digest_size=32, person=b"words").digest()
    hashes = (blake2b(stem.encode("utf-8", "surrogatepass"), key=key, digest_size=4) for stem in stems)
    return sorted(int.from_bytes(each.digest()) for each in hashes)
