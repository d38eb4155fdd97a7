from odoo.tests import HttpCase, no_retry, tagged

from odoo.addons.telemarketing_base.tests.test_js import _hoot_id

SUITE = "@telemarketing_dialer"


@tagged("post_install", "-at_install", "telemarketing_js", "browser")
class TestDialerDeskUnits(HttpCase):
    @no_retry
    def test_desk_of_a_campaign_that_dials(self):
        self.browser_js(
            "/web/tests?headless&loglevel=2&preset=desktop&timeout=15000"
            f"&id={_hoot_id(SUITE)}",
            "",
            "",
            login="admin",
            timeout=600,
            success_signal="[HOOT] Test suite succeeded",
            error_checker=lambda message: "[HOOT]" not in message,
        )
