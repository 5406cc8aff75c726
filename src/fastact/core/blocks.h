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

/* To one piece and back: every other number, and the way back, in whole vectors; others SOME at a time, 16 bytes. Of few numbers the
 * plain loop takes half the time. */
#define SOME(T) (16 / (ptrdiff_t)sizeof(T))
#define PACK(NAME, T)                                                                                            \
    ONE_COPY void NAME(T *to, const void *from, ptrdiff_t stride, ptrdiff_t n)                                   \
    {                                                                                                            \
        const T *numbers = (const T *)from;                                                                      \
        const char *p = (const char *)from;                                                                      \
        ptrdiff_t i = 0, size = sizeof(T), whole = n < LANES ? 0 : n - n % SOME(T);                              \
        if ((uintptr_t)from % sizeof(T) == 0 && stride == 2 * size)                                              \
            for (; i < whole; i++)                                                                               \
                to[i] = numbers[2 * i];                                                                          \
        else if ((uintptr_t)from % sizeof(T) == 0 && stride == -size)                                            \
            for (; i < whole; i++)                                                                               \
                to[i] = numbers[-i];                                                                             \
        else                                                                                                     \
            for (; i < whole; i += SOME(T)) {                                                                    \
                T some[SOME(T)];                                                                                 \
                for (int k = 0; k < SOME(T); k++)                                                                \
                    memcpy(&some[k], p + (i + k) * stride, sizeof(T));                                           \
                memcpy(to + i, some, sizeof some);                                                               \
            }                                                                                                    \
        for (; i < n; i++)                                                                                       \
            memcpy(&to[i], p + i * stride, sizeof(T));                                                           \
    }
#define UNPACK(NAME, T)                                                                                          \
    ONE_COPY void NAME(void *to, ptrdiff_t stride, const T *from, ptrdiff_t n)                                   \
    {                                                                                                            \
        T *numbers = (T *)to;                                                                                    \
        char *p = (char *)to;                                                                                    \
        ptrdiff_t i = 0, size = sizeof(T), whole = n < LANES ? 0 : n - n % SOME(T);                              \
        if ((uintptr_t)to % sizeof(T) == 0 && stride == -size)                                                   \
            for (; i < whole; i++)                                                                               \
                numbers[-i] = from[i];                                                                           \
        else                                                                                                     \
            for (; i < whole; i += SOME(T))                                                                      \
                for (int k = 0; k < SOME(T); k++)                                                                \
                    memcpy(p + (i + k) * stride, &from[i + k], sizeof(T));                                       \
        for (; i < n; i++)                                                                                       \
            memcpy(p + i * stride, &from[i], sizeof(T));                                                         \
    }
PACK(pack_2, uint16_t)
PACK(pack_4, float)
PACK(pack_8, double)
UNPACK(unpack_2, uint16_t)
UNPACK(unpack_4, float)
UNPACK(unpack_8, double)

/* n <= BLOCK elements at `from` into the contiguous block `to`, converted */
static inline void load_block(int storage, void *to, const void *from, ptrdiff_t stride, ptrdiff_t n)
{
    if (storage == STORE_F8)
        pack_8((double *)to, from, stride, n);
    else if (storage == STORE_F4)
        pack_4((float *)to, from, stride, n);
    else if (stride == 2 && ((uintptr_t)from & 1) == 0)
        widen_block(storage == STORE_B2, (float *)to, (const uint16_t *)from, n);
    else {
        uint16_t packed[BLOCK];
        pack_2(packed, from, stride, n);
        widen_block(storage == STORE_B2, (float *)to, packed, n);
    }
}

static inline void store_block(int storage, void *to, ptrdiff_t stride, const void *from, ptrdiff_t n)
{
    if (storage == STORE_F8)
        unpack_8(to, stride, (const double *)from, n);
    else if (storage == STORE_F4)
        unpack_4(to, stride, (const float *)from, n);
    else if (stride == 2 && ((uintptr_t)to & 1) == 0)
        narrow_block(storage == STORE_B2, (uint16_t *)to, (const float *)from, n);
    else {
        uint16_t packed[BLOCK];
        narrow_block(storage == STORE_B2, packed, (const float *)from, n);
        unpack_2(to, stride, packed, n);
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
