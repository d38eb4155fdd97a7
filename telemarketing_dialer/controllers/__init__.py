from . import configuration, recording
