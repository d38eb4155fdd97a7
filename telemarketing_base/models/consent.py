from odoo import fields, models


class TelemarketingConsent(models.Model):
    """Who agreed to what, towards whom, when, with which proof.

    Consent to commercial calls counts for two years from the day it was given or
    expressly renewed (TRLGDCU art. 62.1, as of Ley 10/2025); the law issue makes
    the rule, this keeps the facts.
    """

    _name = "telemarketing.consent"
    _description = "Consent"
    _order = "given_at desc, id desc"
    _rec_name = "contact_id"
    _check_company_auto = True

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    contact_id = fields.Many2one(
        "telemarketing.contact", index="btree_not_null", ondelete="restrict"
    )
    partner_id = fields.Many2one(
        "res.partner", index="btree_not_null", ondelete="restrict"
    )
    number_id = fields.Many2one("telemarketing.number", index="btree_not_null")
    principal_id = fields.Many2one(
        "res.partner", "Advertiser", help="Towards whom. Empty: towards us."
    )
    purpose = fields.Selection(
        [
            ("call", "Commercial calls"),
            ("robot", "Automatic calls"),
            ("sms", "SMS"),
            ("email", "E-mail"),
            ("recording", "Recording of the call"),
        ],
        required=True,
        default="call",
    )
    channel = fields.Selection(
        [
            ("call", "In a call"),
            ("form", "Form"),
            ("paper", "On paper"),
            ("file", "In a loaded file"),
            ("web", "On a web site"),
        ],
        required=True,
        default="form",
    )
    given_at = fields.Datetime(required=True)
    withdrawn_at = fields.Datetime()
    text_version = fields.Char(help="Which text was agreed to.")
    source = fields.Char()
    evidence = fields.Binary(attachment=True)
    evidence_name = fields.Char()
    interaction_id = fields.Many2one("telemarketing.interaction", readonly=True)
