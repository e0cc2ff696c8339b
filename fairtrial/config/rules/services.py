"""Checks the services: one valid address for each, CORS origins, and no open gateway that others can reach."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import ProjectFile
from fairtrial.config.rules.deployments import Names, unknown
from fairtrial.config.rules.translation import RAW
from fairtrial.domain.names.addresses import FORM, Address, origin_of, parse_address

ANY = "*"
EXAMPLE = "https://app.example or http://localhost:3000"


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


def wrong_cors(file: ProjectFile) -> Iterator[FieldError]:
    """Origins that no browser sends, and `*` where callers need no key."""
    if file.gateway.cors is None:
        return
    path = ("gateway", "cors", "origins")
    origins = file.gateway.cors.origins
    for place, origin in enumerate(origins):
        if origin == ANY:
            if len(origins) > 1:
                yield FieldError((*path, place), "'*' allows every origin, so no others may be listed with it")
            if _is_open(file):
                wrong = "'*' lets every web page use this open gateway, because it asks for no key"
                yield FieldError((*path, place), wrong, "list the origins, or auth: keys")
        elif (known := origin_of(origin)) != origin:
            yield FieldError((*path, place), f"{origin!r} is not an origin as browsers send it", known or EXAMPLE)


def _is_open(file: ProjectFile) -> bool:
    try:
        return file.gateway.access == "open"
    except ValueError:
        return False
