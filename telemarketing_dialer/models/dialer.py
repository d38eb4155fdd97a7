from odoo import models


class TelemarketingDialer(models.AbstractModel):
    """What a dialer process asks of the database, and tells it.

    Called from the process only, in threads, each call in a transaction of its own;
    nothing here is public.
    """

    _name = "telemarketing.dialer"
    _description = "Dialer"
