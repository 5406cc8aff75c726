/* Straight rows: numbers that lie together in memory, none of them masked. Included by row.h for each type.
 *
 * What a row needs once is done for ROWS rows together, in vectors. The last numbers of a row, where they do not fill a
 * segment of WIDTH, are padded to one in `tails`. An exponential waits for its factor where the result will be, or, in
 * a stretch that is not whole, in `stage`. Results may overwrite their operands.
 */

typedef struct {
    const char *x;
    char *out;
    ptrdiff_t sx, so;                              /* from row to row */
    ptrdiff_t rows, n;
    ptrdiff_t whole;                               /* numbers of a row in whole segments */
    ptrdiff_t chunk;                               /* numbers of a row whose exponentials are computed before any is added */
    ptrdiff_t kept;                                /* so many exponentials of a row are kept in the results' place */
    ptrdiff_t room;                                /* and so many, padded, in the stage */
    REAL tails[ROWS * WIDTH], stage[NEAR / sizeof(REAL) + ROWS * WIDTH] __attribute__((aligned(64)));
    REAL top[ROWS], part[ROWS], power[ROWS], c[ROWS], low[ROWS], shift[ROWS], a[ROWS], b[ROWS];
    double count[ROWS], sum[ROWS], sum_lo[ROWS];
} NAME(straight);

/* ---- tails ---- */

VM_INLINE void NAME(load_tail)(const REAL *x, ptrdiff_t n, REAL pad, REAL *to)
{
    for (ptrdiff_t j = 0; j < WIDTH; j++)
        to[j] = j < n ? x[j] : pad;
}

VM_INLINE void NAME(store_tail)(const REAL *y, ptrdiff_t n, REAL *to)
{
    for (ptrdiff_t j = 0; j < WIDTH; j++)
        if (j < n)
            to[j] = y[j];
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

static __attribute__((noinline)) void NAME(find_tops)(NAME(straight) *t)
{
    REAL sixteen[16 * ROWS], eight[8 * ROWS], four[4 * ROWS], two[2 * ROWS];
    for (ptrdiff_t u = 0; t->n > t->whole && u < t->rows; u++)
        NAME(load_tail)((const REAL *)(t->x + u * t->sx) + t->whole, t->n - t->whole, (REAL)-INFINITY, t->tails + u * WIDTH);
    if (t->n >= 2 * WIDTH)
        for (ptrdiff_t u = 0; u < t->rows; u++)
            NAME(lane_tops)((const REAL *)(t->x + u * t->sx), t->n, sixteen + 16 * u);
    else
        for (ptrdiff_t u = 0; u < t->rows; u++) {
            const REAL *tail = t->tails + u * WIDTH, *x = t->whole == 0 ? tail : (const REAL *)(t->x + u * t->sx);
            tail = t->whole == t->n ? x : tail;
            for (ptrdiff_t j = 0; j < 16; j++)
                sixteen[16 * u + j] = NAME(greater)(NAME(greater)(tail[j + 16], tail[j]), NAME(greater)(x[j + 16], x[j]));
        }
    for (ptrdiff_t j = 16 * t->rows; j < 16 * ROWS; j++)
        sixteen[j] = 0;
    NAME(greater_of_pairs)(sixteen, eight, 8 * ROWS);
    NAME(greater_of_pairs)(eight, four, 4 * ROWS);
    NAME(greater_of_pairs)(four, two, 2 * ROWS);
    NAME(greater_of_pairs)(two, t->top, ROWS);
}

/* ---- exponentials and sums ---- */

/* Where the exponentials of row u are kept from number i on */
VM_INLINE REAL *NAME(place)(NAME(straight) *t, ptrdiff_t u, ptrdiff_t i)
{
    return i < t->kept ? (REAL *)(t->out + u * t->so) + i : t->stage + u * t->room;
}

VM_INLINE void NAME(exponentials)(const REAL *x, REAL *e, ptrdiff_t n, REAL c, REAL low, REAL shift)
{
    for (ptrdiff_t i = 0; i < n; i += WIDTH)
        INDEPENDENT
        for (ptrdiff_t j = i; j < i + WIDTH; j++)
            e[j] = NAME(exponential)(x[j], c, low, shift);
}

/* The maximum left out: how often it occurs. Segments are added in pairs at once; nothing else is kept. The last numbers
 * are in `tail` where they do not fill a segment. */
VM_INLINE int NAME(exponentials_but)(const REAL *x, const REAL *tail, REAL *e, ptrdiff_t n, REAL m, REAL c, REAL low, REAL shift)
{
    const ptrdiff_t segments = (n + WIDTH - 1) / WIDTH;
    int count[WIDTH], total = 0;
    for (ptrdiff_t j = 0; j < WIDTH; j++)
        count[j] = 0;
    for (ptrdiff_t k = 0; k + 2 <= segments; k += 2, x += 2 * WIDTH, e += WIDTH) {
        const REAL *second = n % WIDTH > 0 && k + 2 == segments ? tail : x + WIDTH;
        INDEPENDENT
        for (ptrdiff_t j = 0; j < WIDTH; j++) {
            REAL y = NAME(exponential)(x[j], c, low, shift), z = NAME(exponential)(second[j], c, low, shift);
            e[j] = (x[j] == m ? 0 : y) + (second[j] == m ? 0 : z);
            count[j] += (x[j] == m) + (second[j] == m);
        }
    }
    if (segments % 2 > 0) {
        const REAL *last = n % WIDTH > 0 ? tail : x;
        INDEPENDENT
        for (ptrdiff_t j = 0; j < WIDTH; j++) {
            REAL y = NAME(exponential)(last[j], c, low, shift);
            e[j] = last[j] == m ? 0 : y;
            count[j] += last[j] == m;
        }
    }
    for (ptrdiff_t j = 0; j < WIDTH; j++)
        total += count[j];
    return total;
}

/* 32 lanes to eight */
VM_INLINE void NAME(fold_lanes)(const double *hi, const double *lo, double *sum, double *sum_lo)
{
    double s[16], r[16];
    for (ptrdiff_t j = 0; j < 16; j++) {
        s[j] = hi[j] + hi[j + 16];
        r[j] = IS_DOUBLE ? (lo[j] + lo[j + 16]) + sum_error_f8(hi[j], hi[j + 16], s[j]) : 0.0;
    }
    for (ptrdiff_t j = 0; j < 8; j++) {
        double v = s[j] + s[j + 8];
        if (IS_DOUBLE)
            sum_lo[j] = (r[j] + r[j + 8]) + sum_error_f8(s[j], s[j + 8], v);
        sum[j] = v;
    }
}

VM_INLINE void NAME(fold_segment)(const REAL *v, double *sum)
{
    double s[16];
    for (ptrdiff_t j = 0; j < 16; j++)
        s[j] = (double)v[j] + (double)v[j + 16];
    for (ptrdiff_t j = 0; j < 8; j++)
        sum[j] = s[j] + s[j + 8];
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

/* eight lanes of each of `rows` <= ROWS rows to one */
VM_INLINE void NAME(add_eights)(const double *hi, const double *lo, double *sum, double *sum_lo, ptrdiff_t rows)
{
    double four[4 * ROWS], four_lo[4 * ROWS], two[2 * ROWS], two_lo[2 * ROWS];
    NAME(add_pairs)(hi, lo, four, four_lo, 4 * rows);
    NAME(add_pairs)(four, four_lo, two, two_lo, 2 * rows);
    NAME(add_pairs)(two, two_lo, sum, sum_lo, rows);
    for (ptrdiff_t j = 0; !IS_DOUBLE && j < rows; j++)
        sum_lo[j] = 0.0;
}

VM_INLINE void NAME(sum_rows)(NAME(straight) *t, int but_top)
{
    const ptrdiff_t width = but_top ? 2 * WIDTH : WIDTH;           /* numbers to a segment that is left to add */
    double hi[WIDTH], lo[WIDTH], eight[8 * ROWS], eight_lo[8 * ROWS];
    ptrdiff_t end;
    for (ptrdiff_t j = 0; but_top && j < ROWS; j++)
        t->count[j] = 0.0;
    for (ptrdiff_t i = 0; i < t->n; i = end) {
        ptrdiff_t whole = t->whole < i + t->chunk ? t->whole : i + t->chunk;
        end = t->n < i + t->chunk ? t->n : i + t->chunk;
        for (ptrdiff_t u = 0; u < t->rows; u++) {
            const REAL *x = (const REAL *)(t->x + u * t->sx) + i;
            REAL *e = NAME(place)(t, u, i), c = t->c[u], low = t->low[u], shift = t->shift[u], m = t->top[u];
            if (but_top) {
                t->count[u] += NAME(exponentials_but)(x, t->tails + u * WIDTH, e, end - i, m, c, low, shift);
                continue;
            }
            NAME(exponentials)(x, e, whole - i, c, low, shift);
            if (end > whole)
                NAME(exponentials)(t->tails + u * WIDTH, e + (whole - i), WIDTH, c, low, shift);
        }
        if (!IS_DOUBLE && t->n <= STRETCH)
            for (ptrdiff_t u = 0; u < t->rows; u++) {
                REAL four[WIDTH];
                NAME(add_segments_32)(NAME(place)(t, u, 0), WIDTH, (t->n + width - 1) / width, four);
                NAME(fold_segment)(four, eight + 8 * u);
            }
        else for (ptrdiff_t u = 0; u < t->rows; u++) {
            const REAL *e = NAME(place)(t, u, i);
            for (ptrdiff_t k = i; k < end; k += STRETCH) {
                REAL four[WIDTH];
                ptrdiff_t depth = ((end - k < STRETCH ? end - k : STRETCH) + width - 1) / width;
                NAME(add_segments_32)(e + (k - i) * WIDTH / width, WIDTH, depth, four);
                NAME(accumulate_32)(four, hi, lo, k == 0);
            }
            if (end == t->n)
                NAME(fold_lanes)(hi, lo, eight + 8 * u, eight_lo + 8 * u);
        }
    }
    for (ptrdiff_t j = 8 * t->rows; j < 8 * ROWS; j++) {
        eight[j] = 1.0;
        eight_lo[j] = 0.0;
    }
    NAME(add_eights)(eight, eight_lo, t->sum, t->sum_lo, ROWS);
}

static __attribute__((noinline)) void NAME(sum_all)(NAME(straight) *t) { NAME(sum_rows)(t, 0); }
static __attribute__((noinline)) void NAME(sum_others)(NAME(straight) *t) { NAME(sum_rows)(t, 1); }

/* ---- results ---- */

VM_INLINE void NAME(finish)(int op, const REAL *v, REAL *y, ptrdiff_t n, REAL a, REAL b, REAL power)
{
    for (ptrdiff_t i = 0; i < n; i += WIDTH)
        INDEPENDENT
        for (ptrdiff_t j = i; j < i + WIDTH; j++)
            y[j] = op == SOFTMAX ? NAME(fma)(v[j], a, v[j] * b) : op == LOG_SOFTMAX ? (v[j] - a) - b : NAME(gradient_of)(v[j], a, b, power);
}

VM_INLINE void NAME(finish_rows)(int op, NAME(straight) *t)
{
    for (ptrdiff_t u = 0; u < t->rows; u++) {
        const REAL *x = (const REAL *)(t->x + u * t->sx), *stage = t->stage + u * t->room;
        REAL *y = (REAL *)(t->out + u * t->so), *tail = t->tails + u * WIDTH;
        REAL a = t->a[u], b = t->b[u], power = t->power[u];
        if (op == LOG_SOFTMAX) {
            NAME(finish)(op, x, y, t->whole, a, b, power);
            if (t->n > t->whole)
                NAME(finish)(op, tail, tail, WIDTH, a, b, power);
        } else {
            NAME(finish)(op, y, y, t->kept, a, b, power);
            if (t->n > t->kept)
                NAME(finish)(op, stage, y + t->kept, t->whole - t->kept, a, b, power);
            if (t->n > t->whole)
                NAME(finish)(op, stage + t->whole - t->kept, tail, WIDTH, a, b, power);
        }
        if (t->n > t->whole)
            NAME(store_tail)(tail, t->n - t->whole, y + t->whole);
    }
}

static __attribute__((noinline)) void NAME(finish_softmax)(NAME(straight) *t) { NAME(finish_rows)(SOFTMAX, t); }
static __attribute__((noinline)) void NAME(finish_log_softmax)(NAME(straight) *t) { NAME(finish_rows)(LOG_SOFTMAX, t); }
static __attribute__((noinline)) void NAME(finish_backward)(NAME(straight) *t) { NAME(finish_rows)(LOGSUMEXP_BACKWARD, t); }

/* ---- the whole ---- */

static __attribute__((noinline)) void NAME(straight_rows)(int op, const char *dy, const char *x, char *out, ptrdiff_t n_outer, ptrdiff_t n,
                                                          ptrdiff_t sdy, ptrdiff_t sx, ptrdiff_t so)
{
    const int storage = IS_DOUBLE ? STORE_F8 : STORE_F4;
    const ptrdiff_t most = NEAR / sizeof(REAL), batch = n * ROWS <= most ? ROWS : n < most ? most / n : 1;
    const int wants_log = op == LOG_SOFTMAX || op == LOGSUMEXP;
    REAL gradient[ROWS];
    NAME(straight) t;
    t.sx = sx, t.so = so, t.n = n, t.whole = n - n % WIDTH;
    t.kept = n <= most || wants_log ? 0 : n - n % STRETCH;
    t.chunk = n <= most ? n : wants_log ? most : STRETCH;
    t.room = n <= most ? (n + WIDTH - 1) / WIDTH * WIDTH : 0;
    for (ptrdiff_t j = 0; j < ROWS; j++) {
        t.count[j] = 1.0;
        gradient[j] = 1;
    }
    for (ptrdiff_t row = 0; row < n_outer; row += t.rows) {
        t.x = x + row * sx, t.out = out + row * so;
        t.rows = n_outer - row < batch ? n_outer - row : batch;
        NAME(find_tops)(&t);
        NAME(scales)(ROWS, t.top, t.part, t.power, t.c, t.low, t.shift);
        if (wants_log)
            NAME(sum_others)(&t);
        else
            NAME(sum_all)(&t);
        if (op == LOGSUMEXP_BACKWARD)
            load_block(storage, gradient, dy + row * sdy, sdy, t.rows);
        NAME(factors)(op, ROWS, t.top, t.part, t.power, gradient, t.count, t.sum, t.sum_lo, t.a, t.b);
        if (op == SOFTMAX)
            NAME(finish_softmax)(&t);
        else if (op == LOG_SOFTMAX)
            NAME(finish_log_softmax)(&t);
        else if (op == LOGSUMEXP)
            store_block(storage, t.out, so, t.top, t.rows);
        else
            NAME(finish_backward)(&t);
    }
}

/* ---- gradients from the result ----
 *
 * Floats: the products are added in double and their rounding errors, which a float holds, in float. Doubles: both in a
 * second double, along with the rounding errors of the sums. Where y is 0, dy counts as 0, be it infinite or NaN.
 */

/* 32 lanes to eight */
VM_INLINE void NAME(fold_gradients)(double *hi, REAL *lo, double *sum, double *sum_lo)
{
#if IS_DOUBLE
    NAME(fold_lanes)(hi, lo, sum, sum_lo);
#else
    REAL r[16];
    NAME(fold_lanes)(hi, NULL, sum, sum_lo);
    for (ptrdiff_t j = 0; j < 16; j++)
        r[j] = lo[j] + lo[j + 16];
    for (ptrdiff_t j = 0; j < 8; j++)
        sum[j] += (double)(r[j] + r[j + 8]);
#endif
}

VM_INLINE void NAME(finish_gradient)(int op, const REAL *dy, const REAL *y, REAL *out, ptrdiff_t n, REAL a, REAL b)
{
    for (ptrdiff_t i = 0; i < n; i += WIDTH)
        INDEPENDENT
        for (ptrdiff_t j = i; j < i + WIDTH; j++)
            out[j] = op == SOFTMAX ? NAME(softmax_gradient)(dy[j], y[j], a, b) : NAME(log_softmax_gradient)(dy[j], y[j], a);
}

VM_INLINE void NAME(gradient_rows)(int op, int tailed, const char *dy, const char *y, char *out, ptrdiff_t rows, ptrdiff_t n, ptrdiff_t sdy, ptrdiff_t sy, ptrdiff_t so)
{
    const ptrdiff_t whole = n - n % WIDTH;
    REAL tails[2 * ROWS * WIDTH], a[ROWS], b[ROWS];
    double eight[8 * ROWS], eight_lo[8 * ROWS], sum[ROWS], sum_lo[ROWS];
    for (ptrdiff_t j = 8 * rows; j < 8 * (rows <= 4 ? 4 : ROWS); j++)
        eight[j] = eight_lo[j] = 0.0;
    for (ptrdiff_t u = 0; tailed && u < rows; u++) {
        NAME(load_tail)((const REAL *)(dy + u * sdy) + whole, n - whole, 0, tails + 2 * u * WIDTH);
        NAME(load_tail)((const REAL *)(y + u * sy) + whole, n - whole, 0, tails + (2 * u + 1) * WIDTH);
    }
    for (ptrdiff_t u = 0; u < rows; u++) {
        const REAL *d = (const REAL *)(dy + u * sdy), *v = (const REAL *)(y + u * sy);
        const REAL *tail = tails + 2 * u * WIDTH;
        double hi[WIDTH];
        REAL lo[WIDTH];
        for (ptrdiff_t j = 0; j < WIDTH; j++) {
            hi[j] = 0;
            lo[j] = 0;
        }
        if (tailed && whole == 0)
            ;
        else if (op == SOFTMAX)
            NAME(add_products_32)(d, WIDTH, v, WIDTH, whole / WIDTH, hi, lo);
        else
            NAME(add_gradients_32)(d, WIDTH, whole / WIDTH, hi, lo);
        if (tailed && op == SOFTMAX)
            NAME(add_products_32)(tail, 0, tail + WIDTH, 0, 1, hi, lo);
        else if (tailed)
            NAME(add_gradients_32)(tail, 0, 1, hi, lo);
        NAME(fold_gradients)(hi, lo, eight + 8 * u, eight_lo + 8 * u);
    }
    if (rows <= 4) {                               /* the others would cost as much again where rows are long */
        NAME(add_eights)(eight, eight_lo, sum, sum_lo, 4);
        NAME(split)(4, sum, sum_lo, a, b);
    } else {
        NAME(add_eights)(eight, eight_lo, sum, sum_lo, ROWS);
        NAME(split)(ROWS, sum, sum_lo, a, b);
    }
#if !IS_DOUBLE
    for (ptrdiff_t u = 0; op == SOFTMAX && u < rows; u++)
        if (!(__builtin_fabs(sum[u]) < (double)INFINITY)) {
            double hi[WIDTH] = {0};
            const REAL *tail = tails + 2 * u * WIDTH;
            NAME(add_wild_products_32)((const REAL *)(dy + u * sdy), WIDTH, (const REAL *)(y + u * sy), WIDTH, whole / WIDTH, hi);
            if (tailed)
                NAME(add_wild_products_32)(tail, 0, tail + WIDTH, 0, 1, hi);
            NAME(fold_lanes)(hi, NULL, hi, NULL);
            sum[u] = ((hi[0] + hi[1]) + (hi[2] + hi[3])) + ((hi[4] + hi[5]) + (hi[6] + hi[7]));
            NAME(split)(1, sum + u, sum_lo + u, a + u, b + u);
        }
#endif
    for (ptrdiff_t u = 0; u < rows; u++) {
        const REAL *d = (const REAL *)(dy + u * sdy), *v = (const REAL *)(y + u * sy);
        REAL *tail = tails + 2 * u * WIDTH, *o = (REAL *)(out + u * so);
        NAME(finish_gradient)(op, d, v, o, whole, a[u], b[u]);
        if (tailed) {
            NAME(finish_gradient)(op, tail, tail + WIDTH, tail, WIDTH, a[u], b[u]);
            NAME(store_tail)(tail, n - whole, o + whole);
        }
    }
}

static __attribute__((noinline)) void NAME(softmax_gradients)(const char *dy, const char *y, char *out, ptrdiff_t rows, ptrdiff_t n,
                                                                  ptrdiff_t sdy, ptrdiff_t sy, ptrdiff_t so)
{
    NAME(gradient_rows)(SOFTMAX, 0, dy, y, out, rows, n, sdy, sy, so);
}

static __attribute__((noinline)) void NAME(softmax_gradients_with_tails)(const char *dy, const char *y, char *out, ptrdiff_t rows, ptrdiff_t n,
                                                                             ptrdiff_t sdy, ptrdiff_t sy, ptrdiff_t so)
{
    NAME(gradient_rows)(SOFTMAX, 1, dy, y, out, rows, n, sdy, sy, so);
}

static __attribute__((noinline)) void NAME(log_softmax_gradients)(const char *dy, const char *y, char *out, ptrdiff_t rows, ptrdiff_t n,
                                                                      ptrdiff_t sdy, ptrdiff_t sy, ptrdiff_t so)
{
    NAME(gradient_rows)(LOG_SOFTMAX, 0, dy, y, out, rows, n, sdy, sy, so);
}

static __attribute__((noinline)) void NAME(log_softmax_gradients_with_tails)(const char *dy, const char *y, char *out, ptrdiff_t rows, ptrdiff_t n,
                                                                                 ptrdiff_t sdy, ptrdiff_t sy, ptrdiff_t so)
{
    NAME(gradient_rows)(LOG_SOFTMAX, 1, dy, y, out, rows, n, sdy, sy, so);
}

static __attribute__((noinline)) void NAME(straight_gradients)(int op, const char *dy, const char *y, char *out, ptrdiff_t n_outer, ptrdiff_t n,
                                                               ptrdiff_t sdy, ptrdiff_t sy, ptrdiff_t so)
{
    const ptrdiff_t most = NEAR / sizeof(REAL) / 2, batch = n * ROWS <= most ? ROWS : n < most ? most / n : 1;
    for (ptrdiff_t row = 0; row < n_outer; row += batch) {
        ptrdiff_t rows = n_outer - row < batch ? n_outer - row : batch;
        const char *d = dy + row * sdy, *v = y + row * sy;
        if (op == SOFTMAX)
            (n % WIDTH ? NAME(softmax_gradients_with_tails) : NAME(softmax_gradients))(d, v, out + row * so, rows, n, sdy, sy, so);
        else
            (n % WIDTH ? NAME(log_softmax_gradients_with_tails) : NAME(log_softmax_gradients))(d, v, out + row * so, rows, n, sdy, sy, so);
    }
}
