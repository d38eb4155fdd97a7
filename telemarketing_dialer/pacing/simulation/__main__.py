"""python -m pacing.simulation: days of a policy in a scenario, as JSON or a line."""

from __future__ import annotations

import argparse
import json
import platform

from .policies import DEFAULT, POLICIES
from .run import Bench
from .scenario import ours


def main():
    parser = argparse.ArgumentParser(prog="python -m pacing.simulation")
    parser.add_argument("--scenario", action="append", help="a name or a file; all")
    parser.add_argument("--policy", action="append", help="a name or module:callable")
    parser.add_argument("--days", type=int, default=20)
    parser.add_argument("--large", type=int, help="days where 50 agents or more work")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", action="store_true", help="also by minute")
    parser.add_argument("--json", help="where all is written")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        # pylint: disable-next=print-used
        print("\n".join(["Scenarios:", *ours(), "", "Policies:", *POLICIES]))
        return
    bench = Bench(arguments.workers)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    result = {"python": python, "cells": {}}
    for scenario in arguments.scenario or ours():
        cells = result["cells"][scenario] = {}
        for policy in arguments.policy or DEFAULT:
            cell = bench.cell(
                scenario, policy, days_of(arguments, scenario), arguments.minutes
            )
            cells[policy] = cell
            # pylint: disable-next=print-used
            print(line(scenario, policy, cell), flush=True)
            if arguments.json:
                with open(arguments.json, "w", encoding="utf-8") as file:
                    json.dump(result, file)
    bench.close()


def line(scenario, policy, cell):
    talk = f"{cell['talk']:6.2f} ± {cell['talk_error']:.2f} min/h"
    rate = f"{100 * cell['rate']:6.2f} % abandoned"
    day = f"p95 day {100 * cell['rate_p95']:.2f} %"
    over = f"{cell['over_limit']} of {cell['count']} days over the limit"
    return f"{scenario:24} {policy:31} {talk} {rate}, {day}, {over}  {cell['settings']}"


def days_of(arguments, scenario):
    from .scenario import load

    agents = sum(group["count"] for group in load(scenario)["agents"])
    return arguments.large if arguments.large and agents >= 50 else arguments.days


if __name__ == "__main__":
    main()
