"""Storage accounts one after the other: to make a table takes Azurite the longer, the more of them it has."""

from __future__ import annotations

from contextlib import ExitStack

from local.azurite import Azurite, running_azurite

# From then on a dozen tables take twice as long: as much for a hundred tests as to start another one.
_TAKEN_AT_MOST = 300


class StorageAccounts:
    """A storage account for whoever makes a dozen tables in it."""

    def __init__(self) -> None:
        self._taken = 0
        self._account: Azurite | None = None
        # What ended last may still be asked by a thread that a test has left behind.
        self._before, self._running = ExitStack(), ExitStack()

    def one(self) -> Azurite:
        """One that others use too, but not too many: take fresh names in it. It lasts for the test at hand."""
        if self._account is None or self._taken == _TAKEN_AT_MOST:
            self._before.close()
            self._before, self._running = self._running, ExitStack()
            self._account = self._running.enter_context(running_azurite())
            self._taken = 0
        self._taken += 1
        return self._account

    def close(self) -> None:
        """End what runs."""
        self._before.close()
        self._running.close()
