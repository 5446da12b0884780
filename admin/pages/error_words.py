"""The words for what cannot be shown or done: a headline and what to do. Each is a message to be translated."""

from __future__ import annotations

from collections.abc import Mapping

from admin.pages.words import message

ERRORS: Mapping[str, tuple[str, str]] = {
    "unreadable": (
        message("This cannot be read"),
        message("The address or the form has a value that no page of this site sends."),
    ),
    "signed_out": (
        message("Sign in to go on"),
        message("You sign in with your account at work. After that you come back to this page."),
    ),
    "not_allowed": (
        message("This page is not for your role"),
        message(
            "Ask whoever manages your company's Microsoft Entra ID to assign you the role, at the enterprise "
            "application of this site, under Users and groups. Then sign out and sign in again."
        ),
    ),
    "not_from_here": (
        message("This was refused"),
        message("It did not come from a page of this site, so nothing was done. Open the page again and do it there."),
    ),
    "not_there": (
        message("There is nothing at this address"),
        message("It may have been removed, or the address may be mistyped."),
    ),
    "conflict": (
        message("Somebody else was faster"),
        message("What you wanted to change has been changed meanwhile. Look at it again, then decide."),
    ),
    "deleted": (
        message("This has been deleted"),
        message(
            "Files that tell of persons are deleted when their retention time is over. The counts of the run stay."
        ),
    ),
    "changed": (
        message("It is no longer the version that you had read"),
        message("A program has to read it again, take over its ETag, and then decide whether its change still fits."),
    ),
    "no_version": (
        message("The version that is to be changed was not named"),
        message("A program has to send the ETag that it read in the header If-Match, so that no change is lost."),
    ),
    "too_large": (
        message("That is too much at once"),
        message("No form of this site is that large."),
    ),
    "no_form": (
        message("This form cannot be read"),
        message(
            "It was sent without saying that it is a form, so nothing was done. Open the page again and do it there."
        ),
    ),
    "invalid": (
        message("Something in it cannot be so"),
        message("The answer names each field and what is wrong with it. Nothing was saved and nothing was started."),
    ),
    "stale_sign_in": (
        message("This sign-in cannot be used"),
        message(
            "It was used already, was begun in another browser or by somebody else, or is too old. Nothing was "
            "changed. Go to the connections and begin again."
        ),
    ),
    "vault_refused": (
        message("Key Vault does not allow this to the app"),
        message(
            "Give the app the role Key Vault Secrets Officer on the vault, and see that the secret is neither disabled "
            "nor deleted. Then go back and try again; nothing is lost."
        ),
    ),
    "bad_answer": (
        message("Constant Contact did not do what this page needs"),
        message("Its own words stand in the answer. Try again; if it happens again, ask Constant Contact's support."),
    ),
    "unavailable": (
        message("A service does not answer"),
        message("Nothing is lost. Try again in a moment."),
    ),
    "unexpected": (
        message("This did not work"),
        message("Go back and try again. If it happens again, the log of the app says what went wrong."),
    ),
}
"""What an error page says, and the help page of each: its codes are those of `admin.problems.ABOUT` and a few more."""
