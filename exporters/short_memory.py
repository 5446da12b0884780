"""What was found out a moment ago, kept in this process so that a page is quick; never the only place of anything."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Any, TypeVar

Found = TypeVar("Found")

_MOST = 500
# What nobody asks for any more does not stay: it may be rows of a segment.
_FORGOTTEN_AFTER = timedelta(minutes=10)

log = logging.getLogger(__name__)


def _beside(work: Callable[[], object]) -> None:
    threading.Thread(target=work, daemon=True).start()


class ShortMemory:
    """Answers by key, each with the moment at which it was found. Threads may share it.

    It is a saving of calls and of time, and not state: another instance of the app, or this one after a restart, finds
    the same out again. So what it says may be as old as the caller allows, even where another instance knows better.
    """

    def __init__(self, beside: Callable[[Callable[[], object]], None] = _beside) -> None:
        """`beside` does a work without letting the caller wait for it."""
        self._beside = beside
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[datetime, Any]] = {}
        self._under_way: set[Hashable] = set()
        # How often anything was forgotten: what is being found meanwhile may be of before.
        self._generation = 0

    def recall(
        self,
        key: Hashable,
        find: Callable[[], Found],
        *,
        now: datetime,
        most: timedelta,
        late: timedelta | None = None,
        fresh: bool = False,
    ) -> tuple[Found, datetime]:
        """What was found under this key and when; found now if that is longer ago than `most`, or if `fresh`.

        With `late`, what is older than `most` but not older than that is answered all the same, and found again
        beside: the next one who asks is told of it.
        """
        with self._lock:
            kept, generation = self._kept.get(key), self._generation
        if kept and not fresh:
            found_at, found = kept
            if now - most < found_at <= now:
                return found, found_at
            if late and now - late < found_at <= now:
                self._find_beside(key, find, now, generation)
                return found, found_at
        return self._keep(key, find(), now, generation), now

    def forget(self, key: Hashable) -> None:
        """Find it out again the next time; what is being found at this moment is not kept."""
        with self._lock:
            self._generation += 1
            self._kept.pop(key, None)

    def _keep(self, key: Hashable, found: Found, now: datetime, generation: int) -> Found:
        with self._lock:
            if generation != self._generation:
                return found
            self._kept.pop(key, None)
            self._kept[key] = (now, found)
            # The oldest come first.
            for other in list(self._kept):
                if len(self._kept) <= _MOST and now - self._kept[other][0] <= _FORGOTTEN_AFTER:
                    break
                del self._kept[other]
        return found

    def _find_beside(self, key: Hashable, find: Callable[[], Any], now: datetime, generation: int) -> None:
        with self._lock:
            if key in self._under_way:
                return
            self._under_way.add(key)

        def work() -> None:
            try:
                self._keep(key, find(), now, generation)
            except Exception as error:  # noqa: BLE001 - whoever asks when it is too old meets the error itself
                # Not the key: it holds what people named, such as an account.
                log.warning("something that is kept was not found again: %s", type(error).__name__)
            finally:
                with self._lock:
                    self._under_way.discard(key)

        self._beside(work)
