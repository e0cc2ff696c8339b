"""When a judged deployment is asked again, and when its asks show another model."""

from msgspec.structs import replace

from evaluators.model_equality.daily import ASKS_A_DAY, due_us, is_suspected, with_change
from fairtrial.domain.limits.constants import DAY_US, HOUR_US
from fairtrial.domain.promises import CALIBRATION_ASKS
from fairtrial.domain.verdicts.model_ask import ModelAsk

NOW = 1_800_000_000_000_000
EVERY_US = DAY_US // ASKS_A_DAY


def ask(number: int, score: float | None, *, fingerprint: str | None = None) -> ModelAsk:
    return ModelAsk(
        deployment="tuned",
        deployment_digest="d",
        asked_us=NOW + number * EVERY_US,
        score=score,
        tokens=100,
        seen=True,
        fingerprint=fingerprint,
    )


def quiet(days: int) -> list[ModelAsk]:
    """The first ask and so many that differ from it by a little, each by another amount."""
    return [ask(0, None), *(ask(day, 0.01 + 0.001 * (day * 7 % 5)) for day in range(1, days + 1))]


def test_the_next_ask_is_at_some_hour_of_the_next_day() -> None:
    hours = set()
    for day in range(20):
        asks = [ask(4 * day, None)]
        due = due_us(asks)
        assert due // DAY_US == asks[0].asked_us // DAY_US + 1
        hours.add(due % DAY_US // HOUR_US)
    assert len(hours) > 5


def test_answers_that_look_changed_are_asked_again_at_another_hour_of_the_same_day() -> None:
    asks = [*quiet(10), ask(11, 0.5)]
    assert is_suspected(asks)
    assert due_us(asks) == asks[-1].asked_us + EVERY_US


def test_a_server_that_declares_another_fingerprint_is_asked_again() -> None:
    assert is_suspected([ask(0, None, fingerprint="a"), ask(1, 0.01, fingerprint="b")])
    assert not is_suspected([ask(0, None, fingerprint="a"), ask(1, 0.01)])


def test_nothing_is_suspected_before_calibration() -> None:
    assert not is_suspected([*quiet(CALIBRATION_ASKS - 1), ask(CALIBRATION_ASKS, 0.5)])


def test_a_change_is_established_with_the_day_since_when() -> None:
    asks, found = quiet(30), None
    for number in range(31, 60):
        asks.append(with_change(asks, ask(number, 0.5), 1))
        if asks[-1].changed_us is not None:
            found = asks[-1]
            break
    assert found is not None
    assert found.changed_us == ask(31, 0.5).asked_us
    assert found.asked_us - found.changed_us <= 2 * DAY_US
    assert found.words.startswith("since Saturday, 23 January 2027, tuned answers as another model than before")


def test_more_deployments_need_more_evidence() -> None:
    def needed(deployments: int) -> int:
        asks = quiet(30)
        while asks[-1].changed_us is None:
            asks.append(with_change(asks, ask(len(asks), 0.5), deployments))
        return len(asks)

    assert needed(1) < needed(1_000)


def test_asks_within_one_hour_establish_nothing() -> None:
    asks = quiet(30)
    for second in range(20):
        late = ask(31, 0.5)
        asks.append(with_change(asks, replace(late, asked_us=late.asked_us + second * 1_000_000), 1))
    assert all(each.changed_us is None for each in asks)


def test_a_quiet_server_is_never_suspected() -> None:
    asks = [ask(0, None), *(ask(day, 0.0) for day in range(1, 60))]
    assert not is_suspected(asks)
    assert with_change(asks, ask(60, 0.0), 1).changed_us is None
