/* Rows that lie across memory: W of them, a number of each at a time. Included by row.h for each type and width.
 *
 * Neighbours in memory belong to different rows, so lanes are added without ever being apart. A short row's numbers are
 * copied to the stage once: rows of a power of two bytes would push each other out of the cache.
 */

/* ---- sums of W lanes: rows, or those of one row ---- */

/* depth <= 8 segments of W numbers, `step` apart, pairwise */
VM_INLINE void TILE(add_segments)(const REAL *e, ptrdiff_t step, ptrdiff_t depth, REAL *v)
{
#define E(k) e[(k) * step + j]
    if (depth == 8) {
        EACH_ROW
            v[j] = ((E(0) + E(1)) + (E(2) + E(3))) + ((E(4) + E(5)) + (E(6) + E(7)));
        return;
    }
    if (depth >= 4)
        EACH_ROW
            v[j] = (E(0) + E(1)) + (E(2) + E(3));
    else if (depth == 3)
        EACH_ROW
            v[j] = (E(0) + E(1)) + E(2);
    else if (depth == 2)
        EACH_ROW
            v[j] = E(0) + E(1);
    else
        memcpy(v, e, W * sizeof(REAL));
    if (depth == 7)
        EACH_ROW
            v[j] += (E(4) + E(5)) + E(6);
    else if (depth == 6)
        EACH_ROW
            v[j] += E(4) + E(5);
    else if (depth == 5)
        EACH_ROW
            v[j] += E(4);
#undef E
}

VM_INLINE void TILE(accumulate)(const REAL *v, double *hi, double *lo, int first)
{
    if (first)
        EACH_ROW {
            hi[j] = (double)v[j];
            if (IS_DOUBLE)
                lo[j] = 0.0;
        }
    else
        EACH_ROW {
            double s = hi[j] + (double)v[j];
            if (IS_DOUBLE)
                lo[j] += sum_error_f8(hi[j], (double)v[j], s);
            hi[j] = s;
        }
}

/* `segments` >= 1 of W numbers, `step` apart, to the sums of W lanes: dy y, or dy alone */
VM_INLINE void TILE(add_products)(const REAL *dy, ptrdiff_t step_dy, const REAL *y, ptrdiff_t step_y, ptrdiff_t segments, double *hi, REAL *lo)
{
    ptrdiff_t k = 0;
    do {
#if IS_DOUBLE
        EACH_ROW {
            double d = y[j] == 0 ? 0 : dy[j], p = d * y[j], s = hi[j] + p;
            lo[j] += sum_error_f8(hi[j], p, s) + fma_f8(d, y[j], -p);
            hi[j] = s;
        }
#else
        REAL p[W];
        EACH_ROW {
            p[j] = dy[j] * y[j];
            lo[j] += fma_f4(dy[j], y[j], -p[j]);
        }
        EACH_ROW
            hi[j] += (double)p[j];
#endif
        dy += step_dy, y += step_y;
    } while (++k < segments);
}

#if !IS_DOUBLE
/* the same if a product is NaN or infinite */
VM_INLINE void TILE(add_wild_products)(const REAL *dy, ptrdiff_t step_dy, const REAL *y, ptrdiff_t step_y, ptrdiff_t segments, double *hi)
{
    for (ptrdiff_t k = 0; k < segments; k++, dy += step_dy, y += step_y)
        EACH_ROW {
            REAL d = y[j] == 0 ? 0 : dy[j];
            hi[j] += (double)d * (double)y[j];
        }
}
#endif

VM_INLINE void TILE(add_gradients)(const REAL *dy, ptrdiff_t step_dy, ptrdiff_t segments, double *hi, REAL *lo)
{
    ptrdiff_t k = 0;
    do {
        EACH_ROW {
            double s = hi[j] + (double)dy[j];
            if (IS_DOUBLE)
                lo[j] += (REAL)sum_error_f8(hi[j], (double)dy[j], s);
            hi[j] = s;
        }
        dy += step_dy;
    } while (++k < segments);
}

/* ---- softmax and its like ---- */

typedef struct {
    const char *x;
    char *out;
    ptrdiff_t cx, co;                              /* from number to number */
    ptrdiff_t n;
    REAL stage[NEAR / sizeof(REAL)] __attribute__((aligned(64)));
    REAL top[W], part[W], power[W], c[W], low[W], shift[W], a[W], b[W];
    double count[W], sum[WIDTH * W], sum_lo[WIDTH * W];
} TILE(across);

VM_INLINE void TILE(tops_across)(TILE(across) *t)
{
    const char *x = t->x;
    REAL top[W];
    EACH_ROW top[j] = (REAL)-INFINITY;
    if (t->n * W <= (ptrdiff_t)(NEAR / sizeof(REAL))) {
        for (ptrdiff_t i = 0; i < t->n; i++)
            EACH_ROW {
                REAL v = ((const REAL *)(x + i * t->cx))[j];
                t->stage[i * W + j] = v;
                top[j] = NAME(greater)(v, top[j]);
            }
        t->x = (const char *)t->stage;
        t->cx = W * sizeof(REAL);
    } else {
        const ptrdiff_t step = t->cx / (ptrdiff_t)sizeof(REAL);
        const REAL *p = (const REAL *)x;
        ptrdiff_t i = 0;
        for (; i + 4 <= t->n; i += 4, p += 4 * step)
            EACH_ROW top[j] = NAME(greater)(NAME(greater)(p[j], p[step + j]), NAME(greater)(NAME(greater)(p[2 * step + j], p[3 * step + j]), top[j]));
        for (; i < t->n; i++, p += step)
            EACH_ROW top[j] = NAME(greater)(p[j], top[j]);
    }
    memcpy(t->top, top, W * sizeof(REAL));
}

VM_INLINE void TILE(add_across)(double *hi, double *lo, ptrdiff_t from)
{
    EACH_ROW {
        double s = hi[j] + hi[from * W + j];
        if (IS_DOUBLE)
            lo[j] = (lo[j] + lo[from * W + j]) + sum_error_f8(hi[j], hi[from * W + j], s);
        hi[j] = s;
    }
}

/* lanes as fold_lanes and add_eights add them */
VM_INLINE void TILE(fold_across)(double *hi, double *lo, ptrdiff_t n)
{
    for (ptrdiff_t half = 16; half >= 8; half /= 2) {
        for (ptrdiff_t l = 0; l + half < n; l++)
            TILE(add_across)(hi + l * W, lo + l * W, half);
        n = n < half ? n : half;
    }
    for (ptrdiff_t step = 1; step < n; step *= 2)
        for (ptrdiff_t l = 0; l + step < n; l += 2 * step)
            TILE(add_across)(hi + l * W, lo + l * W, step);
    for (ptrdiff_t j = 0; !IS_DOUBLE && j < W; j++)
        lo[j] = 0.0;
}

VM_INLINE void TILE(sum_across)(TILE(across) *t, int but_top)
{
    REAL c[W], low[W], shift[W], top[W], buffer[8 * W], four[W];
    int count[W];
    const int staged = t->x == (const char *)t->stage;
    const ptrdiff_t step = but_top ? W : staged ? WIDTH * W : WIDTH * t->co / (ptrdiff_t)sizeof(REAL);
    memcpy(c, t->c, W * sizeof(REAL));
    memcpy(low, t->low, W * sizeof(REAL));
    memcpy(shift, t->shift, W * sizeof(REAL));
    memcpy(top, t->top, W * sizeof(REAL));
    EACH_ROW
        t->count[j] = 0.0;
    for (ptrdiff_t i = 0; i < t->n; i += STRETCH) {
        EACH_ROW
            count[j] = 0;
        for (ptrdiff_t l = 0; l < WIDTH && i + l < t->n; l++) {
            const ptrdiff_t end = i + STRETCH < t->n ? i + STRETCH : t->n, depth = (end - i - l + WIDTH - 1) / WIDTH;
            const char *x = t->x + (i + l) * t->cx;
            REAL *e = but_top ? buffer : staged ? t->stage + (i + l) * W : (REAL *)(t->out + (i + l) * t->co);
            for (ptrdiff_t k = 0; k < depth; k++)
                EACH_ROW {
                    REAL v = ((const REAL *)(x + k * WIDTH * t->cx))[j], y = NAME(exponential)(v, c[j], low[j], shift[j]);
                    e[k * step + j] = but_top && v == top[j] ? 0 : y;
                    count[j] += but_top && v == top[j];
                }
            TILE(add_segments)(e, step, depth, four);
            TILE(accumulate)(four, t->sum + l * W, t->sum_lo + l * W, i == 0);
        }
        EACH_ROW
            t->count[j] += count[j];
    }
    TILE(fold_across)(t->sum, t->sum_lo, t->n < WIDTH ? t->n : WIDTH);
}

VM_INLINE void TILE(finish_across)(int op, TILE(across) *t)
{
    REAL a[W], b[W], power[W];
    const int staged = t->x == (const char *)t->stage;
    const char *v = staged || op == LOG_SOFTMAX ? t->x : t->out;
    const ptrdiff_t cv = staged || op == LOG_SOFTMAX ? t->cx : t->co;
    memcpy(a, t->a, W * sizeof(REAL));
    memcpy(b, t->b, W * sizeof(REAL));
    memcpy(power, t->power, W * sizeof(REAL));
    for (ptrdiff_t i = 0; i < t->n; i++) {
        const REAL *e = (const REAL *)(v + i * cv);
        REAL *y = (REAL *)(t->out + i * t->co);
        EACH_ROW
            y[j] = op == SOFTMAX ? NAME(fma)(e[j], a[j], e[j] * b[j]) : op == LOG_SOFTMAX ? (e[j] - a[j]) - b[j] : NAME(gradient_of)(e[j], a[j], b[j], power[j]);
    }
}

/* W rows: x, dy and out point to the first of them */
static __attribute__((noinline)) void TILE(rows_across)(int op, const char *dy, const char *x, char *out, ptrdiff_t n, ptrdiff_t sdy, ptrdiff_t so,
                                                        ptrdiff_t cx, ptrdiff_t co)
{
    const int storage = IS_DOUBLE ? STORE_F8 : STORE_F4;
    REAL gradient[W];
    TILE(across) t;
    t.x = x, t.out = out, t.cx = cx, t.co = co, t.n = n;
    if (op == LOGSUMEXP_BACKWARD)
        load_block(storage, gradient, dy, sdy, W);
    TILE(tops_across)(&t);
    NAME(scales)(W, t.top, t.part, t.power, t.c, t.low, t.shift);
    if (op == LOG_SOFTMAX || op == LOGSUMEXP)
        TILE(sum_across)(&t, 1);
    else
        TILE(sum_across)(&t, 0);
    NAME(factors)(op, W, t.top, t.part, t.power, gradient, t.count, t.sum, t.sum_lo, t.a, t.b);
    if (op == SOFTMAX)
        TILE(finish_across)(SOFTMAX, &t);
    else if (op == LOG_SOFTMAX)
        TILE(finish_across)(LOG_SOFTMAX, &t);
    else if (op == LOGSUMEXP_BACKWARD)
        TILE(finish_across)(LOGSUMEXP_BACKWARD, &t);
    else
        store_block(storage, out, so, t.top, W);
}

/* ---- gradients from the result ----
 *
 * A chunk at a time. An operand whose rows lie along memory after all is copied, turned, to the stage; one that fits into
 * a chunk is copied, too, and stays there.
 */

enum { TILE(chunk) = NEAR / sizeof(REAL) / W };

typedef struct {
    const char *p;
    ptrdiff_t row, number;                         /* from row to row, and from number to number */
    REAL stage[NEAR / sizeof(REAL)] __attribute__((aligned(64)));
    const REAL *at;                                /* the chunk */
    ptrdiff_t step;
} TILE(operand);

VM_INLINE void TILE(turn)(const char *x, ptrdiff_t sx, ptrdiff_t n, REAL *stage)
{
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (ptrdiff_t j = 0; j < W; j += 8)
            NAME(turn_eight)(x + i * (ptrdiff_t)sizeof(REAL) + j * sx, sx, stage + i * W + j, W);
    for (; i < n; i++)
        for (ptrdiff_t j = 0; j < W; j++)
            stage[i * W + j] = ((const REAL *)(x + j * sx))[i];
}

VM_INLINE void TILE(load_chunk)(TILE(operand) *o, ptrdiff_t i, ptrdiff_t n, int fits)
{
    const char *x = o->p + i * o->number;
    if (fits && i > 0)
        return;
    o->at = o->stage, o->step = W;
    if (o->row != sizeof(REAL))
        TILE(turn)(x, o->row, n, o->stage);
    else if (fits)
        for (ptrdiff_t k = 0; k < n; k++)
            memcpy(o->stage + k * W, x + k * o->number, W * sizeof(REAL));
    else
        o->at = (const REAL *)x, o->step = o->number / (ptrdiff_t)sizeof(REAL);
}

VM_INLINE void TILE(sum_gradients)(int op, int wild, TILE(operand) *d, TILE(operand) *y, ptrdiff_t n, double *sum, double *sum_lo)
{
    double hi[WIDTH * W];
    REAL lo[WIDTH * W];
    ptrdiff_t lanes = n < WIDTH ? n : WIDTH;
    for (ptrdiff_t i = 0; i < n; i += TILE(chunk)) {
        const ptrdiff_t count = n - i < TILE(chunk) ? n - i : TILE(chunk);
        TILE(load_chunk)(d, i, count, n <= TILE(chunk));
        if (op == SOFTMAX || n <= TILE(chunk))
            TILE(load_chunk)(y, i, count, n <= TILE(chunk));
        for (ptrdiff_t l = 0; l < WIDTH && l < count; l++) {
            const ptrdiff_t depth = (count - l + WIDTH - 1) / WIDTH;
            double s[W];
            REAL r[W];
            if (i == 0)
                EACH_ROW {
                    s[j] = 0;
                    r[j] = 0;
                }
            else {
                memcpy(s, hi + l * W, sizeof s);
                memcpy(r, lo + l * W, sizeof r);
            }
            if (op == LOG_SOFTMAX)
                TILE(add_gradients)(d->at + l * d->step, WIDTH * d->step, depth, s, r);
#if !IS_DOUBLE
            else if (wild)
                TILE(add_wild_products)(d->at + l * d->step, WIDTH * d->step, y->at + l * y->step, WIDTH * y->step, depth, s);
#endif
            else
                TILE(add_products)(d->at + l * d->step, WIDTH * d->step, y->at + l * y->step, WIDTH * y->step, depth, s, r);
            memcpy(hi + l * W, s, sizeof s);
            memcpy(lo + l * W, r, sizeof r);
        }
    }
#if IS_DOUBLE
    TILE(fold_across)(hi, lo, lanes);
    memcpy(sum_lo, lo, W * sizeof(double));
#else
    for (ptrdiff_t half = 16; half >= 8; half /= 2) {
        for (ptrdiff_t l = 0; l + half < lanes; l++)
            EACH_ROW {
                hi[l * W + j] += hi[(l + half) * W + j];
                lo[l * W + j] += lo[(l + half) * W + j];
            }
        lanes = lanes < half ? lanes : half;
    }
    for (ptrdiff_t j = 0; j < lanes * W; j++)
        hi[j] += (double)lo[j];
    TILE(fold_across)(hi, sum_lo, lanes);
#endif
    memcpy(sum, hi, W * sizeof(double));
}

VM_INLINE void TILE(gradients)(int op, const char *dy, const char *y, char *out, ptrdiff_t n, ptrdiff_t sdy, ptrdiff_t sy,
                               ptrdiff_t cdy, ptrdiff_t cy, ptrdiff_t co)
{
    TILE(operand) d, v;
    double sum[W], sum_lo[W];
    REAL a[W], b[W];
    d.p = dy, d.row = sdy, d.number = cdy;
    v.p = y, v.row = sy, v.number = cy;
    TILE(sum_gradients)(op, 0, &d, &v, n, sum, sum_lo);
#if !IS_DOUBLE
    int wild = 0;
    for (ptrdiff_t j = 0; j < W; j++)
        wild |= !(__builtin_fabs(sum[j]) < (double)INFINITY);
    if (op == SOFTMAX && wild) {
        double other[W];
        TILE(sum_gradients)(op, 1, &d, &v, n, other, sum_lo);
        for (ptrdiff_t j = 0; j < W; j++)
            sum[j] = __builtin_fabs(sum[j]) < (double)INFINITY ? sum[j] : other[j];
    }
#endif
    NAME(split)(W, sum, sum_lo, a, b);
    for (ptrdiff_t i = 0; i < n; i += TILE(chunk)) {
        const ptrdiff_t count = n - i < TILE(chunk) ? n - i : TILE(chunk);
        if (n > TILE(chunk)) {
            TILE(load_chunk)(&d, i, count, 0);
            TILE(load_chunk)(&v, i, count, 0);
        }
        const REAL *p = d.at, *q = v.at;
        for (ptrdiff_t k = i; k < i + count; k++, p += d.step, q += v.step) {
            REAL *o = (REAL *)(out + k * co);
            if (op == SOFTMAX)
                EACH_ROW o[j] = NAME(softmax_gradient)(p[j], q[j], a[j], b[j]);
            else
                EACH_ROW o[j] = NAME(log_softmax_gradient)(p[j], q[j], a[j]);
        }
    }
}

/* W rows: dy, y and out point to the first of them */
static __attribute__((noinline)) void TILE(gradients_across)(int op, const char *dy, const char *y, char *out, ptrdiff_t n, ptrdiff_t sdy, ptrdiff_t sy,
                                                             ptrdiff_t cdy, ptrdiff_t cy, ptrdiff_t co)
{
    if (op == SOFTMAX)
        TILE(gradients)(SOFTMAX, dy, y, out, n, sdy, sy, cdy, cy, co);
    else
        TILE(gradients)(LOG_SOFTMAX, dy, y, out, n, sdy, sy, cdy, cy, co);
}
