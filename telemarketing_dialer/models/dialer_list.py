from odoo import api, fields, models

# ``{database: {list: credit}}`` of smooth weighted round robin; see ``_turns``.
_CREDITS = {}


class TelemarketingDialerList(models.Model):
    """People of a campaign chosen by a filter, for the dialer: whose turn it is first,
    and in which share."""

    _name = "telemarketing.dialer.list"
    _description = "Dialer List"
    _order = "campaign_id, sequence, id"

    name = fields.Char(required=True)
    sequence = fields.Integer(
        "Priority", default=10, help="Lists of a lower number are dialled first."
    )
    active = fields.Boolean(default=True)
    campaign_id = fields.Many2one(
        "telemarketing.campaign", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="campaign_id.company_id", store=True)
    domain = fields.Char("Filter", required=True, default="[]")
    share = fields.Integer(
        "Mix (%)",
        help="Of the calls of lists with the same priority. 0: what the others leave.",
    )
    target_count = fields.Integer("People", readonly=True)
    refreshed_at = fields.Datetime(readonly=True)

    # WHOSE TURN

    @api.model
    def _lease_by_turns(self, campaign, count, lease, only_callbacks=False):
        """Agreed callbacks first, then the campaign's lists by priority, those of the
        same priority mixed by their shares. A campaign without lists: everybody.

        :param lease: ``lease(list id, wanted) -> ids``; 0: people in no list, -1:
            nobody but callbacks; each gives due callbacks first
        :return: ids of targets
        """
        lists = self.with_context(active_test=False).search(
            [("campaign_id", "=", campaign.id)]
        )
        if only_callbacks or not lists:
            return lease(-1 if only_callbacks else 0, count)
        ids = lease(-1, count)
        levels = lists.filtered("active").grouped("sequence")
        for sequence in sorted(levels):
            left = {each.id: each.share for each in levels[sequence]}
            while len(ids) < count and left:
                for place, wanted in self._turns(left, count - len(ids)).items():
                    found = lease(place, wanted)
                    ids += found
                    if len(found) < wanted:
                        # It has nobody more who is due: the others take its share.
                        del left[place]
        return ids

    @api.model
    def _turns(self, shares, count):
        """``{list: how many of the next count}`` by smooth weighted round robin, so
        that shares are kept from call to call and not only in the end.

        What is left of a round is kept in this process: another one begins anew, which
        is less than one round.

        :param dict shares: percent; 0: what the others leave, together
        """
        rest = max(0, 100 - sum(shares.values()))
        without = sum(not share for share in shares.values())
        weights = {p: share or rest / without for p, share in shares.items()}
        if not any(weights.values()):
            weights = dict.fromkeys(weights, 1)
        credits = _CREDITS.setdefault(self.env.cr.dbname, {})
        total, turns = sum(weights.values()), {}
        for _turn in range(count):
            for place, weight in weights.items():
                credits[place] = credits.get(place, 0) + weight
            first = max(weights, key=lambda p: (credits[p], -p))
            credits[first] -= total
            turns[first] = turns.get(first, 0) + 1
        return turns
