"""A gateway whose plan leads to a fake Anthropic: directly, in an experiment with a base, and with a fallback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from fake_anthropic import FakeAnthropic
from proxy_rig import EXPERIMENT, Rig, deployment, plan_for, running

from fairtrial.domain.plan import Plan, Route, Variant
from tests.upstream.server import FakeUpstream

KEY = "sk-ant-canary-4711"
USER: list[Any] = [{"role": "user", "content": "Hello?"}]


def lane_plan(claude: str, base: str, **changes: Any) -> Plan:
    """``claude`` and ``base``: addresses; ``changes`` of the translated deployment."""
    cloud = deployment(
        "cloud", claude, provider="anthropic", model="claude-sonnet-4-5", api_key=KEY, external=True, **changes
    )
    plain = plan_for(base)
    arms = (
        Variant("base", "base", 50.0),
        Variant("tuned", "cloud", 50.0, system_prompt="Be kind.", params={"temperature": 0.2, "logprobs": None}),
    )
    return plan_for(
        base,
        experiment={"variants": arms},
        deployments={**plain.deployments, "cloud": cloud},
        routes={
            "bot": Route("bot", experiment=EXPERIMENT),
            "claude": Route("claude", deployment="cloud"),
            "safe": Route("safe", deployment="cloud", fallback="base"),
        },
    )


@pytest.fixture(name="base", scope="module")
def base_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="claude_server", scope="module")
def claude_server_fixture() -> Iterator[FakeAnthropic]:
    with FakeAnthropic() as fake:
        yield fake


@pytest.fixture(name="claude")
def claude_fixture(claude_server: FakeAnthropic) -> FakeAnthropic:
    """The fake Anthropic as it is before a test: it answers, and has seen nothing."""
    claude_server.script = {"kind": "json"}
    claude_server.seen.clear()
    return claude_server


@pytest.fixture(name="lane", scope="module")
def lane_fixture(
    base: FakeUpstream, claude_server: FakeAnthropic, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("lane")) as rig:
        rig.publish(lane_plan(claude_server.url, base.url))
        yield rig


@pytest.fixture(name="client")
def client_fixture(lane: Rig) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=lane.url, api_key="any", max_retries=0) as found:
        yield found


def ask(client: openai.OpenAI, **fields: Any) -> Any:
    return client.chat.completions.create(**{"model": "claude", "messages": USER, **fields})
