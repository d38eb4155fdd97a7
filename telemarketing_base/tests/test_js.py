from odoo.tests import HttpCase, no_retry, tagged

SUITE = "@telemarketing_base"


def _hoot_id(text):
    """Hoot's identifier of a suite: what its URL selects by."""
    value = 0
    for char in text:
        value = ((value << 5) - value + ord(char)) & 0xFFFFFFFF
    return f"{value:08x}"


@tagged("post_install", "-at_install", "telemarketing_js", "browser")
class TestDeskUnits(HttpCase):
    @no_retry
    def test_desk_components_and_store(self):
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
