"""Days written down by hand: crowds of which everybody does the same."""

from typing import Final

from collector.audit.hostile import Happening

CLIENTS: Final = {
    "iphone": ("Safari", "iOS", "Phone"),
    "mac": ("Safari", "macOS", "Desktop"),
    "chromebook": ("Chrome", "ChromeOS", "Desktop"),
    "windows": ("Chrome", "Windows", "Desktop"),
    "firefox": ("Firefox", "Windows", "Desktop"),
}
CHANNELS: Final = {
    "(direct)": "direct",
    "Google": "search",
    "Bing": "search",
    "ChatGPT": "ai",
    "elo.example": "referral",
}
_LATER_SECONDS: Final = 2 * 3600


class Crowds:
    """Hold a day; each crowd's visitors are new ones."""

    def __init__(self) -> None:
        self.visitors = 0
        self.happenings: list[Happening] = []

    def add(
        self,
        people: int,
        *pages: str,
        client: str = "windows",
        sources: tuple[str, ...] = ("(direct)",),
        event: str = "",
        stated: str = "",
    ) -> "Crowds":
        """Let *people* come from each of *sources* in turn and open each of *pages*; all tell *event* on the first."""
        browser, system, device = CLIENTS[client]
        for visitor in range(self.visitors, self.visitors + people):
            for visit, source in enumerate(sources):
                for step, page in enumerate(pages or ("/",)):
                    self.happenings.append(
                        Happening(
                            visitor=visitor,
                            second=9 * 3600 + visit * _LATER_SECONDS + step * 10,
                            page=page,
                            source=source,
                            channel=CHANNELS[source],
                            browser=browser,
                            os=system,
                            device=device,
                            country="NL",
                            enters=not step,
                            name="" if step else event,
                            stated="" if step else stated,
                            milliseconds=20_000,
                        )
                    )
        self.visitors += people
        return self
