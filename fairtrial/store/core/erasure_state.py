"""An erasure under way: what it needs to go on after a crash, in one private file that its end deletes.

Nowhere else is the unit written down; the ledger keeps only the hash of its pseudonym.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from fairtrial.config.layout import Layout
from fairtrial.config.private_files import write_private
from fairtrial.domain.errors import StoreError
from fairtrial.domain.plan import UnitKind

FILE = "erasure.json"


class ErasureState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``salt`` makes the one-off names that stand for the unit and its requests; with it gone, nobody can find back.

    ``names`` are the ids of the unit's requests and answers, ``counts`` what has been erased where so far;
    ``rewrite_backups``: from the backups that can be reached, too.
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

    def again(self, *, rewrite_backups: bool) -> ErasureState:
        """The same, asked for once more, and perhaps for more."""
        return msgspec.structs.replace(self, rewrite_backups=self.rewrite_backups or rewrite_backups)


def unit_hash(pseudonym: str) -> str:
    """How the ledger and the audit trail name a unit: enough to know it again, not to find it."""
    return hashlib.sha256(pseudonym.encode()).hexdigest()


def is_unfinished(layout: Layout) -> bool:
    """Whether an erasure was begun and has not come to its end."""
    return _path(layout).exists()


def load(layout: Layout) -> ErasureState | None:
    """The erasure that is under way, ``None`` if there is none; raises `StoreError`."""
    path = _path(layout)
    try:
        return msgspec.json.decode(path.read_bytes(), type=ErasureState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path}: an erasure was begun and its notes can't be read ({type(error).__name__})"
        ) from error


def save(layout: Layout, state: ErasureState) -> None:
    """Remember how far it is; raises `OSError`."""
    write_private(_path(layout), msgspec.json.encode(state))


def forget(layout: Layout) -> None:
    """It has come to its end."""
    _path(layout).unlink(missing_ok=True)


def sweep(layout: Layout) -> None:
    """Delete notes that a killed program left half written, for they hold a unit's name. For the store's owner only."""
    for path in layout.folder.glob(f".{FILE}.*"):
        path.unlink()


def _path(layout: Layout) -> Path:
    return layout.folder / FILE
