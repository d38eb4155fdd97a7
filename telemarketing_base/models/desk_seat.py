"""Who may ask the desk: the tab that holds the agent's session."""

import functools


class LostSeatError(Exception):
    """Another tab or browser of this agent works now; ``closed``: none does, the
    session has ended."""

    def __init__(self, closed):
        super().__init__()
        self.closed = closed


def seat(method):
    """Find the caller's open session by the tab's token, or answer ``lost_seat``.

    The wrapped method gets the session (sudo) in place of the token.
    """

    @functools.wraps(method)
    def wrapper(self, token, *args, **kwargs):
        try:
            return method(self, self._session(token), *args, **kwargs)
        except LostSeatError as lost:
            return {
                "lost_seat": True,
                "closed": lost.closed,
                "now": self._text(self._now()),
            }

    return wrapper
