"""What the demonstration is made of: invented people and a simulated fortnight.

Plain Python, no Odoo: ``models/demo.py`` writes it into a database flagged as demo.
"""
