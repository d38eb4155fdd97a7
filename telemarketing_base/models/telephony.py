from odoo import api, models


class TelemarketingTelephony(models.AbstractModel):
    """Server side of the telephone seam.

    A provider module extends ``_providers`` and answers ``_dial_<provider>`` and the
    other actions that it can. Base has *manual*: the agent's own telephone, dialled
    by a ``tel:`` link, of which nothing is heard back.
    """

    _name = "telemarketing.telephony"
    _description = "Telephony"

    @api.model
    def _providers(self):
        """``{code: capabilities}``; capabilities are what the desk shows buttons for:
        dial, hangup, hold, transfer, record."""
        return {"manual": ["dial"]}

    @api.model
    def _provider(self, user, campaign):
        """Code of the provider that makes this user's calls in this campaign."""
        return "manual"

    @api.model
    def _capabilities(self, user, campaign):
        provider = self._provider(user, campaign)
        return {"provider": provider, "capabilities": self._providers()[provider]}

    @api.model
    def _dial(self, interaction):
        """Dial what the committed attempt says.

        :return: instruction for the browser's provider, e.g. ``{action, uri}``
        """
        return getattr(self, f"_dial_{interaction.provider}")(interaction)

    @api.model
    def _dial_manual(self, interaction):
        # E.164 is digits after a plus: nothing in it can leave the URI.
        return {"action": "tel", "uri": f"tel:{interaction.e164}"}
