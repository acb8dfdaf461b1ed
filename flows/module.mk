# Flows are installed as examples, with the schemas of their topics and the scorer.
flowsdir = $(pkgdatadir)/flows
dist_flows_DATA = flows/supply-chain.yaml flows/ingest.yaml flows/usaid-deliveries.yaml flows/usaid-deliveries.index.json
dist_flows_SCRIPTS = flows/score.py flows/demo.sh
flowtopicsdir = $(flowsdir)/topics
dist_flowtopics_DATA = flows/topics/inventory.json flows/topics/orders.json flows/topics/deliveries.json flows/topics/capacity.json \
	flows/topics/shipping.json
