from odoo import models
from odoo.http import request


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    def color_scheme(self):
        """The user's choice, where no other module serves colours of its own."""
        scheme = super().color_scheme()
        user = self.env.user
        if scheme == "light" and user._is_internal():
            return user.sudo().telemarketing_color_scheme or scheme
        return scheme

    def session_info(self):
        """Who only calls begins at the desk, unless a home page was chosen."""
        info = super().session_info()
        user = self.env.user
        if user._is_internal() and user.sudo().telemarketing_only_agent:
            desk = self.env.ref(
                "telemarketing_base.action_telemarketing_desk", raise_if_not_found=False
            )
            if desk and not info.get("home_action_id"):
                info["home_action_id"] = desk.id
        return info

    def webclient_rendering_context(self):
        """Charts and code fields read the colours' name from this cookie."""
        context = super().webclient_rendering_context()
        scheme = context["color_scheme"]
        if request and request.cookies.get("color_scheme", "light") != scheme:
            request.future_response.set_cookie("color_scheme", scheme)
        return context
