from . import files
from . import portal
