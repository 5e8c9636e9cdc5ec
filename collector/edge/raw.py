"""What a request brings, for as long as it is looked at: an address, a user agent, a body. Personal data."""

from collector.event import Sealed


class RawRequest(Sealed, gc=False):
    """Hold what the edge may see of one request; everything that is not named here was never read.

    Attributes:
        peer: Address of the socket's other end; empty where there is none (a Unix socket).
        forwarded: Value of the configured client header; several lines joined by `,`; empty if there is none.
        user_agent: Value of `User-Agent`.
        body: The whole body, as it came.
        gpc: Value of `Sec-GPC`.
        dnt: Value of `DNT`.
        country: Value of the configured country header; empty if there is none.
        language: Value of `Accept-Language`.
    """

    peer: str
    body: bytes
    forwarded: str = ""
    user_agent: str = ""
    gpc: str = ""
    dnt: str = ""
    country: str = ""
    language: str = ""
