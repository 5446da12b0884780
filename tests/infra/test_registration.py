"""What `azd up` does in Entra: the registration that people sign in with, its approval, its first administrator."""

from __future__ import annotations

import json
import os

import pytest

from tests.infra.bicep import INFRA
from tests.infra.cloud import KILLED, SUBSCRIPTION, Cloud

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands that stand for az and azd are scripts for POSIX")

IDENTITY = "11111111-2222-3333-4444-555555555555"
CLIENT = "99999999-8888-7777-6666-555555555555"
MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"
GRAPH = "https://graph.microsoft.com/v1.0"
APPROVE = f"az rest --method POST --uri {GRAPH}/oauth2PermissionGrants"
GIVE = f"az rest --method POST --uri {GRAPH}/servicePrincipals/enterprise/appRoleAssignedTo"
NOT_THERE_YET = Exception("Resource 'enterprise' does not exist or one of its queried objects are not present.")
NOT_ALLOWED = Exception("Insufficient privileges to complete the operation.")
# What azd knows when everything is made.
MADE = {
    "ENTRA_CLIENT_ID": CLIENT,
    "APP_SIGN_IN_CLIENT_ID": CLIENT,
    "APP_ADDRESS": "https://func-abc.azurewebsites.net",
    "APP_IDENTITY_PRINCIPAL_ID": IDENTITY,
}
# How long to try and to pause: no test waits.
AT_ONCE = ("60", "0")

# --- The tenant -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", ["register_app", "trust_app"])
def test_nothing_is_changed_in_the_entra_of_another_tenant(cloud: Cloud, hook: str) -> None:
    cloud.environment = {"AZURE_ENV_NAME": "prod"} if hook == "register_app" else dict(MADE)
    cloud.answers_to("az account show", {"tenantId": "chosen"})
    cloud.answers_to(f"az account show --subscription {SUBSCRIPTION}", {"tenantId": "ours"})
    done = cloud.run(hook)
    assert done.returncode == 1
    assert "of the tenant chosen is chosen; the environment's is in the tenant ours." in done.stderr
    assert f"az account set --subscription {SUBSCRIPTION}" in done.stderr
    assert [one[1] for one in cloud.calls()] == ["account", "account"]


# --- The registration -------------------------------------------------------------------------------------------------


@pytest.fixture
def entra(cloud: Cloud) -> Cloud:
    """A directory that lets one do everything and has no registration yet."""
    cloud.environment = {"AZURE_ENV_NAME": "prod"}
    cloud.answers_to("az ad app list", [{"appId": "other", "displayName": "Segment exports (prod2)"}])
    cloud.answers_to("az ad app create", {"appId": CLIENT})
    cloud.answers_to("az ad sp show", Exception("not found"))
    cloud.answers_to(f"az ad sp show --id {MICROSOFT_GRAPH}", {"id": "graph"})
    cloud.answers_to("az ad sp create", {"id": "enterprise"})
    cloud.answers_to("az account show", {"tenantId": "tenant"})
    cloud.answers_to("az ad signed-in-user show", {"id": "me"})
    return cloud


def test_a_registration_of_ones_own_is_left_alone(entra: Cloud) -> None:
    entra.environment["ENTRA_CLIENT_ID"] = CLIENT
    assert entra.run("register_app").returncode == 0
    assert entra.calls() == []


def test_the_app_is_registered_with_its_roles_and_only_people_with_a_role_get_in(entra: Cloud) -> None:
    done = entra.run("register_app")
    assert (done.returncode, done.stderr) == (0, "")
    assert entra.kept() == {"ENTRA_CLIENT_ID": CLIENT}
    (create,) = entra.calls("az ad app create")
    roles = json.loads((INFRA / "app-roles.json").read_text(encoding="utf-8"))
    assert create[3:7] == ["create", "--display-name", "Segment exports (prod)", "--sign-in-audience"]
    assert json.loads(create[create.index("--app-roles") + 1]) == roles
    assert entra.calls("az ad sp update")[0][-1] == "appRoleAssignmentRequired=true"
    (give,) = entra.calls(GIVE)
    administrator = next(one["id"] for one in roles if one["value"] == "Administrator")
    assert json.loads(give[-1]) == {"principalId": "me", "resourceId": "enterprise", "appRoleId": administrator}
    assert "You have its role Administrator" in done.stdout


def test_the_app_is_approved_for_everybody_with_what_signing_in_needs(entra: Cloud) -> None:
    entra.run("register_app")
    (approve,) = entra.calls(APPROVE)
    assert json.loads(approve[-1]) == {
        "clientId": "enterprise",
        "consentType": "AllPrincipals",
        "resourceId": "graph",
        "scope": "openid profile email",
    }


def test_the_registration_names_what_it_wants_to_be_approved(entra: Cloud) -> None:
    entra.run("register_app")
    (create,) = entra.calls("az ad app create")
    (wanted,) = json.loads(create[create.index("--required-resource-accesses") + 1])
    assert wanted["resourceAppId"] == MICROSOFT_GRAPH
    assert [one["type"] for one in wanted["resourceAccess"]] == ["Scope"] * 3


def test_an_app_that_is_approved_already_is_not_made_a_fuss_of(entra: Cloud) -> None:
    entra.answers_to(APPROVE, Exception("Permission entry already exists."))
    done = entra.run("register_app", *AT_ONCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "adminconsent" not in done.stdout


def test_somebody_who_may_not_approve_the_app_is_told_who_may_and_where(entra: Cloud) -> None:
    entra.answers_to(APPROVE, NOT_ALLOWED)
    done = entra.run("register_app", *AT_ONCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nobody can sign in before an administrator has approved the app" in done.stdout
    assert "Cloud Application Administrator" in done.stdout
    assert f"https://login.microsoftonline.com/tenant/adminconsent?client_id={CLIENT}" in done.stdout
    assert len(entra.calls(GIVE)) == 1
    assert entra.kept() == {"ENTRA_CLIENT_ID": CLIENT}


@pytest.mark.parametrize(
    ("command", "refusal", "answer"),
    [
        ("az ad sp create", "does not reference a valid application object", {"id": "enterprise"}),
        ("az ad sp update", "Resource 'enterprise' does not exist", None),
        (APPROVE, "Specified resourceId was not found", None),
        (GIVE, "Permission being assigned was not found on application", None),
        (GIVE, "Not a valid reference update", None),
    ],
)
def test_what_entra_has_not_heard_of_everywhere_is_tried_again(
    entra: Cloud, command: str, refusal: str, answer: object
) -> None:
    entra.answers_to(command, Exception(refusal), Exception(refusal), answer)
    done = entra.run("register_app", *AT_ONCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(entra.calls(command)) == 3
    assert "You have its role Administrator" in done.stdout
    assert "adminconsent" not in done.stdout


def test_what_entra_refuses_for_good_is_not_tried_again(entra: Cloud) -> None:
    entra.answers_to("az ad sp create", NOT_ALLOWED)
    entra.run("register_app", *AT_ONCE)
    assert len(entra.calls("az ad sp create")) == 1


def test_an_entra_that_is_too_slow_is_no_want_of_rights(entra: Cloud) -> None:
    entra.answers_to("az ad sp create", NOT_THERE_YET)
    done = entra.run("register_app", "0")
    assert done.returncode == 1
    assert "Run `azd up` again" in done.stderr
    assert "somebody" not in done.stderr
    assert entra.kept() == {}


@pytest.mark.parametrize("command", ["az ad sp update", APPROVE, GIVE])
def test_a_registration_that_was_cut_short_is_finished_the_next_time(entra: Cloud, command: str) -> None:
    entra.answers_to(command, KILLED)
    assert entra.run("register_app").returncode < 0
    assert entra.kept() == {}
    entra.answers_to(command, None)
    entra.answers_to("az ad app list", [{"appId": CLIENT, "displayName": "Segment exports (prod)"}])
    done = entra.run("register_app")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(entra.calls(GIVE)[-1][-1])["principalId"] == "me"
    assert entra.kept() == {"ENTRA_CLIENT_ID": CLIENT}


def test_a_role_that_was_given_already_is_no_failure(entra: Cloud) -> None:
    entra.answers_to(GIVE, Exception("Permission being assigned already exists on the object"))
    done = entra.run("register_app", *AT_ONCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "You have its role Administrator" in done.stdout


def test_a_registration_that_an_earlier_try_left_behind_is_taken(entra: Cloud) -> None:
    entra.answers_to("az ad app list", [{"appId": CLIENT, "displayName": "Segment exports (prod)"}])
    entra.answers_to("az ad sp show", {"id": "enterprise"})
    assert entra.run("register_app").returncode == 0
    assert entra.calls("az ad app create") + entra.calls("az ad sp create") == []
    assert entra.kept() == {"ENTRA_CLIENT_ID": CLIENT}


def test_of_two_registrations_of_that_name_none_is_guessed(entra: Cloud) -> None:
    entra.answers_to("az ad app list", [{"appId": one, "displayName": "Segment exports (prod)"} for one in "ab"])
    done = entra.run("register_app")
    assert done.returncode == 1
    assert "There are 2 app registrations" in done.stderr


@pytest.mark.parametrize("refusal", [str(NOT_ALLOWED), "Authorization_RequestDenied"])
def test_somebody_who_may_not_register_apps_is_told_what_to_do(entra: Cloud, refusal: str) -> None:
    entra.answers_to("az ad app create", Exception(refusal))
    done = entra.run("register_app")
    assert done.returncode == 1
    assert "Have somebody register it who may" in done.stderr
    assert "azd env set ENTRA_CLIENT_ID" in done.stderr
    assert refusal in done.stderr
    assert entra.kept() == {}


def test_where_the_first_administrator_cannot_be_made_it_says_how(entra: Cloud) -> None:
    entra.answers_to(GIVE, Exception("Forbidden"))
    done = entra.run("register_app")
    assert done.returncode == 0
    assert "Nobody can sign in yet. Give people a role: Entra > Enterprise applications" in done.stdout


# --- The app's address and identity -----------------------------------------------------------------------------------


@pytest.fixture
def made(cloud: Cloud) -> Cloud:
    """A registration, and an app that it does not know yet."""
    cloud.environment = dict(MADE)
    cloud.answers_to("az ad app show", {"web": {"redirectUris": ["https://old.example.com/.auth/login/aad/callback"]}})
    cloud.answers_to("az account show", {"tenantId": "tenant"})
    cloud.answers_to("az ad app federated-credential list", [])
    return cloud


def test_the_registration_learns_the_address_and_trusts_the_identity(made: Cloud) -> None:
    made.environment["SITE_URL"] = "https://exports.example.com/"
    done = made.run("trust_app")
    assert (done.returncode, done.stderr) == (0, "")
    (update,) = made.calls("az ad app update")
    assert update[update.index("--web-redirect-uris") + 1 :] == [
        "https://old.example.com/.auth/login/aad/callback",
        "https://func-abc.azurewebsites.net/.auth/login/aad/callback",
        "https://exports.example.com/.auth/login/aad/callback",
    ]
    assert update[update.index("--enable-id-token-issuance") + 1] == "true"
    (create,) = made.calls("az ad app federated-credential create")
    assert json.loads(create[-1]) == {
        "name": "segment-exports",
        "issuer": "https://login.microsoftonline.com/tenant/v2.0",
        "subject": IDENTITY,
        "audiences": ["api://AzureADTokenExchange"],
    }
    assert "https://exports.example.com/connections/callback" in done.stdout


def test_what_was_done_is_not_done_again(made: Cloud) -> None:
    made.run("trust_app")
    made.environment |= made.kept()
    before = len(made.calls())
    assert made.run("trust_app").returncode == 0
    assert len(made.calls()) == before


def test_a_registration_that_is_as_it_should_be_is_only_looked_at(made: Cloud) -> None:
    callback = "https://func-abc.azurewebsites.net/.auth/login/aad/callback"
    web = {"redirectUris": [callback], "implicitGrantSettings": {"enableIdTokenIssuance": True}}
    made.answers_to("az ad app show", {"web": web})
    issuer = "https://login.microsoftonline.com/tenant/v2.0"
    made.answers_to("az ad app federated-credential list", [{"name": "x", "issuer": issuer, "subject": IDENTITY}])
    for change in ("az ad app update", "az ad app federated-credential create"):
        made.answers_to(change, Exception("Insufficient privileges"))
    assert made.run("trust_app").returncode == 0
    assert made.calls("az ad app update") == []


def test_an_identity_that_was_made_anew_takes_the_place_of_the_old_one(made: Cloud) -> None:
    issuer = "https://login.microsoftonline.com/tenant/v2.0"
    old = {"name": "segment-exports", "issuer": issuer, "subject": "gone"}
    made.answers_to("az ad app federated-credential list", [old])
    assert made.run("trust_app").returncode == 0
    assert len(made.calls("az ad app federated-credential update")) == 1
    assert made.calls("az ad app federated-credential create") == []


def test_an_identity_that_is_trusted_already_stays(made: Cloud) -> None:
    issuer = "https://login.microsoftonline.com/tenant/v2.0"
    made.answers_to("az ad app federated-credential list", [{"name": "mine", "issuer": issuer, "subject": IDENTITY}])
    assert made.run("trust_app").returncode == 0
    assert [one[4] for one in made.calls("az ad app federated-credential")] == ["list"]


@pytest.mark.parametrize("made_for", ["", "another"])
def test_an_app_that_was_made_for_another_registration_is_made_again(made: Cloud, made_for: str) -> None:
    made.environment["APP_SIGN_IN_CLIENT_ID"] = made_for
    done = made.run("trust_app")
    assert done.returncode == 1
    assert "The app was made for another registration than ENTRA_CLIENT_ID. Run: azd provision" in done.stderr
    assert made.calls() == []


def test_somebody_who_may_not_change_the_registration_is_told_what_to_do(made: Cloud) -> None:
    made.answers_to("az ad app show", Exception("Insufficient privileges"))
    done = made.run("trust_app")
    assert done.returncode == 1
    assert "An owner of it has to run this" in done.stderr
    assert "azd hooks run postprovision" in done.stderr
    assert made.kept() == {}
