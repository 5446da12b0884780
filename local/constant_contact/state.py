"""Everything the simulator knows, in memory and behind one lock."""

import threading

from local.constant_contact import errors
from local.constant_contact.accounts import Account, ContactList, Role, User
from local.constant_contact.activities import Activity, ActivityQueue, Job, Outcome
from local.constant_contact.call_statistics import CallStatistics
from local.constant_contact.clock import Clock
from local.constant_contact.configuration import Configuration
from local.constant_contact.faults import Faults
from local.constant_contact.limits import CallLimits
from local.constant_contact.oauth.grants import LOOPBACK_REDIRECTS, App, Grants

LOCAL_APP = App("local-client", "local-secret", LOOPBACK_REDIRECTS, "rotating")
LOCAL_ACCOUNT_ID = "a07e1local"
LOCAL_LIST_ID = "5f2c8a10-56dd-11e9-932a-fa163ea075fa"
LOCAL_OWNER = User("local-owner", LOCAL_ACCOUNT_ID, "owner@example.com", Role.ACCOUNT_OWNER)
LOCAL_CAMPAIGN_CREATOR = User("local-creator", LOCAL_ACCOUNT_ID, "creator@example.com", Role.CAMPAIGN_CREATOR)


class State:
    """The simulated service. Hold `lock` while reading or changing accounts, grants, faults or counters."""

    def __init__(self, configuration: Configuration | None = None) -> None:
        self.configuration = configuration or Configuration()
        self.clock = Clock()
        self.lock = threading.RLock()
        self.faults = Faults()
        self.statistics = CallStatistics()
        self.limits = CallLimits(self.configuration, self.clock)
        self.queue = ActivityQueue(self.configuration, self.clock)
        self.accounts: dict[str, Account] = {}
        self.users: dict[str, User] = {}
        self.grants = Grants(self.clock, self.configuration.access_token_seconds)
        self._add_local_defaults()

    def advance_clock(self, seconds: float) -> None:
        """Move the simulated time forward."""
        with self.lock:
            self.clock.advance(seconds)
        self.queue.clock_advanced()

    def submit(
        self, account: Account, kind: str, job: Job, *, counters: tuple[str, ...], source_file_name: str | None = None
    ) -> Activity:
        """Queue a job for the account, or raise ApiError 429 when too many are queued."""
        if account.queued_activities() >= self.configuration.queued_activities:
            raise errors.queue_full(self.configuration.queue_full_body)

        def ended(activity: Activity, outcome: Outcome) -> None:
            with self.lock:
                if outcome.exported_file is not None:
                    activity.file_export_id = activity.activity_id
                    account.exported_files[activity.activity_id] = outcome.exported_file
                activity.completed_at = self.clock.now()
                activity.outcome = outcome

        activity = self.queue.submit(
            account.account_id, kind, job, ended, counters=counters, source_file_name=source_file_name
        )
        account.activities[activity.activity_id] = activity
        return activity

    def _add_local_defaults(self) -> None:
        account = Account(LOCAL_ACCOUNT_ID, "Local Company", LOCAL_OWNER.email)
        account.add_list(ContactList("Newsletter", self.clock.now(), list_id=LOCAL_LIST_ID))
        self.accounts[account.account_id] = account
        for user in (LOCAL_OWNER, LOCAL_CAMPAIGN_CREATOR):
            self.users[user.user_id] = user
        self.grants.register(LOCAL_APP)
