"""Write a report as one ZIP that an auditor keeps, and that anybody can check without us.

The same report gives the same bytes: files in one order, one fixed time, not compressed (each version of zlib packs
in its own way). So the SHA-256 of the ZIP names its contents, and a byte that stands beside its files is found.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import msgspec

from collector.audit.report import Change, Column, Report
from collector.store.migrate import schema_sql

REPORT: Final = "report.json"
PAGE: Final = "report.html"
CHAIN: Final = "settings-chain.json"
SCHEMA: Final = "schema.sql"
INVENTORY: Final = "inventory.csv"
README: Final = "README.txt"
SUMS: Final = "SHA256SUMS"
#: Folder of the papers that are made from the settings.
PAPERS: Final = "papers/"
#: The earliest time that a ZIP can hold.
_TIME: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o100644 << 16
_UNIX: Final = 3
_COLUMNS: Final = ("table", "name", "type", "role", "unit", "reason")
README_TEXT: Final = """\
TURVEN - BEWIJS VAN EEN CONTROLE (in English below)

Wat hier ligt
  report.html          het rapport om te lezen en af te drukken
  report.json          hetzelfde als gegevens: elke vraag, de uitkomst en wat er is gezien
  settings-chain.json  het logboek van de instellingen, regel voor regel, met de hash van elke regel
  inventory.csv        elke kolom die wordt bewaard, met de reden, gelezen uit de database zelf
  schema.sql           de tabellen zoals het programma ze belooft
  papers/              stukken voor de functionaris gegevensbescherming, gemaakt uit de instellingen
  SHA256SUMS           de som van elk bestand
Er staat geen bezoeker in: alleen aantallen en instellingen.

Controleren zonder ons
  1. Pak uit en typ in die map:   sha256sum -c SHA256SUMS
     (macOS: shasum -a 256 -c SHA256SUMS)
  2. Met het programma, zonder netwerk:   turven audit --verify BESTAND.zip
  3. De keten zelf narekenen. Voor elke regel van settings-chain.json, in volgorde:
       content = SHA-256 van de JSON-lijst [salt, change, made_by, reason]
                 (over te slaan waar salt null is: die regel is gewist en zegt niets meer)
       hash    = SHA-256 van de JSON-lijst [seq, made_at, site, content, previous]
     waarbij made_at zonder "+00:00" staat, previous de hash van de regel ervoor is (nullen voor de eerste), en de
     lijst is geschreven als  [1, "2026-11-24T08:00:00", "school", "...", "..."]  met een spatie na elke komma en
     elk teken buiten ASCII als \\uXXXX (zoals json.dumps in Python doet).
  4. Elk antwoord opnieuw vragen: bij elke uitkomst staat het commando.

Wat dit niet kan aantonen
  Wie alles in deze ZIP opnieuw schrijft, kan de sommen ook opnieuw maken. Noteer daarom bij elke controle twee
  dingen op een plek die niet van de leverancier is: de SHA-256 van de ZIP, en "head", de hash van de nieuwste regel
  van het logboek. Een vervalste ZIP heeft een andere SHA-256, en een herschreven logboek leidt niet naar die head.

------------------------------------------------------------------------------------------------------------------------

TURVEN - EVIDENCE OF AN AUDIT

What lies here
  report.html          the report to read and print
  report.json          the same as data: each question, its result and what was seen
  settings-chain.json  the settings log, entry by entry, with the hash of each
  inventory.csv        every column that is kept, with its reason, read from the database itself
  schema.sql           the tables as the program promises them
  papers/              papers for a privacy officer, made from the settings
  SHA256SUMS           the sum of each file
No visitor is in it: counts and settings only.

Check it without us
  1. Unpack it and type in that folder:   sha256sum -c SHA256SUMS
     (macOS: shasum -a 256 -c SHA256SUMS)
  2. With the program, off-line:   turven audit --verify FILE.zip
  3. Compute the chain yourself. For each entry of settings-chain.json, in order:
       content = SHA-256 of the JSON list [salt, change, made_by, reason]
                 (skip it where salt is null: that entry was erased and tells nothing any more)
       hash    = SHA-256 of the JSON list [seq, made_at, site, content, previous]
     where made_at stands without "+00:00", previous is the hash of the entry before (zeros for the first), and the
     list is written as  [1, "2026-11-24T08:00:00", "school", "...", "..."]  with a space after each comma and every
     character beyond ASCII as \\uXXXX (as json.dumps in Python does).
  4. Ask each question again: the command stands beside each result.

What this cannot show
  Who writes all of this ZIP anew can make the sums anew as well. So note two things at each audit, in a place that
  is not the vendor's: the SHA-256 of the ZIP, and "head", the hash of the newest entry of the log. A forged ZIP has
  another SHA-256, and a log that was rewritten does not lead to that head.
"""


def evidence(report: Report, *, pages: Mapping[str, bytes]) -> bytes:
    """Return *report* as a ZIP of evidence; the same report and pages give the same bytes.

    Args:
        report: What was found.
        pages: What is to be read in a browser: `report.html`, and papers by their name, beginning with `papers/`.
    """
    files = {
        REPORT: as_json(report),
        CHAIN: chain_json(report.facts.changes),
        SCHEMA: schema_sql().encode(),
        INVENTORY: inventory_csv(report.facts.inventory),
        README: README_TEXT.encode(),
        **pages,
    }
    return pack(files | {SUMS: sums(files)})


def pack(files: Mapping[str, bytes]) -> bytes:
    """Write *files* into a ZIP in the one way that this program does."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            entry = ZipInfo(name, _TIME)
            entry.external_attr, entry.create_system = _MODE, _UNIX
            archive.writestr(entry, content)
    return buffer.getvalue()


def sums(files: Mapping[str, bytes]) -> bytes:
    """Return the SHA-256 of each file, as `sha256sum -c` reads them."""
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return "".join(lines).encode()


def as_json(value: Any) -> bytes:
    """Write data as indented JSON, fields in the order of their shape."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def chain_json(changes: Iterable[Change]) -> bytes:
    """Write the settings log as a list of entries."""
    return as_json(list(changes))


def inventory_csv(columns: Iterable[Column]) -> bytes:
    """Write the inventory as a table, one column that is kept a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([getattr(column, name) for name in _COLUMNS] for column in columns)
    return text.getvalue().encode()
