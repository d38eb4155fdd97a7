import hashlib

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import formatLang

from ..identity.phone import is_short_number, parse_phone, split_phones

# The conversion that counts, per kind of campaign.
CONVERSION_LABELS = {
    "telemarketing": "leads",
    "telesales": "sales",
    "appointment": "appointments",
    "survey": "surveys",
}

# Kinds of a campaign in which nothing is offered. Neither asks people for a sale or
# for their interest (a lead); a visit of the technician is an appointment.
KINDS_WITHOUT_OFFER = {
    "survey": ("survey",),
    "service": ("appointment", "survey"),
}
SUPERVISOR = "telemarketing_base.group_supervisor"


class TelemarketingCampaign(models.Model):
    """One effort, for a client company (the principal) or for ourselves."""

    _name = "telemarketing.campaign"
    _description = "Campaign"
    _inherit = ["telemarketing.training.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "sequence, id desc"
    _check_company_auto = True

    name = fields.Char(required=True, tracking=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True
    )
    principal_id = fields.Many2one(
        "res.partner",
        "Client Company",
        index="btree_not_null",
        tracking=True,
        domain="[('telemarketing_is_principal', '=', True), "
        "('company_id', 'in', (False, company_id))]",
        help="The company that we call for (Empresa). Empty: for ourselves.",
    )
    kind = fields.Selection(
        selection="_selection_kind", required=True, default="telesales", tracking=True
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("running", "Running"),
            ("paused", "Paused"),
            ("done", "Closed"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        default="draft",
        tracking=True,
        copy=False,
        readonly=True,
    )
    date_start = fields.Date("Start Date")
    date_end = fields.Date("End Date")
    goal_conversions = fields.Integer("Goal", help="Conversions to reach.")
    description = fields.Html()
    utm_campaign_id = fields.Many2one(
        "utm.campaign",
        "Attribution",
        copy=False,
        ondelete="set null",
        help="Odoo's own campaign, on leads, orders and invoices. Made at the start "
        "where it is empty.",
    )

    # people
    agent_ids = fields.Many2many(
        "res.users",
        "telemarketing_campaign_agent_rel",
        "campaign_id",
        "user_id",
        "Agents",
        groups="base.group_user",
        domain="[('telemarketing_is_agent', '=', True), "
        "('company_ids', 'in', company_id)]",
    )
    supervisor_ids = fields.Many2many(
        "res.users",
        "telemarketing_campaign_supervisor_rel",
        "campaign_id",
        "user_id",
        "Supervisors",
        groups="base.group_user",
        domain="[('telemarketing_is_supervisor', '=', True), "
        "('company_ids', 'in', company_id)]",
        default=lambda self: self._default_supervisor_ids(),
        help="Who administers the campaign.",
    )
    salesperson_ids = fields.Many2many(
        "res.users",
        "telemarketing_campaign_salesperson_rel",
        "campaign_id",
        "user_id",
        "Salespeople",
        groups="base.group_user",
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
    )
    collaborator_ids = fields.Many2many(
        "res.partner",
        "telemarketing_campaign_collaborator_rel",
        "campaign_id",
        "partner_id",
        "Other Collaborators",
        groups="base.group_user",
        domain="[('telemarketing_role_ids', '!=', False)]",
        help="Technicians, installers, referrers, agencies…",
    )
    sale_team_id = fields.Many2one(
        "crm.team", "Sales Team", check_company=True, help="Of its opportunities."
    )

    # what is offered and said
    # With groups where the campaign's readers may not read what they hold: whoever
    # reads a campaign, portal contact or salesperson, reads it whole.
    article_ids = fields.One2many(
        "telemarketing.campaign.article",
        "campaign_id",
        groups="telemarketing_base.group_agent",
    )
    may_import_articles = fields.Boolean(compute="_compute_may_import_articles")
    reason_ids = fields.One2many(
        "telemarketing.reason",
        "campaign_id",
        groups="telemarketing_base.group_agent",
    )
    payment_method_ids = fields.Many2many(
        "payment.method", string="Payment Methods Accepted"
    )
    disposition_ids = fields.Many2many(
        "telemarketing.disposition",
        string="Results of This Campaign",
        groups="telemarketing_base.group_agent",
    )
    action_type_ids = fields.Many2many(
        "telemarketing.action.type",
        string="Actions of This Campaign",
        groups="telemarketing_base.group_agent",
    )
    script_ids = fields.Many2many(
        "telemarketing.script",
        string="Scripts",
        groups="telemarketing_base.group_agent",
    )
    require_legal_lines = fields.Boolean(
        "Legal Lines Before a Sale",
        default=True,
        groups="telemarketing_base.group_supervisor",
        help="A sale is not recorded until the agent has confirmed the legal lines of "
        "the script. Off: what was not confirmed is only noted with the call.",
    )
    profile_id = fields.Many2one(
        "telemarketing.profile", check_company=True, help="Fields agents fill in."
    )
    segment_ids = fields.Many2many(
        "telemarketing.segment",
        string="Work Lists",
        groups="telemarketing_base.group_supervisor",
    )
    contact_properties_definition = fields.PropertiesDefinition("Extra Columns")

    # calling rules
    auto_next = fields.Boolean(
        "Next Person Comes by Itself",
        default=True,
        help="After a result the next person comes by itself; otherwise the agent "
        "asks for it.",
    )
    max_attempts = fields.Integer(
        default=6, help="After so many calls without contact the person is left."
    )
    retry_minutes = fields.Integer(
        "Redial After (minutes)", default=120, help="When nobody is reached."
    )
    callback_general_minutes = fields.Integer(
        "Personal Callback for Anyone After (minutes)",
        default=60,
        help="A personal callback that its agent has not made goes to anyone after "
        "this delay. 0: never.",
    )
    callback_notice_minutes = fields.Integer("Notice Before a Callback", default=10)
    average_seconds = fields.Integer(
        "Average Call (seconds)",
        default=240,
        help="The desk's timer turns amber here and red at 130 %. 0: the average of "
        "its last 200 conversations.",
    )
    lease_minutes = fields.Integer(
        default=15,
        help="A person held by a desk that no longer answers comes back after this.",
    )
    mask_numbers = fields.Boolean(
        help="Agents see only the last digits of the numbers."
    )
    own_recordings = fields.Boolean(
        "Agents Hear Their Own Recordings", help="Supervisors always may."
    )
    buyer_is_consumer = fields.Boolean(
        default=True,
        help="An order taken in a call binds a consumer only when accepted in "
        "writing (TRLGDCU art. 98.6).",
    )

    # desk: appointments; see booking/slots.py, Rule
    appointment_minutes = fields.Integer(
        "Appointments Take (minutes)",
        default=60,
        help="What the agent starts from; each appointment may be longer or shorter.",
    )
    appointment_grid = fields.Selection(
        [(str(n), f"{n} min") for n in (10, 15, 20, 30, 60)],
        "Slots Every",
        default="30",
        required=True,
    )
    appointment_kind = fields.Selection(
        lambda self: (
            self.env["calendar.event"]
            ._fields["telemarketing_kind"]
            ._description_selection(self.env)
        ),
        "Usual Kind of Appointment",
        default="visit",
    )
    travel_minutes = fields.Integer(
        "Way Between Visits (minutes)",
        default=30,
        help="Kept free before and after a visit. Calls need no way.",
    )
    near_minutes = fields.Integer(
        "Way Within a Postcode (minutes)",
        default=10,
        help="Between two visits with the same postcode.",
    )
    appointment_notice_minutes = fields.Integer(
        "Not Before (minutes)",
        default=60,
        help="Nobody is booked sooner than this from now.",
    )
    appointment_days = fields.Integer("Book Up To (days)", default=60)
    appointment_alarm_ids = fields.Many2many(
        "calendar.alarm",
        "telemarketing_campaign_alarm_rel",
        "campaign_id",
        "alarm_id",
        "Reminders of Appointments",
        default=lambda self: self.env.ref(
            "telemarketing_base.alarm_day_before", raise_if_not_found=False
        ),
        groups=SUPERVISOR,
        help="Sent by Odoo's calendar to the person and to who visits.",
    )
    appointment_mail_template_id = fields.Many2one(
        "mail.template",
        "Mail to the Person",
        domain="[('model', '=', 'calendar.attendee')]",
        default=lambda self: self._default_appointment_template(),
        groups=SUPERVISOR,
        help="Sent when the appointment is booked, with a file for the calendar.",
    )
    visit_mail_template_id = fields.Many2one(
        "mail.template",
        "Mail to Who Visits",
        domain="[('model', '=', 'calendar.attendee')]",
        default=lambda self: self._default_appointment_template(),
        groups=SUPERVISOR,
    )
    appointment_sms_template_id = fields.Many2one(
        "sms.template",
        "SMS to the Person",
        domain="[('model', '=', 'calendar.event')]",
        groups=SUPERVISOR,
    )
    visit_sms_template_id = fields.Many2one(
        "sms.template",
        "SMS to Who Visits",
        domain="[('model', '=', 'calendar.event')]",
        groups=SUPERVISOR,
    )

    _appointment_numbers = models.Constraint(
        "CHECK (appointment_minutes BETWEEN 5 AND 480 AND appointment_days "
        "BETWEEN 1 AND 366 AND travel_minutes BETWEEN 0 AND 480 AND near_minutes "
        "BETWEEN 0 AND 480 AND appointment_notice_minutes BETWEEN 0 AND 43200)",
        "An appointment takes 5 to 480 minutes and is booked 1 to 366 days ahead; a "
        "way takes 0 to 480 minutes and the notice 30 days at most.",
    )

    # desk: orders
    pricelist_id = fields.Many2one(
        "product.pricelist",
        "Price List",
        check_company=True,
        groups=SUPERVISOR,
        help="Of its orders. Articles marked so take their price from it, by quantity.",
    )
    order_payment_ids = fields.Many2many(
        "telemarketing.order.payment",
        "telemarketing_campaign_payment_rel",
        "campaign_id",
        "payment_id",
        "Ways to Pay",
        check_company=True,
        groups=SUPERVISOR,
        help="Offered by agents. With one at least, an order says how it is paid.",
    )
    quote_mail_template_id = fields.Many2one(
        "mail.template",
        "Mail of the Quotation",
        domain="[('model', '=', 'sale.order')]",
        groups=SUPERVISOR,
        help="Sent with the offer of a call. Empty: Odoo's own.",
    )

    # desk: how fast it goes on by itself; see desk_frame.py
    next_seconds = fields.Integer(
        "Countdown to the Next Person (seconds)",
        default=3,
        help="Where the next person comes by itself: shown after each result, held by "
        "the space bar. 0: at once.",
    )
    preview_seconds = fields.Integer(
        "Preview (seconds)",
        default=0,
        help="The agent reads about the person for so long, then the call starts by "
        "itself if it is allowed; the space bar holds it. 0: the agent dials.",
    )
    wrap_up_seconds = fields.Integer(
        "Wrap-up (seconds)",
        default=0,
        help="Most time between the end of a call and its result. The desk counts it "
        "down and supervisors see who is over it. 0: no cap.",
    )
    wrap_up_disposition_id = fields.Many2one(
        "telemarketing.disposition",
        "Result When Wrap-up Is Over",
        groups=SUPERVISOR,
        help="Given by itself when the time is up and the agent has not begun another "
        "one; the next person then waits for the agent. Empty: the agent gives it.",
    )

    _pace = models.Constraint(
        "CHECK (next_seconds BETWEEN 0 AND 60 AND preview_seconds BETWEEN 0 AND 600"
        " AND wrap_up_seconds BETWEEN 0 AND 3600)",
        "The countdown to the next person is a minute at most, the preview ten "
        "minutes and the wrap-up an hour.",
    )

    # desk: back office
    back_office_ids = fields.Many2many(
        "res.users",
        "telemarketing_campaign_back_office_rel",
        "campaign_id",
        "user_id",
        groups="base.group_user",
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        help="Who validates its orders and hands them over, besides supervisors.",
    )
    send_quotation = fields.Boolean(
        "Send the Quotation",
        default=True,
        groups="base.group_user",
        help="By mail, as soon as the call is closed. Without a mail address it "
        "becomes a to-do.",
    )
    quote_mail_template_id = fields.Many2one(
        "mail.template",
        "Mail of the Quotation",
        domain="[('model', '=', 'sale.order')]",
        groups=SUPERVISOR,
        help="Empty: Odoo's own.",
    )
    validate_orders = fields.Boolean(
        "Orders Are Validated",
        groups="base.group_user",
        help="What was accepted is confirmed when the back office has approved it.",
    )
    withdrawal_days = fields.Integer(
        "Withdrawal (days)",
        default=14,
        groups="base.group_user",
        help="Calendar days in which a consumer may withdraw: 14 at least (TRLGDCU "
        "art. 102). 0: there is no such right (art. 103).",
    )

    _withdrawal_days_range = models.Constraint(
        "CHECK (withdrawal_days = 0 OR withdrawal_days BETWEEN 14 AND 400)",
        "A consumer has 14 days at least to withdraw; 0 where the law gives no right.",
    )

    # desk: results
    preview_results = fields.Boolean(
        "Show What a Result Does",
        default=True,
        help="The first time that an agent uses a result in this campaign, the desk "
        "says what it will do; the same key again records it.",
    )

    # What the law asks of it; see compliance/facts.py, Campaign. Who changed it when is
    # in the chatter; the principal's contacts read the campaign, not this.
    call_purpose = fields.Selection(
        [
            ("commercial", "Commercial"),
            ("survey", "Survey, nothing is offered"),
            ("service", "Service to clients: incidents, appointments, payments"),
        ],
        required=True,
        default="commercial",
        tracking=True,
        groups=SUPERVISOR,
        help="Advertising needs a legal basis and the consultation of the Lista "
        "Robinson; a call about a contract in force does not. Surveys and service "
        "sell nothing: no articles, no orders.",
    )
    sector_id = fields.Many2one(
        "telemarketing.sector",
        index="btree_not_null",
        ondelete="restrict",
        tracking=True,
        groups=SUPERVISOR,
        help="The trade of what is offered: some have calling rules of their own.",
    )
    basis_consent = fields.Boolean(
        "Consent", default=True, tracking=True, groups=SUPERVISOR
    )
    basis_client = fields.Boolean(
        "Existing Clients", default=True, tracking=True, groups=SUPERVISOR
    )
    basis_legal_person = fields.Boolean(
        "Legal Persons, Professionals", default=True, tracking=True, groups=SUPERVISOR
    )
    basis_request = fields.Boolean(
        "They Asked for It", default=True, tracking=True, groups=SUPERVISOR
    )
    similar_product = fields.Boolean(
        "Own Product, Similar to Theirs",
        tracking=True,
        groups=SUPERVISOR,
        help="What is offered is the advertiser's own and similar to what its clients "
        "have (Circular AEPD 1/2023 art. 3): else clients need consent.",
    )
    group_company = fields.Boolean(
        "Clients of a Sister Company",
        tracking=True,
        groups=SUPERVISOR,
        help="Clients of another company of the group need consent.",
    )
    for_home = fields.Boolean(
        "Offered for the Home",
        default=True,
        tracking=True,
        groups=SUPERVISOR,
        help="A professional who is offered something for his home is a consumer.",
    )
    assessment_file = fields.Binary(
        "Legitimate-Interest Assessment",
        attachment=True,
        copy=False,
        groups=SUPERVISOR,
        help="On file and dated, or former clients are not called.",
    )
    # Files are not tracked: their name is.
    assessment_name = fields.Char(
        "File of the Assessment", copy=False, tracking=True, groups=SUPERVISOR
    )
    assessment_date = fields.Date(copy=False, tracking=True, groups=SUPERVISOR)
    call_mode = fields.Selection(
        [("agent", "By a person"), ("robot", "By a robot, without a person")],
        "Who Speaks",
        required=True,
        default="agent",
        tracking=True,
        groups=SUPERVISOR,
        help="A robot needs prior consent to just that (LGTel art. 66.1.a).",
    )
    caller_number = fields.Char(
        "Number Shown",
        tracking=True,
        groups=SUPERVISOR,
        help="Commercial calls never show a mobile (Orden TDF/149/2025 art. 9). "
        "Empty: the telephone decides, and nobody checks it here.",
    )
    window_ids = fields.One2many(
        "telemarketing.campaign.window",
        "campaign_id",
        "Reserved Hours",
        groups="telemarketing_base.group_agent",
        help="Only within these, at the place of the person called. None: the law's.",
    )

    # counts (of all databases; readers see what their rules let them)
    database_ids = fields.One2many(
        "telemarketing.database",
        "campaign_id",
        groups="telemarketing_base.group_supervisor",
    )
    contact_count = fields.Integer(compute="_compute_counts")
    assigned_count = fields.Integer(compute="_compute_counts")
    contacted_count = fields.Integer(compute="_compute_counts")
    converted_count = fields.Integer(compute="_compute_counts")

    compliance_html = fields.Html(
        "What Stands Against It",
        compute="_compute_compliance_html",
        sanitize=False,
        groups="telemarketing_base.group_supervisor",
    )
    callable_count = fields.Integer(
        "Callable Now", compute="_compute_availability", groups=SUPERVISOR
    )
    availability_html = fields.Html(
        "Who May Be Called",
        compute="_compute_availability",
        export_string_translation=False,
        groups="telemarketing_base.group_supervisor",
    )
    availability_at = fields.Datetime(
        "Counted", compute="_compute_availability", groups=SUPERVISOR
    )
    # Lista Robinson; counted in the background
    robinson_waiting = fields.Integer(
        "Numbers to Consult",
        readonly=True,
        copy=False,
        groups="telemarketing_base.group_supervisor",
        help="Never consulted in the Lista Robinson, or too long ago.",
    )
    robinson_counted_at = fields.Datetime(
        readonly=True, copy=False, groups="telemarketing_base.group_supervisor"
    )
    robinson_asked = fields.Boolean(
        copy=False,
        readonly=True,
        groups="telemarketing_base.group_supervisor",
        help="Its numbers are consulted although it does not run yet.",
    )
    robinson_notice = fields.Char(
        compute="_compute_robinson_notice",
        groups="telemarketing_base.group_supervisor",
    )

    _dates = models.Constraint(
        "CHECK (date_end IS NULL OR date_start IS NULL OR date_end >= date_start)",
        "The campaign ends before it starts.",
    )
    _rules = models.Constraint(
        "CHECK (max_attempts >= 0 AND retry_minutes >= 1 AND lease_minutes >= 1"
        " AND average_seconds >= 0 AND callback_general_minutes >= 0)",
        "Calling rules: attempts and times cannot be negative; the redial delay and "
        "the lease are a minute at least.",
    )

    @api.model
    def _selection_kind(self):
        return [
            ("telemarketing", self.env._("Telemarketing")),
            ("telesales", self.env._("Telesales")),
            ("appointment", self.env._("Appointments")),
            ("survey", self.env._("Surveys")),
        ]

    @api.model
    def _default_appointment_template(self):
        return self.env.ref(
            "calendar.calendar_template_meeting_invitation", raise_if_not_found=False
        )

    @api.model
    def _default_supervisor_ids(self):
        user = self.env.user
        return user if user.has_group("telemarketing_base.group_supervisor") else False

    # CRUD

    @api.constrains("principal_id")
    def _check_principal_fixed(self):
        for campaign in self:
            if campaign.principal_id and not (
                campaign.principal_id.telemarketing_is_principal
            ):
                raise ValidationError(
                    self.env._(
                        "%s is not marked as a company that we run campaigns for.",
                        campaign.principal_id.display_name,
                    )
                )

    @api.constrains("wrap_up_disposition_id")
    def _check_wrap_up_disposition(self):
        """What is given by itself may follow from no decision of the agent's."""
        for campaign in self:
            disposition = campaign.wrap_up_disposition_id
            if not disposition:
                continue
            usable = {
                each["id"]: each for each in campaign._dispositions()._desk_values()
            }
            values = usable.get(disposition.id, {})
            decides = (
                any(values.get(name) for name in values if name.startswith("needs_"))
                or values.get("qualifies")
                or values.get("sale")
                or values.get("kind") == "exclude"
            )
            if not values.get("leaf") or decides:
                raise ValidationError(
                    self.env._(
                        "%s cannot be given by itself: choose a result of this "
                        "campaign without others below it, which asks for nothing, "
                        "sells nothing and excludes nobody.",
                        disposition.display_name,
                    )
                )

    @api.constrains("state", "company_id", "active", "training")
    def _check_parallel(self):
        """A second running campaign needs its feature, however it comes to run."""
        for campaign in self.filtered(
            lambda c: c.state == "running" and c.active and not c.training
        ):
            others = self.sudo().search_count(
                [
                    ("company_id", "=", campaign.company_id.id),
                    ("state", "=", "running"),
                    ("id", "!=", campaign.id),
                    ("training", "=", False),
                ],
                limit=1,
            )
            if others:
                campaign.company_id._telemarketing_require(
                    "campaigns_parallel",
                    self.env._("A second running campaign"),
                )

    @api.constrains("pricelist_id", "company_id")
    def _check_pricelist_id(self):
        for campaign in self:
            currency = campaign.company_id.currency_id
            if campaign.pricelist_id and campaign.pricelist_id.currency_id != currency:
                raise ValidationError(
                    self.env._(
                        "%(pricelist)s is in another currency than the campaign's "
                        "articles, which are in %(currency)s.",
                        pricelist=campaign.pricelist_id.display_name,
                        currency=currency.name,
                    )
                )

    @api.constrains("order_payment_ids", "principal_id")
    def _check_order_payment_ids(self):
        for campaign in self.filtered("principal_id"):
            links = campaign.order_payment_ids.filtered(lambda p: p.kind == "card_link")
            if links:
                raise ValidationError(
                    self.env._(
                        "The sales of %(principal)s are not ours to charge: "
                        "“%(payment)s” would be paid to us.",
                        principal=campaign.principal_id.display_name,
                        payment=links[0].name,
                    )
                )

    @api.constrains("call_purpose", "kind", "article_ids")
    def _check_nothing_offered(self):
        """What needs no legal basis, or passes over objections, sells nothing."""
        purposes = dict(self._fields["call_purpose"]._description_selection(self.env))
        kinds = dict(self._selection_kind())
        for campaign in self:
            allowed = KINDS_WITHOUT_OFFER.get(campaign.call_purpose)
            if not allowed:
                continue
            if campaign.kind not in allowed:
                raise ValidationError(
                    self.env._(
                        "%(campaign)s cannot be “%(purpose)s” and “%(kind)s” at once: "
                        "in such calls nothing is offered. Its kind may be: "
                        "%(kinds)s.",
                        campaign=campaign.name,
                        purpose=purposes[campaign.call_purpose],
                        kind=kinds[campaign.kind],
                        kinds=", ".join(kinds[kind] for kind in allowed),
                    )
                )
            campaign.article_ids._check_may_be_offered()

    @api.constrains("caller_number", "call_purpose")
    def _check_caller_number(self):
        for campaign in self:
            number = campaign.caller_number
            if not number:
                continue
            if is_short_number(number):
                if campaign.call_purpose != "service":
                    raise ValidationError(
                        self.env._(
                            "Number Shown: a short number such as %s is shown in "
                            "service calls only.",
                            number,
                        )
                    )
            elif len(split_phones(number)) > 1 or not parse_phone(number):
                raise ValidationError(
                    self.env._(
                        "Number Shown: “%s” is not one telephone number. Write nine "
                        "digits, or + and the country's prefix.",
                        number,
                    )
                )

    @api.constrains("assessment_date")
    def _check_assessment_date(self):
        gate = self.env["telemarketing.gate"]
        now = self.env["telemarketing.clock"]._now()
        for campaign in self:
            today = gate._company_today(campaign.company_id, now)
            if campaign.assessment_date and campaign.assessment_date > today:
                raise ValidationError(
                    self.env._(
                        "%s: the assessment of legitimate interest is made before "
                        "people are called; its date cannot be in the future.",
                        campaign.name,
                    )
                )

    @api.model
    def _caller_number(self, written):
        """The one form of a number to show: E.164, or the digits of a short one. What
        is no number comes back as it is, and cannot be kept."""
        text = str(written or "").strip()
        if is_short_number(text):
            return "".join(str(int(c)) for c in text if c.isdecimal())
        phone = parse_phone(text) if len(split_phones(text)) == 1 else None
        return phone.e164 if phone else text

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if vals.get("caller_number"):
                vals["caller_number"] = self._caller_number(vals["caller_number"])
        return super().create(vals_list)

    def write(self, vals):
        if vals.get("caller_number"):
            vals = {
                **vals,
                "caller_number": self._caller_number(vals["caller_number"]),
            }
        self._check_purpose_changed(vals)
        for campaign in self:
            for name in ("principal_id", "company_id"):
                if (
                    name in vals
                    and campaign[name].id != vals[name]
                    and campaign._has_people()
                ):
                    raise UserError(
                        self.env._(
                            "%s already has people: they belong to its client "
                            "company and to ours, which cannot change any more.",
                            campaign.name,
                        )
                    )
            if (
                "profile_id" in vals
                and campaign.profile_id
                and campaign.profile_id.id != vals["profile_id"]
                and campaign._has_profile_values()
            ):
                raise UserError(
                    self.env._(
                        "Agents have filled in fields of the profile %s, which would "
                        "be lost: add fields to it instead of changing it.",
                        campaign.profile_id.name,
                    )
                )
            if vals.get("active") is False and campaign.state == "running":
                raise UserError(
                    self.env._("%s is running: pause or close it first.", campaign.name)
                )
        result = super().write(vals)
        if self._GATE_FIELDS & set(vals):
            self.env["telemarketing.gate"]._forget_cached()
            self.env["telemarketing.target"]._refresh_gate(
                campaigns=self,
                reason=self.env._("Rules of the campaign %s", self[:1].name),
            )
        return result

    # Facts that the answer to "may we call?" rests on.
    _GATE_FIELDS = {
        *("call_purpose", "sector_id", "basis_consent", "basis_client"),
        *("basis_legal_person", "basis_request", "similar_product", "group_company"),
        *("for_home", "assessment_file", "assessment_date", "call_mode"),
        "caller_number",
    }

    def _check_purpose_changed(self, vals):
        """Under another purpose the same people are called on another footing, or on
        none: that is a manager's to say."""
        if (
            "call_purpose" not in vals
            or self.env.su
            or self.env.user.has_group("telemarketing_base.group_manager")
        ):
            return
        for campaign in self:
            if campaign.call_purpose != vals["call_purpose"] and campaign._has_people():
                raise AccessError(
                    self.env._(
                        "%s already has people: only a manager changes what its calls "
                        "are for.",
                        campaign.name,
                    )
                )

    def _has_people(self):
        """Archived ones count: they come back as somebody's."""
        contacts = self.env["telemarketing.contact"].sudo()
        return bool(
            contacts.with_context(active_test=False).search_count(
                [("campaign_id", "in", self.ids)], limit=1
            )
        )

    def _has_profile_values(self):
        self.env.flush_all()
        self.env.cr.execute(
            """SELECT 1 FROM telemarketing_target t
               WHERE t.campaign_id = ANY(%s)
                 AND jsonb_typeof(t.target_properties) = 'object'
                 AND EXISTS (SELECT 1 FROM jsonb_each(t.target_properties) AS p
                             WHERE p.value NOT IN ('null', 'false'))
               LIMIT 1""",
            [self.ids],
        )
        return bool(self.env.cr.fetchone())

    @api.ondelete(at_uninstall=False)
    def _unlink_only_without_databases(self):
        for campaign in self:
            if campaign.sudo().with_context(active_test=False).database_ids:
                raise UserError(
                    self.env._(
                        "%s still has databases. Delete or move them first.",
                        campaign.name,
                    )
                )
            watches = self.env["telemarketing.import.watch"].sudo()
            if watches.with_context(active_test=False).search_count(
                [("campaign_id", "=", campaign.id)], limit=1
            ):
                raise UserError(
                    self.env._(
                        "%s still has a watched folder, whose files lie on the disk: "
                        "let it load into another campaign first.",
                        campaign.name,
                    )
                )

    # COMPUTES

    def _compute_counts(self):
        counts = self._target_counts("campaign_id", self.ids)
        for campaign in self:
            row = counts.get(campaign.id, (0, 0, 0, 0))
            (
                campaign.contact_count,
                campaign.assigned_count,
                campaign.contacted_count,
                campaign.converted_count,
            ) = row

    @api.model
    def _target_counts(self, groupby, ids):
        """``{id: (loaded, assigned, contacted, converted)}`` in one query."""
        rows = (
            self.env["telemarketing.target"]
            .sudo()
            ._read_group(
                [(groupby, "in", ids)],
                [groupby],
                ["__count", "agent_id:count", "contacted:sum", "converted:sum"],
            )
        )
        return {record.id: tuple(figures) for record, *figures in rows}

    @api.depends("robinson_waiting", "company_id")
    def _compute_robinson_notice(self):
        service = self.env["telemarketing.robinson.service"]
        for campaign in self:
            count = campaign.robinson_waiting
            if not count:
                campaign.robinson_notice = False
            elif service._is_on(campaign.company_id):
                failed = service._last_failure(campaign.company_id)
                campaign.robinson_notice = (
                    campaign.env._(
                        "%(count)s numbers wait to be consulted in the Lista Robinson. "
                        "The last time it failed: %(why)s",
                        count=count,
                        why=failed,
                    )
                    if failed
                    else campaign.env._(
                        "%s numbers wait to be consulted in the Lista Robinson; they "
                        "are called as the answers come.",
                        count,
                    )
                )
            else:
                campaign.robinson_notice = campaign.env._(
                    "%s numbers were never consulted in the Lista Robinson, or too "
                    "long ago. The online service is off: export them and load the "
                    "answer (Compliance, Lista Robinson), or let an administrator "
                    "enter the keys.",
                    count,
                )

    @api.private
    def _conversion_label(self):
        self.ensure_one()
        labels = {
            "leads": self.env._("leads"),
            "sales": self.env._("sales"),
            "appointments": self.env._("appointments"),
            "surveys": self.env._("surveys"),
        }
        return labels[CONVERSION_LABELS.get(self.kind, "leads")]

    def _compute_availability(self):
        Availability = self.env["telemarketing.availability"].sudo()
        for campaign in self:
            lines = Availability._lines(campaign) if campaign.ids else []
            campaign.callable_count = lines[0][0] if lines else 0
            campaign.availability_html = Markup("<ul class='list-unstyled'>%s</ul>") % (
                Markup("").join(
                    Markup("<li><strong>%s</strong> %s</li>")
                    % (formatLang(self.env, count, digits=0), sentence)
                    for count, sentence in lines
                )
            )
            campaign.availability_at = Availability.search(
                [("campaign_id", "in", campaign.ids)]
            ).at

    @api.depends(
        *("call_purpose", "sector_id", "basis_consent", "basis_client"),
        *("basis_legal_person", "basis_request", "similar_product", "group_company"),
        *("for_home", "assessment_date", "assessment_file", "call_mode"),
        *("caller_number", "kind", "script_ids", "window_ids", "company_id"),
    )
    def _compute_compliance_html(self):
        for campaign in self:
            campaign.compliance_html = self.env["telemarketing.readiness"]._html(
                campaign._compliance_findings()
            )

    @api.private
    def _compliance_findings(self):
        """What this campaign lacks to be called in peace with the law.

        :return: ``[{code, text, severity}]``, the gravest first; ``severity`` is
            'blocks' (nobody could be called) or 'warns'
        """
        self.ensure_one()
        return self.env["telemarketing.readiness"]._findings(self)

    def action_count_availability(self):
        """Count anew, now."""
        for campaign in self:
            self.env["telemarketing.availability"].sudo()._of(campaign, fresh=True)
        return True

    # ACTIONS

    def action_start(self):
        """Start or go on. PRO runs one campaign at a time (``_check_parallel``).

        Refused where nobody in it could be called; what else is missing is said.
        """
        warnings = []
        for campaign in self:
            if campaign.state == "running":
                continue
            findings = campaign._compliance_findings()
            grave = [f["text"] for f in findings if f["severity"] == "blocks"]
            if grave:
                raise UserError(
                    self.env._(
                        "%(campaign)s cannot start, because nobody in it could be "
                        "called:\n%(reasons)s",
                        campaign=campaign.name,
                        reasons="\n".join(f"- {text}" for text in grave),
                    )
                )
            warnings += [f["text"] for f in findings]
            if not (campaign.utm_campaign_id or campaign.training):
                campaign.sudo().utm_campaign_id = (
                    self.env["utm.campaign"].sudo().create({"title": campaign.name})
                )
            campaign.state = "running"
            self.env["telemarketing.target"]._release_new(campaign)
            # What was answered while nobody called may have changed since.
            self.env["telemarketing.target"]._refresh_gate(
                campaigns=campaign,
                reason=self.env._("%s starts", campaign.name),
            )
        self.env["telemarketing.gate"].sudo()._schedule_closing(self.sudo().company_id)
        self.env["telemarketing.robinson.service"]._campaign_started(self)
        if not warnings:
            return True
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "sticky": True,
                "title": self.env._("Started. Mind:"),
                "message": " ".join(dict.fromkeys(warnings)),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def action_robinson(self):
        """Have its numbers consulted in the Lista Robinson now, also before it
        starts."""
        self.check_access("write")
        self.env["telemarketing.robinson.service"]._campaign_asked(self)
        return True

    def action_pause(self):
        self.filtered(lambda campaign: campaign.state == "running").state = "paused"
        return True

    def action_close(self):
        self.filtered(lambda c: c.state in ("running", "paused")).state = "done"
        return True

    def action_cancel(self):
        self.filtered(lambda c: c.state in ("draft", "paused")).state = "cancelled"
        return True

    def action_reopen(self):
        self.filtered(lambda c: c.state in ("done", "cancelled")).state = "draft"
        return True

    @api.depends_context("uid")
    @api.depends("call_purpose")
    def _compute_may_import_articles(self):
        may = self.env["telemarketing.import.articles"]._may()
        for campaign in self:
            campaign.may_import_articles = bool(
                may and campaign.id and campaign.call_purpose == "commercial"
            )

    def action_import_articles(self):
        """What this campaign offers, from a file."""
        self.ensure_one()
        self.env["telemarketing.import.articles"]._check_user()
        return {
            "type": "ir.actions.act_window",
            "res_model": "telemarketing.import",
            "view_mode": "form",
            "name": self.env._("Load Articles"),
            "context": {"default_kind": "articles", "default_campaign_id": self.id},
        }

    def action_view_targets(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "telemarketing_base.action_telemarketing_target"
        )
        action["domain"] = [("campaign_id", "=", self.id)]
        action["context"] = {"default_campaign_id": self.id}
        return action

    def action_view_databases(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "telemarketing_base.action_telemarketing_database"
        )
        action["domain"] = [("campaign_id", "=", self.id)]
        action["context"] = {"default_campaign_id": self.id}
        return action

    # BUSINESS

    @api.private
    def _dispositions(self):
        """Results usable in this campaign: its own and the common ones of its kind."""
        self.ensure_one()
        domain = (
            Domain("campaign_ids", "=", False) | Domain("campaign_ids", "in", self.ids)
        ) & Domain("company_id", "in", [False, self.company_id.id])
        domain &= Domain("campaign_kind", "in", [False, self.kind])
        found = self.env["telemarketing.disposition"].sudo().search(domain)
        # A branch whose parent is not usable here cannot be reached.
        while True:
            reachable = found.filtered(
                lambda d, found=found: not d.parent_id or d.parent_id in found
            )
            if reachable == found:
                return found
            found = reachable

    @api.private
    def _action_types(self):
        self.ensure_one()
        domain = (
            Domain("campaign_ids", "=", False) | Domain("campaign_ids", "in", self.ids)
        ) & Domain("company_id", "in", [False, self.company_id.id])
        return self.env["telemarketing.action.type"].sudo().search(domain)

    @api.private
    def _worked_by(self, user):
        """Those of ``self`` that this user may work as an agent."""
        return self.filtered(
            lambda c: user in c.agent_ids and c.company_id in user.company_ids
        )


class TelemarketingCampaignArticle(models.Model):
    """What a campaign sells: a product with the campaign's price, offer and
    conditions."""

    _name = "telemarketing.campaign.article"
    _description = "Campaign Article"
    _order = "sequence, id"
    _check_company_auto = True

    campaign_id = fields.Many2one(
        "telemarketing.campaign", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="campaign_id.company_id", store=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    product_id = fields.Many2one(
        "product.product",
        required=True,
        check_company=True,
        domain="[('sale_ok', '=', True)]",
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    price_unit = fields.Monetary(
        "Price",
        compute="_compute_price_unit",
        store=True,
        readonly=False,
        help="Of the campaign, without taxes unless the taxes include them.",
    )
    offer = fields.Char(help="What is promised, in a line: “3 months at half price”.")
    discount = fields.Float("Discount (%)")
    conditions = fields.Text(help="Special conditions, read aloud to the buyer.")
    from_list = fields.Boolean(
        "Price of the List",
        help="Its price is that of the campaign's price list, by quantity; the price "
        "here is not used.",
    )

    _discount_range = models.Constraint(
        "CHECK (discount >= 0 AND discount <= 100)", "A discount goes from 0 to 100 %."
    )

    @api.constrains("campaign_id", "active")
    def _check_may_be_offered(self):
        for article in self:
            if article.active and article.campaign_id.call_purpose != "commercial":
                raise ValidationError(
                    self.env._(
                        "%(campaign)s cannot sell %(article)s: its calls are surveys "
                        "or service, in which nothing is offered.",
                        campaign=article.campaign_id.name,
                        article=article.product_id.display_name,
                    )
                )

    @api.private
    def _conditions_key(self):
        """Name of these very words, so that a tick proves that they were read and not
        those that stood there before. Empty where there is nothing to read."""
        self.ensure_one()
        words = (self.conditions or "").strip()
        if not words:
            return ""
        return f"{self.id}:{hashlib.sha256(words.encode()).hexdigest()[:12]}"

    @api.private
    def _desk_price(self):
        """What one costs, taxes as the product has them: the article's own price, or
        that of the campaign's list."""
        self.ensure_one()
        pricelist = self.sudo().campaign_id.pricelist_id
        if not self.from_list or not pricelist:
            return self.price_unit
        return pricelist._get_product_price(self.product_id, 1)

    @api.depends("product_id")
    def _compute_price_unit(self):
        for article in self:
            article.price_unit = article.product_id.lst_price

    @api.depends("product_id.display_name")
    def _compute_display_name(self):
        for article in self:
            article.display_name = article.product_id.display_name
