/* Some rows brought together, wherever they lie, for kernels that work on rows along memory. Included by family.h for each type. */

enum { NAME(TILE_SIZE) = (1 << 18) / sizeof(REAL) };

/* how many rows to bring together, of n numbers each */
VM_INLINE ptrdiff_t NAME(tile_rows)(ptrdiff_t n) { return n * ROWS <= NAME(TILE_SIZE) ? ROWS : 8 * n <= 16 * NAME(TILE_SIZE) ? 8 : 1; }
VM_INLINE ptrdiff_t NAME(tile_step)(ptrdiff_t n) { return (n + WIDTH - 1) / WIDTH * WIDTH + 16; }

/* w rows from `row` on, where they are or else in `room` */
static __attribute__((noinline)) lines NAME(bring)(const lines *a, ptrdiff_t row, ptrdiff_t w, ptrdiff_t n, REAL pad, REAL *room)
{
    const lines here = NAME(from)(*a, row, 0);
    const ptrdiff_t step = NAME(tile_step)(n), size = sizeof(REAL);
    ptrdiff_t u = 0;
    if (a->ready && a->mask == NULL)
        return here;
    for (; NAME(turns)(a) && u + 8 <= w; u += 8) {
        ptrdiff_t i = 0;
        for (; i + 8 <= n; i += 8)
            NAME(turn_eight)(here.p + u * size + i * a->next, a->next, room + u * step + i, step);
        for (; i < n; i++)
            for (ptrdiff_t j = u; j < u + 8; j++)
                room[j * step + i] = *(const REAL *)(here.p + j * size + i * a->next);
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
    const ptrdiff_t step = NAME(tile_step)(n), size = sizeof(REAL);
    ptrdiff_t u = 0;
    if (a->ready)
        return;
    for (; NAME(turns)(a) && u + 8 <= w; u += 8) {
        ptrdiff_t i = 0;
        for (; i + 8 <= n; i += 8)
            NAME(turn_eight)((const char *)(room + u * step + i), step * size, (REAL *)(there.p + u * size + i * a->next), a->next / size);
        for (; i < n; i++)
            for (ptrdiff_t j = u; j < u + 8; j++)
                *(REAL *)(there.p + j * size + i * a->next) = room[j * step + i];
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
