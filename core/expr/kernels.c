/* SPDX-License-Identifier: Apache-2.0 */
/* kernels.c: the loops. The compiler makes wide instructions of them, so they have no branches and no calls. */
#pragma GCC optimize("O3")
#include "core/expr/kernels.h"

#include <string.h>

#define AS_U64(x) ((uint64_t)(x))

/* Overflow shows in the sign: both operands differ from the result (sum), operands differ and so does the result. */
#define SUM_LEFT(a, b, r) (((r) ^ AS_U64(a)) & ((r) ^ AS_U64(b)))
#define DIFFERENCE_LEFT(a, b, r) ((AS_U64(a) ^ AS_U64(b)) & ((r) ^ AS_U64(a)))

#define INT_LOOP(name, sign, left, a_of, b_of)                                                                         \
    static bool name(struct ints a, struct ints b, int64_t *restrict ret, uint32_t n)                                  \
    {                                                                                                                  \
        const int64_t *restrict x = a.at, *restrict y = b.at;                                                          \
        const int64_t one_x = a.one, one_y = b.one;                                                                    \
        uint64_t all = 0;                                                                                              \
        (void)x, (void)y, (void)one_x, (void)one_y;                                                                    \
        for (uint32_t i = 0; i < n; i++) {                                                                             \
            uint64_t r = AS_U64(a_of) sign AS_U64(b_of);                                                               \
            all |= left(a_of, b_of, r);                                                                                \
            ret[i] = (int64_t)r;                                                                                       \
        }                                                                                                              \
        return all >> 63;                                                                                              \
    }
INT_LOOP(add_columns, +, SUM_LEFT, x[i], y[i])
INT_LOOP(add_one, +, SUM_LEFT, x[i], one_y)
INT_LOOP(subtract_columns, -, DIFFERENCE_LEFT, x[i], y[i])
INT_LOOP(subtract_one, -, DIFFERENCE_LEFT, x[i], one_y)
INT_LOOP(subtract_from_one, -, DIFFERENCE_LEFT, one_x, y[i])

static bool multiply_columns(const int64_t *restrict a, const int64_t *restrict b, int64_t *restrict ret, uint32_t n)
{
    bool left = false;
    for (uint32_t i = 0; i < n; i++)
        left |= __builtin_mul_overflow(a[i], b[i], &ret[i]);
    return left;
}

bool kernel_int_scale(const int64_t *restrict a, int64_t by, int64_t *restrict ret, uint32_t n)
{
    bool left = false;
    for (uint32_t i = 0; i < n; i++)
        left |= __builtin_mul_overflow(a[i], by, &ret[i]);
    return left;
}

bool kernel_int(int op, struct ints a, struct ints b, int64_t *ret, uint32_t n)
{
    if (op == KERNEL_SUBTRACT)
        return !a.at  ? subtract_from_one(a, b, ret, n)
               : b.at ? subtract_columns(a, b, ret, n)
                      : subtract_one(a, b, ret, n);
    if (!a.at) { /* the others do not mind the order */
        struct ints swap = a;
        a = b;
        b = swap;
    }
    if (op == KERNEL_ADD)
        return b.at ? add_columns(a, b, ret, n) : add_one(a, b, ret, n);
    return b.at ? multiply_columns(a.at, b.at, ret, n) : kernel_int_scale(a.at, b.one, ret, n);
}

bool kernel_int_left(int op, int64_t a, int64_t b)
{
    int64_t r;
    if (op == KERNEL_ADD)
        return __builtin_add_overflow(a, b, &r);
    return op == KERNEL_SUBTRACT ? __builtin_sub_overflow(a, b, &r) : __builtin_mul_overflow(a, b, &r);
}

/* Infinities and NaNs have all exponent bits; one more carries into the sign. */
#define DOUBLE_LOOP(name, sign, a_of, b_of)                                                                            \
    static bool name(struct doubles a, struct doubles b, double *restrict ret, uint32_t n)                             \
    {                                                                                                                  \
        const double *restrict x = a.at, *restrict y = b.at;                                                           \
        const double one_x = a.one, one_y = b.one;                                                                     \
        uint64_t odd = 0;                                                                                              \
        (void)x, (void)y, (void)one_x, (void)one_y;                                                                    \
        for (uint32_t i = 0; i < n; i++) {                                                                             \
            double r = a_of sign b_of;                                                                                 \
            uint64_t bits;                                                                                             \
            memcpy(&bits, &r, sizeof bits);                                                                            \
            odd |= ((bits & 0x7ff0000000000000u) + 0x0010000000000000u);                                               \
            ret[i] = r;                                                                                                \
        }                                                                                                              \
        return odd >> 63;                                                                                              \
    }
DOUBLE_LOOP(add_doubles, +, x[i], y[i])
DOUBLE_LOOP(add_double, +, x[i], one_y)
DOUBLE_LOOP(subtract_doubles, -, x[i], y[i])
DOUBLE_LOOP(subtract_double, -, x[i], one_y)
DOUBLE_LOOP(subtract_from_double, -, one_x, y[i])
DOUBLE_LOOP(multiply_doubles, *, x[i], y[i])
DOUBLE_LOOP(multiply_double, *, x[i], one_y)
DOUBLE_LOOP(divide_doubles, /, x[i], y[i])
DOUBLE_LOOP(divide_double, /, x[i], one_y)
DOUBLE_LOOP(divide_from_double, /, one_x, y[i])

bool kernel_double(int op, struct doubles a, struct doubles b, double *ret, uint32_t n)
{
    if (op == KERNEL_SUBTRACT)
        return !a.at  ? subtract_from_double(a, b, ret, n)
               : b.at ? subtract_doubles(a, b, ret, n)
                      : subtract_double(a, b, ret, n);
    if (!a.at) {
        struct doubles swap = a;
        a = b;
        b = swap;
    }
    if (op == KERNEL_ADD)
        return b.at ? add_doubles(a, b, ret, n) : add_double(a, b, ret, n);
    return b.at ? multiply_doubles(a, b, ret, n) : multiply_double(a, b, ret, n);
}

bool kernel_double_divide(struct doubles a, struct doubles b, double *ret, uint32_t n)
{
    return !a.at ? divide_from_double(a, b, ret, n) : b.at ? divide_doubles(a, b, ret, n) : divide_double(a, b, ret, n);
}

#define COMPARE_LOOP(name, type, sign)                                                                                 \
    static void name##_columns(const type *restrict a, const type *restrict b, uint8_t *restrict ret, uint32_t n)      \
    {                                                                                                                  \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            ret[i] = a[i] sign b[i];                                                                                   \
    }                                                                                                                  \
    static void name##_one(const type *restrict a, type b, uint8_t *restrict ret, uint32_t n)                          \
    {                                                                                                                  \
        for (uint32_t i = 0; i < n; i++)                                                                               \
            ret[i] = a[i] sign b;                                                                                      \
    }
#define COMPARE_LOOPS(name, type)                                                                                      \
    COMPARE_LOOP(name##_eq, type, ==)                                                                                  \
    COMPARE_LOOP(name##_ne, type, !=)                                                                                  \
    COMPARE_LOOP(name##_lt, type, <)                                                                                   \
    COMPARE_LOOP(name##_le, type, <=)                                                                                  \
    COMPARE_LOOP(name##_gt, type, >)                                                                                   \
    COMPARE_LOOP(name##_ge, type, >=)
COMPARE_LOOPS(int, int64_t)
COMPARE_LOOPS(double, double)

/* One constant at least is on the right: 5 < x is x > 5. */
static const uint8_t turned[] = {KERNEL_EQ, KERNEL_NE, KERNEL_GT, KERNEL_GE, KERNEL_LT, KERNEL_LE};

#define COMPARE(type, function, operand)                                                                               \
    void function(int op, struct operand a, struct operand b, uint8_t *ret, uint32_t n)                                \
    {                                                                                                                  \
        static void (*const columns[])(const type *restrict, const type *restrict, uint8_t *restrict,                  \
                                       uint32_t) = {NAMES(columns)};                                                   \
        static void (*const one[])(const type *restrict, type, uint8_t *restrict, uint32_t) = {NAMES(one)};            \
        if (a.at && b.at)                                                                                              \
            columns[op](a.at, b.at, ret, n);                                                                           \
        else if (a.at)                                                                                                 \
            one[op](a.at, b.one, ret, n);                                                                              \
        else                                                                                                           \
            one[turned[op]](b.at, a.one, ret, n);                                                                      \
    }
#define NAMES(kind) int_eq_##kind, int_ne_##kind, int_lt_##kind, int_le_##kind, int_gt_##kind, int_ge_##kind
COMPARE(int64_t, kernel_int_compare, ints)
#undef NAMES
#define NAMES(kind)                                                                                                    \
    double_eq_##kind, double_ne_##kind, double_lt_##kind, double_le_##kind, double_gt_##kind, double_ge_##kind
COMPARE(double, kernel_double_compare, doubles)

bool kernel_int_to_double(const int64_t *restrict a, double divisor, double *restrict ret, uint32_t n)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < n; i++) {
        all |= AS_U64(a[i] ^ (a[i] >> 63));
        ret[i] = (double)a[i] / divisor;
    }
    return divisor != 1 && all >> 53;
}

void kernel_select(const int64_t *restrict from, uint64_t rows, int64_t *restrict to, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int64_t mask = -(int64_t)(rows >> i & 1);
        to[i] = (from[i] & mask) | (to[i] & ~mask);
    }
}

void kernel_select_one(int64_t from, uint64_t rows, int64_t *restrict to, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int64_t mask = -(int64_t)(rows >> i & 1);
        to[i] = (from & mask) | (to[i] & ~mask);
    }
}

void kernel_bool(bool both, const uint8_t *restrict a, const uint8_t *restrict b, uint8_t *restrict ret, uint32_t n)
{
    if (both)
        for (uint32_t i = 0; i < n; i++)
            ret[i] = a[i] & b[i];
    else
        for (uint32_t i = 0; i < n; i++)
            ret[i] = a[i] | b[i];
}

void kernel_not(const uint8_t *restrict a, uint8_t *restrict ret, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        ret[i] = a[i] ^ 1;
}

/* Both have n bytes, 4 to 16: two words that may overlap. */
static inline bool equal_short(const char *a, const char *b, size_t n)
{
    if (n >= 8) {
        uint64_t x, y, u, v;
        memcpy(&x, a, 8), memcpy(&y, a + n - 8, 8);
        memcpy(&u, b, 8), memcpy(&v, b + n - 8, 8);
        return !((x ^ u) | (y ^ v));
    }
    uint32_t x, y, u, v;
    memcpy(&x, a, 4), memcpy(&y, a + n - 4, 4);
    memcpy(&u, b, 4), memcpy(&v, b + n - 4, 4);
    return !((x ^ u) | (y ^ v));
}

/* Lengths differ more often than contents; so most rows cost one comparison. */
void kernel_text_equal(const leat_text *restrict a, leat_text b, bool equal, uint8_t *restrict ret, uint32_t n)
{
    if (b.n >= 4 && b.n <= 16)
        for (uint32_t i = 0; i < n; i++)
            ret[i] = (a[i].n == b.n && equal_short(a[i].data, b.data, b.n)) == equal;
    else
        for (uint32_t i = 0; i < n; i++)
            ret[i] = (a[i].n == b.n && (!b.n || memcmp(a[i].data, b.data, b.n) == 0)) == equal;
}

void kernel_text_prefix(const leat_text *restrict a, leat_text b, uint8_t *restrict ret, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        ret[i] = a[i].n >= b.n && (!b.n || memcmp(a[i].data, b.data, b.n) == 0);
}
