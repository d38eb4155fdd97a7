"""What goes into Asterisk's configuration: nothing but what was meant."""

import pytest

from odoo.addons.telemarketing_dialer.dialplan import VALUES, VERSION, render

DATABASE = "0d1c0c8e-8a57-4a2e-9c1f-1de0b1b5b1a1"
GOOD = {"database": DATABASE, "secret": "un-secreto-de-prueba"}
ATTACKS = (
    "",
    "a\nb",
    "a\r\nexten => x,1,System(id)",
    "x;y",
    "a,b",
    "${SHELL(id)}",
    "a]b",
    "a&b",
    "../../etc/passwd",
    "/a/../b",
    "sonido ñ",
    "a b",
    "x" * 5000 + "\n",
    None,
    7,
    b"bytes",
)


def test_every_value_is_where_it_belongs():
    files = render({**GOOD, "permit": ["10.1.2.3", "10.9.0.0/16", "fd00::1"]})
    assert sorted(files) == [
        "README.txt",
        "telemarketing.confbridge.conf",
        "telemarketing.extensions.conf",
        "telemarketing.globals.conf",
        "telemarketing.manager.conf",
        "telemarketing.musiconhold.conf",
    ]
    told = files["telemarketing.globals.conf"]
    assert f"TELEMARKETING_DATABASE = {DATABASE}\n" in told
    assert f"TELEMARKETING_DIALPLAN = {VERSION}\n" in told
    manager = files["telemarketing.manager.conf"].splitlines()
    assert "secret = un-secreto-de-prueba" in manager
    assert [line for line in manager if line.startswith("permit")] == [
        "permit = 10.1.2.3/255.255.255.255",
        "permit = 10.9.0.0/255.255.0.0",
        "permit = fd00::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ]
    for name, text in files.items():
        assert "@" not in text, name


def test_who_steals_the_managers_secret_cannot_run_programs_or_change_the_exchange():
    manager = render(GOOD)["telemarketing.manager.conf"]
    rights = {
        key: set(value.split(","))
        for key, _sign, value in (
            line.partition(" = ") for line in manager.splitlines()
        )
        if key in ("read", "write")
    }
    assert rights["write"] == {"call", "originate", "reporting"}
    assert not rights["read"] & {"all", "config", "command", "log", "security"}
    assert "deny = 0.0.0.0/0.0.0.0" in manager and "deny = ::/0" in manager


@pytest.mark.parametrize("version", [18, 20, 22])
def test_each_asterisk_gets_filters_and_options_that_it_knows(version):
    files = render({**GOOD, "asterisk": version})
    manager = files["telemarketing.manager.conf"]
    filters = [line for line in manager.splitlines() if "eventfilter" in line]
    assert (len(filters) == 1) == (version < 22)
    assert any("VarSet" in line for line in filters)
    assert ("-out.alaw)S)" in files["telemarketing.extensions.conf"]) == (version < 20)


@pytest.mark.parametrize("name", [name for name in VALUES if name != "permit"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_value_that_could_be_read_as_a_line_of_program_is_refused(name, attack):
    if (name, attack) in {("patience", 7), ("secret", "../../etc/passwd")}:
        pytest.skip("harmless there")
    with pytest.raises(ValueError, match=name):
        render({**GOOD, name: attack})


@pytest.mark.parametrize(
    "permit", ["127.0.0.1", [], None, ["0.0.0.0/0"], ["::/0"], ["x"], ["1.2.3.4\nx"]]
)
def test_a_manager_open_to_the_world_is_refused(permit):
    with pytest.raises((ValueError, TypeError)):
        render({**GOOD, "permit": permit})


def test_what_is_missing_or_unknown_is_refused():
    for values in ({}, {"database": DATABASE}, {**GOOD, "extra": "1"}):
        with pytest.raises(ValueError):
            render(values)
    with pytest.raises(ValueError, match="secret"):
        render({**GOOD, "secret": "short"})
