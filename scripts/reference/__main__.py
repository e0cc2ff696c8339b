"""Writes the generated reference pages (`make docs`)."""

from __future__ import annotations

import sys

from scripts.reference.pages import FOLDER, PAGES


def main() -> None:
    """Write every page and name those that changed."""
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(FOLDER.parents[1])} is renewed\n")


if __name__ == "__main__":
    main()
