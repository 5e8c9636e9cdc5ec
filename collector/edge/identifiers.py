"""Recognise what names a person or a thing of a person: numbers, tokens, e-mail addresses, and fields that hold them.

What is recognised here is removed. What is not (a name in a path) meets the threshold of k visitors later.
"""

import re
from typing import Final

#: What an identifier in a path becomes.
ID: Final = ":id"

#: Fields that hold an identifier, and the name under which their removal is counted.
FIELDS: Final = {
    "_id": "_id",
    "id": "id",
    "uid": "uid",
    "uuid": "uuid",
    "guid": "uuid",
    "userid": "user_id",
    "user": "user",
    "username": "username",
    "login": "login",
    "clientid": "client_id",
    "cid": "client_id",
    "visitorid": "visitor_id",
    "deviceid": "device_id",
    "sessionid": "session_id",
    "sid": "session_id",
    "accountid": "account_id",
    "customerid": "customer_id",
    "pupilid": "pupil_id",
    "studentid": "student_id",
    "leerlingid": "leerling_id",
    "leerlingnummer": "leerlingnummer",
    "studentnummer": "studentnummer",
    "eckid": "eck_id",
    "bsn": "bsn",
    "email": "email",
    "emailaddress": "email",
    "mail": "email",
    "phone": "phone",
    "phonenumber": "phone",
    "telefoon": "phone",
    "mobile": "phone",
    "name": "name",
    "fullname": "name",
    "firstname": "first_name",
    "lastname": "last_name",
    "naam": "name",
    "voornaam": "first_name",
    "achternaam": "last_name",
    "address": "address",
    "adres": "address",
    "ip": "ip",
    "ipaddress": "ip",
    "birthdate": "birth_date",
    "dateofbirth": "birth_date",
    "geboortedatum": "birth_date",
    "token": "token",
    "useragent": "user_agent",
}
#: Names under which a value, and not a field, is counted as removed.
BROWSER_NUMBER: Final = "browser_number"
EVENT_NAME: Final = "event_name"
PROPERTY_NAME: Final = "property_name"
PROPERTY_VALUE: Final = "property_value"
CAMPAIGN_VALUE: Final = "campaign_value"
#: Every name that `Event.refused` can hold.
REFUSED_NAMES: Final = frozenset(
    (*FIELDS.values(), BROWSER_NUMBER, EVENT_NAME, PROPERTY_NAME, PROPERTY_VALUE, CAMPAIGN_VALUE)
)

#: Longest text that is searched for identifiers; anything longer is taken for one.
WORDS_MAX: Final = 100

# A year by itself is no identifier (`/nieuws/open-dag-2026`); any other four digits may be a pupil's number.
_IDENTIFIER: Final = re.compile(
    r"""
      @
    | [\[({]at[\])}]
    | \d{5,}
    | (?<!\d)(?!(?<![^\W_])(?:19|20)\d\d(?![^\W_]))\d{4}(?!\d)
    | \d(?:[\s./()+_\u2010-\u2015-]{0,2}\d){5,}              # a phone number, a BSN, a date, in any spelling
    | (?<![^\W_])[0-9a-fA-F]{8,}(?![^\W_])                   # hex, UUID
    | \d[A-Za-z]+\d+[A-Za-z]+\d                              # k3x9b2: letters and digits in turns
    | (?<![A-Za-z0-9])(?=[A-Za-z]*\d)[A-Za-z0-9]{10,}        # letters and digits, long
    | (?:[a-z]+[A-Z]+){3,}[A-Za-z]*(?<=[A-Za-z]{16})         # base64 without a digit
    | [b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]{8,}                 # more consonants than any word has
    | [^\W_]{40,}
    """,
    re.VERBOSE,
)
# Most words need no search: letters in runs of at most 15. In these only hex and consonants can hide something.
_WORDS: Final = re.compile(r"[A-Z]?[a-z]{1,14}(?:[ ._-][A-Z]?[a-z]{1,14})*")
_DENSE: Final = re.compile(r"[a-fA-F]{8}|[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]{8}")
_SHORT: Final = 8
_WORD_MAX: Final = 15


def is_plain_word(word: str) -> bool:
    """Tell whether a word of letters is neither hex nor a token; says no where only a search can tell."""
    return len(word) <= _WORD_MAX and word.isascii() and not _DENSE.search(word)


def has_identifier(words: str) -> bool:
    """Tell whether *words* hold an e-mail address, a long number, hex, a UUID, a date or a token.

    Callers bound the length (`WORDS_MAX`): some patterns cost its square.
    """
    if len(words) > WORDS_MAX:
        return True
    if _WORDS.fullmatch(words) and (len(words) < _SHORT or not _DENSE.search(words)):
        return False
    return _IDENTIFIER.search(words) is not None


def field_name(key: str) -> str | None:
    """Return the name under which the field *key* is counted as an identifier, `None` if it is none."""
    key = key.lower()
    return FIELDS.get(key) or FIELDS.get("".join(letter for letter in key if letter.isalnum()))
