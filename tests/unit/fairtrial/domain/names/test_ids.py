"""The ids: a UUID of version 7 holds its time and its randomness, and sorts by time."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from fairtrial.domain.names.ids import ENTROPY_BYTES, fresh_id, uuid7


@given(st.integers(0, 2**48 - 1), st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES))
def test_an_id_is_a_uuid_of_version_7_with_all_that_was_put_in(unix_ms: int, entropy: bytes) -> None:
    found = UUID(uuid7(unix_ms, entropy))
    rest = int.from_bytes(entropy, "big") & ~(0xF << 76) & ~(0x3 << 62)
    assert (found.version, found.variant) == (7, "specified in RFC 4122")
    assert found.int == unix_ms << 80 | 0x7 << 76 | 0x2 << 62 | rest
    assert str(found) == uuid7(unix_ms, entropy)


def test_fresh_ids_of_one_time_are_all_different() -> None:
    assert len({fresh_id(1) for _ in range(2000)}) == 2000
