"""Does the same with one thing after the other, so that what is wrong with one does not hold up the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from pydantic import ValidationError

from shared.errors import ExportError

log = logging.getLogger(__name__)

Thing = TypeVar("Thing")
Result = TypeVar("Result")

# So many in a row that got no answer are an outage: the others would wait for nothing, each through all its tries.
_OUTAGE = 3


def each(things: Iterable[Thing], work: Callable[[Thing], Result | None], name: Callable[[Thing], str]) -> list[Result]:
    """What `work` gives for each of the things, in their order; `name` says in the log which one it failed for.

    A thing that is wrong in itself (a document that cannot be read, an `ExportError`) is logged and passed over: to do
    it again would change nothing, and is left to the next time. The log has the kind of an error and not its words:
    these repeat names that people gave, or what is in a document.

    Raises:
        Exception: the first other error, once all the things had their turn: whoever called has to come again.
    """
    results: list[Result] = []
    failed: Exception | None = None
    unanswered = 0
    for thing in things:
        try:
            result = work(thing)
        except (ExportError, ValidationError) as error:
            log.error("%s was passed over: %s", name(thing), type(error).__name__)
        except Exception as error:  # noqa: BLE001 - it is raised in the end
            log.error("%s failed: %s", name(thing), type(error).__name__)
            failed = failed or error
            unanswered = unanswered + 1 if isinstance(error, ServiceRequestError | ServiceResponseError) else 0
            if unanswered == _OUTAGE:
                break
        else:
            unanswered = 0
            if result is not None:
                results.append(result)
    if failed is not None:
        raise failed
    return results
