/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c: hashes and checksums. hash64 is ours (a multiply-fold over 8-byte words, after wyhash's idea); it is stored in
 * no file, but must not differ between two runs of one version, since key groups come from it. */
#include "core/base/base.h"

#include <openssl/sha.h>

static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 r = (unsigned __int128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static uint64_t word(const unsigned char *p, size_t n)
{
    uint64_t w = 0;
    memcpy(&w, p, n);
    return w;
}

uint64_t hash64(const void *data, size_t n, uint64_t seed)
{
    const unsigned char *p = data;
    uint64_t h = seed ^ 0x9e3779b97f4a7c15u, len = n;
    for (; n >= 16; n -= 16, p += 16)
        h = fold(word(p, 8) ^ 0xa0761d6478bd642fu ^ h, word(p + 8, 8) ^ 0xe7037ed1a0b428dbu);
    if (n >= 8) {
        h = fold(word(p, 8) ^ 0x8ebc6af09c88c6e3u, h ^ 0x589965cc75374cc3u);
        p += 8, n -= 8;
    }
    if (n)
        h = fold(word(p, n) ^ 0x1d8e4e27c47d124fu, h ^ 0xeb44accab455d165u);
    return fold(h ^ len, 0x9fb21c651e98df25u);
}

uint32_t crc32c(uint32_t crc, const void *data, size_t n)
{
    static uint32_t table[8][256]; /* slicing by eight; filled by whoever comes first, always with the same values */
    static int ready;
    const unsigned char *p = data;
    if (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++)
                c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
            __atomic_store_n(&table[0][i], c, __ATOMIC_RELAXED);
        }
        for (uint32_t i = 0; i < 256; i++)
            for (int k = 1; k < 8; k++)
                __atomic_store_n(&table[k][i], table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255], __ATOMIC_RELAXED);
        __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
    }
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t w = word(p, 8) ^ crc;
        crc = table[7][w & 255] ^ table[6][w >> 8 & 255] ^ table[5][w >> 16 & 255] ^ table[4][w >> 24 & 255] ^
              table[3][w >> 32 & 255] ^ table[2][w >> 40 & 255] ^ table[1][w >> 48 & 255] ^ table[0][w >> 56];
    }
    while (n--)
        crc = table[0][(crc ^ *p++) & 255] ^ crc >> 8;
    return ~crc;
}

void sha256_hex(const void *data, size_t n, char ret[65])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(data, n, digest);
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
        snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}
