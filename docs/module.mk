# Pages are installed as documentation.
EXTRA_DIST += docs/elasticsearch.md docs/http.md docs/kafka.md
