"""Personal data and secrets stay where they belong: not in logs, errors, messages or what is kept of a run."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import ConfigDict, SecretStr, ValidationError

from exporters import steps
from exporters.constant_contact import answers, tokens
from exporters.constant_contact import errors as their_errors
from exporters.contacts import Reason
from exporters.steps import run_step
from local.constant_contact import errors as simulated_errors
from local.constant_contact.import_rows import Refusal
from shared.queues import RUNS, Message
from tests.exporters.world import QueueInHand
from tests.promises.promise import Guard, Worlds, replaced

ID = r"[0-9A-Za-z.-]{1,64}"
MARK = "zyx"
PERSON = f"{MARK}.anna@example.com"
FAULTS = (("rows-refused", MARK), ("poison-contact", PERSON), ("forbidden", None), ("cut-after", None))
ROWS = (f"{PERSON},{MARK}Anna", f"{MARK}@@example.com,{MARK}Bo", f"cy{MARK}@example.com,{MARK}Cy", f"{MARK},1,2")


def nothing_personal_or_secret_is_logged_stored_in_a_run_or_shown(worlds: Worlds) -> None:
    """Not in a log line of ours, not in a run, a batch, a message, a rejected row; whatever Constant Contact says."""
    for fault, match in FAULTS:
        with worlds() as world, logged() as lines, talkative():
            world.write_snapshot("Loyal", ROWS)
            given = world.give_tokens(world.connection, expired=True)
            world.fault(fault, times=1, match=match)
            run = world.run_to_end(world.add_export("Loyal"))
            assert run.ended
            seen = {
                "a log line": "\n".join(lines),
                "the run": run.model_dump_json(),
                "a batch": "".join(
                    stored.value.model_dump_json() for stored in world.services.runs.batches(run.run_id)
                ),
                "a rejected row": "".join(map(repr, world.files(run).rejected_rows())),
                "the limits": "".join(map(repr, world.limits.list_entities())),
            }
            kept = json.loads(world.secrets.get(world.connection.secret_name) or "")
            secrets = [pair[name] for pair in (given, kept) for name in ("access_token", "refresh_token")]
            for where, text in seen.items():
                assert MARK not in text, f"{fault}: {where} tells of a person: {text[:2000]}"
                assert not any(secret in text for secret in [*secrets, "local-secret"]), (
                    f"{fault}: {where} tells a secret"
                )


def a_message_carries_ids_only(worlds: Worlds) -> None:
    """Nothing else is put into a queue, and nothing else is taken out of one."""
    with worlds() as world:
        world.write_snapshot("Loyal", [f"{PERSON},Anna", "no address,Bo"])
        world.fault("poison-contact", match=PERSON)
        sent: list[str] = []
        send = QueueInHand.send

        def note(queue: QueueInHand, name: str, message: Message, *, after_seconds: float = 0) -> None:
            sent.append(message.model_dump_json(exclude_defaults=True))
            send(queue, name, message, after_seconds=after_seconds)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(QueueInHand, "send", note)
            run = world.run_to_end(world.add_export("Loyal"))
        assert len(sent) >= 3
        for body in sent:
            for name, value in json.loads(body).items():
                assert name in ("export_id", "run_id", "batch", "turn"), f"a message carries {name}"
                assert re.fullmatch(ID, str(value)), f"a message carries {value}"
        with_more = {"export_id": run.export_id, "run_id": run.run_id, "email": PERSON}
        try:
            run_step(world.services, RUNS, json.dumps(with_more))
        except ValidationError:
            return
        raise AssertionError("a message was taken that carries an address")


# How it is done


@contextmanager
def logged() -> Iterator[list[str]]:
    """Everything that is logged from INFO on, as the host keeps it, with the traces of its exceptions."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(logging.Formatter("%(name)s %(message)s").format(record))

    root, keeper = logging.getLogger(), Keeper(logging.INFO)
    level = root.level
    root.addHandler(keeper)
    root.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        root.removeHandler(keeper)
        root.setLevel(level)


@contextmanager
def talkative() -> Iterator[None]:
    """Constant Contact repeats an address and a name in whatever it says is wrong."""

    def with_address(status: int, key: str, message: str) -> simulated_errors.ApiError:
        return simulated_errors.ApiError(
            status, [{"error_key": key, "error_message": f"{message} <{PERSON}> {MARK}Anna"}]
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated_errors, "_of_service", with_address)
        patch.setattr(simulated_errors, "_of_gateway", with_address)
        patch.setattr(Refusal, "__str__", lambda self: f"Line {self.line}: {PERSON} {MARK}Anna {self.reason}")
        yield


# What protects it


def as_it_is(text: str, _: str = "") -> str:
    return text


def in_plain_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens that are logged as they are read."""
    monkeypatch.setattr(SecretStr, "__repr__", SecretStr.get_secret_value)
    read = tokens.Tokens._read

    def noted(self: tokens.Tokens, *given: object) -> tokens.TokenSet:
        found = read(self, *given)  # type: ignore[arg-type]
        steps.log.info("read %r", found)
        return found

    monkeypatch.setattr(tokens.Tokens, "_read", noted)


class AnyMessage(Message):
    """Takes whatever is in a message."""

    model_config = ConfigDict(frozen=True, extra="allow")


GUARDS = [
    Guard(
        nothing_personal_or_secret_is_logged_stored_in_a_run_or_shown,
        "words of its own for what Constant Contact says of a row",
        replaced(answers, "told", as_it_is),
        "a rejected row tells of a person",
    ),
    Guard(
        nothing_personal_or_secret_is_logged_stored_in_a_run_or_shown,
        "words of its own for what Constant Contact says of a request",
        replaced(their_errors, "told", as_it_is),
        "tells of a person",
    ),
    Guard(
        nothing_personal_or_secret_is_logged_stored_in_a_run_or_shown,
        "fixed sentences for what is rejected",
        replaced(Reason, "sentence", f"{PERSON} is no address"),
        "a rejected row tells of a person",
    ),
    Guard(
        nothing_personal_or_secret_is_logged_stored_in_a_run_or_shown,
        "tokens that show as stars",
        in_plain_sight,
        "a log line tells a secret",
    ),
    Guard(
        a_message_carries_ids_only,
        "refusing what is not known",
        replaced(steps, "Message", AnyMessage),
        "a message was taken that carries an address",
    ),
]
