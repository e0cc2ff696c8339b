"""What must hold for the services beyond their shape: addresses, one for each, and no open door to the outside."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.config.addresses import FORM, Address, parse_address
from fairtrial.config.mistakes import Wrong
from fairtrial.config.schema import ProjectFile


def wrong_services(file: ProjectFile) -> Iterator[Wrong]:
    """Addresses that are none or taken twice, and a gateway that others can reach without a key."""
    taken: dict[Address, str] = {}
    for name, bind in (
        ("gateway", file.gateway.bind),
        ("control", file.control.bind),
        ("dashboard", file.dashboard.bind),
    ):
        try:
            address = parse_address(bind)
        except ValueError as error:
            yield Wrong((name, "bind"), str(error), FORM)
            continue
        if address in taken:
            yield Wrong((name, "bind"), f"{bind} is also where the {taken[address]} listens")
        taken.setdefault(address, name)
        if name == "gateway" and file.gateway.auth == "open" and not address.loopback:
            wrong = f"open lets everyone who can reach {bind} use every model"
            yield Wrong(("gateway", "auth"), wrong, "auth: keys, or bind to 127.0.0.1")
