from odoo import api, models
from odoo.tools import format_datetime

from .campaign import AUTOMATIC


class TelemarketingReadiness(models.AbstractModel):
    _inherit = "telemarketing.readiness"

    @api.model
    def _findings(self, campaign):
        found = super()._findings(campaign)
        if campaign.training:
            return found
        found += self._of_dialing(campaign)
        return sorted(found, key=lambda finding: finding["severity"])

    def _of_dialing(self, campaign):
        """What stands against its calls being dialled now."""
        campaign = campaign.sudo()
        found = []
        server = campaign.dialer_server_id
        if campaign.dialing_mode in AUTOMATIC:
            found += [
                self._finding("dialing_lacks", text)
                for text in campaign._dialing_lacks()
            ]
            found += self._of_lists(campaign)
        if not server:
            return found
        if campaign.dialing_stopped_at:
            found.append(
                self._finding(
                    "dialing_stopped",
                    self.env._(
                        "Dialling was stopped on %(at)s by %(who)s: nobody is dialled "
                        "until it is resumed.",
                        at=format_datetime(
                            self.env, campaign.dialing_stopped_at, dt_format="short"
                        ),
                        who=campaign.dialing_stopped_by_id.name or "-",
                    ),
                )
            )
        if not campaign.caller_number:
            found.append(
                self._finding(
                    "dialing_caller",
                    self.env._(
                        "Choose the number that it shows: %s needs one.", server.name
                    ),
                )
            )
        if campaign.sector_id.record_whole and campaign.record_calls != "always":
            found.append(
                self._finding(
                    "dialing_record",
                    self.env._(
                        "%s: the whole call must be recorded, and this campaign does "
                        "not record.",
                        campaign.sector_id.name,
                    ),
                )
            )
        if campaign.record_calls != "never" and not campaign.record_notice:
            lines = campaign.script_ids.filtered("active").legal_line_ids
            if "recording" not in lines.mapped("requirement"):
                found.append(
                    self._finding(
                        "dialing_record_notice",
                        self.env._(
                            "Calls are recorded and nobody says so: choose a recording "
                            "notice, or add a line to the script that says it."
                        ),
                    )
                )
        state, sentence = server._health_word()
        if state != "ok":
            found.append(self._finding("dialing_health", f"{server.name}: {sentence}"))
        return found

    def _of_lists(self, campaign):
        """Where a campaign has lists, nobody outside them is dialled."""
        lists = campaign.with_context(active_test=False).dialer_list_ids
        on = lists.filtered("active")
        found = [
            self._finding(
                "dialing_list",
                self.env._(
                    "The dialer list %(name)s cannot be filled: %(why)s",
                    name=each.name,
                    why=each.problem,
                ),
            )
            for each in on
            if each.problem
        ]
        if lists and not any(on.mapped("target_count")):
            text = (
                self.env._("Nobody stands in its dialer lists: nobody is dialled.")
                if on
                else self.env._("Its dialer lists are off: nobody is dialled.")
            )
            found.append(self._finding("dialing_lists", text))
        return found
