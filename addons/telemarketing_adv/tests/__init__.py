from . import test_adv
