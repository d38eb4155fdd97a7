from . import (
    test_campaign,
    test_desk,
    test_health,
    test_js,
    test_ledger,
    test_lists,
    test_rights,
    test_server,
    test_store,
)
from . import test_campaign, test_desk, test_ledger, test_lists, test_server, test_store
from . import test_campaign, test_desk, test_js, test_lists, test_server, test_store
from . import test_campaign, test_desk, test_lists, test_server, test_store, test_trap
from . import test_trap
from . import (
    test_personal_data,
)
