"""D with every official client: the events of a response, and the one that the client puts together."""

from __future__ import annotations

from tests.conformance.harness.combinations import Combination
from tests.conformance.harness.differential import Differential
from tests.conformance.harness.judged import each, each_once, judge, judge_wire


@each("D2")
def test_d2_every_client_reads_a_response_and_puts_it_together_as_it_does_straight(
    differential: Differential, chosen: Combination
) -> None:
    judge(differential, chosen)


@each("D3")
def test_d3_every_client_sees_the_usage_of_a_response_in_its_parts(
    differential: Differential, chosen: Combination
) -> None:
    judge(differential, chosen)


@each_once("D2", "D3")
def test_d2_the_headers_of_a_response_are_the_upstreams_except_for_the_list(
    differential: Differential, chosen: Combination
) -> None:
    judge_wire(differential, chosen)
