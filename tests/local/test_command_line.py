"""The command line of `up`: what it refuses, and what its help says."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.command_line import UsageError, parse
from local.processes import free_ports


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profiles", "0"], "--profiles 0: must be at least 1"),
        (["--instances", "-1"], "--instances -1: must be at least 1"),
        (["--snapshots", "missing-folder"], "there is no such folder"),
        (["--snapshots", "{empty}"], "there are no files in it"),
        (["--snapshots", "{empty}", "--profiles", "5"], "cannot go with --snapshots"),
        (["--fault", "earthquake"], "There is no fault 'earthquake'; choose one of: throttled"),
        (["--fault", "throttled:often"], "'often' is no number of times"),
        (["--fault", "poison-contact"], "needs a part of an e-mail address too"),
        (["--port", "70000"], "must be from 1 to 65535"),
        (["--port", "5000", "--simulator-port", "5000"], "are both 5000"),
        (["--report", "missing-folder/report.json"], "a file cannot be written there"),
        (["--telemetry", "missing-folder/telemetry"], "a folder cannot be made there"),
        (["--trigger", "moon"], "invalid choice: 'moon'"),
        (["--segments", "LoyaltyMembers,NoSuch"], "no segment NoSuch; found: NewsletterSubscribers, LoyaltyMembers"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_wrong_usage_is_one_clear_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        parse([argument.format(empty=tmp_path) for argument in arguments])

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_port_in_use_is_refused(azurite_port: int) -> None:
    with pytest.raises(UsageError, match=f"--simulator-port {azurite_port}: the port is in use"):
        parse(["--port", str(free_ports(1)[0]), "--simulator-port", str(azurite_port)])


@pytest.fixture
def azurite_port(request: pytest.FixtureRequest) -> int:
    return int(request.getfixturevalue("azurite").blob_port)


def test_the_help_fits_80_columns_and_names_the_exit_codes_and_the_faults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])

    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    for line in ("  0    the run was successful", "  1    ", "  2    wrong usage", "  130  interrupted", "00:00 UTC"):
        assert line in " ".join(said.split()) or line in said
    assert "cut-after" in said


def test_an_unknown_fault_is_answered_with_those_that_can_be_given() -> None:
    with pytest.raises(UsageError) as refused:
        parse(["--fault", "earthquake"])

    assert "cut-after" in str(refused.value)
    assert "poison-contact" not in str(refused.value)


def test_the_help_offers_nothing_that_needs_more_than_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])

    said = capsys.readouterr().out
    assert [word for word in ("poison-contact", "delay_seconds", "match") if word in said] == []
