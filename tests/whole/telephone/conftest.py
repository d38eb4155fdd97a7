"""Real Asterisks in folders and processes of their own; only the network is played."""

import pytest
import suite
import telephone as real

LOGS = suite.HOME / "artefacts" / "logs"


@pytest.fixture
def telephone(databases, tmp_path):
    """The centre's Asterisk and the network, started; their logs are kept with the
    others."""
    both = real.Telephone(tmp_path)
    try:
        yield both.start()
    finally:
        both.kill()
        keep(centre=both.centre, network=both.carrier)


@pytest.fixture
def asterisk(databases, tmp_path):
    """The network alone, with a manager: what a link needs."""
    both = real.Telephone(tmp_path)
    one = both.carrier
    one.port, one.user, one.secret = both.carrier_port, both.user, both.secret
    try:
        yield one.start()
    finally:
        one.kill()
        keep(network=one)


def keep(**asterisks):
    LOGS.mkdir(parents=True, exist_ok=True)
    for name, one in asterisks.items():
        if one.log.exists():
            (LOGS / f"asterisk-{name}.log").write_bytes(one.log.read_bytes())
