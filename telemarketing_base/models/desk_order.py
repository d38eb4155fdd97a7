import math
from contextlib import suppress

from odoo import api, models
from odoo.exceptions import UserError

from ..identity.cards import find_cards, mask_card
from ..identity.postcode import parse_postcode
from .desk_seat import seat
from .mandate import MAX_HOLDER

MAX_LINES = 100
MAX_QUANTITY = 100_000
MAX_CODES = 5
# Of what is typed about the delivery, in characters.
DELIVERY = {"name": 100, "street": 200, "street2": 200, "zip": 10, "city": 100}
MAX_DELIVERY_NOTE = 500


class _OnlyPricedError(Exception):
    """Undoes the order that was made to learn its price."""


class TelemarketingDeskOrder(models.AbstractModel):
    """Part of ``telemarketing.desk``: the order of a call, its articles and prices, how
    it is paid and delivered."""

    _name = "telemarketing.desk.order"
    _description = "Desk: Orders"

    # PROTOCOL

    @api.model
    @seat
    def price_order(self, session, target_id, lines, codes=None):
        """What these articles cost the person on the desk, as Odoo's own order says:
        a consumer is told the final price, taxes and all (TRLGDCU arts. 20.1.c, 60.2.c
        and 97.1.e). Nothing stays.

        :param list lines: ``[{article_id, quantity}]``
        :param list codes: promotion codes that the person gives
        :return: ``{lines: [{article_id, name, quantity, price_unit, discount, taxes,
            subtotal, total}], offers: [{name, total}], notices: [text], taxes: [{name,
            amount}], untaxed, tax, total, currency}``; amounts in the currency's units
        """
        target = self._lock_held(target_id)
        if not target:
            raise UserError(
                self.env._("This person is no longer on your desk. Ask for the next.")
            )
        campaign = target.campaign_id.with_company(target.campaign_id.company_id)
        ordered = self._check_lines(campaign, lines)
        codes = self._check_codes(codes)
        answer = {"now": self._text(self._now())}
        if not ordered:
            return answer | {"lines": [], "offers": [], "total": 0}
        # Made for real, so that price lists, fiscal positions and promotions count as
        # they will; its name is given, so that no number of the sequence is used up.
        with suppress(_OnlyPricedError), self.env.cr.savepoint():
            order, notices = self._priced_order(target, campaign, ordered, codes)
            answer |= self._order_values(order, ordered) | {"notices": notices}
            raise _OnlyPricedError
        return answer

    @api.model
    def _priced_order(self, target, campaign, ordered, codes):
        contact = target.contact_id
        quiet = {
            "tracking_disable": True,
            "mail_create_nolog": True,
            "mail_create_nosubscribe": True,
            "mail_notrack": True,
        }
        partner = contact.partner_id
        if not partner:
            values = contact._prepare_partner_values()
            # Where the person lives decides on taxes; the rest may be wrong or double.
            for name in ("vat", "email", "phone"):
                values.pop(name, None)
            values["name"] = values["name"] or self.env._("Buyer")
            partner = (
                self.env["res.partner"].sudo().with_context(**quiet).create(values)
            )
        interaction = target.interaction_id or self.env["telemarketing.interaction"]
        Order = self.env["sale.order"].sudo().with_company(campaign.company_id)
        order = Order.with_context(**quiet).create(
            {
                "name": "price",
                "partner_id": partner.id,
                "company_id": campaign.company_id.id,
                "telemarketing_campaign_id": campaign.id,
                **interaction.sudo()._prepare_price_values(campaign, ordered),
            }
        )
        return order, order._telemarketing_apply_offers(codes)

    @api.model
    def _order_values(self, order, ordered):
        currency = order.currency_id
        own = order.order_line[: len(ordered)]
        taxes = {}
        for line in order.order_line:
            tax = ", ".join(line.tax_ids.mapped("name"))
            if tax:
                taxes[tax] = taxes.get(tax, 0) + line.price_tax
        return {
            "lines": [
                {
                    "article_id": article.id,
                    "name": article.product_id.display_name,
                    "quantity": line.product_uom_qty,
                    "price_unit": line.price_unit,
                    "discount": line.discount,
                    "taxes": ", ".join(line.tax_ids.mapped("name")),
                    "subtotal": line.price_subtotal,
                    "total": line.price_total,
                }
                for line, (article, _quantity) in zip(own, ordered, strict=True)
            ],
            "offers": [
                {"name": line.name or "", "total": line.price_total}
                for line in order.order_line - own
            ],
            "taxes": [
                {"name": name, "amount": currency.round(amount)}
                for name, amount in taxes.items()
            ],
            "untaxed": order.amount_untaxed,
            "tax": order.amount_tax,
            "total": order.amount_total,
            "currency": currency.symbol,
        }

    # SEAMS

    @api.model
    def _campaign_parts(self, campaign):
        return {
            **super()._campaign_parts(campaign),
            "articles": [
                {
                    "id": article.id,
                    "name": article.product_id.display_name,
                    "price": article._desk_price(),
                    "currency": article.currency_id.symbol,
                    "discount": article.discount,
                    "offer": article.offer or "",
                    "conditions": article.conditions or "",
                    "conditions_key": article._conditions_key(),
                }
                for article in campaign.article_ids
            ],
            "payments": [
                {"id": payment.id, "name": payment.name, "kind": payment.kind}
                for payment in campaign.order_payment_ids
            ],
            "order_codes": self._takes_codes(campaign),
        }

    @api.model
    def _takes_codes(self, campaign):
        """Do promotion codes do something here? The bridge to sale_loyalty says so."""
        return False

    @api.model
    def _check_closing(self, interaction, campaign, disposition, payload):
        given = super()._check_closing(interaction, campaign, disposition, payload)
        order = self._check_order(campaign, disposition, payload)
        return given | {"order": order} if order else given

    @api.model
    def _wants_prospect(self, disposition, given):
        wants = super()._wants_prospect(disposition, given)
        return wants or "order" in given or disposition.needs_order

    @api.model
    def _after_closing(self, interaction, given):
        result = super()._after_closing(interaction, given)
        if "order" in given:
            interaction._take_order(given["order"])
        return result

    @api.model
    def _closed_parts(self, interaction):
        order = interaction.order_ids[:1]
        return {
            **super()._closed_parts(interaction),
            "order": {"id": order.id, "name": order.name, "total": order.amount_total}
            if order
            else False,
        }

    # CHECKS of what the browser says

    @api.model
    def _check_no_card(self, text):
        """Card numbers are kept nowhere (PCI DSS 3.2); the rest of the text is fine.

        :raise UserError: says which number to take out
        """
        cards = find_cards(text)
        if cards:
            raise UserError(
                self.env._(
                    "Take out the card number %s: card numbers are never written down "
                    "here (PCI DSS). The rest stays. To pay by card the buyer gets a "
                    "link.",
                    ", ".join(mask_card(card) for card in cards),
                )
            )
        return text

    @api.model
    def _check_words(self, text, limit):
        if not isinstance(text, str | bool | None):
            raise UserError(self.env._("The order could not be read; reload the page."))
        text = (text or "").replace("\x00", "").strip()
        if len(text) > limit:
            raise UserError(
                self.env._("That is longer than %s characters: shorten it.", limit)
            )
        return self._check_no_card(text)

    @api.model
    def _check_lines(self, campaign, lines):
        """:return: ``[(campaign article, quantity)]``"""
        if not isinstance(lines, list) or len(lines) > MAX_LINES:
            raise UserError(self.env._("The order could not be read; reload the page."))
        ordered = []
        for line in lines:
            line = line if isinstance(line, dict) else {}
            article = campaign.article_ids.filtered(
                lambda a, line=line: a.id == line.get("article_id")
            )
            quantity = line.get("quantity") or 0
            if not article:
                raise UserError(self.env._("The campaign does not sell this article."))
            number = isinstance(quantity, int | float)
            if (
                not number
                or isinstance(quantity, bool)
                or not math.isfinite(quantity)
                or not 0 < quantity <= MAX_QUANTITY
                or article.product_id.uom_id.is_zero(quantity)
            ):
                raise UserError(
                    self.env._("Say how many of %s.", article.product_id.display_name)
                )
            ordered.append((article, quantity))
        return ordered

    @api.model
    def _check_codes(self, codes):
        if not codes:
            return []
        if not isinstance(codes, list) or len(codes) > MAX_CODES:
            raise UserError(
                self.env._("An order takes %s promotion codes at most.", MAX_CODES)
            )
        codes = [self._check_words(code, 50) for code in codes]
        return [code for code in codes if code]

    @api.model
    def _check_order(self, campaign, disposition, payload):
        """:return: what ``_take_order`` needs, or None without an order"""
        given = payload.get("order") or {}
        if not isinstance(given, dict):
            raise UserError(self.env._("The order could not be read; reload the page."))
        lines = given.get("lines") or []
        if (lines or disposition.needs_order) and campaign.call_purpose != "commercial":
            raise UserError(
                self.env._(
                    "Nothing is sold in %s: its calls are surveys or service. Choose a "
                    "result without an order.",
                    campaign.name,
                )
            )
        ordered = self._check_lines(campaign, lines)
        if disposition.needs_order and not ordered and campaign.article_ids:
            raise UserError(
                self.env._(
                    "“%s” takes an order: choose at least one article.",
                    disposition.name,
                )
            )
        if not ordered:
            return None
        if not disposition._is_sale():
            # What a sale wants said and read is not asked of other results.
            raise UserError(
                self.env._(
                    "“%s” does not go with an order: take the articles out, or give "
                    "another result.",
                    disposition.name,
                )
            )
        return {
            "lines": ordered,
            "codes": self._check_codes(given.get("codes")),
            "unread": self._check_conditions(campaign, ordered, given),
            **self._check_payment(campaign, given),
            "delivery": self._check_delivery(given),
        }

    @api.model
    def _check_conditions(self, campaign, ordered, given):
        """The articles whose conditions nobody ticked as read, as legal lines are
        judged: refused where the campaign wants them, else noted."""
        said = given.get("conditions_read")
        said = (
            {key for key in said if isinstance(key, str)}
            if (isinstance(said, list))
            else set()
        )
        unread = campaign.article_ids.browse()
        for article, _quantity in ordered:
            key = article._conditions_key()
            if key and key not in said:
                unread |= article
        if unread and campaign.require_legal_lines:
            raise UserError(
                self.env._(
                    "Read these conditions aloud and tick them first: %s.",
                    "; ".join(unread.mapped("display_name")),
                )
            )
        return unread

    @api.model
    def _check_payment(self, campaign, given):
        """How it is paid: one of the campaign's ways, with its account where it is a
        direct debit."""
        payments = campaign.order_payment_ids
        if not payments:
            return {"payment": payments}
        payment = payments.filtered(lambda p: p.id == given.get("payment"))
        if not payment:
            raise UserError(self.env._("Say how it is paid."))
        if payment.kind != "mandate":
            return {"payment": payment}
        iban = self._check_words(given.get("iban"), 60)
        return {
            "payment": payment,
            "iban": self.env["telemarketing.mandate"]._clean_iban(iban),
            "holder": self._check_words(given.get("holder"), MAX_HOLDER),
        }

    @api.model
    def _check_delivery(self, given):
        """Where it is brought if not to the person's address: ``{field: text}``."""
        delivery = given.get("delivery") or {}
        if not isinstance(delivery, dict):
            raise UserError(self.env._("The order could not be read; reload the page."))
        values = {
            name: self._check_words(delivery.get(name), limit)
            for name, limit in DELIVERY.items()
        }
        values["note"] = self._check_words(delivery.get("note"), MAX_DELIVERY_NOTE)
        if any(values[name] for name in DELIVERY) and not (
            values["street"] and values["city"]
        ):
            raise UserError(
                self.env._("A delivery address has at least a street and a city.")
            )
        if values["zip"] and not parse_postcode(values["zip"]):
            raise UserError(self.env._("“%s” is no postcode.", values["zip"]))
        return values
