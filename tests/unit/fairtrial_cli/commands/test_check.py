"""`fairtrial check` prints who may call the gateway."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from fairtrial_cli.commands.check import command

PROJECT = 'version: 1\ndeployments: {base: {model: openai/m, base_url: "http://127.0.0.1:1/v1"}}\n'


def printed(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(command, [str(path)]).output


def test_a_gateway_on_loopback_is_open_unless_it_requires_keys(tmp_path: Path) -> None:
    path = tmp_path / "fairtrial.yaml"
    assert "open to every caller on this machine" in printed(path, PROJECT)
    assert "for callers with a key" in printed(path, PROJECT + "gateway: {auth: keys}\n")
