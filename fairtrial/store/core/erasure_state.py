"""The state of an unfinished erasure, in one private file from which it resumes after a crash.

The file is deleted when the erasure ends. The unit is written nowhere else; the ledger has only a hash of its
pseudonym.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError
from fairtrial.domain.plan import UnitKind
from fairtrial.safe_files import write_private

FILE = "erasure.json"


class ErasureState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An erasure in progress; without the ``salt``, the replacement names it made can't be traced back.

    ``salt`` makes the random names that replace those of the unit and its requests. ``names`` are the ids of the unit's
    requests and answers. ``counts`` says how much has been erased where so far. ``rewrite_backups``: erase from
    reachable backups too.
    """

    erasure_id: str
    at_us: int
    unit: str
    kind: UnitKind
    pseudonym: str
    salt: str
    actor: str
    rewrite_backups: bool = False
    names: tuple[str, ...] = ()
    counts: dict[str, int] = {}

    def requested_again(self, *, rewrite_backups: bool) -> ErasureState:
        """This erasure, requested once more, perhaps with backups included."""
        return msgspec.structs.replace(self, rewrite_backups=self.rewrite_backups or rewrite_backups)


def unit_hash(pseudonym: str) -> str:
    """The name of a unit in the ledger and the audit trail. It suffices to recognise the unit, not to find it."""
    return hashlib.sha256(pseudonym.encode()).hexdigest()


def is_unfinished(layout: Layout) -> bool:
    """Whether an erasure has begun and not ended."""
    return _path(layout).exists()


def load(layout: Layout) -> ErasureState | None:
    """The unfinished erasure, or ``None``; raises `StoreError`."""
    path = _path(layout)
    try:
        return msgspec.json.decode(path.read_bytes(), type=ErasureState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path}: the state of an unfinished erasure can't be read ({type(error).__name__})"
        ) from error


def save(layout: Layout, state: ErasureState) -> None:
    """Write the progress of the erasure; raises `OSError`."""
    write_private(_path(layout), msgspec.json.encode(state))


def delete(layout: Layout) -> None:
    """Delete the state of an erasure that has ended."""
    _path(layout).unlink(missing_ok=True)


def sweep(layout: Layout) -> None:
    """Delete partly written files of a killed program, because they contain a unit's name. For the owner only."""
    for path in layout.folder.glob(f".{FILE}.*"):
        path.unlink()


def _path(layout: Layout) -> Path:
    return layout.folder / FILE
