"""Keeps files beside the store: an unfinished erasure, partial backups, and the chain's head."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError
from fairtrial.domain.settings import UnitKind
from fairtrial.safe_files import write_private
from fairtrial.store.core.thread_access import ChainHead

ERASURE_FILE = "erasure.json"


class ErasureState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An erasure in progress; without the ``salt``, the replacement names it made can't be traced back.

    ``salt`` makes the random names that replace those of the unit and its requests. ``names`` are the ids of the unit's
    requests and answers. ``counts`` says how much has been erased where so far. ``rewrite_backups``: erase from
    reachable backups too.

    The file is deleted when the erasure ends. The unit is written nowhere else; the ledger has only a hash of its
    pseudonym.
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

    def requested_again(self, *, rewrite_backups: bool) -> "ErasureState":
        """This erasure, requested once more, perhaps with backups included."""
        return msgspec.structs.replace(self, rewrite_backups=self.rewrite_backups or rewrite_backups)


def unit_hash(pseudonym: str) -> str:
    """The name of a unit in the ledger and the audit trail. It suffices to recognise the unit, not to find it."""
    return hashlib.sha256(pseudonym.encode()).hexdigest()


def is_erasure_unfinished(layout: Layout) -> bool:
    """Whether an erasure has begun and not ended."""
    return _erasure_path(layout).exists()


def load_erasure(layout: Layout) -> ErasureState | None:
    """The unfinished erasure, or ``None``; raises `StoreError`."""
    path = _erasure_path(layout)
    try:
        return msgspec.json.decode(path.read_bytes(), type=ErasureState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path}: the state of an unfinished erasure can't be read ({type(error).__name__})"
        ) from error


def save_erasure(layout: Layout, state: ErasureState) -> None:
    """Write the progress of the erasure; raises `OSError`."""
    write_private(_erasure_path(layout), msgspec.json.encode(state))


def delete_erasure(layout: Layout) -> None:
    """Delete the state of an erasure that has ended."""
    _erasure_path(layout).unlink(missing_ok=True)


NOTE = "backup.part"


@contextmanager
def part_beside(dest: Path, notes: Path) -> Iterator[Path]:
    """A new private folder beside ``dest`` for the caller to rename; otherwise it is deleted at the end.

    Missing parent folders are created, and deleted again if they stay empty. ``notes``: the folder in which
    `sweep_part` looks. Raises `OSError`.
    """
    missing = [folder for folder in dest.parents if not folder.exists()]
    part = dest.with_name(f".backup-{secrets.token_hex(4)}.part")
    write_private(notes / NOTE, os.fsencode(part))
    try:
        for folder in reversed(missing):
            folder.mkdir(mode=0o700)
        part.mkdir(mode=0o700)
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        for folder in missing:
            with suppress(OSError):  # the folder contains the backup
                folder.rmdir()
        (notes / NOTE).unlink(missing_ok=True)


def sweep_part(notes: Path) -> None:
    """Delete the partial backups of a killed program. For the owner of the store only."""
    try:
        part = Path(os.fsdecode((notes / NOTE).read_bytes()))
    except FileNotFoundError:
        return
    if part.name.startswith(".backup-") and part.name.endswith(".part"):
        shutil.rmtree(part, ignore_errors=True)


def sweep_erasure(layout: Layout) -> None:
    """Delete partly written files of a killed program, because they contain a unit's name. For the owner only."""
    for path in layout.folder.glob(f".{ERASURE_FILE}.*"):
        path.unlink()


def _erasure_path(layout: Layout) -> Path:
    return layout.folder / ERASURE_FILE


def save_chain_head(layout: Layout, head: ChainHead) -> None:
    """Write which entry of the audit trail is the newest, so that an older copy of the store is recognised.

    A full disk must not refuse what the store has committed. The file then names an earlier entry, which is sound.
    """
    with suppress(OSError):
        write_private(layout.chain_head, msgspec.json.encode(head))


def load_chain_head(layout: Layout) -> ChainHead | None:
    """The newest entry that any owner of this store has appended; ``None`` if it is not known."""
    try:
        head: ChainHead = msgspec.json.decode(layout.chain_head.read_bytes(), type=ChainHead)
    except (OSError, msgspec.DecodeError):
        return None
    return head
