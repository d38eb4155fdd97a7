from odoo import api, models
from odoo.exceptions import UserError


class TelemarketingDeskOrder(models.AbstractModel):
    """Part of ``telemarketing.desk``: the order of a call, its articles and prices, how
    it is paid and delivered."""

    _name = "telemarketing.desk.order"
    _description = "Desk: Orders"

    @api.model
    def _campaign_parts(self, campaign):
        return {
            **super()._campaign_parts(campaign),
            "articles": [
                {
                    "id": article.id,
                    "name": article.product_id.display_name,
                    "price": article.price_unit,
                    "currency": article.currency_id.symbol,
                    "discount": article.discount,
                    "offer": article.offer or "",
                    "conditions": article.conditions or "",
                }
                for article in campaign.article_ids
            ],
        }

    @api.model
    def _check_closing(self, interaction, campaign, disposition, payload):
        given = super()._check_closing(interaction, campaign, disposition, payload)
        lines = self._check_order(campaign, disposition, payload)
        return given | {"order": lines} if lines else given

    @api.model
    def _wants_prospect(self, disposition, given):
        wants = super()._wants_prospect(disposition, given)
        return wants or "order" in given or disposition.needs_order

    @api.model
    def _after_closing(self, interaction, given):
        super()._after_closing(interaction, given)
        if "order" in given:
            interaction._take_order(given["order"])

    @api.model
    def _closed_parts(self, interaction):
        order = interaction.order_ids[:1]
        return {
            **super()._closed_parts(interaction),
            "order": {"id": order.id, "name": order.name, "total": order.amount_total}
            if order
            else False,
        }

    @api.model
    def _check_order(self, campaign, disposition, payload):
        lines = []
        given = (payload.get("order") or {}).get("lines") or []
        if (given or disposition.needs_order) and campaign.call_purpose != "commercial":
            raise UserError(
                self.env._(
                    "Nothing is sold in %s: its calls are surveys or service. Choose a "
                    "result without an order.",
                    campaign.name,
                )
            )
        for line in given:
            article = campaign.article_ids.filtered(
                lambda a, line=line: a.id == line.get("article_id")
            )
            quantity = line.get("quantity") or 0
            if not article:
                raise UserError(self.env._("The campaign does not sell this article."))
            if not isinstance(quantity, int | float) or not 0 < quantity <= 100_000:
                raise UserError(
                    self.env._("Say how many of %s.", article.product_id.display_name)
                )
            lines.append((article, quantity))
        if disposition.needs_order and not lines and campaign.article_ids:
            raise UserError(
                self.env._(
                    "“%s” takes an order: choose at least one article.",
                    disposition.name,
                )
            )
        return lines
