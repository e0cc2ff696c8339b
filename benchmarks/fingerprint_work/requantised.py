"""Writes a GGUF file whose Q4_1 tensors are Q4_0, by the `gguf` package, which is installed for this alone."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any


def write_q4_0(source: Path, target: Path) -> int:
    """Write the file; returns how many tensors have changed."""
    try:
        gguf: Any = importlib.import_module("gguf")
        quants: Any = importlib.import_module("gguf.quants")
    except ImportError:
        raise SystemExit("the requantised model needs the package gguf: pip install gguf") from None
    read = gguf.GGUFReader(str(source))
    kind = gguf.GGMLQuantizationType
    writer = gguf.GGUFWriter(str(target), read.get_field("general.architecture").contents())
    for field in read.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":
            inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=inner)
    changed = 0
    for tensor in read.tensors:
        data, of = tensor.data, tensor.tensor_type
        if of == kind.Q4_1:
            data, of = quants.quantize(quants.dequantize(data, of), kind.Q4_0), kind.Q4_0
            changed += 1
        writer.add_tensor(tensor.name, data, raw_dtype=of)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return changed
