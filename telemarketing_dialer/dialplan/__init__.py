"""Asterisk's side: the dialplan and manager user that a server needs, as text."""

from .render import VALUES, VERSION, render
