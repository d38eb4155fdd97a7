"""Which fields of a person a database asks for."""

from odoo.exceptions import ValidationError

#: Fields that may be asked for besides the telephone, as the kernel names them, and
#: the contact's field that holds each.
REQUIRABLE = {
    "name": "name",
    "street": "street",
    "zip": "zip",
    "city": "city",
    "state": "state_id",
    "vat": "vat",
    "email": "email",
    "birthdate": "birthdate",
    "external_key": "client_key",
}
DEFAULT = "phone,name,street"


def required_names(text):
    """``["phone", "name"]`` of "phone, name"; the telephone always and first.

    :param str text: names separated by commas, or nothing
    """
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    return ["phone", *dict.fromkeys(name for name in names if name != "phone")]


def required_choices(env):
    """``[(name, label)]`` of what may be required, for the form's boxes."""
    labels = dict(env["telemarketing.import.column"]._selection_target())
    return [(name, labels.get(name, name)) for name in ("phone", *REQUIRABLE)]


def check_required(env, text):
    """Raise where a name is none that a person can have."""
    for name in required_names(text)[1:]:
        if name not in REQUIRABLE and not name.startswith("extra:"):
            raise ValidationError(
                env._("There is no field “%s” that could be required.", name)
            )
