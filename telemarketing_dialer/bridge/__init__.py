"""The dialer of one Asterisk: desks and pacer on one side, AMI on the other.

asyncio and the standard library; the database is behind ``Store``.
"""

from .bridge import Bridge
from .records import (
    Agent,
    Attempt,
    Campaign,
    Command,
    Finished,
    Server,
    Snapshot,
    Store,
    Trunk,
)
from .writing import Lost, Refusal
