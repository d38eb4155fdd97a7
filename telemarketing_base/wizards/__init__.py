from . import consent
from . import distribute
from . import exclusion_add
from . import exclusion_lift
from . import person_export
from . import blocked_read
from . import database_empty
from . import duplicate_merge
