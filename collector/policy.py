"""The floors no setting can go below, and the rules that a profile brings; the strictest of them wins."""

from collections.abc import Collection
from typing import Final

import msgspec

from collector.errors import PrivacyError
from collector.model import Dimension, Funnel, Goal, Identity, Profile

#: No regulator fixes a number; ONS uses 10, the RIVM bill 15, and below 5 no body publishes.
K_FLOOR: Final = 5
#: CNIL's limit for exempt audience measurement: 25 months.
RETENTION_DAYS_MAX: Final = 760
HOUR_ROWS_DAYS_MAX: Final = 62
#: What was erased lives on in backups for so long at most.
BACKUP_DAYS_MAX: Final = 30
#: Longest stretch of engagement that one visit may add to `seconds`.
VISIT_SECONDS_MAX: Final = 1_800
VISIT_IDLE_SECONDS: Final = 30 * 60
#: Bits of an address that are kept before anything else happens; settings only mask more (smaller numbers).
IPV4_BITS_MAX: Final = 24
IPV6_BITS_MAX: Final = 48
#: Distinct children of one path a day above which they become `:name`.
PATH_CHILDREN_MAX: Final = 100

_D = Dimension
#: Sets of visitors that a controller declared; each is counted by itself, and what is kept of them is no breakdown.
SETS: Final = (_D.GOAL, _D.GROUP, _D.FUNNEL_STEP)
_STRICT: Final = (
    *(_D.PAGE, _D.ENTRY_PAGE, _D.EXIT_PAGE, _D.SOURCE, _D.CHANNEL, _D.BROWSER, _D.OS, _D.DEVICE, _D.COUNTRY),
    *SETS,
)
_STANDARD: Final = (*_STRICT, _D.EVENT, _D.PROPERTY, _D.SCROLL, _D.NEXT_PAGE)
_OPEN: Final = (*_STANDARD, _D.CAMPAIGN, _D.LANGUAGE, _D.VIEWPORT, _D.BROWSER_MAJOR)
_PAIRED: Final = (_D.BROWSER, _D.OS, _D.DEVICE, _D.COUNTRY)
_STANDARD_PAIRS: Final = (
    (_D.PAGE, _D.SOURCE),
    *((_D.PAGE, other) for other in _PAIRED),
    *((_D.SOURCE, other) for other in _PAIRED),
)
_OPEN_PAIRS: Final = (
    *_STANDARD_PAIRS,
    *((a, b) for i, a in enumerate(_PAIRED) for b in _PAIRED[i + 1 :]),
)

#: What a set's visitors are told by: at least so many of them, in multiples of k.
_SET_PAIRS: Final = (
    *(
        (kind, other)
        for kind in (_D.GOAL, _D.GROUP)
        for other in (_D.SOURCE, _D.CHANNEL, _D.DEVICE, _D.BROWSER, _D.OS, _D.COUNTRY, _D.PAGE, _D.ENTRY_PAGE)
    ),
    (_D.PAGE, _D.NEXT_PAGE),
)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what is in force for one site.

    Attributes:
        k: Fewest distinct visitors behind anything that is kept.
        dimensions: Single breakdowns that are kept, beside `total` and `hour`.
        pairs: Pairs of dimensions that are kept.
        set_pairs: Pairs of which only a floor is kept: visitors in multiples of k, read from the first to the second.
        own_properties_only: Of properties only those are kept that the tracker itself tells: the host of an outbound
            link, the type of a download, the page that was not found.
        templates_only: Only registered path templates are kept; other paths are `(other)`.
        ipv4_bits: Leading bits of an IPv4 address that survive the cut.
        ipv6_bits: Leading bits of an IPv6 address that survive the cut.
        retention_days: How long cells are kept.
        identities: What may tell visitors apart; where a site's own choice is not among them, the first stands.
        goals: What the site's controller declared; counted where `dimensions` keep it.
        funnels: The same.
        groups: The same.
    """

    k: int
    dimensions: tuple[Dimension, ...]
    pairs: tuple[tuple[Dimension, Dimension], ...]
    set_pairs: tuple[tuple[Dimension, Dimension], ...] = ()
    own_properties_only: bool = False
    templates_only: bool
    ipv4_bits: int
    ipv6_bits: int
    retention_days: int = RETENTION_DAYS_MAX
    identities: tuple[Identity, ...] = tuple(Identity)
    goals: tuple[Goal, ...] = ()
    funnels: tuple[Funnel, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def breakdowns(self) -> tuple[Dimension, ...]:
        """Return the dimensions that are kept as breakdowns of everybody, without declared sets and what follows."""
        return tuple(one for one in self.dimensions if one not in {*SETS, _D.NEXT_PAGE})

    def identity(self, chosen: Identity) -> Identity:
        """Return what tells visitors apart where the site's controller has *chosen*."""
        return chosen if chosen in self.identities else self.identities[0]


_RULES: Final = {
    Profile.STRICT: Rules(
        k=15,
        dimensions=_STRICT,
        pairs=(),
        templates_only=True,
        ipv4_bits=16,
        ipv6_bits=32,
        identities=(Identity.NETWORK,),
    ),
    Profile.STANDARD: Rules(
        k=10,
        dimensions=_STANDARD,
        pairs=_STANDARD_PAIRS,
        set_pairs=_SET_PAIRS,
        own_properties_only=True,
        templates_only=False,
        ipv4_bits=24,
        ipv6_bits=48,
    ),
    Profile.OPEN: Rules(
        k=5,
        dimensions=_OPEN,
        pairs=_OPEN_PAIRS,
        set_pairs=_SET_PAIRS,
        templates_only=False,
        ipv4_bits=24,
        ipv6_bits=48,
    ),
}
_STRICTNESS: Final = (Profile.OPEN, Profile.STANDARD, Profile.STRICT)


def rules_for(profile: Profile, *, house_profile: Profile = Profile.OPEN, house_k: int = K_FLOOR) -> Rules:
    """Return the rules in force for a site: the strictest of floor, house and site.

    Args:
        profile: What the site's controller picked.
        house_profile: The loosest profile that the house allows.
        house_k: The smallest k that the house allows.

    Raises:
        PrivacyError: `k_too_small`.
    """
    if house_k < K_FLOOR:
        raise PrivacyError("k_too_small", f"k is {house_k}; choose {K_FLOOR} or more.")
    rules = _RULES[max(profile, house_profile, key=_STRICTNESS.index)]
    return msgspec.structs.replace(rules, k=max(rules.k, house_k))


def stricter(rules: Rules, *, k: int, without: Collection[Dimension], retention_days: int) -> Rules:
    """Return *rules* made stricter where a site's controller wants it; nothing here can loosen them.

    Args:
        rules: In force without the site's own wishes.
        k: The site's own threshold; one below that of *rules* changes nothing.
        without: Breakdowns that are switched off.
        retention_days: The site's own; 0 for none, a longer one changes nothing.
    """
    return msgspec.structs.replace(
        rules,
        k=max(rules.k, k),
        dimensions=tuple(one for one in rules.dimensions if one not in without),
        pairs=tuple(pair for pair in rules.pairs if not set(pair) & set(without)),
        set_pairs=tuple(pair for pair in rules.set_pairs if not set(pair) & set(without)),
        retention_days=min(rules.retention_days, retention_days or rules.retention_days),
    )
