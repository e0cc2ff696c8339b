"""Ids of fine-tunes as providers write them, slashes and colons included, go through the raw lane as they are."""

from __future__ import annotations

from pathlib import Path

import openai
import pytest

from fairtrial.config.project import load_project
from tests.fixtures.gateway.gateway_fixture import Rig, running
from tests.fixtures.upstream.providers.provider_servers import OpenaiServer, VllmServer

PROJECT = """\
version: 1
deployments:
  base:  {{model: "openai/{base}", base_url: "http://127.0.0.1:{port}{path}", api_key: "${{KEY}}", external: true}}
  tuned: {{model: "openai/{tuned}", base_url: "http://127.0.0.1:{port}{path}", api_key: "${{KEY}}", external: true,
          parent: base}}
routes:
  "{tuned}": {{deployment: tuned}}
  base: {{deployment: base}}
"""
IDS = {
    "openai": ("gpt-4.1-mini-2025-04-14", "ft:gpt-4.1-mini-2025-04-14:acme:support-bot:AbC123", "/v1"),
    "openai without a date": ("gpt-4.1-mini", "ft:gpt-4.1-mini:acme::abc", "/v1"),
    "together": ("meta-llama/Llama-3.1-8B-Instruct", "acme/Llama-3.1-8B-support-2f9d1c", "/v1"),
    "fireworks": (
        "accounts/fireworks/models/llama-v3p1-8b-instruct",
        "accounts/acme/models/support#accounts/acme/deployments/d1",
        "/inference/v1",
    ),
    "vllm": ("Qwen/Qwen3-8B", "support-lora", "/v1"),
}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEY", "sk-4711")
        with running(tmp_path_factory.mktemp("ids")) as found:
            yield found  # type: ignore[misc]


@pytest.mark.parametrize("provider", IDS)
def test_an_id_reaches_its_provider_as_it_is_written(provider: str, rig: Rig, tmp_path: Path) -> None:
    base, tuned, path = IDS[provider]
    with (VllmServer if provider == "vllm" else OpenaiServer)(base, tuned) as server:
        text = PROJECT.format(base=base, tuned=tuned, port=server.port, path=path)
        (tmp_path / "fairtrial.yaml").write_text(text)
        rig.publish(load_project(tmp_path / "fairtrial.yaml", {"KEY": "sk-4711"}).plan)
        question = [{"role": "user", "content": "Ticket: the courier was rude."}]
        with openai.OpenAI(base_url=rig.url, api_key="any", max_retries=0) as client:
            whole = client.chat.completions.create(model=tuned, messages=question)  # type: ignore[arg-type]
            chunks = list(client.chat.completions.create(model=tuned, messages=question, stream=True))  # type: ignore[arg-type]
            assert client.models.retrieve(tuned).id == tuned
        assert whole.choices[0].message.content == "delivery" and whole.model == tuned and chunks[0].model == tuned
        assert {(seen.path, seen.json["model"]) for seen in server.seen} == {(f"{path}/chat/completions", tuned)}
        assert server.seen[-1].header("authorization") == "Bearer sk-4711"
    events = rig.await_events("request", 2)
    assert {event["model_served"] for event in events[-2:]} == {tuned}
