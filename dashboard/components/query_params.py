"""Reads and writes the query parameters of the page's URL, so that links can be shared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, time
from typing import TypeVar

import streamlit as st

from dashboard.components.formatting import plain

Moment = TypeVar("Moment", date, time)


def get(name: str) -> str | None:
    """The value of a query parameter, or ``None``."""
    value = st.query_params.get(name)
    return value or None


def get_all(name: str) -> tuple[str, ...]:
    """All values of a query parameter, each once."""
    return tuple(dict.fromkeys(value for value in st.query_params.get_all(name) if value))


def choose(
    label: str,
    options: Sequence[str],
    *,
    name: str,
    words: Callable[[str], str] = str,
    placeholder: str | None = None,
    default: str | None = None,
) -> str | None:
    """Draw a choice that is stored in the URL under ``name``. An unknown value in the URL is ignored.

    ``placeholder`` is shown while nothing is chosen, and allows that. ``default`` is the initial choice, otherwise the
    first option.
    """
    given = get(name)
    first = None if placeholder is not None else options.index(default) if default is not None else 0
    index = options.index(given) if given in options else first
    found: str | None = st.selectbox(
        label, list(options), index=index, format_func=words, placeholder=placeholder, key=f"choose-{name}"
    )
    keep(**{name: found})
    return found


def choose_date(label: str, *, name: str) -> date | None:
    """Draw a date that is stored in the URL under ``name``; ``None`` while it is empty."""
    found: date | None = st.date_input(label, value=_parsed(date, get(name)), key=f"choose-{name}", format="YYYY-MM-DD")
    keep(**{name: None if found is None else found.isoformat()})
    return found


def choose_time(label: str, *, name: str) -> time | None:
    """Draw a time of day, to the minute, that is stored in the URL under ``name``; ``None`` while it is empty."""
    found: time | None = st.time_input(label, value=_parsed(time, get(name)), key=f"choose-{name}", step=60)
    keep(**{name: None if found is None else f"{found:%H:%M}"})
    return found


def keep(**values: str | None) -> None:
    """Set these parameters in the URL and remove those that are ``None``; others stay."""
    for name, value in values.items():
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def go(**values: str | Sequence[str] | None) -> None:
    """Set the parameters of the URL to exactly these, several values one by one; for buttons."""
    st.query_params.from_dict({name: value for name, value in values.items() if value is not None})


def link(label: str, path: str, *, icon: str | None = None, **query: str | None) -> None:
    """A link to another page of the dashboard; ``query`` are its parameters."""
    there = st.Page(_nowhere, title=path, url_path=path)
    parameters = {name: value for name, value in query.items() if value is not None}
    st.page_link(there, label=plain(label), icon=icon, query_params=parameters)


def _parsed(kind: type[Moment], text: str | None) -> Moment | None:
    """The value in the URL; ``None`` if it is not readable."""
    try:
        return kind.fromisoformat(text) if text else None
    except ValueError:
        return None


def _nowhere() -> None:
    """Never called, because Streamlit finds the page by its address."""
