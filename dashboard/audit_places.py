"""What the places are called in which an audit sees something; every text is marked and translated."""

from typing import Final

from dashboard.metrics import mark

#: Where something was seen.
PLACES: Final = {
    "periods": mark("on the dashboard, over several periods and sites"),
    "history": mark("file of figures"),
    "house": mark("in the running house"),
    "machine": mark("on this machine"),
    "scratch house": mark("in a scratch house, with marked requests"),
    "outsider": mark("as an outsider, from what is published"),
    "hostile days": mark("on days made up to be hard"),
    "dashboard": mark("on the dashboard, asked like anybody"),
    "settings": mark("in the settings"),
    "browser": mark("in a real browser"),
    "program": mark("in the program itself"),
    "documents": mark("in pages and documents"),
    "running process": mark("in the running process"),
    "swap": mark("in the swap of the machine"),
    "broken house": mark("in a house that is made to fail"),
    "house that erases": mark("in a house that erases"),
    "audit": mark("by the audit"),
    "strangers": mark("in a scratch house that is asked from elsewhere"),
    "rush": mark("in a house that is sent too much"),
    "weaker settings": mark("in houses told to keep more than they may"),
}
