from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..identity.phone import mask_phone
from ..redialling import next_call
from .derived import DerivedMany2one
from .gate import INLINE

CLOSED = ("done", "excluded")
PRIORITIES = ("3", "2", "1", "0")

# Ready, callable at some time, and in a database that is switched on. The predicate
# of every lease index, and word for word of every class below, or PostgreSQL would
# not use the index.
_LIVE = "state = 'ready' AND live AND due_at IS NOT NULL"


class TelemarketingTarget(models.Model):
    """A contact to be worked in a campaign: the queue that agents and dialer pull
    from. One open target per person, campaign and origin.

    ``due_at`` is the instant from which the lease may take it: the later of
    ``next_call_at`` (callback or retry) and ``callable_from`` (law, caps). Empty:
    never. Every statement that sets one of the two in SQL sets ``due_at`` too.
    """

    _name = "telemarketing.target"
    _description = "Target"
    _order = "priority desc, due_at, id"
    _rec_name = "contact_id"
    _check_company_auto = True

    contact_id = fields.Many2one(
        "telemarketing.contact", required=True, index=True, ondelete="restrict"
    )
    campaign_id = fields.Many2one(
        "telemarketing.campaign", required=True, index=True, ondelete="restrict"
    )
    company_id = DerivedMany2one(
        related="campaign_id.company_id", store=True, precompute=True
    )
    principal_id = fields.Many2one(
        related="campaign_id.principal_id", store=True, precompute=True
    )
    database_id = DerivedMany2one(
        related="contact_id.database_id", store=True, index=True, precompute=True
    )
    segment_id = fields.Many2one("telemarketing.segment", index="btree_not_null")
    profile_id = fields.Many2one(
        related="campaign_id.profile_id", store=True, precompute=True
    )
    target_properties = fields.Properties(
        "Profile Fields", definition="profile_id.target_properties_definition"
    )
    cycle = fields.Integer(default=1, readonly=True)
    origin = fields.Char(
        default="",
        help="What it is about where a person may be worked for several things at "
        "once: a returned receipt, a service visit, a renewal.",
    )
    state = fields.Selection(
        [
            ("new", "New"),
            ("ready", "Ready"),
            ("leased", "On a Desk"),
            ("talking", "Talking"),
            ("wrap_up", "Wrap-up"),
            ("done", "Done"),
            ("excluded", "Excluded"),
        ],
        required=True,
        default="new",
        readonly=True,
    )
    live = fields.Boolean(
        default=True, readonly=True, help="Its database is switched on."
    )
    agent_id = fields.Many2one(
        "res.users", "Assigned to", index="btree_not_null", ondelete="set null"
    )
    priority = fields.Selection(
        [("0", "Normal"), ("1", "Raised"), ("2", "High"), ("3", "First")],
        required=True,
        default="0",
    )
    attempts = fields.Integer(default=0, readonly=True)
    next_call_at = fields.Datetime("Next Call", readonly=True)
    callable_from = fields.Datetime(
        readonly=True,
        default=lambda self: self.env["telemarketing.clock"]._now(),
        help="First instant at which law and caps allow the call. Empty: never.",
    )
    callable_code = fields.Char(
        readonly=True, help="Of the rule that stands against a call now."
    )
    callable_reason = fields.Char("Why Not Now", compute="_compute_callable_reason")
    gate_at = fields.Datetime(
        readonly=True, help="When a request last asked whether it may be called."
    )
    province = fields.Char(
        readonly=True, help="INE code of the place whose hours and holidays count."
    )
    asked_hour = fields.Boolean(
        "Asked for This Hour",
        default=False,
        readonly=True,
        help="The person asked to be called at this very hour, also outside calling "
        "hours.",
    )
    asked_at = fields.Datetime("Asked On", readonly=True)
    asked_channel = fields.Selection(
        [
            ("call", "In a call"),
            ("web", "On a web site"),
            ("email", "By mail"),
            ("in_person", "In person"),
        ],
        "Asked How",
        readonly=True,
    )
    asked_by = fields.Char("Who Asked", readonly=True)
    due_at = fields.Datetime(
        compute="_compute_due_at", store=True, precompute=True, readonly=True
    )
    callback = fields.Boolean(
        default=False,
        readonly=True,
        help="The next call is an agreed callback, not a retry.",
    )
    callback_agreed = fields.Boolean(
        default=False,
        readonly=True,
        help="Agreed in a conversation: it passes caps and gap.",
    )
    callback_user_id = fields.Many2one(
        "res.users",
        "Callback of",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="Empty: anyone's.",
    )
    callback_note = fields.Char(readonly=True)
    phone_id = fields.Many2one(
        "telemarketing.contact.phone",
        "Number to Use",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    leased_by_id = fields.Many2one("res.users", readonly=True, index="btree_not_null")
    leased_until = fields.Datetime(readonly=True)
    interaction_id = fields.Many2one(
        "telemarketing.interaction",
        "Open Interaction",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    state_before = fields.Selection(
        [("done", "Done"), ("excluded", "Excluded")],
        "Before They Rang",
        readonly=True,
        help="The person rang while being closed or excluded here, and is being "
        "attended. Afterwards they are so again, unless the result says otherwise; an "
        "exclusion is not lifted by their call.",
    )
    notes = fields.Text(
        readonly=True, help="Notes typed before the call; moved into it."
    )
    contacted = fields.Integer(
        readonly=True, default=0, help="1 once somebody was reached."
    )
    converted = fields.Integer(
        readonly=True, default=0, help="1 once it counted as a conversion."
    )
    last_disposition_id = fields.Many2one(
        "telemarketing.disposition",
        "Last Result",
        readonly=True,
        index="btree_not_null",
    )
    last_result_at = fields.Datetime(readonly=True)
    last_agent_id = fields.Many2one("res.users", "Last Operator", readonly=True)
    first_contact_at = fields.Datetime("First Contact", readonly=True)
    done_reason = fields.Char(readonly=True)
    dropped_by_id = fields.Many2one(
        "telemarketing.interaction",
        "Taken out by",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The call whose result took this number out of the campaign's list.",
    )
    before_result = fields.Json(
        readonly=True,
        help="How the person stood before the last result, while it may be undone.",
    )
    training_objection = fields.Char(
        readonly=True, help="In training: the person said no, and would be excluded."
    )
    label = fields.Selection(
        [
            ("uncalled", "Uncalled"),
            ("callback", "Callback"),
            ("absent", "Absent"),
            ("contacted", "Contacted"),
            ("converted", "Converted"),
            ("excluded", "Excluded"),
        ],
        "Status",
        compute="_compute_label",
        search="_search_label",
    )
    # columns of the lists
    contact_name = fields.Char(related="contact_id.name", string="Name")
    phone = fields.Char(
        compute="_compute_phone", search="_search_phone", compute_sudo=True
    )
    city = fields.Char(related="contact_id.city")
    partner_id = fields.Many2one(related="contact_id.partner_id")

    _one_open = models.UniqueIndex(
        "(contact_id, campaign_id, COALESCE(origin, ''))"
        " WHERE state NOT IN ('done', 'excluded')",
        "This person is already being worked in this campaign.",
    )
    # One index per class of the lease. See _lease.
    _lease_my_callbacks = models.Index(
        "(campaign_id, callback_user_id, priority, due_at, id)"
        f" WHERE {_LIVE} AND callback AND callback_user_id IS NOT NULL"
    )
    _lease_callbacks = models.Index(
        "(campaign_id, priority, due_at, id)"
        f" WHERE {_LIVE} AND callback AND callback_user_id IS NULL"
    )
    _lease_my_retries = models.Index(
        "(campaign_id, agent_id, priority, due_at, id)"
        f" WHERE {_LIVE} AND NOT callback AND attempts > 0 AND agent_id IS NOT NULL"
    )
    _lease_retries = models.Index(
        "(campaign_id, priority, due_at, id)"
        f" WHERE {_LIVE} AND NOT callback AND attempts > 0 AND agent_id IS NULL"
    )
    _lease_my_fresh = models.Index(
        "(campaign_id, agent_id, priority, due_at, id)"
        f" WHERE {_LIVE} AND NOT callback AND attempts = 0 AND agent_id IS NOT NULL"
    )
    _lease_fresh = models.Index(
        "(campaign_id, priority, due_at, id)"
        f" WHERE {_LIVE} AND NOT callback AND attempts = 0 AND agent_id IS NULL"
    )
    _held = models.Index(
        "(leased_until) WHERE state IN ('leased', 'talking', 'wrap_up')"
    )
    # Nobody holds two: the wall behind which a double click or a second tab stops.
    _one_held = models.UniqueIndex(
        "(leased_by_id) WHERE state IN ('leased', 'talking', 'wrap_up')",
        "This agent already has a person on the desk.",
    )

    # COMPUTES

    @api.depends("next_call_at", "callable_from")
    def _compute_due_at(self):
        for target in self:
            if not target.callable_from:
                target.due_at = False
            else:
                target.due_at = max(
                    target.next_call_at or target.callable_from, target.callable_from
                )

    @api.depends("callable_code")
    @api.depends_context("lang")
    def _compute_callable_reason(self):
        for target in self:
            target.callable_reason = self.env["telemarketing.gate"]._short_text(
                target.callable_code
            )

    @api.depends("contact_id.phone", "campaign_id.mask_numbers")
    @api.depends_context("uid")
    def _compute_phone(self):
        only_agent = self.env.user.telemarketing_only_agent
        for target in self:
            contact = target.contact_id
            if only_agent and target.campaign_id.mask_numbers and contact.phone:
                target.phone = mask_phone(contact.phone_ids[:1].e164 or "")
            else:
                target.phone = contact.phone

    def _search_phone(self, operator, value):
        return fields.Domain("contact_id", "any!", [("phone", operator, value)])

    @api.depends("contact_id.display_name")
    def _compute_display_name(self):
        # Agents list their targets and have no rights on contacts.
        for target in self:
            target.display_name = target.sudo().contact_id.display_name

    @api.depends("state", "callback", "attempts", "contacted", "converted")
    def _compute_label(self):
        for target in self:
            if target.state == "excluded":
                target.label = "excluded"
            elif target.converted:
                target.label = "converted"
            elif target.callback:
                target.label = "callback"
            elif target.contacted:
                target.label = "contacted"
            elif target.attempts:
                target.label = "absent"
            else:
                target.label = "uncalled"

    def _search_label(self, operator, value):
        if operator not in ("in", "not in"):
            return NotImplemented
        not_excluded = [("state", "!=", "excluded")]
        plain = not_excluded + [("converted", "=", 0), ("callback", "=", False)]
        domains = {
            "excluded": [("state", "=", "excluded")],
            "converted": not_excluded + [("converted", ">", 0)],
            "callback": not_excluded + [("converted", "=", 0), ("callback", "=", True)],
            "contacted": plain + [("contacted", ">", 0)],
            "absent": plain + [("contacted", "=", 0), ("attempts", ">", 0)],
            "uncalled": plain + [("contacted", "=", 0), ("attempts", "=", 0)],
        }
        found = fields.Domain.OR(domains[key] for key in value if key in domains)
        return found if operator == "in" else ~found

    # CRUD

    @api.model_create_multi
    def create(self, vals_list):
        targets = super().create(vals_list)
        running = targets.filtered(
            lambda t: t.state == "new" and t.campaign_id.state == "running"
        )
        running.sudo().state = "ready"
        self._refresh_gate(targets=targets)
        for target in targets.sudo():
            if not target.database_id.switched_on or not target.database_id.active:
                target.live = False
        return targets

    @api.ondelete(at_uninstall=False)
    def _unlink_only_untouched(self):
        for target in self:
            if self.env.su and target.campaign_id.training:
                continue
            if target.sudo().attempts or target.sudo().interaction_id:
                raise UserError(
                    self.env._(
                        "%s has been called: close it instead of deleting it.",
                        target.display_name,
                    )
                )

    @api.model
    def _release_new(self, campaign):
        """A campaign starts: its new targets may be called from now on."""
        cr = self.env.cr
        self.env.flush_all()
        cr.execute(
            SQL(
                """UPDATE telemarketing_target SET state = 'ready'
                   WHERE campaign_id = %s AND state = 'new'""",
                campaign.id,
            )
        )
        self.invalidate_model(["state"])
        return cr.rowcount

    # LEASE

    @api.model
    def _lease_classes(self):
        """``(name, predicate)`` in the order in which they are asked.

        The predicates repeat those of the indexes; parameters: ``p_user``.
        """
        return [
            ("my_callbacks", "callback AND callback_user_id = p_user"),
            ("callbacks", "callback AND callback_user_id IS NULL"),
            ("my_retries", "NOT callback AND attempts > 0 AND agent_id = p_user"),
            ("retries", "NOT callback AND attempts > 0 AND agent_id IS NULL"),
            ("my_fresh", "NOT callback AND attempts = 0 AND agent_id = p_user"),
            ("fresh", "NOT callback AND attempts = 0 AND agent_id IS NULL"),
        ]

    @api.model
    def _lease_statement(self):
        """For ``_lease``; parameters ``campaign``, ``user``, ``now``, ``until``,
        ``limit``."""
        return (
            "SELECT target_id, class_rank FROM telemarketing_lease("
            "%(campaign)s, %(user)s, %(now)s, %(until)s, %(limit)s)"
        )

    @api.model
    def _lease_query(self):
        """One UPDATE over one CTE per class; parameters ``p_campaign``, ``p_user``…

        Within a class by priority, then age: the lateral over the four priorities
        makes ``due_at <= now`` a bound of the index instead of a filter, so that
        what is due tomorrow is never waded through. PostgreSQL evaluates the CTEs
        lazily: a class is asked only when those before gave too few.
        """
        values = ", ".join(f"('{priority}')" for priority in PRIORITIES)
        parts, names = [], []
        for rank, (name, predicate) in enumerate(self._lease_classes()):
            parts.append(
                f"""{name} AS (
                    SELECT found.id, {rank} AS class
                    FROM (VALUES {values}) AS p(priority)
                    CROSS JOIN LATERAL (
                        SELECT t.id FROM telemarketing_target t
                        WHERE t.campaign_id = p_campaign AND {_LIVE}
                          AND {predicate}
                          AND t.priority = p.priority AND t.due_at <= p_now
                          AND t.database_id <> ALL (ARRAY(
                              SELECT d.id FROM telemarketing_database d
                              WHERE NOT (d.switched_on AND d.active)))
                        ORDER BY t.due_at, t.id
                        LIMIT p_limit FOR UPDATE OF t SKIP LOCKED
                    ) found
                    LIMIT p_limit)"""
            )
            names.append(f"SELECT id, class FROM {name}")
        return f"""WITH {", ".join(parts)},
            chosen AS ({" UNION ALL ".join(names)} LIMIT p_limit)
            UPDATE telemarketing_target t
            SET state = 'leased', leased_by_id = p_user,
                leased_until = p_until, write_date = p_now, write_uid = p_user
            FROM chosen WHERE t.id = chosen.id
            RETURNING t.id, chosen.class"""

    def init(self):
        """The lease is a function so that PostgreSQL keeps its plan: planning six
        classes anew took five times as long as running them. Its settings leave the
        planner only the classes' own indexes, whatever the statistics say of a table
        that was filled a minute ago."""
        settings = "".join(
            f" SET {name} = off"
            for name in (
                *("enable_seqscan", "enable_bitmapscan", "enable_sort"),
                *("enable_hashjoin", "enable_mergejoin", "jit"),
            )
        )
        # Made of constants of this class.
        self.env.cr.execute(  # pylint: disable=sql-injection
            f"""CREATE OR REPLACE FUNCTION telemarketing_lease(
                    p_campaign int, p_user int, p_now timestamp, p_until timestamp,
                    p_limit int)
                RETURNS TABLE (target_id int, class_rank int)
                LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan {settings}
                AS $$ BEGIN RETURN QUERY {self._lease_query()}; END $$"""
        )

    @api.model
    def _lease(self, campaign, user, limit=1):
        """Give ``user`` the next targets of a running campaign.

        Must run in a READ COMMITTED transaction of its own: under Odoo's
        REPEATABLE READ, SKIP LOCKED fails on rows that changed since the snapshot.
        The caller opens it (``telemarketing.desk._own_transaction``).

        :return: ids of ``telemarketing.target``, at most ``limit``
        """
        now = self.env["telemarketing.clock"]._now()
        self.env.cr.execute(
            self._lease_statement(),
            {
                "campaign": campaign.id,
                "user": user.id,
                "now": now,
                "until": now + timedelta(minutes=campaign.lease_minutes),
                "limit": limit,
            },
        )
        return [row[0] for row in self.env.cr.fetchall()]

    @api.model
    def _held_by(self, user):
        """The target on this user's desk, or none."""
        return self.search(
            [
                ("leased_by_id", "=", user.id),
                ("state", "in", ("leased", "talking", "wrap_up")),
            ],
            limit=1,
        )

    @api.model
    def _cron_return_leases(self):
        """What a crashed browser or process held comes back, once.

        An attempt left open is closed as lost: the figures count the call, the
        person is redialled after the campaign's delay.
        """
        now = self.env["telemarketing.clock"]._now()
        lapsed = self.search(
            [
                ("state", "in", ("leased", "talking", "wrap_up")),
                ("leased_until", "<", now),
            ],
            limit=500,
        ).try_lock_for_update()
        for target in lapsed:
            interaction = target.interaction_id
            if interaction and interaction.state != "done":
                interaction._close_as_lost(now)
            target._return_to_queue(now)
        self._general_callbacks(now)
        if self.env.context.get("cron_id"):
            self.env["ir.cron"]._commit_progress(
                len(lapsed), remaining=int(len(lapsed) == 500)
            )

    @api.private
    def _return_to_queue(self, now):
        for target in self:
            values = {
                "state": "ready",
                "leased_by_id": False,
                "leased_until": False,
                "interaction_id": False,
            }
            if target.interaction_id.direction == "in":
                # Nobody dialled: it is where the caller found it.
                values |= {
                    "state": target.state_before or "ready",
                    "state_before": False,
                }
            elif target.interaction_id:
                # It was dialled: what had been agreed is used up, this is a retry.
                values |= {
                    "next_call_at": now
                    + timedelta(minutes=target.campaign_id.retry_minutes),
                    "callback": False,
                    "callback_agreed": False,
                    "callback_user_id": False,
                    "asked_hour": False,
                }
            target.write(values)
        self._refresh_gate(targets=self)

    @api.model
    def _general_callbacks(self, now):
        """Personal callbacks that their agent did not make go to anyone."""
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE telemarketing_target
               SET callback_user_id = NULL, write_date = %(now)s
               WHERE id IN (
                   SELECT t.id FROM telemarketing_target t
                   JOIN telemarketing_campaign c ON c.id = t.campaign_id
                   WHERE t.state = 'ready' AND t.callback
                     AND t.callback_user_id IS NOT NULL
                     AND c.callback_general_minutes > 0
                     AND t.due_at < %(now)s
                         - make_interval(mins => c.callback_general_minutes)
                   LIMIT 1000 FOR UPDATE OF t SKIP LOCKED)""",
            {"now": now},
        )
        self.invalidate_model(["callback_user_id"])

    @api.private
    def _drop_callback(self, now):
        """Agreed callbacks are taken back: their people go to the list, after the
        campaign's delay where they have been called."""
        for target in self:
            minutes = target.campaign_id.retry_minutes
            target.write(
                {
                    "callback": False,
                    "callback_user_id": False,
                    "callback_agreed": False,
                    "callback_note": False,
                    "asked_hour": False,
                    "next_call_at": target.attempts
                    and now + timedelta(minutes=minutes),
                }
            )
        self._refresh_gate(targets=self)

    # DIALLING

    @api.private
    def _prepare_attempt_values(self, uuid, now, actions=None):
        """Values of the interaction that a call with this person would be, whoever
        makes it.

        :param actions: the campaign's action types, where they are known
        """
        self.ensure_one()
        campaign, contact = self.campaign_id, self.contact_id
        if actions is None:
            actions = campaign._action_types()
        code = "follow_up" if self.attempts else "first_call"
        return {
            "uuid": uuid,
            "company_id": campaign.company_id.id,
            "campaign_id": campaign.id,
            "principal_id": campaign.principal_id.id,
            "database_id": self.database_id.id,
            "segment_id": self.segment_id.id,
            "target_id": self.id,
            "contact_id": contact.id,
            "partner_id": contact.partner_id.id,
            "lead_id": contact.lead_id.id,
            "action_type_id": actions.filtered(lambda a: a.code == code)[:1].id,
            "script_version_id": campaign.script_ids[:1].version_id.id,
            "started_at": now,
            "notes": self.notes,
        }

    # AFTER A RESULT

    @api.private
    def _apply_disposition(self, interaction, callback=None, refresh=True):
        """Move on by what the result says; the caller holds the row.

        :param interaction: the completed ``telemarketing.interaction``
        :param dict callback: ``{at, user, phone, note}`` for ``schedule``
        :param bool refresh: ask at once from when the person may be called again; who
            moves many asks for all of them afterwards
        """
        self.ensure_one()
        disposition = interaction.disposition_id
        now = interaction.closed_at
        values = {
            "leased_by_id": False,
            "leased_until": False,
            "interaction_id": False,
            "notes": False,
            "callback": False,
            "callback_user_id": False,
            "callback_note": False,
            "next_call_at": False,
            "callback_agreed": False,
            "asked_hour": False,
            "last_disposition_id": disposition.id,
            "last_result_at": now,
            # A call that no agent had does not make anybody forget who had the last.
            "last_agent_id": (interaction.agent_id or self.last_agent_id).id,
            "state_before": False,
        }
        if disposition.outcome != "none":
            values["contacted"] = 1
            values["first_contact_at"] = self.first_contact_at or now
        if disposition.is_conversion:
            values["converted"] = 1
        values["before_result"] = self._before(interaction)
        kind = disposition.effective_kind
        if callback:
            # An agreed hour wins over what the result would do by itself.
            kind = "schedule"
        getattr(self, f"_after_{kind}")(interaction, values, callback or {})
        if self.training_objection and values["state"] == "ready":
            values["state"] = "excluded"
        if self.state_before == "excluded" and values["state"] == "done":
            # A call of their own lifts no exclusion.
            values["state"] = "excluded"
        self.write(values)
        if disposition.clear_callbacks:
            self._clear_callbacks()
        if disposition.drop_numbers:
            interaction._numbers()._take_out_of_lists(interaction)
        if refresh and values["state"] == "ready":
            self._refresh_gate(targets=self)

    # Of a target, what a result overwrites.
    _BEFORE = (
        *("callback", "callback_agreed", "callback_user_id", "callback_note"),
        *("next_call_at", "asked_hour", "asked_at", "asked_channel", "asked_by"),
        *("contacted", "converted", "first_contact_at", "last_disposition_id"),
        *("last_result_at", "last_agent_id", "phone_id", "done_reason"),
        # Of somebody closed who rang: there they go back to.
        "state_before",
    )

    def _before(self, interaction):
        """How the person stands, kept so that a slip of the hand can be undone."""
        values = {}
        for name in self._BEFORE:
            value = self[name]
            if self._fields[name].type == "many2one":
                value = value.id
            elif self._fields[name].type == "datetime":
                value = fields.Datetime.to_string(value)
            values[name] = value
        return {"interaction": interaction.id, "values": values}

    @api.private
    def _undo_result(self, interaction, now):
        """Back on the desk of who closed it, as it was before that result."""
        self.ensure_one()
        values = dict(self.before_result["values"])
        for name in self._BEFORE:
            field = self._fields[name]
            if field.type == "many2one" and values[name]:
                # Who was deleted meanwhile is not named again.
                record = self.env[field.comodel_name].browse(values[name]).exists()
                values[name] = record.id
        if (
            interaction.disposition_id.effective_kind == "number_bad"
            and interaction.phone_id.state == "bad"
        ):
            interaction.phone_id.state = "ok"
        minutes = self.campaign_id.lease_minutes
        self.write(
            {
                **values,
                "before_result": False,
                "state": "talking",
                "leased_by_id": interaction.agent_id.id,
                "leased_until": now + timedelta(minutes=minutes),
                "interaction_id": interaction.id,
            }
        )

    def _clear_callbacks(self):
        """Other callbacks of this person in the campaign are off: who was waited for
        is called as if nobody had agreed on anything."""
        others = (self.contact_id.target_ids - self).filtered(
            lambda t: (
                t.campaign_id == self.campaign_id and t.state == "ready" and t.callback
            )
        )
        if not others:
            return
        others.write(
            {
                "callback": False,
                "callback_agreed": False,
                "callback_user_id": False,
                "callback_note": False,
                "asked_hour": False,
                "next_call_at": False,
            }
        )
        self._refresh_gate(targets=others)

    def _redial(self, interaction, values, phone):
        rule = interaction.disposition_id._redial_rule(self.campaign_id)
        # The person's zone is asked for only where an hour of the day matters.
        tz = "UTC" if rule.part == "any" else self.contact_id.tz
        at = next_call(rule, self.attempts, interaction.closed_at, tz)
        if at is None:
            values["state"] = "done"
            values["done_reason"] = "max_attempts"
            return
        values["state"] = "ready"
        values["next_call_at"] = at
        values["phone_id"] = phone.id

    def _after_redial_same(self, interaction, values, callback):
        self._redial(interaction, values, interaction.phone_id or self.phone_id)

    def _after_redial_next(self, interaction, values, callback):
        self._redial(interaction, values, self._next_phone(interaction.phone_id))

    def _after_schedule(self, interaction, values, callback):
        values["state"] = "ready"
        values["callback"] = True
        values["next_call_at"] = callback["at"]
        values["callback_user_id"] = callback["user"].id
        values["callback_agreed"] = bool(callback.get("agreed"))
        values["callback_note"] = callback.get("note")
        if callback.get("asked"):
            # Kept as proof: who asked, when and how.
            values |= {
                "asked_hour": True,
                "asked_at": interaction.closed_at,
                "asked_channel": "call",
                "asked_by": self.contact_id.display_name,
            }
        values["phone_id"] = (callback.get("phone") or interaction.phone_id).id

    def _after_none(self, interaction, values, callback):
        values["state"] = "done"

    def _after_close(self, interaction, values, callback):
        values["state"] = "done"

    def _after_number_bad(self, interaction, values, callback):
        # A wrong number must not bar the person: the next number is tried.
        phone = interaction.phone_id
        phone.state = "bad"
        following = self._next_phone(phone)
        if following:
            self._redial(interaction, values, following)
        else:
            values["state"] = "done"
            values["done_reason"] = "no_number"

    @api.private
    def _train_from_start(self):
        """An invented person as nobody has called it yet."""
        self.ensure_one()
        now = self.env["telemarketing.clock"]._now()
        running = self.campaign_id.state == "running"
        kind = (self.contact_id.raw_values or {}).get("kind")
        values = dict.fromkeys(self._BEFORE, False)
        values |= {
            "state": "ready" if running else "new",
            "attempts": 0,
            "contacted": 0,
            "converted": 0,
            "notes": False,
            "state_before": False,
            "before_result": False,
            "training_objection": False,
        }
        if kind == "callback":
            values |= {"callback": True, "callback_agreed": True, "next_call_at": now}
        self.contact_id.phone_ids.state = "ok"
        self.write(values)
        self._refresh_gate(targets=self)

    def _after_exclude(self, interaction, values, callback):
        values["state"] = "excluded"
        interaction._exclude_person()

    @api.private
    def _next_phone(self, after=None):
        """The contact's next usable number after this one, round and round."""
        usable = self.contact_id.phone_ids.filtered(lambda p: p.state == "ok")
        if not usable:
            return usable
        later = usable.filtered(
            lambda p: after and (p.sequence, p.id) > (after.sequence, after.id)
        )
        return (later or usable)[:1]

    # MAY WE CALL

    @api.private
    def _may_call(self, phone, now):
        """May this number of the person be dialled at this instant?

        :return: ``{answer: 'allowed' | 'until' | 'never', until, reason, code,
            article, basis, record_whole, warnings: [text]}``
        """
        return self._may_call_each(phone, now)[phone]

    @api.private
    def _may_call_each(self, phones, now):
        """The same for several numbers, in one query; see ``telemarketing.gate``.

        :return: ``{phone: verdict}`` in the phones' order
        """
        self.ensure_one()
        gate = self.env["telemarketing.gate"]
        answers = gate._ask(self, now)
        return {
            phone: gate._values(*answers[phone.id], now)
            for phone in phones
            if phone.id in answers
        }

    @api.private
    def _write_refusal(self, answers=None):
        """Ask again for every number; when none may be called now, the answer goes
        back to the list, so that the lease does not bring the person again.

        :param dict answers: of ``telemarketing.gate._ask``, where they are known
        :return: whether the person may not be called now
        """
        self.ensure_one()
        if answers is None:
            now = self.env["telemarketing.clock"]._now()
            answers = self.env["telemarketing.gate"]._ask(self, now)
        answers = [*answers.values()]
        if any(verdict.allowed for _facts, verdict in answers):
            return False
        later = [v for _f, v in answers if v.until]
        chosen = min(later, key=lambda v: v.until) if later else None
        chosen = chosen or next((v for _f, v in answers), None)
        if chosen and chosen.finding.code == "database_off":
            return True
        self.write(
            {
                "callable_from": chosen.until if chosen else False,
                "callable_code": chosen.finding.code if chosen else "number_bad",
            }
        )
        return True

    @api.model
    def _refresh_gate(
        self,
        targets=None,
        contacts=None,
        numbers=None,
        campaigns=None,
        provinces=None,
        companies=None,
        reason=None,
    ):
        """Ask again for these whether they may be called, and write it down.

        Pass one: records, or INE codes of provinces. Few people are asked at once, in
        this transaction; many by the queue in the background.

        :param str reason: what changed, for whoever looks at the queue
        """
        gate = self.env["telemarketing.gate"].sudo()
        queue = self.env["telemarketing.gate.refresh"].sudo()
        reason = reason or self.env._("Facts changed")
        now = self.env["telemarketing.clock"]._now()
        if numbers:
            contacts = (contacts or self.env["telemarketing.contact"].sudo()) | (
                self.env["telemarketing.contact.phone"]
                .sudo()
                .search([("number_id", "in", numbers.ids)])
                .contact_id
            )
        if targets:
            for company, some in targets.sudo().grouped("company_id").items():
                gate._refresh_few(company, SQL("t.id = ANY(%s)", some.ids), now)
        if contacts:
            for company, some in contacts.sudo().grouped("company_id").items():
                if len(some) > INLINE:
                    queue._queue(company, reason)
                else:
                    gate._refresh_few(
                        company, SQL("t.contact_id = ANY(%s)", some.ids), now
                    )
        if campaigns:
            for company, some in campaigns.sudo().grouped("company_id").items():
                few = self.sudo().search(
                    [
                        ("campaign_id", "in", some.ids),
                        ("state", "in", ("new", "ready")),
                    ],
                    limit=INLINE + 1,
                )
                if len(few) > INLINE:
                    queue._queue(company, reason, campaigns=some)
                elif few:
                    gate._refresh_few(company, SQL("t.id = ANY(%s)", few.ids), now)
        if provinces is not None:
            running = self.env["telemarketing.campaign"].sudo()
            running = running._read_group([], ["company_id"])
            for (company,) in running:
                queue._queue(company, reason, provinces=provinces)
        for company in companies or ():
            queue._queue(company, reason)

    @api.model
    def _revive(self, contacts):
        """An exclusion of these people was lifted: who was closed as excluded comes
        back, unless something else bars them."""
        if not contacts:
            return
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE telemarketing_target t
               SET state = CASE WHEN c.state = 'running' THEN 'ready' ELSE 'new' END,
                   callable_from = %(now)s, callable_code = NULL,
                   due_at = GREATEST(%(now)s, t.next_call_at)
               FROM telemarketing_campaign c
               WHERE c.id = t.campaign_id AND t.contact_id = ANY(%(contacts)s)
                 AND t.state = 'excluded'
                 AND NOT EXISTS (
                     SELECT 1 FROM telemarketing_target o
                     WHERE o.contact_id = t.contact_id
                       AND o.campaign_id = t.campaign_id
                       AND COALESCE(o.origin, '') = COALESCE(t.origin, '')
                       AND o.id <> t.id
                       AND o.state NOT IN ('done', 'excluded'))
                 AND t.id = (
                     SELECT max(o.id) FROM telemarketing_target o
                     WHERE o.contact_id = t.contact_id
                       AND o.campaign_id = t.campaign_id
                       AND COALESCE(o.origin, '') = COALESCE(t.origin, ''))""",
            {
                "now": self.env["telemarketing.clock"]._now(),
                "contacts": contacts.ids,
            },
        )
        self.env.invalidate_all(flush=False)
        self._refresh_gate(contacts=contacts)

    # ACTIONS of supervisors

    def action_move_callbacks(self):
        """The callbacks ticked, to another agent or another hour."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "telemarketing_base.action_telemarketing_callback_move"
        )
        context = {"active_model": self._name, "active_ids": self.ids}
        return {**action, "context": context}

    def action_put_back(self):
        """People whose numbers a result took out of the list are called again."""
        self.check_access("write")
        Target = self.env["telemarketing.target"].sudo()
        back = Target
        for target in self.sudo():
            if target.state != "done" or target.done_reason != "number_dropped":
                raise UserError(
                    self.env._(
                        "%s was not taken out of the list by a number.",
                        target.display_name,
                    )
                )
            worked = target.contact_id.target_ids.filtered(
                lambda t, target=target: (
                    t.campaign_id == target.campaign_id
                    and (t.origin or "") == (target.origin or "")
                    and t.state not in CLOSED
                )
            )
            if not worked:
                back |= target
        running = back.filtered(lambda t: t.campaign_id.state == "running")
        values = {"done_reason": False, "dropped_by_id": False}
        running.write({**values, "state": "ready"})
        (back - running).write({**values, "state": "new"})
        self._refresh_gate(targets=back)
        return True

    def action_unassign(self):
        self.write({"agent_id": False})
        return True
