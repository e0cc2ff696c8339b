"""All cases, in the order of their ids' files."""

from __future__ import annotations

from tests.conformance.cases import chat_answers, chat_requests, errors, parameters, streams

CASES = [*errors.CASES, *chat_answers.CASES, *chat_requests.CASES, *parameters.CASES, *streams.CASES]
BY_NAME = {case.key_name: case for case in CASES}
assert len(BY_NAME) == len(CASES), "two cases have one name"
