"""The lines that a host writes of itself: whole ones, by several threads, added to what is there."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.host.telemetry import _Lines
from tests.telemetry.seen import read

# A process has one set of providers for good, so each of these has a process of its own.
_PROGRAM = """
import logging, sys
from pathlib import Path
from local.host.telemetry import Telemetry
from opentelemetry import metrics, trace
logging.getLogger().setLevel(logging.INFO)
host = Telemetry(Path(sys.argv[1]), "host-7")
with host.tracer.start_as_current_span("sweep"), trace.get_tracer("app").start_as_current_span("work"):
    metrics.get_meter("app").create_counter("things").add(3, {"kind": "one"})
    logging.getLogger("exporters.steps").warning("of the app", extra={"run_id": "r"})
    logging.getLogger("local.host").warning("of the host")
host.close()
"""


def told(file: Path, **environment: str) -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM, str(file)], check=True, timeout=60, env=environment)


def test_what_host_and_app_tell_is_in_one_file_and_one_trace(tmp_path: Path) -> None:
    told(tmp_path / "new" / "host-7.jsonl")
    seen = read([tmp_path / "new" / "host-7.jsonl"])
    work, sweep = sorted(seen.spans, key=lambda span: span.service, reverse=True)
    assert (sweep.name, sweep.service, sweep.instance, sweep.parent) == ("sweep", "functions-host", "host-7", "")
    assert (work.name, work.service, work.parent) == ("work", "segment-exports", sweep.id)
    assert seen.points == [("things", {"kind": "one"}, 3.0)]
    assert [(one.text, one.attributes, one.trace) for one in seen.records] == [
        ("of the app", {"run_id": "r"}, work.trace)
    ]


def test_a_host_that_is_started_again_adds_to_its_file(tmp_path: Path) -> None:
    for _ in range(2):
        told(tmp_path / "host-7.jsonl")
    assert len(read([tmp_path / "host-7.jsonl"]).points) == 2


def test_where_azure_monitor_is_set_up_the_app_is_left_to_it(tmp_path: Path) -> None:
    told(tmp_path / "host-7.jsonl", PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY="true")
    seen = read([tmp_path / "host-7.jsonl"])
    assert [span.name for span in seen.spans] == ["sweep"]
    assert (seen.points, seen.records) == ([], [])


def test_lines_of_several_threads_do_not_cut_each_other(tmp_path: Path) -> None:
    lines = _Lines(tmp_path / "lines")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: lines.write(json.dumps([number] * 20_000) + "\n"), range(40)))
    lines.close()
    written = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    assert sorted(one[0] for one in written) == list(range(40))
