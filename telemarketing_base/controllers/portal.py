from werkzeug.exceptions import NotFound

from odoo import http
from odoo.http import content_disposition, request

from odoo.addons.portal.controllers.portal import CustomerPortal
from odoo.addons.portal.controllers.portal import pager as portal_pager

from ..models.original import MIMETYPES

_STEP = 50
# Of one download; older ones by campaign.
_FILE_ROWS = 10_000
_PARTS = {"contact", "address", "lines", "acceptance"}


class TelemarketingPortal(CustomerPortal):
    """A client company's contact sees the sales that were handed over to it.

    Campaigns are searched with the contact's own rights (``rule_campaign_portal``); of
    the orders only what the pages show is read, past the rights of the portal.
    """

    def _telemarketing_campaigns(self, campaign_id=None):
        """The contact's campaigns; 404 for another's id as for one that is none."""
        if not request.env.user.share:
            raise NotFound
        domain = [("principal_id", "!=", False)]
        if campaign_id is not None:
            domain.append(("id", "=", campaign_id))
        campaigns = (
            request.env["telemarketing.campaign"]
            .with_context(active_test=False)
            .search(domain)
        )
        if campaign_id is not None and not campaigns:
            raise NotFound
        return campaigns

    def _telemarketing_domain(self, campaigns):
        return [
            ("telemarketing_campaign_id", "in", campaigns.ids),
            ("telemarketing_handed_over_on", "!=", False),
        ]

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "telemarketing_sale_count" in counters:
            count = 0
            if request.env.user.share:
                domain = self._telemarketing_domain(self._telemarketing_campaigns())
                count = request.env["sale.order"].sudo().search_count(domain)
            values["telemarketing_sale_count"] = count
        return values

    @http.route(
        [
            "/my/telemarketing/sales",
            "/my/telemarketing/sales/page/<int:page>",
            "/my/telemarketing/sales/<int:campaign_id>",
            "/my/telemarketing/sales/<int:campaign_id>/page/<int:page>",
        ],
        type="http",
        auth="user",
        website=True,
        methods=["GET"],
        readonly=True,
    )
    def telemarketing_sales(self, campaign_id=None, page=1, **_kwargs):
        campaigns = self._telemarketing_campaigns(campaign_id)
        domain = self._telemarketing_domain(campaigns)
        Order = request.env["sale.order"].sudo()
        url = "/my/telemarketing/sales"
        if campaign_id is not None:
            url = f"{url}/{campaign_id}"
        pager = portal_pager(
            url=url, total=Order.search_count(domain), page=page, step=_STEP
        )
        orders = Order.search(
            domain,
            order="telemarketing_handed_over_on desc, id desc",
            limit=_STEP,
            offset=pager["offset"],
        )
        return request.render(
            "telemarketing_base.portal_sales",
            {
                **self._prepare_portal_layout_values(),
                "page_name": "telemarketing_sales",
                "campaigns": self._telemarketing_campaigns(),
                "campaign_id": campaign_id,
                "orders": orders,
                "pager": pager,
                "default_url": url,
            },
        )

    @http.route(
        [
            "/my/telemarketing/sales/file",
            "/my/telemarketing/sales/<int:campaign_id>/file",
        ],
        type="http",
        auth="user",
        methods=["GET"],
    )
    def telemarketing_sales_file(self, campaign_id=None, **_kwargs):
        campaigns = self._telemarketing_campaigns(campaign_id)
        env = request.env
        orders = (
            env["sale.order"]
            .sudo()
            .search(
                self._telemarketing_domain(campaigns),
                order="telemarketing_handed_over_on desc, id desc",
                limit=_FILE_ROWS,
            )
        )
        if not orders:
            raise NotFound
        content = (
            env["telemarketing.order.handover"].sudo()._write_sales(orders, _PARTS)
        )
        # Who took whose data when stands with each campaign.
        for campaign in orders.telemarketing_campaign_id:
            count = len(
                orders.filtered(lambda o, c=campaign: o.telemarketing_campaign_id == c)
            )
            campaign.message_post(
                body=env._(
                    "%(who)s downloaded %(count)s handed-over sales.",
                    who=env.user.name,
                    count=count,
                ),
                subtype_xmlid="mail.mt_note",
            )
        return request.make_response(
            content,
            headers=[
                ("Content-Type", MIMETYPES["xlsx"]),
                ("Content-Disposition", content_disposition(env._("sales") + ".xlsx")),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
            ],
        )
