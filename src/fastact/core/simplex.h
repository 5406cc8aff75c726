/* sparsemax and 1.5-entmax, projections on the simplex; hardmax. Included by family.h for each type.
 *
 * Only numbers within 1 (2) of the maximum can be in the support of sparsemax (entmax). They are collected as z, less the
 * maximum (and halved), in double, where floats lose nothing. Then the threshold is found by Newton's method from below, which
 * for sparsemax ends after finitely many steps on the exact support, and for entmax where no step is left to take.
 */

/* The maximum; NaN if there is one */
static __attribute__((noinline)) REAL NAME(top_or_nan)(const REAL *x, ptrdiff_t n)
{
    REAL m[WIDTH];
    int bad[WIDTH];
    for (ptrdiff_t j = 0; j < WIDTH; j++) {
        m[j] = j < n ? x[j] : x[0];
        bad[j] = m[j] != m[j];
    }
    for (ptrdiff_t i = WIDTH; i + WIDTH <= n; i += WIDTH)
        for (ptrdiff_t j = 0; j < WIDTH; j++) {
            m[j] = NAME(greater)(x[i + j], m[j]);
            bad[j] |= x[i + j] != x[i + j];
        }
    for (ptrdiff_t i = n < WIDTH ? n : n - n % WIDTH; i < n; i++) {
        m[0] = NAME(greater)(x[i], m[0]);
        bad[0] |= x[i] != x[i];
    }
    for (ptrdiff_t j = 1; j < WIDTH; j++) {
        m[0] = NAME(greater)(m[j], m[0]);
        bad[0] |= bad[j];
    }
    return bad[0] ? (REAL)NAN : m[0];
}

/* whether any of WIDTH numbers reaches the limit */
VM_INLINE int NAME(any_reaches)(const REAL *x, REAL limit)
{
    int any = 0;
    for (ptrdiff_t j = 0; j < WIDTH; j++)
        any |= x[j] >= limit;
    return any;
}

VM_INLINE ptrdiff_t NAME(collect)(const REAL *x, ptrdiff_t n, REAL limit, double top, double scale, double *z, ptrdiff_t count)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        z[count] = ((double)x[j] - top) * scale;
        count += x[j] >= limit;
    }
    return count;
}

VM_INLINE double NAME(sum_of_eight)(const double *v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

/* the threshold of `count` numbers z, padded with -inf to a multiple of eight */
static __attribute__((noinline)) double NAME(threshold_of)(int op, const double *z, ptrdiff_t count)
{
    double at = -1.0, members = 0.0;
    for (int step = 0; step < 100; step++) {
        double sum[8] = {0}, weight[8] = {0};
        for (ptrdiff_t i = 0; i < count; i += 8)
            EIGHT_AT_ONCE
            for (ptrdiff_t j = 0; j < 8; j++) {
                const double v = z[i + j], d = v - at, part = d > 0.0 ? d : 0.0;
                sum[j] += op == SPARSEMAX ? (d > 0.0 ? v : 0.0) : part * part;
                weight[j] += op == SPARSEMAX ? (d > 0.0 ? 1.0 : 0.0) : part;
            }
        const double s = NAME(sum_of_eight)(sum), w = NAME(sum_of_eight)(weight);
        const double next = op == SPARSEMAX ? (s - 1.0) / w : at + (s - 1.0) / (w + w);
        if (op == SPARSEMAX ? w == members : !(next > at))
            break;
        at = next;
        members = w;
    }
    return at;
}

VM_INLINE REAL NAME(above)(int op, REAL x, double top, double scale, double at)
{
    const double d = ((double)x - top) * scale - at, part = d > 0.0 ? d : 0.0;
    return (REAL)(op == SPARSEMAX ? part : part * part);
}

/* z: room for n + 8 + WIDTH doubles */
VM_INLINE void NAME(project_row)(int op, const REAL *x, REAL *y, ptrdiff_t n, double *z)
{
    const REAL top = NAME(top_or_nan)(x, n), limit = top - (op == SPARSEMAX ? 1 : 2);
    const double scale = op == SPARSEMAX ? 1.0 : 0.5;
    const ptrdiff_t whole = n - n % WIDTH;
    ptrdiff_t count = 0;
    if (!(NAME(abs)(top) < (REAL)INFINITY)) {
        NAME(fill)(y, n, (REAL)NAN);
        return;
    }
    for (ptrdiff_t i = 0; i < whole; i += WIDTH)
        if (NAME(any_reaches)(x + i, limit))
            count = NAME(collect)(x + i, WIDTH, limit, (double)top, scale, z, count);
    count = NAME(collect)(x + whole, n - whole, limit, (double)top, scale, z, count);
    for (ptrdiff_t j = 0; j < 8; j++)
        z[count + j] = -__builtin_inf();
    const double at = NAME(threshold_of)(op, z, count);
    for (ptrdiff_t i = 0; i < whole; i += WIDTH)
        if (NAME(any_reaches)(x + i, limit)) {
            INDEPENDENT
            for (ptrdiff_t j = i; j < i + WIDTH; j++)
                y[j] = NAME(above)(op, x[j], (double)top, scale, at);
        } else
            NAME(fill)(y + i, WIDTH, 0);
    for (ptrdiff_t j = whole; j < n; j++)
        y[j] = NAME(above)(op, x[j], (double)top, scale, at);
}

/* one for the first maximum; where that is -inf, what is masked looks like it */
static void NAME(hardmax_row)(const REAL *x, const char *mask, ptrdiff_t next, REAL *y, ptrdiff_t n)
{
    const REAL top = NAME(top_or_nan)(x, n);
    ptrdiff_t i = 0;
    while (i + 4 * WIDTH <= n && !NAME(any_reaches)(x + i, top))
        i += WIDTH;
    while (i < n - 1 && !(x[i] == top && (mask == NULL || mask[i * next])))
        i++;
    NAME(fill)(y, n, top != top ? top : 0);
    y[i] = top != top ? top : 1;
}

/* x, where -> y; 0, or -1 without memory */
static int NAME(simplex)(int op, int storage, char **data, const ptrdiff_t *dims, const ptrdiff_t *strides)
{
    const ptrdiff_t rows = dims[0], n = dims[1], *core = strides + 3, most = NAME(tile_rows)(n), size = NAME(tile_step)(n) * most;
    const lines y = make_lines(storage, data[2], strides[2], core[2]);
    lines x = make_lines(storage, data[0], strides[0], core[0]);
    if (n == 0 || rows == 0)
        return 0;
    if (strides[1] != 0 || core[1] != 0 || *data[1] == 0)
        x.mask = data[1], x.mask_line = strides[1], x.mask_next = core[1];
    REAL *room = NAME(rooms)(2, n, n + 8 + WIDTH);
    double *z = (double *)(((uintptr_t)(room + 2 * size) + 63) / 64 * 64);
    if (room == NULL)
        return -1;
    for (ptrdiff_t row = 0; row < rows; row += most) {
        const ptrdiff_t w = rows - row < most ? rows - row : most;
        const lines here = NAME(bring)(&x, row, w, n, (REAL)-INFINITY, room), there = NAME(place)(&y, row, n, room + size);
        for (ptrdiff_t u = 0; u < w; u++) {
            const REAL *p = (const REAL *)(here.p + u * here.line);
            REAL *q = (REAL *)(there.p + u * there.line);
            if (NAME(all_masked)(&x, row + u, n))
                NAME(fill)(q, n, 0);
            else if (op == HARDMAX)
                NAME(hardmax_row)(p, x.mask == NULL ? NULL : x.mask + (row + u) * x.mask_line, x.mask_next, q, n);
            else if (op == SPARSEMAX)
                NAME(project_row)(SPARSEMAX, p, q, n, z);
            else
                NAME(project_row)(ENTMAX, p, q, n, z);
        }
        NAME(send)(&y, row, w, n, room + size);
    }
    free(room);
    return 0;
}

/* ---- gradients from the result: on the support, with weights 1 (sparsemax) or the root of y (entmax), dy less its mean ---- */

VM_INLINE double NAME(support)(int op, REAL y)
{
    const double v = (double)y;
    return op == SPARSEMAX ? (v > 0.0 ? 1.0 : v) : __builtin_sqrt(v);
}

VM_INLINE void NAME(simplex_gradient_row)(int op, const REAL *dy, const REAL *y, REAL *out, ptrdiff_t n)
{
    double sum[8] = {0}, weight[8] = {0};
    const ptrdiff_t whole = n - n % 8;
    for (ptrdiff_t i = 0; i < whole; i += 8)
        EIGHT_AT_ONCE
        for (ptrdiff_t j = 0; j < 8; j++) {
            const double s = NAME(support)(op, y[i + j]), p = s * (double)dy[i + j];
            sum[j] += y[i + j] == 0 ? 0.0 : p;
            weight[j] += s;
        }
    for (ptrdiff_t i = whole; i < n; i++) {
        const double s = NAME(support)(op, y[i]), p = s * (double)dy[i];
        sum[i - whole] += y[i] == 0 ? 0.0 : p;
        weight[i - whole] += s;
    }
    const double mean = NAME(sum_of_eight)(sum) / NAME(sum_of_eight)(weight);
    INDEPENDENT
    for (ptrdiff_t j = 0; j < n; j++) {
        const double v = NAME(support)(op, y[j]) * ((double)dy[j] - mean);
        out[j] = y[j] == 0 ? 0 : (REAL)v;
    }
}

/* dy, y -> dx */
static int NAME(simplex_gradients)(int op, int storage, char **data, const ptrdiff_t *dims, const ptrdiff_t *strides)
{
    const ptrdiff_t rows = dims[0], n = dims[1], *core = strides + 3, most = NAME(tile_rows)(n), size = NAME(tile_step)(n) * most;
    const lines dy = make_lines(storage, data[0], strides[0], core[0]), y = make_lines(storage, data[1], strides[1], core[1]);
    const lines out = make_lines(storage, data[2], strides[2], core[2]);
    if (n == 0 || rows == 0)
        return 0;
    REAL *room = NAME(rooms)(3, n, 0);
    if (room == NULL)
        return -1;
    for (ptrdiff_t row = 0; row < rows; row += most) {
        const ptrdiff_t w = rows - row < most ? rows - row : most;
        const lines d = NAME(bring)(&dy, row, w, n, 0, room), v = NAME(bring)(&y, row, w, n, 0, room + size);
        const lines there = NAME(place)(&out, row, n, room + 2 * size);
        for (ptrdiff_t u = 0; u < w; u++) {
            const REAL *p = (const REAL *)(d.p + u * d.line), *q = (const REAL *)(v.p + u * v.line);
            REAL *o = (REAL *)(there.p + u * there.line);
            if (op == SPARSEMAX)
                NAME(simplex_gradient_row)(SPARSEMAX, p, q, o, n);
            else
                NAME(simplex_gradient_row)(ENTMAX, p, q, o, n);
        }
        NAME(send)(&out, row, w, n, room + 2 * size);
    }
    free(room);
    return 0;
}
