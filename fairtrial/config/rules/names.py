"""Checks free-form names: they must be printable, and usable in logs and headers."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import ProjectFile
from fairtrial.domain.errors import control_character


def wrong_names(file: ProjectFile) -> Iterator[FieldError]:
    """Routes and metrics with a control character in their name; deployments and arms have a stricter rule."""
    for section, names in (("routes", file.routes), ("metrics", file.metrics)):
        for name in names:
            if (odd := control_character(name)) is not None:
                wrong = f"the name {name!r} contains the control character {odd}"
                yield FieldError((section,), wrong, "use visible characters")
