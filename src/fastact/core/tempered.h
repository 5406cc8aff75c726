/* Softmax at a temperature T, of either sign: rows side by side, as in straight.h. Included by family.h for each type.
 *
 * Exponentials are e^((x-m)/T) 2^UP, m the maximum; 1/T is r + r_lo. Where m/T is large, x - m is exact wherever it matters. Where
 * m/T is small, x - m might be rounded and is never computed: m/T is rough - rest, rough with so few digits that rough + n ln 2 is
 * exact for a ln 2 of as few; x r less that sum is rounded once, and what was left out is added. In either case the
 * maximum's exponential is exactly 2^UP.
 *
 * Rows of a very large or small T are copied, times a power of two, so that r, r_lo and the products are normal numbers. Rows of
 * a negative T are copied, too, times -1.
 */

typedef struct {
    NAME(straight) t;
    REAL least[ROWS];                              /* what is less counts as 0 */
    REAL turns[ROWS], start[ROWS];                 /* n = turns x + start, rounded: 1/(T ln 2), and -m times that */
    REAL rough[ROWS], rest[ROWS];                  /* m/T = rough - rest; they and start are 0 where m itself is subtracted */
    const REAL *r, *r_lo;
    REAL all_r[2 * ROWS], all_r_lo[2 * ROWS];      /* of ROWS rows, and of more that are not there */
    REAL sign[ROWS], scale[ROWS];                  /* what a row is multiplied by */
} NAME(tempered_rows);

/* For ROWS rows what depends on T alone. T is held where it is infinite or 0, at what has the limit's results. */
static __attribute__((noinline)) void NAME(invert)(NAME(tempered_rows) *o, const REAL *temperature)
{
    const double high = IS_DOUBLE ? 0x1p500 : 0x1p60, down = IS_DOUBLE ? 0x1p-512 : 0x1p-64, most = IS_DOUBLE ? 0x1p600 : 0x1p100;
    for (ptrdiff_t j = 0; j < ROWS; j++) {
        double t = __builtin_fabs((double)temperature[j]);
        const double scale = t > high ? down : t < 1.0 / high ? 1.0 / down : 1.0;
        t *= scale;
        t = t > most ? most : t < 1.0 / most ? 1.0 / most : t;
        const double inverse = 1.0 / t;
        o->all_r[j] = (REAL)inverse;
        o->all_r_lo[j] = (REAL)((inverse - (double)o->all_r[j]) + fma_f8(-inverse, t, 1.0) * inverse);
        o->sign[j] = NAME(copysign)(1, temperature[j]);
        o->scale[j] = (REAL)scale;
    }
}

/* A copy of the rows, as they are multiplied. With a small T all but a small maximum would leave the range, and so is subtracted. */
static __attribute__((noinline)) lines NAME(prepared)(const NAME(tempered_rows) *o, const lines *a, ptrdiff_t w, ptrdiff_t n, REAL *room)
{
    const ptrdiff_t step = NAME(tile_step)(n), size = sizeof(REAL);
    for (ptrdiff_t u = 0; u < w; u++) {
        const REAL *x = (const REAL *)(a->p + u * a->line), sign = o->sign[u], scale = o->scale[u];
        REAL *to = room + u * step, top = 0;
        INDEPENDENT
        for (ptrdiff_t j = 0; j < n; j++)
            to[j] = x[j] * sign;
        if (scale > 1)
            top = NAME(top_or_nan)(to, n);
        top = NAME(abs)(top) > 1 ? top : 0;
        if (scale != 1)
            for (ptrdiff_t j = 0; j < n; j++)
                to[j] = (to[j] - top) * scale;
    }
    return make_lines(IS_DOUBLE ? STORE_F8 : STORE_F4, (const char *)room, step * size, size);
}

/* What depends on the maximum, too */
VM_INLINE void NAME(subtract_tops)(NAME(tempered_rows) *o)
{
    const REAL big = IS_DOUBLE ? 2048 : 256, digits = IS_DOUBLE ? 6144 : 768, depth = UP(SOFTMAX) + (IS_DOUBLE ? 1023 : 127);
    NAME(straight) *t = &o->t;
    for (ptrdiff_t j = 0; j < ROWS; j++) {
        const REAL m = t->top[j], r = o->r[j], v = m * r;
        const int small = NAME(abs)(v) < big;
        /* a multiple of 2^-14 (2^-40); so is temper()'s ln 2 (of 2^-41), and the sum stays below 2^9 (2^12) wherever it counts */
        const REAL left = small ? m : 0, rough = (left * r + digits) - digits;
        t->c[j] = small ? 0 : m;
        o->rough[j] = rough;
        o->rest[j] = -NAME(fma)(left, o->r_lo[j], NAME(fma)(left, r, -rough));
        o->turns[j] = r * (REAL)1.4426950408889634;
        o->start[j] = -left * o->turns[j];
        o->least[j] = left - depth * (REAL)0.6931471805599453 / r;
    }
}

/* 2^n, scaled, of n and the magic number that temper() adds: see exp_reduced in vmath.h */
#if IS_DOUBLE
VM_INLINE double power_of_f8(double k) { return from_bits_f8(bits_f8(k) << 52); }
#else
VM_INLINE float power_of_f4(float k) { return from_bits_f4(bits_f4(k) << 23); }
#endif

/* Exponentials of numbers [begin, end) of each row, to where compute() in straight.h has them */
static __attribute__((noinline)) void NAME(temper)(NAME(tempered_rows) *o, ptrdiff_t begin, ptrdiff_t end)
{
    const REAL magic = (IS_DOUBLE ? 6755399441055744.0 + 1023.0 : 12582912.0 + 127.0) + UP(SOFTMAX);
    /* ln 2 = ln2 + ln2_rest */
    const REAL ln2 = IS_DOUBLE ? 0x1.62e42fefa3p-1 : 0x1.62e8p-1, ln2_rest = IS_DOUBLE ? 0x1.3de6af278ece6p-42 : -0x1.e8082ep-16;
    NAME(straight) *t = &o->t;
    for (ptrdiff_t u = 0; u < t->rows; u++) {
        const REAL *x = (const REAL *)(t->x + u * t->sx), *tail = t->tails + u * WIDTH;
        const REAL c = t->c[u], least = o->least[u], turns = o->turns[u], start = o->start[u];
        const REAL r = o->r[u], r_lo = o->r_lo[u], rough = o->rough[u], rest = o->rest[u];
        REAL *e = begin < t->kept ? (REAL *)(t->out + u * t->so) + begin : t->stage + u * t->room;
        for (ptrdiff_t i = begin; i < end; i += HALF) {
            const REAL *p = i + HALF <= t->n ? x + i : tail + (i - t->whole);
            REAL *q = e + (i - begin);
            INDEPENDENT
            for (ptrdiff_t j = 0; j < HALF; j++) {
                const REAL v = p[j] - c, d = v < least ? least : v, k = NAME(fma)(d, turns, start) + magic, n = k - magic;
                const REAL lost = NAME(fma)(n, -ln2_rest, NAME(fma)(d, r_lo, rest));
                const REAL w = NAME(expm1_poly)(NAME(fma)(d, r, -NAME(fma)(n, ln2, rough)) + lost);
                const REAL s = NAME(power_of)(k);
                q[j] = NAME(fma)(s, w, s);
            }
        }
        for (ptrdiff_t j = 0; (end - 1) % WIDTH < HALF && j < HALF; j++)
            e[(end - begin - 1) / WIDTH * WIDTH + HALF + j] = 0;
    }
}

static __attribute__((noinline)) void NAME(sum_tempered)(NAME(tempered_rows) *o)
{
    NAME(straight) *t = &o->t;
    if (t->kept == 0)
        NAME(temper)(o, 0, t->n);
    for (ptrdiff_t u = 0; u < t->rows; u++) {
        double hi[8], lo[8];
        for (ptrdiff_t j = 0; j < 8; j++)
            hi[j] = lo[j] = 0.0;
        if (t->kept == 0)
            NAME(add_all)(t->stage + u * t->room, t->n, hi, lo);
        for (ptrdiff_t i = 0; t->kept != 0 && i < t->n; i += CHUNK) {
            const ptrdiff_t end = t->n < i + CHUNK ? t->n : i + CHUNK;
            NAME(temper)(o, i, end);
            NAME(add_all)(i < t->kept ? (const REAL *)t->out + i : t->stage, end - i, hi, lo);
        }
        NAME(put_four)(t->four + 4 * u, t->four_lo + 4 * u, hi, lo);
    }
    NAME(add_fours)(t->four, t->four_lo, t->sum, t->sum_lo, ROWS);
}

static __attribute__((noinline)) void NAME(temper_batch)(NAME(tempered_rows) *o)
{
    NAME(straight) *t = &o->t;
    if (t->n % HALF != 0)
        NAME(load_tails)(t);
    NAME(tops_of_rows)(t);
    NAME(subtract_tops)(o);
    NAME(sum_tempered)(o);
    NAME(factors)(SOFTMAX, ROWS, t->top, t->part, t->power, t->part, t->part, t->sum, t->sum_lo, t->a, t->b);
    NAME(finish_softmax)(t);
}

/* The numbers of some rows times -1, to the results' place */
static __attribute__((noinline)) void NAME(negate)(const lines *x, const lines *out, ptrdiff_t count, ptrdiff_t n)
{
    const ptrdiff_t size = n * (ptrdiff_t)sizeof(REAL);
    if (x->ready && out->ready && x->line == size && out->line == size)
        n *= count, count = 1;                     /* one after the other */
    for (ptrdiff_t u = 0; u < count; u++)
        for (ptrdiff_t i = 0; i < n; i += CHUNK) {
            REAL chunk[CHUNK], *to = out->ready ? (REAL *)(out->p + u * out->line) + i : chunk;
            const ptrdiff_t some = n - i < CHUNK ? n - i : CHUNK;
            const REAL *from = NAME(fetch)(x, u, i, some, 0, chunk);
            INDEPENDENT
            for (ptrdiff_t j = 0; j < some; j++)
                to[j] = -from[j];
            if (!out->ready)
                NAME(scatter)(out, u, i, some, chunk);
        }
}

/* Rows at a temperature of 1, or of -1: those of softmax */
static void NAME(untempered)(REAL sign, int storage, char **data, ptrdiff_t rows, ptrdiff_t n, const ptrdiff_t *strides)
{
    const ptrdiff_t *core = strides + 4, sx = strides[0], so = strides[3];
    const int masked = strides[2] != 0 || core[1] != 0 || *data[2] == 0, across = (so > 0 ? so : -so) < (core[2] > 0 ? core[2] : -core[2]);
    REAL stage[4 * NAME(STAGE)] __attribute__((aligned(64)));
    const ptrdiff_t size = sizeof(REAL), fit = 4 * NAME(STAGE) / n, side = fit < SIDE ? fit / 32 * 32 : SIDE;
    const int staged = is_wide(storage) && (across ? side : fit) > 0;
    const ptrdiff_t many = !staged ? across ? SIDE : ROWS : across ? side : n * ROWS < NAME(STAGE) ? NAME(STAGE) / n : fit < ROWS ? fit : ROWS;
    for (ptrdiff_t row = 0, w; row < rows; row += w) {
        const char *x = data[0] + row * sx, *mask = masked ? data[2] + row * strides[2] : NULL;
        char *out = data[3] + row * so;
        w = sign > 0 || rows - row < many ? rows - row : many;
        if (sign > 0) {
            NAME(any_rows)(SOFTMAX, storage, NULL, x, mask, out, w, n, 0, sx, strides[2], so, core[0], core[1], core[2]);
            continue;
        }
        const ptrdiff_t s = !staged ? so : across ? size : n * size, c = !staged ? core[2] : across ? w * size : size;
        char *to = staged ? (char *)stage : out;
        const lines a = across ? make_lines(storage, x, core[0], sx) : make_lines(storage, x, sx, core[0]);
        const lines b = across ? make_lines(storage, to, c, s) : make_lines(storage, to, s, c);
        NAME(negate)(&a, &b, across ? n : w, across ? w : n);
        NAME(any_rows)(SOFTMAX, storage, NULL, to, mask, out, w, n, 0, s, strides[2], so, c, core[1], core[2]);
    }
}

/* x, temperature, where -> y; 0, or -1 without memory */
static int NAME(tempered)(int storage, char **data, const ptrdiff_t *dims, const ptrdiff_t *strides)
{
    const ptrdiff_t rows = dims[0], n = dims[1], *core = strides + 4, many = NAME(tile_rows)(n), step = NAME(tile_step)(n);
    const ptrdiff_t size = step * many, batch = n * ROWS <= NAME(STAGE) ? ROWS : n < NAME(STAGE) ? NAME(STAGE) / n : 1;
    const lines y = make_lines(storage, data[3], strides[3], core[2]), heat = make_lines(storage, data[1], 0, strides[1]);
    lines x = make_lines(storage, data[0], strides[0], core[0]);
    REAL temperature[ROWS];
    NAME(tempered_rows) o;
    if (n == 0 || rows == 0)
        return 0;
    NAME(gather)(&heat, 0, 0, 1, 1, temperature);
    if (heat.next == 0 && NAME(abs)(temperature[0]) == 1) {
        NAME(untempered)(temperature[0], storage, data, rows, n, strides);
        return 0;
    }
    if (strides[2] != 0 || core[1] != 0 || *data[2] == 0)
        x.mask = data[2], x.mask_line = strides[2], x.mask_next = core[1];
    REAL *room = NAME(rooms)(2, n, 0);
    if (room == NULL)
        return -1;
    o.t.n = n, o.t.whole = n - n % WIDTH;
    o.t.kept = n <= NAME(STAGE) ? 0 : n - n % CHUNK;
    o.t.room = n <= NAME(STAGE) ? (n + WIDTH - 1) / WIDTH * WIDTH : 0;
    o.t.how = AS_NEAR;
    o.t.around = o.t.kept == 0 && x.mask == NULL && y.ready && NAME(around)(&x, &y, rows, n);
    for (ptrdiff_t j = 0; j < 4 * ROWS; j++) {
        o.t.four[j] = 1.0;
        o.t.four_lo[j] = 0.0;
    }
    for (ptrdiff_t j = 0; j < ROWS; j++) {
        temperature[j] = 1;
        o.all_r[ROWS + j] = 1;
        o.all_r_lo[ROWS + j] = 0;
    }
    for (ptrdiff_t row = 0; row < rows; row += many) {
        const ptrdiff_t w = rows - row < many ? rows - row : many;
        int plain = 1;
        if (row == 0 || heat.next != 0) {
            NAME(gather)(&heat, 0, row, w, 1, temperature);
            NAME(invert)(&o, temperature);
        }
        for (ptrdiff_t u = 0; u < w; u++)
            plain &= (o.sign[u] == 1) & (o.scale[u] == 1);
        /* what is masked is to come last: among rows of a negative temperature it is +inf */
        lines here = NAME(bring)(&x, row, w, n, o.sign[0] * (REAL)-INFINITY, room);
        for (ptrdiff_t u = 1; x.mask != NULL && u < w; u++)
            if (o.sign[u] != o.sign[0])
                NAME(gather)(&x, row + u, 0, n, o.sign[u] * (REAL)-INFINITY, room + u * step);
        if (!plain)
            here = NAME(prepared)(&o, &here, w, n, room);
        const lines there = NAME(place)(&y, row, n, room + size);
        o.t.sx = here.line, o.t.so = there.line;
        for (ptrdiff_t u = 0; u < w; u += o.t.rows) {
            o.t.x = here.p + u * here.line, o.t.out = there.p + u * there.line;
            const ptrdiff_t most = w - u < batch ? w - u : batch;
            const int one = NAME(abs)(temperature[u]) == 1;
            for (o.t.rows = 1; o.t.rows < most && (NAME(abs)(temperature[u + o.t.rows]) == 1) == one;)
                o.t.rows++;
            o.r = o.all_r + u, o.r_lo = o.all_r_lo + u;
            if (one)
                NAME(any_rows)(SOFTMAX, IS_DOUBLE ? STORE_F8 : STORE_F4, NULL, o.t.x, NULL, o.t.out, o.t.rows, n, 0, here.line, 0, there.line, sizeof(REAL), 0,
                               sizeof(REAL));
            else
                NAME(temper_batch)(&o);
        }
        for (ptrdiff_t u = 0; x.mask != NULL && u < w; u++)
            if (NAME(all_masked)(&x, row + u, n))
                NAME(fill)((REAL *)(there.p + u * there.line), n, 0);
        NAME(send)(&y, row, w, n, room + size);
    }
    if (o.t.around)
        stream_end();
    free(room);
    return 0;
}
