"""Keys that are written in the file, and the headers that a deployment lets through."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.for_each import for_each
from tests.fixtures.services.projects import errors, project

BASE = 'base:   {model: openai/Qwen3-8B, base_url: "http://gpu-1:8000/v1/", '
SECRET = "sk-proj-0123456789abcdef"


def base(url: str = "http://gpu-1:8000/v1", model: str = "openai/Qwen3-8B", **fields: str) -> tuple[str, str]:
    settings = ", ".join(f"{name}: {value}" for name, value in fields.items())
    return BASE, f'base:   {{model: {model}, base_url: "{url}", {settings}, '


@for_each(
    ("url", "model", "variable"),
    [
        ("http://gpu-1:8000/v1", "openai/Qwen3-8B", "BASE_API_KEY"),
        ("https://10.0.0.7/v1", "openai/Qwen3-8B", "BASE_API_KEY"),
        ("https://api.anthropic.com", "anthropic/claude-haiku-4-5", "ANTHROPIC_API_KEY"),
        ("http://localhost.evil.example/v1", "openai/Qwen3-8B", "BASE_API_KEY"),
    ],
)
@for_each("key", [SECRET, "EMPTY", '"$OPENAI_API_KEY"'])
def test_a_key_that_is_written_in_the_file_is_an_error_that_shows_the_way(
    tmp_path: Path, url: str, model: str, variable: str, key: str
) -> None:
    [message] = errors(tmp_path, base(url, model, api_key=key))
    assert message == (
        "fairtrial.yaml:3: deployments.base.api_key: is written in the file, where everyone who has the file can read "
        f'it (write api_key: "${{{variable}}}" and set that variable)'
    )
    assert key.strip('"') not in message.replace(variable, "")


def test_the_variable_of_openai_itself_has_its_usual_name(tmp_path: Path) -> None:
    [message] = errors(tmp_path, ('"${CLOUD_KEY}"', SECRET))
    assert "${OPENAI_API_KEY}" in message and SECRET not in message


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/v1", "http://localhost:11434/v1", "http://[::1]:1/v1"])
def test_for_a_server_on_this_machine_it_is_a_warning(tmp_path: Path, url: str) -> None:
    [diagnostic] = [
        warning
        for warning in project(tmp_path, base(url, api_key="EMPTY")).warnings
        if warning.path.endswith("api_key")
    ]
    assert (diagnostic.line, diagnostic.path, diagnostic.wrong) == (
        3,
        "deployments.base.api_key",
        "is written in the file",
    )
    assert "EMPTY" not in str(diagnostic)


def test_a_template_is_neither(tmp_path: Path) -> None:
    loaded = project(tmp_path, base(api_key='"${CLOUD_KEY}"'))
    assert loaded.plan.deployments["base"].api_key == "${CLOUD_KEY}"
    assert not [warning for warning in loaded.warnings if warning.path.endswith("api_key")]


def test_forwarded_headers_reach_the_plan_in_small_letters_and_once(tmp_path: Path) -> None:
    listed = project(tmp_path, base(forward_headers="[X-Portkey-Config, x-portkey-config, helicone-auth]"))
    assert listed.plan.deployments["base"].forward_headers == ("x-portkey-config", "helicone-auth")
    assert project(tmp_path).plan.deployments["base"].forward_headers == ()


@for_each(
    ("listed", "wrong"),
    [
        ("[Authorization]", "'authorization' belongs to the connection or to the gateway and is never forwarded"),
        ("[ok, Content-Length]", "forward_headers[1]: 'content-length' belongs"),
        ("[x-fairtrial-variant]", "'x-fairtrial-variant' belongs"),
        ("[cookie]", "'cookie' belongs"),
        ('["x y"]', "'x y' can't be the name of a header"),
        ('["x-a: b"]', "'x-a: b' can't be the name of a header"),
        ('[""]', "'' can't be the name of a header"),
        ("x-a", "deployments.base.forward_headers: must be a list"),
    ],
)
def test_a_header_that_can_not_be_forwarded_is_an_error(tmp_path: Path, listed: str, wrong: str) -> None:
    [message] = errors(tmp_path, base(forward_headers=listed))
    assert wrong in message


def test_a_deployment_that_is_translated_for_forwards_nothing(tmp_path: Path) -> None:
    fields = {"api_key": '"${CLOUD_KEY}"', "forward_headers": "[x-a]"}
    [message] = errors(tmp_path, base("http://gpu-1", "anthropic/claude-haiku-4-5", **fields))
    assert "deployments.base.forward_headers[0]: a translated deployment" in message
