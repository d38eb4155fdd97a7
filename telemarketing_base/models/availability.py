from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.tools import SQL, format_date

from ..identity.postcode import CANARY, MADRID

# Counting a million takes a second: many screens share one count.
FRESH = timedelta(seconds=60)


class TelemarketingAvailability(models.Model):
    """How many people of a campaign may be called now, how many from when, how many
    never and why: counted once for all who look."""

    _name = "telemarketing.availability"
    _description = "People Who May Be Called"
    _rec_name = "campaign_id"

    campaign_id = fields.Many2one(
        "telemarketing.campaign", required=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="campaign_id.company_id", store=True)
    at = fields.Datetime(required=True)
    counts = fields.Json()

    _campaign_uniq = models.UniqueIndex(
        "(campaign_id)", "This campaign is counted already."
    )

    @api.model
    def _of(self, campaign, fresh=False):
        """Counts of a campaign, at most a minute old.

        :return: ``{now, later, callbacks, held, off, never, rows: [{code, from,
            canary, count}]}``; ``later`` may be called from some hour on,
            ``callbacks`` could be called and wait for their hour
        """
        now = self.env["telemarketing.clock"]._now()
        known = self.sudo().search([("campaign_id", "=", campaign.id)])
        if known and not fresh and now - FRESH < known.at <= now:
            return known.counts
        counts = self._count(campaign, now)
        if self.env.cr.readonly:
            # A form that is only read: kept by a transaction of its own.
            with self.env.registry.cursor() as cr:
                self.with_env(self.env(cr=cr))._keep(campaign, now, counts)
        else:
            self._keep(campaign, now, counts)
        self.invalidate_model()
        return counts

    @api.model
    def _keep(self, campaign, now, counts):
        # Two who count at once write the same; neither waits for the other.
        self.env.cr.execute(
            """INSERT INTO telemarketing_availability
                   (campaign_id, company_id, at, counts)
               VALUES (%s, %s, %s, %s)
               ON CONFLICT (campaign_id) DO NOTHING""",
            [campaign.id, campaign.company_id.id, now, self._json(counts)],
        )
        if not self.env.cr.rowcount:
            known = self.sudo().search([("campaign_id", "=", campaign.id)])
            if known.try_lock_for_update():
                known.write({"at": now, "counts": counts})

    @api.model
    def _json(self, counts):
        return self._fields["counts"].convert_to_column_insert(counts, self)

    @api.model
    def _forget(self, company):
        """Count anew at the next look."""
        counted = self.sudo().search([("company_id", "=", company.id)])
        counted.try_lock_for_update().write(
            {"at": fields.Datetime.to_datetime("2000-01-01")}
        )

    @api.model
    def _count(self, campaign, now):
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """SELECT CASE WHEN state = 'excluded' THEN 'excluded'
                               WHEN state NOT IN ('new', 'ready') THEN 'held'
                               WHEN NOT live THEN 'off'
                               WHEN callable_from IS NULL THEN 'never'
                               WHEN callable_from > %(now)s THEN 'later'
                               WHEN due_at > %(now)s THEN 'callbacks'
                               ELSE 'now' END AS group_of,
                          CASE WHEN callable_from IS NULL OR callable_from > %(now)s
                                    OR state = 'excluded' THEN callable_code END,
                          CASE WHEN callable_from > %(now)s
                               THEN date_trunc('minute', callable_from) END,
                          callable_from > %(now)s AND province IN ('35', '38'),
                          count(*)
                   FROM telemarketing_target
                   WHERE campaign_id = %(campaign)s AND state <> 'done'
                   GROUP BY 1, 2, 3, 4""",
                campaign=campaign.id,
                now=now,
            )
        )
        counts = dict.fromkeys(
            ("now", "later", "callbacks", "held", "off", "never", "excluded"), 0
        )
        detail = {}
        for group, code, since, canary, count in rows:
            counts[group] += count
            if group in ("later", "never", "excluded"):
                key = (group, code, fields.Datetime.to_string(since), bool(canary))
                detail[key] = detail.get(key, 0) + count
        counts["rows"] = [
            {
                "group": group,
                "code": code,
                "from": since or False,
                "canary": canary,
                "count": count,
            }
            for (group, code, since, canary), count in sorted(
                detail.items(), key=lambda item: -item[1]
            )[:50]
        ]
        return counts

    @api.model
    def _lines(self, campaign, fresh=False):
        """``[(count, sentence)]`` for people: what may be called now, from when, never
        and why."""
        counts = self._of(campaign, fresh)
        gate = self.env["telemarketing.gate"]
        lines = []
        for row in counts["rows"]:
            if row["group"] == "later":
                lines.append((row["count"], self._from_text(row)))
        if counts["callbacks"]:
            lines.append(
                (
                    counts["callbacks"],
                    self.env._("wait for their hour (callbacks and retries)"),
                )
            )
        if counts["held"]:
            lines.append((counts["held"], self.env._("on a desk now")))
        if counts["off"]:
            lines.append(
                (counts["off"], self.env._("in databases that are switched off"))
            )
        for row in counts["rows"]:
            if row["group"] in ("never", "excluded"):
                why = gate._short_text(row["code"]) or self.env._("excluded")
                lines.append((row["count"], self.env._("never: %s", why)))
        now = (counts["now"], self.env._("can be called now"))
        return [now, *(line for line in lines if line[0])]

    @api.model
    def _from_text(self, row):
        """“from 09:00 in the Canary Islands: outside calling hours”."""
        at = datetime.fromisoformat(row["from"]).replace(tzinfo=ZoneInfo("UTC"))
        local = at.astimezone(ZoneInfo(CANARY if row["canary"] else MADRID))
        today = (
            self.env["telemarketing.clock"]
            ._now()
            .replace(tzinfo=ZoneInfo("UTC"))
            .astimezone(local.tzinfo)
            .date()
        )
        when = local.strftime("%H:%M")
        if local.date() != today:
            when = (
                f"{format_date(self.env, local.date(), date_format='EEE d MMM')} {when}"
            )
        why = self.env["telemarketing.gate"]._short_text(row["code"])
        if row["canary"]:
            return self.env._(
                "from %(when)s in the Canary Islands: %(why)s", when=when, why=why
            )
        return self.env._("from %(when)s: %(why)s", when=when, why=why)
