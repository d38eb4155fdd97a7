"""HTML to PDF by a headless Chromium; knows nothing of Odoo."""

from .chromium import Chromium, Paper, PrintError, find_chromium

__all__ = ["Chromium", "Paper", "PrintError", "find_chromium"]
