"""Numbers and times as people read them, and foreign text that Markdown can't turn into anything."""

from __future__ import annotations

import pytest

from dashboard import words

US = 1_800_000_000_000_000


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (words.share(None), "–"),
        (words.share(1, 0), "–"),
        (words.share(1, 8), "12.5 %"),
        (words.milliseconds(840.2), "840 ms"),
        (words.milliseconds(2310), "2.3 s"),
        (words.dollars(None), "–"),
        (words.dollars(0), "$0.0000"),
        (words.dollars("0.000021000"), "$0.000021"),
        (words.dollars(1234.5), "$1,234.5000"),
        (words.figure(0.308, form="share"), "30.8 %"),
        (words.figure(41.3, form="share", scale=100.0), "41.3 %"),
        (words.figure(-0.5), "−0.5"),
        (words.change(-0.25, form="share"), "−25.0"),
        (words.change(210.0, form="ms"), "+210 ms"),
        (words.change(None), "–"),
        (words.count(12345), "12,345"),
        (words.counted(1, "case"), "1 case"),
        (words.counted(2, "person", "people"), "2 people"),
        (words.duration(10_800), "3 h"),
        (words.duration(86_400), "1 day"),
        (words.duration(5), "5 s"),
        (words.moment(US), "15 Jan 2027, 08:00 UTC"),
        (words.moment_of("2027-01-15T09:00:00+01:00"), "15 Jan 2027, 08:00 UTC"),
        (words.moment_of(None), "–"),
        (words.spoken('["Paris", "paris"]'), "Paris or paris"),
        (words.spoken('"Paris"'), "Paris"),
        (words.spoken("not JSON"), "not JSON"),
        (words.spoken(None), "–"),
    ],
)
def test_values_read_as_people_say_them(said: str, shown: str) -> None:
    assert said == shown


@pytest.mark.parametrize("text", ["http://x.invalid", "WWW.x.invalid", "a@b.invalid", "a -> b", "a <= b", "a -- b"])
def test_what_is_looked_for_in_finished_text_is_parted_invisibly(text: str) -> None:
    assert words.JOINER in words.plain(text)
    assert words.plain(text).replace(words.JOINER, "").replace("\\", "") == text


def test_foreign_text_stays_on_its_line_and_keeps_its_characters() -> None:
    shown = words.plain("# a\n- **b** <i> $x$ ![c](d) :red[e] `f`")
    assert "\n" not in shown
    assert shown.replace("\\", "") == "# a - **b** <i> $x$ ![c](d) :red[e] `f`"
    for mark in "#*<$![:`":
        assert f"\\{mark}" in shown
