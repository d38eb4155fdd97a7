from datetime import time

from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ..compliance.facts import Rules

#: The law's window on the wall clock of the person called (TRLGDCU art. 96.2).
LAW_OPENS, LAW_CLOSES = 9.0, 21.0


class TelemarketingCallingRules(models.Model):
    """A company's calling rules: what the law leaves to whoever calls, and what is
    uncertain in it with its safe default. One record per company.

    The fields are those of ``compliance.Rules``; each one's source stands beside it
    on the page *Calling Rules* and in ``docs/compliance.md``.
    """

    _name = "telemarketing.calling.rules"
    _description = "Calling Rules"
    _inherit = ["mail.thread"]
    _rec_name = "company_id"

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, ondelete="cascade"
    )

    # hours
    opens = fields.Float("From", required=True, default=LAW_OPENS, tracking=True)
    closes = fields.Float("To", required=True, default=LAW_CLOSES, tracking=True)
    last_dial = fields.Float(
        "No New Call From",
        required=True,
        default=20 + 59 / 60,
        tracking=True,
        help="A call dialled in the last minute is answered too late. 0:00: up to the "
        "closing hour itself.",
    )
    hours_for = fields.Selection(
        [
            ("consumers", "Consumers only"),
            ("professionals", "Consumers, sole traders and professionals"),
            ("everyone", "Everyone, also companies"),
        ],
        "Whom the Hours Protect",
        required=True,
        default="professionals",
        tracking=True,
    )
    hours_purposes = fields.Selection(
        [
            ("commercial", "Commercial calls only"),
            ("all", "Every call: also surveys and service"),
        ],
        "Which Calls Keep the Hours",
        required=True,
        default="all",
        tracking=True,
    )

    # holidays and place
    unknown_place = fields.Selection(
        [
            ("national", "National holidays only"),
            ("strict", "Every region's holidays too"),
        ],
        "Where the Person Is Unknown",
        required=True,
        default="national",
        tracking=True,
    )
    local_holidays_note = fields.Text(
        "Local Holidays",
        tracking=True,
        help="Which municipalities' calendars this company keeps, and who looks after "
        "them.",
    )

    # consent
    consent_years = fields.Integer(
        "Consent Lasts (years)", required=True, default=2, tracking=True
    )
    consent_last_day = fields.Boolean(
        "Also on the Anniversary Itself", default=True, tracking=True
    )

    # clients
    client_basis = fields.Selection(
        [
            ("warn", "May be called, with a warning to the agent"),
            ("never", "Are not called without consent"),
        ],
        "Clients With a Contract, Without Consent",
        required=True,
        default="warn",
        tracking=True,
    )
    former_client_months = fields.Integer(
        "Former Clients, for (months)", required=True, default=12, tracking=True
    )
    request_days = fields.Integer(
        "A Request Holds (days)", required=True, default=365, tracking=True
    )

    # Lista Robinson
    robinson = fields.Selection(
        [
            ("required", "No call without a consultation"),
            ("warn", "Only a warning where nobody asked"),
            ("off", "Never asked for"),
        ],
        "Consultation Before Calling",
        required=True,
        default="required",
        tracking=True,
        help="Whoever is known to be in the list is not called as a client, whatever "
        "is chosen here.",
    )
    robinson_days = fields.Integer(
        "A Consultation Holds (days)", required=True, default=30, tracking=True
    )
    directory = fields.Selection(
        [
            ("never", "Are not called without consent"),
            ("warn", "May be called, with a warning to the agent"),
        ],
        "Numbers From a Directory",
        required=True,
        default="never",
        tracking=True,
    )

    # number caps
    max_day = fields.Integer("Calls a Day", required=True, default=4, tracking=True)
    max_week = fields.Integer("Calls a Week", required=True, default=12, tracking=True)
    max_total = fields.Integer("Calls in All", required=True, default=0, tracking=True)
    gap_minutes = fields.Integer(
        "Minutes Between Two Calls", required=True, default=15, tracking=True
    )
    agreed_minutes = fields.Integer(
        "An Agreed Hour Holds (minutes)", required=True, default=60, tracking=True
    )
    never_premium = fields.Boolean("Premium Rate", default=True, tracking=True)
    never_shared_cost = fields.Boolean("Shared Cost", default=False, tracking=True)
    never_personal = fields.Boolean("Personal Numbers", default=False, tracking=True)

    # number shown
    cli_400_from = fields.Date(
        "Prefix 400 From", default="2026-12-28", tracking=True, help="Empty: never."
    )

    # minors, other countries
    minors = fields.Selection(
        [
            ("never", "Are not called"),
            ("warn", "May be called, with a warning to the agent"),
        ],
        "People Under 18",
        required=True,
        default="never",
        tracking=True,
    )
    foreign = fields.Selection(
        [
            ("warn", "May be called, with a warning to the agent"),
            ("never", "Are not called"),
        ],
        "Foreign Numbers",
        required=True,
        default="warn",
        tracking=True,
    )

    _company_uniq = models.UniqueIndex(
        "(company_id)", "This company has its calling rules already."
    )
    _not_negative = models.Constraint(
        "CHECK (max_day >= 0 AND max_week >= 0 AND max_total >= 0"
        " AND gap_minutes >= 0 AND agreed_minutes >= 0 AND former_client_months >= 0"
        " AND request_days >= 0)",
        "Calling rules: times and numbers of calls cannot be negative.",
    )

    # CONSTRAINTS: narrower than the law, never wider

    @api.constrains("opens", "closes", "last_dial")
    def _check_hours(self):
        for rules in self:
            opens, closes = _time(rules.opens), _time(rules.closes)
            if opens < _time(LAW_OPENS) or closes > _time(LAW_CLOSES):
                raise ValidationError(
                    self.env._(
                        "The law lets nobody call before 9:00 or after 21:00 (TRLGDCU "
                        "art. 96.2): your hours may be shorter, not longer."
                    )
                )
            if opens >= closes:
                raise ValidationError(
                    self.env._("The calling hours must end after they begin.")
                )
            if rules.last_dial and not opens < _time(rules.last_dial) <= closes:
                raise ValidationError(
                    self.env._(
                        "The last new call must lie within the calling hours. Put 0:00 "
                        "to allow calls up to the closing hour."
                    )
                )

    @api.constrains("consent_years", "former_client_months", "request_days")
    def _check_terms(self):
        for rules in self:
            if not 1 <= rules.consent_years <= 2:
                raise ValidationError(
                    self.env._(
                        "Consent counts only if it was given or renewed in the two "
                        "years before the call (TRLGDCU art. 62.1): put 1 or 2 years."
                    )
                )
            if rules.former_client_months > 12 or rules.request_days > 366:
                raise ValidationError(
                    self.env._(
                        "Whoever neither has a contract nor asked or did anything in "
                        "the last year does not expect our call (Circular AEPD 1/2023 "
                        "art. 3): put 12 months and a year at most."
                    )
                )

    @api.constrains("robinson_days")
    def _check_robinson_days(self):
        for rules in self:
            if rules.robinson_days < 1:
                raise ValidationError(
                    self.env._("A consultation of the Lista Robinson holds a day.")
                )

    # CRUD

    @api.model_create_multi
    def create(self, vals_list):
        rules = super().create(vals_list)
        self.env.registry.clear_cache()
        return rules

    def write(self, vals):
        result = super().write(vals)
        if set(vals) & self._kernel_fields():
            self.env.registry.clear_cache()
            self.env["telemarketing.target"]._refresh_gate(companies=self.company_id)
            self.env["telemarketing.gate"].sudo()._schedule_closing(self.company_id)
        return result

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    @api.model
    def _kernel_fields(self):
        """Names of the fields that a call may hang on."""
        names = set(Rules.__dataclass_fields__) & set(self._fields)
        return names | {"never_premium", "never_shared_cost", "never_personal"}

    # READING

    @api.model
    def _for(self, company):
        """The rules of a company; made with the defaults where it has none.

        Two requests may make them at once: the second waits for the first, and
        then finds them or, in its older snapshot, is told by PostgreSQL to try
        again, which Odoo does.

        :return: one ``telemarketing.calling.rules``, sudo
        """
        rules = self.sudo().with_context(active_test=False)
        found = rules.browse(rules._id_of(company.id))
        if found:
            return found
        names = [
            name
            for name, field in self._fields.items()
            if field.store and field.column_type and name not in models.MAGIC_COLUMNS
        ]
        values = rules.default_get(names) | {"company_id": company.id}
        columns = {"create_uid": self.env.uid, "write_uid": self.env.uid}
        for name in names:
            field = self._fields[name]
            value = field.convert_to_cache(values.get(name, False), rules.browse())
            columns[name] = field.convert_to_column_insert(value, rules.browse())
        stamp = SQL("now() AT TIME ZONE 'UTC'")
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """INSERT INTO telemarketing_calling_rules
                   (%s, create_date, write_date) VALUES (%s, %s, %s)
                   ON CONFLICT (company_id) DO NOTHING""",
                SQL(", ").join(map(SQL.identifier, columns)),
                SQL(", ").join(SQL("%s", value) for value in columns.values()),
                stamp,
                stamp,
            )
        )
        self.env.registry.clear_cache()
        return rules.browse(rules._id_of(company.id))

    @api.model
    @tools.ormcache("company_id")
    def _id_of(self, company_id):
        return self.search([("company_id", "=", company_id)], limit=1).id

    @tools.ormcache("self.id")
    @api.private
    def _kernel(self):
        """The settings as the kernel wants them.

        :return: ``compliance.Rules``
        """
        self.ensure_one()
        own = self.sudo()
        kinds = {
            "premium": own.never_premium,
            "shared_cost": own.never_shared_cost,
            "personal": own.never_personal,
        }
        values = {
            name: own[name]
            for name in Rules.__dataclass_fields__
            if name in self._fields
        }
        return Rules(
            **values
            | {
                "opens": _time(own.opens),
                "closes": _time(own.closes),
                "last_dial": _time(own.last_dial) if own.last_dial else None,
                "never_kinds": frozenset(k for k, never in kinds.items() if never),
                "cli_400_from": own.cli_400_from or None,
            }
        )

    @api.model
    def _init_companies(self):
        """Every company's record; at install."""
        there = self.sudo().search_fetch([("company_id", "!=", False)], ["company_id"])
        companies = self.env["res.company"].sudo()
        for company in companies.search([("id", "not in", there.company_id.ids)]):
            self._for(company)

    # ACTIONS

    @api.model
    def action_open_rules(self):
        """The page of the company that the user works in."""
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Calling Rules"),
            "res_model": self._name,
            "res_id": self._for(self.env.company).id,
            "view_mode": "form",
            "views": [(False, "form")],
        }

    @api.depends("company_id")
    def _compute_display_name(self):
        for rules in self:
            rules.display_name = self.env._(
                "Calling rules of %s", rules.sudo().company_id.name
            )


def _time(hours):
    """A float of hours as a time of day; what a minute's fraction blurred is put
    right to the second."""
    seconds = round(hours * 3600)
    if not 0 <= seconds < 24 * 3600:
        return time.max.replace(microsecond=0) if seconds > 0 else time.min
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60)
