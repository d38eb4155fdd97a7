"""Whom a row of a file repeats, and what happens to it.

Pure: the Odoo layer finds, with one statement per key, the people who share a
phone, a NIF, a mail or a client's key with rows of the chunk; here it is decided
which of them is the same person.

The same person is who has

- the same client's key, whatever else differs: the client company says who is who;
- the same phone, of a kind that is one person's (``PERSONAL_KINDS``, chosen by the
  caller);
- the same NIF or mail, unless both have a name and the names, folded, differ:
  files repeat made-up NIFs and family mails. Then it is only a notice.

Two people with *different* client's keys, formed of the same columns, are two for
the client company: a phone, NIF or mail that they share is only a notice too.

A row whose keys point to different people (phone of one, NIF of another) is
doubtful: it never updates anybody. Nor does one matched without the client's key
to somebody who has another NIF, nor one that fits two people equally well. By the
client's key it updates the rest: the NIF that is there stays, with a notice.

The first row that loads wins; a row that is not loaded blocks nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

#: Kinds of key, in the order in which they are named to people.
KEYS = ("key", "phone", "vat", "email")
# as the reasons' ``key`` names them: targets of columns, which have labels
_NAMED = {"key": "external_key"}


@dataclass(slots=True)
class Known:
    """Somebody who is there already and shares ``value`` with the row.

    ``key`` one of KEYS; ``contact`` and ``partner`` ids or None (who is both has
    both); ``name`` folded; ``vat``; ``client_key`` '' where the columns that form it
    are not the file's; ``own``: in the file's own database; ``database`` its name;
    ``row`` of the same file, loaded by an earlier chunk, else None; ``stage`` of a
    partner that no contact stands for, 'prospect' or 'client'; ``writable``: the
    loader may change it.
    """

    key: str
    value: str
    contact: int | None = None
    partner: int | None = None
    name: str = ""
    vat: str = ""
    client_key: str = ""
    own: bool = False
    database: str = ""
    row: int | None = None
    stage: str = ""
    writable: bool = True

    @property
    def person(self) -> tuple[str, int]:
        """A contact and the partner that a call made of it are one."""
        if self.partner:
            return "partner", self.partner
        return "contact", self.contact or 0


@dataclass(slots=True)
class Staged:
    """A good row of the chunk. ``values``: ``{key: values}``, in KEYS, of the keys
    that are asked; ``vat`` and ``client_key`` whether asked or not; ``known`` who
    shares one."""

    row: int
    name: str = ""
    vat: str = ""
    client_key: str = ""
    values: dict[str, list[str]] = field(default_factory=dict)
    known: list[Known] = field(default_factory=list)


@dataclass(slots=True)
class Decision:
    """``action`` insert, update or skip; ``contact``, ``partner``, ``by`` (of KEYS)
    and ``match_row`` whom the row repeats; ``problems`` (skip) and ``notices``
    as ``[code, value, params, field, column]``."""

    row: int
    action: str = "insert"
    contact: int | None = None
    partner: int | None = None
    by: str | None = None
    match_row: int | None = None
    problems: list[list] = field(default_factory=list)
    notices: list[list] = field(default_factory=list)


def decide(
    rows: Iterable[Staged], policy: str = "skip", partners_too: bool = False
) -> list[Decision]:
    """One decision per row, in order.

    :param policy: 'skip', 'update' or 'load'
    :param partners_too: prospects and clients are loaded as such: one that no contact
        stands for gets the row as contact, where people may be updated
    """
    seen: dict[tuple[str, str], Staged] = {}
    taken: dict[int, int] = {}
    decided = []
    for row in sorted(rows, key=lambda row: row.row):
        decision = _decide(row, seen, taken, policy, partners_too)
        decided.append(decision)
        if decision.action == "skip":
            continue
        for key, values in row.values.items():
            for value in values:
                seen.setdefault((key, value), row)
        if decision.action == "update" and decision.contact:
            taken.setdefault(decision.contact, row.row)
    return decided


def _decide(row, seen, taken, policy, partners_too) -> Decision:
    decision = Decision(row.row)
    same, shared = _judge(row)
    earlier = _earlier(row, seen, shared)
    decision.notices = _notices(shared)
    if earlier is not None:
        decision.by, first = earlier
        decision.match_row = first.row
        return _given_back(
            decision, policy, [_reason("duplicate_in_file", decision.by, row=first.row)]
        )
    if not same:
        return decision
    ranked = _people(same, row.name)
    best = ranked[0][-1]
    mine = [known for known in same if known.person == best]
    # who is in several databases: the one that is there by this file, then by ours
    chosen = min(
        mine,
        key=lambda k: (
            k.row is None,
            not k.contact,
            not k.own,
            k.contact or 0,
            KEYS.index(k.key),
        ),
    )
    decision.contact, decision.match_row = chosen.contact, chosen.row
    decision.partner = next((k.partner for k in mine if k.partner), None)
    decision.by = min((k.key for k in mine), key=KEYS.index)
    problems = [_where(chosen, decision.by)]
    by_key = decision.by == "key"
    if not by_key and _values(mine) < _values(same):
        others = {(k.key, k.person): k for k in same if k.person != best}
        problems.insert(0, _reason("duplicate_doubtful"))
        problems += [_where(known, known.key) for known in others.values()]
        return _given_back(decision, policy, problems)
    if policy != "update":
        return _given_back(decision, policy, problems)
    tie = len(ranked) > 1 and ranked[0][:-1] == ranked[1][:-1]
    if chosen.row is None and decision.contact in taken:
        decision.match_row = taken[decision.contact]
        problems = [_reason("duplicate_in_file", decision.by, row=decision.match_row)]
    elif chosen.row is not None:
        pass  # by an earlier chunk: the first row of a person wins
    elif not decision.contact:
        if partners_too:
            # the row becomes their contact in the file's database
            return decision
        problems.append(_reason("update_partner_only"))
    elif not chosen.writable:
        problems.append(_reason("update_not_yours"))
    elif not by_key and row.vat and chosen.vat and row.vat != chosen.vat:
        problems.append(_reason("update_other_vat"))
    elif tie:
        problems.append(_reason("update_several"))
    else:
        decision.action = "update"
        if _other(row.vat, chosen.vat):
            decision.notices.append(_reason("vat_kept", "vat"))
        return decision
    return _given_back(decision, policy, problems)


def _judge(row):
    """``(those who are the same person, [(code, Known)] who only share something)``"""
    by_key = {known.person for known in row.known if known.key == "key"}
    if by_key:
        # the client company says who it is: what else is shared decides nothing
        same = [k for k in row.known if k.person in by_key]
        return same, [("shared", k) for k in row.known if k.person not in by_key]
    same, shared = [], []
    for known in row.known:
        if _other(row.client_key, known.client_key):
            shared.append(("other_key", known))
        elif known.key in ("vat", "email") and _other(row.name, known.name):
            shared.append(("shared", known))
        else:
            same.append(known)
    # who is the same person by one key is not told apart by another
    people = {known.person for known in same}
    return same, [(why, known) for why, known in shared if known.person not in people]


def _earlier(row, seen, shared):
    """``(key, Staged)`` of the row of this chunk that it repeats, else None; who only
    shares something is added to ``shared``."""
    for key in KEYS:
        for value in row.values.get(key, ()):
            first = seen.get((key, value))
            if first is None:
                continue
            there = Known(key, value, row=first.row)
            if key != "key" and _other(row.client_key, first.client_key):
                shared.append(("other_key", there))
            elif key in ("vat", "email") and _other(row.name, first.name):
                shared.append(("shared", there))
            else:
                return key, first
    return None


def _other(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def _values(people) -> int:
    return len({(known.key, known.value) for known in people})


def _people(same, name):
    """``[(… how well, person)]``, the best first: by the client's key, by most keys,
    of this file, of this name, of this database; then the oldest."""
    found: dict[tuple, list[Known]] = {}
    for known in same:
        found.setdefault(known.person, []).append(known)
    return sorted(
        (
            not any(k.key == "key" for k in mine),
            -_values(mine),
            all(k.row is None for k in mine),
            not any(k.name == name for k in mine),
            not any(k.own for k in mine),
            person,
        )
        for person, mine in found.items()
    )


def _given_back(decision, policy, problems):
    if policy == "load":
        decision.notices = problems + decision.notices
    else:
        decision.action = "skip"
        decision.problems = problems
    return decision


def _where(known: Known, key: str) -> list:
    if known.row is not None:
        return _reason("duplicate_in_file", key, row=known.row)
    if known.contact:
        return _reason("duplicate_in_database", key, database=known.database)
    return _reason(f"duplicate_{known.stage or 'client'}", key)


def _notices(shared) -> list[list]:
    found = {}
    for why, known in shared:
        key = known.key
        if known.row is not None:
            params, place = {"row": known.row}, "file"
        elif known.contact:
            params, place = {"database": known.database}, "database"
        else:
            params, place = {}, "partner"
        if why == "other_key" and place == "partner":
            why = "shared"
        found.setdefault((why, place, key), _reason(f"{why}_in_{place}", key, **params))
    return list(found.values())


def _reason(code: str, key: str = "", **params) -> list:
    """As STAGE keeps it: ``[code, value, params, field, column]``."""
    if key:
        params["key"] = _NAMED.get(key, key)
    field_name = _NAMED.get(key, key)
    return [code, "", params, field_name, None]
