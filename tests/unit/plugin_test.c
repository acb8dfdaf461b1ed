/* SPDX-License-Identifier: Apache-2.0 */
/* plugin_test.c: the registry inside one process: replaced and truncated files, equal images, descriptions of other
 * sizes. */
#include "core/plugin/plugin_internal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <unistd.h>

#include <cmocka.h>

static char *folder, *cache;

static void copy_plugin(const char *name, const char *as)
{
    auto_buf bytes = {0};
    auto_free char *from = xasprintf("%s/plugins/%s.so", getenv("LEAT_BUILD") ? getenv("LEAT_BUILD") : ".", name);
    auto_free char *to = xasprintf("%s/%s.so", folder, as);
    struct err err;
    if (read_file(from, &bytes, &err) < 0 || replace_file(to, buf_view(&bytes), &err) < 0)
        fail_msg("%s", err.text);
}

static int make_folder(void **state)
{
    static int n;
    (void)state;
    const char *top = getenv("LEAT_TMP");
    folder = xasprintf("%s/plugin-test-%d-%d", top ? top : "/tmp", (int)getpid(), n++);
    cache = xasprintf("%s/cache", folder);
    return make_folders(folder, NULL);
}

static int free_folder(void **state)
{
    (void)state;
    free(folder);
    free(cache);
    return 0;
}

static struct registry *open_registry(void)
{
    struct err err;
    struct registry *r = registry_open((const char *const[]){folder, NULL}, cache, &err);
    if (!r)
        fail_msg("%s", err.text);
    return r;
}

static const leat_processor *get(struct registry *r, uint32_t kind, const char *name)
{
    struct err err;
    const struct plugin_file *file;
    const leat_processor *p = registry_processor(r, kind, text_of(name), &file, &err);
    if (!p)
        fail_msg("%s", err.text);
    return p;
}

static void a_processor_is_found_by_kind_and_name(void **state)
{
    struct err err = {0};
    const struct plugin_file *file;
    (void)state;
    copy_plugin("transform", "transform");
    copy_plugin("stdio", "stdio");
    struct registry *r = open_registry();
    assert_string_equal(get(r, LEAT_TRANSFORM, "filter")->name, "filter");
    assert_null(registry_processor(r, LEAT_TRANSFORM, TEXT("fliter"), &file, &err));
    assert_string_equal(err.text, "no transform is called 'fliter'; did you mean 'filter'?");
    assert_string_equal(err.code, "E401");
    assert_null(registry_processor(r, LEAT_SINK, TEXT("filter"), &file, &err));
    assert_string_equal(err.text, "'filter' is a transform, not a sink");
    assert_null(registry_processor(r, LEAT_SOURCE, TEXT("zzzzzz"), &file, &err));
    assert_string_equal(err.text, "no source is called 'zzzzzz'; `leat plugins list` shows those that were found");
    registry_free(r);
}

static void equal_files_are_one_image(void **state)
{
    (void)state;
    copy_plugin("transform", "one");
    struct registry *a = open_registry();
    const leat_processor *first = get(a, LEAT_TRANSFORM, "filter");
    registry_free(a);
    copy_plugin("transform", "other");
    struct registry *b = open_registry();
    assert_ptr_equal(get(b, LEAT_TRANSFORM, "filter"), first);
    registry_free(b);
}

/* What was loaded is a copy: a file that is replaced or truncated while it is in use harms nobody, and the new one is
 * new. */
static void a_file_may_be_replaced_and_truncated(void **state)
{
    struct err err = {0};
    const struct plugin_file *file;
    (void)state;
    copy_plugin("transform", "plugin");
    struct registry *r = open_registry();
    const leat_processor *filter = get(r, LEAT_TRANSFORM, "filter");
    copy_plugin("stdio", "plugin");
    assert_string_equal(filter->name, "filter");
    assert_null(registry_processor(r, LEAT_SINK, TEXT("stdout"), &file, &err));
    registry_free(r);
    r = open_registry();
    assert_string_equal(get(r, LEAT_SINK, "stdout")->name, "stdout");
    auto_free char *path = xasprintf("%s/plugin.so", folder);
    assert_int_equal(truncate(path, 100), 0);
    assert_non_null(filter->process);
    assert_true(strlen(filter->doc) > 0);
    registry_free(r);
}

static void a_file_that_broke_since_the_scan_is_told(void **state)
{
    struct err err = {0};
    const struct plugin_file *file;
    (void)state;
    copy_plugin("transform", "filter");
    struct registry *r = open_registry();
    auto_free char *path = xasprintf("%s/filter.so", folder);
    assert_int_equal(truncate(path, 100), 0);
    assert_null(registry_processor(r, LEAT_TRANSFORM, TEXT("filter"), &file, &err));
    auto_free char *want = xasprintf("the plugin %s cannot be used: cannot be loaded: ", path);
    assert_non_null(strstr(err.text, want));
    assert_string_equal(err.code, "E402");
    registry_free(r);
}

static void the_note_is_read_without_loading(void **state)
{
    auto_buf bytes = {0};
    (void)state;
    auto_free char *path = xasprintf("%s/plugins/transform.so", getenv("LEAT_BUILD") ? getenv("LEAT_BUILD") : ".");
    assert_int_equal(read_file(path, &bytes, NULL), 0);
    leat_text note = elf_note(buf_view(&bytes));
    assert_true(note.n > 0);
    assert_int_equal(strncmp(note.data, "leat abi=1.0 name=transform version=", 36), 0);
    for (size_t n = 0; n < bytes.n; n += 97) { /* however it is cut */
        elf_note((leat_text){bytes.data, n});
        elf_check((leat_text){bytes.data, n}, NULL);
    }
}

/* Rows and structs of another size than this host's: what the plugin lacks is 0, what it has more is left out of rows.
 */
static void descriptions_take_the_hosts_sizes(void **state)
{
    struct small_option {
        const char *name, *doc;
        uint32_t type, flags;
    } small[2] = {{"a", "A.", LEAT_OPT_I64, 0}, {"b", "B.", LEAT_OPT_BOOL, LEAT_LIVE}};
    struct {
        leat_metric m;
        uint64_t newer;
    } big[2] = {{{.name = "x", .doc = "X."}, 7}, {{.name = "y", .doc = "Y."}, 7}};
    struct {
        leat_processor p;
        uint64_t newer;
    } own = {{.size = sizeof own,
              .kind = LEAT_SINK,
              .name = "s",
              .doc = "S.",
              .n_options = 2,
              .n_metrics = 2,
              .options = (const leat_option *)small,
              .metrics = (const leat_metric *)big},
             99};
    const leat_processor *all[] = {&own.p};
    leat_plugin plugin = {LEAT_SIZES, LEAT_ABI, 1, "t", "1.0.0", "T.", NULL, all, 0, 0, NULL};
    struct arena a = {0};
    struct err err;
    (void)state;
    plugin.sizes.option = sizeof small[0];
    plugin.sizes.metric = sizeof big[0];
    plugin.sizes.plugin = offsetof(leat_plugin, min_minor);
    const leat_processor *p = plugin_adopt(&a, &plugin, &err)->processors[0];
    assert_string_equal(p->options[1].name, "b");
    assert_int_equal(p->options[1].flags, LEAT_LIVE);
    assert_null(p->options[1].standard);
    assert_string_equal(p->metrics[1].name, "y");
    uint64_t newer;
    memcpy(&newer, (const char *)p + sizeof *p, sizeof newer);
    assert_int_equal(newer, 99);
    arena_fini(&a);
}

static void groups_without_end_are_refused(void **state)
{
    leat_option self[1] = {{.name = "more", .doc = "More.", .type = LEAT_OPT_GROUP, .n_rows = 1}};
    self[0].rows = self;
    const leat_processor p = {
        .size = sizeof p, .kind = LEAT_SINK, .name = "s", .doc = "S.", .options = self, .n_options = 1};
    const leat_processor *all[] = {&p};
    const leat_plugin plugin = {LEAT_SIZES, LEAT_ABI, 1, "t", "1.0.0", "T.", NULL, all, 0, 0, NULL};
    struct arena a = {0};
    struct err err;
    (void)state;
    assert_null(plugin_adopt(&a, &plugin, &err));
    assert_string_equal(err.text, "describes groups of options that nest deeper than 8");
    arena_fini(&a);
}

static void folders_are_those_given_then_the_environments(void **state)
{
    (void)state;
    setenv("LEAT_PLUGINS", "/c", 1);
    char **folders = plugin_folders("/a:/b");
    unsetenv("LEAT_PLUGINS");
    assert_string_equal(folders[0], "/a");
    assert_string_equal(folders[1], "/b");
    assert_string_equal(folders[2], "/c");
    assert_non_null(folders[3]);
    assert_null(folders[4]);
    for (char **at = folders; *at; at++)
        free(*at);
    free(folders);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, free_folder)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_processor_is_found_by_kind_and_name), TEST(equal_files_are_one_image),
        TEST(a_file_may_be_replaced_and_truncated),  TEST(a_file_that_broke_since_the_scan_is_told),
        TEST(the_note_is_read_without_loading),      TEST(descriptions_take_the_hosts_sizes),
        TEST(groups_without_end_are_refused),        TEST(folders_are_those_given_then_the_environments),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
