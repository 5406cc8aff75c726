/* Exponentials of rows, and their results, in vectors. Included by row.h for each type.
 *
 * What a number goes through is what the plain loops say, operation by operation. But of a plain loop the compiler puts the
 * whole chain of one vector's exponentials before the next vector's, and so many operations then wait for each other that a
 * processor does not see far enough ahead: here vectors take each step together.
 */

/* what the exponentials of a row have in common */
typedef struct {
    NAME(vector) c, low, magic, cut;               /* cut: what is less gives 0, or a subnormal number that counts for nothing */
} NAME(scale);
#define CUT (REAL)0.6932                           /* above low, and more than ln 2 */
VM_INLINE NAME(scale) NAME(scale_of)(REAL c, REAL low, REAL shift)
{
    const REAL magic = IS_DOUBLE ? 6755399441055744.0 + 1023.0 : 12582912.0 + 127.0;
    NAME(scale) s = {V(set1)(c), V(set1)(low), V(set1)(magic + shift), V(set1)(low + CUT)};
    return s;
}

/* the same of rows side by side */
VM_INLINE NAME(scale) NAME(scales_of)(const REAL *c, const REAL *low, const REAL *shift)
{
    NAME(scale) s = {V(loadu)(c), V(loadu)(low), V(add)(NAME(scale_of)(0, 0, 0).magic, V(loadu)(shift)),
                     V(add)(V(loadu)(low), V(set1)(CUT))};
    return s;
}

/* k vectors: numbers to exponentials, see exponential() in rows.h; `plain`: c is 0; `cut`: what is subnormal may be 0. Scales: of
 * one vector, or of two in turns. */
VM_INLINE void NAME(raise)(int k, int plain, int cut, int scales, NAME(vector) *v, const NAME(scale) *scale)
{
    NAME(vector) j[4], z[4], z2[4], q[4], r[4];
    NAME(places) there[4];
#define EACH_VECTOR for (int i = 0; i < k; i++)
    if (!plain)
        EACH_VECTOR v[i] = V(sub)(v[i], scale[i % scales].c);
    if (cut)
        EACH_VECTOR there[i] = V_IS(v[i], scale[i % scales].cut, _CMP_NLT_UQ);
    else
        EACH_VECTOR v[i] = V(max)(scale[i % scales].low, v[i]);
    EACH_VECTOR j[i] = V(fmadd)(v[i], V(set1)((REAL)(IS_DOUBLE ? 0x1.71547652b82fep+0 : 0x1.715476p+0)), scale[i % scales].magic);
    EACH_VECTOR z2[i] = V(sub)(j[i], scale[i % scales].magic);
#if IS_DOUBLE
    EACH_VECTOR z[i] = V(fmadd)(z2[i], V(set1)(-LN2_HI_F8), v[i]);
    EACH_VECTOR z[i] = V(fmadd)(z2[i], V(set1)(-LN2_LO_F8), z[i]);
    EACH_VECTOR z2[i] = V(mul)(z[i], z[i]);
#define PAIR(high, low, start)                                                     \
    EACH_VECTOR r[i] = V(fmadd)(V(set1)(high), z[i], V(set1)(low));                \
    EACH_VECTOR q[i] = V(fmadd)(start, z2[i], r[i]);
    PAIR(EXPM1_Q9_F8, EXPM1_Q8_F8, V(set1)(EXPM1_Q10_F8))
    PAIR(EXPM1_Q7_F8, EXPM1_Q6_F8, q[i])
    PAIR(EXPM1_Q5_F8, EXPM1_Q4_F8, q[i])
    PAIR(EXPM1_Q3_F8, EXPM1_Q2_F8, q[i])
    PAIR(EXPM1_Q1_F8, 0.5, q[i])
#undef PAIR
#else
    EACH_VECTOR z[i] = V(fmadd)(z2[i], V(set1)(-LN2_HI_F4), v[i]);
    EACH_VECTOR z[i] = V(fmadd)(z2[i], V(set1)(-LN2_LO_F4), z[i]);
    EACH_VECTOR z2[i] = V(mul)(z[i], z[i]);
    EACH_VECTOR q[i] = V(fmadd)(V(set1)(EXPM1_Q3_F4), z[i], V(set1)(EXPM1_Q2_F4));
    EACH_VECTOR r[i] = V(fmadd)(V(set1)(EXPM1_Q1_F4), z[i], V(set1)(0.5f));
    EACH_VECTOR q[i] = V(fmadd)(V(set1)(EXPM1_Q4_F4), z2[i], q[i]);
    EACH_VECTOR q[i] = V(fmadd)(q[i], z2[i], r[i]);
#endif
    EACH_VECTOR j[i] = V_SHIFTED(j[i]);
    EACH_VECTOR q[i] = V(fmadd)(q[i], z2[i], z[i]);
    if (cut)
        EACH_VECTOR v[i] = V(maskz_fmadd)(there[i], j[i], q[i], j[i]);
    else
        EACH_VECTOR v[i] = V(fmadd)(j[i], q[i], j[i]);
#undef EACH_VECTOR
}

/* As finish() of one vector. */
VM_INLINE NAME(vector) NAME(results)(int op, NAME(vector) v, NAME(vector) a, NAME(vector) b, NAME(vector) power)
{
    if (op == LOG_SOFTMAX)
        return V(sub)(V(sub)(v, a), b);
    const NAME(vector) t = V(fmadd)(v, a, V(mul)(v, b));
    return op == SOFTMAX ? t : V(mask_mul)(V(mul)(t, power), V_IS(v, V(setzero)(), _CMP_EQ_OQ), power, V(setzero)());
}

/* of softmax, from its result: as gradient() */
VM_INLINE NAME(vector) NAME(gradients)(int select, NAME(vector) dy, NAME(vector) y, NAME(vector) a)
{
    const NAME(vector) w = V(fmadd)(y, V(sub)(dy, a), V(setzero)());
    return select ? V(maskz_mov)(V_IS(y, V(setzero)(), _CMP_NEQ_UQ), w) : w;
}
