"""Reads a form of a page as a browser would send it."""

from html.parser import HTMLParser


class _Reader(HTMLParser):
    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.typed: dict[str, list[str]] = {}
        self._is_inside = False
        self._select = self._textarea = ""

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = given.get("id") == self.form_id
        if not self._is_inside:
            return
        if tag == "input":
            self._read_input(given)
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "textarea":
            self._textarea = given.get("name", "")
            self.typed[self._textarea] = [""]
        elif tag == "option" and "selected" in given:
            self._add(self._select, given.get("value", ""))

    def handle_endtag(self, tag):
        if tag == "form":
            self._is_inside = False
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data):
        if self._textarea:
            self.typed[self._textarea][0] += data

    def _read_input(self, given):
        kind, name = given.get("type", "text"), given.get("name", "")
        if not name or kind in {"submit", "button", "file"}:
            return
        if kind in {"checkbox", "radio"} and "checked" not in given:
            return
        empty = "on" if kind == "checkbox" else ""
        self._add(name, given.get("value", empty))

    def _add(self, name, value):
        self.typed.setdefault(name, []).append(value)


def filled_form(html: str, form_id: str) -> dict[str, list[str]]:
    """Return what a browser would send of the form with that id, untouched."""
    reader = _Reader(form_id)
    reader.feed(html)
    return reader.typed
