"""Who may do what with whose records of the dialer: ``rights_matrix.csv``, tried for
real by base's own test of its table."""

import csv
from pathlib import Path

from odoo.tests import tagged

from odoo.addons.telemarketing_base.tests import test_rights_matrix as base

MATRIX = Path(__file__).parent / "rights_matrix.csv"
# Lines of nobody's making: read only, from SQL.
VIEWS = ("telemarketing.dialer.ledger",)


@tagged("post_install", "-at_install")
class TestDialerRightsMatrix(base.TestRightsMatrix):
    allow_inherited_tests_method = True

    WRITES = {
        "telemarketing.dialer.caller": {"name": "x"},
        "telemarketing.dialer.command": {"kind": "x"},
        "telemarketing.dialer.log": {"text": "x"},
        "telemarketing.dialer.process": {"version": "x"},
        "telemarketing.dialer.trunk": {"max_channels": 3},
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = {}
        for scope in ("own", "other_company"):
            cls.servers[scope] = cls.env["telemarketing.dialer.server"].create(
                cls._values("telemarketing.dialer.server", scope)
            )

    @classmethod
    def _server(cls, scope):
        return cls.servers[scope if scope == "other_company" else "own"]

    @classmethod
    def _values_dialer_server(cls, scope, campaign, agent, team, n):
        return {"name": f"Server {n}", "company_id": campaign.company_id.id}

    @classmethod
    def _values_dialer_trunk(cls, scope, campaign, agent, team, n):
        return {"name": f"Trunk {n}", "server_id": cls._server(scope).id}

    @classmethod
    def _values_dialer_caller(cls, scope, campaign, agent, team, n):
        return {"e164": f"+34900{n:06d}", "company_id": campaign.company_id.id}

    @classmethod
    def _values_dialer_list(cls, scope, campaign, agent, team, n):
        return {"name": f"List {n}", "campaign_id": campaign.id}

    @classmethod
    def _values_dialer_command(cls, scope, campaign, agent, team, n):
        return {"server_id": cls._server(scope).id, "kind": "phone"}

    @classmethod
    def _values_dialer_log(cls, scope, campaign, agent, team, n):
        return {
            "at": cls.now(),
            "company_id": campaign.company_id.id,
            "campaign_id": campaign.id,
            "kind": "stop",
        }

    @classmethod
    def _values_dialer_process(cls, scope, campaign, agent, team, n):
        return {
            "name": f"process {n}",
            "started_at": cls.now(),
            "seen_at": cls.now(),
        }

    def _table(self):
        with MATRIX.open(newline="") as file:
            return {row.pop("model"): row for row in csv.DictReader(file)}

    def _models(self):
        return sorted(
            name
            for name, model in self.env.registry.items()
            if name.startswith("telemarketing.dialer.")
            and not model._abstract
            and not model._transient
            and name not in VIEWS
        )
