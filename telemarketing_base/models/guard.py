"""What rights and rules cannot say: which fields a caller may set, and that a record
may not be written out of its writer's sight.

Record rules are asked before a write only, and a readonly field is readonly in the
browser only. Whoever calls by RPC meets these guards. Code that has to do more does
it with ``sudo``, after its own checks.
"""

from odoo import api, models
from odoo.exceptions import AccessError, UserError, ValidationError

MANAGER = "telemarketing_base.group_manager"


def check_fields(records, names, allowed=None, denied=()):
    """Raise unless the caller may set these fields.

    :param allowed: the fields a caller may set; None: all but ``denied``
    """
    if records.env.su:
        return
    names = {name for name in names if name in records._fields}
    wrong = names & set(denied)
    if allowed is not None:
        wrong |= names - set(allowed)
    if wrong:
        raise AccessError(
            records.env._(
                "%(fields)s of %(model)s cannot be set by hand.",
                fields=", ".join(
                    sorted(
                        records._fields[n].get_description(records.env)["string"]
                        for n in wrong
                    )
                ),
                model=records._description,
            )
        )


def without_defaults(records, allowed=None, denied=()):
    """The same records without context defaults for fields a caller may not set."""
    if records.env.su:
        return records
    context = {
        key: value
        for key, value in records.env.context.items()
        if not key.startswith("default_")
        or (key[8:] not in denied and (allowed is None or key[8:] in allowed))
    }
    return records.with_env(records.env(context=context))


def check_still_ours(records, vals, scope):
    """After a write that may have moved the records: are they still the caller's?"""
    if not records.env.su and set(vals) & set(scope):
        records.check_access("write")


class TelemarketingSightMixin(models.AbstractModel):
    """What a caller names by id he must be able to read: a wizard would show it.

    Not a constraint: those run with sudo.
    """

    _name = "telemarketing.sight.mixin"
    _description = "Names What Is in Sight"
    _sight_fields = ()

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        records._check_in_sight()
        return records

    def write(self, vals):
        result = super().write(vals)
        self._check_in_sight()
        return result

    def _check_in_sight(self):
        if not self.env.su:
            for name in self._sight_fields:
                self[name].check_access("read")


class Base(models.AbstractModel):
    _inherit = "base"

    def export_data(self, fields_to_export):
        """Agents export nothing, whatever other groups they were given."""
        if self.env.user.telemarketing_only_agent:
            raise UserError(
                self.env._("Agents do not export data; ask your supervisor.")
            )
        return super().export_data(fields_to_export)


class TelemarketingCallingRules(models.Model):
    _inherit = "telemarketing.calling.rules"

    def write(self, vals):
        check_fields(self, vals, denied=("company_id",))
        return super().write(vals)


class TelemarketingCampaign(models.Model):
    _inherit = "telemarketing.campaign"

    # Counted, or asked for by ``action_robinson``.
    _code_fields = (
        *("robinson_waiting", "robinson_counted_at", "robinson_asked"),
        "training_ended_at",
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, denied=self._code_fields)
        self = without_defaults(self, denied=self._code_fields)
        self._check_principal_given(
            [vals.get("principal_id") for vals in vals_list]
            + [self.env.context.get("default_principal_id")]
        )
        return super().create(vals_list)

    def write(self, vals):
        check_fields(self, vals, denied=self._code_fields)
        if "principal_id" in vals:
            self._check_principal_given([vals["principal_id"]])
        result = super().write(vals)
        check_still_ours(self, vals, ["company_id"])
        return result

    @api.model
    def _check_principal_given(self, principal_ids):
        """A campaign opens its principal's people to who administers it: only
        managers bring a principal in; supervisors use those that they have."""
        wanted = {principal_id for principal_id in principal_ids if principal_id}
        if self.env.su or not wanted or self.env.user.has_group(MANAGER):
            return
        theirs = self.sudo().search(
            [
                ("principal_id", "in", list(wanted)),
                ("supervisor_ids", "in", self.env.uid),
                ("company_id", "in", self.env.companies.ids),
            ]
        )
        if wanted - set(theirs.principal_id.ids):
            raise AccessError(
                self.env._(
                    "You administer no campaign of this client company: a manager "
                    "makes its first one for you."
                )
            )

    def _mail_get_operation_for_mail_message_operation(self, message_operation):
        """Agents, salespeople and the principal's contacts read the campaign, not
        what is said about it inside."""
        if message_operation == "read":
            return dict.fromkeys(self, "write")
        return super()._mail_get_operation_for_mail_message_operation(message_operation)


class TelemarketingCampaignArticle(models.Model):
    _inherit = "telemarketing.campaign.article"

    def write(self, vals):
        result = super().write(vals)
        check_still_ours(self, vals, ["campaign_id"])
        return result


class TelemarketingReason(models.Model):
    _inherit = "telemarketing.reason"

    def write(self, vals):
        result = super().write(vals)
        check_still_ours(self, vals, ["campaign_id"])
        return result


class TelemarketingDatabase(models.Model):
    _inherit = "telemarketing.database"

    # Of the erasure of all its people, which is asked for and confirmed.
    _code_fields = (
        *("empty_state", "empty_delete", "empty_total", "empty_done"),
        *("empty_blocked", "empty_last_id", "empty_user_id", "empty_error"),
        # Follows from its campaign.
        "training",
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, denied=self._code_fields)
        return super(
            TelemarketingDatabase, without_defaults(self, denied=self._code_fields)
        ).create(vals_list)

    def write(self, vals):
        check_fields(self, vals, denied=self._code_fields)
        result = super().write(vals)
        check_still_ours(self, vals, ["campaign_id"])
        return result


class TelemarketingImport(models.Model):
    _inherit = "telemarketing.import"

    # Set by reading, loading, the watched folder and undoing.
    _code_fields = (
        *("state", "company_id", "sheets", "separator", "remembered"),
        *("preview_html", "preview_bases", "check_state", "check_counts"),
        *("total", "position", "loaded", "bad", "noticed", "updated", "excluded"),
        *("without_basis", "stop_asked", "error", "started_at", "finished_at"),
        *("resumed_at", "resumed_position", "loaded_by_id", "row_ids", "change_ids"),
        *("returned_file", "returned_name"),
        *("undo_position", "undone_people", "kept_people", "restored"),
        *("not_restored", "undone_by_id", "undone_at"),
        "watch_id",
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, denied=self._code_fields)
        self = without_defaults(self, denied=self._code_fields)
        jobs = super().create(vals_list)
        jobs._check_in_sight()
        jobs._check_articles()
        return jobs

    def write(self, vals):
        check_fields(self, vals, denied=self._code_fields)
        self._check_articles()
        if vals:
            self._check_not_begun()
        result = super().write(vals)
        check_still_ours(self, vals, ["database_id", "campaign_id"])
        if {"database_id", "campaign_id"} & set(vals):
            self._check_in_sight()
        if "kind" in vals:
            self._check_articles()
        return result

    def copy_data(self, default=None):
        """Another upload of the same: nothing of what became of this one."""
        return [
            {name: vals[name] for name in vals if name not in self._code_fields}
            for vals in super().copy_data(default)
        ]

    def _check_not_begun(self):
        """What a load does is what was looked at before it was pressed."""
        if not self.env.su and self.filtered(
            lambda job: job.state not in ("draft", "preview")
        ):
            self.check_access("write")
            raise UserError(
                self.env._("What is being loaded, or has been, does not change.")
            )

    def _check_in_sight(self):
        """People are loaded with sudo into the database that is named: whoever names
        it may change it. Rules know the campaign only."""
        if not self.env.su:
            self.database_id.check_access("write")
            self.campaign_id.check_access("read")

    def _check_articles(self):
        """A file of articles loads in the name of who uploaded it: nobody else may
        change what it does."""
        if not self.env.su and any(job.kind == "articles" for job in self):
            self.env["telemarketing.import.articles"]._check_user()


class TelemarketingImportColumn(models.Model):
    _inherit = "telemarketing.import.column"

    @api.model_create_multi
    def create(self, vals_list):
        columns = super().create(vals_list)
        columns.import_id._check_articles()
        columns.import_id._check_not_begun()
        return columns

    def write(self, vals):
        self.import_id._check_articles()
        self.import_id._check_not_begun()
        result = super().write(vals)
        check_still_ours(self, vals, ["import_id"])
        if "import_id" in vals:
            self.import_id._check_articles()
            self.import_id._check_not_begun()
        return result

    def unlink(self):
        self.import_id._check_articles()
        self.import_id._check_not_begun()
        return super().unlink()


class TelemarketingContact(models.Model):
    _inherit = "telemarketing.contact"

    # Set by qualification and by loading.
    _code_fields = (
        *("partner_id", "lead_id", "import_id", "import_row", "raw_values"),
        *("consented_on", "robot_consented_on"),
        *("erased_at", "merged_into_id", "merged_ids"),
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, denied=self._code_fields)
        self = without_defaults(self, denied=self._code_fields)
        return super().create(vals_list)

    def write(self, vals):
        check_fields(self, vals, denied=self._code_fields)
        if not self.env.su and any(contact.erased_at for contact in self):
            raise UserError(
                self.env._("An erased person is not filled in again: load it anew.")
            )
        if vals.get("active") and not self.env.su and self.sudo().merged_into_id:
            raise UserError(
                self.env._(
                    "This contact was merged into another: undo the merge, or work "
                    "the one that was kept."
                )
            )
        if "database_id" in vals and not self.env.su:
            database = self.env["telemarketing.database"].browse(vals["database_id"])
            database.check_access("write")
            if self.campaign_id - database.campaign_id:
                raise UserError(
                    self.env._(
                        "People are moved to another campaign with “Move”, not by "
                        "changing their database: their extra columns and calls "
                        "stay behind."
                    )
                )
        return super().write(vals)


class TelemarketingContactPhone(models.Model):
    _inherit = "telemarketing.contact.phone"

    # Follow from what was written (``raw``): a number dialled is a number checked.
    _code_fields = ("e164", "number_id")

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, denied=self._code_fields)
        return super().create(vals_list)

    def write(self, vals):
        check_fields(self, vals, denied=self._code_fields)
        result = super().write(vals)
        check_still_ours(self, vals, ["contact_id"])
        return result


class TelemarketingNumber(models.Model):
    _inherit = "telemarketing.number"

    def write(self, vals):
        # What consultations and calls say of it is nobody's to write.
        check_fields(self, vals, ("state",))
        return super().write(vals)


class TelemarketingTarget(models.Model):
    _inherit = "telemarketing.target"

    _caller_fields = ("agent_id", "priority", "target_properties")
    _caller_create_fields = (
        *_caller_fields,
        "contact_id",
        "campaign_id",
        "origin",
        "segment_id",
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, self._caller_create_fields)
        self = without_defaults(self, self._caller_create_fields)
        return super().create(vals_list)

    def write(self, vals):
        check_fields(self, vals, self._caller_fields)
        return super().write(vals)

    @api.constrains("contact_id", "campaign_id")
    def _check_same_principal(self):
        for target in self:
            contact, campaign = target.contact_id, target.campaign_id
            if contact.database_id.training != campaign.training:
                raise ValidationError(
                    self.env._(
                        "%(contact)s cannot be worked in %(campaign)s: invented people "
                        "are for training, and training is for them.",
                        contact=contact.id,
                        campaign=campaign.name,
                    )
                )
            if (
                contact.principal_id != campaign.principal_id
                or contact.company_id != campaign.company_id
            ):
                raise ValidationError(
                    self.env._(
                        "%(contact)s cannot be worked in %(campaign)s: people never "
                        "cross from one client company to another.",
                        contact=contact.id,
                        campaign=campaign.name,
                    )
                )


class TelemarketingInteraction(models.Model):
    _inherit = "telemarketing.interaction"

    def write(self, vals):
        check_fields(self, vals, ("todo",))
        return super().write(vals)


class TelemarketingExclusion(models.Model):
    _inherit = "telemarketing.exclusion"

    _caller_create_fields = (
        "company_id",
        "number_id",
        "vat",
        "contact_id",
        "scope",
        "principal_id",
        "campaign_id",
        "reason",
        "channel",
        "source",
        "date",
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            check_fields(self, vals, self._caller_create_fields)
        self = without_defaults(self, self._caller_create_fields)
        return super().create(vals_list)

    def write(self, vals):
        # Proof: lifted by ``action_lift``, never rewritten.
        check_fields(self, vals, ())
        return super().write(vals)


class TelemarketingConsent(models.Model):
    _inherit = "telemarketing.consent"

    # Set by the desk and by *Renew*.
    _code_fields = (
        *("interaction_id", "refused_at", "renewal_of_id"),
        *("withdrawal_interaction_id", "vat"),
    )
    _sight = ("partner_id", "number_id", "database_id", "text_id", "recording_id")

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            given = [name for name in self._code_fields if vals.get(name)]
            check_fields(self, given, denied=self._code_fields)
        self = without_defaults(self, denied=self._code_fields)
        consents = super().create(vals_list)
        consents._check_proof_in_sight()
        return consents

    def write(self, vals):
        # What may be added once; the model says when it is too late.
        check_fields(self, vals, self._added - set(self._code_fields))
        result = super().write(vals)
        self._check_proof_in_sight()
        return result

    def _check_proof_in_sight(self):
        if not self.env.su:
            for name in self._sight:
                self[name].check_access("read")


class TelemarketingCompanyMaster(models.AbstractModel):
    """Masters that are common (no company) or a company's: who may write only the
    company's makes none common and gives none away."""

    _name = "telemarketing.master.guard.mixin"
    _description = "Guarded Master"

    def write(self, vals):
        result = super().write(vals)
        check_still_ours(self, vals, ["company_id", "campaign_ids", "principal_id"])
        return result


class TelemarketingDisposition(models.Model):
    _name = "telemarketing.disposition"
    _inherit = ["telemarketing.disposition", "telemarketing.master.guard.mixin"]


class TelemarketingConsentText(models.Model):
    _name = "telemarketing.consent.text"
    _inherit = ["telemarketing.consent.text", "telemarketing.master.guard.mixin"]


class TelemarketingActionType(models.Model):
    _name = "telemarketing.action.type"
    _inherit = ["telemarketing.action.type", "telemarketing.master.guard.mixin"]


class TelemarketingScript(models.Model):
    _name = "telemarketing.script"
    _inherit = ["telemarketing.script", "telemarketing.master.guard.mixin"]


class TelemarketingScriptLegalLine(models.Model):
    _inherit = "telemarketing.script.legal.line"

    def write(self, vals):
        result = super().write(vals)
        check_still_ours(self, vals, ["script_id"])
        return result


class TelemarketingPauseReason(models.Model):
    _name = "telemarketing.pause.reason"
    _inherit = ["telemarketing.pause.reason", "telemarketing.master.guard.mixin"]


class TelemarketingContactCategory(models.Model):
    _name = "telemarketing.contact.category"
    _inherit = ["telemarketing.contact.category", "telemarketing.master.guard.mixin"]


class TelemarketingContactType(models.Model):
    _name = "telemarketing.contact.type"
    _inherit = ["telemarketing.contact.type", "telemarketing.master.guard.mixin"]


class TelemarketingZone(models.Model):
    _name = "telemarketing.zone"
    _inherit = ["telemarketing.zone", "telemarketing.master.guard.mixin"]


class TelemarketingCollaboratorRole(models.Model):
    _name = "telemarketing.collaborator.role"
    _inherit = ["telemarketing.collaborator.role", "telemarketing.master.guard.mixin"]


class TelemarketingSegment(models.Model):
    _name = "telemarketing.segment"
    _inherit = ["telemarketing.segment", "telemarketing.master.guard.mixin"]


class TelemarketingOriginMixin(models.AbstractModel):
    _inherit = "telemarketing.origin.mixin"

    # Money hangs on them: the code sets them, nobody else.
    _origin_fields = (
        "telemarketing_campaign_id",
        "telemarketing_interaction_id",
        "telemarketing_operator_id",
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            given = [name for name in self._origin_fields if vals.get(name)]
            check_fields(self, given, denied=self._origin_fields)
        self = without_defaults(self, denied=self._origin_fields)
        return super().create(vals_list)

    def write(self, vals):
        check_fields(self, vals, denied=self._origin_fields)
        return super().write(vals)
