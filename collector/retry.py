"""Try again what failed, less and less often, and say so now and then instead of twice a second."""

import logging
from collections.abc import Callable
from typing import Final

from collector.errors import TurvenError
from collector.process import told

log = logging.getLogger("turven.engine")

#: Longest pause between two tries, in rounds; the house goes round twice a second.
PAUSE_ROUNDS_MAX: Final = 60
#: How often a failure that lasts is said again, in rounds: ten minutes.
SAY_AGAIN_ROUNDS: Final = 1_200


class Retry:
    """Tell whether to try in this round, and whether to say that it failed.

    Rounds and not seconds: a clock that is set back would make a pause of an hour.
    """

    def __init__(self) -> None:
        self._pause = 0
        self._left = 0
        self._silent = 0
        self._said = ""

    def is_due(self) -> bool:
        """Tell whether it is time to try; to be asked once a round."""
        self._silent += 1
        if self._left > 0:
            self._left -= 1
            return False
        return True

    def failed(self, sentence: str) -> bool:
        """Wait twice as long as before; return whether *sentence* has to be said: it is new, or was long ago."""
        self._left = self._pause
        self._pause = min(max(1, 2 * self._pause), PAUSE_ROUNDS_MAX)
        if sentence == self._said and self._silent < SAY_AGAIN_ROUNDS:
            return False
        self._said, self._silent = sentence, 0
        return True

    def worked(self) -> bool:
        """Begin anew; return whether it had failed before."""
        had_failed = bool(self._said)
        self._pause = self._left = self._silent = 0
        self._said = ""
        return had_failed

    def hurry(self) -> None:
        """Try in the next round, whatever went before: somebody asks for it."""
        self._pause = self._left = 0


class Retries:
    """Do the pieces of a round so that where one fails the others go on, and it is tried less and less often."""

    def __init__(self) -> None:
        self._by_piece: dict[object, Retry] = {}

    def guard(self, piece: object, work: Callable[[], object]) -> None:
        """Do *work* if it is due; what it raises is said and not raised.

        Args:
            piece: What it is; one that is tried for the first time is due.
            work: Its words about a failure are logged only where they are ours.
        """
        retry = self._by_piece.setdefault(piece, Retry())
        if not retry.is_due():
            return
        try:
            work()
        except TurvenError as error:
            if retry.failed(error.message):
                log.error("%s", error.message)  # noqa: TRY400 - the message says it all
        except Exception as error:  # noqa: BLE001 - tried again; foreign words stay out of the log
            if retry.failed(told(error)):
                log.error("%s", told(error))  # noqa: TRY400
        else:
            # One that works is as good as new: only what fails is remembered.
            del self._by_piece[piece]
            if retry.worked():
                log.info("What failed before works again.")

    def is_failing(self) -> bool:
        """Tell whether any piece failed when it was last tried."""
        return bool(self._by_piece)

    def hurry(self) -> None:
        """Try everything in the next round."""
        for retry in self._by_piece.values():
            retry.hurry()
