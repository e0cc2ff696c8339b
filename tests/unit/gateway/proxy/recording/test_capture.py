"""Bodies are recorded as the plan wants them; one that can't be redacted is not recorded."""

from __future__ import annotations

import asyncio

from gateway.proxy.admission.cooperative_work import MOST_OF_ONE, TimeSlicer
from gateway.proxy.recording.capture import BODY_LIMIT, Bodies, capture_bodies, capture_in_slices, untouched
from gateway.proxy.wire.json_bodies import RequestBody, parse_body


def _asked(body: bytes) -> RequestBody:
    return RequestBody(body=body, fields={}, model="m", stream=False)


def test_a_body_that_can_not_be_redacted_is_not_recorded() -> None:
    bodies = capture_bodies("redacted", _asked(b'{"ok": "a"}'), b"\xff not json")
    assert (bodies.outcome, bodies.request, bodies.response) == ("failed", None, None)


def test_a_body_that_is_not_utf_8_is_not_recorded() -> None:
    assert capture_bodies("redacted", parse_body(b'{"model":"m","a":"\xff"}'), b"{}").outcome == "failed"


def test_each_capture_mode_keeps_what_it_says() -> None:
    body = _asked(b'{"m":"a@b.io"}')
    assert capture_bodies("none", body, b"{}").request is None
    assert capture_bodies("full", body, b"{}").request == '{"m":"a@b.io"}'
    assert capture_bodies("redacted", body, b"{}").request == '{"m":"[email]"}'


def test_a_body_over_the_limit_is_left_out_whole() -> None:
    bodies = capture_bodies("full", _asked(b'"' + b"x" * BODY_LIMIT + b'"'), b"{}")
    assert (bodies.request, bodies.response, bodies.left_out) == (None, "{}", ("size",))


def test_a_body_that_is_too_much_work_is_left_out_and_the_other_is_kept() -> None:
    near = b'"' + b"DE88370411441532113011 " * 10_000 + b'"'
    assert capture_bodies("redacted", _asked(near), b'"a@b.io"') == Bodies("redacted", None, '"[email]"', ("work",))
    assert capture_bodies("full", _asked(near), b"{}").request == near.decode()


def test_in_turns_with_other_work_more_is_redacted_and_the_other_work_goes_on() -> None:
    near = b'"' + b"DE88370411441532113011 " * 2_000 + b' a@b.io"'
    rounds = 0

    async def other() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    async def both() -> Bodies:
        beside = asyncio.create_task(other())
        try:
            return await capture_in_slices(_asked(near), b"{}", time_slicer=TimeSlicer(), caller=None)
        finally:
            beside.cancel()

    assert capture_bodies("redacted", _asked(near), b"{}").left_out == ("work",)
    assert asyncio.run(both()) == Bodies("redacted", near.replace(b"a@b.io", b"[email]").decode(), "{}")
    assert rounds > 10


def test_one_caller_s_work_in_turns_does_not_keep_another_s_out() -> None:
    async def many() -> None:
        turns = TimeSlicer()
        near = b'"' + b"DE88370411441532113011 " * 2_000 + b'"'
        works = [
            asyncio.create_task(capture_in_slices(_asked(near), b"{}", time_slicer=turns, caller="a"))
            for _ in range(MOST_OF_ONE + 4)
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert turns.busy("a")
        assert not turns.busy("b")
        left_out = [bodies.left_out for bodies in await asyncio.gather(*works)]
        assert left_out.count(("work",)) == 4
        assert left_out.count(()) == MOST_OF_ONE
        assert not turns.busy("a")

    asyncio.run(many())


def test_an_answer_that_was_decoded_is_recorded_as_if_it_were_checked() -> None:
    answer = b'{"choices":[{"message":{"content":"caf\xc3\xa9"}}]}'
    checked = untouched("redacted", _asked(b"{}"), answer)
    assert checked is not None
    assert untouched("redacted", _asked(b"{}"), answer, is_json=True) == checked
    assert untouched("redacted", _asked(b"{}"), b'{"a":"\xff"}', is_json=True) == Bodies("failed")
