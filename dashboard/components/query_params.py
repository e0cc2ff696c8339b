"""Reads and writes the query parameters of the page's URL, and the filters and pages of lists that stand in it."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, time
from time import time_ns
from typing import Any, TypeVar

import streamlit as st
from streamlit.elements.arrow import DataframeState

from dashboard.client import Refused
from dashboard.components.formatting import plain
from fairtrial.domain.limits.constants import MINUTE_US

Kind = TypeVar("Kind", bound=str)
Moment = TypeVar("Moment", date, time)
Shown = TypeVar("Shown")
GONE = 404
WINDOW = "window"
DEFAULT_WINDOW = "week"
WINDOW_WORDS: Mapping[str, str] = {
    "hour": "the last hour",
    "day": "the last day",
    "week": "the last week",
    "all": "all time",
}
WINDOW_HOURS: Mapping[str, int | None] = {"hour": 1, "day": 24, "week": 168, "all": None}
PAGE_SIZE = 10


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
    """Draw a choice that is stored in the URL under ``name``. An unknown value there is named, and counts for none.

    ``placeholder`` is shown while nothing is chosen, and allows that. ``default`` is the initial choice, otherwise the
    first option.
    """
    given = get(name)
    if given is not None and given not in options:
        st.warning(f"{label}: there is no {plain(given)}.", icon=":material/search_off:")
    first = None if placeholder is not None else options.index(default) if default is not None else 0
    index = options.index(given) if given in options else first
    choice: str | None = st.selectbox(
        label, list(options), index=index, format_func=words, placeholder=placeholder, key=f"choose-{name}"
    )
    keep(**{name: choice})
    return choice


def choose_kind(counts: Mapping[str, int], words: Mapping[Kind, str], *, name: str, more: str = "") -> Kind | None:
    """Draw a choice between the kinds of cases that occur, stored in the URL under ``name``; ``None`` for all cases."""
    options = [kind for kind in words if counts[kind]]
    given = get(name)
    chosen = st.pills(
        "Show",
        options,
        default=given if given in options else None,
        format_func=lambda kind: f"{words[kind]} ({counts[kind]:,})",
        key=f"choose-{name}",
        help=f"All cases if nothing is selected{more}",
    )
    keep(**{name: chosen})
    return chosen


def choose_date(label: str, *, name: str) -> date | None:
    """Draw a date that is stored in the URL under ``name``; ``None`` while it is empty."""
    day: date | None = st.date_input(label, value=_parsed(date, get(name)), key=f"choose-{name}", format="YYYY-MM-DD")
    keep(**{name: None if day is None else day.isoformat()})
    return day


def choose_time(label: str, *, name: str) -> time | None:
    """Draw a time of day, to the minute, that is stored in the URL under ``name``; ``None`` while it is empty."""
    chosen: time | None = st.time_input(label, value=_parsed(time, get(name)), key=f"choose-{name}", step=60)
    keep(**{name: None if chosen is None else f"{chosen:%H:%M}"})
    return chosen


def keep(**values: str | None) -> None:
    """Set these parameters in the URL and remove those that are ``None``; others stay."""
    for name, value in values.items():
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def take(name: str) -> str | None:
    """The parameter, which leaves the URL, so that it has its effect once."""
    text: str | None = st.query_params.pop(name, None)
    return text


def go(**values: str | Sequence[str] | None) -> None:
    """Set the parameters of the URL to exactly these, several values one by one; for buttons."""
    st.query_params.from_dict({name: value for name, value in values.items() if value is not None})


def pick(label: str, titles: Mapping[str, str], *, placeholder: str) -> str | None:
    """Draw a choice that starts empty, and return the id of what was chosen; ``titles`` by id."""
    chosen: str | None = st.selectbox(
        label, list(titles), index=None, format_func=lambda chosen_id: titles[chosen_id], placeholder=placeholder
    )
    return chosen


def selected_of(table: DataframeState, rows: Sequence[Shown]) -> list[Shown]:
    """Those of the rows that are selected in the table, which may be older than they are."""
    return [rows[at] for at in table.selection.rows if at < len(rows)]


def open_row(
    lines: Sequence[Mapping[str, str]], titles: Mapping[str, str], *, name: str, article: str, **options: Any
) -> None:
    """Draw a table, and open the row that is selected in it or, with the keyboard, below it.

    ``titles`` of the rows by id, in their order; ``name`` is that of the parameter, and what a row is.
    """
    key = f"{name}s-selected"
    table = st.dataframe(
        lines, hide_index=True, width="stretch", on_select="rerun", selection_mode="single-row", key=key, **options
    )
    selected = selected_of(table, list(titles))
    placeholder = f"choose {article} {name}, or select a row"
    opened = selected[0] if selected else pick(f"Open {article} {name}", titles, placeholder=placeholder)
    if opened is not None:
        go(**{name: opened})
        st.rerun()


@contextmanager
def explain_gone(text: str, back: str) -> Iterator[None]:
    """Draw this warning, and a button to the list, if what the URL names does not exist."""
    try:
        yield
    except Refused as error:
        if error.status != GONE:
            raise
        st.warning(text, icon=":material/search_off:")
        st.button(back, on_click=go)


def link(label: str, path: str, *, icon: str | None = None, **query: str | None) -> None:
    """A link to another page of the dashboard; ``query`` are its parameters."""
    there = st.Page(_nowhere, title=path, url_path=path)
    parameters = {name: value for name, value in query.items() if value is not None}
    st.page_link(there, label=plain(label), icon=icon, query_params=parameters)


def open_page(path: str, query: Mapping[str, str]) -> None:
    """Open another page of the dashboard with these parameters, in this session."""
    st.switch_page(st.Page(_nowhere, title=path, url_path=path), query_params=dict(query))


def _parsed(kind: type[Moment], text: str | None) -> Moment | None:
    """The value in the URL; ``None`` if it is not readable."""
    try:
        return kind.fromisoformat(text) if text else None
    except ValueError:
        return None


def _nowhere() -> None:
    """Never called, because Streamlit finds the page by its address."""


def filtered(rows: Sequence[Shown], *names: str) -> list[Shown]:
    """Draw a filter for each column, side by side, and return the matching rows."""
    selected: dict[str, str | None] = {}
    for column, name in zip(st.columns(len(names)), names, strict=True):
        with column:
            options = sorted({str(_field(row, name)) for row in rows})
            selected[name] = choose(name.capitalize(), options, name=name, placeholder="all")
    return [row for row in rows if all(value in (None, _field(row, name)) for name, value in selected.items())]


def _field(row: object, name: str) -> object:
    return row[name] if isinstance(row, Mapping) else getattr(row, name)


def choose_window() -> str:
    """Draw the choice; returns the window's name."""
    return (
        choose(
            "Period", list(WINDOW_WORDS), name=WINDOW, words=lambda window: WINDOW_WORDS[window], default=DEFAULT_WINDOW
        )
        or DEFAULT_WINDOW
    )


def requests_in(window: str) -> str:
    """The start of a caption, such as ``Requests in the last week``."""
    return "All requests" if window == "all" else f"Requests in {WINDOW_WORDS[window]}"


def since_us(window: str) -> int:
    """The start of the window, rounded to the minute so that responses can be cached; 0 means all time."""
    hours = WINDOW_HOURS[window]
    if hours is None:
        return 0
    now_us = time_ns() // 1000
    return (now_us - hours * 60 * MINUTE_US) // MINUTE_US * MINUTE_US


def page_place(key: str, about: Hashable, *, size: int = PAGE_SIZE) -> tuple[int, int]:
    """The limit and offset of the current page. ``about`` identifies the listed cases."""
    if st.session_state.get(f"about-{key}") != about:
        st.session_state[f"about-{key}"] = about
        st.session_state.pop(f"page-{key}", None)
    return size, (int(st.session_state.get(f"page-{key}", 1)) - 1) * size


def draw_pages(key: str, total: int, *, size: int = PAGE_SIZE) -> None:
    """Draw the page navigation if there is more than one page."""
    if total > size:
        st.pagination(-(-total // size), key=f"page-{key}")
