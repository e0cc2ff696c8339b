"""The C library's thresholds are large while a computation runs, and small again when the last one has ended."""

from __future__ import annotations

import pytest

from gateway import process_resources


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The calls to the C library."""
    made: list[tuple[str, int]] = []

    class Library:
        def mallopt(self, option: int, value: int) -> None:
            if option == process_resources.M_MMAP_THRESHOLD:
                made.append(("mmap", value))

        def malloc_trim(self, keep: int) -> None:
            made.append(("trim", keep))

    monkeypatch.setattr(process_resources.ctypes, "CDLL", lambda _: Library())
    monkeypatch.setattr(process_resources, "_asked", type(process_resources._asked)())
    return made


def test_blocks_are_returned_again_after_the_last_computation(calls: list[tuple[str, int]]) -> None:
    process_resources.return_large_blocks()
    with process_resources.keeping_large_blocks():
        with pytest.raises(ValueError, match="one of two"), process_resources.keeping_large_blocks():
            raise ValueError("one of two")
        assert calls[-1] == ("mmap", process_resources.MOST)
    assert calls[-2:] == [("mmap", process_resources.LARGE), ("trim", 0)]


def test_a_command_that_returns_nothing_keeps_what_it_has(calls: list[tuple[str, int]]) -> None:
    with process_resources.keeping_large_blocks():
        pass
    assert calls == [("mmap", process_resources.MOST)]
