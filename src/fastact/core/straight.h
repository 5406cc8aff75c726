/* Rows that lie along memory. Included by row.h for each type.
 *
 * What a row needs once is done for ROWS rows together, in vectors. The last numbers of a row, where they do not fill a
 * segment of WIDTH, are padded to one in `tails`. An exponential waits for its factor where the result will be, or in
 * `stage`. Results may overwrite their operands.
 */

typedef struct {
    const char *x;
    char *out;
    ptrdiff_t sx, so;                              /* from row to row */
    ptrdiff_t rows, n;
    ptrdiff_t whole;                               /* numbers of a row in whole segments */
    ptrdiff_t kept;                                /* so many exponentials of a row are kept in the results' place */
    ptrdiff_t room;                                /* and so many, padded, in the stage */
    REAL tails[ROWS * WIDTH], stage[NEAR / sizeof(REAL) + ROWS * WIDTH] __attribute__((aligned(64)));
    REAL top[ROWS], part[ROWS], power[ROWS], c[ROWS], low[ROWS], shift[ROWS], a[ROWS], b[ROWS];
    REAL unit[ROWS];                               /* of a sum without the maximum: see log_sum_f8 */
    double sum[ROWS], sum_lo[ROWS], four[4 * ROWS], four_lo[4 * ROWS];
    int how;                                       /* rows come from memory */
    int around;                                    /* results go around the caches */
    const lines *waiting;                          /* NULL, or the row whose numbers are masked a chunk at a time */
} NAME(straight);

/* whether a row is so long that it is worked on alone, a chunk at a time */
VM_INLINE int NAME(long_row)(ptrdiff_t n) { return n > NEAR / (ptrdiff_t)sizeof(REAL); }

/* ---- what comes from far ----
 *
 * A batch takes so long that a CPU does not look beyond it for what to load next, and its rows are too short for a prefetcher to
 * get going: so those of the next batch are fetched while it is worked on. Near memory has nothing of it, nor has what takes longer than
 * memory: floats whose fma is software. */

VM_INLINE int NAME(far)(ptrdiff_t rows, ptrdiff_t n) { return HAS_FMA && rows * n * (ptrdiff_t)sizeof(REAL) >= FAR; }
VM_INLINE void NAME(fetch_ahead)(int how, const void *next, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; how != AS_NEAR && i < n * (ptrdiff_t)sizeof(REAL); i += 64)
        __builtin_prefetch((const char *)next + i);
}

/* Whether results may be written around the caches, by n numbers, and are so many that they should. */
VM_INLINE int NAME(around)(const lines *x, const lines *out, ptrdiff_t rows, ptrdiff_t n)
{
    const ptrdiff_t size = n * (ptrdiff_t)sizeof(REAL);
    return streams(2 * rows * size) && x->p != out->p && out->line == size && (((uintptr_t)out->p | (uintptr_t)size) & 15) == 0;
}

/* ---- tails ---- */

VM_INLINE void NAME(load_tail)(const REAL *x, ptrdiff_t n, REAL pad, REAL *to)
{
    for (ptrdiff_t j = 0; j < WIDTH; j++)
        to[j] = j < n ? x[j] : pad;
}

/* The maximum of each of 16 lanes. The last numbers may be taken twice. */
VM_INLINE void NAME(lane_tops)(const REAL *x, ptrdiff_t n, REAL *top)
{
    REAL m[4 * WIDTH];
    if (n >= 4 * WIDTH) {
        memcpy(m, x, 4 * WIDTH * sizeof(REAL));
        for (ptrdiff_t i = 4 * WIDTH; i + 4 * WIDTH <= n; i += 4 * WIDTH)
            for (ptrdiff_t j = 0; j < 4 * WIDTH; j++)
                m[j] = NAME(greater)(x[i + j], m[j]);
        for (ptrdiff_t j = 0; j < 4 * WIDTH; j++)
            m[j] = NAME(greater)(x[n - 4 * WIDTH + j], m[j]);
        for (ptrdiff_t j = 0; j < 2 * WIDTH; j++)
            m[j] = NAME(greater)(m[j + 64], m[j]);
    } else
        for (ptrdiff_t j = 0; j < 2 * WIDTH; j++)
            m[j] = NAME(greater)(x[n - 2 * WIDTH + j], x[j]);
    for (ptrdiff_t j = 0; j < 16; j++)
        top[j] = NAME(greater)(NAME(greater)(m[j + 48], m[j + 32]), NAME(greater)(m[j + 16], m[j]));
}

VM_INLINE void NAME(greater_of_pairs)(const REAL *x, REAL *top, ptrdiff_t n)
{
    for (ptrdiff_t j = 0; j < n; j++)
        top[j] = NAME(greater)(x[2 * j + 1], x[2 * j]);
}

VM_INLINE void NAME(load_tails)(NAME(straight) *t)
{
    for (ptrdiff_t u = 0; t->n > t->whole && u < t->rows; u++)
        NAME(load_tail)((const REAL *)(t->x + u * t->sx) + t->whole, t->n - t->whole, (REAL)-INFINITY, t->tails + u * WIDTH);
}

/* Rows of fewer than 16 are taken from their tails, which have to be loaded */
static __attribute__((noinline)) void NAME(tops_of_rows)(NAME(straight) *t)
{
    REAL sixteen[16 * ROWS], eight[8 * ROWS], four[4 * ROWS], two[2 * ROWS];
    const ptrdiff_t last = t->n < 16 ? 0 : t->n - 16, second = last < 16 ? last : 16, third = last < 32 ? last : 32;
    if (t->n >= 2 * WIDTH)
        for (ptrdiff_t u = 0; u < t->rows; u++)
            NAME(lane_tops)((const REAL *)(t->x + u * t->sx), t->n, sixteen + 16 * u);
    else
        for (ptrdiff_t u = 0; u < t->rows; u++) {
            const REAL *x = t->n < 16 ? t->tails + u * WIDTH : (const REAL *)(t->x + u * t->sx);
            for (ptrdiff_t j = 0; j < 16; j++)
                sixteen[16 * u + j] = NAME(greater)(NAME(greater)(x[last + j], x[third + j]), NAME(greater)(x[second + j], x[j]));
        }
    for (ptrdiff_t j = 16 * t->rows; j < 16 * ROWS; j++)
        sixteen[j] = 0;
    NAME(greater_of_pairs)(sixteen, eight, 8 * ROWS);
    NAME(greater_of_pairs)(eight, four, 4 * ROWS);
    NAME(greater_of_pairs)(four, two, 2 * ROWS);
    NAME(greater_of_pairs)(two, t->top, ROWS);
}

VM_INLINE void NAME(find_tops)(NAME(straight) *t)
{
    NAME(load_tails)(t);
    NAME(tops_of_rows)(t);
}

/* ---- exponentials and sums ---- */

/* of whole segments; `top`, if there is one, gets the maximum of each of its places */
VM_INLINE void NAME(exponentials)(const REAL *x, REAL *e, ptrdiff_t n, REAL c, REAL low, REAL shift, REAL *top)
{
    for (ptrdiff_t i = 0; i < n; i += WIDTH) {
        if (top != NULL)
            for (ptrdiff_t j = 0; j < WIDTH; j++)
                top[j] = NAME(greater)(x[i + j], top[j]);
        INDEPENDENT
        for (ptrdiff_t j = i; j < i + WIDTH; j++)
            e[j] = NAME(exponential)(x[j], c, low, shift);
    }
}

/* eight lanes to four */
VM_INLINE void NAME(put_four)(double *four, double *four_lo, const double *hi, const double *lo)
{
    EIGHT_AT_ONCE
    for (ptrdiff_t j = 0; j < 4; j++) {
        double s = hi[j] + hi[j + 4];
        if (IS_DOUBLE)
            four_lo[j] = (lo[j] + lo[j + 4]) + sum_error_f8(hi[j], hi[j + 4], s);
        four[j] = s;
    }
}

/* neighbours among 2n lanes */
VM_INLINE void NAME(add_pairs)(const double *hi, const double *lo, double *sum, double *sum_lo, ptrdiff_t n)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        double v = hi[2 * j] + hi[2 * j + 1];
        if (IS_DOUBLE)
            sum_lo[j] = (lo[2 * j] + lo[2 * j + 1]) + sum_error_f8(hi[2 * j], hi[2 * j + 1], v);
        sum[j] = v;
    }
}

VM_INLINE void NAME(add_fours)(const double *hi, const double *lo, double *sum, double *sum_lo, ptrdiff_t rows)
{
    double two[2 * ROWS], two_lo[2 * ROWS];
    NAME(add_pairs)(hi, lo, two, two_lo, 2 * rows);
    NAME(add_pairs)(two, two_lo, sum, sum_lo, rows);
    for (ptrdiff_t j = 0; !IS_DOUBLE && j < rows; j++)
        sum_lo[j] = 0.0;
}

/* n numbers, exponentials and zeros up to a whole segment, to the sums of eight lanes */
VM_INLINE void NAME(add_all)(const REAL *e, ptrdiff_t n, double *hi, double *lo)
{
    REAL v[WIDTH];
#define E(k) e[(k) * WIDTH + j]
    for (; n > STRETCH - WIDTH; n -= STRETCH, e += STRETCH) {
        for (ptrdiff_t j = 0; j < WIDTH; j++)
            v[j] = (((E(0) + E(1)) + (E(2) + E(3))) + (E(4) + E(5))) + (E(6) + E(7));
        NAME(add_lanes)(v, 8, hi, lo);
    }
    if (n > WIDTH) {
        for (ptrdiff_t j = 0; j < WIDTH; j++)
            v[j] = E(0) + E(1);
        for (n -= 2 * WIDTH, e += 2 * WIDTH; n > WIDTH; n -= 2 * WIDTH, e += 2 * WIDTH)
            for (ptrdiff_t j = 0; j < WIDTH; j++)
                v[j] += E(0) + E(1);
        if (n > 0)
            for (ptrdiff_t j = 0; j < WIDTH; j++)
                v[j] += E(0);
        NAME(add_lanes)(v, 8, hi, lo);
    } else if (n > 0)
        NAME(add_lanes)(e, 8, hi, lo);
#undef E
}

/* maxima by place, of a row */
VM_INLINE void NAME(forget)(REAL *top, int wanted)
{
    for (ptrdiff_t j = 0; wanted && j < WIDTH; j++)
        top[j] = (REAL)-INFINITY;
}
VM_INLINE int NAME(all_near)(const REAL *top, int wanted)
{
    int some = 0, all = 1;
    for (ptrdiff_t j = 0; wanted && j < WIDTH; j++) {
        some |= top[j] >= LOWEST_NEAR;
        all &= top[j] < TOO_HIGH;
    }
    return !wanted || (some & all);
}

/* exponentials of numbers [i, end) of row u */
VM_INLINE REAL *NAME(compute)(NAME(straight) *t, ptrdiff_t u, ptrdiff_t i, ptrdiff_t end, REAL *e, REAL *top)
{
    const REAL *x = (const REAL *)(t->x + u * t->sx), c = top ? 0 : t->c[u], low = t->low[u], shift = t->shift[u];
    const ptrdiff_t whole = t->whole < end ? t->whole : end;
    NAME(exponentials)(x + i, e, whole - i, c, low, shift, top);
    if (end > whole)
        NAME(exponentials)(t->tails + u * WIDTH, e + (whole - i), WIDTH, c, low, shift, top);
    return e;
}

/* ---- sums without the maximum ----
 *
 * In each place of a segment the greatest number so far is held back: the lesser of it and the next counts. What is held
 * back of the 32 places in the end meets by halves, until only the maximum is left, which counts as -inf. So it need not be known
 * before, and which numbers meet depends on their number in the row only.
 */

/* Inline in floats; doubles' code is so long that copies of it would be 60 kB. */
#if IS_DOUBLE
#define IF_SHORT static __attribute__((noinline))
#else
#define IF_SHORT VM_INLINE
#endif

/* `from`: what is held back before; copied by number, since memcpy's halves of vectors would stall the loads of whole ones */
IF_SHORT void NAME(others)(const REAL *x, REAL *e, ptrdiff_t n, const REAL *from, REAL *held, REAL c, REAL low, REAL shift)
{
    REAL h[WIDTH];
    for (ptrdiff_t j = 0; j < WIDTH; j++)
        h[j] = from[j];
    for (ptrdiff_t i = 0; i < n; i += WIDTH)
        INDEPENDENT
        for (ptrdiff_t j = 0; j < WIDTH; j++) {
            const REAL v = x[i + j], t = NAME(lesser)(v, h[j]);
            h[j] = NAME(greater)(v, h[j]);
            e[i + j] = NAME(exponential)(t, c, low, shift);
        }
    for (ptrdiff_t j = 0; j < WIDTH; j++)
        held[j] = h[j];
}

/* n numbers, the first of a row if `first`; the last are in `tail` where they do not fill a segment */
VM_INLINE void NAME(others_of)(const REAL *x, const REAL *tail, int first, ptrdiff_t n, REAL *e, REAL *held, REAL c, REAL low, REAL shift)
{
    const ptrdiff_t whole = n - n % WIDTH, begin = first ? WIDTH : 0;
    NAME(others)(x + begin, e + begin, whole - begin, first ? whole > 0 ? x : tail : held, held, c, low, shift);
    for (ptrdiff_t j = 0; j < begin; j++)          /* not before: e may be x */
        e[j] = 0;
    if (n > whole && whole >= begin)
        NAME(others)(tail, e + whole, WIDTH, held, held, c, low, shift);
}

/* For the rows of a batch, or a multiple of eight: the maxima, and whether there are others like them; -inf in their places.
 * The last halves are of eight rows side by side, so that nothing goes on within a vector. */
VM_INLINE void NAME(settle)(REAL *held, ptrdiff_t w, REAL *top, int *again)
{
    REAL line[8 * ROWS], like[8 * ROWS], most[8 * ROWS];
    for (ptrdiff_t u = 0; u < w; u++) {
        REAL *h = held + u * WIDTH;
        NAME(meet)(h, h + 16, 16);
        NAME(meet)(h, h + 8, 8);
        EIGHT_AT_ONCE
        for (ptrdiff_t j = 0; j < 8; j++)
            most[8 * u + j] = NAME(greater)(NAME(greater)(h[8 + j], h[16 + j]), h[24 + j]);
    }
    for (ptrdiff_t j = 0; j < 8 * ROWS; j++)
        line[j] = 0;
    for (ptrdiff_t u = 0; u < w; u += 8) {
        NAME(turn_eight)((const char *)(held + u * WIDTH), WIDTH * sizeof(REAL), line + u, ROWS);
        NAME(turn_eight)((const char *)(most + 8 * u), 8 * sizeof(REAL), like + u, ROWS);
    }
    NAME(meet)(line, line + 4 * ROWS, 4 * ROWS);
    NAME(meet)(line, line + 2 * ROWS, 2 * ROWS);
    NAME(meet)(line, line + ROWS, ROWS);
    for (ptrdiff_t j = 0; j < w; j++) {
        top[j] = line[j];
        line[j] = (REAL)-INFINITY;
        int found = 0;
        for (ptrdiff_t k = 0; k < 8; k++)
            found |= (like[k * ROWS + j] == top[j]) | (line[k * ROWS + j] == top[j]);
        again[j] = found;
    }
    for (ptrdiff_t u = 0; u < w; u += 8)
        NAME(turn_eight)((const char *)(line + u), ROWS * sizeof(REAL), held + u * WIDTH, WIDTH);
}

/* Whether all maxima were near, if that was guessed. */
IF_SHORT int NAME(sum_others)(NAME(straight) *t, int guessed, int how)
{
    const ptrdiff_t w = t->rows <= 8 ? 8 : ROWS;
    double hi[8 * ROWS], lo[8 * ROWS];
    REAL held[ROWS * WIDTH];
    int again[ROWS];
    for (ptrdiff_t j = 0; j < 8 * ROWS; j++)
        hi[j] = lo[j] = 0.0;
    for (ptrdiff_t j = t->rows * WIDTH; j < w * WIDTH; j++)
        held[j] = 0;
    for (ptrdiff_t u = 0; u < t->rows; u++) {
        const REAL *x = (const REAL *)(t->x + u * t->sx), c = guessed ? 0 : t->c[u], low = t->low[u], shift = t->shift[u];
        const char *next = t->x + (u + t->rows) * t->sx;
#if defined(__AVX512F__)
        const NAME(scale) scale = NAME(scale_of)(c, low, shift);
        __m512d sum = _mm512_setzero_pd(), sum_lo = sum;
        NAME(vector) h[NAME(PARTS)];
        NAME(forget_vectors)(h);
        NAME(raise_row)(OTHERS, guessed, 1, 0, x, NULL, t->n, &scale, h, &sum, &sum_lo, how == AS_NEAR ? NULL : next);
        for (int k = 0; k < NAME(PARTS); k++)
            V(storeu)(held + u * WIDTH + k * NAME(PLACES), h[k]);
        _mm512_storeu_pd(hi + 8 * u, sum);
        _mm512_storeu_pd(lo + 8 * u, sum_lo);
#else
        const REAL *tail = t->tails + u * WIDTH;
        REAL chunk[CHUNK];
        if (t->kept == 0 && how == IN_PIECES)
            for (ptrdiff_t i = 0, some; i < t->n; i += some) {
                some = t->n - i > CHUNK ? CHUNK : t->n - i;
                NAME(fetch_ahead)(how, next + i * (ptrdiff_t)sizeof(REAL), some);
                NAME(others_of)(x + i, tail, i == 0, some, t->stage + u * t->room + i, held + u * WIDTH, c, low, shift);
            }
        else if (t->kept == 0) {
            NAME(fetch_ahead)(how, next, t->n);
            NAME(others_of)(x, tail, 1, t->n, t->stage + u * t->room, held + u * WIDTH, c, low, shift);
        } else
            for (ptrdiff_t i = 0; i < t->n; i += CHUNK) {
                const ptrdiff_t end = t->n < i + CHUNK ? t->n : i + CHUNK;
                NAME(others_of)(x + i, tail, i == 0, end - i, chunk, held + u * WIDTH, c, low, shift);
                NAME(add_all)(chunk, end - i, hi + 8 * u, lo + 8 * u);
            }
#endif
    }
    NAME(settle)(held, w, t->top, again);
    if (guessed && !NAME(tops_near)(t->top, t->rows))
        return 0;
    for (ptrdiff_t j = 0; j < w; j++)
        t->unit[j] = NAME(unit_of)(again[j], t->top[j], t->c[j], t->low[j], t->shift[j]);
    for (ptrdiff_t u = 0; u < t->rows; u++) {
        REAL *last = held + u * WIDTH;
        NAME(exponentials)(last, last, WIDTH, t->c[u], t->low[u], t->shift[u], NULL);
    }
    for (ptrdiff_t u = 0; u < t->rows; u++) {
        if (!HAS_VECTORS && t->kept == 0)
            NAME(add_all)(t->stage + u * t->room, t->n, hi + 8 * u, lo + 8 * u);
        NAME(add_lanes)(held + u * WIDTH, 8, hi + 8 * u, lo + 8 * u);
        NAME(put_four)(t->four + 4 * u, t->four_lo + 4 * u, hi + 8 * u, lo + 8 * u);
    }
    NAME(add_fours)(t->four, t->four_lo, t->sum, t->sum_lo, ROWS);
    return 1;
}

#undef IF_SHORT

/* ---- all sums ---- */

/* `guessed`: the maximum is not known yet. Whether it is near, if that was guessed. */
#if defined(__AVX512F__)
VM_INLINE int NAME(sum_rows)(NAME(straight) *t, int exact, int guessed, int how)
{
    int near = 1;
    for (ptrdiff_t u = 0; near && u < t->rows; u++) {
        const REAL *x = (const REAL *)(t->x + u * t->sx);
        REAL *e = t->kept != 0 ? (REAL *)(t->out + u * t->so) : t->stage + u * t->room;
        const NAME(scale) scale = NAME(scale_of)(guessed ? 0 : t->c[u], t->low[u], t->shift[u]);
        const char *next = how == AS_NEAR ? NULL : t->x + (u + t->rows) * t->sx;
        __m512d sum = _mm512_setzero_pd(), sum_lo = sum;
        double hi[8], lo[8];
        NAME(vector) top[NAME(PARTS)];
        NAME(forget_vectors)(top);
        if (!IS_DOUBLE && guessed && t->waiting != NULL)
            for (ptrdiff_t i = 0; i < t->n; i += CHUNK) {
                const ptrdiff_t some = t->n - i < CHUNK ? t->n - i : CHUNK;
                NAME(gather)(t->waiting, 0, i, some, (REAL)-INFINITY, (REAL *)t->x + i);
                NAME(raise_row)(ALL_UNSEEN, 1, 0, 0, x + i, e + i, some, &scale, top, &sum, &sum_lo,
                                next == NULL ? NULL : next + i * (ptrdiff_t)sizeof(REAL));
            }
        else
            NAME(raise_row)(guessed ? ALL_UNSEEN : exact ? ALL : ALL_BUT_TINY, guessed, 0, t->kept == 0, x, e, t->n, &scale, top,
                            &sum, &sum_lo, next);
        _mm512_storeu_pd(hi, sum);
        _mm512_storeu_pd(lo, sum_lo);
        near &= !guessed || NAME(vectors_near)(top);
        NAME(put_four)(t->four + 4 * u, t->four_lo + 4 * u, hi, lo);
    }
    NAME(add_fours)(t->four, t->four_lo, t->sum, t->sum_lo, ROWS);
    return near;
}
#else
VM_INLINE int NAME(sum_rows)(NAME(straight) *t, int exact, int guessed, int how)
{
    REAL top[WIDTH], *tops = guessed ? top : NULL;
    int near = 1;
    const int staged = !NAME(long_row)(t->n);
    for (ptrdiff_t u = 0; staged && u < t->rows; u++) {             /* first all of them, so that no sum waits */
        NAME(forget)(top, guessed);
        const char *next = t->x + (u + t->rows) * t->sx;
        REAL *there = (REAL *)(t->out + u * t->so), *stage = t->stage + u * t->room;
        if (how == IN_PIECES)
            for (ptrdiff_t i = 0, end; i < t->n; i = end) {
                end = t->n - i > CHUNK ? i + CHUNK : t->n;
                NAME(fetch_ahead)(how, next + i * (ptrdiff_t)sizeof(REAL), end - i);
                NAME(compute)(t, u, i, end, i < t->kept ? there + i : stage + (i - t->kept), tops);
            }
        else {
            NAME(fetch_ahead)(how, next, t->n);
            if (t->kept != 0)
                NAME(compute)(t, u, 0, t->kept, there, tops);
            NAME(compute)(t, u, t->kept, t->n, stage, tops);
        }
        near &= NAME(all_near)(top, guessed);
    }
    for (ptrdiff_t u = 0; near && u < t->rows; u++) {
        double hi[8], lo[8];
        if (!staged)
            NAME(forget)(top, guessed);
        for (ptrdiff_t j = 0; j < 8; j++)
            hi[j] = lo[j] = 0.0;
        if (staged) {
            if (t->kept != 0)
                NAME(add_all)((const REAL *)(t->out + u * t->so), t->kept, hi, lo);
            NAME(add_all)(t->stage + u * t->room, t->n - t->kept, hi, lo);
        } else
            for (ptrdiff_t i = 0; i < t->n; i += CHUNK) {
                const ptrdiff_t end = t->n < i + CHUNK ? t->n : i + CHUNK;
                if (!IS_DOUBLE && guessed && t->waiting != NULL)       /* a call in this loop slows doubles down by 4 % */
                    NAME(gather)(t->waiting, 0, i, end - i, (REAL)-INFINITY, (REAL *)t->x + i);
                REAL *e = i < t->kept ? (REAL *)(t->out + u * t->so) + i : t->stage;
                NAME(add_all)(NAME(compute)(t, u, i, end, e, tops), end - i, hi, lo);
            }
        if (!staged)
            near &= NAME(all_near)(top, guessed);
        NAME(put_four)(t->four + 4 * u, t->four_lo + 4 * u, hi, lo);
    }
    NAME(add_fours)(t->four, t->four_lo, t->sum, t->sum_lo, ROWS);
    return near;
}
#endif

/* of floats each way has its own sums, so that short rows need not ask; doubles take so long that it does not matter to them, and
 * without fma nothing is far */
#define EACH_WAY(work, x) \
    (IS_DOUBLE || !HAS_FMA || t->how == AS_NEAR ? work(t, x, AS_NEAR) : t->how == AT_ONCE ? work(t, x, AT_ONCE) : work(t, x, IN_PIECES))
static __attribute__((noinline)) void NAME(sum_all)(NAME(straight) *t) { NAME(sum_rows)(t, 0, 0, AS_NEAR); }
#if defined(__AVX512F__)
static __attribute__((noinline)) void NAME(sum_all_exact)(NAME(straight) *t) { NAME(sum_rows)(t, 1, 0, AS_NEAR); }
#else
static void NAME(sum_all_exact)(NAME(straight) *t) { NAME(sum_all)(t); }
#endif
static __attribute__((noinline)) void NAME(sum_all_others)(NAME(straight) *t) { NAME(sum_others)(t, 0, AS_NEAR); }

/* All exponentials, as of rows whose maximum is near; whether it was. If not, nothing has happened but to the stage. */
VM_INLINE int NAME(sum_near_rows)(NAME(straight) *t, int guessed, int how) { return NAME(sum_rows)(t, 0, guessed, how); }
static __attribute__((noinline)) int NAME(sum_all_near)(NAME(straight) *t) { return EACH_WAY(NAME(sum_near_rows), 1); }
static __attribute__((noinline)) int NAME(sum_others_near)(NAME(straight) *t) { return EACH_WAY(NAME(sum_others), 1); }
#undef EACH_WAY
VM_INLINE int NAME(sum_near)(int op, NAME(straight) *t)
{
    for (ptrdiff_t j = 0; j < ROWS; j++)
        t->top[j] = 0;
    NAME(scales)(op, 1, ROWS, t->top, t->part, t->power, t->c, t->low, t->shift);
    if (!HAS_VECTORS)
        NAME(load_tails)(t);
    return IS_LOG(op) ? NAME(sum_others_near)(t) : NAME(sum_all_near)(t);
}

/* ---- results ---- */

VM_INLINE void NAME(finish)(int op, const REAL *v, REAL *y, ptrdiff_t n, REAL a, REAL b, REAL power)
{
#if defined(__AVX512F__)
    if (n < STRETCH && op != LOG_SOFTMAX)
        NAME(finish_vectors)(op, 1, v, y, n, a, b, power);
    else
        NAME(finish_vectors)(op, 0, v, y, n, a, b, power);
    return;
#endif
    const ptrdiff_t whole = n - n % WIDTH;
    for (ptrdiff_t i = 0; i < whole; i += WIDTH)
        INDEPENDENT
        for (ptrdiff_t j = i; j < i + WIDTH; j++)
            y[j] = NAME(result)(op, v[j], a, b, power);
    INDEPENDENT
    for (ptrdiff_t j = whole; j < n; j++)
        y[j] = NAME(result)(op, v[j], a, b, power);
}

/* rows after sharp ones: see rows.h */
VM_INLINE void NAME(finish_sharp)(int op, NAME(straight) *t)
{
    for (ptrdiff_t u = 0; u < t->rows; u++) {
        const ptrdiff_t kept = t->kept, rest = t->n - kept;
        REAL *y = (REAL *)(t->out + u * t->so), *v = t->stage + u * t->room;
        if (op == SOFTMAX && kept != 0)
            NAME(careful_row)(y, y, kept, t->a[u], t->b[u]);
        if (op == SOFTMAX && rest != 0)
            NAME(careful_row)(v, y + kept, rest, t->a[u], t->b[u]);
        if (op != SOFTMAX && kept != 0)
            NAME(careful_slope_row)(y, y, kept, t->a[u], t->b[u], t->power[u]);
        if (op != SOFTMAX && rest != 0)
            NAME(careful_slope_row)(v, y + kept, rest, t->a[u], t->b[u], t->power[u]);
    }
}

VM_INLINE void NAME(finish_around)(int op, NAME(straight) *t)
{
    REAL y[WIDTH] __attribute__((aligned(64)));
    for (ptrdiff_t u = 0; u < t->rows; u++) {
        const REAL *v = op == LOG_SOFTMAX ? (const REAL *)(t->x + u * t->sx) : t->stage + u * t->room, a = t->a[u], b = t->b[u];
        REAL *out = (REAL *)(t->out + u * t->so), power = t->power[u];
        if (op == SOFTMAX && NAME(sharp)()) {      /* exponentials are in the stage */
            NAME(careful_row)(v, t->stage + u * t->room, t->n, a, b);
            NAME(stream_pieces)(out, v, t->n);
            continue;
        }
        for (ptrdiff_t i = 0; i < t->whole; i += WIDTH) {
            INDEPENDENT
            for (ptrdiff_t j = 0; j < WIDTH; j++)
                y[j] = NAME(result)(op, v[i + j], a, b, power);
            NAME(stream_pieces)(out + i, y, WIDTH);
        }
        if (op == SOFTMAX && t->n >= WIDTH)
            NAME(look)(y + NAME(pick)((uintptr_t)out, WIDTH - 7));
        INDEPENDENT
        for (ptrdiff_t j = 0; j < t->n - t->whole; j++)
            y[j] = NAME(result)(op, v[t->whole + j], a, b, power);
        NAME(stream_pieces)(out + t->whole, y, t->n - t->whole);
    }
}

VM_INLINE void NAME(finish_rows)(int op, NAME(straight) *t)
{
    const int how = IS_DOUBLE ? AS_NEAR : t->how;
    if (t->around) {
        NAME(finish_around)(op, t);
        return;
    }
    if (op != LOG_SOFTMAX && NAME(sharp)()) {
        NAME(finish_sharp)(op, t);
        return;
    }
    for (ptrdiff_t u = 0; u < t->rows; u++) {
        const REAL *v = op == LOG_SOFTMAX ? (const REAL *)(t->x + u * t->sx) : t->stage + u * t->room;
        const ptrdiff_t kept = op == LOG_SOFTMAX ? 0 : t->kept;
        const char *next = t->out + (u + t->rows) * t->so;
        REAL *y = (REAL *)(t->out + u * t->so), a = t->a[u], b = t->b[u], power = t->power[u];
        if (op != LOG_SOFTMAX)
            NAME(finish)(op, y, y, kept, a, b, power);
        if (how == IN_PIECES)
            for (ptrdiff_t i = kept, some; i < t->n; i += some) {
                some = t->n - i < CHUNK ? t->n - i : CHUNK;
                NAME(fetch_ahead)(how, next + i * (ptrdiff_t)sizeof(REAL), some);
                NAME(finish)(op, v + (i - kept), y + i, some, a, b, power);
            }
        else {
            NAME(fetch_ahead)(how, next, t->n);
            NAME(finish)(op, v, y + kept, t->n - kept, a, b, power);
        }
    }
    /* a few results, which have been stored for longest */
    for (ptrdiff_t u = 0; HAS_PLACES && op != LOG_SOFTMAX && u < t->rows && u < 1 + t->n / 256; u++) {
        const REAL *y = (const REAL *)(t->out + u * t->so);
        for (ptrdiff_t i = 0; i + 8 <= t->n; i += 2048)
            NAME(look)(y + i + NAME(pick)((uintptr_t)(y + i), (t->n - i < 2048 ? t->n - i : 2048) - 7));
    }
}

static __attribute__((noinline)) void NAME(finish_softmax)(NAME(straight) *t) { NAME(finish_rows)(SOFTMAX, t); }
static __attribute__((noinline)) void NAME(finish_log_softmax)(NAME(straight) *t) { NAME(finish_rows)(LOG_SOFTMAX, t); }
static __attribute__((noinline)) void NAME(finish_backward)(NAME(straight) *t) { NAME(finish_rows)(LOGSUMEXP_BACKWARD, t); }

/* Whether straight_rows() takes these masked numbers. Long rows are masked in the results' place: logsumexp has none. */
VM_INLINE int NAME(masks_straight)(int op, const lines *x, ptrdiff_t n)
{
    return NAME(lets_through)(x) && (op != LOGSUMEXP || n <= NEAR / (ptrdiff_t)sizeof(REAL));
}

/* The numbers of a batch of masked rows to where their exponentials will be; of log_softmax, which needs them once more, to the results'
 * place. Of a long row only the last, if the others can wait. */
ONE_COPY void NAME(mask_batch)(int op, NAME(straight) *t, const lines *from, int can_wait)
{
    const int there = op == LOG_SOFTMAX || t->kept != 0;
    t->x = there ? t->out : (const char *)t->stage;
    t->sx = there ? t->so : t->room * (ptrdiff_t)sizeof(REAL);
    t->waiting = !IS_DOUBLE && can_wait && op == SOFTMAX && t->kept != 0 && NAME(long_row)(t->n) ? from : NULL;
    const ptrdiff_t begin = t->waiting ? t->kept : 0;
    const lines a = NAME(from)(*from, 0, begin);
    NAME(let_through)(a.p, a.line, a.mask, a.mask_line, a.mask_next, t->rows, t->n - begin, (REAL)-INFINITY, (REAL *)t->x + begin,
                      t->sx / (ptrdiff_t)sizeof(REAL));
}

/* Whether the first row may have its maximum near 0, as its first numbers say. If it has not, some work is done twice. */
VM_INLINE int NAME(starts_near)(const REAL *x, ptrdiff_t n)
{
    REAL top = (REAL)-INFINITY;
    for (ptrdiff_t i = 0; i < 8 && i < n; i++)
        top = NAME(greater)(x[i], top);
    return NAME(near)(top);
}

/* rows of numbers that are ready, as the results are; `guessed`: whether those before had their maximum near 0 */
ONE_COPY void NAME(straight_rows)(int op, const lines *dy, const lines *x, const lines *out, ptrdiff_t n_outer, ptrdiff_t n, int *guessed)
{
    const ptrdiff_t most = NEAR / sizeof(REAL), batch = n * ROWS <= most ? ROWS : n < most ? most / n : 1;
    const int may_guess = IS_LOG(op) || (op == SOFTMAX && (n <= most || x->p != out->p));
    const int masked = x->mask != NULL;
    int guess = *guessed || (may_guess && n_outer > 0 && NAME(starts_near)((const REAL *)x->p, n));
    REAL gradient[ROWS];
    NAME(straight) t;
    t.sx = x->line, t.so = out->line, t.n = n, t.whole = n - n % WIDTH;
    t.how = !NAME(far)(n_outer, n) ? AS_NEAR : n > CHUNK ? IN_PIECES : AT_ONCE;
    t.around = (op == LOG_SOFTMAX || n <= most) && !masked && NAME(around)(x, out, n_outer, n);
    t.kept = n <= most && (IS_LOG(op) || t.around || masked || x->p == out->p || n < STRETCH) ? 0 : HAS_VECTORS ? n : n - n % CHUNK;
    t.waiting = NULL;
    t.room = n <= most ? (n - t.kept + WIDTH - 1) / WIDTH * WIDTH : 0;
    for (ptrdiff_t j = 0; j < 4 * ROWS; j++) {
        t.four[j] = 1.0;
        t.four_lo[j] = 0.0;
    }
    for (ptrdiff_t j = 0; j < ROWS; j++) {
        t.unit[j] = 0;
        gradient[j] = 1;
    }
    for (ptrdiff_t row = 0; row < n_outer; row += t.rows) {
        t.x = x->p + row * t.sx, t.out = out->p + row * t.so;
        t.rows = n_outer - row < batch ? n_outer - row : batch;
        const lines from = NAME(from)(*x, row, 0);
        if (masked)
            NAME(mask_batch)(op, &t, &from, guess);
        const int failed = guess && !NAME(sum_near)(op, &t);
        if (masked && failed)
            NAME(mask_batch)(op, &t, &from, 0);
        guess = guess && !failed;
        if (guess)                                 /* what scales() says of this maximum, too */
            memcpy(t.part, t.top, sizeof t.part);
        else {
            NAME(find_tops)(&t);
            NAME(scales)(op, op != LOGSUMEXP_BACKWARD, ROWS, t.top, t.part, t.power, t.c, t.low, t.shift);
            guess = may_guess && NAME(tops_near)(t.top, t.rows);
            if (IS_LOG(op))
                NAME(sum_all_others)(&t);
            else
                (op == SOFTMAX ? NAME(sum_all) : NAME(sum_all_exact))(&t);
        }
        if (op == LOGSUMEXP_BACKWARD)
            NAME(gather)(dy, 0, row, t.rows, 0, gradient);
        NAME(factors)(op, ROWS, t.top, t.part, t.power, gradient, t.unit, t.sum, t.sum_lo, t.a, t.b);
        if (op == SOFTMAX)
            NAME(finish_softmax)(&t);
        else if (op == LOG_SOFTMAX)
            NAME(finish_log_softmax)(&t);
        else if (op == LOGSUMEXP)
            NAME(scatter)(out, 0, row, t.rows, t.top);
        else
            NAME(finish_backward)(&t);
        if (masked && op != LOGSUMEXP) {
            const lines to = NAME(from)(*out, row, 0);
            NAME(blank_masked)(op, &from, &to, t.rows, n);
        }
    }
    if (t.around)
        stream_end();
    *guessed = guess;
}

/* Row u, of numbers or results that are not ready, and too long for a stage: fetched anew for each pass. `guess`: as above, of logarithms */
static __attribute__((noinline)) void NAME(far_row)(int op, const lines *dy, const lines *x, const lines *out, ptrdiff_t u, ptrdiff_t n, int *guess)
{
    REAL chunk[CHUNK], e[CHUNK], m[8 * WIDTH], unit = 0, top = 0, part = 0, power = 0, c = 0, low = 0, shift = 0, a = 0, b = 0, gradient = 1;
    double hi[8] = {0}, lo[8] = {0};
    int guessed = IS_LOG(op) && *guess;
    for (ptrdiff_t j = 0; j < 8 * WIDTH; j++)
        m[j] = (REAL)-INFINITY;
    if (guessed)
        NAME(scales)(op, 1, 1, &top, &part, &power, &c, &low, &shift);
    for (int pass = guessed; pass < (op == LOGSUMEXP ? 2 : 3); pass++) {
        for (ptrdiff_t i = 0; i < n; i += CHUNK) {
            const ptrdiff_t some = n - i < CHUNK ? n - i : CHUNK, whole = (some + WIDTH - 1) / WIDTH * WIDTH;
            for (ptrdiff_t j = whole - WIDTH; j < whole; j++)
                chunk[j] = (REAL)-INFINITY;
            NAME(gather)(x, u, i, some, (REAL)-INFINITY, chunk);
            if (pass == 0)
                for (ptrdiff_t k = 0; k < whole; k += WIDTH)
                    for (ptrdiff_t j = 0; j < WIDTH; j++)
                        m[j] = NAME(greater)(chunk[k + j], m[j]);
            else if (pass == 1 && IS_LOG(op))
                NAME(others_of)(chunk, chunk, i == 0, whole, e, m, c, low, shift);
            else if (op != LOG_SOFTMAX)
                NAME(exponentials)(chunk, e, whole, c, low, shift, NULL);
            if (pass == 1)
                NAME(add_all)(e, whole, hi, lo);
            if (pass == 2) {
                for (ptrdiff_t j = 0; j < whole; j++)
                    e[j] = NAME(result)(op, op == LOG_SOFTMAX ? chunk[j] : e[j], a, b, power);
                NAME(scatter)(out, u, i, some, e);
            }
        }
        if (pass == 0) {
            top = m[0];
            for (ptrdiff_t j = 1; j < WIDTH; j++)
                top = NAME(greater)(m[j], top);
            NAME(scales)(op, op != LOGSUMEXP_BACKWARD, 1, &top, &part, &power, &c, &low, &shift);
        } else if (pass == 1) {
            if (IS_LOG(op)) {
                REAL tops[ROWS];
                int again[ROWS];
                NAME(settle)(m, 8, tops, again);
                top = tops[0];
                *guess = NAME(near)(top);
                if (guessed && !*guess) {          /* once more, from the first pass on */
                    guessed = 0, pass = -1;
                    for (ptrdiff_t j = 0; j < 8 * WIDTH; j++)
                        m[j] = (REAL)-INFINITY;
                    for (ptrdiff_t j = 0; j < 8; j++)
                        hi[j] = lo[j] = 0.0;
                    continue;
                }
                part = guessed ? top : part;
                unit = NAME(unit_of)(again[0], top, c, low, shift);
                NAME(exponentials)(m, m, WIDTH, c, low, shift, NULL);
                NAME(add_lanes)(m, 8, hi, lo);
            }
            NAME(fold_across)(hi, lo, 1, 1);
            if (op == LOGSUMEXP_BACKWARD)
                NAME(gather)(dy, 0, u, 1, 0, &gradient);
            NAME(factors)(op, 1, &top, &part, &power, &gradient, &unit, hi, lo, &a, &b);
        }
    }
    if (op == LOGSUMEXP)
        NAME(scatter)(out, 0, u, 1, &top);
}

/* ---- gradients from the result ---- */

typedef struct {
    const char *dy, *y;
    char *out;
    ptrdiff_t sdy, sy, so;                         /* from row to row */
    ptrdiff_t rows, n;
    int around;                                    /* as above */
    int fetched;                                   /* of doubles: whether the results' place is fetched while sums are added up */
    double four[4 * ROWS], four_lo[4 * ROWS], sum[ROWS], sum_lo[ROWS];
    REAL a[ROWS];
} NAME(gradient_rows);

#if HAS_PLACES
/* the first of `rest` numbers, 0 where there are none */
VM_INLINE doubles NAME(some_widened)(const REAL *x, ptrdiff_t rest)
{
#if defined(__AVX512F__)
    const __mmask8 there = (__mmask8)(rest >= 8 ? 255 : (1 << rest) - 1);
#if IS_DOUBLE
    return _mm512_maskz_loadu_pd(there, x);
#else
    return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(there, x));
#endif
#elif IS_DOUBLE
    return V(maskz_loadu)(NAME(first_places)(rest), x);
#else
    return _mm256_cvtps_pd(_mm_maskload_ps(x, _mm256_castsi256_si128(NAME(first_places)(rest))));
#endif
}
#endif

VM_INLINE void NAME(add_sixteen)(int op, int select, int first, const REAL *dy, const REAL *y, doubles *sum, doubles *lost)
{
    for (int k = 0; k < 16 / DOUBLES; k++)
        sum[k] = NAME(plus_product)(op, select, first, dy + k * DOUBLES, y + k * DOUBLES, sum[k], &lost[k]);
}

/* n numbers to the sums of 16 lanes; the `first` are added to 0. What is left over, fewer than 16, only where vectors have places.
 * `out`: NULL, or what is fetched meanwhile, to be written to. */
VM_INLINE void NAME(add_row)(int op, int select, int first, const REAL *dy, const REAL *y, ptrdiff_t n, doubles *sum, doubles *lost,
                             const REAL *out)
{
    ptrdiff_t i = 0;
    if (IS_DOUBLE && first && n >= 16) {
        NAME(add_sixteen)(op, select, 1, dy, y, sum, lost);
        i = 16;
    }
    for (; i + 16 <= n; i += 16) {
        for (ptrdiff_t k = 0; out != NULL && k < 16; k += 64 / (ptrdiff_t)sizeof(REAL))
            __builtin_prefetch(out + i + k, 1);
        NAME(add_sixteen)(op, select, 0, dy + i, y + i, sum, lost);
    }
#if HAS_PLACES
    for (int k = 0; k < 16 / DOUBLES && i + k * DOUBLES < n; k++) {   /* what is beyond the end is 0 */
        const ptrdiff_t rest = n - i - k * DOUBLES;
        const doubles p = NAME(some_widened)(dy + i + k * DOUBLES, rest), q = op == SOFTMAX ? NAME(some_widened)(y + i + k * DOUBLES, rest) : p;
        sum[k] = NAME(plus_numbers)(op, select, 0, p, q, sum[k], &lost[k]);
    }
#endif
}

VM_INLINE void NAME(sum_products)(int op, int select, int first, const REAL *dy, const REAL *y, ptrdiff_t n, double *hi, double *lo, const REAL *out)
{
    const ptrdiff_t rest = n % 16;
    REAL d_tail[16], y_tail[16];
    doubles sum[16 / DOUBLES], lost[16 / DOUBLES];
    for (int k = 0; k < 16 / DOUBLES; k++) {
        sum[k] = *(const unaligned_doubles *)(hi + k * DOUBLES);
        lost[k] = *(const unaligned_doubles *)(lo + k * DOUBLES);
    }
    NAME(add_row)(op, select, first, dy, y, n, sum, lost, out);
    for (int k = 0; k < 16 / DOUBLES; k++) {
        *(unaligned_doubles *)(hi + k * DOUBLES) = sum[k];
        *(unaligned_doubles *)(lo + k * DOUBLES) = lost[k];
    }
    if (!HAS_PLACES && rest > 0) {
        for (ptrdiff_t j = 0; j < 16; j++) {
            d_tail[j] = j < rest ? dy[n - rest + j] : 0;
            y_tail[j] = op == SOFTMAX && j < rest ? y[n - rest + j] : 0;
        }
        NAME(add_products)(op, select, 0, d_tail, 0, y_tail, 0, 1, 16, hi, lo);
    }
}

VM_INLINE void NAME(finish_products)(int op, int select, const REAL *dy, const REAL *y, REAL *out, ptrdiff_t n, REAL a)
{
#if defined(__AVX512F__)
    if (op == SOFTMAX) {
        NAME(gradient_vectors)(select, dy, y, out, n, a);
        return;
    }
#endif
    /* the last eight may begin before the others end, and be written where they are read: they are read first */
    const ptrdiff_t whole = n - n % WIDTH;
    REAL d[8], v[8];
    if (n >= 8) {
        memcpy(d, dy + n - 8, sizeof d);
        memcpy(v, y + n - 8, sizeof v);
    }
    for (ptrdiff_t i = 0; i < whole; i += WIDTH)
        INDEPENDENT
        for (ptrdiff_t j = i; j < i + WIDTH; j++)
            out[j] = NAME(gradient)(op, select, dy[j], y[j], a);
    for (ptrdiff_t i = whole; i + 8 <= n; i += 8)
        EIGHT_AT_ONCE
        for (ptrdiff_t j = i; j < i + 8; j++)
            out[j] = NAME(gradient)(op, select, dy[j], y[j], a);
    if (n >= 8 && n % 8 != 0) {
        EIGHT_AT_ONCE
        for (ptrdiff_t j = 0; j < 8; j++)
            v[j] = NAME(gradient)(op, select, d[j], v[j], a);
        memcpy(out + n - 8, v, sizeof v);
    }
    for (ptrdiff_t j = 0; n < 8 && j < n; j++)
        out[j] = NAME(gradient)(op, select, dy[j], y[j], a);
}

VM_INLINE void NAME(products_around)(int op, int select, const REAL *dy, const REAL *y, REAL *out, ptrdiff_t n, REAL a)
{
    REAL v[WIDTH] __attribute__((aligned(64)));
    const ptrdiff_t whole = n - n % WIDTH;
    for (ptrdiff_t i = 0; i < whole; i += WIDTH) {
        INDEPENDENT
        for (ptrdiff_t j = 0; j < WIDTH; j++)
            v[j] = NAME(gradient)(op, select, dy[i + j], y[i + j], a);
        NAME(stream_pieces)(out + i, v, WIDTH);
    }
    INDEPENDENT
    for (ptrdiff_t j = 0; j < n - whole; j++)
        v[j] = NAME(gradient)(op, select, dy[whole + j], y[whole + j], a);
    NAME(stream_pieces)(out + whole, v, n - whole);
}

VM_INLINE void NAME(sum_gradients)(int op, int select, int how, NAME(gradient_rows) *t)
{
    const char *dy = t->dy, *y = t->y;
    const ptrdiff_t sdy = t->sdy, sy = t->sy, n = t->n, rows = t->rows;
    const int fetched = op == SOFTMAX && !t->around && (IS_DOUBLE ? t->fetched : how == IN_PIECES);
    for (ptrdiff_t u = 0; u < rows; u++, dy += sdy, y += sy) {
        double hi[16], lo[16];
        const REAL *out = fetched ? (const REAL *)(t->out + u * t->so) : NULL;
        NAME(fetch_ahead)(how == AT_ONCE ? how : AS_NEAR, dy + rows * sdy, n);
#if defined(__AVX512F__)
        doubles sum[2] = {{0}}, lost[2] = {{0}};
        NAME(add_row)(op, select, 1, (const REAL *)dy, (const REAL *)y, n, sum, lost, out);
        const doubles all = sum[0] + sum[1], part = all - sum[0];
        if (IS_DOUBLE)
            lost[0] = (lost[0] + lost[1]) + ((sum[0] - (all - part)) + (sum[1] - part));
        _mm512_storeu_pd(hi, all);
        _mm512_storeu_pd(lo, lost[0]);
#else
        for (ptrdiff_t j = 0; j < 16; j++)
            hi[j] = lo[j] = 0.0;
        NAME(sum_products)(op, select, 1, (const REAL *)dy, (const REAL *)y, n, hi, lo, out);
        NAME(fold)(hi, lo, 8, 8);
#endif
        NAME(put_four)(t->four + 4 * u, t->four_lo + 4 * u, hi, lo);
    }
    NAME(add_fours)(t->four, t->four_lo, t->sum, t->sum_lo, ROWS);
    NAME(round_sums)(ROWS, t->sum, t->sum_lo, t->a);
}

VM_INLINE void NAME(finish_gradients)(int op, int select, int how, NAME(gradient_rows) *t)
{
    const char *dy = t->dy, *y = t->y;
    char *out = t->out;
    const ptrdiff_t sdy = t->sdy, sy = t->sy, so = t->so, n = t->n, rows = t->rows;
    for (ptrdiff_t u = 0; u < rows; u++, dy += sdy, y += sy, out += so) {
        NAME(fetch_ahead)(how, y + rows * sy, n);
        if (t->around) {
            NAME(products_around)(op, select, (const REAL *)dy, (const REAL *)y, (REAL *)out, n, t->a[u]);
            continue;
        }
        NAME(fetch_ahead)(how, out + rows * so, n);
#if HAS_PLACES && !IS_DOUBLE
        if (op == SOFTMAX && n >= CHUNK / 4 && sharp_f4()) {       /* sharp rows: see rows.h */
            careful_gradient_f4((const float *)dy, (const float *)y, (float *)out, n, t->a[u]);
            continue;
        }
        if (op == SOFTMAX && n >= CHUNK / 4 && u % 4 == 0)
            look_f4((const float *)y + pick_f4((uintptr_t)y, n - 7));
#endif
        NAME(finish_products)(op, select, (const REAL *)dy, (const REAL *)y, (REAL *)out, n, t->a[u]);
    }
}

static __attribute__((noinline)) void NAME(selected_softmax_gradients)(NAME(gradient_rows) *t)
{
    NAME(sum_gradients)(SOFTMAX, 1, AS_NEAR, t);
    NAME(finish_gradients)(SOFTMAX, 1, AS_NEAR, t);
}

static __attribute__((noinline)) void NAME(softmax_gradients)(NAME(gradient_rows) *t)
{
    NAME(sum_gradients)(SOFTMAX, 0, AS_NEAR, t);
    if (NAME(all_small)(ROWS, t->a))
        NAME(finish_gradients)(SOFTMAX, 0, AS_NEAR, t);
    else
        NAME(selected_softmax_gradients)(t);
}

static __attribute__((noinline)) void NAME(log_softmax_gradients)(NAME(gradient_rows) *t)
{
    NAME(sum_gradients)(LOG_SOFTMAX, 0, AS_NEAR, t);
    NAME(finish_gradients)(LOG_SOFTMAX, 0, AS_NEAR, t);
}

#if !IS_DOUBLE
static __attribute__((noinline)) void far_softmax_gradients_f4(gradient_rows_f4 *t)
{
    sum_gradients_f4(SOFTMAX, 0, AT_ONCE, t);
    if (all_small_f4(ROWS, t->a))
        finish_gradients_f4(SOFTMAX, 0, AT_ONCE, t);
    else
        selected_softmax_gradients_f4(t);
}

static __attribute__((noinline)) void long_softmax_gradients_f4(gradient_rows_f4 *t)
{
    sum_gradients_f4(SOFTMAX, 0, IN_PIECES, t);
    if (all_small_f4(ROWS, t->a))
        finish_gradients_f4(SOFTMAX, 0, AS_NEAR, t);
    else
        selected_softmax_gradients_f4(t);
}

static __attribute__((noinline)) void far_log_softmax_gradients_f4(gradient_rows_f4 *t)
{
    sum_gradients_f4(LOG_SOFTMAX, 0, AT_ONCE, t);
    finish_gradients_f4(LOG_SOFTMAX, 0, AT_ONCE, t);
}
#endif

static void NAME(straight_gradients)(int op, const lines *dy, const lines *y, const lines *out, ptrdiff_t n_outer, ptrdiff_t n)
{
    const ptrdiff_t most = NEAR / sizeof(REAL) / 2, batch = n * ROWS <= most ? ROWS : n < most ? most / n : 1;
    NAME(gradient_rows) t;
    t.sdy = dy->line, t.sy = y->line, t.so = out->line, t.n = n;
    const int far = NAME(far)(n_outer, n);
    const ptrdiff_t row_size = n * (ptrdiff_t)sizeof(REAL);
    void (*work)(NAME(gradient_rows) *) = op == SOFTMAX ? NAME(softmax_gradients) : NAME(log_softmax_gradients);
    t.around = out->p != y->p && NAME(around)(dy, out, n_outer, n);
    t.fetched = row_size <= (far ? 4 * NEAR : NEAR / 2);
#if !IS_DOUBLE
    if (op == SOFTMAX && far && row_size <= 4 * NEAR)
        work = n < CHUNK / 2 ? far_softmax_gradients_f4 : long_softmax_gradients_f4;
    else if (op != SOFTMAX && far && n <= CHUNK)   /* longer ones would only be slower */
        work = far_log_softmax_gradients_f4;
#endif
    for (ptrdiff_t j = 0; j < 4 * ROWS; j++)
        t.four[j] = t.four_lo[j] = 0.0;
    for (ptrdiff_t row = 0; row < n_outer; row += batch) {
        t.dy = dy->p + row * t.sdy, t.y = y->p + row * t.sy, t.out = out->p + row * t.so;
        t.rows = n_outer - row < batch ? n_outer - row : batch;
        work(&t);
    }
    if (t.around)
        stream_end();
}

/* Row u, of numbers or results that are not ready: fetched anew for each pass */
static __attribute__((noinline)) void NAME(far_gradient)(int op, const lines *dy, const lines *y, const lines *out, ptrdiff_t u, ptrdiff_t n)
{
    REAL d[CHUNK], v[CHUNK], a = 0;
    double hi[16], lo[16];
    for (int select = 0; select < 2; select++) {
        for (ptrdiff_t j = 0; j < 16; j++)
            hi[j] = lo[j] = 0.0;
        for (ptrdiff_t i = 0; i < n; i += CHUNK) {
            const ptrdiff_t some = n - i < CHUNK ? n - i : CHUNK;
            NAME(gather)(dy, u, i, some, 0, d);
            if (op == SOFTMAX)
                NAME(gather)(y, u, i, some, 0, v);
            if (op == SOFTMAX)
                NAME(sum_products)(SOFTMAX, select, 0, d, v, some, hi, lo, NULL);
            else
                NAME(sum_products)(LOG_SOFTMAX, 0, 0, d, v, some, hi, lo, NULL);
        }
        NAME(fold)(hi, lo, 8, 8);
        NAME(fold_across)(hi, lo, 1, 1);
        NAME(round_sums)(1, hi, lo, &a);
        if (op != SOFTMAX || NAME(all_small)(1, &a))
            break;
    }
    for (ptrdiff_t i = 0; i < n; i += CHUNK) {
        const ptrdiff_t some = n - i < CHUNK ? n - i : CHUNK;
        NAME(gather)(dy, u, i, some, 0, d);
        NAME(gather)(y, u, i, some, 0, v);
        if (op == SOFTMAX)
            NAME(finish_products)(SOFTMAX, 1, d, v, d, some, a);
        else
            NAME(finish_products)(LOG_SOFTMAX, 0, d, v, d, some, a);
        NAME(scatter)(out, u, i, some, d);
    }
}
