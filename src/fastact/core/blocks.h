/* Staging: strided, unaligned or 16-bit operands <-> contiguous blocks of float or double. */
#ifndef FASTACT_BLOCKS_H
#define FASTACT_BLOCKS_H

#include <stddef.h>
#include <string.h>
#include "half.h"

enum storage { STORE_F2, STORE_B2, STORE_F4, STORE_F8 };    /* B2: bfloat16 */
enum { BLOCK = 512, LANES = 16 };

/* The size of an element in memory, and of the type it is computed in. */
static inline ptrdiff_t stored_size(int storage) { return storage <= STORE_B2 ? 2 : storage == STORE_F4 ? 4 : 8; }
static inline ptrdiff_t computed_size(int storage) { return storage == STORE_F8 ? 8 : 4; }
static inline int is_wide(int storage) { return storage >= STORE_F4; }       /* computed in the type it has in memory */

#define STRIDED_COPY(T)                                                            \
    for (ptrdiff_t i = 0; i < n; i++)                                              \
        memcpy((char *)to + i * to_stride, (const char *)from + i * from_stride, sizeof(T))

static inline void copy_strided_f2(void *to, ptrdiff_t to_stride, const void *from, ptrdiff_t from_stride, ptrdiff_t n) { STRIDED_COPY(uint16_t); }
static inline void copy_strided_f4(void *to, ptrdiff_t to_stride, const void *from, ptrdiff_t from_stride, ptrdiff_t n) { STRIDED_COPY(float); }
static inline void copy_strided_f8(void *to, ptrdiff_t to_stride, const void *from, ptrdiff_t from_stride, ptrdiff_t n) { STRIDED_COPY(double); }

/* n <= BLOCK elements at `from` into the contiguous block `to`, converted */
static inline void load_block(int storage, void *to, const void *from, ptrdiff_t stride, ptrdiff_t n)
{
    if (storage == STORE_F8)
        copy_strided_f8(to, 8, from, stride, n);
    else if (storage == STORE_F4)
        copy_strided_f4(to, 4, from, stride, n);
    else if (stride == 2 && ((uintptr_t)from & 1) == 0)
        widen_block(storage == STORE_B2, (float *)to, (const uint16_t *)from, n);
    else {
        uint16_t packed[BLOCK];
        copy_strided_f2(packed, 2, from, stride, n);
        widen_block(storage == STORE_B2, (float *)to, packed, n);
    }
}

static inline void store_block(int storage, void *to, ptrdiff_t stride, const void *from, ptrdiff_t n)
{
    if (storage == STORE_F8)
        copy_strided_f8(to, stride, from, 8, n);
    else if (storage == STORE_F4)
        copy_strided_f4(to, stride, from, 4, n);
    else if (stride == 2 && ((uintptr_t)to & 1) == 0)
        narrow_block(storage == STORE_B2, (uint16_t *)to, (const float *)from, n);
    else {
        uint16_t packed[BLOCK];
        narrow_block(storage == STORE_B2, packed, (const float *)from, n);
        copy_strided_f2(to, stride, packed, 2, n);
    }
}

/* the first element of `block`, repeated */
static inline void fill_block(int storage, void *block, ptrdiff_t n)
{
    if (storage == STORE_F8)
        for (ptrdiff_t i = 1; i < n; i++)
            ((double *)block)[i] = ((double *)block)[0];
    else
        for (ptrdiff_t i = 1; i < n; i++)
            ((float *)block)[i] = ((float *)block)[0];
}

/* Does writing out[i] in order disturb an in[j] that is still to be read? The same elements at the same place do not. */
static inline int disturbs(const char *out, ptrdiff_t so, const char *in, ptrdiff_t si, ptrdiff_t n, ptrdiff_t size)
{
    if (n <= 1 || (out == in && so == si && so != 0))
        return 0;
    const char *out_lo = so < 0 ? out + so * (n - 1) : out, *out_hi = (so < 0 ? out : out + so * (n - 1)) + size;
    const char *in_lo = si < 0 ? in + si * (n - 1) : in, *in_hi = (si < 0 ? in : in + si * (n - 1)) + size;
    if (out_hi <= in_lo || in_hi <= out_lo)
        return 0;
    if (so == si && so != 0) {                     /* interleaved, as x[::2] and x[1::2] */
        ptrdiff_t step = so < 0 ? -so : so, gap = (out - in) % step;
        gap += gap < 0 ? step : 0;
        return gap < size || step - gap < size;
    }
    return 1;
}
#endif
