"""What must hold for names that may otherwise be any text: they can be printed, logged and sent in a header."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.config.file.errors import Wrong
from fairtrial.config.file.schema import ProjectFile
from fairtrial.domain.names.printable import control_character


def wrong_names(file: ProjectFile) -> Iterator[Wrong]:
    """Routes and metrics with a control character in their name; deployments and arms have a stricter rule."""
    for section, names in (("routes", file.routes), ("metrics", file.metrics)):
        for name in names:
            if (odd := control_character(name)) is not None:
                wrong = f"the name {name!r} holds the control character {odd}"
                yield Wrong((section,), wrong, "letters that can be seen")
