"""./tm bench: measure, print a table, write artefacts/bench-<name>.json.

Usage: bench.py [lease] [close] [gate] [import] [shift] [start]
[pacing] [joining] [dialer] [options]; without a name:
lease, close, gate.
A benchmark says what it found beside a baseline measured in the same run. Nothing
here is a test: only what must never happen (a target given twice) ends it badly.
"""

import argparse
import sys

import databases
from benches import close, dialer, gate, importing, joining, lease, pacing, shift, start

BENCHES = {
    "lease": lease,
    "close": close,
    "gate": gate,
    "import": importing,
    "shift": shift,
    "start": start,
    "pacing": pacing,
    "joining": joining,
    "dialer": dialer,
}


def main():
    parser = argparse.ArgumentParser(prog="./tm bench")
    parser.add_argument("names", nargs="*", metavar="|".join(BENCHES))
    parser.add_argument("--quick", action="store_true", help="small, to try it out")
    parser.add_argument("--keep", action="store_true", help="leave the database")
    parser.add_argument("--cold", action="store_true", help="start: also from nothing")
    parser.add_argument("--runs", help="dialer: agents x minutes, as 10x5,50x15")
    parser.add_argument("--full", action="store_true", help="pacing: all, overnight")
    arguments = parser.parse_args()
    names = arguments.names or ["lease", "close", "gate"]
    if unknown := set(names) - set(BENCHES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    try:
        good = [BENCHES[name].main(arguments) for name in names]
    except databases.Failure as failure:
        sys.exit(f"tm: {failure}")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
