# Flows are installed as examples.
