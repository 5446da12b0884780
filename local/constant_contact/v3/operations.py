"""Every operation of the V3 API with its scope and privilege: the table of what the simulator can do."""

from local.constant_contact.accounts import Privilege
from local.constant_contact.v3 import account, activities, contacts, custom_fields, exports, imports, lists
from local.constant_contact.v3.gateway import Operation

_CONTACT_DATA, _ACCOUNT_READ = "contact_data", "account_read"
_READ, _WRITE, _READ_LISTS = Privilege.CONTACTS_READ, Privilege.CONTACTS_WRITE, Privilege.LISTS_READ

OPERATIONS = (
    Operation("GET", "/v3/account/summary", account.summary, _ACCOUNT_READ, None),
    Operation("GET", "/v3/account/user/privileges", account.privileges, None, None),
    Operation("GET", "/v3/contact_lists", lists.all_lists, _CONTACT_DATA, _READ_LISTS),
    Operation("POST", "/v3/contact_lists", lists.new_list, _CONTACT_DATA, _WRITE),
    Operation("GET", "/v3/contact_lists/{list_id}", lists.one_list, _CONTACT_DATA, _READ_LISTS),
    Operation("GET", "/v3/contact_custom_fields", custom_fields.all_custom_fields, _CONTACT_DATA, _READ),
    Operation("POST", "/v3/contact_custom_fields", custom_fields.new_custom_field, _CONTACT_DATA, _WRITE),
    Operation("GET", "/v3/contacts", contacts.all_contacts, _CONTACT_DATA, _READ),
    Operation("GET", "/v3/activities", activities.all_activities, _CONTACT_DATA, _WRITE),
    Operation("GET", "/v3/activities/{activity_id}", activities.one_activity, _CONTACT_DATA, _WRITE),
    Operation("POST", "/v3/activities/contacts_file_import", imports.file_import, _CONTACT_DATA, _WRITE),
    Operation("POST", "/v3/activities/contacts_json_import", imports.json_import, _CONTACT_DATA, _WRITE),
    Operation("POST", "/v3/activities/contact_exports", exports.new_export, _CONTACT_DATA, _WRITE),
    Operation("GET", "/v3/contact_exports/{file_export_id}", exports.exported_file, _CONTACT_DATA, _WRITE),
)
