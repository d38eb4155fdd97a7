"""Who may do what with whose records: ``rights_matrix.csv``, tried for real.

One row per model. A column is ``role.scope``, or ``role`` alone where all scopes of
the user's company are alike and nothing of another's is seen. A cell holds the letters
of what is allowed (c r u d), ``-`` for nothing, and is empty where the model has no
record of that scope.

======================= ======================================================
own                     campaign A: of agent_a, in the team and under the
                        administration of supervisor_a, of principal A
colleague               campaign A, but of agent_b
other_team              another campaign of principal A, of team B and
                        supervisor_b
other_principal         a campaign of principal B, in which the user has no part
other_company           a campaign of company B
common                  a master that belongs to no company
======================= ======================================================
"""

import csv
import itertools
from datetime import date, timedelta
from pathlib import Path

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import TelemarketingCommon

MATRIX = Path(__file__).parent / "rights_matrix.csv"
SCOPES = (
    "own",
    "colleague",
    "other_team",
    "other_principal",
    "other_company",
    "common",
)
# Roles whose rights depend on the scope, and those that are alike everywhere.
SCOPED_ROLES = ("agent", "salesperson", "supervisor", "manager", "portal")
FLAT_ROLES = ("internal", "administrator", "public")
CAMPAIGN_SCOPES = ("own", "other_team", "other_principal", "other_company")
PERSON_SCOPES = ("own", "colleague", *CAMPAIGN_SCOPES[1:])
MASTER_SCOPES = ("own", "other_company", "common")


@tagged("post_install", "-at_install")
class TestRightsMatrix(TelemarketingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.counter = itertools.count(1)
        cls.roles = {
            "agent": cls.agent_a,
            "salesperson": cls.salesperson,
            "supervisor": cls.supervisor_a,
            "manager": cls.manager,
            "portal": cls.portal_a,
            "internal": cls.plain_user,
            "administrator": cls._create_user("administrator", "base.group_system"),
            "public": cls.env.ref("base.public_user"),
        }
        cls.team_far = cls.env["crm.team"].create(
            {
                "name": "Team far",
                "company_id": cls.company_b.id,
                "member_ids": [Command.set(cls.agent_far.ids)],
                "telemarketing_supervisor_ids": [Command.set(cls.supervisor_far.ids)],
            }
        )
        cls.places = {
            "own": (cls.campaign_a, cls.agent_a, cls.team_a),
            "colleague": (cls.campaign_a, cls.agent_b, cls.team_a),
            "other_team": (cls.campaign_other, cls.agent_other, cls.team_b),
            "other_principal": (cls.campaign_b, cls.agent_other, cls.team_b),
            "other_company": (cls.campaign_far, cls.agent_far, cls.team_far),
            "common": (
                cls.env["telemarketing.campaign"],
                cls.env["res.users"],
                cls.env["crm.team"],
            ),
        }
        cls.databases = {
            scope: place[0].database_ids for scope, place in cls.places.items()
        }
        cls.records = {}
        cls.contacts, cls.interactions, cls.sessions = {}, {}, {}
        for scope in PERSON_SCOPES:
            cls.contacts[scope] = cls.env["telemarketing.contact"].create(
                cls._values("telemarketing.contact", scope)
            )
            cls.contacts[scope].target_ids.agent_id = cls.places[scope][1]
            cls.interactions[scope] = cls.env["telemarketing.interaction"].create(
                cls._values("telemarketing.interaction", scope)
            )
            cls.sessions[scope] = cls.env["telemarketing.agent.session"].create(
                cls._values("telemarketing.agent.session", scope)
            )
        cls.places["own"][0].own_recordings = True
        cls.env.flush_all()

    # FIXTURES: what a record of each model and scope is made of

    @classmethod
    def _values(cls, model, scope):
        name = "_values_" + model.removeprefix("telemarketing.").replace(".", "_")
        campaign, agent, team = cls.places[scope]
        values = getattr(cls, name)(scope, campaign, agent, team, next(cls.counter))
        return values

    @classmethod
    def _phone(cls):
        return f"6{next(cls.counter):08d}"

    @classmethod
    def _values_campaign(cls, scope, campaign, agent, team, n):
        return {
            "name": f"Campaign {n}",
            "company_id": campaign.company_id.id,
            "principal_id": campaign.principal_id.id,
            "supervisor_ids": [Command.set(campaign.supervisor_ids.ids)],
            "agent_ids": [Command.set(campaign.agent_ids.ids)],
            "salesperson_ids": [Command.set(campaign.salesperson_ids.ids)],
        }

    @classmethod
    def _values_refusal(cls, scope, campaign, agent, team, n):
        return {
            "at": "2026-11-24 10:00:00",
            "company_id": campaign.company_id.id,
            "campaign_id": campaign.id,
            "code": "hours",
        }

    @classmethod
    def _values_availability(cls, scope, campaign, agent, team, n):
        if ("telemarketing.availability", scope) not in cls.records:
            # One per campaign: make room for the one under test, once.
            cls.env["telemarketing.availability"].search(
                [("campaign_id", "=", campaign.id)]
            ).unlink()
        return {"campaign_id": campaign.id, "at": "2026-11-24 10:00:00", "counts": {}}

    @classmethod
    def _values_booking_guard(cls, scope, campaign, agent, team, n):
        company = campaign.company_id
        return {"user_id": cls._create_user(f"guarded {n}", company=company).id}

    @classmethod
    def _values_mandate(cls, scope, campaign, agent, team, n):
        return {
            "company_id": campaign.company_id.id,
            "campaign_id": campaign.id,
            "principal_id": campaign.principal_id.id,
            "date": "2026-11-24",
            "iban": "ES9121000418450200051332",
        }

    @classmethod
    def _values_order_payment(cls, scope, campaign, agent, team, n):
        return {"name": f"Way {n}", "company_id": campaign.company_id.id}

    @classmethod
    def _values_gate_refresh(cls, scope, campaign, agent, team, n):
        return {"company_id": campaign.company_id.id, "reason": f"Test {n}"}

    @classmethod
    def _values_campaign_window(cls, scope, campaign, agent, team, n):
        return {"campaign_id": campaign.id, "start": 10, "end": 14}

    @classmethod
    def _values_calling_rules(cls, scope, campaign, agent, team, n):
        company = campaign.company_id
        if ("telemarketing.calling.rules", scope) not in cls.records:
            # One per company, there from its first day.
            cls.env["telemarketing.calling.rules"]._for(company).unlink()
        return {"company_id": company.id}

    @classmethod
    def _values_holiday(cls, scope, campaign, agent, team, n):
        return {
            "name": f"Holiday {n}",
            "date": date(2031, 1, 1) + timedelta(n),
            "level": "national",
            "company_id": cls._company_of(scope).id,
        }

    @classmethod
    def _values_municipality(cls, scope, campaign, agent, team, n):
        return {"name": f"Town {n}", "state_id": cls.env.ref("base.state_es_m").id}

    @classmethod
    def _values_municipality_name(cls, scope, campaign, agent, team, n):
        town = cls.env["telemarketing.municipality"].create(
            cls._values("telemarketing.municipality", scope)
        )
        return {"municipality_id": town.id, "province": "28", "key": f"key {n}"}

    @classmethod
    def _values_sector(cls, scope, campaign, agent, team, n):
        return {"name": f"Sector {n}", "code": f"sector{n}"}

    @classmethod
    def _values_campaign_article(cls, scope, campaign, agent, team, n):
        if not hasattr(cls, "product"):
            cls.product = cls.env["product.product"].create({"name": "Fibre"})
        return {"campaign_id": campaign.id, "product_id": cls.product.id}

    @classmethod
    def _values_reason(cls, scope, campaign, agent, team, n):
        return {"name": f"Reason {n}", "campaign_id": campaign.id}

    @classmethod
    def _values_database(cls, scope, campaign, agent, team, n):
        return {"name": f"Database {n}", "campaign_id": campaign.id}

    @classmethod
    def _values_contact(cls, scope, campaign, agent, team, n):
        return {
            "name": f"Person {n}",
            "street": "C/ Mayor 3",
            "database_id": cls.databases[scope][:1].id,
            "phone_ids": [Command.create({"raw": cls._phone()})],
        }

    @classmethod
    def _values_contact_phone(cls, scope, campaign, agent, team, n):
        return {"contact_id": cls.contacts[scope].id, "raw": cls._phone()}

    @classmethod
    def _values_number(cls, scope, campaign, agent, team, n):
        return {
            "company_id": campaign.company_id.id,
            "e164": f"+34{cls._phone()}",
            "kind": "mobile",
        }

    @classmethod
    def _values_robinson_check(cls, scope, campaign, agent, team, n):
        return {
            "company_id": campaign.company_id.id,
            "at": cls.now(),
            "route": "service",
        }

    @classmethod
    def _values_robinson_load(cls, scope, campaign, agent, team, n):
        return {"company_id": campaign.company_id.id, "kind": "export"}

    @classmethod
    def _values_target(cls, scope, campaign, agent, team, n):
        contact = (
            cls.env["telemarketing.contact"]
            .with_context(telemarketing_no_target=True)
            .create(cls._values("telemarketing.contact", scope))
        )
        return {
            "contact_id": contact.id,
            "campaign_id": campaign.id,
            "agent_id": agent.id,
        }

    @classmethod
    def _values_interaction(cls, scope, campaign, agent, team, n):
        return {
            "uuid": f"rights-{n}",
            "company_id": campaign.company_id.id,
            "campaign_id": campaign.id,
            "principal_id": campaign.principal_id.id,
            "contact_id": cls.contacts[scope].id,
            "agent_id": agent.id,
            "team_id": team.id,
            "started_at": cls.now(),
            "closed_at": cls.now(),
            "state": "done",
        }

    @classmethod
    def _values_agent_session(cls, scope, campaign, agent, team, n):
        return {
            "user_id": agent.id,
            "company_id": campaign.company_id.id,
            "team_id": team.id,
            "campaign_id": campaign.id,
            "token": f"token-{n}",
            "login_at": cls.now(hours=-1),
            "logout_at": cls.now(),
            "last_seen_at": cls.now(),
            "state_since": cls.now(),
        }

    @classmethod
    def _values_agent_state(cls, scope, campaign, agent, team, n):
        return {
            "session_id": cls.sessions[scope].id,
            "user_id": agent.id,
            "company_id": campaign.company_id.id,
            "team_id": team.id,
            "campaign_id": campaign.id,
            "state": "ready",
            "started_at": cls.now(hours=-1),
            "ended_at": cls.now(),
            "seconds": 3600,
        }

    @classmethod
    def _values_exclusion(cls, scope, campaign, agent, team, n):
        contact = cls.contacts[scope]
        number = cls.env["telemarketing.number"].create(
            cls._values("telemarketing.number", scope)
        )
        return {
            "company_id": campaign.company_id.id,
            "contact_id": contact.id,
            "number_id": number.id,
            "scope": "campaign",
            "campaign_id": campaign.id,
        }

    @classmethod
    def _values_exclusion_load(cls, scope, campaign, agent, team, n):
        return {
            "filename": f"{n}.csv",
            "company_id": campaign.company_id.id,
            "scope": "campaign",
            "campaign_id": campaign.id,
        }

    @classmethod
    def _values_exclusion_load_column(cls, scope, campaign, agent, team, n):
        load = cls.env["telemarketing.exclusion.load"].create(
            cls._values("telemarketing.exclusion.load", scope)
        )
        return {"load_id": load.id, "heading": f"Column {n}"}

    @classmethod
    def _values_exclusion_log(cls, scope, campaign, agent, team, n):
        exclusion = cls.env["telemarketing.exclusion"].create(
            cls._values("telemarketing.exclusion", scope)
        )
        return {
            "exclusion_id": exclusion.id,
            "at": "2026-01-01 10:00:00",
            "user_id": agent.id or cls.env.uid,
            "what": "lifted",
        }

    @classmethod
    def _values_consent(cls, scope, campaign, agent, team, n):
        return {
            "company_id": campaign.company_id.id,
            "contact_id": cls.contacts[scope].id,
            "principal_id": campaign.principal_id.id,
            "given_at": cls.now(),
        }

    @classmethod
    def _values_consent_text(cls, scope, campaign, agent, team, n):
        return {
            "name": f"Text {n}",
            "company_id": cls._company_of(scope).id,
            "principal_id": campaign.principal_id.id,
            "body": "Do you agree?",
        }

    @classmethod
    def _values_recording(cls, scope, campaign, agent, team, n):
        return {
            "interaction_id": cls.interactions[scope].id,
            "store": "attachment",
            "storage_key": f"key-{n}",
        }

    @classmethod
    def _values_recording_access(cls, scope, campaign, agent, team, n):
        recording = cls.env["telemarketing.recording"].create(
            cls._values("telemarketing.recording", scope)
        )
        return {
            "recording_id": recording.id,
            "user_id": agent.id,
            "purpose": "listen",
        }

    @classmethod
    def _values_search_log(cls, scope, campaign, agent, team, n):
        return {
            "user_id": agent.id,
            "company_id": campaign.company_id.id,
            "campaign_id": campaign.id,
            "text": "garcia",
        }

    @classmethod
    def _values_stat_call(cls, scope, campaign, agent, team, n):
        return {
            "hour": cls.now(hours=-n).replace(minute=0, second=0),
            "company_id": campaign.company_id.id,
            "campaign_id": campaign.id,
            "agent_id": agent.id,
            "team_id": team.id,
            "calls": 1,
        }

    _values_stat_call_delta = _values_stat_call

    @classmethod
    def _values_stat_time(cls, scope, campaign, agent, team, n):
        return {
            "hour": cls.now(hours=-n).replace(minute=0, second=0),
            "company_id": campaign.company_id.id,
            "campaign_id": campaign.id,
            "session_id": cls.sessions[scope].id,
            "agent_id": agent.id,
            "team_id": team.id,
            "state": "ready",
            "seconds": 60,
        }

    _values_stat_time_delta = _values_stat_time

    @classmethod
    def _values_import(cls, scope, campaign, agent, team, n):
        return {
            "database_id": cls.databases[scope][:1].id,
            "filename": f"base {n}.xls",
        }

    @classmethod
    def _values_import_watch(cls, scope, campaign, agent, team, n):
        return {
            "name": f"Folder {n}",
            "folder": f"folder {n}",
            "database_id": cls.databases[scope][:1].id,
        }

    @classmethod
    def _values_import_watch_file(cls, scope, campaign, agent, team, n):
        watch = cls.env["telemarketing.import.watch"].create(
            cls._values("telemarketing.import.watch", scope)
        )
        return {
            "watch_id": watch.id,
            "name": f"base {n}.csv",
            "raw_name": f"base%20{n}.csv",
            "signature": f"1:{n}:1:1",
            "found_at": cls.now(),
        }

    @classmethod
    def _values_import_column(cls, scope, campaign, agent, team, n):
        job = cls.env["telemarketing.import"].create(
            cls._values("telemarketing.import", scope)
        )
        return {"import_id": job.id, "heading": f"Column {n}"}

    @classmethod
    def _values_import_row(cls, scope, campaign, agent, team, n):
        job = cls.env["telemarketing.import"].create(
            cls._values("telemarketing.import", scope)
        )
        return {"import_id": job.id, "row": n, "kind": "bad", "reason": "x"}

    @classmethod
    def _values_import_change(cls, scope, campaign, agent, team, n):
        job = cls.env["telemarketing.import"].create(
            cls._values("telemarketing.import", scope)
        )
        return {"import_id": job.id, "contact_id": cls.contacts[scope].id, "row": n}

    @classmethod
    def _company_of(cls, scope):
        if scope == "common":
            return cls.env["res.company"]
        return cls.places[scope][0].company_id

    @classmethod
    def _values_disposition(cls, scope, campaign, agent, team, n):
        return {
            "name": f"Result {n}",
            "company_id": cls._company_of(scope).id,
            "campaign_ids": [Command.set(campaign.ids)],
        }

    _values_action_type = _values_disposition
    _values_script = _values_disposition

    @classmethod
    def _values_script_version(cls, scope, campaign, agent, team, n):
        script = cls.env["telemarketing.script"].create(
            cls._values("telemarketing.script", scope)
        )
        return {"script_id": script.id, "number": n, "body": "<p>Hola</p>"}

    @classmethod
    def _values_script_legal_line(cls, scope, campaign, agent, team, n):
        script = cls.env["telemarketing.script"].create(
            cls._values("telemarketing.script", scope)
        )
        return {"script_id": script.id, "requirement": "identity", "text": f"Line {n}"}

    @classmethod
    def _values_evidence_file(cls, scope, campaign, agent, team, n):
        return {"campaign_id": campaign.id}

    @classmethod
    def _values_profile(cls, scope, campaign, agent, team, n):
        return {
            "name": f"Profile {n}",
            "company_id": cls._company_of(scope).id,
            "campaign_ids": [Command.set(campaign.ids)],
        }

    @classmethod
    def _values_segment(cls, scope, campaign, agent, team, n):
        return {
            "name": f"List {n}",
            "company_id": cls._company_of(scope).id,
            "principal_id": campaign.principal_id.id,
        }

    @classmethod
    def _values_master(cls, scope, campaign, agent, team, n):
        return {"name": f"Master {n}", "company_id": cls._company_of(scope).id}

    _values_pause_reason = _values_master
    _values_order_rejection = _values_master
    _values_contact_category = _values_master
    _values_contact_type = _values_master
    _values_zone = _values_master
    _values_collaborator_role = _values_master

    @classmethod
    def _values_shift(cls, scope, campaign, agent, team, n):
        values = cls._values_master(scope, campaign, agent, team, n)
        return {**values, "hour_from": 9, "hour_to": 14}

    @classmethod
    def _values_edition(cls, scope, campaign, agent, team, n):
        return {"name": f"Edition {n}", "code": f"edition{n}", "sequence": n}

    @classmethod
    def _values_feature(cls, scope, campaign, agent, team, n):
        edition = cls.env["telemarketing.edition"].create(
            cls._values("telemarketing.edition", scope)
        )
        return {"name": f"Feature {n}", "key": f"f{n}", "edition_id": edition.id}

    @classmethod
    def _values_erasure(cls, scope, campaign, agent, team, n):
        return {"contact_ids": [Command.set(cls.contacts[scope].ids)]}

    @classmethod
    def _values_merge(cls, scope, campaign, agent, team, n):
        return {
            "model": "contact",
            "contact_id": cls.contacts[scope].id,
            "company_id": campaign.company_id.id,
            "at": cls.now(),
            "until": cls.now(days=1),
        }

    @classmethod
    def _values_merge_line(cls, scope, campaign, agent, team, n):
        merge = cls.env["telemarketing.merge"].create(
            cls._values("telemarketing.merge", scope)
        )
        return {
            "merge_id": merge.id,
            "step": 1,
            "kind": "value",
            "table_name": "telemarketing_contact",
        }

    @classmethod
    def _values_retention_rule(cls, scope, campaign, agent, team, n):
        principal = cls.env["res.partner"].create(
            {"name": f"Principal {n}", "telemarketing_is_principal": True}
        )
        return {
            "company_id": campaign.company_id.id,
            "kind": "refusal",
            "principal_id": principal.id,
            "days": 1000,
        }

    @classmethod
    def _values_retention_run(cls, scope, campaign, agent, team, n):
        return {
            "company_id": campaign.company_id.id,
            "kind": "refusal",
            "started_at": cls.now(),
        }

    @classmethod
    def _values_principal_return(cls, scope, campaign, agent, team, n):
        return {
            "company_id": campaign.company_id.id,
            "principal_id": campaign.principal_id.id,
            "campaign_ids": [Command.set(campaign.ids)],
        }

    @classmethod
    def _values_blocked(cls, scope, campaign, agent, team, n):
        return {
            "reference": f"ER-{n}",
            "company_id": campaign.company_id.id,
            "principal_id": campaign.principal_id.id,
            "cause": "erasure",
            "blocked_at": cls.now(),
            "blocked_until": "2030-01-01",
        }

    @classmethod
    def _values_blocked_access(cls, scope, campaign, agent, team, n):
        return {
            "reference": f"ER-{n}",
            "company_id": campaign.company_id.id,
            "user_id": agent.id,
            "reason": "court",
        }

    @classmethod
    def _values_normalise(cls, scope, campaign, agent, team, n):
        return {"company_id": campaign.company_id.id, "campaign_id": campaign.id}

    @classmethod
    def _values_normalise_line(cls, scope, campaign, agent, team, n):
        run = cls.env["telemarketing.normalise"].create(
            cls._values("telemarketing.normalise", scope)
        )
        contact = cls.contacts[scope]
        return {
            "run_id": run.id,
            "company_id": campaign.company_id.id,
            "contact_id": contact.id,
            "kind": "change",
            "model": contact._name,
            "res_id": contact.id,
            "field": "name",
        }

    @classmethod
    def _values_duplicate(cls, scope, campaign, agent, team, n):
        contact = cls.contacts[scope]
        other = cls.env["telemarketing.contact"].create(
            cls._values("telemarketing.contact", scope)
        )
        return {
            "company_id": campaign.company_id.id,
            "principal_id": campaign.principal_id.id,
            "contact_a_id": contact.id,
            "contact_b_id": other.id,
            "score": 0.9,
            "reasons": "vat",
        }

    @classmethod
    def _values_duplicate_search(cls, scope, campaign, agent, team, n):
        return {"company_id": campaign.company_id.id, "campaign_id": campaign.id}

    # What is written to try a write, where it is not the name.
    WRITES = {
        "telemarketing.duplicate": {"choices": {}},
        "telemarketing.duplicate.search": {"by_vat": False},
        "telemarketing.normalise": {"do_name": False},
        "telemarketing.normalise.line": {"old": "x"},
        "telemarketing.erasure": {"requester": "x"},
        "telemarketing.principal.return": {"fmt": "csv"},
        "telemarketing.retention.rule": {"days": 900},
        "telemarketing.retention.run": {"count": 2},
        "telemarketing.blocked": {"reference": "x"},
        "telemarketing.blocked.access": {"reason": "x"},
        "telemarketing.campaign.article": {"offer": "x"},
        "telemarketing.campaign.window": {"start": 11},
        "telemarketing.calling.rules": {"max_day": 3},
        "telemarketing.municipality.name": {"key": "x"},
        "telemarketing.contact.phone": {"sequence": 20},
        "telemarketing.number": {"state": "bad"},
        "telemarketing.robinson.check": {"present_count": 1},
        "telemarketing.robinson.load": {"covers": "all"},
        "telemarketing.target": {"priority": "2"},
        "telemarketing.interaction": {"todo": "x"},
        "telemarketing.mandate": {"holder": "x"},
        "telemarketing.agent.session": {"extension": "7"},
        "telemarketing.agent.state": {"seconds": 1},
        "telemarketing.exclusion": {"source": "x"},
        "telemarketing.exclusion.load": {"source": "x"},
        "telemarketing.exclusion.load.column": {"target": "vat"},
        "telemarketing.exclusion.log": {"detail": "x"},
        "telemarketing.consent": {"link": "https://example.com/proof"},
        "telemarketing.recording": {"seconds": 1},
        "telemarketing.recording.access": {"purpose": "download"},
        "telemarketing.search.log": {"text": "x"},
        "telemarketing.stat.call": {"calls": 2},
        "telemarketing.stat.call.delta": {"calls": 2},
        "telemarketing.stat.time": {"seconds": 2},
        "telemarketing.stat.time.delta": {"seconds": 2},
        "telemarketing.import": {"sheet": "x"},
        "telemarketing.import.change": {"row": 1},
        "telemarketing.import.column": {"target": "name"},
        "telemarketing.import.row": {"reason": "y"},
        "telemarketing.script.version": {"body": "x"},
        "telemarketing.merge": {"gone_count": 2},
        "telemarketing.merge.line": {"column_name": "x"},
        "telemarketing.evidence.file": {"date_to": "2100-01-01"},
        "telemarketing.script.legal.line": {"text": "x"},
    }

    # THE TABLE

    @classmethod
    def _columns(cls):
        for role in SCOPED_ROLES:
            for scope in SCOPES:
                yield f"{role}.{scope}", role, (scope,)
        for role in FLAT_ROLES:
            yield role, role, SCOPES

    def _table(self):
        with MATRIX.open(newline="") as file:
            return {row.pop("model"): row for row in csv.DictReader(file)}

    def _models(self):
        return sorted(
            name
            for name, model in self.env.registry.items()
            if name.startswith("telemarketing.")
            and not model._abstract
            and not model._transient
            and self.env["ir.model"]._get(name).modules.split(",")[0].strip()
            == "telemarketing_base"
        )

    # TRYING

    def _tried(self, operation, call):
        """Try it for real; only a refused right counts as refused. Guards that say
        why in a sentence (what was called is not deleted) are no question of rights,
        unless they stop a reading or a creating: that is the test's own mistake.
        """
        self.env.flush_all()
        savepoint = self.env.cr.savepoint(flush=False)
        allowed = True
        try:
            call()
            self.env.flush_all()
        except AccessError:
            allowed = False
        except (UserError, IntegrityError):
            if operation in "cr":
                raise
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)
        return allowed

    def _read(self, record):
        found = record.search([("id", "=", record.id)])
        # The rule that hides it must refuse it to who knows its id, too.
        record.read(["display_name"])
        self.assertTrue(found, f"{record} is hidden but can be read")

    def _letters(self, model, role, scope):
        user = self.roles[role]
        record = self.as_user(self.records[model, scope], user)
        values = self._values(model, scope)
        calls = {
            "c": lambda: record.browse().create(values),
            "r": lambda: self._read(record),
            "u": lambda: record.write(self.WRITES.get(model, {"name": "x"})),
            "d": lambda: record.unlink(),
        }
        return "".join(c for c, call in calls.items() if self._tried(c, call)) or "-"

    def test_every_model_stands_in_the_table(self):
        self.assertEqual(sorted(self._table()), self._models())

    @mute_logger(
        "odoo.sql_db",
        "odoo.addons.base.models.ir_model",
        "odoo.addons.base.models.ir_rule",
        "odoo.models.unlink",
    )
    def test_everybody_may_do_what_the_table_says_and_no_more(self):
        scopes_of = {}
        for model, row in self._table().items():
            scopes_of[model] = [s for s in SCOPES if row[f"manager.{s}"]]
        for model, scopes in scopes_of.items():
            for scope in scopes:
                self.records[model, scope] = (
                    self.env[model].sudo().create(self._values(model, scope))
                )
        self.env.flush_all()
        for model, row in self._table().items():
            for column, role, scopes in self._columns():
                for scope in scopes:
                    if scope not in scopes_of[model]:
                        continue
                    expected = row[column]
                    if role in FLAT_ROLES and scope == "other_company":
                        expected = "-"
                    with self.subTest(model=model, column=column, scope=scope):
                        self.assertEqual(self._letters(model, role, scope), expected)
