"""Checks deployments, routes and services: references, addresses and keys, and who can reach the gateway."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import DeploymentSection, ProjectFile, RouteSection, in_order
from fairtrial.config.rules.translation import OWN_CREDENTIALS, RAW, SELF_HOSTED, providers
from fairtrial.domain.errors import nearest
from fairtrial.domain.names.addresses import FORM, Address, host_of, is_loopback, origin_of, parse_address

OPENAI_HOST = "api.openai.com"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
NAME_FORM = "letters, digits, '.', '_' and '-', beginning with a letter or a digit"
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9]+")
ANY_ORIGIN = "*"
ORIGINS = "https://app.example or http://localhost:3000"


@dataclass(frozen=True, slots=True)
class Names:
    """All names in the file, valid or not, because a reference to an invalid entry is not a second error."""

    deployments: frozenset[str]
    experiments: frozenset[str]
    variants: dict[str, frozenset[str]]


def wrong_deployments(file: ProjectFile, names: Names) -> Iterator[FieldError]:
    """Unknown providers, invalid addresses, and parents that don't exist or form a cycle."""
    for name, deployment in file.deployments.items():
        path = ("deployments", name)
        yield from wrong_name(path, name)
        yield from _model(path, deployment)
        if deployment.parent is not None and deployment.parent not in names.deployments:
            yield unknown((*path, "parent"), "deployment", deployment.parent, names.deployments)
    yield from _circles(file)


def wrong_routes(file: ProjectFile, names: Names) -> Iterator[FieldError]:
    """Routes without exactly one target, and internal ones that can reach an external deployment."""
    for name, route in file.routes.items():
        path = ("routes", name)
        if not name.strip() or any(character.isspace() for character in name):
            yield FieldError(
                path, f"{name!r} can't be a route's name", "no spaces: it is what callers write in `model`"
            )
        if (route.deployment is None) == (route.experiment is None):
            both = "both are given" if route.deployment else "neither is given"
            yield FieldError(path, f"must lead to a deployment or to an experiment, and {both}")
        for field, target, known in (
            ("deployment", route.deployment, names.deployments),
            ("experiment", route.experiment, names.experiments),
            *(("fallback", fallback, names.deployments) for fallback in in_order(route.fallback)),
        ):
            if target is not None and target not in known:
                yield unknown((*path, field), "experiment" if field == "experiment" else "deployment", target, known)
        yield from repeated_fallbacks(path, route.fallback)
        if route.data == "internal":
            yield from _leaks(file, path, route)


def repeated_fallbacks(path: tuple[str | int, ...], fallback: str | list[str] | None) -> Iterator[FieldError]:
    """Deployments that a route or a variant names twice: a request asks each of them once."""
    names = in_order(fallback)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield FieldError((*path, "fallback"), f"names {name!r} twice", "a request asks each fallback once")


def unknown(path: tuple[str | int, ...], noun: str, name: str, known: frozenset[str]) -> FieldError:
    """A reference to something that the file does not define."""
    return FieldError(path, f"the {noun} {name!r} does not exist", nearest(name, known))


def wrong_name(path: tuple[str | int, ...], name: str) -> Iterator[FieldError]:
    """A name that could not be used on the command line or in a header."""
    if not NAME.fullmatch(name):
        yield FieldError(path, f"{name!r} can't be a name here", NAME_FORM)


def _model(path: tuple[str, ...], deployment: DeploymentSection) -> Iterator[FieldError]:
    provider, slash, model = deployment.model.partition("/")
    if not slash or not provider or not model:
        yield FieldError(
            (*path, "model"), f"{deployment.model!r} does not say its provider", "provider/model, openai/Qwen3-8B"
        )
    elif provider != RAW:
        yield from _translated(path, provider, deployment)
    elif deployment.base_url is None:
        yield FieldError(
            (*path, "base_url"), "is missing", f"for OpenAI itself: https://{OPENAI_HOST}/v1 and external: true"
        )
    if deployment.base_url is not None:
        yield from _base_url((*path, "base_url"), deployment.base_url, external=deployment.external)


def _translated(path: tuple[str, ...], provider: str, deployment: DeploymentSection) -> Iterator[FieldError]:
    """Check a provider that litellm translates for. Without a base_url it is an external one."""
    known = providers()
    if known and provider not in known:
        serves = f"{RAW}/… with a base_url serves anything that speaks OpenAI's protocol"
        yield FieldError(
            (*path, "model"), f"the provider {provider!r} is not known", f"{nearest(provider, known | {RAW})}; {serves}"
        )
    elif deployment.base_url is None and provider in SELF_HOSTED:
        yield FieldError((*path, "base_url"), "is missing", f"where your {provider} listens")
    elif deployment.base_url is None and not deployment.external:
        yield FieldError(
            (*path, "external"), f"{provider} is outside your organisation, and external is not true", "external: true"
        )
    elif deployment.base_url is None and deployment.api_key is None and provider not in OWN_CREDENTIALS:
        yield FieldError((*path, "api_key"), "is missing", f'api_key: "${{{provider.upper()}_API_KEY}}"')


def _base_url(path: tuple[str, ...], url: str, *, external: bool) -> Iterator[FieldError]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port  # raises ValueError for a port that is not a number
    except ValueError as error:
        yield FieldError(path, f"is not an address: {error}", "http://host:port/v1")
        return
    if parts.username is not None or parts.password is not None:
        yield FieldError(path, "contains a user or a password", "put the key in api_key")
    elif parts.scheme not in ("http", "https") or not host or port == 0 or any(map(str.isspace, url)):
        yield FieldError(path, f"{url!r} is not an http address", "http://host:port/v1")
    elif parts.query or parts.fragment:
        yield FieldError(path, "has a query or a fragment, which can't be part of it", "http://host:port/v1")
    elif host == OPENAI_HOST and not external:
        yield FieldError(
            path, f"{OPENAI_HOST} is outside your organisation, and external is not true", "external: true"
        )


def _circles(file: ProjectFile) -> Iterator[FieldError]:
    """Each circle of parents once, at the first of its names."""
    seen: set[str] = set()
    for start in file.deployments:
        chain: dict[str, None] = {}  # used as an ordered set
        name: str | None = start
        while name is not None and name in file.deployments and name not in seen:
            seen.add(name)
            chain[name] = None
            name = file.deployments[name].parent
        if name in chain:
            around = list(chain)[list(chain).index(name) :]
            first = around.index(min(around))
            circle = " → ".join([*around[first:], *around[:first], around[first]])
            yield FieldError(("deployments", around[first], "parent"), f"forms a cycle: {circle}")


def _leaks(file: ProjectFile, path: tuple[str, ...], route: RouteSection) -> Iterator[FieldError]:
    experiment = file.experiments.get(route.experiment or "")
    ways = [
        ("deployment", route.deployment, ""),
        *(("fallback", fallback, "") for fallback in in_order(route.fallback)),
    ]
    if experiment is not None:
        ways += [
            ("experiment", deployment, f" through the variant {name!r}")
            for name, variant in experiment.variants.items()
            for deployment in (variant.deployment, *in_order(variant.fallback))
        ]
    for field, target, by in ways:
        deployment = file.deployments.get(target or "")
        if deployment is not None and deployment.external:
            wrong = f"its data is internal, but it can reach the external deployment {target!r}{by}"
            yield FieldError((*path, field), wrong)


def wrong_access(file: ProjectFile) -> Iterator[FieldError]:
    """Keys in the file for a server elsewhere."""
    for name, deployment in file.deployments.items():
        path = ("deployments", name)
        if _is_literal(deployment) and not _on_this_machine(deployment):
            wrong = "is written in the file, where everyone who has the file can read it"
            yield FieldError((*path, "api_key"), wrong, f"write {_template(name, deployment)} and set that variable")


def access_warnings(file: ProjectFile) -> Iterator[FieldError]:
    """Keys in the file for a server on this machine, where they are often meaningless words."""
    for name, deployment in file.deployments.items():
        if _is_literal(deployment) and _on_this_machine(deployment):
            known = f"if it is a secret, write {_template(name, deployment)}"
            yield FieldError(("deployments", name, "api_key"), "is written in the file", known)


def _is_literal(deployment: DeploymentSection) -> bool:
    return deployment.api_key is not None and "${" not in deployment.api_key


def _on_this_machine(deployment: DeploymentSection) -> bool:
    return deployment.base_url is not None and is_loopback(host_of(deployment.base_url))


def _template(name: str, deployment: DeploymentSection) -> str:
    """The line to write, with the provider's usual variable name if it has one."""
    provider = deployment.model.partition("/")[0]
    if provider == RAW:
        openai = deployment.base_url is not None and host_of(deployment.base_url) == OPENAI_HOST
        provider = RAW if openai else name
    return f'api_key: "${{{_NOT_A_NAME.sub("_", provider).upper()}_API_KEY}}"'


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
        if origin == ANY_ORIGIN:
            if len(origins) > 1:
                yield FieldError((*path, place), "'*' allows every origin, so no others may be listed with it")
            if _is_open(file):
                wrong = "'*' lets every web page use this open gateway, because it asks for no key"
                yield FieldError((*path, place), wrong, "list the origins, or auth: keys")
        elif (known := origin_of(origin)) != origin:
            yield FieldError((*path, place), f"{origin!r} is not an origin as browsers send it", known or ORIGINS)


def _is_open(file: ProjectFile) -> bool:
    try:
        return file.gateway.access == "open"
    except ValueError:
        return False
