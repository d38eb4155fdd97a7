from . import test_desk
from . import test_editions
from . import test_import
from . import test_js
from . import test_masters
from . import test_rights_attacks
from . import test_rights_matrix
from . import test_tours
