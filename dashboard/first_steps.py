"""Read the form that takes the first site into an empty house."""

from collections.abc import Iterable
from datetime import date

import msgspec

from collector.errors import SettingsError
from collector.model import Identity, Profile, Site

_LENGTH_MAX = 1_000


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the fields as they were filled in; identity has no default."""

    id: str = ""
    hosts: str = ""
    controller: str = ""
    agreement: str = ""
    agreed_on: str = ""
    profile: str = Profile.STANDARD.value
    identity: str = ""
    timezone: str = "Europe/Amsterdam"
    on: str = ""

    def site(self) -> tuple[Site, str]:
        """Return the site, and who made it.

        Raises:
            SettingsError: `identity_missing`, `date_invalid`, `site_invalid`; the rest is the house's to judge.
        """
        if self.identity not in set(Identity):
            raise SettingsError("identity_missing", "Choose what tells two visitors apart: there is no default.")
        if self.profile not in set(Profile):
            raise SettingsError("site_invalid", "Choose a profile.")
        try:
            agreed_on = date.fromisoformat(self.agreed_on) if self.agreed_on else None
        except ValueError:
            raise SettingsError("date_invalid", "The date of the agreement is no date: write 2026-08-01.") from None
        site = Site(
            id=self.id.strip().lower(),
            hosts=tuple(self.hosts.replace(",", " ").lower().split()),
            controller=self.controller.strip(),
            agreement=self.agreement.strip(),
            agreed_on=agreed_on,
            profile=Profile(self.profile),
            identity=Identity(self.identity),
            timezone=self.timezone.strip(),
            is_on=bool(self.on),
        )
        return site, f"operator, on behalf of {site.controller}" if site.is_on else "operator"


def read_form(fields: Iterable[tuple[str, str]]) -> Form:
    """Return the fields of a form; unknown ones are left alone."""
    known = set(Form.__struct_fields__)
    return Form(**{name: value[:_LENGTH_MAX] for name, value in fields if name in known})
