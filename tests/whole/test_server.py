"""A fresh installation answers, and survives being killed."""

import re


def test_every_login_that_run_prints_gets_in_without_a_warning(server, logins):
    for login, password, _role in logins:
        client = server.client(login, password)
        assert client.uid, login
        page = client.page("/odoo")
        assert page.ok, f"{login}: {page.status_code}"
    assert not server.problems()


def test_web_client_gets_its_scripts_and_styles(server, logins):
    login, password, _role = logins[0]
    client = server.client(login, password)
    page = client.page("/odoo").text
    bundles = re.findall(r'(?:src|href)="(/web/assets/[^"]+\.(?:js|css))"', page)
    assert bundles
    for bundle in bundles:
        answer = client.page(bundle)
        assert answer.ok and answer.content, bundle
        if bundle.endswith(".css"):
            assert "css_error_message" not in answer.text, bundle
    assert not server.problems()


def test_what_was_saved_is_there_after_the_server_is_killed(server):
    client = server.client("admin", "admin")
    partner = client.call("res.partner", "create", {"name": "Before the crash"})
    server.kill()
    server.start()
    client = server.client("admin", "admin")
    (saved,) = client.call("res.partner", "read", [partner], ["name"])
    assert saved["name"] == "Before the crash"
