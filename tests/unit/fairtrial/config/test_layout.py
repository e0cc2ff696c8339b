"""The data that ships with the product is found in a checkout; test_packaging.py shows the same for the wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.config import layout
from tests.fixtures.paths import ROOT


def test_an_editable_install_reads_the_repository() -> None:
    assert layout.bundled_data("suites") == ROOT / "suites"
    assert layout.bundled_data("examples/init").is_dir()


def test_an_installed_wheel_reads_what_its_build_put_below_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "bundled"
    installed.mkdir()
    monkeypatch.setattr(layout, "INSTALLED", installed)
    assert layout.bundled_data("suites") == installed / "suites"
