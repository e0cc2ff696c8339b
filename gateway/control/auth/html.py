"""Answers with control's own pages, which have no scripts and no external resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import Response

from fairtrial import html_pages

HEADERS: Mapping[str, str] = {
    "content-security-policy": f"{html_pages.POLICY}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    # Not no-referrer, because browsers would then send forms with "Origin: null".
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled input. ``value`` repeats what was typed before an error, never a password."""

    name: str
    label: str
    kind: str = "text"
    autocomplete: str = "off"
    value: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """A form that is posted. The first empty field gets the focus; screen readers announce the error."""

    action: str
    button: str
    fields: Sequence[Field] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another page, which can look like a button."""

    address: str
    text: str
    button: bool = False


def page(
    title: str,
    *paragraphs: str,
    form: Form | None = None,
    links: Sequence[Link] = (),
    note: str | None = None,
    onward: str | None = None,
    status: int = 200,
) -> Response:
    """A page with its parts in this order. ``onward`` is an address that the browser opens by itself."""
    text = html_pages.render(
        "sign_in.html", title=title, paragraphs=paragraphs, form=form, links=links, note=note, onward=onward
    )
    return Response(text, status_code=status, media_type="text/html", headers=dict(HEADERS))
