from . import test_lists, test_store
from . import test_campaign, test_desk, test_server, test_store
