"""The settings of the data plane's workers: defaults, values of the file, and errors in it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fairtrial.config.file.schema import GatewaySection
from fairtrial.domain.limits.server_settings import WorkerSettings
from tests.fixtures.for_each import for_each
from tests.fixtures.services.projects import errors, project

STORE = "store:"


def test_a_file_that_says_nothing_leaves_the_usual_settings(tmp_path: Path) -> None:
    loaded = project(tmp_path)
    assert loaded.gateway == GatewaySection()
    deployment = loaded.plan.deployments["base"]
    assert (deployment.on_disconnect, deployment.drain_seconds, deployment.shutdown_date) == ("cancel", 60.0, None)


def test_what_a_file_says_reaches_the_workers(tmp_path: Path) -> None:
    settings = "gateway: {max_in_flight: 7, keepalive: 0, grace: 2, drain: 9, others: base}\nstore:"
    loaded = project(tmp_path, (STORE, settings))
    assert loaded.gateway == GatewaySection(max_in_flight=7, keepalive=0.0, grace=2.0, drain=9.0, others="base")
    sent = msgspec.json.encode(loaded.gateway)
    assert msgspec.json.decode(sent, type=WorkerSettings).drain == 9.0


@for_each(
    ("setting", "wrong"),
    [
        ("others: bsae", "gateway.others: the deployment 'bsae' does not exist (did you mean 'base'?)"),
        ("others: ''", "gateway.others"),
        ("max_in_flight: 0", "gateway.max_in_flight"),
        ("max_share_per_key: 101", "gateway.max_share_per_key"),
        ("transport: pool", "gateway.transport: is no longer a field (delete the line; the gateway's own connections"),
        ("keepalive: -1", "gateway.keepalive"),
    ],
)
def test_mistakes_are_reported_with_the_known_values(tmp_path: Path, setting: str, wrong: str) -> None:
    [message] = errors(tmp_path, (STORE, f"gateway: {{{setting}}}\nstore:"))
    assert wrong in message


def test_everything_else_goes_to_no_deployment_that_is_translated_for(tmp_path: Path) -> None:
    claude = "  claude: {model: anthropic/claude-sonnet-4-5, external: true, api_key: '${CLOUD_KEY}'}\nroutes:"
    [message] = errors(tmp_path, ("routes:", claude), (STORE, "gateway: {others: claude}\nstore:"))
    assert "gateway.others: 'claude' is translated" in message


@pytest.mark.parametrize("day", ["2027-02-30", "soon", "''"])
def test_a_shutdown_date_is_a_day(tmp_path: Path, day: str) -> None:
    [message] = errors(tmp_path, ("external: true", f"external: true, shutdown_date: {day}"))
    assert "deployments.cloud.shutdown_date" in message


def cors(origins: str, more: str = "") -> tuple[str, str]:
    return STORE, f"gateway: {{cors: {{origins: {origins}}}{more}}}\nstore:"


def test_origins_of_web_pages_reach_the_workers(tmp_path: Path) -> None:
    loaded = project(tmp_path, cors('[https://app.example, "http://localhost:3000", "https://[::1]:8443"]'))
    assert loaded.gateway.cors_origins == (
        "https://app.example", "http://localhost:3000", "https://[::1]:8443",
    )  # fmt: skip
    assert project(tmp_path, cors('["*"]', ", auth: keys")).gateway.cors_origins == ("*",)
    assert project(tmp_path).gateway.cors_origins == ()


@for_each(
    ("origins", "wrong"),
    [
        ('["https://app.example/"]', "is not an origin as browsers send it (https://app.example)"),
        ('["https://app.example/page?x"]', "(https://app.example)"),
        ('["https://app.example:443"]', "(https://app.example)"),
        ('["HTTPS://App.Example"]', "(https://app.example)"),
        ('["app.example"]', "(https://app.example or http://localhost:3000)"),
        ('["https://*.app.example"]', "is not an origin"),
        ('["https://größe.example"]', "is not an origin"),
        ('["https://u:p@app.example"]', "is not an origin"),
        ('["null"]', "is not an origin"),
        ('["https://app.example:x"]', "is not an origin"),
        ('["https://app example"]', "is not an origin"),
        ('["ftp://app.example"]', "is not an origin"),
        ('[""]', "gateway.cors.origins[0]"),
        ("[]", "gateway.cors.origins"),
        ("https://app.example", "gateway.cors.origins: must be a list"),
        ('["*"]', "'*' lets every web page use this open gateway, because it asks for no key"),
    ],
)
def test_an_origin_that_no_browser_sends_is_an_error(tmp_path: Path, origins: str, wrong: str) -> None:
    [message] = errors(tmp_path, cors(origins))
    assert wrong in message


def test_every_origin_stands_alone_and_never_on_an_open_gateway(tmp_path: Path) -> None:
    [message] = errors(tmp_path, cors('["https://app.example", "*"]', ", auth: keys"))
    assert "gateway.cors.origins[1]: '*' allows every origin" in message
    bound = ', bind: "0.0.0.0:8080"'
    assert project(tmp_path, cors('["*"]', bound)).gateway.access == "keys"
