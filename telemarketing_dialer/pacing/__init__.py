"""Predictive pacing: how many numbers to dial now.

Standard library only; no clock, no chance, no database. See README.md.
"""

from .events import Decision, Event, explain
from .pacer import PREDICTIVE, PROGRESSIVE, Pacer, Settings
