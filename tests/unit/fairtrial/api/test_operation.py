"""A request reads back as it was written, and everything that is wrong with one is named with its place."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import ValidationError

from fairtrial.api import accounts, experiments, keys, plans, reviews, runs, traffic, verdicts
from fairtrial.api.operation import Operation, Request, Window, from_http, operations, read_answer, to_http
from fairtrial.domain.errors import BadRequest
from tests.fixtures.for_each import for_each

REQUESTS: tuple[tuple[Operation[Any, Any], Request], ...] = (
    (keys.listing, Window(limit=7)),
    (keys.create, keys.CreateKey(name="app", rights=("pin",), expires_us=5)),
    (accounts.set_role, accounts.SetRole(who="Ann/Bob", role="auditor")),
    (experiments.states, experiments.ListStates(everything=True)),
    (experiments.decision, experiments.DecisionOf(name="a b?", slices=False)),
    (plans.difference, plans.ComparePlans(old="a", new="b")),
    (runs.listing, runs.ListRuns(suite="null", target="true")),
    (runs.compare, runs.CompareRuns(candidate_run="a", baseline_run="b", by=("kind", "1"))),
    (traffic.by_experiment, traffic.ExperimentTraffic(since_us=0)),
    (reviews.submit, reviews.DraftOf(item_id="i", ratings=reviews.Ratings(left=reviews.Marks(tone=4)))),
    (verdicts.vote, verdicts.Vote(verdict_id="v", vote="approve", why="read 40 answers")),
)


@for_each(("operation", "request_"), REQUESTS)
def test_a_request_reads_back_as_it_was_written(operation: Operation[Any, Any], request_: Request) -> None:
    sent = to_http(operation, request_)
    assert from_http(operation, sent.named, sent.query, sent.body) == request_


def test_fields_of_the_path_are_quoted_and_defaults_are_left_out() -> None:
    sent = to_http(accounts.set_role, accounts.SetRole(who="Ann/Bob", role="admin"))
    assert (sent.path, sent.query, sent.body) == ("/api/accounts/Ann%2FBob/role", (), b'{"role":"admin"}')
    assert to_http(experiments.decision, experiments.DecisionOf(name="x")).query == ()


@for_each(
    ("body", "problems"),
    (
        (b'{"rights": ["fly"], "expires_us": 0}', ("name: required", "rights[0]: Invalid", "expires_us: Expected")),
        (b'{"name": "a", "routs": []}', ("body.routs: unknown field",)),
        (b'{"name": 5}', ("body.name: Expected `str`, got `int`",)),
        (b"[]", ("a JSON object is required",)),
        (b"{", ("body: Input data was truncated",)),
    ),
)
def test_every_problem_of_a_body_is_named_with_its_place(body: bytes, problems: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest) as refused:
        from_http(keys.create, {}, (), body)
    assert all(problem in refused.value.message for problem in problems), refused.value.message


def test_the_values_that_are_known_are_named() -> None:
    with pytest.raises(BadRequest, match=r"body\.role: Invalid enum value 'king' \(known: auditor, reviewer"):
        from_http(accounts.invite, {}, (), b'{"role": "king"}')


def test_a_nested_field_is_named_with_its_place() -> None:
    body = b'{"gate": "", "candidate": "a", "baseline": "b", "suites": [{"suite": "s", "digests": "x"}]}'
    with pytest.raises(BadRequest, match=r"body\.suites\[0\]\.digests: unknown field"):
        from_http(verdicts.judge, {}, (), body)
    suites = b'[{"suite": "s", "digest": "x"}, {"suite": "s", "digest": "y"}]'
    with pytest.raises(BadRequest, match="named with two digests"):
        from_http(verdicts.judge, {}, (), b'{"gate": "", "candidate": "a", "baseline": "b", "suites": ' + suites + b"}")


def test_unknown_parameters_of_a_query_are_ignored_and_known_ones_are_checked() -> None:
    assert from_http(runs.listing, {}, (("colour", "red"), ("limit", "3")), b"") == runs.ListRuns(limit=3)
    with pytest.raises(BadRequest, match=r"query\.limit: Expected `int` at least 1"):
        from_http(runs.listing, {}, (("limit", "0"),), b"")


def test_answers_are_read_by_their_kind() -> None:
    assert read_answer(verdicts.listing, b'{"rows": [], "next": null}') == []
    with pytest.raises(ValidationError, match="missing required field `run_id`"):
        read_answer(runs.listing, b'{"rows": [{"a": 1}], "next": null}')
    assert read_answer(runs.events, b"{}\n") == b"{}\n"
    assert read_answer(runs.resolve, b'{"run_id": "r"}') == runs.FoundRun("r")


def test_names_of_operations_are_unique_and_requests_can_be_decoded() -> None:
    every = list(operations())
    assert (
        len({operation.name for operation in every})
        == len({(operation.method, operation.path) for operation in every})
        == len(every)
    )
