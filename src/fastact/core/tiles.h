/* Some rows brought together, wherever they lie, for kernels that work on rows along memory. Included by family.h for each type. */

enum { NAME(TILE_SIZE) = (1 << 18) / sizeof(REAL) };

/* how many rows to bring together, of n numbers each */
VM_INLINE ptrdiff_t NAME(tile_rows)(ptrdiff_t n) { return n * ROWS <= NAME(TILE_SIZE) ? ROWS : 8 * n <= 16 * NAME(TILE_SIZE) ? 8 : 1; }
VM_INLINE ptrdiff_t NAME(tile_step)(ptrdiff_t n) { return (n + WIDTH - 1) / WIDTH * WIDTH + 16; }

/* How many numbers of each row to turn before going on to the next eight rows: all, so that memory is read in one direction;
 * but where the step from number to number is whole pages, few of them stay in a cache together. */
VM_INLINE ptrdiff_t NAME(stretch)(ptrdiff_t next, ptrdiff_t n) { return next % 4096 == 0 ? 8 : (n + 7) / 8 * 8; }

/* eight numbers each of eight rows with a byte of mask each, as turn_eight */
VM_INLINE void NAME(turn_masked)(const char *x, ptrdiff_t next, const char *mask, ptrdiff_t mask_next, ptrdiff_t mask_line, REAL pad, REAL *to, ptrdiff_t step)
{
    REAL kept[64];
    for (ptrdiff_t k = 0; k < 8; k++)
        for (ptrdiff_t j = 0; j < 8; j++)
            kept[8 * k + j] = mask[k * mask_next + j * mask_line] ? ((const REAL *)(x + k * next))[j] : pad;
    NAME(turn_eight)((const char *)kept, 8 * sizeof(REAL), to, step);
}

/* rows of n numbers, an even eight of them, that lie across memory: to rows along memory */
static __attribute__((noinline)) void NAME(turn)(const lines *a, ptrdiff_t rows, ptrdiff_t n, REAL pad, REAL *room)
{
    const ptrdiff_t step = NAME(tile_step)(n), next = a->next, stretch = NAME(stretch)(next, n), mask_next = a->mask_next, mask_line = a->mask_line;
    for (ptrdiff_t i = 0; i < n; i += stretch)
        for (ptrdiff_t u = 0; u < rows; u += 8) {
            const ptrdiff_t end = i + stretch < n ? i + stretch : n;
            const char *x = a->p + u * (ptrdiff_t)sizeof(REAL), *mask = a->mask == NULL ? NULL : a->mask + u * mask_line;
            REAL *to = room + u * step;
            ptrdiff_t k = i;
            if (mask == NULL)
                for (; k + 8 <= end; k += 8)
                    NAME(turn_eight)(x + k * next, next, to + k, step);
            else if (mask_line == 1)                            /* known to be, the bytes are read together */
                for (; k + 8 <= end; k += 8)
                    NAME(turn_masked)(x + k * next, next, mask + k * mask_next, mask_next, 1, pad, to + k, step);
            else
                for (; k + 8 <= end; k += 8)
                    NAME(turn_masked)(x + k * next, next, mask + k * mask_next, mask_next, mask_line, pad, to + k, step);
            for (; k < end; k++)
                for (ptrdiff_t j = 0; j < 8; j++)
                    to[j * step + k] = mask == NULL || mask[k * mask_next + j * mask_line] ? ((const REAL *)(x + k * next))[j] : pad;
        }
}

/* and back */
static __attribute__((noinline)) void NAME(turn_back)(const lines *a, ptrdiff_t rows, ptrdiff_t n, const REAL *room)
{
    const ptrdiff_t step = NAME(tile_step)(n), next = a->next, stretch = NAME(stretch)(next, n), size = sizeof(REAL);
    for (ptrdiff_t i = 0; i < n; i += stretch)
        for (ptrdiff_t u = 0; u < rows; u += 8) {
            const ptrdiff_t end = i + stretch < n ? i + stretch : n;
            const REAL *x = room + u * step;
            char *to = (char *)a->p + u * size;
            ptrdiff_t k = i;
            for (; k + 8 <= end; k += 8)
                NAME(turn_eight)((const char *)(x + k), step * size, (REAL *)(to + k * next), next / size);
            for (; k < end; k++)
                for (ptrdiff_t j = 0; j < 8; j++)
                    ((REAL *)(to + k * next))[j] = x[j * step + k];
        }
}

/* w rows from `row` on, where they are or else in `room` */
static __attribute__((noinline)) lines NAME(bring)(const lines *a, ptrdiff_t row, ptrdiff_t w, ptrdiff_t n, REAL pad, REAL *room)
{
    const lines here = NAME(from)(*a, row, 0);
    const ptrdiff_t step = NAME(tile_step)(n), size = sizeof(REAL);
    ptrdiff_t u = 0;
    if (a->ready && a->mask == NULL)
        return here;
    lines bare = *a;
    bare.mask = NULL;
    if (NAME(turns)(&bare)) {
        u = w - w % 8;
        NAME(turn)(&here, u, n, pad, room);
    }
    for (; u < w; u++)
        NAME(gather)(&here, u, 0, n, pad, room + u * step);
    return make_lines(IS_DOUBLE ? STORE_F8 : STORE_F4, (const char *)room, step * size, size);
}

/* where w results from `row` on are to be written: where they belong, or else in `room` */
VM_INLINE lines NAME(place)(const lines *a, ptrdiff_t row, ptrdiff_t n, REAL *room)
{
    if (a->ready)
        return NAME(from)(*a, row, 0);
    return make_lines(IS_DOUBLE ? STORE_F8 : STORE_F4, (const char *)room, NAME(tile_step)(n) * (ptrdiff_t)sizeof(REAL), sizeof(REAL));
}

static __attribute__((noinline)) void NAME(send)(const lines *a, ptrdiff_t row, ptrdiff_t w, ptrdiff_t n, const REAL *room)
{
    const lines there = NAME(from)(*a, row, 0);
    const ptrdiff_t step = NAME(tile_step)(n);
    ptrdiff_t u = 0;
    if (a->ready)
        return;
    if (NAME(turns)(a)) {
        u = w - w % 8;
        NAME(turn_back)(&there, u, n, room);
    }
    for (; u < w; u++)
        NAME(scatter)(&there, u, 0, n, room + u * step);
}

VM_INLINE void NAME(fill)(REAL *y, ptrdiff_t n, REAL v)
{
    for (ptrdiff_t j = 0; j < n; j++)
        y[j] = v;
}

/* Memory for `tiles` tiles of rows of n numbers; `spare` doubles behind them */
static REAL *NAME(rooms)(ptrdiff_t tiles, ptrdiff_t n, ptrdiff_t spare)
{
    return (REAL *)malloc((size_t)(tiles * NAME(tile_rows)(n) * NAME(tile_step)(n)) * sizeof(REAL) + (size_t)spare * sizeof(double) + 64);
}
