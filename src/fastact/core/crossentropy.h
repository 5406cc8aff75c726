/* Cross-entropy of softmax: loss, gradient and the diagonal of the Hessian in one go. Included by family.h for each type.
 *
 * The sum leaves the maximum out and goes through log1p (log_sum_f8), so that the loss of a row whose label is nearly certain
 * keeps its digits. So does the gradient there, p - 1, as expm1(-loss), and the Hessian, from the sum of the others.
 */

typedef struct {
    double loss[ROWS], top[ROWS], others[ROWS];    /* the loss; the parts of the maximum and of the others in the sum */
    double total[ROWS], total_lo[ROWS], count[ROWS];        /* count: how often the maximum occurs */
    REAL a[ROWS], b[ROWS], at_label[ROWS];         /* of softmax; logits of the labels */
    ptrdiff_t first[ROWS];                         /* where the maximum is */
} NAME(entropy);

/* e^x - 1, for x <= 0 */
VM_INLINE double NAME(expm1_of)(double x)
{
    double w, s = exp_parts_f8(x < -40.0 ? -40.0 : x, -0.0, 0.0, &w);
    return fma_f8(s, w, s - 1.0);
}

/* The maximum left out: how often it occurs. The exponentials stay in e and f, if e is not NULL. */
VM_INLINE void NAME(add_others)(int first, const REAL *x, const REAL *second, REAL *e, REAL *f, REAL m, REAL c, REAL low, REAL shift, REAL *v, int *count)
{
    INDEPENDENT
    for (ptrdiff_t j = 0; j < WIDTH; j++) {
        REAL p = x[j], q = second ? second[j] : 0;
        REAL y = NAME(exponential)(p, c, low, shift), z = second ? NAME(exponential)(q, c, low, shift) : 0;
        REAL sum = (p == m ? 0 : y) + (second && q == m ? 0 : z);
        if (e)
            e[j] = y;
        if (e && second)
            f[j] = z;
        v[j] = first ? sum : v[j] + sum;
        count[j] += (p == m) + (second && q == m);
    }
}

/* Exponentials stay in the order of their numbers, where compute() would leave them; so, unlike straight.h, this has to know the maxima */
VM_INLINE void NAME(sum_and_count)(int keeps, NAME(straight) *t, NAME(entropy) *z)
{
    for (ptrdiff_t u = 0; u < t->rows; u++) {
        const REAL *x = (const REAL *)(t->x + u * t->sx), *tail = t->tails + u * WIDTH;
        const REAL m = t->top[u], c = t->c[u], low = t->low[u], shift = t->shift[u];
        double hi[8], lo[8];
        REAL v[WIDTH];
        int count[WIDTH], total = 0;
        for (ptrdiff_t j = 0; j < 8; j++)
            hi[j] = lo[j] = 0.0;
        for (ptrdiff_t j = 0; j < WIDTH; j++)
            count[j] = 0;
        for (ptrdiff_t i = 0; i < t->n; i += STRETCH) {
            const ptrdiff_t left = t->n - i < STRETCH ? t->n - i : STRETCH;
            REAL *e = t->kept == 0 ? t->stage + u * t->room + i : i < t->kept ? (REAL *)(t->out + u * t->so) + i : t->stage;
#define KEPT(k) (keeps ? e + (k) : NULL)
            for (ptrdiff_t k = 0; k < left; k += 2 * WIDTH) {
                const REAL *p = left - k < WIDTH ? tail : x + i + k, *q = left - k < 2 * WIDTH ? tail : x + i + k + WIDTH;
                if (left - k > WIDTH && k == 0)
                    NAME(add_others)(1, p, q, KEPT(k), KEPT(k + WIDTH), m, c, low, shift, v, count);
                else if (left - k > WIDTH)
                    NAME(add_others)(0, p, q, KEPT(k), KEPT(k + WIDTH), m, c, low, shift, v, count);
                else if (k == 0)
                    NAME(add_others)(1, p, NULL, KEPT(k), NULL, m, c, low, shift, v, count);
                else
                    NAME(add_others)(0, p, NULL, KEPT(k), NULL, m, c, low, shift, v, count);
            }
#undef KEPT
            NAME(add_lanes)(v, 8, hi, lo);
        }
        for (ptrdiff_t j = 0; j < WIDTH; j++)
            total += count[j];
        z->count[u] = total;
        NAME(put_four)(t->four + 4 * u, t->four_lo + 4 * u, hi, lo);
    }
    NAME(add_fours)(t->four, t->four_lo, t->sum, t->sum_lo, ROWS);
}

static __attribute__((noinline)) void NAME(sum_and_keep)(NAME(straight) *t, NAME(entropy) *z) { NAME(sum_and_count)(1, t, z); }
static __attribute__((noinline)) void NAME(sum_and_drop)(NAME(straight) *t, NAME(entropy) *z) { NAME(sum_and_count)(0, t, z); }

static void NAME(prepare)(NAME(straight) *t, NAME(entropy) *z, ptrdiff_t n)
{
    const ptrdiff_t most = NEAR / sizeof(REAL);
    t->n = n, t->whole = n - n % WIDTH;
    t->kept = n <= most ? 0 : n - n % CHUNK;
    t->room = n <= most ? (n + WIDTH - 1) / WIDTH * WIDTH : 0;
    t->how = AS_NEAR;
    t->around = 0;                                 /* a label's place is written twice */
    for (ptrdiff_t j = 0; j < 4 * ROWS; j++) {
        t->four[j] = 1.0;
        t->four_lo[j] = 0.0;
    }
    for (ptrdiff_t j = 0; j < ROWS; j++)
        z->count[j] = 1.0;
}

VM_INLINE ptrdiff_t NAME(batch_of)(ptrdiff_t rows, ptrdiff_t n)
{
    const ptrdiff_t most = NEAR / sizeof(REAL), batch = n * ROWS <= most ? ROWS : n < most ? most / n : 1;
    return rows < batch ? rows : batch;
}

/* log sum e^x = value + rest, NaN where the maximum is infinite */
static __attribute__((noinline)) void NAME(log_sums)(const NAME(straight) *t, const NAME(entropy) *z, double *value, double *rest)
{
    const double unscale = NAME(down)(SOFTMAX);
    for (ptrdiff_t j = 0; j < ROWS; j++) {
        value[j] = NAME(log_of_sum)((double)t->top[j], (double)t->part[j], (double)t->power[j], z->count[j] > 1.0 ? z->count[j] : 1.0,
                                 t->sum[j] * unscale, t->sum_lo[j] * unscale, 0.0, &rest[j]);
        value[j] += (double)(t->top[j] - t->top[j]);
    }
}

/* the whole sum, and what an exponential is multiplied by: of softmax in z, of the gradient in t */
static __attribute__((noinline)) void NAME(entropy_factors)(NAME(straight) *t, NAME(entropy) *z, const REAL *gradient)
{
    REAL ignored[ROWS];
    for (ptrdiff_t j = 0; j < ROWS; j++) {
        const double e = NAME(exponential)(t->top[j], t->c[j], t->low[j], t->shift[j]), p = e * z->count[j], s = t->sum[j] + p;
        z->total[j] = s;
        z->total_lo[j] = (sum_error_f8(t->sum[j], p, s) + fma_f8(e, z->count[j], -p)) + t->sum_lo[j];
        z->top[j] = p / s;
        z->others[j] = t->sum[j] / s;
    }
    NAME(factors)(SOFTMAX, ROWS, ignored, t->part, t->power, gradient, t->unit, z->total, z->total_lo, z->a, z->b);
    NAME(factors)(LOGSUMEXP_BACKWARD, ROWS, ignored, t->part, t->power, gradient, t->unit, z->total, z->total_lo, t->a, t->b);
}

/* exponentials to dy p, and dy p (1 - p) */
static __attribute__((noinline)) void NAME(slopes)(const REAL *e, REAL *g, REAL *h, ptrdiff_t n, REAL a, REAL b, REAL power, REAL c, REAL d)
{
    INDEPENDENT
    for (ptrdiff_t j = 0; j < n; j++) {
        REAL v = e[j], p = NAME(fma)(v, c, v * d), q = NAME(gradient_of)(v, a, b, power);
        g[j] = q;
        h[j] = NAME(fma)(-q, p, q);
    }
}

/* The maximum's own entry of the Hessian, where it occurs once */
VM_INLINE void NAME(slope_at_top)(const NAME(straight) *t, const NAME(entropy) *z, ptrdiff_t u, double dy, REAL *h)
{
    if (z->count[u] == 1.0)
        h[z->first[u]] = (REAL)(dy * (z->top[u] * z->others[u]));
}

static void NAME(find_first)(const NAME(straight) *t, NAME(entropy) *z)
{
    for (ptrdiff_t u = 0; u < t->rows; u++) {
        const REAL *x = (const REAL *)(t->x + u * t->sx);
        ptrdiff_t i = 0;
        while (i < t->n - 1 && !(x[i] == t->top[u]))
            i++;
        z->first[u] = i;
    }
}

/* Rows with the number of a class each; a row whose label is negative counts for nothing. x, g and h are ready. */
static __attribute__((noinline)) void NAME(rows_with_ids)(int results, const lines *x, const int64_t *label, const REAL *dy, REAL *loss,
                                                          const lines *g, const lines *h, ptrdiff_t rows, ptrdiff_t n)
{
    NAME(straight) t;
    NAME(entropy) z;
    double value[ROWS], rest[ROWS];
    REAL gradient[ROWS];
    t.sx = x->line, t.so = g->line;
    NAME(prepare)(&t, &z, n);
    for (ptrdiff_t row = 0; row < rows; row += t.rows) {
        t.x = x->p + row * t.sx, t.out = g->p + row * t.so;
        t.rows = NAME(batch_of)(rows - row, n);
        NAME(find_tops)(&t);
        NAME(scales)(SOFTMAX, 0, ROWS, t.top, t.part, t.power, t.c, t.low, t.shift);
        for (ptrdiff_t j = 0; j < ROWS; j++) {
            z.at_label[j] = j < t.rows && label[row + j] >= 0 ? ((const REAL *)(t.x + j * t.sx))[label[row + j]] : 0;
            gradient[j] = j < t.rows ? dy[row + j] : 1;
        }
        if (results == 3)
            NAME(find_first)(&t, &z);
        if (results == 1)
            NAME(sum_and_drop)(&t, &z);
        else
            NAME(sum_and_keep)(&t, &z);
        NAME(log_sums)(&t, &z, value, rest);
        for (ptrdiff_t j = 0; j < ROWS; j++) {
            const double v = z.at_label[j], d = value[j] - v, full = d + (sum_error_f8(value[j], -v, d) + rest[j]);
            z.loss[j] = __builtin_fabs(d) < __builtin_inf() ? full : d;
        }
        for (ptrdiff_t j = 0; j < t.rows; j++)
            loss[row + j] = label[row + j] < 0 ? 0 : (REAL)z.loss[j];
        if (results == 1)
            continue;
        NAME(entropy_factors)(&t, &z, gradient);
        if (results == 2)
            NAME(finish_backward)(&t);
        for (ptrdiff_t u = 0; u < t.rows; u++) {
            REAL *y = (REAL *)(t.out + u * t.so), *s = (REAL *)(h->p + (row + u) * h->line);
            if (results == 3) {
                NAME(slopes)(y, y, s, t.kept, t.a[u], t.b[u], t.power[u], z.a[u], z.b[u]);
                NAME(slopes)(t.stage + u * t.room, y + t.kept, s + t.kept, n - t.kept, t.a[u], t.b[u], t.power[u], z.a[u], z.b[u]);
                NAME(slope_at_top)(&t, &z, u, (double)gradient[u], s);
            }
            if (label[row + u] >= 0)
                y[label[row + u]] = (REAL)((double)gradient[u] * NAME(expm1_of)(-z.loss[u]) + 0.0);
            else {
                NAME(fill)(y, n, 0);
                if (results == 3)
                    NAME(fill)(s, n, 0);
            }
        }
    }
}

/* a - x + b, the loss of each class */
VM_INLINE void NAME(class_losses)(const REAL *x, REAL *d, ptrdiff_t n, REAL a, REAL b)
{
    for (ptrdiff_t j = 0; j < n; j++)
        d[j] = (a - x[j]) + b;
}

static __attribute__((noinline)) void NAME(share_slopes)(const REAL *x, const REAL *q, REAL *g, REAL *h, ptrdiff_t n, const NAME(straight) *t, const NAME(entropy) *z,
                                                         ptrdiff_t u, REAL dy)
{
    const REAL k = t->c[u], low = t->low[u], shift = t->shift[u], a = t->a[u], b = t->b[u], power = t->power[u], c = z->a[u], d = z->b[u];
    if (h == NULL) {
        INDEPENDENT
        for (ptrdiff_t j = 0; j < n; j++)
            g[j] = NAME(fma)(-dy, q[j], NAME(gradient_of)(NAME(exponential)(x[j], k, low, shift), a, b, power));
    } else {
        INDEPENDENT
        for (ptrdiff_t j = 0; j < n; j++) {
            REAL e = NAME(exponential)(x[j], k, low, shift), v = NAME(gradient_of)(e, a, b, power), p = NAME(fma)(e, c, e * d);
            g[j] = NAME(fma)(-dy, q[j], v);
            h[j] = NAME(fma)(-v, p, v);
        }
    }
}

/* Rows with a distribution each */
static __attribute__((noinline)) void NAME(rows_with_shares)(int results, const lines *x, const lines *q, const int64_t *label, const REAL *dy, REAL *loss,
                                                             const lines *g, const lines *h, ptrdiff_t rows, ptrdiff_t n)
{
    NAME(straight) t;
    NAME(entropy) z;
    double value[ROWS], rest[ROWS];
    REAL gradient[ROWS], chunk[CHUNK];
    t.sx = x->line;
    NAME(prepare)(&t, &z, n);
    for (ptrdiff_t row = 0; row < rows; row += t.rows) {
        t.x = x->p + row * t.sx;
        t.rows = NAME(batch_of)(rows - row, n);
        NAME(find_tops)(&t);
        NAME(scales)(SOFTMAX, 0, ROWS, t.top, t.part, t.power, t.c, t.low, t.shift);
        NAME(sum_and_drop)(&t, &z);
        NAME(log_sums)(&t, &z, value, rest);
        if (results == 3)
            NAME(find_first)(&t, &z);
        for (ptrdiff_t j = 0; j < ROWS; j++)
            gradient[j] = 1;
        for (ptrdiff_t u = 0; u < t.rows; u++) {
            const REAL *p = (const REAL *)(t.x + u * t.sx), *s = (const REAL *)(q->p + (row + u) * q->line);
            const REAL a = (REAL)value[u], b = (REAL)((value[u] - (double)a) + rest[u]);
            double hi[16], lo[16], whole[16], whole_lo[16];
            REAL sum, weight;
            for (ptrdiff_t j = 0; j < 16; j++)
                hi[j] = lo[j] = whole[j] = whole_lo[j] = 0.0;
            for (ptrdiff_t i = 0; i < n; i += CHUNK) {
                const ptrdiff_t some = n - i < CHUNK ? n - i : CHUNK;
                NAME(class_losses)(p + i, chunk, some, a, b);
                NAME(sum_products)(SOFTMAX, 1, 0, chunk, s + i, some, hi, lo, NULL);
                if (results > 1)
                    NAME(sum_products)(LOG_SOFTMAX, 0, 0, s + i, s + i, some, whole, whole_lo, NULL);
            }
            NAME(fold)(hi, lo, 8, 8);
            NAME(fold_across)(hi, lo, 1, 1);
            NAME(round_sums)(1, hi, lo, &sum);
            NAME(fold)(whole, whole_lo, 8, 8);
            NAME(fold_across)(whole, whole_lo, 1, 1);
            NAME(round_sums)(1, whole, whole_lo, &weight);
            loss[row + u] = label[row + u] < 0 ? 0 : sum;
            gradient[u] = results > 1 ? dy[row + u] * weight : 1;
        }
        if (results == 1)
            continue;
        NAME(entropy_factors)(&t, &z, gradient);
        for (ptrdiff_t u = 0; u < t.rows; u++) {
            const REAL *p = (const REAL *)(t.x + u * t.sx), *s = (const REAL *)(q->p + (row + u) * q->line);
            REAL *y = (REAL *)(g->p + (row + u) * g->line), *k = results == 3 ? (REAL *)(h->p + (row + u) * h->line) : NULL;
            NAME(share_slopes)(p, s, y, k, n, &t, &z, u, dy[row + u]);
            if (results == 3)
                NAME(slope_at_top)(&t, &z, u, (double)gradient[u], k);
            if (label[row + u] < 0) {
                NAME(fill)(y, n, 0);
                if (results == 3)
                    NAME(fill)(k, n, 0);
            }
        }
    }
}

#if HAS_PLACES
/* Rows of few numbers, as rows_with_ids() has them */
static __attribute__((noinline)) void NAME(brief_with_ids)(int results, NAME(brief_tile) *t)
{
    const double unscale = NAME(down)(SOFTMAX);
    double loss[NAME(PLACES)], total[NAME(PLACES)], total_lo[NAME(PLACES)];
    REAL ignored[NAME(PLACES)];
    EIGHT_AT_ONCE
    for (ptrdiff_t j = 0; j < NAME(PLACES); j++) {
        const double count = t->count[j], v = t->chosen[j];
        double rest, value = NAME(log_of_sum)((double)t->top[j], (double)t->part[j], (double)t->power[j], count > 1.0 ? count : 1.0,
                                              t->hi[j] * unscale, t->lo[j] * unscale, 0.0, &rest);
        value += (double)(t->top[j] - t->top[j]);
        const double d = value - v, full = d + (sum_error_f8(value, -v, d) + rest);
        loss[j] = __builtin_fabs(d) < __builtin_inf() ? full : d;
        t->loss[j] = t->label[j] < 0 ? 0 : (REAL)loss[j];
        const double e = t->unit[j], p = e * count, s = t->hi[j] + p;
        total[j] = s;
        total_lo[j] = (sum_error_f8(t->hi[j], p, s) + fma_f8(e, count, -p)) + t->lo[j];
    }
    if (results == 1)
        return;
    EIGHT_AT_ONCE
    for (ptrdiff_t j = 0; j < NAME(PLACES); j++)
        t->chosen[j] = (REAL)((double)t->gradient[j] * NAME(expm1_of)(-loss[j]) + 0.0);
    NAME(factors)(LOGSUMEXP_BACKWARD, NAME(PLACES), ignored, t->part, t->power, t->gradient, t->part, total, total_lo, t->a, t->b);
}

static __attribute__((noinline)) void NAME(brief_entropy)(int results, const lines *x, const char *labels, ptrdiff_t next, const lines *dy, const lines *loss, const lines *g,
                                                          ptrdiff_t rows, ptrdiff_t n)
{
    const ptrdiff_t many = NAME(PLACES);
    NAME(brief_tile) t[NAME(TILES)];
    for (ptrdiff_t q = 0; q < NAME(TILES); q++)
        for (ptrdiff_t j = 0; j < many; j++)
            t[q].lo[j] = 0.0, t[q].gradient[j] = 1, t[q].label[j] = -1;
    for (ptrdiff_t row = 0; row < rows; row += NAME(MANY_ROWS)) {
        const ptrdiff_t w = rows - row < NAME(MANY_ROWS) ? rows - row : NAME(MANY_ROWS);
#define EACH_TILE for (ptrdiff_t q = 0, first = row; q * many < w; q++, first += many)
        EACH_TILE {
            const ptrdiff_t some = rows - first < many ? rows - first : many;
            for (ptrdiff_t u = 0; u < some; u++) {
                int64_t label;
                memcpy(&label, labels + (first + u) * next, sizeof label);
                t[q].label[u] = (REAL)label;
            }
            if (results > 1)
                NAME(gather)(dy, 0, first, some, 0, t[q].gradient);
            NAME(brief_counts)(&t[q], x, first, rows, n);
        }
        EACH_TILE
            NAME(brief_with_ids)(results, &t[q]);
        EACH_TILE {
            NAME(scatter)(loss, 0, first, rows - first < many ? rows - first : many, t[q].loss);
            if (results > 1)
                NAME(brief_slopes)(&t[q], g, first, rows, n);
        }
#undef EACH_TILE
    }
}
#endif

/* x, labels, where, dy -> loss, gradient, hessian, of which dy and the last results may be missing; 0, or -1 without memory */
static int NAME(cross_entropy)(int ids, int results, int storage, char **data, const ptrdiff_t *dims, const ptrdiff_t *strides)
{
    const int nin = results == 1 ? 3 : 4, nargs = nin + results;
    const ptrdiff_t rows = dims[0], n = dims[1], *core = strides + nargs, most = NAME(tile_rows)(n), size = NAME(tile_step)(n) * most;
    const lines dy = make_lines(storage, data[3], 0, strides[3]), loss = make_lines(storage, data[nin], 0, strides[nin]);
    lines x = make_lines(storage, data[0], strides[0], core[0]), q = x, g = x, h = x;
    const ptrdiff_t mask_next = ids ? core[1] : core[2];
    REAL factor[ROWS], result[ROWS];
    int64_t label[ROWS];
    if (!ids)
        q = make_lines(storage, data[1], strides[1], core[1]);
    if (results > 1)
        g = make_lines(storage, data[nin + 1], strides[nin + 1], core[ids ? 2 : 3]);
    if (results > 2)
        h = make_lines(storage, data[nin + 2], strides[nin + 2], core[ids ? 3 : 4]);
    if (strides[2] != 0 || mask_next != 0 || *data[2] == 0) {
        x.mask = q.mask = data[2];
        x.mask_line = q.mask_line = strides[2], x.mask_next = q.mask_next = mask_next;
    }
    if (n == 0)
        for (ptrdiff_t row = 0; row < rows; row++) {
            const REAL nothing = 0;
            NAME(scatter)(&loss, 0, row, 1, &nothing);
        }
    if (n == 0 || rows == 0)
        return 0;
#if HAS_PLACES
    if (ids && results < 3 && n > 1 && n <= (HAS_VECTORS ? WIDTH : 24) && x.ready && x.mask == NULL && g.ready) {
        NAME(brief_entropy)(results, &x, data[1], strides[1], &dy, &loss, &g, rows, n);
        return 0;
    }
#endif
    REAL *room = NAME(rooms)(4, n, 0);
    if (room == NULL)
        return -1;
    for (ptrdiff_t row = 0; row < rows; row += most) {
        const ptrdiff_t w = rows - row < most ? rows - row : most;
        for (ptrdiff_t u = 0; u < w; u++) {
            factor[u] = 1;
            label[u] = 0;
            if (ids)
                memcpy(&label[u], data[1] + (row + u) * strides[1], sizeof(int64_t));
            if (NAME(all_masked)(&x, row + u, n))
                label[u] = -1;
        }
        if (results > 1)
            NAME(gather)(&dy, 0, row, w, 0, factor);
        const lines here = NAME(bring)(&x, row, w, n, (REAL)-INFINITY, room), shares = ids ? here : NAME(bring)(&q, row, w, n, 0, room + size);
        const lines there = NAME(place)(&g, row, n, room + 2 * size), slopes = NAME(place)(&h, row, n, room + 3 * size);
        if (ids)
            NAME(rows_with_ids)(results, &here, label, factor, result, &there, &slopes, w, n);
        else
            NAME(rows_with_shares)(results, &here, &shares, label, factor, result, &there, &slopes, w, n);
        NAME(scatter)(&loss, 0, row, w, result);
        if (results > 1)
            NAME(send)(&g, row, w, n, room + 2 * size);
        if (results > 2)
            NAME(send)(&h, row, w, n, room + 3 * size);
    }
    free(room);
    return 0;
}
