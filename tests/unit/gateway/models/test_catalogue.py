"""Model names: the base, its adapters, strengths by suffix, and fingerprints that differ exactly when models do."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.domain.errors import NotFound, UsageError
from gateway.models.catalogue import Catalogue, catalogue
from tests.fixtures.for_each import for_each


@pytest.fixture
def models(tmp_path: Path) -> Catalogue:
    for name in ("base", "good", "bad"):
        (tmp_path / f"{name}.gguf").write_bytes(b"GGUF" + name.encode())
    adapters = {"good": tmp_path / "good.gguf", "bad": tmp_path / "bad.gguf"}
    return catalogue("base", tmp_path / "base.gguf", adapters, runtime="llama-1")


def test_an_adapter_is_found_by_its_name_at_full_strength(models: Catalogue) -> None:
    served = models.find("bad")
    assert (served.adapter, served.strength) == (1, 1.0)


def test_a_suffix_sets_the_strength(models: Catalogue) -> None:
    assert models.find("good@0.5").strength == 0.5
    assert models.find("good@1").fingerprint == models.find("good").fingerprint


def test_strength_nought_is_the_base(models: Catalogue) -> None:
    assert models.find("good@0").queue == models.find("base").queue
    assert models.find("good@0").fingerprint == models.find("base").fingerprint


@for_each("name", ["nobody", "", "good@", "good@3", "good@-1", "good@x", "base@0.5", "good@nan", "good@1e0"])
def test_a_name_that_is_not_served_is_not_found(models: Catalogue, name: str) -> None:
    with pytest.raises(NotFound) as refused:
        models.find(name)
    assert refused.value.code == "model_not_found"


def test_fingerprints_differ_by_adapter_strength_and_runtime(models: Catalogue, tmp_path: Path) -> None:
    newer = Catalogue(models.base_name, models.base, models.adapters, models.digests, "llama-2")
    prints = [models.find(name).fingerprint for name in ("base", "good", "bad", "good@0.5")]
    assert len({*prints, newer.find("good").fingerprint}) == 5


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "base.gguf").write_text("hello")
    with pytest.raises(UsageError, match="not a GGUF file"):
        catalogue("base", tmp_path / "base.gguf", {}, runtime="")
    with pytest.raises(UsageError, match="No such file"):
        catalogue("base", tmp_path / "none.gguf", {}, runtime="")
