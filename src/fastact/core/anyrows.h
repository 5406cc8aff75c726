/* Rows of numbers wherever they lie, of whatever storage, masked or not. Included by row.h for each type.
 *
 * Where numbers are as the kernels of straight.h and across.h like them, they stay where they are. Others are copied: to
 * the place of the results, or, of short rows, to a stage where everything is done, or else line by line in each pass.
 */

enum { NAME(STAGE) = NEAR / sizeof(REAL) };

/* ---- copies of w rows of n numbers, as lines across them; in memory of our own, `step` from line to line ---- */

/* whether neighbours in memory are of different rows, as they are computed in */
VM_INLINE int NAME(turns)(const lines *a)
{
    return is_wide(a->storage) && a->mask == NULL && a->line == sizeof(REAL) && ((uintptr_t)a->p | (uintptr_t)a->next) % sizeof(REAL) == 0;
}

static __attribute__((noinline)) void NAME(load_lines)(const lines *a, ptrdiff_t n, ptrdiff_t w, REAL pad, REAL *to, ptrdiff_t step)
{
    ptrdiff_t i = 0;
#if !IS_DOUBLE
    for (; is_packed(a) && a->mask == NULL && i < n; i++)
        widen_block(a->storage == STORE_B2, to + i * step, (const uint16_t *)(a->p + i * a->line), w);
#endif
    for (; NAME(turns)(a) && i + 8 <= n; i += 8)
        for (ptrdiff_t j = 0; j < w; j += 8)
            NAME(turn_eight)(a->p + i * (ptrdiff_t)sizeof(REAL) + j * a->next, a->next, to + i * step + j, step);
    for (; NAME(turns)(a) && i < n && n >= 4; i += 4) {        /* the last ones with some that were there before */
        i = i + 4 <= n ? i : n - 4;
        for (ptrdiff_t j = 0; j < w; j += 4)
            NAME(turn_four)(a->p + i * (ptrdiff_t)sizeof(REAL) + j * a->next, a->next, to + i * step + j, step);
    }
    if (NAME(lets_through)(a)) {
        NAME(let_through)(a->p, a->line, a->mask, a->mask_line, a->mask_next, n, w, pad, to, step);
        return;
    }
    for (; i < n; i++)
        NAME(gather)(a, i, 0, w, pad, to + i * step);
}

static __attribute__((noinline)) void NAME(store_lines)(const lines *a, ptrdiff_t n, ptrdiff_t w, const REAL *from)
{
    ptrdiff_t i = 0;
#if !IS_DOUBLE
    for (; is_packed(a) && i < n; i++)
        narrow_block(a->storage == STORE_B2, (uint16_t *)(a->p + i * a->line), from + i * w, w);
#endif
    for (; NAME(turns)(a) && i + 8 <= n; i += 8)
        for (ptrdiff_t j = 0; j < w; j += 8)
            NAME(turn_eight)((const char *)(from + i * w + j), w * (ptrdiff_t)sizeof(REAL), (REAL *)(a->p + i * (ptrdiff_t)sizeof(REAL) + j * a->next),
                             a->next / (ptrdiff_t)sizeof(REAL));
    for (; NAME(turns)(a) && i < n && n >= 4; i += 4) {
        i = i + 4 <= n ? i : n - 4;
        for (ptrdiff_t j = 0; j < w; j += 4)
            NAME(turn_four)((const char *)(from + i * w + j), w * (ptrdiff_t)sizeof(REAL), (REAL *)(a->p + i * (ptrdiff_t)sizeof(REAL) + j * a->next),
                            a->next / (ptrdiff_t)sizeof(REAL));
    }
    for (; i < n; i++)
        NAME(scatter)(a, i, 0, w, from + i * w);
}

/* How many of the rows that are left are taken together across memory, of n numbers each; 0 where they are too few. Short rows that are
 * copied stay in the nearest cache. */
VM_INLINE ptrdiff_t NAME(strip_of)(ptrdiff_t rows, ptrdiff_t n, int copied)
{
    const ptrdiff_t fit = 32 * n <= NAME(STAGE) ? NAME(STAGE) : NEXT / sizeof(REAL);
    ptrdiff_t most = IS_DOUBLE && n < WIDTH ? NAME(STRIP) / 2 : NAME(STRIP);
    while (copied && most > 32 && most * n > fit)
        most = most < 64 ? 32 : most / 2;
    rows = rows < most ? rows : most;
    return rows >= 32 ? rows - rows % 32 : rows >= 8 ? 8 : 0;
}

/* Memory for `tiles` copies of the widest strip; NULL where there is none, or where it would be too much: then it is done without */
VM_INLINE REAL *NAME(strip_room)(ptrdiff_t tiles, ptrdiff_t rows, ptrdiff_t n)
{
    const size_t size = (size_t)(tiles * NAME(strip_of)(rows < 32 ? 32 : rows, n, 1) * n) * sizeof(REAL);
    return size <= MOST ? (REAL *)malloc(size) : NULL;
}

/* Whether w rows may have their maximum near 0, as some of their numbers say */
static __attribute__((noinline)) int NAME(seem_near)(const lines *x, ptrdiff_t n, ptrdiff_t w)
{
    REAL top[NAME(STRIP)], line[NAME(STRIP)];
    for (ptrdiff_t j = 0; j < w; j++)
        top[j] = (REAL)-INFINITY;
    for (ptrdiff_t i = 0; i < n; i += n / 16 + 1) {
        const REAL *p = NAME(fetch)(x, i, 0, w, (REAL)-INFINITY, line);
        for (ptrdiff_t j = 0; j < w; j++)
            top[j] = NAME(greater)(p[j], top[j]);
    }
    return NAME(tops_near)(top, w);
}

/* ---- softmax and its like ---- */

static __attribute__((noinline)) void NAME(strip)(int op, const lines *dy, lines x, lines out, ptrdiff_t n, ptrdiff_t w, int *guess, REAL *room)
{
    REAL here[4 * NAME(STAGE)] __attribute__((aligned(64))), *stage = room != NULL ? room : here;
    const lines there = out;
    const int moved = op != LOGSUMEXP && !out.ready, copied = !x.ready || x.mask != NULL || moved, staged = copied && (room != NULL || n * w <= 4 * NAME(STAGE));
    if (staged) {
        NAME(load_lines)(&x, n, w, (REAL)-INFINITY, stage, w);
        x = make_lines(IS_DOUBLE ? STORE_F8 : STORE_F4, (const char *)stage, w * sizeof(REAL), sizeof(REAL));
        out = moved ? x : out;
    } else if (copied && op != LOGSUMEXP && out.ready) {
        NAME(load_lines)(&x, n, w, (REAL)-INFINITY, (REAL *)out.p, out.line / (ptrdiff_t)sizeof(REAL));
        x = out;
    }
    (w > 8 ? NAME(rows_across_32) : NAME(rows_across_8))(op, dy, &x, &out, n, w, guess);
    if (staged && moved)
        NAME(store_lines)(&there, n, w, stage);
}

/* Rows that are copied: to the place of the results, or to a stage */
ONE_COPY void NAME(batch)(int op, const lines *dy, lines x, lines out, ptrdiff_t rows, ptrdiff_t n, int *guess)
{
    REAL stage[NAME(STAGE)] __attribute__((aligned(64)));
    const lines from = x, there = out;
    const int staged = op == LOGSUMEXP || !out.ready;
    if (staged && n > NAME(STAGE))
        for (ptrdiff_t u = 0; u < rows; u++)
            NAME(far_row)(op, dy, &x, &out, u, n, guess);
    else {
        x = staged ? make_lines(IS_DOUBLE ? STORE_F8 : STORE_F4, (const char *)stage, n * sizeof(REAL), sizeof(REAL)) : out;
        for (ptrdiff_t u = 0; u < rows; u++)
            NAME(gather)(&from, u, 0, n, (REAL)-INFINITY, (REAL *)(x.p + u * x.line));
        out = op == LOGSUMEXP ? out : x;
        NAME(straight_rows)(op, dy, &x, &out, rows, n, guess);
    }
    if (op != LOGSUMEXP && from.mask != NULL)
        NAME(blank_masked)(op, &from, &out, rows, n);
    for (ptrdiff_t u = 0; staged && n <= NAME(STAGE) && op != LOGSUMEXP && u < rows; u++)
        NAME(scatter)(&there, u, 0, n, stage + u * n);
}

/* The sum of a row with several infinities, and no NaN, is infinite; the kernels say NaN, from infinity - infinity. */
static __attribute__((noinline)) void NAME(infinite_sums)(const lines *x, const lines *out, ptrdiff_t n_outer, ptrdiff_t n)
{
    REAL sums[CHUNK], chunk[CHUNK];
    for (ptrdiff_t row = 0; row < n_outer; row += CHUNK) {
        const ptrdiff_t rows = n_outer - row < CHUNK ? n_outer - row : CHUNK;
        const REAL *sum = NAME(fetch)(out, 0, row, rows, 0, sums);
        int all = 0;
        for (ptrdiff_t u = 0; u < rows; u++)
            all |= sum[u] != sum[u];
        for (ptrdiff_t u = 0; all && u < rows; u++) {
            const REAL infinity = INFINITY;
            int nan = 0;
            for (ptrdiff_t i = 0; sum[u] != sum[u] && i < n; i += CHUNK) {
                const ptrdiff_t some = n - i < CHUNK ? n - i : CHUNK;
                NAME(gather)(x, row + u, i, some, 0, chunk);
                for (ptrdiff_t j = 0; j < some; j++)
                    nan |= chunk[j] != chunk[j];
            }
            if (sum[u] != sum[u] && !nan)
                NAME(scatter)(out, 0, row + u, 1, &infinity);
        }
    }
}

static void NAME(any_rows)(int op, int storage, const char *dy, const char *x, const char *mask, char *out, ptrdiff_t n_outer, ptrdiff_t n,
                           ptrdiff_t sdy, ptrdiff_t sx, ptrdiff_t sm, ptrdiff_t so, ptrdiff_t cx, ptrdiff_t cm, ptrdiff_t co)
{
    const int in_place = x == out && op != LOGSUMEXP;
    const lines D = make_lines(storage, dy, 0, sdy);
    lines X = make_lines(storage, x, sx, cx), O = op == LOGSUMEXP ? make_lines(storage, out, 0, so) : make_lines(storage, out, so, co);
    ptrdiff_t row = 0, w;
    int guess = 0;
    X.mask = mask, X.mask_line = sm, X.mask_next = cm;
    if (n == 0) {
        const REAL nothing = (REAL)-INFINITY;
        for (; op == LOGSUMEXP && row < n_outer; row++)
            NAME(scatter)(&O, 0, row, 1, &nothing);
        return;
    }
    lines x_across = make_lines(storage, x, cx, sx), o_across = op == LOGSUMEXP ? O : make_lines(storage, out, co, so);
    const int many = streams(2 * n_outer * n * (ptrdiff_t)sizeof(REAL));
#if HAS_PLACES
    const ptrdiff_t most = IS_LOG(op) ? (HAS_VECTORS ? WIDTH : WIDTH - 1) : IS_DOUBLE || !HAS_VECTORS ? 12 : 16;
    const int few = n > 1 && n <= WIDTH && mask == NULL;
    if (few && (n <= 24 || op != SOFTMAX || (!IS_DOUBLE && n_outer >= 8)) && X.ready && (O.ready || op == LOGSUMEXP) && !(n > 16 && many)) {
        NAME(brief)(op, 0, &D, &X, &O, n_outer, n);
        row = n_outer;
    } else if (few && n <= most && n_outer >= 8 && x_across.ready && (o_across.ready || op == LOGSUMEXP) && !many) {
        NAME(brief)(op, 1, &D, &x_across, &o_across, n_outer, n);
        row = n_outer;
    } else
#endif
    if (take_across(n_outer, n, sx, cx, 16)) {
        x_across.mask = mask, x_across.mask_line = cm, x_across.mask_next = sm;
        x_across.ahead = many;
        o_across.ahead = x_across.ahead && !in_place && n * 1024 <= 4 * NEAR;     /* results of longer rows would be gone again before the next pass */
        const int moved = op != LOGSUMEXP && !o_across.ready, copied = !x_across.ready || mask != NULL || moved;
        /* what is masked could be copied to the results' place as well; a copy beside it pays where the maxima may be guessed, if it is small */
        const int beside = moved || op == LOGSUMEXP || (op != LOGSUMEXP_BACKWARD && n * 1024 <= NEXT);
        const int roomy = copied && beside && n * 32 > NAME(STAGE);
        REAL *room = roomy ? NAME(strip_room)(1, n_outer, n) : NULL;
        for (; row < n_outer; row += w) {
            w = NAME(strip_of)(n_outer - row, n, roomy ? room != NULL : copied && n * 32 <= NAME(STAGE));
            if (w == 0 && in_place)
                break;
            if (w == 0)
                row = n_outer - (w = 8);           /* some rows again */
            if (row == 0 && op != LOGSUMEXP_BACKWARD)
                guess = NAME(seem_near)(&x_across, n, w);
            const lines d = NAME(from)(D, 0, row);
            NAME(strip)(op, &d, NAME(from)(x_across, 0, row), NAME(from)(o_across, 0, row), n, w, &guess, room);
            if (op != LOGSUMEXP && mask != NULL) {
                const lines v = NAME(from)(X, row, 0), y = NAME(from)(O, row, 0);
                NAME(blank_masked)(op, &v, &y, w, n);
            }
        }
        free(room);
    } else if (X.ready && (mask == NULL || NAME(masks_straight)(op, &X, n)) && (O.ready || op == LOGSUMEXP)) {
        NAME(straight_rows)(op, &D, &X, &O, n_outer, n, &guess);
        row = n_outer;
    }
    for (; row < n_outer; row += w) {
        w = n * ROWS <= NAME(STAGE) ? ROWS : n < NAME(STAGE) ? NAME(STAGE) / n : 1;
        w = w < n_outer - row ? w : n_outer - row;
        const lines d = NAME(from)(D, 0, row);
        NAME(batch)(op, &d, NAME(from)(X, row, 0), op == LOGSUMEXP ? NAME(from)(O, 0, row) : NAME(from)(O, row, 0), w, n, &guess);
    }
    if (op == LOGSUMEXP)
        NAME(infinite_sums)(&X, &O, n_outer, n);
}

/* ---- gradients from the result ---- */

static __attribute__((noinline)) void NAME(gradient_strip)(int op, lines dy, lines y, lines out, ptrdiff_t n, ptrdiff_t w, REAL *room)
{
    REAL here[2 * NAME(STAGE)] __attribute__((aligned(64))), *d_stage = room != NULL ? room : here, *y_stage = d_stage + n * w;
    const lines there = out;
    const int storage = IS_DOUBLE ? STORE_F8 : STORE_F4, copied = room != NULL || n * w <= NAME(STAGE), moved = copied && !out.ready;
    if (copied && (!dy.ready || moved)) {
        NAME(load_lines)(&dy, n, w, 0, d_stage, w);
        dy = make_lines(storage, (const char *)d_stage, w * sizeof(REAL), sizeof(REAL));
    }
    if (copied && !y.ready) {
        NAME(load_lines)(&y, n, w, 0, y_stage, w);
        y = make_lines(storage, (const char *)y_stage, w * sizeof(REAL), sizeof(REAL));
    }
    out = moved ? dy : out;
    (w >= 32 ? NAME(gradients_across_32) : NAME(gradients_across_8))(op, &dy, &y, &out, n, w);
    if (moved)
        NAME(store_lines)(&there, n, w, d_stage);
}

static void NAME(any_gradients)(int op, int storage, const char *dy, const char *y, char *out, ptrdiff_t n_outer, ptrdiff_t n,
                                ptrdiff_t sdy, ptrdiff_t sy, ptrdiff_t so, ptrdiff_t cdy, ptrdiff_t cy, ptrdiff_t co)
{
    const lines D = make_lines(storage, dy, sdy, cdy), Y = make_lines(storage, y, sy, cy), O = make_lines(storage, out, so, co);
    lines d = make_lines(storage, dy, cdy, sdy), v = make_lines(storage, y, cy, sy);
    const lines o = make_lines(storage, out, co, so);
    const int many = streams(3 * n_outer * n * (ptrdiff_t)sizeof(REAL));
    ptrdiff_t row = 0, w;
#if HAS_PLACES
    const ptrdiff_t most = !HAS_VECTORS ? WIDTH - 1 : IS_DOUBLE || op == SOFTMAX ? 12 : 24;        /* vectors of longer ones lie along a row */
    void (*brief)(int, const lines *, const lines *, const lines *, ptrdiff_t, ptrdiff_t) = op == SOFTMAX ? NAME(brief_softmax_gradients) : NAME(brief_log_softmax_gradients);
    if (n > 1 && n <= most && !many && D.ready && Y.ready && O.ready) {
        brief(0, &D, &Y, &O, n_outer, n);
        return;
    }
    if (n > 1 && n <= 12 && !many && n_outer >= 8 && d.ready && v.ready && o.ready) {
        brief(1, &d, &v, &o, n_outer, n);
        return;
    }
#endif
    if (take_across(n_outer, n, sdy, cdy, !HAS_VECTORS ? 16 : op == SOFTMAX ? 4 : 12)) {
        d.ahead = v.ahead = many;
        const int copied = !(d.ready && v.ready && o.ready), roomy = copied && n * 32 > NAME(STAGE);
        REAL *room = roomy ? NAME(strip_room)(2, n_outer, n) : NULL;
        for (; row < n_outer; row += w) {
            w = NAME(strip_of)(n_outer - row, n, roomy ? room != NULL : copied);
            if (IS_DOUBLE && !copied && n >= WIDTH && w > NAME(STRIP) - 32)
                w = n_outer - row < NAME(BROAD) ? (n_outer - row) / 32 * 32 : NAME(BROAD);
            w = w == 8 ? (n_outer - row) / 8 * 8 : w;             /* up to 24 are as quick together */
            if (w == 0 && (out == dy || out == y))
                break;
            if (w == 0)
                row = n_outer - (w = 8);           /* some rows again */
            NAME(gradient_strip)(op, NAME(from)(d, 0, row), NAME(from)(v, 0, row), NAME(from)(o, 0, row), n, w, room);
        }
        free(room);
    } else if (D.ready && Y.ready && O.ready) {
        NAME(straight_gradients)(op, &D, &Y, &O, n_outer, n);
        return;
    }
    for (; row < n_outer; row++)
        NAME(far_gradient)(op, &D, &Y, &O, row, n);
}
