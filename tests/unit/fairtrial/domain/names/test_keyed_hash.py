"""The keyed hash that is begun once: what the standard library's HMAC gives, for keys and messages of any length."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from fairtrial.domain.names.keyed_hash import KeyedHash, keyed_hash


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
def test_it_is_hmac_sha256_for_one_message_after_another(key: bytes, one: bytes, other: bytes) -> None:
    begun = KeyedHash(key)
    assert [begun.digest(message) for message in (one, other, one)] == [
        hmac.digest(key, message, "sha256") for message in (one, other, one)
    ]


def test_a_lone_surrogate_in_a_key_is_encoded_like_any_code_point() -> None:
    assert keyed_hash("\ud800").digest(b"") == hmac.digest(b"\xed\xa0\x80", b"", "sha256")
