/* SPDX-License-Identifier: Apache-2.0 */
/* synthetic.h: plain load: records of one size, made as fast as can be; record i depends on the seed and i alone. */
#ifndef GENERATE_SYNTHETIC_H
#define GENERATE_SYNTHETIC_H

#include <stdint.h>

enum { SYNTHETIC_BYTES = 249 }; /* of a record, its line end included */
/* Writes records first .. first + n - 1, SYNTHETIC_BYTES each. */
void synthetic_write(char *to, uint64_t seed, uint64_t first, uint32_t n);
#endif
