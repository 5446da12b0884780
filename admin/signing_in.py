"""The way back from Constant Contact: of a code come tokens, which go to Key Vault, or a problem with its code."""

from __future__ import annotations

import logging
from datetime import datetime

from admin.letting_go import write_down
from exporters.constant_contact.sign_in import ACCOUNT_SCOPE, NEEDED_PRIVILEGE, NEEDED_SCOPE, SignInFailed
from exporters.services import Services
from shared.drafts import Draft
from shared.errors import NotFound, Wait
from shared.secrets import KeyVaultRefused

log = logging.getLogger(__name__)

PROBLEMS = (
    "refused",  # the user said no on Constant Contact's page
    "not_allowed",  # Constant Contact does not allow it to this user or this app (e.g. a private app of somebody else)
    "code_refused",  # the way back took more than five minutes, or its code was used already
    "app_refused",  # the app's client id or secret is wrong
    "no_answer",  # Constant Contact did not answer, or not as it should
    "busy",  # the app's request limits leave no room now
    "no_vault",  # Key Vault does not answer, so the tokens could not be kept
    "vault_refused",  # Key Vault does not let the app read its client secret or keep the tokens
    "tokens_gone",  # Key Vault has the tokens no more, or others, so they cannot be saved
    "scopes_refused",  # Constant Contact did not grant a scope that the app needs, or does not let it ask for one
    "no_offline_access",  # Constant Contact gave no refresh token: the connection would end within a day
    "no_contact_data",  # Constant Contact gave no access to contacts: every run would be refused
    "no_contacts_write",  # the user may not import contacts (needs contacts:write: account owner or account manager)
)
"""The codes in `Draft.problems`."""

# What Constant Contact's page may say in place of a code (RFC 6749, 4.1.2.1); anything else is `not_allowed`.
_PROBLEM_OF_ERROR = {
    "access_denied": "refused",
    "invalid_scope": "scopes_refused",
    "server_error": "no_answer",
    "temporarily_unavailable": "no_answer",
}


def problem_of(error: str | None) -> str:
    """The problem when Constant Contact's page sends the browser back without a code."""
    return _PROBLEM_OF_ERROR.get(error, "not_allowed") if error else "no_answer"


def signed_in(services: Services, draft: Draft, code: str, verifier: str, *, due: datetime) -> Draft:
    """The draft with the account and its tokens in Key Vault, or with the problem.

    Args:
        services: as ever.
        draft: whose sign-in it is; its secret is new.
        code: what Constant Contact gave the browser.
        verifier: the secret of this sign-in (PKCE).
        due: when the tokens are to be deleted, unless they are saved by then.
    """
    try:
        tokens = services.sign_in.exchange(code, verifier)
        if tokens.refresh_token is None:
            return draft.model_copy(update={"problems": ("no_offline_access",)})
        # The answer may leave the scopes out when they are those that were asked for (RFC 6749, 5.1).
        granted = set(tokens.scope.split())
        if granted and NEEDED_SCOPE not in granted:
            return draft.model_copy(update={"problems": ("no_contact_data",)})
        if granted and ACCOUNT_SCOPE not in granted:
            return draft.model_copy(update={"problems": ("scopes_refused",)})
        account = services.sign_in.account_of(tokens)
        draft = draft.model_copy(update={"account": account, "account_id_before": _account_before(services, draft)})
        if NEEDED_PRIVILEGE not in services.sign_in.privileges(tokens):
            return draft.model_copy(update={"problems": ("no_contacts_write",)})
        # Before the secret is there: should the process die now, the sweep deletes it.
        write_down(services, draft.saved_as, draft.secret_name, due)
        whose = tokens.model_copy(update={"account_id": account.id})
        services.secrets.set(draft.secret_name, whose.model_dump_json())
    except SignInFailed as failed:
        log.warning("the sign-in of draft %s did not go through: %s", draft.id, failed.problem)
        return draft.model_copy(update={"problems": (failed.problem,)})
    except Wait as wait:
        log.warning("the sign-in of draft %s did not go through: %s", draft.id, wait.code)
        return draft.model_copy(update={"problems": ("no_vault",)})
    except KeyVaultRefused as refused:
        log.error("the sign-in of draft %s did not go through: %s", draft.id, type(refused).__name__)
        return draft.model_copy(update={"problems": ("vault_refused",)})
    return draft.model_copy(update={"signed_in_at": services.now()})


def _account_before(services: Services, draft: Draft) -> str | None:
    """The id of the account that the connection has until this sign-in is saved; None when it has none."""
    if draft.connection_id is None:
        return None
    try:
        before = services.connections.get(draft.connection_id).account
    except NotFound:
        return None
    return before.id if before else None
