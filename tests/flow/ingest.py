#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""flows/ingest.yaml: tills by HTTP and an ERP system by CSV files, checked, into the five topics; read back by the same process,
because the broker is inside."""
import http.client, json, os

from flowtest import Run, folder, main, wait_for, write

SOURCE = os.environ["LEAT_SOURCE"]
TOPICS = ("InventoryUpdates", "OrderStatus", "SupplierDeliveries", "ProductionCapacity", "ShippingStatus")
READER = """
  read_{topic}:
    source: kafka
    with: {{brokers: "${{brokers}}", topics: {name}}}

  keep_{topic}:
    sink: file
    from: read_{topic}
    with: {{path: "{out}/{name}.ndjson"}}
"""
FILES = {
    "stock-1.csv": "document;event_time;sku;warehouse;on_hand;on_order;reorder_point;unit_cost\r\n"
                   "4711;01.03.2026 08:15;FG-1001;DC-NORTH;120;60;80;189,50\r\n"
                   "4712;01.03.2026 08:16;FG-1002;DC-NORTH;viele;0;80;34.20\r\n"
                   "4713;01.03.2026 08:17;FG-1003;DC-NORTH;77;0;80;21.80\r\n",
    "purchases-1.csv": "document;event_time;purchase_order;status;sku;warehouse;quantity;received;promised_date;actual_date;unit_cost\n"
                       "P1;01.03.2026 09:00;PO-1;received;CP-101;PLANT-1;500;498;27.02.2026;01.03.2026;6.15\n"
                       "P2;01.03.2026 09:00;PO-2;ordered;CP-102;PLANT-1;500;;30.02.2026;;3.40\n"
                       "P3;01.03.2026 09:00;PO-3;ordered;CP-102;PLANT-1;500;;15.03.2026;;3.40\n",
    "machines-1.csv": "document;event_time;machine;plant;status;planned;made;scrapped\n"
                      "M1;01.03.2026 06:00;M-11;PLANT-1;started;60;0;0\n"
                      "M2;01.03.2026 06:00;;PLANT-1;started;60;0;0\n",
    "trucks-1.csv": "document;event_time;shipment;status;origin;destination;expected_at;arrived_at;units\n"
                    "T1;01.03.2026 11:00;SH-1;arrived;DC-NORTH;SHOP-07;01.03.2026 10:00;01.03.2026 11:00;40\n",
}


class Ingest:
    def __init__(self, name):
        self.dir = folder(name)
        self.out, self.drop = folder(name + "/out"), folder(name + "/drop")
        text = open(os.path.join(SOURCE, "flows", "ingest.yaml")).read()
        text += "".join(READER.format(topic=t.lower(), name=t, out=self.out) for t in TOPICS)
        flow = write(f"{self.dir}/flow.yaml", text)
        self.run = Run(flow, f"{self.dir}/state", "-p", "brokers=embedded", "-p", "listen=127.0.0.1:0", "-p", f"drop={self.drop}",
                       "-p", f"topics={SOURCE}/flows/topics", "-p", f"rejected={self.out}/rejected.ndjson")
        self.port = int(self.run.wait_log(r"listens at 127\.0\.0\.1:(\d+)")[1])
        wait_for(lambda: self.post("/receipts", "")[0] == 200 and self.post("/orders", "")[0] == 200, "the tills' door to open")

    def post(self, path, *records):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request("POST", path, "\n".join(r if isinstance(r, str) else json.dumps(r) for r in records))
        r = c.getresponse()
        return r.status, r.read().decode()

    def records(self, name):
        path = f"{self.out}/{name}.ndjson"
        if not os.path.exists(path):
            return []
        return [json.loads(line) for line in open(path) if line.endswith("\n")]

    def finish(self):
        self.run.stop()
        self.run.must_end()


def by_id(records):
    return {r["event_id"]: r for r in records}


def receipts_become_stock_records():
    i = Ingest("receipts")
    good = {"receipt": "R-1", "shop": "SHOP-07", "sold_at": "2026-03-01T10:00:00Z",
            "lines": [{"sku": "FG-1001", "quantity": 2, "left": 5}, {"sku": "FG-1002", "quantity": 1, "left": 0}]}
    assert i.post("/receipts", good) == (200, '{"accepted":1,"rejected":0}\n')
    assert i.post("/receipts", dict(good, receipt="R-2", sold_at="yesterday"), "{not json")[0] in (200, 400)
    wait_for(lambda: len(i.records("InventoryUpdates")) >= 2 and len(i.records("rejected")) >= 2, "the records")
    i.finish()
    found = by_id(i.records("InventoryUpdates"))
    assert set(found) == {"pos-R-1-FG-1001", "pos-R-1-FG-1002"}, found
    one = found["pos-R-1-FG-1001"]
    assert one["on_hand"] == 5 and one["change"] == -2 and one["warehouse"] == "SHOP-07" and one["topic"] == "InventoryUpdates", one
    assert one["event_time"] == "2026-03-01T10:00:00Z", one
    reasons = [r["reason"] for r in i.records("rejected")]
    assert len(reasons) == 2 and any("yesterday" in r for r in reasons), reasons


def orders_pass_the_schema_of_their_topic():
    i = Ingest("orders")
    order = {"event_time": "2026-03-01T10:00:00Z", "order_id": "W-1", "status": "placed", "units": 3, "total": 12.30,
             "lines": [{"sku": "FG-1001", "quantity": 3, "unit_price": 4.10}]}
    i.post("/orders", order, dict(order, order_id="W-2", units="three"), dict(order, order_id="W-3", lines=[{"sku": "FG-1"}]))
    wait_for(lambda: len(i.records("OrderStatus")) >= 1 and len(i.records("rejected")) >= 2, "the records")
    i.finish()
    assert [r["event_id"] for r in i.records("OrderStatus")] == ["web-W-1-placed"]
    assert {r["processor"] for r in i.records("rejected")} == {"orders"}, i.records("rejected")


def files_of_the_erp_system_are_read_once_and_put_aside():
    i = Ingest("erp")
    for name, text in FILES.items():
        write(f"{i.drop}/.{name}", text)
        os.rename(f"{i.drop}/.{name}", f"{i.drop}/{name}")
    wait_for(lambda: sorted(os.listdir(f"{i.drop}/done") if os.path.isdir(f"{i.drop}/done") else []) == sorted(FILES),
             "the files to be put aside")
    wait_for(lambda: sum(len(i.records(t)) for t in TOPICS) >= 5, "the records")
    i.finish()
    assert set(by_id(i.records("InventoryUpdates"))) == {"erp-4713"}
    deliveries = by_id(i.records("SupplierDeliveries"))
    assert set(deliveries) == {"erp-P1", "erp-P3"}, deliveries
    one = deliveries["erp-P1"]
    assert one["quantity"] == 500 and one["promised_date"].startswith("2026-02-27") and one["unit_cost"] == 6.15, one
    assert set(by_id(i.records("ProductionCapacity"))) == {"erp-M1"}
    truck = by_id(i.records("ShippingStatus"))["erp-T1"]
    assert truck["arrived_at"] == "2026-03-01T11:00:00Z" and truck["units"] == 40, truck
    rejected = {r["record"]["document"]: r["reason"] for r in i.records("rejected")}
    assert set(rejected) == {"4711", "4712", "P2", "M2"}, rejected
    assert "189,50" in rejected["4711"] and "viele" in rejected["4712"] and "30.02.2026" in rejected["P2"], rejected
    assert "machine" in rejected["M2"], rejected


main(receipts_become_stock_records, orders_pass_the_schema_of_their_topic, files_of_the_erp_system_are_read_once_and_put_aside)
