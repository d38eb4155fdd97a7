import random
from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError

from odoo.addons.telemarketing_base.demo import people
from odoo.addons.telemarketing_base.models.clock import DEMO_FLAG
from odoo.addons.telemarketing_base.models.demo import _Fortnight

SEED = 20261123
# mode, campaign that it is like, its name, database, area, basis, where it was given
CAMPAIGNS = (
    (
        "predictive",
        "fibra",
        "Televenta Fibra, predictiva",
        "Valencia, marcador",
        "valencia",
        "request",
        "Pidieron información en la web",
    ),
    (
        "progressive",
        "survey",
        "Encuesta de asegurados, progresiva",
        "Asegurados, marcador",
        "castellon",
        "client",
        "Cartera de Seguros Penyagolosa",
    ),
)
PEOPLE = 400


class TelemarketingDemo(models.AbstractModel):
    _inherit = "telemarketing.demo"

    @api.model
    def _load_dialer(self):
        """A predictive and a progressive campaign with people of their own, through
        the demonstration's Asterisk; once.

        The simulated network answers about one in four of any numbers.
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
                lang="es_ES",
            )
        )
        server = self.env.ref("telemarketing_dialer.demo_server")
        if server.campaign_ids:
            return False
        fortnight = _Fortnight(self.env, company)
        fortnight.rng = random.Random(SEED)
        drawn = people.People(fortnight.rng)
        caller = self.env.ref("telemarketing_dialer.demo_caller_free").e164
        for mode, like, name, title, area, basis, source in CAMPAIGNS:
            model = fortnight.campaigns[like]
            campaign = model.copy({"name": name, "sequence": model.sequence + 10})
            for article in model.article_ids:
                article.copy({"campaign_id": campaign.id})
            database = self.env["telemarketing.database"].create(
                {
                    "name": title,
                    "campaign_id": campaign.id,
                    "legal_basis": basis,
                    "basis_date": fortnight.now.date() - timedelta(days=40),
                    "basis_source": source,
                }
            )
            self.env["telemarketing.contact"].create(
                [
                    fortnight.prepare_contact(database, drawn.person(area))
                    for _number in range(PEOPLE)
                ]
            )
            campaign.write(
                {
                    "dialing_mode": mode,
                    "dialer_server_id": server.id,
                    "caller_number": caller,
                    "record_calls": "always",
                }
            )
            campaign.action_start()
        return True
