"""The first calls that the page of the API shows, typed as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import dev
from local.samples import write_samples
from local.snapshot_folder import upload
from local.stand import Stand

PAGE = dev.ROOT / "docs" / "api.md"
needs_shell = pytest.mark.skipif(os.name == "nt" or not shutil.which("curl"), reason="for a shell with curl")


def typed(lines: str, **values: str) -> list[dict[str, object]]:
    """What each call of these lines answers, with the values in place of the `…`."""
    for name, value in values.items():
        lines = lines.replace(f"{name}=…", f"{name}='{value}'")
    # An answer ends without a line end.
    script = lines.replace("curl ", "curl --silent --show-error --fail-with-body --write-out '\\n' ")
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line]


@needs_shell
@pytest.mark.slow
def test_the_calls_of_the_page_make_an_export_run_it_and_show_the_run(tmp_path: Path) -> None:
    [block] = re.findall(r"^```\n(API=…\n.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    first, second = block.split("\n\n")
    write_samples(tmp_path, 50)
    with Stand() as stand:
        upload(tmp_path, stand.snapshots)
        connection = stand.connect("Shop")
        given = {"API": f"{stand.site_url}/api", "KEY": stand.keys.default}

        before, made = typed(first, CONNECTION=connection.id, LIST=stand.account.list_id, **given)
        started, runs = typed("\n".join([*first.splitlines()[:2], second]), EXPORT=str(made["id"]), **given)

    assert before["exports"] == []
    assert made["name"] == "Loyal customers"
    assert isinstance(runs["runs"], list)
    assert [run["run_id"] for run in runs["runs"]] == [started["run_id"]]
