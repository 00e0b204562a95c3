"""Budgets: figures with a bound each. One that is not kept is marked, and makes the exit
status of a benchmark 1."""

import json
import os
import pathlib
import sys

BUILD = pathlib.Path(__file__).resolve().parents[1] / "build"


def at_most(what, value, bound):
    return _row(what, value, "at most", bound, value is not None and value <= bound)


def at_least(what, value, bound):
    return _row(what, value, "at least", bound, value is not None and value >= bound)


def _row(what, value, how, bound, kept):
    return {"what": what, "value": value, "bound": f"{how} {bound:.4g}", "kept": kept}


def finish(found, budgets, path):
    """Shows the budgets, writes everything as JSON, and exits."""
    for row in budgets:
        value = "none" if row["value"] is None else f"{row['value']:.2f}"
        print(f"{'kept' if row['kept'] else 'NOT KEPT':9}{row['what']}: {value}"
              f" ({row['bound']})")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**found, "load_average": os.getloadavg()[1],
                                "budgets": budgets}, indent=2) + "\n")
    print(f"as JSON: {path}")
    sys.exit(0 if all(row["kept"] for row in budgets) else 1)
