from odoo import api, models
from odoo.exceptions import AccessError

MANAGER = "telemarketing_base.group_manager"


class TelemarketingDialerBrake(models.AbstractModel):
    """The red button of a whole company. That of one campaign is the campaign's."""

    _name = "telemarketing.dialer.brake"
    _description = "Part of an Asterisk Server"

    # Called without records, from the top of the list of servers.
    def action_stop_company(self):
        """Nobody is dialled any more by any Asterisk of the companies in use."""
        return self._of_companies()._stop_dialing(True)

    def action_resume_company(self):
        return self._of_companies()._stop_dialing(False)

    def action_stop_dialing(self):
        return self._stop_dialing(True)

    def action_resume_dialing(self):
        return self._stop_dialing(False)

    @api.model
    def _of_companies(self):
        return self.search([("company_id", "in", self.env.companies.ids)])

    def _stop_dialing(self, stopped):
        user, now = self.env.user, self.env["telemarketing.clock"]._now()
        if not user.has_group(MANAGER):
            raise AccessError(
                self.env._(
                    "Managers stop and resume all dialling of a company; supervisors, "
                    "that of the campaigns that they administer."
                )
            )
        self.check_access("read")
        # In a transaction of its own: the process writes the same rows every two
        # seconds, and a request that must be tried again comes too late.
        with self.env["telemarketing.desk"]._own_transaction():
            for server in self.sudo():
                if bool(server.stopped_at) == stopped:
                    continue
                server.write(
                    {
                        "stopped_at": stopped and now,
                        "stopped_by_id": stopped and user.id,
                    }
                )
                server._notify("stop", campaign=None, stopped=stopped)
                self.env["telemarketing.dialer.log"]._append(
                    "stop" if stopped else "resume", server=server, user=user
                )
            self.env.flush_all()
        return True
