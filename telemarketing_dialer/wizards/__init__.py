from . import dialer_test
