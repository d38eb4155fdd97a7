from odoo import api, models
from odoo.exceptions import UserError

# What a provider may report of an attempt, and the state that it puts it in.
REPORTED = {"dialling": "dialling", "talking": "talking", "ended": "wrap_up"}


class TelemarketingTelephony(models.AbstractModel):
    """Server side of the telephone seam.

    A provider module extends ``_providers`` with its code and capabilities and has
    one method ``_<capability>_<code>(interaction, **params)`` for each, called with
    the committed attempt; it tells what it hears by ``_report``. The browser's side
    is the service ``telemarketing_telephony``.

    Base has *manual*: the agent's own telephone, dialled by a ``tel:`` link, of which
    nothing is heard back.
    """

    _name = "telemarketing.telephony"
    _description = "Telephony"

    @api.model
    def _providers(self):
        """``{code: capabilities}``; capabilities are what the desk shows buttons for:
        dial, hangup, hold, transfer, record."""
        return {"manual": ["dial"], "training": ["dial", "hangup"]}

    @api.model
    def _provider(self, user, campaign):
        """Code of the provider that makes this user's calls in this campaign."""
        return "training" if campaign.training else "manual"

    @api.model
    def _capabilities(self, user, campaign):
        provider = "training" if campaign.training else self._provider(user, campaign)
        return {"provider": provider, "capabilities": self._providers()[provider]}

    @api.model
    def _control(self, interaction, action, /, **params):
        """Have the attempt's provider do what it can.

        :param str action: one of the provider's capabilities
        :return: what the browser's provider must do, as a dict; may be empty
        """
        # Whatever provider a module names: an invented person is dialled by none.
        code = "training" if interaction.training else interaction.provider
        if action not in self._providers().get(code, ()):
            raise UserError(self.env._("This telephone cannot do that."))
        return getattr(self, f"_{action}_{code}")(interaction, **params) or {}

    @api.model
    def _dial(self, interaction):
        return self._control(interaction, "dial")

    @api.model
    def _dial_manual(self, interaction):
        # E.164 is digits after a plus: nothing in it can leave the URI.
        return {"action": "tel", "uri": f"tel:{interaction.e164}"}

    @api.model
    def _dial_training(self, interaction):
        return {"action": "pretend"}

    @api.model
    def _hangup_training(self, interaction):
        self._report(interaction.uuid, "ended")
        return {"action": "pretend"}

    @api.model
    def _report(self, uuid, state, at=None, cause=None):
        """A provider heard something of an attempt: keep it, and tell its desk.

        Reports may come twice, late or out of order: an attempt never goes back, and
        a closed one does not change.

        :param str state: ``dialling``, ``talking`` or ``ended``
        :param datetime at: naive UTC; now where not given
        :param str cause: hang-up cause, as the provider names it
        :return: whether the attempt changed
        """
        at = at or self.env["telemarketing.clock"]._now()
        interaction = (
            self.env["telemarketing.interaction"].sudo().search([("uuid", "=", uuid)])
        )
        order = list(REPORTED.values())
        if (
            not interaction
            or interaction.state == "done"
            or order.index(REPORTED[state]) <= order.index(interaction.state)
        ):
            return False
        values = {"state": REPORTED[state]}
        if state == "talking":
            values["answered_at"] = at
        elif state == "ended":
            values |= {"ended_at": at, "hangup_cause": cause and str(cause)[:64]}
        interaction.write(values)
        if interaction.target_id.interaction_id == interaction and state == "ended":
            interaction.target_id.state = "wrap_up"
        interaction.agent_id._bus_send(
            "telemarketing.call",
            {
                "uuid": uuid,
                "state": state,
                "at": interaction._fields["started_at"].to_string(at),
                "cause": cause or False,
            },
        )
        return True
