"""Redaction on bytes removes whatever a slow reference with Python's regular expressions does, without more work."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from fairtrial.privacy.patterns import PATTERNS
from gateway.proxy.admission.cooperative_work import Allowance, TooMuchWork, at_once, bounded
from gateway.proxy.recording.redaction import STEP, json_steps, redact_json, text_steps
from tests.fixtures.for_each import for_each
from tests.fixtures.gateway.reference_redaction import redact_text as slowly, redact_value as value_slowly

FINDS = (
    "jo.doe+spam@mail.example.co.uk",
    "müller@büro.example",
    "a@b.c1.de",
    "+49 (0)30 1234-5678",
    "0049 170 1234567",
    "(415) 555-2671",
    "415.555.2671",
    "030 12345678",
    "0171/1234567",
    "4111 1111 1111 1111",
    "5500-0055-5555-5559",
    "378282246310005",
    "٤١١١١١١١١١١١١١١١",
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "es9121000418450200051332",
    "192.168.17.255",
    "2001:db8::8a2e:370:7334",
    "::1",
    "sk-proj-abcDEF1234567890abcdef",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "Bearer abcdefghijklmnop1234==",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
)
BETWEEN = (
    " ",
    "",
    "\n",
    ", ",
    ".",
    "-",
    ":",
    '"',
    "\\",
    "x",
    "7",
    "é",
    "(",
    ")",
    "/",
    "\t",
    "1.2",
    "AB12 ",
    "\u2028",
    "日",
)
NEAR = (
    *(
        "4111 1111 1111 1112",
        "DE88 3704 1144 1532 1130 11",
        "AB12",
        "sk-short",
        "a@",
        "@b.de",
        "1.2.3.4.5",
        "a:b::",
        "::",
    ),
    *(
        "00 1",
        "+1",
        "(0",
        "01",
        "212-",
        "555-1234",
        "2 ",
        "3-",
        "-----BEGIN PRIVATE KEY-----",
        "eyJabcdefgh.",
        "bearer ",
    ),
)
TEXTS = st.lists(st.sampled_from(FINDS + BETWEEN * 2 + NEAR), max_size=9).map("".join)
CHARACTERS = st.text(st.sampled_from(list('ABde019 .-:@()+/sk_é٤\n"\\')), max_size=60)


def quickly(text: str) -> str:
    return at_once(text_steps(text))


def left_over(text: str) -> str:
    """The finds of the slow reference in a redacted text."""
    return "" if slowly(text) == text else slowly(text)


@settings(max_examples=400, deadline=None)
@given(TEXTS | CHARACTERS)
@example("AB12 DE89 3704 0044 0532 0130 00")
@example("DE89 3704 0044 0532 0130 00 DE89 3704 0044 0532 0130 00")
def test_nothing_is_left_that_the_slow_way_would_take_out(text: str) -> None:
    assert quickly(text) == slowly(text) or not left_over(quickly(text))


WORDS = st.sampled_from(("word", "7", "2024-01-15", "12:30:45", "AB12CD", "std::vector", "1,234.5", "日本", *FINDS))
SENTENCES = st.lists(WORDS, max_size=6).flatmap(
    lambda words: st.sampled_from((", ", "; ", "\n\n", "\t|\t")).map(lambda between: between.join(words))
)


@settings(max_examples=300, deadline=None)
@given(SENTENCES)
def test_ordinary_text_is_redacted_alike(text: str) -> None:
    assert quickly(text) == slowly(text)


NUMBERS = st.sampled_from((7, -1.5, 4_111_111_111_111_111, -4_111_111_111_111_111, 378282246310005, 1_717_171_717))
VALUES = st.recursive(
    SENTENCES | NUMBERS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SENTENCES, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_json_of_any_writer_is_redacted_like_its_texts(value: Any, indent: int | None, ascii_only: bool) -> None:
    body = json.dumps({"a": value, "to": "a@b.io"}, indent=indent, ensure_ascii=ascii_only).encode()
    redacted = at_once(json_steps(body))
    assert json.loads(redacted) == {"a": value_slowly(value), "to": "[email]"}


@for_each("find", FINDS)
@for_each("escape", ["\n", "\t", '"', "\\", "/", "\u0001", "\u2028", "\b"])
def test_an_escape_beside_a_find_hides_it_as_little_as_a_blank(find: str, escape: str) -> None:
    body = json.dumps({"a": f"x{escape}{find}{escape}"}).encode()
    assert json.loads(redact_json(body)) == {"a": slowly(f"x{escape}{find}{escape}")}


def test_a_find_in_json_inside_of_a_text_goes_and_the_text_stays_json() -> None:
    inner = json.dumps({"to": "a@b.io", "n": 4111111111111111, "t": 'say "hi", +1 415 555 2671'})
    redacted = json.loads(redact_json(json.dumps({"arguments": inner}).encode()))["arguments"]
    assert json.loads(redacted.replace("[card]", '"[card]"')) == {
        "to": "[email]",
        "n": "[card]",
        "t": 'say "hi", [phone]',
    }


def test_a_private_key_ends_with_its_text() -> None:
    body = b'{"a":"-----BEGIN PRIVATE KEY-----\\nMII\\"E","b":"stays"}'
    assert json.loads(redact_json(body)) == {"a": "[private key]", "b": "stays"}


HOSTILE = (
    *("DE88370411441532113011 ", "DE88 3704 1144 1532 1130 11 ", "DE88", "AA11 ", "AA11 b c d e f g h i j k l m n "),
    *("DE88abcdefghijklmnopqrstuvwxyz0123456789.", "4111 1111 1111 1112 ", "4111-1111-1111-1112-", "0 1", "4", "00 1"),
    *(
        "+1-2",
        "+1 . 2",
        "(200) 333-444",
        "01/234 ",
        "0123456789 ",
        "+1()2()3()4()5()6",
        "1.2.3.4.",
        "1:2:3:4:5:6:7:8:9 ",
    ),
    *(
        "a:",
        ":",
        "::",
        "a:b:c:d:e:f:1:2 ",
        "a@",
        "a@a.",
        "a.",
        "@a-",
        "@a.1",
        "a@b.c1.",
        "x@a.bc ",
        "http://a.b/c?d=e@f ",
    ),
    *(
        "sk-",
        "sk-aaaaaaaaaaaaaaaa ",
        "eyJ-",
        "eyJaaaaaaaa.",
        "eyJaaaaaaaa.aaaaaaaa.",
        "bearer ",
        "ghp_aaaaaaaaaaaaaaaaaaaa",
    ),
    *(
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----a-----END ",
        "é@",
        "é",
        "٤ ",
        '"',
        "\\n",
    ),
    *("ssn 12 34 ", "ssn 111222333 ", "54362315K 12345678X ", "111.222.333-44 ", "tel 12 34 56 ", "tel is at "),
    *("password is a1 ", "password for ", "api_key=a1", "://", "://a:b@", "1 11 11 11 111 111 11 "),
)


def steps_of(text: str) -> int:
    steps, number = json_steps(json.dumps([text], ensure_ascii=False).encode()), 0
    for _ in steps:
        number += 1
    return number


@for_each("piece", HOSTILE)
def test_work_grows_with_the_length_of_a_text_whatever_is_in_it(piece: str) -> None:
    """RE2's time grows with a text's length. The count is of the candidates that are examined."""
    text = piece * (10_000 // len(piece))
    single, four = steps_of(text), steps_of(text * 4)
    assert single * STEP <= len(text.encode()) / 3
    assert four <= 4 * (single + 1) + len(PATTERNS)


def test_too_much_work_is_given_up_before_it_is_done() -> None:
    done = 0

    def counted() -> Any:
        nonlocal done
        for _ in json_steps(json.dumps("DE88370411441532113011 " * 10_000).encode()):
            done += 1
            yield

    with pytest.raises(TooMuchWork):
        at_once(bounded(counted(), Allowance(5)))
    assert done == 5


def test_no_pattern_is_too_large_for_the_fast_way_of_re2() -> None:
    """A program of tens of thousands of instructions exceeds the memory of RE2's automaton, which then takes longer."""
    for pattern in PATTERNS:
        assert max(pattern.regex.programsize, pattern.regex.reverseprogramsize) < 10_000
