from . import (
    test_campaign,
    test_demo,
    test_desk,
    test_health,
    test_js,
    test_ledger,
    test_lists,
    test_personal_data,
    test_rights,
    test_server,
    test_store,
    test_trap,
)
