"""B: chat completions, embeddings and the old completions, whole, as an application sees them straight."""

from __future__ import annotations

from tests.conformance.harness.combinations import Combination
from tests.conformance.harness.differential import Differential
from tests.conformance.harness.judged import each, each_once, judge, judge_wire


@each("B1")
def test_b1_all_fields_pass_both_ways_unknown_ones_too(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B2")
def test_b2_every_parameter_of_the_client_reaches_the_upstream(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B3")
def test_b3_every_choice_has_its_own_index_and_end(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B4")
def test_b4_logprobs_have_their_bytes_and_refusals(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B5")
def test_b5_every_finish_reason_passes(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B6")
def test_b6_a_refusal_passes(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B7")
def test_b7_messages_of_all_roles_keep_their_order(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B8")
def test_b8_content_is_text_parts_null_or_nothing(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B9")
def test_b9_tools_and_their_arguments_pass_untouched(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B10")
def test_b10_an_answer_is_parsed_into_the_applications_model(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B11")
def test_b11_response_formats_reach_the_upstream(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B12")
def test_b12_images_files_and_sound_pass_both_ways(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B13")
def test_b13_every_character_passes_however_it_is_cut(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B14")
def test_b14_large_bodies_pass_whole(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B15")
def test_b15_raw_and_streaming_responses_have_what_came(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B16")
def test_b16_the_model_comes_back_as_the_upstream_names_it(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B17")
def test_b17_embeddings_come_in_the_format_that_was_asked_for(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B18")
def test_b18_a_model_is_found_by_any_name(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each("B19")
def test_b19_the_old_completions_pass(differential: Differential, chosen: Combination) -> None:
    judge(differential, chosen)


@each_once("B1", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B12", "B13", "B14", "B15", "B16", "B17", "B19")
def test_b1_to_b19_answers_pass_with_the_bytes_and_headers_that_came(
    differential: Differential, chosen: Combination
) -> None:
    judge_wire(differential, chosen)
