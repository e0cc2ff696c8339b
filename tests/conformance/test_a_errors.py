"""A: errors become the official client's own exceptions, with the fields, headers and tries that they have straight."""

from __future__ import annotations

from tests.conformance.cases.all import BY_NAME
from tests.conformance.harness.combinations import Combination
from tests.conformance.harness.differential import GATEWAY, Differential
from tests.conformance.harness.judged import each, each_of, each_once, judge, judge_wire
from tests.fixtures.waiting import PATIENCE

GIVEN_UP = BY_NAME["A8-the-client's-own-time"]


@each("A1")
def test_a1_every_status_raises_its_class(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("A2")
def test_a2_an_error_has_the_message_type_param_and_code_that_were_sent(
    differential: Differential, chosen: Combination
) -> None:
    judge(differential, chosen)


@each("A4")
def test_a4_an_error_that_is_not_json_becomes_an_envelope_with_its_status(
    differential: Differential, chosen: Combination
) -> None:
    judge(differential, chosen)


@each("A5")
def test_a5_the_client_tries_again_where_it_does_straight(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("A6")
def test_a6_the_upstreams_wait_is_the_clients(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("A7")
def test_a7_rate_limits_are_the_upstreams(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("A8")
def test_a8_a_connection_that_fails_is_a_502_or_a_504(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each_of(GIVEN_UP)
def test_a8_a_client_that_gives_up_ends_the_upstreams_answer(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)
    [seen] = differential.requests(chosen.case, chosen.client, GATEWAY)
    assert seen.gone.wait(PATIENCE) and seen.ended_at is None and seen.sent == 0


@each("A9")
def test_a9_what_the_gateway_refuses_has_its_status_and_code(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each_once("A1", "A2", "A4", "A5", "A6", "A7")
def test_a1_to_a7_errors_pass_with_the_bytes_and_headers_that_came(
    differential: Differential, chosen: Combination
) -> None:
    judge_wire(differential, chosen)
