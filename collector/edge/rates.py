"""Limit how many events of one site are let in: so that no sender, and no school's busiest hour, takes all there is.

A site's limit is a bucket of tokens that holds ten seconds' worth: a class that opens a page together is not a rush. A
limit for each network is off unless the house asks for it: behind one address may be a whole school. Networks are
remembered as keyed hashes, for the minute they are counted in; then hashes and key are forgotten.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from collector.edge.address import Network
from collector.settings import Limits

#: A bucket holds so many seconds of a site's limit.
BURST_SECONDS: Final = 10
#: Networks that are counted apart in one minute; those above are let in, and the site's own limit holds them.
NETWORKS_MAX: Final = 65_536
_MINUTE: Final = 60
_KEY_BYTES: Final = 16
_HASH_BYTES: Final = 8


class Rates:
    """Tell whether an event of a site still has room. Each process of a house counts for itself.

    Args:
        limits: Of the settings.
        random_bytes: Makes the keys under which networks are remembered.
    """

    def __init__(self, limits: Limits, *, random_bytes: Callable[[int], bytes]) -> None:
        self._per_second = limits.site_events_per_second
        self._bucket = limits.site_events_per_second * BURST_SECONDS
        self._per_minute = limits.network_events_per_minute
        self._random_bytes = random_bytes
        # Of each site: events that it may still send, and the second in which that was so.
        self._sites: dict[str, list[int]] = {}
        self._networks: dict[bytes, int] = {}
        self._key = b""
        self._minute = 0

    def has_room(self, site: str, network: Network, at: int) -> bool:
        """Take one event of *site* from *network* into account; `False` where it is one too many.

        Args:
            site: Id of a site that there is: nobody else gets a bucket.
            network: The cut address.
            at: Arrival, in whole seconds since 1970 UTC.
        """
        left = self._sites.get(site)
        if left is None:
            left = self._sites[site] = [self._bucket, at]
        elif left[1] != at:
            # A clock that was set back brings nothing, and takes nothing.
            left[0] = min(self._bucket, left[0] + self._per_second * max(0, at - left[1]))
            left[1] = at
        if left[0] < 1 or (self._per_minute and not self._network_has_room(site, network, at)):
            return False
        left[0] -= 1
        return True

    def _network_has_room(self, site: str, network: Network, at: int) -> bool:
        self.look(at)
        if not self._key:
            self._key = self._random_bytes(_KEY_BYTES)
        name = blake2b(network + site.encode(), digest_size=_HASH_BYTES, key=self._key).digest()
        count = self._networks.get(name, 0)
        if count >= self._per_minute:
            return False
        if count or len(self._networks) < NETWORKS_MAX:
            self._networks[name] = count + 1
        return True

    def look(self, at: int) -> None:
        """Forget the networks of a minute that has passed; asked again and again, also when nothing comes."""
        if at // _MINUTE != self._minute:
            self._minute = at // _MINUTE
            self._networks = {}
            self._key = b""

    def forget(self) -> None:
        """Forget everything; called when a day turns."""
        self._sites = {}
        self._networks = {}
        self._key = b""
