"""Listens to one storage queue by the rules of the WebJobs storage extension.

Sources: QueueListener.cs and QueueProcessor.cs of Azure/azure-sdk-for-net,
sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Common.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage

logger = logging.getLogger(__name__)

_SHORTEST_WAIT = 0.1


@dataclass(frozen=True)
class QueueLimits:
    """How a queue is worked off; all times in seconds.

    `lease` hides a message while it runs and is renewed at half-time; `retry_delay` hides it after a failure.
    Up to `batch_size + threshold` messages run at once: a batch is fetched when no more than `threshold` run.
    """

    batch_size: int
    threshold: int
    max_dequeue_count: int
    lease: int
    retry_delay: float
    longest_wait: float


class HeldMessage:
    """A message that this instance runs: hidden from the others as long as it is renewed."""

    def __init__(self, queue: QueueClient, message: QueueMessage, lease: int) -> None:
        self._queue = queue
        self._receipt = message.pop_receipt
        self._lease = lease
        self._renew_at = time.monotonic() + lease / 2
        self._lock = threading.Lock()
        self._gone = False
        self.message = message

    def renew_if_due(self) -> None:
        """Hide the message for another lease when half of the last one has passed."""
        with self._lock:
            if not self._gone and time.monotonic() >= self._renew_at:
                self._hide(self._lease)
                self._renew_at = time.monotonic() + self._lease / 2

    def delete(self) -> None:
        """Remove the message; one that is gone or was taken over by another instance is left alone."""
        with self._lock:
            self._unless_gone(lambda: self._queue.delete_message(self.message.id, self._receipt))
            self._gone = True

    def release(self, delay: float) -> None:
        """Let any instance take the message again after `delay` seconds."""
        with self._lock:
            self._hide(delay)
            self._gone = True

    def _hide(self, seconds: float) -> None:
        def update() -> None:
            updated = self._queue.update_message(self.message.id, self._receipt, visibility_timeout=round(seconds))
            self._receipt = updated.pop_receipt

        self._unless_gone(update)

    def _unless_gone(self, action: Callable[[], None]) -> None:
        try:
            action()
        except HttpResponseError as error:
            if error.status_code != 404 and getattr(error, "error_code", None) != "PopReceiptMismatch":
                raise
            self._gone = True


class QueueListener:
    """Fetches messages in one thread and runs `handle` for each in others.

    `handle` says whether the message is done; `poison` names the queue for a message that failed too often, None for
    nowhere.
    """

    def __init__(
        self,
        queue: QueueClient,
        handle: Callable[[QueueMessage], bool],
        poison: Callable[[QueueMessage], QueueClient | None],
        limits: QueueLimits,
    ) -> None:
        self._queue = queue
        self._handle = handle
        self._poison = poison
        self._limits = limits
        self._held: set[HeldMessage] = set()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        name = queue.queue_name
        self._pool = ThreadPoolExecutor(limits.batch_size + limits.threshold, thread_name_prefix=f"{name}-message")
        self._threads = [
            threading.Thread(target=self._fetch, name=f"{name}-fetch", daemon=True),
            threading.Thread(target=self._renew, name=f"{name}-renew", daemon=True),
        ]

    def start(self) -> None:
        """Begin to listen."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look for messages at once: this process has just sent one."""
        self._wake.set()

    def stop(self) -> None:
        """Fetch nothing more; what runs goes on."""
        self._stopping.set()
        self._wake.set()
        with self._changed:
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until every message that runs is deleted or given back, at most `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held, timeout=seconds)

    def _fetch(self) -> None:
        misses = 0
        while not self._stopping.is_set():
            with self._changed:
                self._changed.wait_for(lambda: len(self._held) <= self._limits.threshold or self._stopping.is_set())
            if self._stopping.is_set():
                return
            messages = self._receive()
            for message in messages:
                held = HeldMessage(self._queue, message, self._limits.lease)
                with self._changed:
                    self._held.add(held)
                self._pool.submit(self._process, held)
            misses = 0 if messages else misses + 1
            if misses:
                self._wake.wait(self._back_off(misses))
                self._wake.clear()

    def _back_off(self, misses: int) -> float:
        """Seconds until the next look at an empty queue: growing at random, as RandomizedExponentialBackoffStrategy."""
        growth = random.uniform(0.8, 1.2) * (2.0 ** min(misses - 1, 16) - 1) * _SHORTEST_WAIT
        return min(_SHORTEST_WAIT + growth, self._limits.longest_wait)

    def _receive(self) -> list[QueueMessage]:
        try:
            # A whole page or nothing: the pager would ask again for what is missing in a short batch.
            pages = self._queue.receive_messages(
                messages_per_page=self._limits.batch_size, visibility_timeout=self._limits.lease
            ).by_page()
            return list(next(pages, []))
        except ResourceNotFoundError:
            return []
        except AzureError as error:
            logger.warning("queue=%s cannot be read: %s", self._queue.queue_name, _short(error))
            return []

    def _renew(self) -> None:
        while self._held or not self._stopping.is_set():
            time.sleep(min(self._limits.lease / 10, 5))
            with self._changed:
                held_now = list(self._held)
            for held in held_now:
                try:
                    held.renew_if_due()
                except AzureError as error:
                    logger.warning("queue=%s message=%s not renewed: %s", *self._names(held), _short(error))

    def _process(self, held: HeldMessage) -> None:
        try:
            self._work_off(held)
        except AzureError as error:
            logger.warning("queue=%s message=%s comes again later: %s", *self._names(held), _short(error))
        except Exception:
            logger.exception("queue=%s message=%s comes again later: the host failed", *self._names(held))
        finally:
            with self._changed:
                self._held.discard(held)
                self._changed.notify_all()

    def _work_off(self, held: HeldMessage) -> None:
        poison = self._poison(held.message)
        tries = held.message.dequeue_count or 0
        if poison is not None and tries > self._limits.max_dequeue_count:
            self._move(held, poison)
        elif self._handle(held.message):
            held.delete()
        elif poison is None:
            # Without a poison queue the message stays hidden until its lease ends, so that it cannot spin.
            return
        elif tries >= self._limits.max_dequeue_count:
            self._move(held, poison)
        else:
            held.release(self._limits.retry_delay)

    def _move(self, held: HeldMessage, poison: QueueClient) -> None:
        try:
            poison.send_message(held.message.content)
        except ResourceNotFoundError:
            poison.create_queue()
            poison.send_message(held.message.content)
        held.delete()
        logger.error(
            "queue=%s message=%s moved to %s after %d tries",
            *self._names(held),
            poison.queue_name,
            held.message.dequeue_count,
        )

    def _names(self, held: HeldMessage) -> tuple[str, str]:
        return self._queue.queue_name, held.message.id


def _short(error: AzureError) -> str:
    return (error.message or type(error).__name__).splitlines()[0]
