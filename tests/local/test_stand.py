"""The stand: it runs the real app, keeps its hosts alive, and leaves no process behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from exporters.runs import ENDED
from local.app_client import AppClient
from local.processes import ProcessError, free_ports
from local.samples import write_samples
from local.snapshot_folder import upload
from local.stand import Stand
from shared.models import Schedule


def eventually(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What the stand of this module has told."""
    return []


@pytest.fixture(scope="module")
def stand(said: list[str]) -> Iterator[Stand]:
    with Stand(say=said.append) as stand:
        yield stand


def test_a_snapshot_that_is_uploaded_ends_on_the_list(stand: Stand, tmp_path: Path) -> None:
    samples = write_samples(tmp_path, 300)
    stand.deliver_events()
    export = stand.app.add_export(
        "Newsletter",
        stand.connect("Local Company"),
        list_id=stand.account.list_id,
        segments=["LoyaltyMembers"],
        mapping={"email": "EMail", "first_name": "FirstName"},
        schedule=Schedule(),
    )

    upload(samples.folder, stand.snapshots)
    eventually(lambda: any(run.status in ENDED for run in stand.app.runs(export.id)))

    (run,) = stand.app.runs(export.id)
    expected = samples.expected(["LoyaltyMembers"])
    counted = (run.counts.read, run.counts.sent, run.counts.duplicates, run.counts.rejected)
    assert counted == (expected.read, expected.sent, expected.duplicates, expected.rejected)
    assert len(list(stand.app.rejected_rows(run))) == expected.rejected
    assert len(stand.members_csv().splitlines()) == 1 + expected.sent


def test_a_host_that_dies_is_started_again_and_who_asks_meanwhile_gets_an_answer(stand: Stand, said: list[str]) -> None:
    connection = stand.connect("Local Company")
    first = stand.hosts[0].pid

    psutil.Process(first).kill()

    assert connection.id in [one.id for one in stand.app.connections()]
    assert stand.hosts[0].pid != first
    eventually(lambda: said)
    how = "with exit code" if os.name == "nt" else "by SIGKILL"
    (told,) = said
    assert told.startswith(f"host-1 (process {first}) ended {how}")
    assert told.endswith(f"started again as process {stand.hosts[0].pid}")
    stand.check()


def test_a_service_that_is_taken_away_is_no_failure_and_comes_back_with_what_it_held() -> None:
    with Stand(durable=True) as stand:
        connection = stand.connect("Local Company")
        tokens = stand.secret(connection.secret_name)
        for name in ("Azurite", "Key Vault"):
            before = stand.pid(name)
            with stand.without(name):
                assert not psutil.pid_exists(before)
                stand.check()
            assert stand.pid(name) != before

        assert [one.id for one in stand.app.connections()] == [connection.id]
        assert stand.secret(connection.secret_name) == tokens
        stand.check()


def test_a_connection_may_be_to_another_account() -> None:
    with Stand() as stand:
        other = stand.add_account("other")
        connection = stand.connect("Other", other)

        entries = stand.app.audit()

    told = [(one.action, one.by, one.after.get("account")) for one in entries]
    assert told == [("signed in", "Ada Administrator", "other"), ("added", "function key", None)]
    assert connection.export_user == "other@example.com"
    assert other.list_id != stand.account.list_id


def test_hosts_may_have_clocks_that_differ() -> None:
    day = 86_400
    with Stand(instances=2, clock_offsets=[day]) as stand:
        connections = [
            AppClient([url], stand.keys.default).add_connection("Local Company", "a@example.com")
            for url in stand.site_urls
        ]

    ahead, right = (connection.created_at for connection in connections)
    assert timedelta(seconds=day - 60) < ahead - right < timedelta(seconds=day + 60)


def test_a_service_that_dies_is_an_error_that_names_it_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONSTANT_CONTACT_API_URL", "http://127.0.0.1:9/v3")
    monkeypatch.setenv("REFRESH_SCHEDULE", "0 0 4 * * *")
    before = children()

    with Stand(settings={"REFRESH_SCHEDULE": "0 0 5 * * *", "SNAPSHOT_QUIET_SECONDS": "1"}) as stand:
        assert stand.settings["CONSTANT_CONTACT_API_URL"] == "http://127.0.0.1:9/v3"
        assert stand.settings["REFRESH_SCHEDULE"] == "0 0 4 * * *"
        assert stand.settings["SNAPSHOT_QUIET_SECONDS"] == "1"
        (simulator,) = [psutil.Process(pid) for pid in children() - before if "local.constant_contact" in _command(pid)]
        simulator.kill()
        simulator.wait()

        with pytest.raises(ProcessError, match="Constant Contact simulator ended"):
            eventually(stand.check)

    assert children() == before
    assert not stand.folder.exists()


def _command(pid: int) -> str:
    return " ".join(psutil.Process(pid).cmdline())


def test_an_app_that_does_not_start_is_an_error_with_its_reason_and_nothing_is_left() -> None:
    before = children()

    with pytest.raises(ProcessError, match=r"(?s)host-1 ended.*AzureFunctionsWebHost__hostid"):
        Stand(settings={"AzureFunctionsWebHost__hostid": "Not allowed"}).__enter__()

    assert children() == before


@pytest.mark.parametrize("name", ["AzureWebJobsStorage", "SNAPSHOT_STORAGE", "UNCLEAR_UPLOAD_SECONDS"])
def test_a_wrong_setting_is_named_in_one_line_without_its_value_and_nothing_is_left(name: str) -> None:
    before = children()

    with pytest.raises(ProcessError, match=rf"\AThe app setting {name} is wrong: [^\n]+\Z") as refused:
        Stand(settings={name: "soon"}).__enter__()

    assert "soon" not in str(refused.value)
    assert children() == before


def test_a_wrong_setting_that_only_the_environment_has_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_MAX_LENGTH", "3")

    with pytest.raises(ProcessError, match="The app setting EMAIL_MAX_LENGTH is wrong"):
        Stand().__enter__()


def test_a_port_that_is_in_use_is_named_before_anything_starts(stand: Stand) -> None:
    port = stand.hosts[0].port
    stand.hosts[0].wait_until_listening()

    with pytest.raises(ProcessError, match=f"Port {port} is in use"):
        Stand(port=port, simulator_port=free_ports(1)[0]).__enter__()
