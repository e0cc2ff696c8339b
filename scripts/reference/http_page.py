"""Renders docs/reference/http.md: the data plane by hand, the control plane from its application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from fairtrial.domain.accounts import ROLES
from gateway.control.app import create_app, described_api
from gateway.control.auth.authorization import RequireRole, access_rules_of
from gateway.control.background.background_work import BackgroundWork
from scripts.reference.data_plane import data_plane
from scripts.reference.markdown import code, page, prose, table

INTRO = """\
There are two applications on two ports: the **data plane** for applications, and the **control plane** for people and
programs that manage fairtrial. Both bind to loopback by default, and there is no default secret."""
CONTROL = """\
The address is `control.bind`, by default `http://127.0.0.1:8081`. A caller is a person with a session (the cookie
`fairtrial_session`, set by `/sign-in`), or a program with `Authorization: Bearer ft-…` whose key has the right
`admin`. There is no other access, even on loopback. Until the first account exists, a one-time link (`POST
/api/one-time-links`) gives one browser the session of `local`, an `admin`.

A change by cookie must be `application/json`, even without a body, and an `Origin` or `Referer` must be control's own.

Each role includes the previous ones: `reviewer`, `release-manager`, `admin`. *anyone* needs no role. An `auditor` may
send each GET that `release-manager` may, and nothing else.

Errors are `{"error": {"message", "type"}}`:

- 400: the request is invalid.
- 401: nobody is signed in.
- 403: the role is too low, or only reads.
- 404: it does not exist.
- 409: another request came first.
- 413: the body is too large.
- 500: the store's engine failed.
- 503: the engine's memory or disk did not suffice.

Listings return `{"rows": […]}`, or an Arrow stream for `Accept: application/vnd.apache.arrow.stream` where they list
rows of the store. They take `since_us` and `until_us` (microseconds since 1970, UTC), `limit` (100, at
most 10,000) and `offset`. Traffic statistics cover the last week unless `since_us` is given; 0 is all time. Experiments
return their `window`. In a window with more than 100,000 requests, latencies of routes and variants are exact to half a
percent.

Requests and feedback also return `next`, the parameter `after` of the next page (in Arrow the header
`x-fairtrial-next`). It costs the same on every page, unlike a large `offset`. Times end in Z; amounts of
money are text."""
PAGING = frozenset({"since_us", "until_us", "limit", "offset"})


def http_page() -> str:
    """The page."""
    app = control_app()
    described = described_api(app)
    nouns: dict[str, list[str]] = {}
    for route in routes(app):
        for method in sorted(route.methods or ()):
            operation = described["paths"].get(route.path_format, {}).get(method.lower(), {})
            noun = str(route.tags[0]) if route.tags else "health and pages"
            nouns.setdefault(noun, []).append(_operation(method, route, operation, described))
    sections = [f"### {noun}\n\n" + "\n\n".join(operations) for noun, operations in sorted(nouns.items())]
    return page("HTTP", INTRO, data_plane(), "## The control plane", CONTROL, *sections)


def control_app() -> FastAPI:
    """The application without a store: it is asked for its shape only."""
    return create_app(cast(BackgroundWork, None), loopback=True)


def routes(app: FastAPI) -> Iterator[RouteContext]:
    """Every route of the application, also inside of routers."""
    return (one for one in iter_route_contexts(app.routes) if isinstance(one.original_route, APIRoute))


def role_of(route: RouteContext) -> str:
    """The role that a route asks for, as its own dependencies say; the highest if there are several."""
    roles = [each.role for each in access_rules_of(route.dependant) if isinstance(each, RequireRole)]
    return max(roles, key=ROLES.index) if roles else "anyone"


def _operation(method: str, route: RouteContext, operation: dict[str, Any], described: dict[str, Any]) -> str:
    text = prose((route.endpoint.__doc__ or "").strip())
    rows = [*_parameters(operation), *_fields(operation, described)]
    inputs = table(("parameter", "where", "type", "meaning"), rows) if rows else ""
    answers = list(_answers(operation, described))
    outputs = table(("field of the answer", "type", "meaning"), answers) if answers else ""
    role = role_of(route)
    needs = f"For {'*anyone*' if role == 'anyone' else code(role)}." + (_status(route))
    return "\n\n".join(
        part for part in (f"#### {method} {route.path_format}", f"{text} {needs}".strip(), inputs, outputs) if part
    )


def _status(route: RouteContext) -> str:
    return f" Returns {route.status_code}." if route.status_code not in (None, 200) else ""


def _parameters(operation: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    named = {one["name"] for one in operation.get("parameters", ())}
    for one in operation.get("parameters", ()):
        if one["name"] in PAGING and named >= PAGING:
            continue
        yield code(one["name"]), one["in"], _type(one["schema"]), _meaning(one, needed=one.get("required", False))
    if named >= PAGING:
        yield code("since_us, until_us, limit, offset"), "query", "whole number", "the window and the page"


def _fields(operation: dict[str, Any], described: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = _followed(content["schema"], described)
        needed = schema.get("required", ())
        for name, field in schema.get("properties", {}).items():
            yield code(name), "body", _type(field), _meaning(field, needed=name in needed)


def _answers(operation: dict[str, Any], described: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The fields of the answer, or of a row of the table."""
    for response in operation.get("responses", {}).values():
        for content in response.get("content", {}).values():
            schema = _followed(content["schema"], described)
            if rows := schema.get("properties", {}).get("rows"):
                schema = _followed(rows.get("items", {}), described)
            for name, field in schema.get("properties", {}).items():
                yield code(name), _type(field), prose(_description(field))


def _description(field: dict[str, Any]) -> str:
    return next((one["description"] for one in (field, *field.get("anyOf", ())) if "description" in one), "")


def _meaning(field: dict[str, Any], *, needed: bool) -> str:
    schema = field.get("schema", field)
    default = schema.get("default")
    ends = ["needed"] if needed else [f"default {code(json.dumps(default))}"] if default not in (None, [], "") else []
    return "; ".join([prose(field.get("description", "")), *ends] if field.get("description") else ends)


def _type(schema: dict[str, Any]) -> str:
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "yes or no",
        "object": "object",
    }
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"] if one.get("type") != "null"))
    if "enum" in schema:
        return " or ".join(code(value) for value in schema["enum"])
    if "const" in schema:
        return code(schema["const"])
    if schema.get("format") == "date-time":
        return "time"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('prefixItems', [schema.get('items', {})])[0])}"
    return words.get(schema.get("type", ""), "object")


def _followed(schema: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, or the first that it may be, behind its reference."""
    first = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    name = first.get("$ref", "").removeprefix("#/components/schemas/")
    return described["components"]["schemas"][name] if name else first
