# Pages are installed as documentation; the unit as leat@FLOW.service, for /etc/leat/FLOW.yaml.
dist_doc_DATA = README.md
dist_doc_DATA += docs/expressions.md docs/flows.md
dist_doc_DATA += docs/architecture.md docs/operations.md
dist_doc_DATA += docs/elasticsearch.md docs/http.md docs/kafka.md
dist_doc_DATA += docs/first-flow.md docs/simulator.md
dist_doc_DATA += docs/files.md docs/sql.md docs/transforms.md
if HAVE_SYSTEMD
systemdsystemunit_DATA = docs/leat@.service
endif
EXTRA_DIST += docs/leat.service.in
CLEANFILES += docs/leat@.service
docs/leat@.service: docs/leat.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) docs && sed 's|@bindir[@]|$(bindir)|' $(srcdir)/docs/leat.service.in >$@
# Pages written from the program's own tables: `make reference` writes them anew, a test tells when they differ.
dist_doc_DATA += docs/reference/processors.md docs/reference/codes.md
EXTRA_DIST += docs/generate.py docs/generate_test.sh
TEST_FILES += docs/generate_test.sh
.PHONY: reference
reference: leat $(plugin_PROGRAMS)
	LEAT=$(abs_builddir)/leat LEAT_SOURCE=$(abs_srcdir) $(PYTHON3) $(srcdir)/docs/generate.py
dist_doc_DATA += docs/plugin-contract.md docs/plugin-guide.md
