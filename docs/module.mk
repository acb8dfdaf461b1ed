# Pages are installed as documentation.
EXTRA_DIST += docs/elasticsearch.md docs/http.md docs/kafka.md
EXTRA_DIST += docs/files.md docs/sql.md docs/transforms.md
