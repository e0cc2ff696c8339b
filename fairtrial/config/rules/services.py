"""Checks the services: one valid address for each, and no open gateway on a public one."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import ProjectFile
from fairtrial.config.rules.deployments import Names, unknown
from fairtrial.config.rules.translation import RAW
from fairtrial.domain.names.addresses import FORM, Address, parse_address


def wrong_services(file: ProjectFile, names: Names) -> Iterator[FieldError]:
    """Invalid or duplicate addresses, a public open gateway, and an unknown target for other paths."""
    yield from _others(file, names)
    taken: dict[Address, str] = {}
    for name, bind in (
        ("gateway", file.gateway.bind),
        ("control", file.control.bind),
        ("dashboard", file.dashboard.bind),
    ):
        try:
            address = parse_address(bind)
        except ValueError as error:
            yield FieldError((name, "bind"), str(error), FORM)
            continue
        if address in taken:
            yield FieldError((name, "bind"), f"{bind} is also where the {taken[address]} listens")
        taken.setdefault(address, name)
        if name == "gateway" and file.gateway.auth == "open" and not address.loopback:
            wrong = f"open lets everyone who can reach {bind} use every model"
            yield FieldError(("gateway", "auth"), wrong, "auth: keys, or bind to 127.0.0.1")


def _others(file: ProjectFile, names: Names) -> Iterator[FieldError]:
    """Pass-through requests need a deployment that speaks OpenAI's protocol."""
    name = file.gateway.others
    if name is None:
        return
    if name not in names.deployments:
        yield unknown(("gateway", "others"), "deployment", name, names.deployments)
    elif name in file.deployments and not file.deployments[name].model.startswith(f"{RAW}/"):
        wrong = f"{name!r} is translated, which supports only chat completions"
        yield FieldError(("gateway", "others"), wrong, f"a deployment whose model is {RAW}/…")
