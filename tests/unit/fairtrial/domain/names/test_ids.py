"""The ids: a UUID of version 7 holds its time and its randomness, and sorts by time."""

from __future__ import annotations

import hmac
from uuid import UUID

from hypothesis import given, strategies as st

from fairtrial.domain.names.ids import ENTROPY_BYTES, KeyedHash, fresh_id, keyed_hash, uuid7


@given(st.integers(0, 2**48 - 1), st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES))
def test_an_id_is_a_uuid_of_version_7_with_all_that_was_put_in(unix_ms: int, entropy: bytes) -> None:
    uuid = UUID(uuid7(unix_ms, entropy))
    rest = int.from_bytes(entropy, "big") & ~(0xF << 76) & ~(0x3 << 62)
    assert (uuid.version, uuid.variant) == (7, "specified in RFC 4122")
    assert uuid.int == unix_ms << 80 | 0x7 << 76 | 0x2 << 62 | rest
    assert str(uuid) == uuid7(unix_ms, entropy)


def test_fresh_ids_of_one_time_are_all_different() -> None:
    assert len({fresh_id(1) for _ in range(2000)}) == 2000


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=200))
def test_it_is_hmac_sha256_for_one_message_after_another(key: bytes, first: bytes, second: bytes) -> None:
    begun = KeyedHash(key)
    assert [begun.digest(message) for message in (first, second, first)] == [
        hmac.digest(key, message, "sha256") for message in (first, second, first)
    ]


def test_a_lone_surrogate_in_a_key_is_encoded_like_any_code_point() -> None:
    assert keyed_hash("\ud800").digest(b"") == hmac.digest(b"\xed\xa0\x80", b"", "sha256")
