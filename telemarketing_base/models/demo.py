import logging
import random
import uuid
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from psycopg2 import IntegrityError

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import SQL

from ..demo import people, simulation, texts
from ..identity import PROVINCES
from .clock import DEMO_FLAG

_logger = logging.getLogger(__name__)

SEED = 20260119
UTC = ZoneInfo("UTC")
DAYS = 10

AGENTS = {  # login: skill, shift
    "lucia": (1.5, (time(9, 30), time(13, 15))),
    "marcos": (0.9, (time(9, 30), time(13, 15))),
    "aitana": (1.1, (time(10, 0), time(13, 45))),
    "sergio": (0.8, (time(16, 0), time(19, 45))),
    "noelia": (1.3, (time(16, 0), time(19, 45))),
    "ivan": (0.6, (time(17, 0), time(20, 45))),
}
# Campaigns that each works, one a day, in turn
TURNS = {
    "lucia": ("fibra", "fibra", "fibra", "appointments"),
    "marcos": ("fibra", "fibra", "survey"),
    "aitana": ("appointments", "fibra"),
    "sergio": ("fibra",),
    "noelia": ("fibra", "fibra", "appointments"),
    "ivan": ("survey", "fibra"),
}
# campaign, name, area, firms, how many, assigned, basis, where it was given
DATABASES = (
    (
        "fibra",
        "Valencia {month}",
        "valencia",
        False,
        640,
        True,
        "consent",
        "Sorteo en fibranorte.example.com, casilla de llamadas",
    ),
    (
        "fibra",
        "Alicante {month}",
        "alicante",
        False,
        380,
        False,
        "consent",
        "Formulario de cobertura, casilla de llamadas",
    ),
    (
        "fibra",
        "Canarias {month}",
        "canarias",
        False,
        120,
        False,
        "request",
        "Pidieron información en la web",
    ),
    (
        "fibra",
        "Castellón {last}",
        "castellon",
        False,
        60,
        False,
        "consent",
        "Feria de Castelló, cupón firmado",
    ),
    (
        "appointments",
        "Pymes Valencia {month}",
        "valencia",
        True,
        340,
        False,
        "legal_person",
        "Directorio de empresas",
    ),
    (
        "survey",
        "Asegurados {month}",
        "castellon",
        False,
        330,
        False,
        "client",
        "Cartera de Seguros Penyagolosa",
    ),
)
SWITCHED_OFF = "Castellón {last}"
UNCALLED = {"fibra": 200, "appointments": 60, "survey": 60}
# Minutes from now of the callbacks that wait for each agent, and of anyone's
MINE_AT = (-25, -4, 15, 50, 130, 240)
ANYONES_AT = (-40, -15, 5, 20, 45, 90, 150, 300)
# Hours of the visits of a day; the half hour
VISITS = (10, 12, 17, 9, 16, 18, 11, 13)
COMPANIES = ("movistar", "vodafone", "orange", "digi", "other", "none")


class TelemarketingDemo(models.AbstractModel):
    """Fills a database flagged as demo with people and a fortnight of work.

    Reproducible: one seed, relative to the day on which it is loaded. History goes
    through the models' own methods (qualification, orders, exclusions, what a
    result does to its target, figures), so that what a real centre would find
    holds here.
    """

    _name = "telemarketing.demo"
    _description = "Telemarketing Demonstration Data"

    @api.model
    def _load(self):
        """Make the databases and the history, once.

        :return: whether anything was made
        """
        params = self.env["ir.config_parameter"].sudo()
        if params.get_param(DEMO_FLAG) != "1":
            raise UserError(
                self.env._("Demonstration data go only into a database flagged so.")
            )
        company = self.env.ref("telemarketing_base.demo_company")
        self = (
            self.sudo()
            .with_company(company)
            .with_context(
                allowed_company_ids=company.ids,
                tracking_disable=True,
                mail_create_nolog=True,
                mail_create_nosubscribe=True,
                mail_activity_quick_update=True,
                mail_notify_force_send=False,
                no_mail_to_attendees=True,
                dont_notify=True,
            )
        )
        if self.env["telemarketing.database"].search_count(
            [("company_id", "=", company.id)], limit=1
        ):
            return False
        self._speak_spanish()
        self.env["telemarketing.clock"]._wind()
        fortnight = _Fortnight(self.env, company)
        fortnight.make_databases()
        # Made once, in one language: that of the people who will practise.
        lang = self.env["res.lang"]._lang_get("es_ES").code or self.env.lang
        practice = fortnight.ref("demo_campaign_training")
        practice.with_context(lang=lang).action_fill_training(12)
        fortnight.play()
        fortnight.write_history()
        fortnight.write_outcomes()
        self.env.flush_all()
        self.env["telemarketing.gate"]._refresh_few(
            company, SQL("true"), self.env["telemarketing.clock"]._now()
        )
        return True

    @api.model
    def _unload(self):
        """The module goes: so do the sales and people of the demo's company, which
        would keep the company and its products behind."""
        company = self.env.ref(
            "telemarketing_base.demo_company", raise_if_not_found=False
        )
        params = self.env["ir.config_parameter"].sudo()
        if not company or params.get_param(DEMO_FLAG) != "1":
            return
        try:
            with self.env.cr.savepoint():
                self._unlink_business(company)
        except (UserError, IntegrityError) as error:
            # Somebody worked on: what they made stays, with the company.
            _logger.info("demo business kept: %s", error)

    @api.model
    def _unlink_business(self, company):
        own = [("company_id", "=", company.id)]
        env = self.sudo().with_context(active_test=False, dont_notify=True).env
        orders = env["sale.order"].search(own)
        orders.filtered(lambda o: o.state != "cancel")._action_cancel()
        orders.unlink()
        env["calendar.event"].search(
            [("telemarketing_target_id.company_id", "=", company.id)]
        ).unlink()
        env["crm.lead"].search(own).unlink()
        env["res.partner"].search([*own, ("funnel_stage", "!=", False)]).unlink()

    @api.model
    def _speak_spanish(self):
        """The demo's people speak Spanish where it is installed."""
        if not self.env["res.lang"]._lang_get("es_ES"):
            return
        users = self.env["res.users"].browse(
            self.env["ir.model.data"]
            .search(
                [
                    ("module", "=", "telemarketing_base"),
                    ("model", "=", "res.users"),
                    ("name", "=like", "demo_user_%"),
                ]
            )
            .mapped("res_id")
        )
        users.lang = "es_ES"
        self.env.ref("telemarketing_base.demo_partner_company").lang = "es_ES"


class _Fortnight:
    """One load: what it draws, plays and writes."""

    def __init__(self, env, company):
        self.env, self.company = env, company
        self.rng = random.Random(SEED)
        self.tz = ZoneInfo(company.partner_id.tz or "Europe/Madrid")
        self.now = env["telemarketing.clock"]._now()
        self.agents = {login: self.ref(f"demo_user_{login}") for login in AGENTS}
        self.campaigns = {
            key: self.ref(f"demo_campaign_{key}")
            for key in ("fibra", "appointments", "survey")
        }
        self.keys = {campaign: key for key, campaign in self.campaigns.items()}
        dispositions = env["telemarketing.disposition"].search([("code", "!=", False)])
        self.dispositions = {d.code: d for d in dispositions}
        today = self.local(self.now).date()
        self.days = simulation.working_days(today, DAYS)
        if simulation.is_working(today):
            self.days.append(today)
        self.contacts = {}  # campaign key: telemarketing.contact in the list's order
        self.off = env["telemarketing.contact"]
        self.interactions = {}  # simulation.Call: telemarketing.interaction

    def ref(self, name):
        return self.env.ref(f"telemarketing_base.{name}")

    def local(self, at):
        return at.replace(tzinfo=UTC).astimezone(self.tz).replace(tzinfo=None)

    def utc(self, at):
        return at.replace(tzinfo=self.tz).astimezone(UTC).replace(tzinfo=None)

    # PEOPLE

    def make_databases(self):
        drawn = people.People(self.rng)
        month = self.days[0].replace(day=1)
        last = (month - timedelta(days=1)).replace(day=1)
        found = {key: self.env["telemarketing.contact"] for key in self.campaigns}
        for key, name, area, firms, count, assigned, basis, source in DATABASES:
            database = self.env["telemarketing.database"].create(
                {
                    "name": name.format(month=f"{month:%Y-%m}", last=f"{last:%Y-%m}"),
                    "campaign_id": self.campaigns[key].id,
                    "legal_basis": basis,
                    "basis_date": month - timedelta(days=self.rng.randrange(20, 200)),
                    "basis_source": source,
                }
            )
            cards = [
                drawn.firm(area) if firms else drawn.person(area) for _ in range(count)
            ]
            contacts = self.env["telemarketing.contact"].create(
                [self.prepare_contact(database, card) for card in cards]
            )
            if assigned:
                self.assign(contacts)
            if name == SWITCHED_OFF:
                database.switched_on = False
                self.off |= contacts
            else:
                found[key] |= contacts
        self.env["telemarketing.database"]._cron_apply_switch()
        for key, contacts in found.items():
            self.contacts[key] = contacts
        # Loaded and callable since before the first day.
        since = self.utc(datetime.combine(self.days[0], time(8)))
        targets = (
            self.off | self.env["telemarketing.contact"].union(*found.values())
        ).target_ids
        targets.filtered("callable_from").callable_from = since
        self.exclude_robinson()
        self.give_consents()

    def prepare_contact(self, database, card):
        rng = self.rng
        kind = "private"
        if card.is_company:
            kind = rng.choice(("small_business", "company", "company"))
        elif rng.random() < 0.06:
            kind = "self_employed"
        category = rng.choices(
            ("loaded_list", "web_form", "fair", "recommended", "former_client"),
            (60, 20, 8, 6, 6),
        )[0]
        values = {
            "database_id": database.id,
            "name": card.name,
            "vat": card.vat or False,
            "is_company": card.is_company,
            "street": card.street,
            "zip": card.zip,
            "city": card.city,
            "state_id": self.env.ref(PROVINCES[card.zip[:2]].xmlid).id,
            "country_id": self.env.ref("base.es").id,
            "email": card.email or False,
            "birthdate": f"{card.birth_year}-{rng.randrange(1, 13):02d}-"
            f"{rng.randrange(1, 29):02d}"
            if card.birth_year
            else False,
            "lang": "es_ES",
            "type_id": self.ref(f"contact_type_{kind}").id,
            "category_ids": [Command.set(self.ref(f"category_{category}").ids)],
            "phone_ids": [
                Command.create({"raw": raw, "sequence": 10 * place})
                for place, raw in enumerate(card.phones, 1)
            ],
        }
        if database.campaign_id == self.campaigns["fibra"]:
            values["contact_properties"] = {
                "coverage": rng.choice(("Fibra 1 Gb", "Fibra 1 Gb", "Fibra 600 Mb")),
                "source_file": database.basis_source.split(",")[0],
            }
        return values

    def assign(self, contacts):
        """Three in four go to the agents in equal shares, the rest to anyone."""
        agents = list(self.agents.values())
        shares = {agent: [] for agent in agents}
        for place, contact in enumerate(contacts):
            if place % 4:
                shares[agents[place % len(agents)]].append(contact.id)
        for agent, ids in shares.items():
            contacts.browse(ids).target_ids.agent_id = agent

    def exclude_robinson(self):
        uncalled = self.contacts["fibra"][-12:]
        self.env["telemarketing.exclusion"].create(
            [
                {
                    "company_id": self.company.id,
                    "number_id": phone.number_id.id,
                    "contact_id": contact.id,
                    "scope": "all",
                    "reason": "robinson",
                    "channel": "file",
                    "source": "Lista Robinson, descarga mensual",
                    "date": self.utc(datetime.combine(self.days[0], time(7, 30))),
                }
                for contact in uncalled[:6]
                for phone in contact.phone_ids
            ]
        )

    def give_consents(self):
        fibra = self.campaigns["fibra"]
        contacts = self.contacts["fibra"]
        chosen = self.rng.sample(range(len(contacts) - 12), 40)
        values = []
        for place, index in enumerate(sorted(chosen)):
            contact = contacts[index]
            given = self.now - timedelta(days=self.rng.randrange(20, 640))
            values.append(
                {
                    "company_id": self.company.id,
                    "contact_id": contact.id,
                    "number_id": contact.phone_ids[:1].number_id.id,
                    "principal_id": fibra.principal_id.id,
                    "purpose": "call",
                    "channel": self.rng.choice(("web", "form", "paper")),
                    "given_at": given,
                    "withdrawn_at": given + timedelta(days=9) if place == 7 else False,
                    "text_version": "Cláusula de llamadas v3",
                    "source": contact.database_id.basis_source,
                }
            )
        self.env["telemarketing.consent"].create(values)

    # THE FORTNIGHT

    def play(self):
        played = {}
        results = {
            code: simulation.Result(d.effective_kind, d.outcome, d.redial_minutes)
            for code, d in self.dispositions.items()
        }
        logins = {user.id: login for login, user in self.agents.items()}
        self.persons = {}
        for key, campaign in self.campaigns.items():
            persons = []
            for place, contact in enumerate(self.contacts[key]):
                target = contact.target_ids
                if target.state != "ready":
                    continue
                person = simulation.Person(
                    place=place,
                    phones=len(contact.phone_ids),
                    agent=logins.get(target.agent_id.id),
                )
                persons.append(person)
                self.persons[person] = target
            played[key] = simulation.Campaign(
                key=key,
                kind=campaign.kind,
                people=persons,
                results=results,
                max_attempts=campaign.max_attempts,
                retry_minutes=campaign.retry_minutes,
                fresh_left=UNCALLED[key],
            )
        agents = [
            simulation.Agent(
                key=login,
                skill=skill,
                shift=shift,
                campaigns=[played[key] for key in TURNS[login]],
            )
            for login, (skill, shift) in AGENTS.items()
        ]
        until = self.local(self.now) - timedelta(minutes=45)
        self.calls, self.sessions = simulation.simulate(
            self.rng, agents, self.days, until
        )
        self.agree_callbacks(played.values())

    def agree_callbacks(self, played):
        """Those still open are due around now; the others in the next days."""
        for campaign in played:
            waiting = [p for p in campaign.people if p.callback]
            self.rng.shuffle(waiting)
            due = {None: list(ANYONES_AT)}
            due.update({login: list(MINE_AT) for login in AGENTS})
            for person in waiting:
                call = person.calls[-1]
                times = due[person.owner]
                local = self.local(self.now).replace(second=0)
                if times:
                    at = local + timedelta(minutes=times.pop(0))
                elif person.at <= local:
                    at = self.later_day(local)
                else:
                    continue
                person.at = call.callback_at = max(
                    at, call.closed + timedelta(minutes=5)
                )

    def later_day(self, local):
        day = local.date() + timedelta(days=self.rng.randrange(1, 15))
        while not simulation.is_working(day):
            day += timedelta(days=1)
        return datetime.combine(day, time(self.rng.randrange(10, 20), 30))

    # HISTORY

    def write_history(self):
        self.write_sessions()
        actions = {
            code: self.ref(f"action_type_{code}").id
            for code in ("first_call", "follow_up", "callback_call")
        }
        seen = set()
        values = []
        for call in self.calls:
            values.append(self.prepare_interaction(call, actions, seen))
        interactions = self.env["telemarketing.interaction"].create(values)
        self.interactions = dict(zip(self.calls, interactions, strict=True))
        self.env["telemarketing.stat.call.delta"]._append(interactions)
        self.env["telemarketing.stat.call"]._fold()
        self.count_attempts()

    def count_attempts(self):
        """What ``_count_attempt`` would have counted, call by call."""
        self.env.flush_all()
        self.env.cr.execute(
            """WITH dialled AS (
                   SELECT number_id, started_at,
                          (started_at AT TIME ZONE 'UTC'
                                      AT TIME ZONE %(tz)s)::date AS day
                   FROM telemarketing_interaction
                   WHERE company_id = %(company)s AND is_call),
               last AS (
                   SELECT number_id, max(day) AS day, max(started_at) AS at,
                          count(*) AS calls
                   FROM dialled GROUP BY number_id),
               counted AS (
                   SELECT l.*,
                          count(*) FILTER (WHERE d.day = l.day) AS of_day,
                          count(*) FILTER (WHERE date_trunc('week', d.day)
                                               = date_trunc('week', l.day)) AS of_week
                   FROM last l JOIN dialled d USING (number_id)
                   GROUP BY l.number_id, l.day, l.at, l.calls)
               UPDATE telemarketing_number n
               SET attempts = c.calls, attempts_day = c.of_day,
                   attempts_week = c.of_week, attempts_date = c.day,
                   last_attempt_at = c.at
               FROM counted c WHERE c.number_id = n.id""",
            {"tz": self.tz.key, "company": self.company.id},
        )
        self.env["telemarketing.number"].invalidate_model()

    def prepare_interaction(self, call, actions, seen):
        rng = self.rng
        target = self.persons[call.person]
        campaign = target.campaign_id
        disposition = self.dispositions[call.code]
        phone = target.contact_id.phone_ids[call.phone]
        before = call.person.calls[call.person.calls.index(call) - 1]
        action = "first_call"
        if call.person in seen:
            action = "callback_call" if before.callback_at else "follow_up"
        seen.add(call.person)
        started, ended, closed = map(self.utc, (call.started, call.ended, call.closed))
        agreed = call.callback_at and self.utc(call.callback_at)
        version = campaign.script_ids[:1].version_id
        confirmed = []
        if disposition.outcome != "none" and version:
            due = disposition._legal_moments()
            lines = [
                line
                for line in version._confirm_list()
                if line.get("when", "always") in due
            ]
            # Who is interrupted early has not heard it all.
            heard = len(lines) if disposition.outcome == "useful" else 3
            confirmed = [version._line_key(line) for line in lines[:heard]]
        missing = version._legal_missing(disposition, confirmed)
        reasons = campaign.reason_ids
        return {
            "uuid": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "company_id": self.company.id,
            "campaign_id": campaign.id,
            "principal_id": campaign.principal_id.id,
            "database_id": target.database_id.id,
            "target_id": target.id,
            "contact_id": target.contact_id.id,
            "agent_id": self.agents[call.agent].id,
            "team_id": self.agents[call.agent].sale_team_id.id,
            "session_id": self.session_ids[call.session],
            "action_type_id": actions[action],
            "disposition_id": disposition.id,
            "reason_id": rng.choices(reasons.ids, range(len(reasons), 0, -1))[0]
            if reasons and disposition.outcome != "none"
            else False,
            "script_version_id": version.id,
            "confirmed_lines": confirmed,
            "legal_missing": ",".join(line["requirement"] for line in missing) or False,
            "phone_id": phone.id,
            "number_id": phone.number_id.id,
            "e164": phone.e164,
            "number_kind": phone.number_id.kind,
            "state": "done",
            "started_at": started,
            "answered_at": started if call.answered else False,
            "ended_at": ended,
            "closed_at": closed,
            "talk_seconds": int((ended - started).total_seconds())
            if call.answered
            else 0,
            "wrap_seconds": int((closed - ended).total_seconds()),
            "outcome": disposition.outcome,
            "is_conversion": disposition.is_conversion,
            "notes": rng.choice(texts.NOTES.get(call.code, ("",))) or False,
            "callback_at": agreed or False,
            "callback_user_id": self.agents[call.agent].id
            if agreed and call.callback_mine
            else False,
        }

    def write_sessions(self):
        Session = self.env["telemarketing.agent.session"]
        reasons = {
            code: self.ref(f"pause_{code}").id
            for code in ("break", "rest", "restroom", "training", "coaching", "meeting")
        }
        common = []
        for session in self.sessions:
            user = self.agents[session.agent]
            common.append(
                {
                    "user_id": user.id,
                    "company_id": self.company.id,
                    "team_id": user.sale_team_id.id,
                    "campaign_id": self.campaigns[session.campaign.key].id,
                }
            )
        records = Session.create(
            [
                {
                    **values,
                    "extension": self.agents[session.agent].telemarketing_extension,
                    "token": str(uuid.UUID(int=self.rng.getrandbits(128), version=4)),
                    "login_at": self.utc(session.login),
                    "logout_at": self.utc(session.logout),
                    "last_seen_at": self.utc(session.logout),
                    "state": "ready",
                    "state_since": self.utc(session.logout),
                }
                for session, values in zip(self.sessions, common, strict=True)
            ]
        )
        self.session_ids = dict(zip(self.sessions, records.ids, strict=True))
        self.env["telemarketing.agent.state"].create(
            [
                {
                    **values,
                    "session_id": self.session_ids[session],
                    "state": state,
                    "pause_reason_id": reasons.get(reason, False),
                    "started_at": self.utc(since),
                    "ended_at": self.utc(until),
                    "seconds": int((until - since).total_seconds()),
                }
                for session, values in zip(self.sessions, common, strict=True)
                for state, reason, since, until in session.stays
            ]
        )
        self.env.flush_all()
        # What _leave_state appends for each stay, hour by hour.
        self.env.cr.execute(
            """INSERT INTO telemarketing_stat_time_delta
                   (hour, company_id, session_id, agent_id, team_id, campaign_id,
                    state, pause_reason_id, seconds)
               SELECT h, s.company_id, s.session_id, s.user_id, s.team_id,
                      s.campaign_id, s.state, s.pause_reason_id,
                      EXTRACT(epoch FROM LEAST(s.ended_at, h + interval '1 hour')
                                         - GREATEST(s.started_at, h))
               FROM telemarketing_agent_state s,
                    generate_series(date_trunc('hour', s.started_at),
                                    s.ended_at - interval '1 second',
                                    interval '1 hour') h
               WHERE s.session_id = ANY(%s)""",
            [records.ids],
        )
        self.env["telemarketing.stat.time"]._fold()

    # WHAT FOLLOWED

    def write_outcomes(self):
        """Prospects, orders, appointments; then what each target's last call does."""
        self.qualify()
        for person, target in self.persons.items():
            if person.calls:
                self.move_target(person, target)
        self.date_back()

    def qualify(self):
        self.appointments = {}
        for call in self.calls:
            if not self.dispositions[call.code].qualifies:
                continue
            interaction = self.interactions[call]
            interaction._qualify()
            if call.code == "sale":
                self.sell(call, interaction)
            elif call.code == "appointment":
                self.book(call, interaction)
        self.link_history()

    def link_history(self):
        """Calls made after somebody became a prospect say so, as the desk would."""
        self.env.flush_all()
        self.env.cr.execute(
            """UPDATE telemarketing_interaction i
               SET partner_id = c.partner_id, lead_id = c.lead_id
               FROM telemarketing_interaction q
               JOIN telemarketing_contact c ON c.id = q.contact_id
               WHERE i.contact_id = q.contact_id AND i.id > q.id
                 AND q.lead_id IS NOT NULL AND i.partner_id IS NULL
                 AND i.company_id = %s""",
            [self.company.id],
        )
        self.env["telemarketing.interaction"].invalidate_model(
            ["partner_id", "lead_id"]
        )

    def sell(self, call, interaction):
        rng = self.rng
        articles = {a.product_id: a for a in interaction.campaign_id.article_ids}

        def article(name):
            return articles[self.ref(f"demo_product_{name}")]

        lines = [(article(rng.choice(("fibra_600", "fibra_movil", "fibra_movil"))), 1)]
        if rng.random() < 0.4:
            lines.append((article("tv"), 1))
        if rng.random() < 0.35:
            lines.append((article("linea"), rng.randint(1, 3)))
        order, _todo = interaction._take_order({"lines": lines})
        # Nobody is written to in a demonstration.
        order.telemarketing_send_due = False
        fate = rng.random()
        if fate < 0.6:
            self.confirm(order, call.closed + timedelta(minutes=rng.randint(4, 90)))
        elif fate < 0.85:
            order.write({"state": "sent", "telemarketing_acceptance": "sent"})
            order.date_order = interaction.closed_at
        else:
            order.date_order = interaction.closed_at

    def confirm(self, order, at):
        order.write(
            {
                "telemarketing_acceptance": "accepted",
                "telemarketing_accepted_on": min(self.utc(at), self.now),
                "telemarketing_send_due": False,
            }
        )
        order.action_confirm()
        order.date_order = min(self.utc(at), self.now)
        lead = order.opportunity_id
        lead.write(
            {"stage_id": self.won_stage().id, "expected_revenue": order.amount_total}
        )
        lead.date_closed = order.date_order

    def won_stage(self):
        return self.env["crm.stage"].search([("is_won", "=", True)], limit=1)

    def book(self, call, interaction):
        """A visit of the salesperson; past ones have an outcome, some sold."""
        rng = self.rng
        carlos = self.ref("demo_user_carlos")
        lead = interaction.lead_id
        lead.user_id = carlos
        lead.expected_revenue = rng.choice((390, 1450, 1450, 1840, 2900))
        day = call.closed.date()
        for _step in range(rng.randint(2, 5)):
            day += timedelta(days=1)
            while not simulation.is_working(day):
                day += timedelta(days=1)
        # One after the other, in working hours: nobody is in two places.
        taken = self.appointments.setdefault(day, [])
        at = datetime.combine(day, time(VISITS[len(taken) % len(VISITS)], 30))
        taken.append(at)
        start = self.utc(at)
        stop = start + timedelta(minutes=45)
        contact = interaction.contact_id
        outcome = False
        if stop < self.now:
            outcome = rng.choices(("held", "sold", "not_held"), (45, 35, 20))[0]
        self.env["calendar.event"].with_context(no_mail_to_attendees=True).create(
            {
                "name": f"Visita: {contact.name}",
                "start": start,
                "stop": stop,
                "user_id": carlos.id,
                "partner_ids": [
                    Command.set((carlos.partner_id | contact.partner_id).ids)
                ],
                "location": self.env["telemarketing.booking"]._address(contact),
                "description": interaction.notes,
                "opportunity_id": lead.id,
                "telemarketing_kind": "visit",
                "telemarketing_outcome": outcome,
                "telemarketing_held_on": start
                if outcome in ("held", "sold")
                else False,
                "telemarketing_target_id": interaction.target_id.id,
                "telemarketing_operator_id": interaction.agent_id.id,
            }
        )
        if outcome == "sold":
            article = rng.choice(interaction.campaign_id.article_ids)
            order, _todo = interaction._take_order({"lines": [(article, 1)]})
            order.write({"user_id": carlos.id, "telemarketing_acceptance": "accepted"})
            self.confirm(order, at + timedelta(hours=3))

    def move_target(self, person, target):
        """What came before the last call, then the last result by the model's own
        rules."""
        interactions = [self.interactions[call] for call in person.calls]
        reached = [i for i in interactions if i.outcome != "none"]
        last = interactions[-1]
        phones = target.contact_id.phone_ids
        for place in person.bad - {person.calls[-1].phone}:
            phones[place].state = "bad"
        values = {
            "attempts": len(interactions),
            "contacted": int(bool(reached)),
            "converted": int(any(i.is_conversion for i in interactions)),
            "first_contact_at": reached[0].closed_at if reached else False,
        }
        if reached and self.rng.random() < 0.6:
            profile = self.draw_profile(target, person.calls[-1].code)
            if profile:
                values["target_properties"] = profile
        target.write(values)
        callback = None
        if last.callback_at:
            callback = {
                "at": last.callback_at,
                "user": last.callback_user_id,
                "note": self.rng.choice(texts.CALLBACK_NOTES),
            }
        target._apply_disposition(last, callback)

    def draw_profile(self, target, code):
        rng = self.rng
        if target.campaign_id == self.campaigns["fibra"]:
            profile = {"current_company": rng.choice(COMPANIES)}
            if code == "permanence" or rng.random() < 0.3:
                until = self.days[-1] + timedelta(days=rng.randrange(20, 400))
                profile["permanence_until"] = fields.Date.to_string(until)
            if rng.random() < 0.7:
                profile["mobile_lines"] = rng.randint(0, 4)
                profile["monthly_bill"] = float(rng.randrange(20, 95))
            return profile
        if target.campaign_id == self.campaigns["appointments"]:
            return {
                "decision_maker": rng.choice(
                    ("Gerente", "Administración", "La dueña", "Compras")
                ),
                "employees": rng.choice("1234"),
                "calls_now": rng.random() < 0.2,
            }
        return {}

    def date_back(self):
        """What history made is dated when it happened, not when it was loaded."""
        self.env.flush_all()
        cr = self.env.cr
        cr.execute(
            """UPDATE telemarketing_exclusion e SET date = i.closed_at
               FROM telemarketing_interaction i
               WHERE i.id = e.interaction_id AND e.company_id = %s""",
            [self.company.id],
        )
        cr.execute(
            """UPDATE crm_lead l
               SET create_date = i.closed_at, date_open = i.closed_at
               FROM telemarketing_interaction i
               WHERE i.id = l.telemarketing_interaction_id AND l.company_id = %s""",
            [self.company.id],
        )
        cr.execute(
            """UPDATE sale_order o SET create_date = i.closed_at
               FROM telemarketing_interaction i
               WHERE i.id = o.telemarketing_interaction_id AND o.company_id = %s""",
            [self.company.id],
        )
        self.env.invalidate_all()
