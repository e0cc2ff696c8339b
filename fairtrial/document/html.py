"""Renders a document as HTML, by templates that escape every text."""

from fairtrial import html_pages
from fairtrial.document.values import Document


def html(document: Document, *, brand: str, made: str, parts: tuple[tuple[str, str], ...] = ()) -> str:
    """A page that runs and loads nothing. ``parts``: the names and contents of what is embedded, as Base64."""
    return html_pages.render(
        "document.html", document=document, title=document.title, brand=brand, made=made, parts=parts
    )
