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
#: ISO 3166-1, two letters, and XK for Kosovo.
_CODES: Final = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO "
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE "
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO "
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW "
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM "
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW"
)
COUNTRIES: Final = tuple(_CODES.split())
COUNTRY_FORM: Final = r"[A-Z]{2}|\(unknown\)"
#: At most the major version, with or without its family.
BROWSER_MAJOR_FORM: Final = r"([A-Za-z() -]+ )?[0-9]{1,3}|\(unknown\)"
#: How far down a page was scrolled, in quarters.
DEPTHS: Final = ("25", "50", "75", "100")
HOUR_FORM: Final = "([01][0-9]|2[0-3])-([01][0-9]|2[0-4])"
