"""Control asks judged deployments every day, and pauses an experiment whose real model was replaced."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fairtrial.domain.limits.constants import DAY_US, HOUR_US
from fairtrial.store.evaluations import model_asks
from gateway.control.background.model_watch import ModelWatch
from gateway.control.verdicts.judged_models import CHANGED
from gateway.control.verdicts.staleness import stale_reasons
from tests.fixtures.control.judged_trial import PROJECT, JudgedTrial
from tests.fixtures.paths import ROOT
from tests.fixtures.services.served_models import models

pytest.importorskip("xllamacpp")
pytestmark = [pytest.mark.models, pytest.mark.release("models"), pytest.mark.timeout(1800)]

ADAPTERS = ROOT / "examples" / "support" / "adapters"
ALARMS = "SELECT experiment, kind, text FROM alarms WHERE state <> 'closed' AND starts_with(kind, 'served')"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[JudgedTrial]:
    text = PROJECT.replace("openai/tuned", "openai/support-v2").replace("openai/base", "openai/smollm2")
    made = JudgedTrial(tmp_path, text)
    yield made
    made.close()


def watch_at(trial: JudgedTrial, url: str, stopping: threading.Event | None = None) -> ModelWatch:
    clock = lambda: trial.now_us  # noqa: E731 - the trial turns it
    return ModelWatch(trial.database, trial.publisher, url.removesuffix("/v1"), clock, stopping or threading.Event())


def test_a_replaced_model_pauses_its_experiment_and_opens_one_alarm(trial: JudgedTrial) -> None:
    digest = trial.present.plan.deployments["tuned"].digest
    trial.run_both()
    verdict = trial.judge()
    with ExitStack() as stack:
        judged, _ = stack.enter_context(models())
        watch = watch_at(trial, judged)
        for _ in range(12):
            watch.step()
            trial.now_us += DAY_US
        quiet = model_asks.series(trial.database, digest)
        assert len(quiet) >= 9
        assert sum(ask.tokens for ask in quiet[1:]) / len(quiet[1:]) < 20_000 / 4
        assert trial.experiment.state == "running"
        assert trial.database.rows(ALARMS) == []

        assert not [why for why in stale_reasons(trial.database, verdict, trial.present) if "another model" in why]
        other, _ = stack.enter_context(models("support-v2", ADAPTERS / "support-v1.gguf"))
        replaced_us, watch = trial.now_us, watch_at(trial, other)
        while trial.experiment.state == "running" and trial.now_us < replaced_us + 10 * DAY_US:
            watch.step()
            trial.now_us += 6 * HOUR_US
    change = model_asks.last_change(trial.database, digest)
    assert change is not None
    assert change.changed_us is not None
    assert 0 <= change.changed_us - replaced_us <= 2 * DAY_US
    assert trial.experiment.state == "paused"
    [(name, kind, text)] = trial.database.rows(ALARMS)
    assert (name, kind) == ("tuned", CHANGED)
    assert text.startswith("since ")
    assert f"{text.removesuffix('.')}; judge it again" in stale_reasons(trial.database, verdict, trial.present)
    assert model_asks.last_change(trial.database, trial.present.plan.deployments["base"].digest) is None


def test_a_server_that_does_not_answer_is_not_another_model(trial: JudgedTrial) -> None:
    watch = watch_at(trial, "http://127.0.0.1:9")
    trial.now_us += DAY_US
    watch.step()
    assert trial.database.value("SELECT count(*) FROM model_asks") == 0
    assert trial.experiment.state == "running"
