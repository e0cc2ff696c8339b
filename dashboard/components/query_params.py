"""What the page's address says: names that are checked against what there is, so that a link can be shared."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.components.formatting import plain


def said(name: str) -> str | None:
    """The value of a query parameter, if it has one."""
    value = st.query_params.get(name)
    return value or None


def choose(
    label: str,
    options: Sequence[str],
    *,
    name: str,
    words: Callable[[str], str] = str,
    placeholder: str | None = None,
    usual: str | None = None,
) -> str | None:
    """A choice that the address keeps under ``name``; a value that is not among ``options`` counts for none.

    ``placeholder`` allows no choice at all and is shown then; ``usual`` is chosen at first, else the first option.
    """
    given = said(name)
    first = None if placeholder is not None else options.index(usual) if usual is not None else 0
    index = options.index(given) if given in options else first
    found: str | None = st.selectbox(
        label, list(options), index=index, format_func=words, placeholder=placeholder, key=f"choose-{name}"
    )
    keep(**{name: found})
    return found


def keep(**values: str | None) -> None:
    """Write these into the address, and take out what is ``None``; the rest stays."""
    for name, value in values.items():
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def go(**values: str | None) -> None:
    """For buttons: the address becomes exactly this."""
    st.query_params.from_dict({name: value for name, value in values.items() if value is not None})


def link(label: str, path: str, *, icon: str | None = None, **query: str | None) -> None:
    """A link to another page of ours; ``path`` is its address, ``query`` what it is to show."""
    there = st.Page(_nowhere, title=path, url_path=path)
    asked = {name: value for name, value in query.items() if value is not None}
    st.page_link(there, label=plain(label), icon=icon, query_params=asked)


def _nowhere() -> None:
    """Streamlit finds a page by its address; the function of this one is never called."""
