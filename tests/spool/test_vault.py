"""The memory in which secrets are kept."""

import ctypes
import os
import re
from pathlib import Path

import pytest

from collector.spool.vault import SLOT_BYTES, Vault, fresh, wipe


def _flags(slot: memoryview) -> set[str]:
    """Return the kernel's flags of the mapping of this process that *slot* lies in."""
    address, is_here = ctypes.addressof(ctypes.c_char.from_buffer(slot)), False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if span := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            is_here = int(span[1], 16) <= address < int(span[2], 16)
        elif is_here and line.startswith("VmFlags:"):
            return set(line.split()[1:])
    raise AssertionError("no mapping holds it")


def test_what_is_let_go_is_overwritten() -> None:
    """A slot that was let go holds zeros, and so does the next who gets it."""
    vault = Vault()
    slot = vault.hold(b"s" * SLOT_BYTES)
    assert bytes(slot) == b"s" * SLOT_BYTES
    vault.let_go(slot)
    assert bytes(slot) == bytes(SLOT_BYTES)
    assert vault.slot() is slot


def test_no_two_hold_one_slot() -> None:
    """However many are asked for, each is another one, and a page more is taken when one is full."""
    vault = Vault()
    held = [vault.hold(os.urandom(SLOT_BYTES)) for _ in range(200)]
    assert len({bytes(slot) for slot in held}) == 200
    assert vault.pages == 2


def test_its_pages_are_locked_and_left_out_of_core_files() -> None:
    """The kernel says of the pages that they are locked and not dumped."""
    vault = Vault()
    slot = vault.slot()
    assert vault.locked == vault.pages == 1
    # Of these very pages: the process has others that the kernel leaves out by itself.
    assert _flags(slot) >= {"lo", "dd"}


@pytest.mark.parametrize("random", [os.urandom, lambda count: b"r" * count])
def test_a_fresh_secret_can_be_wiped(random: object) -> None:
    """A new secret lies in a buffer, which is overwritten."""
    made, other = fresh(random), fresh(os.urandom)  # type: ignore[arg-type]
    assert len(made) == SLOT_BYTES
    assert made != other
    wipe(made)
    assert made == bytes(SLOT_BYTES)
