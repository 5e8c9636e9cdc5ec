"""Do once, before processes are forked, what each of them would take half a second for: read the rules of agents."""

from typing import Any

from collector.edge import device

_room: Any = device
_MADE = _room.Resolver(_room.load_lazy_builtins())
_room.Resolver = lambda _rules: _MADE
