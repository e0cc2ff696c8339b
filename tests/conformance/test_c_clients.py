"""C with every official client: the chunks, exceptions and answers of a stream are those that it has straight."""

from __future__ import annotations

from tests.conformance.harness.combinations import Combination
from tests.conformance.harness.differential import Differential
from tests.conformance.harness.judged import each, each_once, judge, judge_wire


@each("C2", "C3", "C4", "C5", "C6", "C7")
def test_c2_to_c7_every_client_reads_a_stream_and_puts_it_together_as_it_does_straight(
    differential: Differential, chosen: Combination
) -> None:
    judge(differential, chosen)


@each("C9")
def test_c9_every_client_reads_a_framing_as_it_does_straight(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("C10")
def test_c10_every_client_raises_the_status_of_a_stream_that_did_not_begin(
    differential: Differential, chosen: Combination
) -> None:
    judge(differential, chosen)


@each("C11")
def test_c11_every_client_raises_what_a_stream_ends_with_after_the_same_chunks(
    differential: Differential, chosen: Combination
) -> None:
    judge(differential, chosen)


@each_once("C2", "C3", "C4", "C5", "C6", "C7", "C9", "C10", "C11")
def test_c1_the_headers_of_a_stream_are_the_upstreams_except_for_the_list(
    differential: Differential, chosen: Combination
) -> None:
    judge_wire(differential, chosen)
