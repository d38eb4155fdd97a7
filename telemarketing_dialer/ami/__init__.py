"""Asterisk's manager interface (AMI), for a process that must not dial blindly.

Standard library only. See ``client.py`` for what is promised.
"""

from .client import ActionError, Client, Deadline, LinkLost, Refused
from .codec import Decoder, ProtocolError, encode
