"""What the public documents leave open, or what a test wants smaller or slower."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """How the simulator behaves where the real service is undocumented, contradictory or merely slower.

    The defaults are the strictest reading of the documents; the limits have their documented values.
    """

    # Limits of the API key and of the account. Technology partners may have more.
    requests_per_second: int = 4
    requests_per_day: int = 10_000
    queued_activities: int = 1_000

    # Tokens: access tokens live for a day; a test wants them refreshed more often.
    access_token_seconds: int = 86_400

    # Speed of the asynchronous jobs: nothing is published.
    rows_per_second: float = 100_000.0
    minimum_activity_seconds: float = 0.3
    activities_in_parallel: bool = False

    # Imports: the specification says 50 characters for the import and 80 for the contact; 25 custom fields or 50.
    email_max_length: int = 80
    custom_fields_per_contact: int = 25
    duplicate_row_that_wins: Literal["first", "last"] = "first"
    listed_activity_errors: int = 20
    unknown_list_status: Literal[400, 404] = 404
    unknown_headings: Literal["refuse", "ignore"] = "refuse"

    # Answers whose form is unknown.
    contact_lists_max_limit: Literal[500, 1000] = 1000
    membership_count_lag_seconds: float = 0.0
    queue_full_body: Literal["object", "empty"] = "object"
    token_error_form: Literal["oauth", "okta"] = "oauth"
    retry_after_seconds: int | None = None
