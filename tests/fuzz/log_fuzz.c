/* SPDX-License-Identifier: Apache-2.0 */
/* log_fuzz.c: bodies of records of the epoch log: what is understood says the same when it is written and read again.
 */
#include "core/store/store_internal.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct state once = {0}, twice = {0};
    auto_buf first = {0}, second = {0};
    struct err err;
    char *exact = memcpy(xmalloc(n + !n), data, n);
    leat_text body = {exact, n};
    body_noted(body);
    if (body_apply(body, &once, &err) == 0) {
        body_base(&first, &once);
        ASSERT(body_apply(buf_view(&first), &twice, &err) == 0);
        body_base(&second, &twice);
        fuzz_same(&first, &second, "a state, written and read");
    }
    state_fini(&once);
    state_fini(&twice);
    free(exact);
    return 0;
}
