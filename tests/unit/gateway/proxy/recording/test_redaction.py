"""Redaction replaces personal and secret text by its kind, and leaves the rest."""

from __future__ import annotations

import json

from gateway.proxy.recording.redaction import redact_json, redact_text
from tests.fixtures.for_each import for_each

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----"

GONE = [
    ("write to jo.doe+spam@mail.example.co.uk, please", "write to [email], please"),
    ("müller@büro.example is hers", "[email] is hers"),
    ("(a@b.io)", "([email])"),
    ("call +49 (0)30 1234-5678 now", "call [phone] now"),
    ("call +1 415 555 2671", "call [phone]"),
    ("call 0049 170 1234567", "call [phone]"),
    ("call (415) 555-2671.", "call [phone]."),
    ("call 415-555-2671 or 415.555.2671", "call [phone] or [phone]"),
    ("Tel. 030 12345678", "Tel. [phone]"),
    ("Tel. 0171/1234567", "Tel. [phone]"),
    ("card 4111 1111 1111 1111, exp 12/27", "card [card], exp 12/27"),
    ("card 5500-0055-5555-5559", "card [card]"),
    ("amex 378282246310005", "amex [card]"),
    ("IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [iban] please"),
    ("IBAN GB29NWBK60161331926819", "IBAN [iban]"),
    ("pay NL91 ABNA 0417 1643 00 TODAY", "pay [iban] TODAY"),
    ("es9121000418450200051332", "[iban]"),
    ("from 192.168.17.255.", "from [ip]."),
    ("at 10.0.0.1:8080", "at [ip]:8080"),
    ("host 2001:db8::8a2e:370:7334 down", "host [ip] down"),
    ("listen on ::1", "listen on [ip]"),
    ("sk-proj-abcDEF1234567890abcdef is it", "[key] is it"),
    ("key=ft-k3y1-AbCdEfGhIjKlMnOpQrStUvWxYz012345", "key=[key]"),
    ("AKIAIOSFODNN7EXAMPLE", "[key]"),
    ("ghp_0123456789abcdefghijklmnopqrstuvwxyz", "[key]"),
    ("Authorization: Bearer abcdefghijklmnop1234==", "Authorization: Bearer [token]"),
    (f"token {JWT}", "token [token]"),
    (f"here:\n{PEM}\nend", "here:\n[private key]\nend"),
    ("cut off -----BEGIN PRIVATE KEY-----\nMIIE", "cut off [private key]"),
]

STAYS = [
    "see you @ 5 or @home",
    "a@b is no address",
    "on 2024-01-15 at 12:30:45, or 15.01.2024",
    "2026-11-24T17:24:33.123Z",
    "order 1234567890, ticket 20240115001",
    "card 4111 1111 1111 1112 fails Luhn",
    "0000 0000 0000 0000",
    "DE88 3704 1144 1532 1130 11 fails mod 97",
    "version 1.2.3.4.5 and 10.0.19041.1",
    "256.1.1.1 and 1.2.3",
    "std::vector<int> a::b and Foo::Bar",
    "ratio 3:4:5",
    "the task-force risk-assessment was desk-bound",
    "sk-short",
    "the bearer of this letter",
    "chatcmpl-0123456789012345",
    "01a20e95-42bb-7950-b2f9-143e2b0c3388",
    "0.123456789012 and -1234567.5",
    "1,234,567.89 USD",
    "f(x) = 12345 * 67890",
]


@for_each(("text", "redacted"), GONE)
def test_personal_and_secret_text_is_replaced(text: str, redacted: str) -> None:
    assert redact_text(text) == redacted


@for_each("text", STAYS)
def test_text_that_only_looks_like_it_stays(text: str) -> None:
    assert redact_text(text) == text


def test_redacting_twice_changes_nothing_more() -> None:
    for text, redacted in GONE:
        assert redact_text(redact_text(text)) == redacted


def test_an_escape_hides_nothing_and_the_rest_of_the_json_stays() -> None:
    body = rb'{"a@b.io":1717171717,"n":[1.5,null,true],"t":"x\u0040y.org","arguments":"{\"to\":\"a@b.io\"}"}'
    assert json.loads(redact_json(body)) == {
        "[email]": 1717171717,
        "n": [1.5, None, True],
        "t": "[email]",
        "arguments": '{"to":"[email]"}',
    }


def test_a_card_number_is_found_where_json_has_it_as_a_number() -> None:
    assert json.loads(redact_json(b'{"card":4111111111111111,"created":1717171717}')) == {
        "card": "[card]",
        "created": 1717171717,
    }


def test_long_text_without_anything_in_it_comes_back_whole() -> None:
    for text in ("a" * 200_000, "1" * 50_000, "a." * 50_000, "a:" * 50_000, "-" * 100_000):
        assert redact_text(text + "@") == text + "@"
