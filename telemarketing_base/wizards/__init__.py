from . import distribute
