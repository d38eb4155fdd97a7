"""When somebody can visit or call: free slots between appointments and the way."""

from .slots import (
    Busy,
    Rule,
    all_day,
    day_bounds,
    free_slots,
    is_free,
    merge,
    postcode_of,
)
