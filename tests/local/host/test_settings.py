"""Settings of the app, of host.json and of connections."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from local.host.errors import SettingMissing
from local.host.settings import host_id, read_host_json
from local.host.storage import blob_service, connection_name, queue_service
from local.host.timespans import parse_timespan

BLOBS, QUEUES = "https://account.blob.core.windows.net", "https://account.queue.core.windows.net"


def host_json(folder: Path, text: str) -> Path:
    (folder / "host.json").write_text(text)
    return folder


def test_host_json_gives_the_limits_and_the_defaults_of_azure_for_the_rest(tmp_path: Path) -> None:
    given = {"version": "2.0", "extensions": {"queues": {"visibilityTimeout": "00:00:30", "batchSize": 4}}}
    extensions = read_host_json(host_json(tmp_path, json.dumps(given))).extensions

    assert (extensions.queues.batch_size, extensions.queues.visibility_timeout) == (4, timedelta(seconds=30))
    assert (extensions.queues.max_dequeue_count, extensions.queues.max_polling_interval) == (5, timedelta(minutes=1))
    assert (extensions.http.route_prefix, extensions.blobs.poison_blob_threshold) == ("api", 5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"extensions": {"queues": {"batchSize": 33}}}', "extensions.queues.batchSize"),
        ('{"extensions": {"queues": {"maxPollingInterval": 5}}}', "extensions.queues.maxPollingInterval"),
        ("{", "file"),
    ],
)
def test_a_wrong_value_of_host_json_is_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SettingMissing, match=problem):
        read_host_json(host_json(tmp_path, text))


def test_a_folder_without_host_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingMissing, match="--app"):
        read_host_json(tmp_path)


def test_a_connection_is_a_setting_of_its_name_or_of_its_name_behind_azurewebjobs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AzureWebJobsSNAPSHOTS", "behind")
    assert connection_name("SNAPSHOTS") == "AzureWebJobsSNAPSHOTS"
    monkeypatch.setenv("SNAPSHOTS", "first")
    assert connection_name("SNAPSHOTS") == "SNAPSHOTS"


def test_a_connection_may_be_a_section_of_service_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECTION__blobServiceUri", BLOBS)
    monkeypatch.setenv("SECTION__queueServiceUri", QUEUES)

    assert blob_service("SECTION").url == f"{BLOBS}/"
    assert queue_service("SECTION").url == f"{QUEUES}/"


def test_a_connection_that_nobody_set_is_named() -> None:
    with pytest.raises(SettingMissing, match=r"There is no storage connection ELSEWHERE\. Set ELSEWHERE"):
        connection_name("ELSEWHERE")


def test_a_malformed_connection_string_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALFORMED", "AccountKey-c2VjcmV0")
    with pytest.raises(SettingMissing, match="MALFORMED is not a storage connection string") as raised:
        blob_service("MALFORMED")

    assert "c2VjcmV0" not in str(raised.value)


def test_the_host_id_is_the_setting_or_the_same_for_one_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AzureFunctionsWebHost__hostid", raising=False)
    derived = host_id(tmp_path)
    assert derived == host_id(tmp_path) != host_id(tmp_path / "other")
    assert len(derived) <= 32
    monkeypatch.setenv("AzureFunctionsWebHost__hostid", "chosen-1")
    assert host_id(tmp_path) == "chosen-1"


@pytest.mark.parametrize("wrong", ["Capital", "x" * 33, "two--dashes", ""])
def test_a_host_id_that_cannot_be_part_of_a_queue_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: str
) -> None:
    monkeypatch.setenv("AzureFunctionsWebHost__hostid", wrong)
    with pytest.raises(SettingMissing, match="AzureFunctionsWebHost__hostid"):
        host_id(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:02", timedelta(seconds=2)),
        ("1.02:03:04.5", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("10:30", timedelta(hours=10, minutes=30)),
        ("24:00:00", None),
        ("00:60:00", None),
        ("5", None),
    ],
)
def test_a_time_span_is_read_as_net_writes_it(text: str, expected: timedelta | None) -> None:
    assert parse_timespan(text) == expected
