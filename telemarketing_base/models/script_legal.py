"""What the law wants said in a call: lines of a script that carry their reason."""

from odoo import api, fields, models

#: requirement → article that wants it said. Fixed by law, so in code; each source is
#: explained in docs/compliance.md.
ARTICLES = {
    "identity": "art. 96.2 TRLGDCU",
    "purpose": "art. 96.2 TRLGDCU",
    "objection": "art. 96.5 TRLGDCU; art. 21 RGPD",
    "recording": "Circular AEPD 1/2023, art. 6.c; art. 13 RGPD",
    "robinson_info": "art. 23.3 LOPDGDD",
    "price": "art. 98.4 TRLGDCU",
    "withdrawal": "arts. 98.4, 102 y 104 TRLGDCU",
    "written_acceptance": "art. 98.6 TRLGDCU",
    "consent": "art. 66.1 LGTel; art. 4.11 RGPD",
    "change_of_supplier": "RD 88/2026, art. 13.1.y",
    "recording_right": "RD 88/2026, art. 13.1.y",
    "survey_voluntary": "art. 13 RGPD; art. 11 LOPDGDD",
    "minor": "art. 7 LOPDGDD",
    "other": "",
}

REQUIREMENTS = [
    ("identity", "Who calls, and for whom"),
    ("purpose", "What the call is for"),
    ("objection", "Right to object, with a reference number"),
    ("recording", "The call is recorded"),
    ("robinson_info", "Lists for not being called (Lista Robinson)"),
    ("price", "Features, total price and duration"),
    ("withdrawal", "14 days to withdraw"),
    ("written_acceptance", "Bound only by written acceptance"),
    ("consent", "Express consent to be called"),
    ("change_of_supplier", "It means changing supplier"),
    ("recording_right", "Right to have the recording, and how long it is kept"),
    ("survey_voluntary", "Answering is voluntary, and for whom it is"),
    ("minor", "The person is of age"),
    ("other", "Something else"),
]

WHEN = [
    ("always", "In every conversation"),
    ("sale", "Before a sale"),
    ("objection", "When they object"),
]

#: purpose of the call (``compliance.PURPOSES``) → what its script has to say.
REQUIRED_FOR_PURPOSE = {
    "commercial": ("identity", "purpose", "objection", "recording", "robinson_info"),
    "survey": ("identity", "survey_voluntary", "objection"),
    "service": ("identity", "purpose"),
}
#: where something is sold in the call (TRLGDCU arts. 98.4, 98.6, 102)
REQUIRED_TO_SELL = ("price", "withdrawal", "written_acceptance")
#: sector's code → what commercial calls of that sector have to say besides
REQUIRED_IN_SECTOR = {
    "electricity": ("recording", "change_of_supplier", "recording_right"),
}


class TelemarketingScriptLegalLine(models.Model):
    """A line that must be said and confirmed, and why.

    Frozen into the script's version, so that a call keeps what it was confirmed
    against.
    """

    _name = "telemarketing.script.legal.line"
    _description = "Legal Line of a Script"
    _order = "script_id, sequence, id"
    _rec_name = "text"

    script_id = fields.Many2one(
        "telemarketing.script", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="script_id.company_id")
    sequence = fields.Integer(default=10)
    requirement = fields.Selection(REQUIREMENTS, required=True)
    text = fields.Char(
        "What the Agent Confirms",
        required=True,
        help="As the agent ticks it, e.g. “I have said who I am and for whom I call”.",
    )
    when = fields.Selection(
        WHEN,
        required=True,
        compute="_compute_when",
        store=True,
        readonly=False,
        precompute=True,
        help="In every conversation: asked for as soon as somebody is reached. Before "
        "a sale: only where the result is a sale. When they object: only where the "
        "result is “do not call again”.",
    )
    article = fields.Char(compute="_compute_article")

    @api.depends("requirement")
    def _compute_when(self):
        for line in self:
            if line.requirement in (*REQUIRED_TO_SELL, "change_of_supplier"):
                line.when = "sale"
            elif line.requirement == "robinson_info":
                line.when = "objection"
            else:
                line.when = line.when or "always"

    @api.depends("requirement")
    def _compute_article(self):
        for line in self:
            line.article = ARTICLES.get(line.requirement, "")

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.script_id._freeze()
        return lines

    def write(self, vals):
        scripts = self.script_id
        result = super().write(vals)
        (scripts | self.script_id)._freeze()
        return result

    def unlink(self):
        scripts = self.script_id
        result = super().unlink()
        scripts.exists()._freeze()
        return result
