"""A fix that nobody has given a kind changes no sound row of manuals, programs and descriptions of services."""

from __future__ import annotations

import pytest

from benchmarks.foreign_texts import INSTALLED, changed


@pytest.mark.release("attacks")
def test_a_fix_changes_no_sound_row_of_installed_packages() -> None:
    counts = {source.__name__: changed(source, 2_000) for source in INSTALLED}
    print({name: (rows, dict(suggested)) for name, (rows, _, suggested) in counts.items()})
    assert {name: wrong for name, (_, wrong, _) in counts.items()} == {name: [] for name in counts}
