"""The auditor's own lists of what may be kept, written a second time so that no mistake is taken over."""

from typing import Final

BROWSERS: Final = (
    "Chrome", "Safari", "Firefox", "Edge", "Samsung Internet", "Opera", "DuckDuckGo", "Brave", "Vivaldi", "Ecosia",
    "Yandex Browser", "UC Browser", "MIUI Browser", "Huawei Browser", "Silk", "Google App", "In-app browser",
    "Internet Explorer", "(unknown)",
)  # fmt: skip
SYSTEMS: Final = ("Windows", "macOS", "iOS", "iPadOS", "Android", "ChromeOS", "Linux", "BSD", "(unknown)")
DEVICES: Final = ("Desktop", "Phone", "Tablet", "(unknown)")
CHANNELS: Final = ("direct", "search", "social", "ai", "email", "referral", "campaign", "(unknown)")
#: What a source may look like: a reserved word, a channel that rare ones were folded into, a host, or a service.
SOURCE_FORM: Final = (
    r"\((direct|unknown|search|social|ai|email|referral|campaign)\)|[a-z0-9-]+(\.[a-z0-9-]+)+|[A-Z][A-Za-z. ]{0,29}"
)
COUNTRY_FORM: Final = r"[A-Z]{2}|\(unknown\)"
#: At most the major version, with or without its family.
BROWSER_MAJOR_FORM: Final = r"([A-Za-z() -]+ )?[0-9]{1,3}|\(unknown\)"
HOUR_FORM: Final = "([01][0-9]|2[0-3])-([01][0-9]|2[0-4])"
