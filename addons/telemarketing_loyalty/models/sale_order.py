from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class SaleOrder(models.Model):
    _inherit = "sale.order"

    @api.private
    def _telemarketing_apply_offers(self, codes):
        """Promotions by themselves, then those whose code the buyer gave."""
        self.ensure_one()
        notices = []
        self._update_programs_and_rewards()
        self._telemarketing_claim()
        for code in codes:
            why = self._telemarketing_apply_code(code)
            if why:
                notices.append(why)
        return notices

    @api.private
    def _telemarketing_apply_code(self, code):
        """:return: why it did nothing, or an empty string"""
        card = self.env["loyalty.card"].search([("code", "=", code)], limit=1)
        rule = self.env["loyalty.rule"].search(
            [("code", "=", code), ("mode", "=", "with_code")], limit=1
        )
        program = rule.program_id or card.program_id
        if program.is_payment_program or program.is_nominative:
            return self.env._(
                "“%s” is a way to pay, not a promotion: it is not taken by telephone.",
                code,
            )
        try:
            with self.env.cr.savepoint():
                status = self._try_apply_code(code)
                if "error" in status:
                    return str(status["error"])
                self._update_programs_and_rewards()
                if not self._telemarketing_claim():
                    return self.env._(
                        "“%s” has several rewards: the back office puts in the one "
                        "that the buyer chooses.",
                        code,
                    )
        except UserError as error:
            return str(error)
        return ""

    @api.private
    def _telemarketing_claim(self):
        """Put in each reward about which there is nothing to choose.

        :return: how many
        """
        claimed = 0
        for card, rewards in self._get_claimable_rewards().items():
            program = card.program_id
            if (
                len(program.reward_ids) != 1
                or program.is_nominative
                or program.is_payment_program
                or (rewards.reward_type == "product" and rewards.multi_product)
                or rewards in self.order_line.reward_id
            ):
                continue
            try:
                with self.env.cr.savepoint():
                    status = self._apply_program_reward(rewards, card)
                claimed += "error" not in status
            except UserError:
                continue
        return claimed

    def _allow_nominative_programs(self):
        """Nobody's wallet or points are spent in a call."""
        allowed = super()._allow_nominative_programs()
        return allowed and not self.telemarketing_campaign_id

    def _get_program_domain(self):
        domain = super()._get_program_domain()
        return self._telemarketing_limited(domain, "pricelist_ids")

    def _get_trigger_domain(self):
        domain = super()._get_trigger_domain()
        return self._telemarketing_limited(domain, "program_id.pricelist_ids")

    def _telemarketing_limited(self, domain, pricelists):
        """A client company's sales have its own promotions only."""
        if not self.telemarketing_campaign_id.principal_id:
            return domain
        own = self.telemarketing_campaign_id.sudo().pricelist_id
        return Domain.AND([domain, [(pricelists, "in", own.ids)]])
