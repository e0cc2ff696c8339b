"""Renders control's own pages as HTML without scripts or external resources, in light or dark mode."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from fastapi import Response

STYLE = """
:root {color-scheme: light dark; --ink: #1c2530; --dim: #5b7083; --ground: #f5f7f8; --card: #fff; --line: #c9d2d9;
  --green: #0b7a5c; --on-green: #fff; --red: #a3262a}
@media (prefers-color-scheme: dark) {:root {--ink: #e8edf1; --dim: #9fb0bd; --ground: #0e1317; --card: #171e24;
  --line: #3a4650; --green: #2fc79c; --on-green: #06241b; --red: #ff9b9e}}
* {box-sizing: border-box}
body {margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--ground);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif}
main {width: 100%; max-width: 25rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
  padding: 2rem; overflow-wrap: anywhere}
h1 {font-size: 1.375rem; line-height: 1.25; margin: 0 0 .25rem}
p {margin: .5rem 0 1rem} .dim {color: var(--dim); font-size: .875rem}
.brand {color: var(--green); font-weight: 700; letter-spacing: .01em; margin: 0 0 1.25rem}
label {display: block; font-weight: 600; margin-top: 1rem}
input {width: 100%; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--dim);
  border-radius: .5rem; padding: .55rem .7rem; margin-top: .25rem}
button, .button {display: block; width: 100%; font: inherit; font-weight: 600; text-align: center; cursor: pointer;
  background: var(--green); color: var(--on-green); border: 0; border-radius: .5rem; padding: .65rem;
  margin-top: 1.5rem; text-decoration: none}
a {color: var(--green)}
:focus-visible {outline: 3px solid var(--green); outline-offset: 2px}
[role=alert] {border-left: 4px solid var(--red); color: var(--red); padding: .25rem 0 .25rem .75rem; margin: 1rem 0 0}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
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


def page(title: str, *inside: str, status: int = 200, onward: str | None = None) -> Response:
    """A complete page. ``inside`` is HTML. ``onward`` is an address that the browser opens by itself."""
    refresh = f'<meta http-equiv="refresh" content="0; url={escape(onward)}">' if onward else ""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} – fairtrial</title><style>{STYLE}</style></head>"
        f'<body><main><p class="brand">fairtrial</p><h1>{escape(title)}</h1>{"".join(inside)}</main></body></html>'
    )
    return Response(text, status_code=status, media_type="text/html", headers=dict(HEADERS))


def paragraph(text: str, *, dim: bool = False) -> str:
    """A paragraph of untrusted text, escaped."""
    return f'<p class="dim">{escape(text)}</p>' if dim else f"<p>{escape(text)}</p>"


def link(address: str, text: str, *, button: bool = False) -> str:
    """A link, or a link that looks like a button."""
    return f'<a href="{escape(address)}"{" class=button" if button else ""}>{escape(text)}</a>'


def form(action: str, fields: Sequence[Field], button: str, *, error: str | None = None) -> str:
    """A form that is posted. The first empty field gets the focus; screen readers announce the error."""
    alert = f'<p role="alert">{escape(error)}</p>' if error else ""
    first = next((field for field in fields if not field.value), None)
    inputs = "".join(_input(field, focus=field is first) for field in fields)
    return f'<form method="post" action="{escape(action)}">{alert}{inputs}<button>{escape(button)}</button></form>'


def _input(field: Field, *, focus: bool) -> str:
    hint = f'<span id="{field.name}-hint" class="dim">{escape(field.hint)}</span>' if field.hint else ""
    described = f' aria-describedby="{field.name}-hint"' if field.hint else ""
    return (
        f'<label for="{field.name}">{escape(field.label)}</label>'
        f'<input id="{field.name}" name="{field.name}" type="{field.kind}" value="{escape(field.value)}" required '
        f'autocomplete="{field.autocomplete}" autocapitalize="none" spellcheck="false"{described}'
        f"{' autofocus' if focus else ''}>{hint}"
    )
