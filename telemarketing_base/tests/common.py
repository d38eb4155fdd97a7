from datetime import datetime, timedelta
from unittest.mock import patch

from odoo import fields
from odoo.fields import Command
from odoo.tests import TransactionCase

MODULE = "telemarketing_base"


class TelemarketingCommon(TransactionCase):
    """Two companies, two principals, two teams, a user of each role, campaigns.

    ============== ======= ========= ================= =========== ============
    campaign       company principal administered by   agents      salesperson
    ============== ======= ========= ================= =========== ============
    campaign_a     A       A         supervisor_a      agent_a,    salesperson
                                                       agent_b
    campaign_own   A       (ours)    supervisor_a      agent_a     salesperson
    campaign_other A       A         supervisor_b      agent_other
    campaign_b     A       B         supervisor_b      agent_other
    campaign_far   B       B         supervisor_far    agent_far
    ============== ======= ========= ================= =========== ============

    ``team_a`` (agent_a, agent_b) is supervised by supervisor_a, ``team_b``
    (agent_other) by supervisor_b. ``manager`` manages company A only. Nothing here
    depends on demo data. Users have no password: give one to who must log in
    (``self.user.password = …``).
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(
            context={
                **cls.env.context,
                "tracking_disable": True,
                "mail_create_nolog": True,
                "mail_create_nosubscribe": True,
                "no_reset_password": True,
            }
        )
        cls._set_clock()
        cls._set_up_companies()
        cls._set_up_users()
        cls._set_up_campaigns()
        cls.env.flush_all()

    # A Tuesday at eleven in Madrid, no holiday anywhere: calls are allowed.
    NOW = datetime(2026, 11, 24, 10, 0, 0)

    @classmethod
    def _set_clock(cls):
        """The clock that rules ask goes on from ``NOW``, unless a test freezes time:
        then it is as frozen."""
        shift = int((cls.NOW - fields.Datetime.now()).total_seconds())

        def read_shift(clock):
            frozen = type(fields.Datetime.now()).__name__ == "FakeDatetime"
            return 0 if frozen else shift

        clock = cls.env.registry["telemarketing.clock"]
        patcher = patch.object(clock, "_shift", read_shift)
        patcher.start()
        cls.addClassCleanup(patcher.stop)

    @classmethod
    def _set_up_companies(cls):
        cls.company = cls.company_a = cls.env.company
        cls.company_b = cls.env["res.company"].create(
            {"name": "Centro de Llamadas B", "country_id": cls.env.ref("base.es").id}
        )
        # Whatever edition modules are installed, these tests have every feature.
        top = cls.env["telemarketing.edition"].search(
            [], order="sequence desc", limit=1
        )
        if top:
            (cls.company_a | cls.company_b).telemarketing_edition = top.code
        cls.principal_a, cls.principal_b = cls.env["res.partner"].create(
            [
                {
                    "name": f"Principal {letter}",
                    "is_company": True,
                    "telemarketing_is_principal": True,
                }
                for letter in "AB"
            ]
        )

    @classmethod
    def _create_user(cls, login, *groups, company=None, **values):
        """A user of these groups (names of this module's, or whole xml ids)."""
        company = company or cls.company_a
        xmlids = [g if "." in g else f"{MODULE}.group_{g}" for g in groups]
        return cls.env["res.users"].create(
            {
                "name": login.replace("_", " ").title(),
                "login": f"tm_{login}",
                "email": f"{login}@tm.example.com",
                "company_id": company.id,
                "company_ids": [Command.set(company.ids)],
                "group_ids": [Command.set([cls.env.ref(x).id for x in xmlids])],
                "notification_type": "email",
                "tz": "Europe/Madrid",
                **values,
            }
        )

    @classmethod
    def _set_up_users(cls):
        cls.agent_a = cls._create_user("agent_a", "agent")
        cls.agent_b = cls._create_user("agent_b", "agent")
        cls.agent_other = cls._create_user("agent_other_team", "agent")
        cls.agent_other_team = cls.agent_other
        cls.agent_far = cls._create_user("agent_far", "agent", company=cls.company_b)
        cls.salesperson = cls._create_user("salesperson", "salesperson")
        cls.supervisor_a = cls._create_user("supervisor_a", "supervisor")
        cls.supervisor_b = cls._create_user("supervisor_b", "supervisor")
        cls.supervisor_far = cls._create_user(
            "supervisor_far", "supervisor", company=cls.company_b
        )
        cls.manager = cls._create_user("manager", "manager")
        cls.plain_user = cls._create_user("plain_user", "base.group_user")
        cls.portal_a = cls._create_user(
            "portal_a",
            "base.group_portal",
            partner_id=cls.env["res.partner"]
            .create({"name": "Contact of A", "parent_id": cls.principal_a.id})
            .id,
        )
        Team = cls.env["crm.team"]
        cls.team_a, cls.team_b = Team.create(
            [
                {
                    "name": "Team A",
                    "company_id": cls.company_a.id,
                    "member_ids": [Command.set((cls.agent_a | cls.agent_b).ids)],
                    "telemarketing_supervisor_ids": [Command.set(cls.supervisor_a.ids)],
                },
                {
                    "name": "Team B",
                    "company_id": cls.company_a.id,
                    "member_ids": [Command.set(cls.agent_other.ids)],
                    "telemarketing_supervisor_ids": [Command.set(cls.supervisor_b.ids)],
                },
            ]
        )

    @classmethod
    def _create_campaign(cls, name, company, principal, supervisors, agents, **values):
        """A running campaign."""
        campaign = cls.env["telemarketing.campaign"].create(
            {
                "name": name,
                "company_id": company.id,
                "principal_id": principal.id,
                "supervisor_ids": [Command.set(supervisors.ids)],
                "agent_ids": [Command.set(agents.ids)],
                **values,
            }
        )
        campaign.action_start()
        return campaign

    @classmethod
    def _create_database(cls, campaign, name=None, **values):
        """People who consented a month ago; ``legal_basis=False``: nobody asked."""
        basis = {
            "legal_basis": "consent",
            "basis_date": cls.now(days=-30).date(),
            "basis_source": "Coupon of the spring fair",
        }
        return cls.env["telemarketing.database"].create(
            {
                "name": name or f"Base of {campaign.name}",
                "campaign_id": campaign.id,
                **basis,
                **values,
            }
        )

    @classmethod
    def _set_up_campaigns(cls):
        none = cls.env["res.partner"]
        both = cls.agent_a | cls.agent_b
        sellers = {"salesperson_ids": [Command.set(cls.salesperson.ids)]}
        cls.campaign_a = cls._create_campaign(
            "A", cls.company_a, cls.principal_a, cls.supervisor_a, both, **sellers
        )
        cls.campaign_own = cls._create_campaign(
            "Own", cls.company_a, none, cls.supervisor_a, cls.agent_a, **sellers
        )
        cls.campaign_other = cls._create_campaign(
            "Other team",
            cls.company_a,
            cls.principal_a,
            cls.supervisor_b,
            cls.agent_other,
        )
        cls.campaign_b = cls._create_campaign(
            "B", cls.company_a, cls.principal_b, cls.supervisor_b, cls.agent_other
        )
        cls.campaign_far = cls._create_campaign(
            "Far", cls.company_b, cls.principal_b, cls.supervisor_far, cls.agent_far
        )
        cls.campaign = cls.campaign_a
        cls.database_a = cls._create_database(cls.campaign_a)
        cls.database_own = cls._create_database(cls.campaign_own)
        cls.database_other = cls._create_database(cls.campaign_other)
        cls.database_b = cls._create_database(cls.campaign_b)
        cls.database_far = cls._create_database(cls.campaign_far)
        cls.database = cls.database_a

    # HELPERS

    @classmethod
    def create_contact(cls, name, phone=None, database=None, **values):
        """A contact with one number (or a list of them) and, as always, its target.

        :param database: of campaign A where not given
        :return: contact; its target is ``contact.target_ids``
        """
        phones = [phone] if isinstance(phone, str) else phone or []
        return cls.env["telemarketing.contact"].create(
            {
                "name": name,
                "database_id": (database or cls.database_a).id,
                "phone_ids": [
                    Command.create({"raw": raw, "sequence": 10 * place})
                    for place, raw in enumerate(phones, 1)
                ],
                **values,
            }
        )

    @classmethod
    def create_disposition(cls, name="Result", **values):
        """A result of every campaign; ``kind`` and the rest as given."""
        return cls.env["telemarketing.disposition"].create({"name": name, **values})

    @classmethod
    def as_user(cls, records, user):
        """The records (or model) as a request of this user has them: no context."""
        return records.with_env(cls.env(user=user, context={}))

    @classmethod
    def desk(cls, user):
        """The desk as this user asks it (rights and all)."""
        return cls.env["telemarketing.desk"].with_user(user)

    @classmethod
    def open_desk(cls, user, campaign=None, token=None):
        """Log in at the desk and choose the campaign; ``(desk, token)``."""
        desk, token = cls.desk(user), token or f"token-of-{user.login}"
        desk.open_desk(token)
        if campaign:
            desk.choose_campaign(token, campaign.id)
        return desk, token

    @classmethod
    def now(cls, **delta):
        """The telemarketing clock's instant, moved by a ``timedelta``'s arguments."""
        return cls.env["telemarketing.clock"]._now() + timedelta(**delta)
