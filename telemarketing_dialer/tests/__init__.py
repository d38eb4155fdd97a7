from . import test_lists, test_store
