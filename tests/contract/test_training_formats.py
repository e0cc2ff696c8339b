"""Every format of training rows reads what it writes."""

from __future__ import annotations

from evaluators.training_data.example import FORMATS, PRECEDENCE, REJECTED, Example
from tests.fixtures.for_each import for_each

EXAMPLE = Example(
    7,
    (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Two and two?"},
        {"role": "assistant", "content": "Four."},
    ),
    {REJECTED: "Five.", "label": True},
)


@for_each("name", FORMATS.names())
def test_every_format_reads_the_rows_that_it_writes(name: str) -> None:
    form = FORMATS.get(name)
    row = form.write(EXAMPLE)
    assert form.lacks(row) == ()
    again = form.read(row, 7)
    assert again.messages == EXAMPLE.messages and again.line == 7
    assert form.write(again) == row


@for_each("name", FORMATS.names())
def test_every_format_names_what_an_empty_row_lacks(name: str) -> None:
    assert FORMATS.get(name).lacks({})


def test_formats_are_recognised_in_an_order_of_known_names() -> None:
    assert set(PRECEDENCE) < set(FORMATS.names())
