"""The workflows: what they may do, what they run, and that nothing is missing on the way to Azure."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import dev
from tests.project.workflows import CI, DEPLOY, findings

PARTS = (".github", "azure.yaml", "infra/main.parameters.json")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that the checks read, to be spoiled."""
    for part in PARTS:
        source, target = dev.ROOT / part, tmp_path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    return tmp_path


def test_the_workflows_are_valid_safe_and_complete() -> None:
    assert findings(dev.ROOT) == []


@pytest.mark.parametrize(
    ("file", "good", "bad", "found"),
    [
        (CI, "timeout-minutes: 60", "timeout: 60", "timeout"),
        (CI, "de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2", "v6", "not pinned"),
        (CI, "permissions: {}", "permissions: write-all", "rights"),
        (CI, "contents: read", "contents: write", "rights"),
        (CI, "persist-credentials: false", "persist-credentials: true", "artipacked"),
        (CI, "run: .ci/run", 'run: echo "${{ github.head_ref }}"', "template-injection"),
        (CI, "run: .ci/run", "run: python3 dev.py test", ".ci/run"),
        (CI, '"3.12", ', "", "Pythons"),
        (CI, "dev.py sbom", "dev.py bill", "no command"),
        (DEPLOY, "needs: check", "needs: []", "not checked"),
        (DEPLOY, "branches: [main]", "branches: [main]\n  pull_request:", "pull requests"),
        (DEPLOY, "vars.ENTRA_CLIENT_ID", "secrets.ENTRA_CLIENT_ID", "stored secret"),
        (DEPLOY, "      ALERT_EMAIL: ${{ vars.ALERT_EMAIL }}\n", "", "ALERT_EMAIL"),
        ("azure.yaml", "    - ALERT_EMAIL\n", "", "does not copy ['ALERT_EMAIL']"),
        ("azure.yaml", "    - NOTIFICATION_WEB_ADDRESS\n", "", "does not copy ['NOTIFICATION_WEB_ADDRESS']"),
        ("azure.yaml", "    - NOTIFICATION_WEB_ADDRESS", "    - CONSTANT_CONTACT_CLIENT_SECRET", "copies the secrets"),
        (DEPLOY, "env:", "env:\n      CLIENT_SECRET: ${{ secrets.CLIENT_SECRET }}", "stored secret"),
        (".github/dependabot.yml", "interval: weekly", "interval: hourly", "dependabot"),
        (".github/dependabot.yml", "cooldown: { default-days: 7 }", "", "dependabot-cooldown"),
        (".github/ISSUE_TEMPLATE/problem.yml", "type: textarea", "type: text", "issue-forms"),
    ],
)
def test_a_workflow_that_was_spoiled_is_found(copy: Path, file: str, good: str, bad: str, found: str) -> None:
    text = (copy / file).read_text(encoding="utf-8")
    assert good in text
    (copy / file).write_text(text.replace(good, bad), encoding="utf-8")

    assert found in "\n".join(findings(copy))
