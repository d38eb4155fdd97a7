"""When somebody is rung again: delay, its growth, part of the person's day."""

from .redial import MAX_MINUTES, PARTS, Rule, delay, next_call, part_of
