"""Headers that name units are valid names, not the gateway's own, and not forwarded by any deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.services.projects import errors, project

STORE = "store: {path"
BASE = 'base:   {model: openai/Qwen3-8B, base_url: "http://gpu-1:8000/v1/", '


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ('"a b"', "'a b' can't be the name of a header (letters, digits and '-', X-OpenWebUI-User-Id)"),
        ("Authorization", "'authorization' belongs to the connection or to the gateway and names no unit"),
        ("X-Fairtrial-Unit", "'x-fairtrial-unit' belongs to the connection or to the gateway and names no unit"),
        ("X-Team", "'X-Team' is also in a deployment's forward_headers, but no unit is sent upstream"),
    ],
)
def test_a_wrong_header_is_reported(tmp_path: Path, header: str, message: str) -> None:
    gateway = (STORE, f"gateway: {{unit_headers: [X-OpenWebUI-User-Id, {header}]}}\n{STORE}")
    [error] = errors(tmp_path, gateway, (BASE, f"{BASE}forward_headers: [x-team], "))
    assert error.partition(": ")[2] == f"gateway.unit_headers[1]: {message}"


def test_sound_headers_are_kept_in_their_order(tmp_path: Path) -> None:
    loaded = project(tmp_path, (STORE, f"gateway: {{unit_headers: [X-B, X-A]}}\n{STORE}"))
    assert loaded.gateway.unit_headers == ("X-B", "X-A")
