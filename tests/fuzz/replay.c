/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c: runs a fuzz target over the cases that are kept in tests/fuzz/cases/TARGET: what once broke it. Prints TAP.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>

int main(int argc, char **argv)
{
    const char *source = getenv("LEAT_SOURCE"), *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
    auto_free char *folder =
        xasprintf("%s/tests/fuzz/cases/%.*s", source ? source : ".", (int)strcspn(name, "_"), name);
    DIR *d = opendir(folder);
    int n = 0;
    (void)argc;
    for (struct dirent *e; d && (e = readdir(d));) {
        struct err err;
        auto_buf text = {0};
        auto_free char *path = xasprintf("%s/%s", folder, e->d_name);
        if (e->d_name[0] == '.' || read_file(path, &text, &err) < 0)
            continue;
        LLVMFuzzerTestOneInput((const uint8_t *)text.data, text.n);
        printf("ok %d - %s\n", ++n, e->d_name);
        fflush(stdout);
    }
    if (d)
        closedir(d);
    printf("1..%d\n", n);
    return n ? 0 : 1;
}
