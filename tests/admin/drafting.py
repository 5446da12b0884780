"""What a person does on the way to a connection, in a few words; and what is left of it in the vault and the log."""

from __future__ import annotations

from azure.keyvault.secrets import SecretClient

from admin import connecting
from admin.connecting import Draft, SignInStart
from shared.models import Connection, Sharing
from shared.people import Person
from shared.storage import identity
from tests.exporters.browser import OWNER, answer_at_constant_contact
from tests.exporters.world import World

ADA = Person(id="ada", name="Ada Administrator", role="Administrator")
BO = Person(id="bo", name="Bo Administrator", role="Administrator")
SHARED: Sharing = "administrators_and_contributors"


def begin(world: World, person: Person = ADA, **entered: object) -> SignInStart:
    form = {"display_name": "Shop", "sharing": "administrators", "consent": True, **entered}
    return connecting.begin(world.services, person, **form)  # type: ignore[arg-type]


def come_back(world: World, start: SignInStart, person: Person = ADA, **answered: str) -> Draft:
    came = answer_at_constant_contact(start.address, **answered)
    return connecting.come_back(
        world.services,
        person,
        state=came["state"],
        cookie_state=start.state,
        code=came.get("code"),
        error=came.get("error"),
    )


def ready(world: World, person: Person = ADA) -> Draft:
    """A draft that only waits for Save."""
    draft = come_back(world, begin(world, person), person)
    return connecting.add_export_user(world.services, person, draft.id)


def ready_again(world: World, connection: Connection, person: Person = ADA, user: str = OWNER) -> Draft:
    draft = come_back(world, connecting.begin_again(world.services, person, connection.id), person, user=user)
    return connecting.add_export_user(world.services, person, draft.id)


def save(world: World, draft: Draft, person: Person = ADA, **entered: object) -> Connection:
    form = {"display_name": "Shop", "sharing": "administrators", "consent": True, **entered}
    return connecting.save(world.services, person, draft.id, **form)  # type: ignore[arg-type]


def secrets_of(world: World, *ids: str) -> list[str]:
    """The names of the secrets, live and deleted, that have to do with one of these ids."""
    with SecretClient(world.settings.key_vault_url, identity()) as vault:
        names = [one.name or "" for one in vault.list_properties_of_secrets()]
        names += [one.name or "" for one in vault.list_deleted_secrets()]
    return [name for name in names if any(one in name for one in ids)]


def actions(world: World) -> list[tuple[str, str]]:
    return [(one.action, one.by) for one in world.told()]
