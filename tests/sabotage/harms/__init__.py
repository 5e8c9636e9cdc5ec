"""The list of harms: changes inside one line, each of which would break a promise, and what catches it.

Whoever makes a promise adds the line that would break it. `make attack` does each in a copy of the source tree and
demands that its catch fails there; tests/walls/test_sabotage.py holds the list to the code as it is.
"""

from collections.abc import Mapping
from typing import Final

from tests.sabotage.harms.audit import AUDIT
from tests.sabotage.harms.day import DAY
from tests.sabotage.harms.edge import EDGE
from tests.sabotage.harms.house import HOUSE
from tests.sabotage.harms.kept import KEPT
from tests.sabotage.harms.script import SCRIPT
from tests.sabotage.harms.shown import SHOWN

HARMS: Final = (*EDGE, *DAY, *KEPT, *HOUSE, *SCRIPT, *SHOWN, *AUDIT)
#: Requirements that no change inside one line breaks, and why.
WITHOUT_HARM: Final[Mapping[str, str]] = {}
