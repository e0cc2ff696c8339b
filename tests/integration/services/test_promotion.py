"""A command promotes a variant in all workers of real services, until a roll-back, or until the file says the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from fairtrial.config.plan.published import read
from tests.fixtures.credentials import by_key
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project
from tests.fixtures.services.restarted_control import restart_control
from tests.fixtures.services.services_fixture import fairtrial
from tests.fixtures.store.maintenance_fixture import fairtrial_json
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

NAME = "tuned-vs-base"
USERS = [f"user-{number}" for number in range(24)]
BOTH, WORKERS = {"base", "tuned"}, 2
ROUTE = "support-bot: {experiment: tuned-vs-base, fallback: base}"
EDITED = "support-bot: {deployment: tuned, fallback: base}"


@contextmanager
def up(path: Path) -> Iterator[ForkedServices]:
    with ForkedServices(path, workers=WORKERS, dashboard=False) as services:
        yield services


def models(services: ForkedServices) -> set[str]:
    """The models that answer the official client, by a new connection for each user, so that both workers get some."""
    return {_answer(services, user)[0] for user in USERS}


def reasons(services: ForkedServices) -> set[str]:
    return {_answer(services, user)[1] for user in USERS}


def _answer(services: ForkedServices, user: str) -> tuple[str, str]:
    with OpenAI(base_url=services.urls.api, api_key="none", max_retries=0) as client:
        raw = client.chat.completions.with_raw_response.create(
            model="support-bot", user=user, messages=[{"role": "user", "content": "hi"}]
        )
        return raw.parse().model, raw.headers["x-fairtrial-reason"]


def command(folder: Path, *words: str, code: int = 0) -> str:
    done = fairtrial(folder, *words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def promote(folder: Path) -> str:
    return command(folder, "experiment", "promote", NAME, "--why", "it is better", "--override")


def recorded(services: ForkedServices) -> list[dict[str, Any]]:
    """All requests, once their events are in the store."""
    headers = by_key(services.project.layout)
    httpx.post(f"{services.urls.control}/api/ingest", headers=headers).raise_for_status()
    answer = httpx.get(f"{services.urls.control}/api/requests", params={"limit": 1000}, headers=headers)
    rows: list[dict[str, Any]] = answer.raise_for_status().json()["rows"]
    return rows


@pytest.mark.release("stories")
def test_a_promoted_variant_serves_everyone_in_all_workers_until_it_is_rolled_back(tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        sound = path.read_text()
        with up(path) as services:
            assert (models(services), reasons(services)) == (BOTH, {"assigned"})
            refused = command(tmp_path, "experiment", "promote", NAME, "--why", "it is better", code=2)
            assert "- the project declares no official gate" in refused
            assert models(services) == BOTH
            said = promote(tmp_path)
            assert "PROMOTED at" in said and "Overriding: the project declares no official gate" in said
            assert f"\n  routes:\n    {EDITED}\n" in said
            until(lambda: reasons(services) == {"promoted"})
            assert models(services) == {"tuned"}
            promoted = [row for row in recorded(services) if row["reason"] == "promoted"]
            assert len({row["worker"] for row in promoted}) == WORKERS
            assert {row["variant_served"] for row in promoted} == {"tuned"}
            restart_control(services)
            assert models(services) == {"tuned"}
            path.write_text(sound.replace("model: openai/tuned,", "model: openai/tuned-2,"))
            assert "is promoted and serves everyone, but this would give it another model" in command(
                tmp_path, "check", code=2
            )
            refusal = services.project.layout.plan_refused
            until(lambda: refusal.exists() and "another model" in refusal.read_text())
            assert models(services) == {"tuned"}
            said = command(tmp_path, "experiment", "rollback", NAME, "--why", "rude answers")
            assert "ROLLED BACK at" in said and "All traffic is on base." in said
            until(lambda: reasons(services) == {"excluded"})
            assert models(services) == {"base"}
            rows = fairtrial_json("experiment", "status", NAME, cwd=tmp_path)["transitions"]
            assert [(row["action"], row["to_state"]) for row in rows] == [("rollback", "ended"), ("promote", "ended")]


@pytest.mark.release("stories")
def test_a_fallback_answers_for_a_promoted_variant_that_fails(tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        with up(path) as services:
            promote(tmp_path)
            until(lambda: reasons(services) == {"promoted"})
            upstream.script = lambda body: {"kind": "json", "status": 500 if body["model"] == "tuned" else 200}
            assert (models(services), reasons(services)) == ({"base"}, {"fallback"})


@pytest.mark.release("stories")
def test_the_edit_of_the_file_takes_over_and_the_experiment_can_be_removed(tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        sound = path.read_text()
        with up(path) as services:
            promote(tmp_path)
            until(lambda: models(services) == {"tuned"})
            assert ROUTE in sound
            edited = sound.replace(ROUTE, EDITED)
            path.write_text(edited)
            assert "valid" in command(tmp_path, "check")
            until(lambda: reasons(services) == {"direct"})
            assert models(services) == {"tuned"}
            assert "so the promotion has no effect" in command(tmp_path, "experiment", "list")
            experiment = edited[edited.index("experiments:") : edited.index("gateway:")]
            path.write_text(edited.replace(experiment, ""))
            until(lambda: not read(services.project.layout.plan).plan.experiments)
            until(lambda: models(services) == {"tuned"})
            assert reasons(services) == {"direct"}
            assert not services.project.layout.plan_refused.exists()


@pytest.mark.release("kills")
def test_a_restored_older_store_keeps_the_promotion_and_says_so(tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        with up(path) as services:
            assert models(services) == BOTH
            command(tmp_path, "store", "backup", "before")
            promote(tmp_path)
            until(lambda: models(services) == {"tuned"})
        command(tmp_path, "store", "restore", "before", "--force")
        state = "which has tuned promoted, and does not know why. tuned serves everyone."
        older = f"the store is older than the published configuration, {state}"
        assert older in " ".join(command(tmp_path, "experiment", "list").split())
        with up(path) as services:
            assert (models(services), reasons(services)) == ({"tuned"}, {"promoted"})
            said = command(tmp_path, "experiment", "status", NAME)
            assert older in said
            command(tmp_path, "experiment", "rollback", NAME, "--why", "back to the base")
            until(lambda: models(services) == {"base"})
