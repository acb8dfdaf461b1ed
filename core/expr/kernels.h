/* SPDX-License-Identifier: Apache-2.0 */
/* kernels.h: loops over plain arrays, without a look at nulls. */
#ifndef LEAT_CORE_EXPR_KERNELS_H
#define LEAT_CORE_EXPR_KERNELS_H

#include <leat/record.h>
#include <stdbool.h>
#include <stdint.h>

/* An operand: an array, or NULL and one number for all rows. */
struct ints {
    const int64_t *at;
    int64_t one;
};
struct doubles {
    const double *at;
    double one;
};
enum { KERNEL_ADD, KERNEL_SUBTRACT, KERNEL_MULTIPLY };
enum { KERNEL_EQ, KERNEL_NE, KERNEL_LT, KERNEL_LE, KERNEL_GT, KERNEL_GE };

/* True: some row left 64 bits (kernel_int_left tells which; absent rows may be among them). */
bool kernel_int(int op, struct ints a, struct ints b, int64_t *ret, uint32_t n);
bool kernel_int_left(int op, int64_t a, int64_t b);
/* True: some row is no finite number. */
bool kernel_double(int op, struct doubles a, struct doubles b, double *ret, uint32_t n);
bool kernel_double_divide(struct doubles a, struct doubles b, double *ret, uint32_t n); /* division by 0: not finite */
void kernel_int_compare(int op, struct ints a, struct ints b, uint8_t *ret, uint32_t n);
void kernel_double_compare(int op, struct doubles a, struct doubles b, uint8_t *ret, uint32_t n);
bool kernel_int_scale(const int64_t *a, int64_t by, int64_t *ret, uint32_t n); /* true: some row left 64 bits */
/* True: some number has over 53 bits, so that the quotient may be rounded twice. */
bool kernel_int_to_double(const int64_t *a, double divisor, double *ret, uint32_t n);
void kernel_bool(bool both, const uint8_t *a, const uint8_t *b, uint8_t *ret, uint32_t n); /* and, or */
/* where bit i (lowest first) of rows is set, to[i] = from[i]; for up to 64 rows */
void kernel_select(const int64_t *from, uint64_t rows, int64_t *to, uint32_t n);
void kernel_select_one(int64_t from, uint64_t rows, int64_t *to, uint32_t n);
void kernel_not(const uint8_t *a, uint8_t *ret, uint32_t n);
void kernel_text_equal(const leat_text *a, leat_text b, bool equal, uint8_t *ret, uint32_t n);
void kernel_text_prefix(const leat_text *a, leat_text b, uint8_t *ret, uint32_t n);
#endif
