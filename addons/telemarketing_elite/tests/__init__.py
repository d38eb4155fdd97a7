from . import test_elite
