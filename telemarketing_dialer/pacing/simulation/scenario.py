"""Scenario files: JSON, one world each; what they leave out is in ``DEFAULTS``.

``hours``; ``delay`` (s, the most by which news is late); ``agents``: groups of
``count`` who work ``campaigns``, with ``shifts`` ``[[from, to], ...]`` (s; to may be
null) and ``breaks`` (``at`` + up to ``spread``, ``seconds`` long, ``announced`` so long
before); ``campaigns``: ``name``, ``answer`` (share that a person answers: a number or
``[[from second, share], ...]``), ``wave`` (``amplitude``, ``period``), ``talk``
(``mean`` of all talks, ``refusals`` …), ``wrap``, ``ring``, ``others`` (what happens
where nobody answers), ``detection`` (``mistaken``: people taken for machines;
``leaks``: machines taken for people), ``inbound`` (``per_hour``, ``talk``,
``patience``), ``patience``, ``target``, ``limit``; ``trunk``: ``channels``,
``per_second``; ``faults``: ``kind`` ``carrier`` or ``asterisk``, ``at``, ``seconds``.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

FOLDER = Path(__file__).parent / "scenarios"
DEFAULTS = {"hours": 8.0, "delay": 0.3, "trunk": None, "faults": []}
CAMPAIGN = {
    "name": "a",
    "answer": 0.30,
    "wave": None,
    # 35 of 100 refuse within seconds (5 s and an exponential of 15); the others talk.
    "talk": {
        "mean": 90.0,
        "variation": 0.8,
        "refusals": 0.35,
        "refusal": {"begins": 5.0, "mean": 15.0},
    },
    "wrap": {"mean": 15.0, "variation": 0.5},
    "ring": {"begins": 3.0, "mean": 9.0, "variation": 0.5},
    "others": {"no_answer": 0.64, "busy": 0.14, "machine": 0.17, "unallocated": 0.05},
    "detection": None,
    "inbound": None,
    "patience": 2.0,
    "target": 0.02,
    "limit": 0.03,
}


def merged(default, given):
    """``default`` with what is given; raises ValueError of what nobody knows."""
    unknown = set(given) - set(default)
    if unknown:
        raise ValueError(f"unknown in a scenario: {', '.join(sorted(unknown))}")
    found = deepcopy(default)
    for name, value in given.items():
        if isinstance(default[name], dict) and isinstance(value, dict):
            value = merged(default[name], value)
        found[name] = value
    return found


def complete(given):
    """A scenario with all that it leaves out.

    :param dict given: see the module
    :raises ValueError: naming what is wrong
    """
    known = {**DEFAULTS, "name": "", "title": "", "agents": [], "campaigns": [{}]}
    scenario = merged(known, given)
    scenario["campaigns"] = [merged(CAMPAIGN, one) for one in scenario["campaigns"]]
    for campaign in scenario["campaigns"]:
        if not isinstance(campaign["talk"]["mean"], list):
            campaign["talk"]["mean"] = [[0, campaign["talk"]["mean"]]]
        if not isinstance(campaign["answer"], list):
            campaign["answer"] = [[0, campaign["answer"]]]
        if abs(sum(campaign["others"].values()) - 1) > 1e-6:
            raise ValueError(f"the others of {campaign['name']} do not add up to 1")
    names = [campaign["name"] for campaign in scenario["campaigns"]]
    if isinstance(scenario["agents"], int):
        scenario["agents"] = [{"count": scenario["agents"]}]
    for group in scenario["agents"]:
        group.setdefault("campaigns", names)
        if set(group["campaigns"]) - set(names):
            raise ValueError("a group of agents works a campaign that is not there")
    if not sum(group["count"] for group in scenario["agents"]):
        raise ValueError("a scenario needs agents")
    return scenario


def load(path):
    """:param path: of a file, or the name of one of ours"""
    path = Path(path)
    if not path.suffix:
        path = FOLDER / f"{path}.json"
    with open(path, encoding="utf-8") as file:
        scenario = complete(json.load(file))
    scenario["name"] = scenario["name"] or path.stem
    return scenario


def ours():
    """Names of the scenarios that come with the package, in order."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))
