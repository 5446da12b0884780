from tests.local.constant_contact.client import Client

FIELDS = "/v3/contact_custom_fields"


def test_a_custom_field_is_named_after_its_label(client: Client) -> None:
    created = client.post(FIELDS, {"label": "Member level", "type": "string"})
    assert created.status_code == 201
    assert created.json()["name"] == "Member_level"
    assert client.get(FIELDS).json() == {"custom_fields": [created.json()]}


def test_a_name_that_is_taken_is_answered_409(client: Client) -> None:
    client.post(FIELDS, {"label": "Member level", "type": "string"})
    again = client.post(FIELDS, {"label": "member_level", "type": "date"})
    assert (again.status_code, again.json()[0]["error_key"]) == (409, "contacts.api.conflict")


def test_an_unknown_type_or_a_long_label_is_answered_400(client: Client) -> None:
    for body in ({"label": "Level", "type": "magic"}, {"label": "x" * 51, "type": "string"}):
        assert client.post(FIELDS, body).status_code == 400


def test_fields_come_in_pages_of_at_most_100_and_there_are_at_most_100(client: Client) -> None:
    for number in range(100):
        assert client.post(FIELDS, {"label": f"f{number}", "type": "string"}).status_code == 201
    assert client.post(FIELDS, {"label": "one more", "type": "string"}).status_code == 400
    first = client.get(FIELDS, limit=60).json()
    second = client.get(first["_links"]["next"]["href"]).json()
    assert (len(first["custom_fields"]), len(second["custom_fields"])) == (60, 40)
    assert "_links" not in second
    assert client.get(FIELDS, limit=101).status_code == 400
