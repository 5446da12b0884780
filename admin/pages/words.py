"""The words for what the system names by codes. Each is a message: the templates show it in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping


def message(text: str) -> str:
    """The text itself; marks it as one that is to be translated."""
    return text


def plural_message(singular: str, plural: str) -> tuple[str, str]:
    """Both forms themselves; marks them as a text that is to be translated by its value `count`."""
    return singular, plural


SHARING: Mapping[str, str] = {
    "administrators": message("Administrators"),
    "administrators_and_contributors": message("Administrators and contributors"),
}

ROLES: Mapping[str, str] = {
    "Administrator": message("Administrator"),
    "Contributor": message("Contributor"),
    "Viewer": message("Viewer"),
}

STATES: Mapping[str, str] = {
    "connected": message("Connected"),
    "not_connected": message("Not connected"),
    "sign_in_again": message("Sign in again"),
    "removal_begun": message("Removal begun"),
}

STATE_KINDS: Mapping[str, str] = {
    "connected": "good",
    "not_connected": "quiet",
    "sign_in_again": "warn",
    "removal_begun": "warn",
}
STATE_ICONS: Mapping[str, str] = {
    "connected": "ok",
    "not_connected": "off",
    "sign_in_again": "warning",
    "removal_begun": "warning",
}

MISSING: Mapping[str, str] = {
    "display_name": message("a display name"),
    "consent": message("your agreement to data privacy and compliance"),
    "sign_in": message("a sign-in to Constant Contact"),
    "export_user": message("an export user"),
}
"""What *Save* still waits for, as it goes on a list under “Save needs”."""

PROBLEMS: Mapping[str, str] = {
    "refused": message("Access was not allowed on Constant Contact's page. Connect again and choose Allow there."),
    "not_allowed": message(
        "Constant Contact does not let this user use the app. If the app registration is private, connect as the user "
        "who made it; otherwise check its client id and redirect address."
    ),
    "code_refused": message("The way back from Constant Contact took too long. Connect again."),
    "app_refused": message(
        "Constant Contact does not accept the app itself. Check its client id in the app settings and its client "
        "secret in Key Vault, then connect again."
    ),
    "no_answer": message("Constant Contact did not answer. Wait a minute, then connect again."),
    "busy": message("The app has used up its requests to Constant Contact for the moment. Connect again later."),
    "no_vault": message("Key Vault did not answer, so the sign-in could not be kept. Connect again in a moment."),
    "vault_refused": message(
        "Key Vault does not let the app keep the sign-in. Give the app the role Key Vault Secrets Officer there, then "
        "connect again."
    ),
    "tokens_gone": message("Key Vault does not have this sign-in any more, so it cannot be saved. Connect again."),
    "scopes_refused": message(
        "Constant Contact did not grant what the app needs: contact_data, account_read and offline_access. Allow them "
        "in the app registration, then connect again."
    ),
    "no_offline_access": message(
        "Constant Contact gave access for one day only, without a refresh token (offline_access). Allow refresh "
        "tokens in the app registration, then connect again."
    ),
    "no_contact_data": message(
        "Constant Contact gave no access to contacts (contact_data). Allow it in the app registration, then connect "
        "again."
    ),
    "no_contacts_write": message(
        "The user who signed in may not import contacts. Connect again as the account owner or an account manager."
    ),
}
"""Why a sign-in cannot be used, and what to do."""

OTHER_PROBLEM = message("The sign-in to Constant Contact did not work. Connect again.")

DONE: Mapping[str, str] = {
    "added": message("The connection “%(name)s” was added. Exports can use it now."),
    "changed": message("The connection “%(name)s” was saved."),
    "signed in": message("The connection “%(name)s” is signed in. Exports can use it now."),
    "signed in again": message("The connection “%(name)s” is signed in again."),
    "removed": message("The connection “%(name)s” was removed, and its sign-in deleted."),
    "canceled": message("Nothing was saved, and nothing was kept of the sign-in."),
    "canceled, deleted later": message("Nothing was saved. What was kept of the sign-in is deleted within two hours."),
}
"""What has just happened, told on the page that follows."""

ACTIONS: Mapping[str, str] = {
    "added": message("Added"),
    "changed": message("Changed"),
    "signed in": message("Signed in"),
    "scheduled": message("Scheduled"),
    "attached": message("Attached"),
    "detached": message("Detached"),
    "removal begun": message("Removal begun"),
    "removal called off": message("Removal called off"),
    "removed": message("Removed"),
    "started": message("Started"),
    "canceled": message("Run canceled"),
}

SUBJECTS: Mapping[str, str] = {"connection": message("connection"), "export": message("export")}

FIELDS: Mapping[str, str] = {
    "display_name": message("Display name"),
    "sharing": message("Who can use it"),
    "account": message("Account"),
    "account_id": message("Account id"),
    "consent": message("Agreed to version"),
    "export_user": message("Export user"),
    "name": message("Name"),
    "connection": message("Connection"),
    "list_name": message("List"),
    "list_id": message("List id"),
    "segments": message("Segments"),
    "mapping": message("Mapping"),
    "reading": message("Reading of the files"),
    "schedule": message("Schedule"),
    "run": message("Run id"),
}
"""The fields that the audit names."""

FUNCTION_KEY_USED = message("Function key")
"""Who a program is that calls the API and is nobody besides."""

SCHEDULE_WORDS: Mapping[str, str] = {
    "every_refresh": message("With every refresh"),
    "off": message("Off"),
    "daily": message("Daily"),
    "weekly": message("Weekly"),
}
"""The words of a schedule as the audit keeps it (`Schedule.as_text`)."""

SIGN_IN_PROBLEMS: Mapping[str, str] = {
    "refused": message(
        "Constant Contact does not accept the sign-in any more: it was withdrawn, or not used for long."
    ),
    "no_refresh_token": message("Constant Contact has given no refresh token, so the sign-in could not be renewed."),
    "no_tokens": message("Key Vault does not have the sign-in any more."),
    "not_tokens": message("What Key Vault has in place of the sign-in cannot be read."),
    "other_account": message("The sign-in that Key Vault has belongs to another account."),
}
"""Why a connection has to be signed in to again."""
