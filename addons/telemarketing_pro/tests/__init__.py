from . import test_pro
