"""Control asks judged deployments every day, and pauses an experiment whose real model was replaced."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from evaluators.engine.target import resolve
from evaluators.model_equality.daily import ask_model
from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.limits.constants import DAY_US, HOUR_US
from fairtrial.domain.verdicts.model_ask import ModelAsk
from fairtrial.store.evaluations import model_asks
from gateway.control.background.model_watch import ModelWatch
from gateway.control.verdicts.judged_models import CHANGED, record_judged_ask
from gateway.control.verdicts.staleness import stale_reasons
from tests.fixtures.control.judged_trial import PROJECT, JudgedTrial
from tests.fixtures.paths import ROOT
from tests.fixtures.services.served_models import models

pytest.importorskip("xllamacpp")
pytestmark = [pytest.mark.models, pytest.mark.release("models"), pytest.mark.timeout(1800)]

ADAPTERS = ROOT / "examples" / "support" / "adapters"
DEAD = "http://127.0.0.1:9"
ALARMS = "SELECT experiment, kind, text FROM alarms WHERE state <> 'closed' AND starts_with(kind, 'served')"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[JudgedTrial]:
    text = PROJECT.replace("openai/tuned", "openai/support-v2").replace("openai/base", "openai/smollm2")
    made = JudgedTrial(tmp_path, text)
    yield made
    made.close()


def watch_at(trial: JudgedTrial, url: str) -> ModelWatch:
    clock = lambda: trial.now_us  # noqa: E731 - the trial turns it
    return ModelWatch(trial.database, trial.publisher, url.removesuffix("/v1"), clock, threading.Event())


def tuned_at(trial: JudgedTrial, url: str, first: ModelAsk) -> ModelAsk:
    """What the model behind the name of `tuned` answers at this server."""
    target = resolve("tuned", trial.present.plan, base_url=url)
    return asyncio.run(ask_model(target, first, most_tokens=20_000, now_us=trial.now_us))


def test_a_replaced_model_pauses_its_experiment_and_opens_one_alarm(trial: JudgedTrial) -> None:
    digest = trial.present.plan.deployments["tuned"].digest
    trial.run_both()
    verdict = trial.judge()
    with ExitStack() as stack:
        judged, _ = stack.enter_context(models())
        for _ in range(2):
            trial.now_us += 2 * DAY_US
            watch_at(trial, judged).step()
        first, quiet = model_asks.series(trial.database, digest)
        replacing, _ = stack.enter_context(
            models("--engines", "1", "--adapter", f"support-v2={ADAPTERS / 'support-v1.gguf'}")
        )
        changed = tuned_at(trial, replacing, first)
    assert (first.score, quiet.seen) == (None, True)
    assert 0 < quiet.tokens < first.tokens < 20_000
    assert changed.score > 10 * quiet.score

    def again(ask: ModelAsk, hours: int) -> None:
        """The server gives these answers once more, some hours later."""
        trial.now_us += hours * HOUR_US
        later = replace(ask, asked_us=trial.now_us)
        record_judged_ask(trial.database, later, 2, actor=CONTROL, now_us=trial.now_us)
        watch_at(trial, DEAD).step()

    for _ in range(14):
        again(quiet, 24)
    assert trial.experiment.state == "running"
    assert trial.database.rows(ALARMS) == []
    assert not [why for why in stale_reasons(trial.database, verdict, trial.present) if "another model" in why]
    replaced_us = trial.now_us
    while trial.experiment.state == "running" and trial.now_us < replaced_us + 5 * DAY_US:
        again(changed, 6)

    change = model_asks.last_change(trial.database, digest)
    assert change is not None
    assert change.changed_us == replaced_us + 6 * HOUR_US
    assert trial.experiment.state == "paused"
    [(name, kind, text)] = trial.database.rows(ALARMS)
    assert (name, kind) == ("tuned", CHANGED)
    assert text.startswith("since ")
    assert f"{text.removesuffix('.')}; judge it again" in stale_reasons(trial.database, verdict, trial.present)

    trial.now_us += 1_000_000
    trial.run_both()
    trial.judge()
    watch_at(trial, DEAD).step()
    assert trial.database.rows(ALARMS) == []


def test_a_server_that_does_not_answer_is_not_another_model(trial: JudgedTrial) -> None:
    trial.now_us += DAY_US
    watch_at(trial, DEAD).step()
    assert trial.database.value("SELECT count(*) FROM model_asks") == 0
    assert trial.experiment.state == "running"
