"""Lets pytest import kernels as odoo.addons.<module>.<kernel>. Opens no database."""

import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent
sys.path.insert(0, str(HOME / "tools"))

try:
    import odoo.init

    import odoo.addons
except ImportError as error:
    raise SystemExit("pytest needs Odoo on its path: use ./tm test kernels") from error

for place in (HOME, HOME / "addons"):
    if str(place) not in odoo.addons.__path__:
        odoo.addons.__path__.append(str(place))
