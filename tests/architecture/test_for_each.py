"""A loop over values is one case that names every value that fails."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest

from tests.fixtures.for_each import for_each


def test_every_value_that_fails_is_listed_with_its_reason() -> None:
    @for_each("number", [1, 2, 3, 4])
    def is_even(number: int) -> None:
        assert number % 2 == 0, "odd"

    with pytest.raises(AssertionError) as failed:
        is_even()
    lines = str(failed.value).splitlines()
    assert (
        lines[0] == "2 of 4 fail:" and [line for line in lines if line.startswith(("1: odd", "3: odd"))] == lines[1::2]
    )


def test_an_error_and_an_exception_that_is_not_raised_are_failures() -> None:
    @for_each(("number", "divisor"), [(1, 0), (1, 1)], label=lambda pair: f"pair {pair[1]}")
    def refuses(number: int, divisor: int) -> None:
        with pytest.raises(LookupError):
            assert number // divisor

    with pytest.raises(AssertionError, match=r"(?s)pair 0: ZeroDivisionError: .*pair 1: Failed: DID NOT RAISE"):
        refuses()


def test_two_loops_try_every_pair() -> None:
    pairs = []

    @for_each("left", "ab")
    @for_each("right", [1, 2])
    def note(left: str, right: int) -> None:
        pairs.append((left, right))

    note()
    assert pairs == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_a_coroutine_is_awaited_for_every_value() -> None:
    @for_each("number", [1, 2])
    async def is_one(number: int) -> None:
        await asyncio.sleep(0)
        assert number == 1

    with pytest.raises(AssertionError, match="2: assert 2 == 1"):
        asyncio.run(is_one())


def test_pytest_sees_only_the_fixtures() -> None:
    @for_each("number", [1])
    def uses_a_folder(tmp_path: Path, number: int) -> None: ...

    assert list(inspect.signature(uses_a_folder).parameters) == ["tmp_path"]


def test_a_loop_over_nothing_or_over_an_unknown_parameter_is_an_error() -> None:
    with pytest.raises(ValueError, match="no value of number"):
        for_each("number", [])
    with pytest.raises(TypeError, match="no parameter other"):
        for_each("other", [1])(lambda number: number)
