"""A host whose clock is wrong: the time of day is shifted, waits and network calls are not."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from local.azurite import Azurite
from tests.local.host.running import APPS, running_host

HOUR = 3600


@pytest.mark.parametrize("offset", [HOUR, -HOUR])
def test_the_app_and_the_timers_see_the_shifted_time_and_seconds_stay_seconds(
    azurite: Azurite, tmp_path: Path, offset: int
) -> None:
    settings = {"DAILY": "0 0 3 * * *"}
    options = (f"--clock-offset={offset}",)
    with running_host(APPS / "timers", tmp_path / "host.log", azurite.connection_string, settings, options) as host:
        # Its timer fires every second, by the wall clock; the slow function sleeps by the monotonic one.
        host.wait_for(r"(?s)slower starts.*slower ends")
        seen = int(host.wait_for(r"every_second at=(\d+)")[1])
        moments = [int(moment) for moment in re.findall(r"every_second at=(\d+)", host.text)]

    assert abs(seen - time.time() - offset) < 30
    assert moments == sorted(moments)
    assert moments[-1] - moments[0] < 30


def test_the_library_that_shifts_it_is_not_loaded_without_need() -> None:
    text = (Path(__file__).parents[3] / "local" / "host" / "clock.py").read_text(encoding="utf-8")

    assert not re.search(r"^import time_machine", text, re.MULTILINE)
