from odoo import api, fields, models

from ..calls import OUTCOMES
from .interaction import LABELS

# Results that a line gives by itself: all that never had an agent.
BY_LINE = [o for o in OUTCOMES if o not in ("done", "agent_lost")]
# Base's starter results, where a centre still has them.
STARTERS = {
    "no_answer": "no_answer",
    "busy": "busy",
    "machine": "machine",
    "out_of_service": "unallocated",
}


class TelemarketingDisposition(models.Model):
    _inherit = "telemarketing.disposition"

    dial_outcome = fields.Selection(
        [(key, LABELS[key]) for key in BY_LINE],
        "Given by the Line",
        help="The dialer closes with this result the calls that ended so and that no "
        "agent had. A campaign's own result goes before a common one.",
    )
    line_only = fields.Boolean(
        "Not on the Desk", help="Only the dialer gives it; agents do not see it."
    )

    @api.model
    def _assign_dial_outcomes(self):
        """The starter results close calls too, where they are still there and nobody
        has said otherwise."""
        for code, outcome in STARTERS.items():
            starter = self.env.ref(
                f"telemarketing_base.disposition_{code}", raise_if_not_found=False
            )
            if starter and not starter.dial_outcome:
                starter.dial_outcome = outcome
