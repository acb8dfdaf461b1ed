/* SPDX-License-Identifier: Apache-2.0 */
/* closest.c: "did you mean": the optimal string alignment distance (Damerau-Levenshtein without repeats). */
#include "core/base/base.h"

enum { WORD_MAX = 64 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c == '-' ? '_' : c;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
    unsigned rows[3][WORD_MAX + 1], *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= m; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            now[j] = smaller(smaller(last[j] + 1, now[j - 1] + 1), last[j - 1] + !same);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                now[j] = smaller(now[j], before[j - 2] + 1);
        }
        unsigned *free_row = before;
        before = last, last = now, now = free_row;
    }
    return last[m];
}

const char *closest(leat_text word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    unsigned least = (unsigned)(word.n < 3 ? 1 : word.n < 6 ? 2 : 1 + word.n / 3) + 1;
    if (word.n > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t m = strlen(candidates[i]);
        unsigned d = m > WORD_MAX ? least : distance(word.data, word.n, candidates[i], m);
        if (d < least && d < word.n) {
            least = d;
            best = candidates[i];
        }
    }
    return best;
}
