"""Numbers and times as people read them, and foreign text that Markdown can't turn into anything."""

from __future__ import annotations

from dashboard.components import formatting
from fairtrial.domain.wording import counted
from tests.fixtures.for_each import for_each

US = 1_800_000_000_000_000


@for_each(
    ("value", "shown"),
    [
        (formatting.share(None), "–"),
        (formatting.share(1, 0), "–"),
        (formatting.share(1, 8), "12.5 %"),
        (formatting.milliseconds(840.2), "840 ms"),
        (formatting.milliseconds(2310), "2.3 s"),
        (formatting.dollars(None), "–"),
        (formatting.dollars(0), "$0.0000"),
        (formatting.dollars("0.000021000"), "$0.000021"),
        (formatting.dollars(1234.5), "$1,234.5000"),
        (formatting.figure(0.308, form="share"), "30.8 %"),
        (formatting.figure(41.3, form="share", scale=100.0), "41.3 %"),
        (formatting.figure(-0.5), "−0.5"),
        (formatting.change(-0.25, form="share"), "−25.0"),
        (formatting.change(210.0, form="ms"), "+210 ms"),
        (formatting.change(None), "–"),
        (formatting.count(12345), "12,345"),
        (counted(1, "case"), "1 case"),
        (counted(2, "person", "people"), "2 people"),
        (formatting.duration(10_800), "3 h"),
        (formatting.duration(86_400), "1 day"),
        (formatting.duration(5), "5 s"),
        (formatting.age(US, US + 59_000_000), "just now"),
        (formatting.age(US, US + 60_000_000), "1 minute ago"),
        (formatting.age(US, US + 3 * 86_400_000_000 + 5), "3 days ago"),
        (formatting.age_of("2027-01-15T06:00:00Z", US), "2 hours ago"),
        (formatting.age_of(None, US), "–"),
        (formatting.moment(US), "15 Jan 2027, 08:00 UTC"),
        (formatting.moment_of("2027-01-15T09:00:00+01:00"), "15 Jan 2027, 08:00 UTC"),
        (formatting.moment_of(None), "–"),
        (formatting.second_of("2027-01-15T09:00:05+01:00"), "15 Jan 2027, 08:00:05 UTC"),
        (formatting.second_of(None), "–"),
        (formatting.readable_reference('["Paris", "paris"]'), "Paris or paris"),
        (formatting.readable_reference('"Paris"'), "Paris"),
        (formatting.readable_reference("not JSON"), "not JSON"),
        (formatting.readable_reference(None), "–"),
    ],
)
def test_values_have_readable_forms(value: str, shown: str) -> None:
    assert value == shown


@for_each("text", ["http://x.invalid", "WWW.x.invalid", "a@b.invalid", "a -> b", "a <= b", "a -- b"])
def test_links_and_arrows_in_finished_text_are_split_invisibly(text: str) -> None:
    assert formatting.JOINER in formatting.plain(text)
    assert formatting.plain(text).replace(formatting.JOINER, "").replace("\\", "") == text


def test_foreign_text_stays_on_its_line_and_keeps_its_characters() -> None:
    shown = formatting.plain("# a\n- **b** <i> $x$ ![c](d) :red[e] `f`")
    assert "\n" not in shown
    assert shown.replace("\\", "") == "# a - **b** <i> $x$ ![c](d) :red[e] `f`"
    for mark in "#*<$![:`":
        assert f"\\{mark}" in shown
