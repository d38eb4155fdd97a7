import ast
import logging

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

# ``{database: {list: credit}}`` of smooth weighted round robin; see ``_turns``.
_CREDITS = {}
OPEN = ("new", "ready", "leased", "talking", "wrap_up")
# In a campaign of so many people its lists are filled while one waits; in a bigger one
# by the job, which is woken.
INLINE = 2000
# Rows of one UPDATE: a lease never waits long for it.
CHUNK = 10_000


class TelemarketingDialerList(models.Model):
    """People of a campaign chosen by a filter, for the dialer: whose turn it is first,
    and in which share.

    A person stands in the first list by priority whose filter fits
    (``telemarketing.target.dialer_list_id``). Where a campaign has lists, also ones
    that are switched off, the dialer calls nobody outside those that are on, agreed
    callbacks excepted.
    """

    _name = "telemarketing.dialer.list"
    _description = "Dialer List"
    _inherit = ["telemarketing.chunk.mixin"]
    _order = "campaign_id, sequence, id"

    name = fields.Char(required=True)
    sequence = fields.Integer(
        "Priority",
        default=10,
        aggregator=None,
        help="Lists of a lower number are dialled first.",
    )
    active = fields.Boolean("On", default=True)
    campaign_id = fields.Many2one(
        "telemarketing.campaign", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="campaign_id.company_id", store=True)
    domain = fields.Char(
        "Filter",
        required=True,
        default="[]",
        help="Who of the campaign stands in it. Empty: everybody who is in no list "
        "before it. Where a campaign has lists, nobody outside them is dialled by "
        "itself: put a last one without a filter for the others.",
    )
    share = fields.Integer(
        "Mix (%)",
        aggregator=None,
        help="Of the calls of lists with the same priority. 0: what the others leave.",
    )
    target_count = fields.Integer(
        "People", readonly=True, help="Still to be worked, when it was last filled."
    )
    refreshed_at = fields.Datetime("Last Filled", readonly=True)
    problem = fields.Char("Cannot Be Filled", readonly=True)

    _share_range = models.Constraint(
        "CHECK (share BETWEEN 0 AND 100)", "A mix is 0 to 100 %."
    )

    @api.constrains("domain")
    def _check_domain(self):
        """It asks only what whoever writes it may read: a list says of each person
        whether it fits."""
        for each in self:
            Target = self.env["telemarketing.target"].sudo(False)
            try:
                Target._search(each._filter())
            except (ValueError, TypeError, KeyError, UserError) as error:
                raise ValidationError(
                    self.env._(
                        "The filter of %(list)s cannot be used: %(why)s",
                        list=each.name,
                        why=error,
                    )
                ) from error

    @api.constrains("campaign_id")
    def _check_campaign(self):
        for each in self:
            if each.campaign_id.training:
                raise ValidationError(
                    self.env._(
                        "%s is for training: nobody is dialled there.",
                        each.campaign_id.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        lists = super().create(vals_list)
        self._refresh_soon(lists.campaign_id)
        return lists

    def write(self, vals):
        campaigns = self.campaign_id
        result = super().write(vals)
        if {"domain", "sequence", "active", "campaign_id"} & set(vals):
            self._refresh_soon(campaigns | self.campaign_id)
        return result

    def unlink(self):
        campaigns = self.campaign_id
        result = super().unlink()
        self._refresh_soon(campaigns.exists())
        return result

    # WHO STANDS IN IT

    @api.private
    def _filter(self):
        """:raise ValueError: no list of conditions with plain values"""
        self.ensure_one()
        try:
            written = ast.literal_eval(self.domain or "[]")
        except SyntaxError as error:
            raise ValueError(str(error)) from error
        if not isinstance(written, list | tuple):
            raise ValueError(self.domain)
        return Domain(list(written))

    def action_refresh(self):
        """Fill the lists of these campaigns now."""
        self.check_access("write")
        waiting = self._refresh_soon(self.campaign_id)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "info" if waiting else "success",
                "message": self.env._("There are many people: filled in a minute.")
                if waiting
                else self.env._("Filled."),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_people(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.name,
            "res_model": "telemarketing.target",
            "view_mode": "list,form",
            "domain": [("dialer_list_id", "=", self.id)],
        }

    @api.model
    def _refresh_soon(self, campaigns):
        """Fill the lists of small campaigns at once, and have the job fill the others.

        :return: those that wait for the job
        """
        waiting = campaigns.browse()
        Target = self.env["telemarketing.target"].sudo()
        for campaign in campaigns:
            few = Target.search_count(
                [("campaign_id", "=", campaign.id)], limit=INLINE + 1
            )
            if few > INLINE:
                waiting |= campaign
            else:
                self._refresh(campaign)
        if waiting:
            waiting.sudo().dialer_list_ids.refreshed_at = False
            self.env.ref("telemarketing_dialer.cron_dialer_lists").sudo()._trigger()
        return waiting

    @api.model
    def _cron_refresh(self):
        """Who was loaded or has changed comes into the right list; those campaigns
        first that waited longest."""
        campaigns = (
            self.env["telemarketing.campaign"]
            .sudo()
            .search(
                [
                    ("state", "in", ("draft", "running", "paused")),
                    ("dialer_list_ids", "!=", False),
                ]
            )
        )
        never = fields.Datetime.from_string("1970-01-01 00:00:00")
        campaigns = campaigns.sorted(
            lambda c: min(each.refreshed_at or never for each in c.dialer_list_ids)
        )
        for place, campaign in enumerate(campaigns, 1):
            self._refresh(campaign, by_pieces=True)
            if not self._keep_chunk(1, len(campaigns) - place):
                break

    @api.model
    def _refresh(self, campaign, by_pieces=False):
        """Put each open person of the campaign into the first list that fits.

        :param bool by_pieces: commit after each chunk; else in this transaction
        :return: people who changed lists
        """
        cr = self.env.cr
        on = self.sudo().with_context(active_test=True)
        lists = on.search([("campaign_id", "=", campaign.id)])
        self.env.flush_all()
        if by_pieces:
            self._begin_chunk()
        cr.execute("DROP TABLE IF EXISTS tm_dialer_list")
        cr.execute(
            "CREATE TEMP TABLE tm_dialer_list (target int PRIMARY KEY, list int)"
        )
        for each in lists:
            each._gather()
        cr.execute("ANALYZE tm_dialer_list")
        cr.execute(
            """SELECT t.id FROM telemarketing_target t
               LEFT JOIN tm_dialer_list l ON l.target = t.id
               WHERE t.campaign_id = %s AND t.dialer_list_id IS DISTINCT FROM l.list
               ORDER BY t.id""",
            [campaign.id],
        )
        ids = [row[0] for row in cr.fetchall()]
        changed = 0
        for start in range(0, len(ids), CHUNK):
            cr.execute(
                """UPDATE telemarketing_target t SET dialer_list_id = picked.list
                   FROM (SELECT p.id, l.list FROM telemarketing_target p
                         LEFT JOIN tm_dialer_list l ON l.target = p.id
                         WHERE p.id = ANY(%s) ORDER BY p.id
                         FOR UPDATE OF p SKIP LOCKED) picked
                   WHERE t.id = picked.id""",
                [ids[start : start + CHUNK]],
            )
            changed += cr.rowcount
            if by_pieces:
                self._keep_chunk(0, 1)
                self._begin_chunk()
        cr.execute(
            """UPDATE telemarketing_dialer_list d SET refreshed_at = %s,
                   target_count = (SELECT count(*) FROM tm_dialer_list l
                                   WHERE l.list = d.id)
               WHERE d.campaign_id = %s""",
            [self.env["telemarketing.clock"]._now(), campaign.id],
        )
        cr.execute("DROP TABLE tm_dialer_list")
        self.invalidate_model(["refreshed_at", "target_count"])
        self.env["telemarketing.target"].invalidate_model(["dialer_list_id"])
        return changed

    @api.private
    def _gather(self):
        """The people of this list who are in none before it."""
        self.ensure_one()
        Target = self.env["telemarketing.target"].sudo()
        mine = Domain("campaign_id", "=", self.campaign_id.id)
        mine &= Domain("state", "in", OPEN)
        try:
            with self.env.cr.savepoint():
                query = Target._search(mine & self._filter())
                self.env.cr.execute(
                    SQL(
                        """INSERT INTO tm_dialer_list
                           SELECT found.id, %s FROM (%s) AS found(id)
                           ON CONFLICT DO NOTHING""",
                        self.id,
                        query.select(),
                    )
                )
        except Exception as error:  # noqa: BLE001  a field may be gone since
            _logger.info("dialer list %s: %s", self.id, error)
            self.problem = str(error)[:200]
        else:
            if self.problem:
                self.problem = False

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
