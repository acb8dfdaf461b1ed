#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""flows/usaid-deliveries.yaml over the real file: every row, every cell, against Python's csv; every bad cell explained."""
import csv, datetime, gzip, io, os, sqlite3

from flowtest import Run, folder, main

SOURCE = os.environ["LEAT_SOURCE"]
FLOW = os.path.join(SOURCE, "flows", "usaid-deliveries.yaml")
DATA = os.path.join(SOURCE, "..", "shared", "data", "usaid", "deliveries.tsv.gz")
COLUMNS = {"ID": "id", "Project Code": "project", "PQ #": "quote", "PO / SO #": "purchase_order", "ASN/DN #": "shipment",
           "Country": "country", "Managed By": "managed_by", "Fulfill Via": "fulfil_via", "Vendor INCO Term": "inco_term",
           "Shipment Mode": "mode", "PQ First Sent to Client Date": "quote_sent", "PO Sent to Vendor Date": "order_sent",
           "Scheduled Delivery Date": "scheduled", "Delivered to Client Date": "delivered", "Delivery Recorded Date": "recorded",
           "Product Group": "product_group", "Sub Classification": "product_class", "Vendor": "vendor", "Item Description": "item",
           "Molecule/Test Type": "molecule", "Brand": "brand", "Dosage": "dosage", "Dosage Form": "dosage_form",
           "Unit of Measure (Per Pack)": "units_per_pack", "Line Item Quantity": "quantity", "Line Item Value": "value_usd",
           "Pack Price": "pack_price_usd", "Unit Price": "unit_price_usd", "Manufacturing Site": "site",
           "First Line Designation": "first_line", "Weight (Kilograms)": "weight_kg", "Freight Cost (USD)": "freight_usd",
           "Line Item Insurance (USD)": "insurance_usd"}
DATES = ("quote_sent", "order_sent", "scheduled", "delivered", "recorded")
NUMBERS = ("units_per_pack", "quantity", "value_usd", "pack_price_usd", "unit_price_usd", "weight_kg", "freight_usd", "insurance_usd")


def as_date(text):
    for form in ("%d-%b-%y", "%m/%d/%y"):
        try:
            return datetime.datetime.strptime(text, form).strftime("%Y-%m-%d")
        except ValueError:
            pass
    return None


def as_number(text):
    try:
        return float(text)
    except ValueError:
        return None


def expected(row):
    """What the table must hold, and what `notes` must."""
    out, notes = {}, []
    for title, name in COLUMNS.items():
        text = row[title]
        value = as_date(text) if name in DATES else as_number(text) if name in NUMBERS or name == "id" else text
        if name == "first_line":
            value = int(text == "Yes")
        if value is None:
            notes.append(f"{name}: {text or 'empty'};")
        out[name] = value
    return out, notes


def every_cell_arrives_or_is_explained():
    if not os.path.exists(DATA):
        return "the data is not here"
    out = folder("usaid")
    Run(FLOW, f"{out}/state", "-p", f"data={DATA}", "-p", f"out={out}/out").must_end(0, 120)
    text = gzip.open(DATA, "rt", encoding="utf-8", newline="").read()
    assert "\n" not in text and text.count("\r") == 10324, "this is not the file as published"
    rows = list(csv.DictReader(io.StringIO(text.replace("\r", "\n")), delimiter="\t"))
    db = sqlite3.connect(f"{out}/out/usaid.db")
    db.row_factory = sqlite3.Row
    stored = {r["id"]: r for r in db.execute("SELECT * FROM deliveries")}
    assert len(rows) == len(stored) == 10324, len(stored)
    bad = 0
    for row in rows:
        want, notes = expected(row)
        got = stored[int(row["ID"])]
        for name, value in want.items():
            assert got[name] == value, (row["ID"], name, got[name], value)
        bad += len(notes)
        assert all(n in got["notes"] for n in notes), (row["ID"], notes, got["notes"])
        assert got["notes"].count(";") == sum(n.count(";") for n in notes), (row["ID"], notes, got["notes"])
    assert bad > 15000, bad
    again = {r["id"] for r in db.execute("SELECT id FROM deliveries WHERE days_late > 0")}
    late = {int(r["ID"]) for r in rows if as_date(r["Delivered to Client Date"]) > as_date(r["Scheduled Delivery Date"])}
    assert again == late and len(late) > 1000, len(late)


def run_again_it_changes_nothing():
    if not os.path.exists(DATA):
        return "the data is not here"
    out = folder("twice")
    for state in ("one", "two"):
        Run(FLOW, f"{out}/{state}", "-p", f"data={DATA}", "-p", f"out={out}/out").must_end(0, 120)
    db = sqlite3.connect(f"{out}/out/usaid.db")
    assert db.execute("SELECT count(*), count(DISTINCT id) FROM deliveries").fetchone() == (10324, 10324)


main(every_cell_arrives_or_is_explained, run_again_it_changes_nothing)
