from datetime import date, timedelta

from markupsafe import Markup

from odoo import api, models
from odoo.tools import SQL

from ..compliance import (
    Consent,
    Facts,
    Number,
    Person,
    Place,
    Relation,
    decide,
)

# What may be otherwise for somebody who brings a basis along: the beginnings of the
# kernel's codes. All else stands against everybody.
_BY_PERSON = (
    *("no_basis", "basis_not_admitted", "consent", "client", "request"),
    *("legal_person", "origin", "sector_ban"),
)


class TelemarketingReadiness(models.AbstractModel):
    """What a campaign lacks to be called in peace with the law, before it starts.

    Each database is asked of the kernel by the best person that it could hold: where
    even that one may never be called, nobody in it may.
    """

    _name = "telemarketing.readiness"
    _description = "Readiness of a Campaign"

    @api.model
    def _findings(self, campaign):
        """``[{code, text, severity}]``, the gravest first; severity 'blocks' (nobody
        could be called) or 'warns'."""
        campaign.ensure_one()
        if campaign.training:
            # Nobody is called: the law asks nothing.
            return []
        gate = self.env["telemarketing.gate"].sudo()
        # Not the cached ones: it may be being typed.
        facts = gate._campaign_facts(campaign.sudo())
        rules = (
            self.env["telemarketing.calling.rules"]._for(campaign.company_id)._kernel()
        )
        databases = campaign._origin.sudo().database_ids.filtered(
            lambda database: database.switched_on and self._has_people(database)
        )
        found = self._of_databases(campaign, databases, facts, rules)
        found += self._of_clients(campaign, databases, facts, rules)
        found += self._of_purpose(facts)
        found += self._of_sector(campaign, facts)
        found += self._of_caller(campaign, facts)
        found += self._of_scripts(campaign, facts)
        return sorted(found, key=lambda finding: finding["severity"])

    def _finding(self, code, text, severity="warns"):
        return {"code": code, "text": text, "severity": severity}

    # PEOPLE

    def _has_people(self, database, condition=None):
        self.env.flush_all()
        return bool(
            self.env.execute_query(
                SQL(
                    """SELECT 1 FROM telemarketing_contact c
                       WHERE c.database_id = %s AND %s LIMIT 1""",
                    database.id,
                    condition or SQL("true"),
                )
            )
        )

    def _of_databases(self, campaign, databases, facts, rules):
        """Those of whom nobody may be called, by what stands against them."""
        refused, warned, exceptions = {}, {}, False
        callable_ones = databases.browse()
        for database in databases:
            verdict = self._best(database, facts, rules)
            if verdict.answer != "never":
                callable_ones |= database
                for finding in verdict.warnings:
                    warned.setdefault(finding, databases.browse())
                    warned[finding] |= database
                continue
            finding = verdict.finding
            refused.setdefault(finding, databases.browse())
            refused[finding] |= database
            exceptions = exceptions or self._has_exceptions(database, finding)
        blocks = not callable_ones and not exceptions
        found = [
            self._finding(
                finding.code,
                self._named(those, databases, finding),
                "blocks" if blocks else "warns",
            )
            for finding, those in refused.items()
        ]
        return found + [
            self._finding(finding.code, self._named(those, databases, finding))
            for finding, those in warned.items()
        ]

    def _best(self, database, facts, rules):
        """The kernel's word on the best person that a database could hold."""
        now = self.env["telemarketing.clock"]._now()
        basis = database.legal_basis or ""
        consents = ()
        if facts.mode == "robot" and self._has_people(
            database, SQL("c.robot_consented_on IS NOT NULL")
        ):
            today = now.date() - timedelta(days=1)
            consents = (Consent(today, "robot"), Consent(today, "call"))
        person = Person(
            kind="company" if basis == "legal_person" else "consumer",
            place=Place("28"),
            basis=basis,
            basis_on=database.basis_date or None,
            origin=database.origin,
            consents=consents,
            relation=Relation(),
        )
        number = Number(robinson="absent", robinson_on=now.date())
        asked = Facts(person=person, number=number, campaign=facts, rules=rules)
        verdict = decide(asked, now)
        # Outside hours the question is what happens within them.
        return decide(asked, verdict.until) if verdict.until else verdict

    def _has_exceptions(self, database, finding):
        """Is there anybody in it who may differ from what the file says of all?"""
        if not finding.code.startswith(_BY_PERSON):
            return False
        if finding.code == "sector_ban":
            own = SQL(
                "%s OR c.legal_basis IN ('request', 'legal_person')",
                self.env["telemarketing.gate"]._firm_sql(),
            )
        else:
            # The ledger writes the file's own consent to each of its people.
            of_file = database.basis_date if database.legal_basis == "consent" else None
            own = SQL(
                "c.legal_basis IS NOT NULL OR c.consented_on > %s",
                of_file or date(1900, 1, 1),
            )
        return self._has_people(database, SQL("(%s)", own))

    def _named(self, databases, all_databases, finding):
        sentence = self.env["telemarketing.gate"]._text(finding)
        if databases == all_databases:
            return sentence
        return self.env._(
            "%(databases)s: %(sentence)s",
            databases=", ".join(databases.mapped("name")),
            sentence=sentence,
        )

    def _of_clients(self, campaign, databases, facts, rules):
        clients = databases.filtered(lambda d: d.legal_basis == "client")
        if not clients or facts.purpose != "commercial" or not campaign.basis_client:
            return []
        found = []
        found += self._of_assessment(campaign, facts)
        if rules.robinson == "off":
            found.append(
                self._finding(
                    "robinson_off",
                    self.env._(
                        "The company's calling rules do not ask the Lista Robinson, "
                        "and the law does (LOPDGDD art. 23.4)."
                    ),
                )
            )
        elif self._unchecked(clients, rules):
            found.append(
                self._finding(
                    "robinson_unchecked",
                    self.env._(
                        "Some clients' numbers were not looked up in the Lista "
                        "Robinson in the last %s days: they are not called until "
                        "somebody does.",
                        rules.robinson_days,
                    ),
                )
            )
        return found

    def _of_assessment(self, campaign, facts):
        if facts.assessment:
            return []
        filed = campaign.sudo().assessment_file
        if filed:
            code = "assessment_no_date"
            text = self.env._(
                "The assessment of legitimate interest is on file without the day on "
                "which it was made, or with one in the future: former clients are not "
                "called."
            )
        elif campaign.assessment_date:
            code = "assessment_no_file"
            text = self.env._(
                "The assessment of legitimate interest has a date and no file: former "
                "clients are not called until the document is here."
            )
        else:
            code = "assessment_missing"
            text = self.env._(
                "There is no assessment of legitimate interest on file: former "
                "clients are not called."
            )
        return [self._finding(code, text)]

    def _unchecked(self, databases, rules):
        since = self.env["telemarketing.clock"]._now() - timedelta(
            days=rules.robinson_days
        )
        return bool(
            self.env.execute_query(
                SQL(
                    """SELECT 1 FROM telemarketing_contact c
                       JOIN telemarketing_contact_phone p ON p.contact_id = c.id
                       JOIN telemarketing_number n ON n.id = p.number_id
                       WHERE c.database_id = ANY(%s)
                         AND NOT (%s)
                         AND COALESCE(c.legal_basis, 'client') = 'client'
                         AND (n.robinson IS NULL OR n.robinson_at < %s)
                       LIMIT 1""",
                    databases.ids,
                    self.env["telemarketing.gate"]._firm_sql(),
                    since,
                )
            )
        )

    # THE CAMPAIGN

    def _of_purpose(self, facts):
        """What is passed over in such calls, and what they must therefore not do."""
        if facts.purpose == "service":
            text = self.env._(
                "Service calls ask for no legal basis, and objections to advertising "
                "do not stop them: they are only about a contract that the person has. "
                "Nothing may be offered, renewed or sold in them, and no order taken; "
                "for that, make a commercial campaign."
            )
            return [self._finding("purpose_service", text)]
        if facts.purpose == "survey":
            text = self.env._(
                "In a survey nothing may be offered or sold, and no order taken; for "
                "that, make a commercial campaign."
            )
            return [self._finding("purpose_survey", text)]
        return []

    def _of_sector(self, campaign, facts):
        found = []
        sector = campaign.sector_id
        today = self.env["telemarketing.clock"]._now().date()
        if facts.purpose != "commercial":
            return found
        if facts.sector_ban_from and facts.sector_ban_from <= today:
            found.append(
                self._finding(
                    "sector_request",
                    self.env._(
                        "%(sector)s: natural persons are called only if they asked for "
                        "it expressly (%(law)s).",
                        sector=sector.name,
                        law=sector.source or "-",
                    ),
                )
            )
        if facts.record_whole:
            telephony = self.env["telemarketing.telephony"]
            capabilities = telephony._capabilities(self.env.user, campaign._origin)
            if "record" not in capabilities["capabilities"]:
                found.append(
                    self._finding(
                        "record_whole",
                        self.env._(
                            "%s: the whole call must be recorded, and the telephone in "
                            "use cannot do it from here.",
                            sector.name,
                        ),
                    )
                )
        return found

    def _of_caller(self, campaign, facts):
        if facts.caller or facts.purpose == "service":
            return []
        return [
            self._finding(
                "caller_unknown",
                self.env._(
                    "Nobody wrote down which number is shown: it is not checked that "
                    "it is none of the mobiles that the law forbids (Orden "
                    "TDF/149/2025 art. 9)."
                ),
            )
        ]

    def _of_scripts(self, campaign, facts):
        scripts = campaign.sudo().script_ids.filtered("active")
        missing = scripts._missing_requirements(
            facts.purpose, facts.sector, sells=campaign.kind == "telesales"
        )
        if not missing:
            return []
        selection = dict(
            self.env["telemarketing.script.legal.line"]
            ._fields["requirement"]
            ._description_selection(self.env)
        )
        return [
            self._finding(
                "script_lines",
                self.env._(
                    "The scripts have no line to confirm for: %s.",
                    ", ".join(selection[key] for key in missing),
                ),
            )
        ]

    # FOR PEOPLE

    @api.model
    def _html(self, findings):
        """The findings as a list, the grave ones marked."""
        if not findings:
            return Markup("<p class='text-success'>%s</p>") % self.env._(
                "Nothing stands against starting."
            )
        marks = {
            "blocks": ("text-bg-danger", self.env._("Nobody can be called")),
            "warns": ("text-bg-warning", self.env._("Mind")),
        }
        return Markup("<ul class='list-unstyled'>%s</ul>") % Markup("").join(
            Markup("<li class='mb-1'><span class='badge %s me-2'>%s</span>%s</li>")
            % (*marks[finding["severity"]], finding["text"])
            for finding in findings
        )
