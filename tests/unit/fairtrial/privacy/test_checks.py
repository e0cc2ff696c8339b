"""Addresses that identify nobody and placeholders are kept in training data, and masked in recordings."""

from __future__ import annotations

from collections import Counter

from fairtrial.privacy.masking import mask
from gateway.proxy.recording.redaction import redact_text
from tests.fixtures.for_each import for_each


@for_each(
    "text",
    [
        *("127.0.0.1:8000", "0.0.0.0", "::1", "192.168.1.17", "203.0.113.9 or 198.51.100.7", "2001:db8::7"),
        *("Version 24.1.0.7", "1.2.3.4:7000", "release: 24.1.0.7", "driver>=24.1.0.7"),
        *("postgres://user:pass@host/db", "https://USERNAME:secret@x/y", "redis://:password@host"),
        *("http://my_user:your-password@x", "smtp://user:pw@mail.example"),
    ],
)
def test_what_identifies_nobody_is_masked_by_recording_only(text: str) -> None:
    assert mask(text, Counter()) == text
    assert redact_text(text) != text


@for_each(
    "text",
    [
        *("84.112.7.9", "conversion from 84.112.7.9", "2606:4700:4700::1111", "[::ffff:84.112.7.9]"),
        *("redis://:hunter2@host", "http://admin:admin@x", "http://user:pass1word@x", "http://userpass:blue@x"),
    ],
)
def test_public_addresses_and_passwords_are_masked(text: str) -> None:
    assert mask(text, Counter()) != text
