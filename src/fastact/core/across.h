/* Rows that lie across memory: a strip of them together, STRIP at most and WIDE or a multiple of it. Included by row.h for
 * each type and WIDE.
 *
 * Neighbours in memory belong to different rows, so lanes are added without ever being apart. A strip is wide, because
 * short pieces of memory that are a power of two apart push each other out of the cache.
 */

typedef struct {
    lines x, out;
    ptrdiff_t n, w;                                /* w rows */
    REAL top[NAME(STRIP)] __attribute__((aligned(64))), part[NAME(STRIP)], power[NAME(STRIP)], c[NAME(STRIP)], low[NAME(STRIP)], shift[NAME(STRIP)];
    REAL held[WIDTH * NAME(STRIP)], unit[NAME(STRIP)];
    REAL a[NAME(STRIP)], b[NAME(STRIP)], gradient[NAME(STRIP)], v[4 * NAME(STRIP)], fetched[2][8 * NAME(STRIP)];
    double hi[8 * NAME(STRIP)], lo[(IS_DOUBLE ? 8 : 1) * NAME(STRIP)];
} TILE(across);

/* `depth` lines of a strip, where they are or else in `to` */
typedef struct {
    REAL *p;
    ptrdiff_t step;
} TILE(tile);

VM_INLINE TILE(tile) TILE(room)(const lines *a, ptrdiff_t i, ptrdiff_t every, REAL *to)
{
    TILE(tile) t = {to, NAME(STRIP)};
    if (a->ready && a->mask == NULL)
        t.p = (REAL *)(a->p + i * a->line), t.step = every * a->line / (ptrdiff_t)sizeof(REAL);
    return t;
}

VM_INLINE TILE(tile) TILE(get_lines)(const lines *a, ptrdiff_t i, ptrdiff_t every, ptrdiff_t depth, ptrdiff_t w, REAL pad, REAL *to)
{
    TILE(tile) t = TILE(room)(a, i, every, to);
    for (ptrdiff_t k = 0; t.p == to && k < depth; k++)
        NAME(gather)(a, i + k * every, 0, w, pad, to + k * NAME(STRIP));
    return t;
}

VM_INLINE void TILE(put_lines)(const lines *a, ptrdiff_t i, ptrdiff_t depth, ptrdiff_t w, TILE(tile) t, const REAL *from)
{
    for (ptrdiff_t k = 0; t.p == from && k < depth; k++)
        NAME(scatter)(a, i + k, 0, w, from + k * NAME(STRIP));
}

/* lines k, k + every, ... below `end` from memory, where that is called for */
VM_INLINE void TILE(fetch)(const lines *a, ptrdiff_t k, ptrdiff_t every, ptrdiff_t end, ptrdiff_t w)
{
    if (__builtin_expect(a->ahead, 0))
        for (; k < end; k += every)
            for (ptrdiff_t j = 0; j < w * (ptrdiff_t)sizeof(REAL); j += 64)
                __builtin_prefetch(a->p + k * a->line + j);
}

VM_INLINE void TILE(tops_of)(ptrdiff_t w, TILE(tile) x, ptrdiff_t depth, REAL *top)
{
    const REAL *p = x.p, *q = p + (depth > 1 ? x.step : 0), *r = p + (depth > 2 ? 2 * x.step : 0), *s = p + (depth > 3 ? 3 * x.step : 0);
    EACH_ROW
        top[j] = NAME(greater)(NAME(greater)(p[j], q[j]), NAME(greater)(NAME(greater)(r[j], s[j]), top[j]));
}

static __attribute__((noinline)) void TILE(tops_across)(TILE(across) *t)
{
    const ptrdiff_t w = WIDE == 8 ? 8 : t->w;
    EACH_ROW
        t->top[j] = (REAL)-INFINITY;
    for (ptrdiff_t i = 0; i < t->n; i += 4) {
        const ptrdiff_t depth = t->n - i < 4 ? t->n - i : 4;
        const TILE(tile) x = TILE(get_lines)(&t->x, i, 1, depth, w, (REAL)-INFINITY, t->fetched[0]);
        TILE(tops_of)(w, x, depth, t->top);
    }
}

#if defined(__AVX512F__)
/* A piece of two lines in vectors, see vectors.h. Eight rows of floats are but half a vector: those of both lines are one. */
enum { TILE(HALVES) = WIDE == 8 && !IS_DOUBLE, TILE(MANY) = WIDE == 8 ? 1 : 2, TILE(PIECE) = WIDE == 8 ? 8 : 2 * NAME(PLACES) };

/* exponentials of some vectors of a line, t, and if `two` of another, u; only of u, if not `one` */
VM_INLINE void TILE(raise_piece)(int one, int two, int plain, int cut, NAME(vector) *t, NAME(vector) *u, const NAME(scale) *scale)
{
    const int many = TILE(MANY), first = one ? 0 : many, count = one + two;
    NAME(vector) v[4];
#if !IS_DOUBLE
    if (TILE(HALVES) && count == 2) {
        *v = _mm512_insertf32x8(*t, _mm512_castps512_ps256(*u), 1);
        NAME(raise)(1, plain, cut, 1, v, scale);
        *t = *v;
        *u = _mm512_castps256_ps512(_mm512_extractf32x8_ps(*v, 1));
        return;
    }
#endif
    for (int k = 0; k < many; k++) {
        v[k] = t[k];
        v[many + k] = u[k];
    }
    NAME(raise)(count * many, plain, cut, many, v + first, scale);
    for (int k = 0; k < many; k++) {
        t[k] = v[k];
        u[k] = v[many + k];
    }
}

VM_INLINE NAME(vector) TILE(load)(const REAL *x)
{
#if !IS_DOUBLE
    if (TILE(HALVES))
        return _mm512_castps256_ps512(_mm256_loadu_ps(x));
#endif
    return V(loadu)(x);
}

VM_INLINE void TILE(store)(REAL *x, NAME(vector) v)
{
#if !IS_DOUBLE
    if (TILE(HALVES)) {
        _mm256_storeu_ps(x, _mm512_castps512_ps256(v));
        return;
    }
#endif
    V(storeu)(x, v);
}

VM_INLINE NAME(scale) TILE(scales)(const REAL *c, const REAL *low, const REAL *shift)
{
#if !IS_DOUBLE
    if (TILE(HALVES)) {
        NAME(scale) s = {_mm512_broadcast_f32x8(_mm256_loadu_ps(c)), _mm512_broadcast_f32x8(_mm256_loadu_ps(low)),
                         V(add)(NAME(scale_of)(0, 0, 0).magic, _mm512_broadcast_f32x8(_mm256_loadu_ps(shift))),
                         V(add)(_mm512_broadcast_f32x8(_mm256_loadu_ps(low)), V(set1)(CUT))};
        return s;
    }
#endif
    return NAME(scales_of)(c, low, shift);
}
#endif

/* exponentials of a line, p, and if `two` of another, q, added to v; kept in y and z if `keeps`; `cut`: see raise() */
VM_INLINE void TILE(add_pair)(int keeps, int cut, int two, ptrdiff_t w, const REAL *p, const REAL *q, REAL *y, REAL *z,
                              const REAL *c, const REAL *low, const REAL *shift, REAL *v, REAL *tops)
{
#if defined(__AVX512F__) && !(IS_DOUBLE && WIDE == 32)      /* of which the plain loop comes to more memory at a time */
    const NAME(scale) same = NAME(scale_of)(0, low[0], shift[0]);
    for (ptrdiff_t j = 0; j < w; j += TILE(PIECE)) {
        NAME(vector) e[2], f[2];
        NAME(scale) scale[2];
        for (int k = 0; k < TILE(MANY); k++) {
            const ptrdiff_t at = j + k * NAME(PLACES);
            scale[k] = tops != NULL ? same : TILE(scales)(c + at, low + at, shift + at);
            e[k] = f[k] = TILE(load)(p + at);
            if (two)
                f[k] = TILE(load)(q + at);
            if (tops != NULL)
                TILE(store)(tops + at, V(max)(two ? V(max)(f[k], e[k]) : e[k], TILE(load)(tops + at)));
        }
        TILE(raise_piece)(1, two, tops != NULL, cut, e, f, scale);
        for (int k = 0; k < TILE(MANY); k++) {
            const ptrdiff_t at = j + k * NAME(PLACES);
            if (keeps)
                TILE(store)(y + at, e[k]);
            if (keeps && two)
                TILE(store)(z + at, f[k]);
            TILE(store)(v + at, V(add)(TILE(load)(v + at), two ? V(add)(e[k], f[k]) : e[k]));
        }
    }
#else
    if (tops != NULL) {                            /* they are not known yet: all rows have their maximum near 0, so it is guessed */
        const REAL floor = low[0], up = shift[0];
        EACH_ROW {
            REAL e = NAME(exponential)(p[j], 0, floor, up), f = two ? NAME(exponential)(q[j], 0, floor, up) : 0;
            v[j] += e + f;
            tops[j] = NAME(greater)(two ? NAME(greater)(q[j], p[j]) : p[j], tops[j]);
            y[j] = e;
            if (two)
                z[j] = f;
        }
        return;
    }
    EACH_ROW {
        REAL e = NAME(exponential)(p[j], c[j], low[j], shift[j]), f = two ? NAME(exponential)(q[j], c[j], low[j], shift[j]) : 0;
        v[j] += e + f;
        if (keeps)
            y[j] = e;
        if (keeps && two)
            z[j] = f;
    }
#endif
}

VM_INLINE void TILE(no_sums)(TILE(across) *t)
{
    for (ptrdiff_t j = 0; j < 8 * NAME(STRIP); j++)
        t->hi[j] = 0.0;
    for (ptrdiff_t j = 0; j < (ptrdiff_t)(sizeof t->lo / sizeof *t->lo); j++)
        t->lo[j] = 0.0;
}

VM_INLINE void TILE(sum_across)(int keeps, int cut, int guessed, TILE(across) *t)
{
    const ptrdiff_t w = WIDE == 8 ? 8 : t->w, n = t->n, far_x = WIDTH * t->x.line, far_out = WIDTH * t->out.line;
    const int ready = t->x.ready && t->x.mask == NULL;
    const REAL *c = t->c, *low = t->low, *shift = t->shift;
    REAL here[3][WIDE], *tops = guessed ? t->top : NULL;
    if (WIDE == 8) {                               /* where nothing that is written may change them: they stay in registers */
        EACH_ROW
            here[0][j] = c[j], here[1][j] = low[j], here[2][j] = shift[j];
        c = here[0], low = here[1], shift = here[2];
    }
    TILE(no_sums)(t);
    for (ptrdiff_t i = 0; i < n; i += STRETCH)
        for (ptrdiff_t l = 0; l < 8 && i + l < n; l++) {
            const ptrdiff_t end = n < i + STRETCH ? n : i + STRETCH;
            for (ptrdiff_t s = 0; s < 4; s++) {
                REAL *v = t->v + s * NAME(STRIP);
                TILE(fetch)(&t->x, i + l + 8 * s + 1, WIDTH, end, w);
                TILE(fetch)(&t->out, i + l + 8 * s + 1, WIDTH, end, w);
                EACH_ROW
                    v[j] = 0;
                for (ptrdiff_t k = i + l + 8 * s; k < end; k += 2 * WIDTH) {
                    const int two = k + WIDTH < end;
                    const REAL *p = (const REAL *)(t->x.p + k * t->x.line), *q = (const REAL *)(t->x.p + k * t->x.line + far_x);
                    REAL *y = (REAL *)(t->out.p + k * t->out.line), *z = (REAL *)(t->out.p + k * t->out.line + far_out);
                    if (!ready) {
                        p = NAME(gather)(&t->x, k, 0, w, (REAL)-INFINITY, t->fetched[0]);
                        q = two ? NAME(gather)(&t->x, k + WIDTH, 0, w, (REAL)-INFINITY, t->fetched[1]) : p;
                    }
                    if (two)
                        TILE(add_pair)(keeps, cut, 1, w, p, q, y, z, c, low, shift, v, tops);
                    else
                        TILE(add_pair)(keeps, cut, 0, w, p, p, y, y, c, low, shift, v, tops);
                }
            }
            for (ptrdiff_t j = 0; j < w; j += 8)
                NAME(add_lanes)(t->v + j, NAME(STRIP), t->hi + l * NAME(STRIP) + j, t->lo + l * NAME(STRIP) + j);
        }
    NAME(fold_across)(t->hi, t->lo, NAME(STRIP), w);
}

/* Without the maximum, as straight.h says. Whether all maxima were near, if that was guessed. */
VM_INLINE void TILE(others)(int initial, int two, ptrdiff_t w, const REAL *p, const REAL *q, const REAL *c, const REAL *low, const REAL *shift, REAL *held, REAL *v)
{
#if defined(__AVX512F__)
    for (ptrdiff_t j = 0; j < w; j += TILE(PIECE)) {
        NAME(vector) t[2], u[2];
        NAME(scale) scale[2];
        for (int k = 0; k < TILE(MANY); k++) {
            const ptrdiff_t at = j + k * NAME(PLACES);
            NAME(vector) h = TILE(load)(held + at);
            scale[k] = TILE(scales)(c + at, low + at, shift + at);
            t[k] = u[k] = h;
            if (!initial) {
                const NAME(vector) number = TILE(load)(p + at);
                t[k] = V(min)(h, number);
                h = V(max)(number, h);
            }
            if (two) {
                const NAME(vector) number = TILE(load)(q + at);
                u[k] = V(min)(h, number);
                h = V(max)(number, h);
            }
            TILE(store)(held + at, h);
        }
        TILE(raise_piece)(!initial, two, 0, 1, t, u, scale);
        for (int k = 0; k < TILE(MANY); k++) {
            const ptrdiff_t at = j + k * NAME(PLACES);
            TILE(store)(v + at, V(add)(TILE(load)(v + at), initial ? u[k] : two ? V(add)(t[k], u[k]) : t[k]));
        }
    }
#else
    EACH_ROW {
        const REAL t = NAME(lesser)(p[j], held[j]), h = initial ? held[j] : NAME(greater)(p[j], held[j]), u = NAME(lesser)(q[j], h);
        held[j] = two ? NAME(greater)(q[j], h) : h;
        v[j] += (initial ? 0 : NAME(exponential)(t, c[j], low[j], shift[j])) + (two ? NAME(exponential)(u, c[j], low[j], shift[j]) : 0);
    }
#endif
}

static __attribute__((noinline)) int TILE(sum_others_across)(int guessed, TILE(across) *t)
{
    const ptrdiff_t w = WIDE == 8 ? 8 : t->w, n = t->n;
    const int ready = t->x.ready && t->x.mask == NULL;
    const REAL *c = t->c, *low = t->low, *shift = t->shift;
    const ptrdiff_t places = n < WIDTH ? n : WIDTH;        /* the others' would be -inf, and add 0 */
    int again[NAME(STRIP)];
    TILE(no_sums)(t);
    for (ptrdiff_t k = 0; k < places; k++)
        NAME(gather)(&t->x, k, 0, w, (REAL)-INFINITY, t->held + k * NAME(STRIP));
    for (ptrdiff_t i = 0; i < n; i += STRETCH)
        for (ptrdiff_t l = 0; l < 8 && i + l < n; l++) {
            const ptrdiff_t end = n < i + STRETCH ? n : i + STRETCH;
            for (ptrdiff_t s = 0; s < 4; s++) {
                REAL *v = t->v + s * NAME(STRIP), *held = t->held + (l + 8 * s) * NAME(STRIP);
                TILE(fetch)(&t->x, i + l + 8 * s + 1, WIDTH, end, w);
                EACH_ROW
                    v[j] = 0;
                for (ptrdiff_t k = i + l + 8 * s; k < end; k += 2 * WIDTH) {
                    const int two = k + WIDTH < end;
                    const REAL *p = (const REAL *)(t->x.p + k * t->x.line), *q = two ? p + WIDTH * t->x.line / (ptrdiff_t)sizeof(REAL) : p;
                    if (!ready) {
                        p = NAME(gather)(&t->x, k, 0, w, (REAL)-INFINITY, t->fetched[0]);
                        q = two ? NAME(gather)(&t->x, k + WIDTH, 0, w, (REAL)-INFINITY, t->fetched[0] + NAME(STRIP)) : p;
                    }
                    if (k < WIDTH && two)          /* the first is held back */
                        TILE(others)(1, 1, w, p, q, c, low, shift, held, v);
                    else if (k >= WIDTH && two)
                        TILE(others)(0, 1, w, p, q, c, low, shift, held, v);
                    else if (k >= WIDTH)
                        TILE(others)(0, 0, w, p, q, c, low, shift, held, v);
                }
            }
            for (ptrdiff_t j = 0; j < w; j += 8)
                NAME(add_lanes)(t->v + j, NAME(STRIP), t->hi + l * NAME(STRIP) + j, t->lo + l * NAME(STRIP) + j);
        }
    for (ptrdiff_t half = WIDTH / 2; half > 0; half /= 2)
        for (ptrdiff_t k = 0; k < half && k + half < places; k++)
            NAME(meet)(t->held + k * NAME(STRIP), t->held + (k + half) * NAME(STRIP), w);
    EACH_ROW {
        t->top[j] = t->held[j];
        t->held[j] = (REAL)-INFINITY;
        again[j] = 0;
    }
    if (guessed && !NAME(tops_near)(t->top, w))
        return 0;
    for (ptrdiff_t l = 0; l < 8 && l < places; l++) {
        for (ptrdiff_t s = 0; s < 4; s++) {
            const REAL *held = t->held + (l + 8 * s) * NAME(STRIP);
            REAL *v = t->v + s * NAME(STRIP);
            if (l + 8 * s < places)
                EACH_ROW {
                    again[j] |= held[j] == t->top[j];
                    v[j] = NAME(exponential)(held[j], c[j], low[j], shift[j]);
                }
            else
                EACH_ROW
                    v[j] = 0;
        }
        for (ptrdiff_t j = 0; j < w; j += 8)
            NAME(add_lanes)(t->v + j, NAME(STRIP), t->hi + l * NAME(STRIP) + j, t->lo + l * NAME(STRIP) + j);
    }
    EACH_ROW
        t->unit[j] = NAME(unit_of)(again[j], t->top[j], c[j], low[j], shift[j]);
    NAME(fold_across)(t->hi, t->lo, NAME(STRIP), w);
    return 1;
}

VM_INLINE void TILE(finish_lines)(int op, int again, ptrdiff_t w, const TILE(across) *t, TILE(tile) v, TILE(tile) y, ptrdiff_t depth)
{
    const REAL *a = t->a, *b = t->b, *power = t->power, *c = t->c, *low = t->low, *shift = t->shift;
    if (op == SOFTMAX && !again && NAME(sharp)()) {
        NAME(careful_lines)(v.p, v.step, y.p, y.step, depth, w, a, b);
        return;
    }
    for (ptrdiff_t k = 0; k < depth; k++) {
        const REAL *p = v.p + k * v.step;
        REAL *q = y.p + k * y.step;
        EACH_ROW
            q[j] = NAME(result)(op, again ? NAME(exponential)(p[j], c[j], low[j], shift[j]) : p[j], a[j], b[j], power[j]);
    }
    if (op == SOFTMAX && !again) {
        const REAL *line = y.p + NAME(pick)((uintptr_t)y.p, depth / 2 + 1) * y.step;
        for (ptrdiff_t j = 0; j < w; j += 64)
            NAME(look)(line + j);
    }
}

/* `again`: the exponentials were not kept */
VM_INLINE void TILE(finish_across)(int op, int again, TILE(across) *t)
{
    const ptrdiff_t w = WIDE == 8 ? 8 : t->w;
    for (ptrdiff_t i = 0; i < t->n; i += 8) {
        const ptrdiff_t depth = t->n - i < 8 ? t->n - i : 8;
        const TILE(tile) v = TILE(get_lines)(op == LOG_SOFTMAX || again ? &t->x : &t->out, i, 1, depth, w, (REAL)-INFINITY, t->fetched[0]);
        const TILE(tile) y = TILE(room)(&t->out, i, 1, t->fetched[1]);
        TILE(finish_lines)(op, again, w, t, v, y, depth);
        TILE(put_lines)(&t->out, i, depth, w, y, t->fetched[1]);
    }
}

static __attribute__((noinline)) void TILE(sum_kept_across)(TILE(across) *t) { TILE(sum_across)(1, 0, 0, t); }
#if defined(__AVX512F__)
static __attribute__((noinline)) void TILE(sum_softmax_across)(TILE(across) *t) { TILE(sum_across)(1, 1, 0, t); }
#else
static void TILE(sum_softmax_across)(TILE(across) *t) { TILE(sum_kept_across)(t); }
#endif
static __attribute__((noinline)) void TILE(sum_all_across)(TILE(across) *t) { TILE(sum_across)(0, 0, 0, t); }
static __attribute__((noinline)) void TILE(softmax_across)(TILE(across) *t) { TILE(finish_across)(SOFTMAX, 0, t); }
static __attribute__((noinline)) void TILE(softmax_across_again)(TILE(across) *t) { TILE(finish_across)(SOFTMAX, 1, t); }
static __attribute__((noinline)) void TILE(log_softmax_across)(TILE(across) *t) { TILE(finish_across)(LOG_SOFTMAX, 0, t); }
static __attribute__((noinline)) void TILE(backward_across)(TILE(across) *t) { TILE(finish_across)(LOGSUMEXP_BACKWARD, 0, t); }
static __attribute__((noinline)) void TILE(backward_across_again)(TILE(across) *t) { TILE(finish_across)(LOGSUMEXP_BACKWARD, 1, t); }

/* All exponentials, as of rows whose maximum is near 0; whether it was. If not, nothing has happened but to the results. */
static __attribute__((noinline)) int TILE(sum_near_across)(int op, TILE(across) *t)
{
    for (ptrdiff_t j = 0; j < t->w; j++)
        t->top[j] = 0;
    NAME(scales)(op, 1, IS_LOG(op) ? t->w : 1, t->top, t->part, t->power, t->c, t->low, t->shift);
    if (IS_LOG(op))
        return TILE(sum_others_across)(1, t);
    for (ptrdiff_t j = 0; j < t->w; j++)
        t->top[j] = (REAL)-INFINITY;
    TILE(sum_across)(1, 1, 1, t);
    return NAME(tops_near)(t->top, t->w);
}

/* w rows; dy and, of logsumexp, out are one number for each. `guess`: whether the rows before these had their maximum near 0 */
static void TILE(rows_across)(int op, const lines *dy, const lines *x, const lines *out, ptrdiff_t n, ptrdiff_t w, int *guess)
{
    TILE(across) t;
    t.x = *x, t.out = *out, t.n = n, t.w = w;
    const int kept = IS_LOG(op) || (op == SOFTMAX && out->ready && x->ready && x->p != out->p);
    *guess = *guess && kept && TILE(sum_near_across)(op, &t);
    if (*guess)                                    /* what scales() says of these maxima, too */
        memcpy(t.part, t.top, w * sizeof(REAL));
    else {
        TILE(tops_across)(&t);
        NAME(scales)(op, op != LOGSUMEXP_BACKWARD, w, t.top, t.part, t.power, t.c, t.low, t.shift);
        *guess = kept && NAME(tops_near)(t.top, w);
        if (IS_LOG(op))
            TILE(sum_others_across)(0, &t);
        else
            (!out->ready ? TILE(sum_all_across) : op == SOFTMAX ? TILE(sum_softmax_across) : TILE(sum_kept_across))(&t);
    }
    if (op == LOGSUMEXP_BACKWARD)
        NAME(gather)(dy, 0, 0, w, 0, t.gradient);
    NAME(factors)(op, w, t.top, t.part, t.power, t.gradient, t.unit, t.hi, t.lo, t.a, t.b);
    if (op == LOG_SOFTMAX)
        TILE(log_softmax_across)(&t);
    else if (op == LOGSUMEXP)
        NAME(scatter)(out, 0, 0, w, t.top);
    else if (op == SOFTMAX)
        (out->ready ? TILE(softmax_across) : TILE(softmax_across_again))(&t);
    else
        (out->ready ? TILE(backward_across) : TILE(backward_across_again))(&t);
}

/* ---- gradients from the result ---- */

typedef struct {
    const lines *dy, *y, *out;
    ptrdiff_t n, w;
    REAL a[NAME(BROAD)] __attribute__((aligned(64))), fetched[2][8 * NAME(STRIP)];
    double hi[16 * NAME(BROAD)], lo[16 * (IS_DOUBLE ? NAME(BROAD) : 1)];
} TILE(gradients_strip);

VM_INLINE void TILE(sum_products_across)(int op, int select, TILE(gradients_strip) *t)
{
    const ptrdiff_t w = t->w, n = t->n;
    for (ptrdiff_t l = n; l < 16; l++) {
        for (ptrdiff_t j = 0; j < w; j++)
            t->hi[l * NAME(BROAD) + j] = 0.0;
        for (ptrdiff_t j = 0; IS_DOUBLE && j < w; j++)
            t->lo[l * NAME(BROAD) + j] = 0.0;
    }
    for (ptrdiff_t i = 0; i < n; i += 64)
        for (ptrdiff_t l = 0; l < 16 && i + l < n; l++) {
            const ptrdiff_t depth = ((n < i + 64 ? n : i + 64) - i - l + 15) / 16;
            const TILE(tile) d = TILE(get_lines)(t->dy, i + l, 16, depth, w, 0, t->fetched[0]);
            const TILE(tile) y = op == SOFTMAX ? TILE(get_lines)(t->y, i + l, 16, depth, w, 0, t->fetched[1]) : d;
            double *hi = t->hi + l * NAME(BROAD), *lo = t->lo + l * NAME(BROAD);
            TILE(fetch)(t->dy, i + l + 1, 16, n < i + 64 ? n : i + 64, w);
            TILE(fetch)(t->y, i + l + 1, 16, n < i + 64 ? n : i + 64, w);
            if (depth == 4 && i == 0)
                NAME(add_products)(op, select, 1, d.p, d.step, y.p, y.step, 4, w, hi, lo);
            else if (depth == 4)
                NAME(add_products)(op, select, 0, d.p, d.step, y.p, y.step, 4, w, hi, lo);
            else
                NAME(add_products)(op, select, i == 0, d.p, d.step, y.p, y.step, depth, w, hi, lo);
        }
    for (ptrdiff_t l = 0; l < 8; l++)
        NAME(fold)(t->hi + l * NAME(BROAD), t->lo + l * NAME(BROAD), 8 * NAME(BROAD), w);
    NAME(fold_across)(t->hi, t->lo, NAME(BROAD), w);
    NAME(round_sums)(w, t->hi, t->lo, t->a);
}

VM_INLINE void TILE(gradients_of)(int op, int select, ptrdiff_t w, TILE(tile) dy, TILE(tile) y, TILE(tile) out, ptrdiff_t depth, const REAL *a)
{
    for (ptrdiff_t k = 0; k < depth; k++) {
        const REAL *p = dy.p + k * dy.step, *q = y.p + k * y.step;
        REAL *o = out.p + k * out.step;
        EACH_ROW
            o[j] = NAME(gradient)(op, select, p[j], q[j], a[j]);
    }
}

VM_INLINE void TILE(finish_gradients_across)(int op, int select, TILE(gradients_strip) *t)
{
    const ptrdiff_t w = t->w;
    for (ptrdiff_t i = 0; i < t->n; i += 8) {
        const ptrdiff_t depth = t->n - i < 8 ? t->n - i : 8;
        const TILE(tile) d = TILE(get_lines)(t->dy, i, 1, depth, w, 0, t->fetched[0]), y = TILE(get_lines)(t->y, i, 1, depth, w, 0, t->fetched[1]);
        const TILE(tile) o = TILE(room)(t->out, i, 1, t->fetched[0]);
        TILE(gradients_of)(op, select, w, d, y, o, depth, t->a);
        TILE(put_lines)(t->out, i, depth, w, o, t->fetched[0]);
    }
}

static __attribute__((noinline)) void TILE(selected_softmax_gradients_across)(TILE(gradients_strip) *t)
{
    TILE(sum_products_across)(SOFTMAX, 1, t);
    TILE(finish_gradients_across)(SOFTMAX, 1, t);
}

static __attribute__((noinline)) void TILE(softmax_gradients_across)(TILE(gradients_strip) *t)
{
    TILE(sum_products_across)(SOFTMAX, 0, t);
    if (NAME(all_small)(t->w, t->a))
        TILE(finish_gradients_across)(SOFTMAX, 0, t);
    else
        TILE(selected_softmax_gradients_across)(t);
}

static __attribute__((noinline)) void TILE(log_softmax_gradients_across)(TILE(gradients_strip) *t)
{
    TILE(sum_products_across)(LOG_SOFTMAX, 0, t);
    TILE(finish_gradients_across)(LOG_SOFTMAX, 0, t);
}

static void TILE(gradients_across)(int op, const lines *dy, const lines *y, const lines *out, ptrdiff_t n, ptrdiff_t w)
{
    TILE(gradients_strip) t;
    t.dy = dy, t.y = y, t.out = out, t.n = n, t.w = w;
    (op == SOFTMAX ? TILE(softmax_gradients_across) : TILE(log_softmax_gradients_across))(&t);
}
