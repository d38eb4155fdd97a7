"""Test Connection on a real Asterisk with the configuration that an administrator
downloads: the rights that its manager's user has must be enough to answer."""

import time

from odoo.addons.telemarketing_dialer import dialplan
from odoo.addons.telemarketing_dialer.ami.probe import probe


def ask(telephone, **values):
    begun = time.monotonic()
    found = probe(
        values.pop("host", telephone.host),
        values.pop("port", telephone.port),
        values.pop("user", telephone.user),
        values.pop("secret", telephone.secret),
        **values,
    )
    assert time.monotonic() - begun < 4
    return found


def test_administrator_is_told_whose_dialplan_is_there_and_how_old(telephone):
    found = ask(telephone)
    assert found.fault == ""
    assert found.dialplan == dialplan.VERSION
    assert found.database == telephone.database
    assert found.version[0].isdigit()
    assert 0 < found.round_trip < 1


def test_wrong_secret_is_not_taken_for_a_network_that_is_down(telephone):
    assert ask(telephone, secret="another-secret-of-24-letters").fault == "secret"
    assert ask(telephone, user="nobody").fault == "secret"
    telephone.kill()
    assert ask(telephone).fault == "refused"
