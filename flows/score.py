#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds what flows/supply-chain.yaml found against the books of its simulator, which knows the truth.

usage: score.py [--json] FOLDER        the folder that the flow wrote to (its parameter `out`)

Ends with 0 when the books balance, no record is lost or there twice, exactly the damaged records were rejected, every late
delivery and truck was found and none invented, and at least nine of ten stock-outs were flagged before they happened; else 1."""
import argparse, bisect, collections, glob, json, os, re, sqlite3, sys

ENOUGH = 0.9  # of the stock-outs: customers may empty a shelf at once, which nobody can foresee
EVENT = re.compile(rb'"event_id":"[a-z]{3}-(\d+)"')


def number(event_id):
    """The sequence of a record, which its id ends with."""
    return int(event_id.rsplit("-", 1)[1])


class Books:
    """What the simulator noted, up to the last record that it vouches for."""

    def __init__(self, path):
        self.end, self.day = None, None
        by_kind = collections.defaultdict(list)
        with open(path) as f:
            for line in f:
                if not line.endswith("\n"):
                    break  # torn by a crash; the next run cuts it
                fact = json.loads(line)
                by_kind[fact["kind"]].append(fact)
        ends = by_kind["end"] or by_kind["day"]
        if not ends:
            raise SystemExit(f"{path} has neither an end nor a single day; let the flow run longer")
        self.complete = bool(by_kind["end"])
        self.records = ends[-1]["sequence"]
        self.last_day = by_kind["day"][-1] if by_kind["day"] else None
        self.defects = {f["sequence"] for f in by_kind["defect"]}
        self.stock_outs = by_kind["stock_out"]
        self.late_deliveries = {f["sequence"] for f in by_kind["late_delivery"]}
        self.late_trucks = {f["sequence"] for f in by_kind["late_truck"]}

    def balance(self):
        d = self.last_day
        if not d:
            return True
        goods_in, goods_out = d["initial"] + d["bought"] + d["made"], d["on_hand"] + d["in_transit"] + d["sold"] + d["used"] + d["scrapped"]
        return d["unbalanced"] == 0 and goods_in == goods_out


def count_events(paths, seen):
    """Marks every record in these files; returns how many there were, and how many of them were there already."""
    n = twice = 0
    for path in paths:
        with open(path, "rb") as f:
            for line in f:
                found = EVENT.search(line)
                if not found:
                    continue
                at = int(found[1])
                if at >= len(seen):
                    continue  # after the last one that the books vouch for
                twice += seen[at]
                seen[at] = 1
                n += 1
    return n, twice


def rejected_numbers(path):
    numbers = []
    if os.path.exists(path):
        with open(path) as f:
            for line in f:
                letter = json.loads(line)
                raw = letter["raw"] if isinstance(letter["raw"], str) else json.dumps(letter["raw"])
                found = EVENT.search(raw.replace(": ", ":").encode())
                numbers.append(int(found[1]) if found else -1)
    return numbers


def alerts_of(path):
    by_kind = collections.defaultdict(list)
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for alert, event_id, place, sku in db.execute("SELECT alert, event_id, place, sku FROM alerts"):
        by_kind[alert].append((number(event_id), place, sku))
    db.close()
    return by_kind


def score_stock_outs(books, warnings):
    """(flagged before they happened, warnings that came true)."""
    at = collections.defaultdict(list)
    for sequence, place, sku in sorted(warnings):
        at[place, sku].append(sequence)
    flagged, true = 0, set()
    for s in books.stock_outs:
        all_of_it = at.get((s["warehouse"], s["sku"]), [])
        before = all_of_it[bisect.bisect_left(all_of_it, s["since"]):bisect.bisect_left(all_of_it, s["sequence"])]
        flagged += bool(before)
        true.update(before)
    return flagged, len(true)


def score(folder):
    books = Books(os.path.join(folder, "books.ndjson"))
    seen = bytearray(books.records)
    good, good_twice = count_events(sorted(glob.glob(os.path.join(folder, "facts", "*.ndjson"))), seen)
    rejected = [n for n in rejected_numbers(os.path.join(folder, "rejected.ndjson")) if n < books.records]
    rejected_twice = len(rejected) - len(set(rejected)) + sum(n >= 0 and seen[n] for n in set(rejected))
    for n in rejected:
        if n >= 0:
            seen[n] = 1
    alerts = {k: [a for a in v if a[0] < books.records] for k, v in alerts_of(os.path.join(folder, "alerts.db")).items()}
    warnings = alerts.get("runs out soon", [])
    flagged, came_true = score_stock_outs(books, warnings)
    late, trucks = ({a[0] for a in alerts.get(k, [])} for k in ("late delivery", "late truck"))
    visible_late, visible_trucks = books.late_deliveries - books.defects, books.late_trucks - books.defects
    return {
        "days": books.last_day["days"] if books.last_day else 0, "balance": books.balance(), "complete": books.complete,
        "records": books.records, "good": good, "rejected": len(rejected),
        "lost": seen.count(0), "twice": good_twice + rejected_twice,
        "defects": len(books.defects), "defects_found": len(books.defects & set(rejected)),
        "good_rejected": len(set(rejected) - books.defects),
        "stock_outs": len(books.stock_outs), "stock_outs_flagged": flagged,
        "warnings": len(warnings), "warnings_true": came_true,
        "late_deliveries": len(visible_late), "late_deliveries_found": len(visible_late & late),
        "late_trucks": len(visible_trucks), "late_trucks_found": len(visible_trucks & trucks),
        "invented": len(late - books.late_deliveries) + len(trucks - books.late_trucks),
        "other_alerts": sum(len(v) for k, v in alerts.items() if k not in ("runs out soon", "late delivery", "late truck")),
    }


def passed(s):
    return (s["balance"] and not s["lost"] and not s["twice"] and s["defects_found"] == s["defects"] and not s["good_rejected"]
            and s["late_deliveries_found"] == s["late_deliveries"] and s["late_trucks_found"] == s["late_trucks"]
            and not s["invented"] and s["stock_outs_flagged"] >= ENOUGH * s["stock_outs"])


def tell(s):
    share = f"; {100 * s['warnings_true'] // s['warnings']} % of {s['warnings']:,} warnings came true" if s["warnings"] else ""
    print(f"company of 6 suppliers, 2 plants, 3 centres, 40 shops: {s['days']:,} days, books {'balance' if s['balance'] else 'DO NOT BALANCE'}")
    print(f"  records      {s['records']:,} in, {s['good']:,} good and {s['rejected']:,} rejected out: {s['lost']:,} lost, {s['twice']:,} twice")
    print(f"  damaged      {s['defects_found']:,} of {s['defects']:,} found, {s['good_rejected']:,} good ones taken for damaged")
    print(f"  stock-outs   {s['stock_outs_flagged']:,} of {s['stock_outs']:,} flagged before they happened{share}")
    print(f"  late         {s['late_deliveries_found']:,} of {s['late_deliveries']:,} deliveries and {s['late_trucks_found']:,} of "
          f"{s['late_trucks']:,} trucks found, {s['invented']:,} invented")
    if s["lost"]:
        print("  (lost: a process that is killed takes with it what lay unread in its embedded broker; a real broker keeps it)")
    if not s["complete"]:
        print("  (the run was cut off: counted up to the last day that the books have closed)")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("folder")
    a.add_argument("--json", action="store_true", help="figures for a program")
    a = a.parse_args()
    try:
        s = score(a.folder)
    except (OSError, sqlite3.Error) as e:
        raise SystemExit(f"score.py: {e}; is {a.folder} the folder that the flow wrote to?")
    print(json.dumps(s)) if a.json else tell(s)
    return 0 if passed(s) else 1


if __name__ == "__main__":
    sys.exit(main())
