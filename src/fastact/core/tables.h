/* Functions of floats by tables: what is left of a falling one without a power of e, or all of one, in eight pieces, a polynomial each.
 *
 * f(a) = 2^n Y(a) e^(k z), w = n G + OFF + z, w = -a or -a^2; or f(a) = Y(a), next to 0 times a power of a. Rows of a table: c, from which a
 * piece counts, its coefficients from the lowest on, and where there is a root a line's slope. The bits of SCALE a + START have the piece's
 * place; vectors look up in registers, see tabled.h.
 */
#ifndef FASTACT_TABLES_H
#define FASTACT_TABLES_H

#include "erf.h"
#include "gated.h"

/* ---- as coefficients/tables.py prints it, with errors in units of 2^-24, of tables where each piece begins ---- */
#define UNUSED __attribute__((unused))

/* w = -a^2, e^(w/2); shift 65, OFF -0.001953125, 0.057 */
#define BELL_MAGIC 12583104.0f
#define BELL_PER 0x1.71910ep-1f
#define BELL_G 0x1.62aap+0f
#define BELL_MAGIC_G 0x1.0a008ap+24f
static const float BELL_E[6] UNUSED = {0x1.002ap-1f, 0x1.005404p-3f, 0x1.55fcb2p-6f, 0x1.563a5p-9f, 0x1.1319dcp-12f, 0x1.6abfc2p-16f};

/* w = -a^2, e^w; shift 62, OFF -0.006988525390625, 0.063 */
#define SQUARE_MAGIC 12583101.0f
#define SQUARE_PER 0x1.715cfcp+0f
#define SQUARE_G 0x1.62dcp-1f
#define SQUARE_MAGIC_G 0x1.0a2606p+23f
static const float SQUARE_E[6] UNUSED = {0x1.0005e8p+0f, 0x1.000bcep-1f, 0x1.556c2ap-3f, 0x1.557872p-5f, 0x1.12626ep-7f, 0x1.6a6d9ap-10f};

/* w = -a, e^w; shift 49, OFF -0.0009765625, 0.053 */
#define FALL_MAGIC 12583088.0f
#define FALL_PER 0x1.71507ep+0f
#define FALL_G 0x1.62e8p-1f
#define FALL_MAGIC_G 0x1.0a2ef4p+23f
static const float FALL_E[6] UNUSED = {0x1.fffa8p-1f, 0x1.fff4fcp-2f, 0x1.554984p-3f, 0x1.5549e4p-5f, 0x1.1230f4p-7f, 0x1.6a5308p-10f};

/* what a bell lacks of its power, of a^2; 0.114 */
static const float NORMAL_BELL[4] UNUSED = {0x1.981e2ep-67f, 0x1.0bd43cp-78f, 0x1.5f5b8p-91f, 0x1.3e15dcp-104f};

/* what a bell lacks of its power, of a^2; 0.171 */
static const float ERROR_BELL[4] UNUSED = {0x1.1eda6ap-62f, 0x1.a792d4p-76f, 0x1.35cf36p-90f, 0x1.c4704p-104f};

/* a Phi(-a) over min(a, 1/2); 0: 0.017 0.5: 0.024 1: 0.128 2: 0.011 3: 0.153 5: 0.008 7: 0.059 11: 0.030 */
#define GELU_START 1.0f
#define GELU_SCALE 1.0f
#define GELU_END 14.5f
enum { GELU_DEGREE = 7, GELU_ROWS = 9 };
static const float GELU_TABLE_F4[GELU_ROWS][8] __attribute__((aligned(32), unused)) = {
    {0x1.d94p+0f, 0x1.034p+1f, 0x1.002p+2f, 0x1.818p+2f, 0x1.c2p+2f, 0x1.615p+3f, 0x1.fe8p-2f, 0x1.81p-1f},
    {0x1.513446p-66f, 0x1.597c0ap-66f, 0x1.8455a2p-66f, 0x1.92577ep-66f, 0x1.96b624p-66f, 0x1.a4f9fep-66f, 0x1.66065p-67f, 0x1.cd77e6p-67f},
    {0x1.97182ep-69f, 0x1.58a5a4p-69f, 0x1.4e9c2cp-71f, 0x1.33de44p-72f, 0x1.fba18ep-73f, 0x1.ca411cp-73f, -0x1.cb18a4p-68f, 0x1.5b0922p-67f},
    {-0x1.886e56p-70f, -0x1.3d4788p-70f, -0x1.66c662p-73f, -0x1.30222cp-75f, -0x1.1e1a3cp-76f, 0x1.20a022p-78f, 0x1.e73a2cp-69f, -0x1.c069ep-68f},
    {0x1.40657cp-71f, 0x1.f3467p-72f, 0x1.93073ep-75f, 0x1.2821dp-77f, 0x1.291592p-78f, 0x1.44645cp-81f, -0x1.c2c742p-70f, 0x1.d4874ap-69f},
    {-0x1.ca480ep-73f, -0x1.58647cp-73f, -0x1.871b06p-77f, -0x1.ac3e18p-80f, -0x1.6a55f6p-81f, -0x1.0529a8p-84f, 0x1.77801ep-71f, -0x1.a69e8ep-70f},
    {0x1.410fecp-74f, 0x1.a42284p-75f, 0x1.629afp-79f, 0x1.25326ap-82f, 0x1.75c55ap-84f, 0x1.09b4d6p-87f, -0x1.1e98b8p-72f, 0x1.5616a2p-71f},
    {-0x1.98c92ep-77f, -0x1.9aba4p-77f, -0x1.4b933ep-81f, -0x1.92bbe2p-85f, -0x1.0ef27cp-87f, -0x1.f136f4p-91f, 0x1.6d6b4p-74f, -0x1.020a8ap-72f},
    {0x1.d8a146p-77f, 0x1.cbdbaep-80f, 0x1.135002p-83f, 0x1.08a83ap-87f, 0x1.84d54cp-92f, 0x1.046ca2p-94f, -0x1.aff094p-75f, 0x1.3baa2p-74f}};

/* Phi(-a) - a phi(a); 0: 0.031 0.5: 0.007 1: 0.048 2: 0.033 3: 0.030 5: 0.025 7: 0.036 11: 0.044 */
#define GELU_SLOPE_START 1.0f
#define GELU_SLOPE_SCALE 1.0f
#define GELU_SLOPE_END 14.75f
enum { GELU_SLOPE_DEGREE = 7, GELU_SLOPE_ROWS = 10 };
static const float GELU_SLOPE_TABLE_F4[GELU_SLOPE_ROWS][8] __attribute__((aligned(32), unused)) = {
    {0x1.8p-1f, 0x1.42ap+1f, 0x1.84cp+1f, 0x1.9d6p+2f, 0x1.234p+3f, 0x1.630cp+3f, 0x1.ff8p-2f, 0x1.80ead2p-1f},
    {0x1.0c74c6p-75f, -0x1.bb6b24p-66f, -0x1.17f26ep-65f, -0x1.461cdcp-64f, -0x1.d71d74p-64f, -0x1.240632p-63f, 0x1.33d96ap-68f, -0x1.dc25eep-93f},
    {-0x1.8519b6p-70f, -0x1.c89242p-67f, -0x1.be1d1ep-67f, -0x1.b1af38p-67f, -0x1.bdf75ap-67f, -0x1.cd214p-67f, -0x1.3ec35cp-66f, 0x1.76fddp-95f},
    {0x1.5a38a6p-69f, 0x1.9765c2p-72f, 0x1.fa3bf4p-73f, -0x1.4315a6p-75f, -0x1.9cebe4p-74f, -0x1.1729ccp-73f, 0x1.e5c536p-69f, 0x1.59c1d2p-69f},
    {-0x1.2b008ep-70f, -0x1.fbd24ep-74f, -0x1.348b96p-74f, -0x1.50eb0ap-77f, -0x1.9d2e3ep-78f, -0x1.73ce98p-78f, -0x1.c375d4p-70f, -0x1.2c9b0ap-70f},
    {0x1.c15fbap-72f, 0x1.03527ep-75f, 0x1.12918p-76f, 0x1.aa02d8p-81f, 0x1.251f94p-83f, -0x1.62734ep-88f, 0x1.722788p-71f, 0x1.d4f3dcp-72f},
    {-0x1.19de98p-73f, -0x1.06e45ep-77f, -0x1.ce7be2p-79f, -0x1.b845p-84f, -0x1.33d5c4p-86f, 0x1.1597ap-87f, -0x1.3b59f8p-72f, -0x1.5275eap-73f},
    {0x1.fbb08p-76f, 0x1.10b79p-79f, 0x1.287136p-81f, 0x1.28a47ap-86f, 0x1.164ceap-89f, -0x1.743cd2p-89f, 0x1.6f98a6p-75f, 0x1.cc4312p-75f},
    {-0x1.d473cep-79f, -0x1.7c9978p-82f, -0x1.916c72p-85f, -0x1.afe076p-89f, -0x1.c2df72p-93f, 0x1.07337p-92f, -0x1.43a1cap-74f, -0x1.2542ap-76f},
    {-0x1.0cab16p-66f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, -0x1.24d6b8p-66f}};

/* Phi(-a); 0: 0.017 0.5: 0.013 1: 0.023 2: 0.003 3: 0.045 5: 0.024 7: 0.063 11: 0.011 */
#define NORMAL_START 1.0f
#define NORMAL_SCALE 1.0f
#define NORMAL_END 14.5f
enum { NORMAL_DEGREE = 8, NORMAL_ROWS = 10 };
static const float NORMAL_TABLE_F4[NORMAL_ROWS][8] __attribute__((aligned(32), unused)) = {
    {0x1.dfp+0f, 0x1.00ep+1f, 0x1.0f4p+2f, 0x1.8c6p+2f, 0x1.4e6p+3f, 0x1.7ebcp+3f, 0x1.fe8p-2f, 0x1.9e4p-1f},
    {0x1.69a4dcp-68f, 0x1.578114p-68f, 0x1.70b216p-69f, 0x1.045ef6p-69f, 0x1.40b2acp-70f, 0x1.1bd34ap-70f, 0x1.66065p-67f, 0x1.28fe4p-67f},
    {-0x1.1818dap-69f, -0x1.fdf73ep-70f, -0x1.39080ep-71f, -0x1.3872eap-72f, -0x1.c0165ep-74f, -0x1.53be9cp-74f, -0x1.cb18a4p-68f, -0x1.4f83eep-68f},
    {0x1.8abc26p-71f, 0x1.5a9e9cp-71f, 0x1.04a588p-73f, 0x1.7de858p-75f, 0x1.5c0accp-77f, 0x1.d682e2p-78f, 0x1.e73af6p-69f, 0x1.424f5ap-69f},
    {-0x1.0018f8p-72f, -0x1.b3841ap-73f, -0x1.a019a6p-76f, -0x1.c2facap-78f, -0x1.00c114p-80f, -0x1.30f9e4p-81f, -0x1.c295c8p-70f, -0x1.1208dp-70f},
    {0x1.36d6d6p-74f, 0x1.006adp-74f, 0x1.41ae76p-78f, 0x1.0541bp-80f, 0x1.79383p-84f, 0x1.8b391p-85f, 0x1.7bd6bp-71f, 0x1.a75078p-72f},
    {-0x1.5ba926p-76f, -0x1.1ce6b6p-76f, -0x1.e3331ap-81f, -0x1.28caf6p-83f, -0x1.08b9bap-87f, -0x1.fbc17ep-89f, -0x1.dff6c6p-73f, -0x1.2b1e16p-73f},
    {0x1.c2548p-78f, 0x1.2683dcp-78f, 0x1.599ff6p-83f, 0x1.505a6ep-86f, 0x1.0aad6p-90f, 0x1.45ffbep-92f, 0x1.ba69aep-73f, 0x1.89cc32p-75f},
    {-0x1.a44d7cp-82f, -0x1.000d86p-80f, -0x1.ec2e98p-86f, -0x1.84f0e2p-89f, 0x1.02d71ep-95f, -0x1.a6f53p-96f, 0x1.fbf0e2p-74f, -0x1.179566p-75f},
    {0x1.03659cp-80f, 0x1.0953fcp-83f, 0x1.0da81ap-87f, 0x1.4898a2p-92f, 0x1.6f4a56p-96f, 0x1.aabe76p-100f, 0x1.8f41dap-74f, -0x1.7fba18p-76f}};

/* erfc(a); 0: 0.015 0.5: 0.036 1: 0.037 2: 0.047 3: 0.087 5: 0.028 7: 0.088 11: 0.018 */
#define ERROR_START 1.0f
#define ERROR_SCALE 1.0f
#define ERROR_END 10.25f
enum { ERROR_DEGREE = 8, ERROR_ROWS = 10 };
static const float ERROR_TABLE_F4[ERROR_ROWS][8] __attribute__((aligned(32), unused)) = {
    {0x1.9ecp+0f, 0x1.6d4p+1f, 0x1.874p+1f, 0x1.9f6p+2f, 0x1.e68p+2f, 0x1.6p+3f, 0x1.f28p-2f, 0x1.d94p-1f},
    {0x1.3428c8p-64f, 0x1.7d3deap-65f, 0x1.662e6cp-65f, 0x1.5edaep-66f, 0x1.2ce788p-66f, 0x1.a41814p-67f, 0x1.3c8364p-63f, 0x1.c8cb08p-64f},
    {-0x1.2a2bf4p-65f, -0x1.e2382ep-67f, -0x1.ab9794p-67f, -0x1.a37b64p-69f, -0x1.341ee8p-69f, -0x1.28627p-70f, -0x1.0985eep-63f, -0x1.2efb76p-64f},
    {0x1.09d82cp-66f, 0x1.25329p-68f, 0x1.ecd586p-69f, 0x1.f60554p-72f, 0x1.3e0cf8p-72f, 0x1.af17d4p-74f, 0x1.767d6ep-64f, 0x1.61528p-65f},
    {-0x1.ba4ddp-68f, -0x1.5705aep-70f, -0x1.1201p-70f, -0x1.2811ep-74f, -0x1.43f4cap-75f, -0x1.1d29a8p-77f, -0x1.d0fc88p-65f, -0x1.74b6bcp-66f},
    {0x1.5ae5f6p-69f, 0x1.82ce0ep-72f, 0x1.25a2b6p-72f, 0x1.597dbap-77f, 0x1.476e38p-78f, 0x1.299ce6p-78f, 0x1.067a8p-65f, 0x1.6ac032p-67f},
    {-0x1.02618cp-70f, -0x1.c07f5ep-74f, -0x1.27ed54p-74f, -0x1.91dfeep-80f, -0x1.45c19cp-81f, 0x1.579b3ap-77f, -0x1.01636p-66f, -0x1.35c6cp-68f},
    {0x1.6916e4p-72f, 0x1.06ecf6p-76f, 0x1.0236d4p-76f, 0x1.d75c3cp-83f, 0x1.2e0facp-84f, 0x1.115c62p-76f, 0x1.53d252p-67f, 0x1.ca5244p-69f},
    {-0x1.f43006p-74f, -0x1.12f466p-76f, -0x1.471d98p-79f, -0x1.1a88e2p-86f, -0x1.b82d68p-88f, 0x1.c1426ap-77f, 0x1.bff62ap-72f, 0x1.f480ep-70f},
    {0x1.e657f6p-75f, -0x1.e64ad4p-82f, 0x1.a50086p-83f, 0x1.6d49eap-87f, 0x1.5703cap-92f, 0x1.2c05bep-78f, 0x1.393858p-68f, 0x1.49b9f6p-69f}};

/* t (1 - a + t)/(1 + t)^2, t = e^-a; 0: 0.009 0.888889: 0.019 1.77778: 0.049 3.55556: 0.037 5.33333: 0.059 8.88889: 0.004 12.4444: 0.020 19.5556: 0.037 */
#define SILU_SLOPE_START 2.0f
#define SILU_SLOPE_SCALE 1.125f
#define SILU_SLOPE_END 109.0f
enum { SILU_SLOPE_DEGREE = 8, SILU_SLOPE_ROWS = 11 };
static const float SILU_SLOPE_TABLE_F4[SILU_SLOPE_ROWS][8] __attribute__((aligned(32), unused)) = {
    {0x1.c38e38p-1f, 0x1.474974p+0f, 0x1.4p+0f, 0x1.1c71c8p+2f, 0x1.5bc71cp+2f, 0x1.1c71c8p+3f, 0x1.001c72p+4f, 0x1.4p+0f},
    {0x1.10374p-51f, -0x1.5c782p-76f, 0x1.699ep-55f, -0x1.acbeeep-48f, -0x1.18b372p-47f, -0x1.f80f66p-47f, -0x1.df6e66p-46f, -0x1.ff78eap-52f},
    {-0x1.1a0a44p-50f, -0x1.3003e6p-76f, 0x1.dd6e6ep-52f, -0x1.109ad4p-49f, -0x1.084b3ap-49f, -0x1.001748p-49f, -0x1.fed628p-50f, 0x1.b69efp-59f},
    {-0x1.476446p-51f, -0x1.05628cp-51f, -0x1.09bb98p-51f, 0x1.4dee7cp-55f, 0x1.9580e4p-56f, 0x1.e2dd9ap-60f, 0x1.6bb12ep-64f, 0x1.5faacp-64f},
    {0x1.232bbap-54f, 0x1.154b34p-53f, 0x1.01a688p-53f, -0x1.3339eep-58f, -0x1.4de586p-58f, -0x1.029cb2p-61f, -0x1.ed7d02p-71f, -0x1.e4868ep-80f},
    {0x1.e73ebap-55f, 0x1.57c23p-56f, 0x1.1a0348p-55f, -0x1.2e43b4p-60f, 0x1.ef206ep-62f, 0x1.a10f32p-64f, 0x1.008f54p-72f, 0x0p+0f},
    {-0x1.0cd07p-56f, -0x1.3bea68p-56f, -0x1.f10fa4p-56f, 0x1.711592p-61f, 0x1.ee4beep-65f, -0x1.ef474ap-67f, -0x1.593dcap-75f, 0x0p+0f},
    {-0x1.c9682cp-59f, 0x1.fcbd84p-60f, 0x1.20cc1cp-57f, -0x1.8e9fe8p-63f, -0x1.d7f01ap-66f, 0x1.9bfea8p-70f, 0x1.858372p-79f, 0x0p+0f},
    {0x1.0800b8p-58f, 0x1.a84988p-60f, -0x1.51236ap-60f, 0x1.186994p-65f, 0x1.1dee0cp-68f, -0x1.99212ep-74f, -0x1.ce1d1p-81f, 0x0p+0f},
    {0x1.2414bap-60f, -0x1.1b8ed6p-61f, 0x1.4cbffep-64f, -0x1.11884cp-69f, -0x1.1225eap-72f, 0x1.3d7564p-79f, 0x1.d07762p-83f, 0x0p+0f},
    {0x0p+0f, -0x1.90116cp-50f, -0x1.000afap-49f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, -0x1.002992p-49f}};

/* a - tanh(a) over min(a, 1/4)^3; 0: 0.012 0.25: 0.021 0.5: 0.223 1: 0.012 1.5: 0.264 2.5: 0.043 3.5: 0.087 5.5: 0.046 */
#define SHRINK_START 2.0f
#define SHRINK_SCALE 3.999999523162842f
#define SHRINK_END 9.5f
enum { SHRINK_DEGREE = 7, SHRINK_ROWS = 9 };
static const float SHRINK_TABLE_F4[SHRINK_ROWS][8] __attribute__((aligned(32), unused)) = {
    {0x1.008002p-3f, 0x1.064002p-2f, 0x1.008002p-1f, 0x1.000002p+0f, 0x1.80c004p+0f, 0x1.824004p+1f, 0x1.202002p+2f, 0x1.e70002p+2f},
    {0x1.533486p-2f, 0x1.659214p-2f, 0x1.380c3p+1f, 0x1.e8415cp+3f, 0x1.31cb3ap+5f, 0x1.02dc7ap+7f, 0x1.c04812p+7f, 0x1.a70004p+8f},
    {-0x1.0e289cp-5f, 0x1.0153e4p+2f, 0x1.b6cf46p+3f, 0x1.28f922p+5f, 0x1.a3f79cp+5f, 0x1.fb1f4cp+5f, 0x1.ffbf92p+5f, 0x1.ffffep+5f},
    {-0x1.06d3bep-3f, 0x1.e113bp+3f, 0x1.746dbap+4f, 0x1.4786acp+4f, 0x1.4d76dap+3f, 0x1.36b24ep-1f, 0x1.01e586p-5f, 0x1.182bcep-14f},
    {0x1.ad2358p-6f, 0x1.0397c4p+4f, 0x1.7fad72p+2f, -0x1.a85044p+2f, -0x1.679848p+2f, -0x1.9a3de8p-2f, -0x1.57c8ap-6f, -0x1.93b21cp-15f},
    {0x1.90d92p-5f, -0x1.2236fcp+3f, -0x1.52f1a4p+3f, -0x1.c8aa48p+0f, 0x1.ad7d48p+0f, 0x1.91d21ep-3f, 0x1.52c59ap-7f, 0x1.13374ap-16f},
    {-0x1.fb02a2p-7f, -0x1.23e81ap+2f, 0x1.038d4ep+1f, 0x1.83982cp+1f, -0x1.cb079cp-6f, -0x1.36f0bp-4f, -0x1.0d9738p-8f, -0x1.0f02e4p-18f},
    {-0x1.0b7254p-6f, 0x1.418844p+2f, 0x1.51cc1p+1f, -0x1.6e4e6cp+0f, -0x1.7a374p-3f, 0x1.8c6274p-6f, 0x1.a15b78p-10f, 0x1.365dbep-18f},
    {0x1.f0d09ap-8f, -0x1.7a29p-1f, -0x1.6eda34p+0f, 0x1.1089fap-2f, 0x1.aa0946p-5f, -0x1.299b54p-8f, -0x1.e1a9bp-12f, -0x1.d9f0acp-20f}};

/* tanh(a)^2 over min(a, 1/4)^2; 0: 0.000 0.25: 0.012 0.5: 0.057 1: 0.008 1.5: 0.053 2.5: 0.003 3.5: 0.048 5.5: 0.103 */
#define TANH_SQUARE_START 2.0f
#define TANH_SQUARE_SCALE 3.999999523162842f
#define TANH_SQUARE_END 9.5f
enum { TANH_SQUARE_DEGREE = 8, TANH_SQUARE_ROWS = 10 };
static const float TANH_SQUARE_TABLE_F4[TANH_SQUARE_ROWS][8] __attribute__((aligned(32), unused)) = {
    {0x0p+0f, 0x1.040002p-2f, 0x1.824004p-1f, 0x1.00e002p+0f, 0x1.00a002p+1f, 0x1.430002p+1f, 0x1.21a002p+2f, 0x1.e28002p+2f},
    {0x1p+0f, 0x1.fa3aa6p-1f, 0x1.a08106p+2f, 0x1.2a173ep+3f, 0x1.dc2a72p+3f, 0x1.f30014p+3f, 0x1.ffc284p+3f, 0x1.ffffdap+3f},
    {0x1.48480ep-31f, 0x1.dda558p+2f, 0x1.837052p+3f, 0x1.466fc2p+3f, 0x1.1475bp+1f, 0x1.9aacep-1f, 0x1.ebbf76p-7f, 0x1.2d6ae4p-15f},
    {-0x1.555558p-1f, 0x1.874ebcp+3f, -0x1.0b92ep+1f, -0x1.3f6bbap+2f, -0x1.0093dcp+1f, -0x1.902642p-1f, -0x1.eb810ap-7f, -0x1.2ce992p-15f},
    {0x1.d45238p-19f, -0x1.20e2cep+3f, -0x1.92d3b6p+2f, -0x1.b91c3ap+0f, 0x1.2335a4p+0f, 0x1.f9edd6p-2f, 0x1.478506p-7f, 0x1.a5b152p-16f},
    {0x1.82c516p-2f, -0x1.6b057p+2f, 0x1.47f604p+2f, 0x1.d6567ep+1f, -0x1.8748e4p-2f, -0x1.c4a77ap-3f, -0x1.47093ap-8f, -0x1.aa35d6p-17f},
    {0x1.b262eap-11f, 0x1.b685ep+2f, 0x1.3bb654p-5f, -0x1.d604a8p+0f, 0x1.2482fep-6f, 0x1.1c5194p-4f, 0x1.0257aep-9f, 0x1.082d46p-18f},
    {-0x1.9e18bap-3f, 0x1.972332p-1f, -0x1.3144c4p+1f, -0x1.71b022p-3f, 0x1.24e552p-4f, -0x1.ae2934p-7f, -0x1.541088p-11f, -0x1.4c1b96p-20f},
    {0x1.3ad55ep-6f, -0x1.0cb08p+1f, 0x1.3a797p+0f, 0x1.61dca4p-1f, -0x1.d211bap-5f, 0x1.0762b8p-11f, 0x1.b09114p-13f, 0x1.8ec5c2p-21f},
    {0x1.0eaafap-4f, -0x1.e00996p-1f, 0x1.25cdbcp-2f, -0x1.232132p-2f, 0x1.78f198p-6f, 0x1.09fb5ep-12f, -0x1.b1b924p-15f, -0x1.a81ef8p-23f}};
#undef UNUSED

/* ---- formulas ---- */
/* gcc makes vectors of a loop only where none is left in it, which at -O2 it would leave */
#if defined(__clang__)
#define UNROLLED
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif
VM_INLINE uint32_t table_place_f4(float at) { return (bits_f4(at) >> 22) & 7; }
/* c0 + d(c1 + ...) */
VM_INLINE float down_to_f4(const float (*t)[8], int degree, int lowest, uint32_t i, float d)
{
    float y = t[degree + 1][i];
    UNROLLED
    for (int k = degree; k > lowest; k--)
        y = fma_f4(y, d, t[k][i]);
    return y;
}
VM_INLINE float from_table_f4(const float (*t)[8], int degree, uint32_t i, float d) { return down_to_f4(t, degree, 0, i, d); }
/* Y, of which the line of a piece with a root stands apart */
#define PLACE_F4(NAME, at) table_place_f4(fma_f4(at, NAME##_SCALE, NAME##_START))
#define FROM_C_F4(NAME, a, at) ((a) - NAME##_TABLE_F4[0][PLACE_F4(NAME, at)])
#define Y_F4(NAME, a, at) from_table_f4(NAME##_TABLE_F4, NAME##_DEGREE, PLACE_F4(NAME, at), FROM_C_F4(NAME, a, at))
#define LINED_Y_F4(NAME, a, at) fma_f4(NAME##_TABLE_F4[NAME##_ROWS - 1][PLACE_F4(NAME, at)], FROM_C_F4(NAME, a, at), Y_F4(NAME, a, at))
/* what a bell lacks of its power */
VM_INLINE float bell_f4(const float *b, float square)
{
    float y = fma_f4(b[3], square, b[2]);
    y = fma_f4(y, square, b[1]);
    return fma_f4(y, square, b[0]);
}
/* e^(k z) - 1, and the same over z */
VM_INLINE float table_slope_f4(const float *e, float z)
{
    float q = fma_f4(e[5], z, e[4]);
    q = fma_f4(q, z, e[3]);
    q = fma_f4(q, z, e[2]);
    q = fma_f4(q, z, e[1]);
    return fma_f4(q, z, e[0]);
}
VM_INLINE float table_power_f4(const float *e, float z) { return table_slope_f4(e, z) * z; }
VM_INLINE float table_scale_f4(float j) { return from_bits_f4(bits_f4(j) << 23); }
/* z of w = -a^2, and *s, which is 2^n */
VM_INLINE float reduced_square_f4(float a, float per, float magic, float g, float magic_g, float *s)
{
    float j = fma_f4(a * a, -per, magic);
    *s = table_scale_f4(j);
    return fma_f4(-a, a, -fma_f4(j, g, -magic_g));
}
VM_INLINE float reduced_bell_f4(float a, float *s) { return reduced_square_f4(a, BELL_PER, BELL_MAGIC, BELL_G, BELL_MAGIC_G, s); }
/* e^(k z) - 1 of w = -a^2 or -a, and *s */
VM_INLINE float bell_power_f4(float a, float *s) { return table_power_f4(BELL_E, reduced_bell_f4(a, s)); }
VM_INLINE float square_power_f4(float a, float *s)
{
    return table_power_f4(SQUARE_E, reduced_square_f4(a, SQUARE_PER, SQUARE_MAGIC, SQUARE_G, SQUARE_MAGIC_G, s));
}
VM_INLINE float fall_power_f4(float a, float *s)
{
    float j = fma_f4(a, -FALL_PER, FALL_MAGIC);
    *s = table_scale_f4(j);
    return table_power_f4(FALL_E, -fma_f4(j, FALL_G, -FALL_MAGIC_G) - a);
}
/* s v where it falls, one less that on the other side: no product that is subnormal next to one, which may take long */
VM_INLINE float side_of_sum_f4(float x, float s, float v, float left, float right)
{
    int falls = (int32_t)bits_f4(x) < 0;
    return fma_f4(falls ? s : -s, v, falls ? left : right);
}
VM_INLINE float table_side_f4(float x, float s, float v, float one) { return side_of_sum_f4(x, s, v, 0.0f, one); }

VM_INLINE float gelu_by_table_f4(float x)
{
    float a = at_most_f4(abs_f4(x), GELU_END), y = Y_F4(GELU, a, a), s, w = bell_power_f4(a, &s);
    return fma_f4(-(at_most_f4(a, 0.5f) * s), fma_f4(y, w, y), at_least_f4(x, 0.0f));
}
VM_INLINE float gelu_slope_by_table_f4(float x)
{
    float a = at_most_f4(abs_f4(x), GELU_SLOPE_END), y = LINED_Y_F4(GELU_SLOPE, a, a), s, w = bell_power_f4(a, &s);
    return table_side_f4(x, s, fma_f4(y, w, y), 1.0f);
}
VM_INLINE float ndtr_by_table_f4(float x)
{
    float a = at_most_f4(abs_f4(x), NORMAL_END), y = Y_F4(NORMAL, a, a), s, w = bell_power_f4(a, &s);
    return table_side_f4(x, s, fma_f4(y, w, y), 1.0f);
}
VM_INLINE float ndtr_slope_by_table_f4(float x)
{
    float a = at_most_f4(abs_f4(x), NORMAL_END), y = bell_f4(NORMAL_BELL, a * a), s, w = bell_power_f4(a, &s);
    return lowered_f4(s, fma_f4(y, w, y));
}
VM_INLINE float erfc_by_table_f4(float x)
{
    float a = at_most_f4(abs_f4(x), ERROR_END), y = Y_F4(ERROR, a, a), s, w = square_power_f4(a, &s);
    return table_side_f4(-x, s, fma_f4(y, w, y), 2.0f);
}
VM_INLINE float erfc_slope_by_table_f4(float x)
{
    float a = at_most_f4(abs_f4(x), ERROR_END), y = bell_f4(ERROR_BELL, a * a), s, w = square_power_f4(a, &s);
    return lowered_f4(-s, fma_f4(y, w, y));
}
/* where the last piece is for certain: there it is all but (1 - a) t */
#define SILU_SLOPE_LAST 26.0f
VM_INLINE float silu_slope_by_table_f4(float x)
{
    float a = at_most_f4(abs_f4(x), SILU_SLOPE_END), s, w = fall_power_f4(a, &s);
    float y = LINED_Y_F4(SILU_SLOPE, a, at_most_f4(a, SILU_SLOPE_LAST));
    return table_side_f4(x, s, fma_f4(y, w, y), 1.0f);
}
/* Phi(h + lo). lo moves d, and the power by -a lo; the last sum is c1 + (d(...) + y w), for a y that is rounded before would not do with lo
 * beside. What is subnormal is often so for many: see LEAST_NORMAL_F4. */
#define NORMAL_IS_SMALL -12.95f
VM_INLINE float laplace_by_table_f4(float x, float mu, float sigma)
{
    float less, h = standard_f4(x, mu, sigma, &less), size = abs_f4(h), a = at_most_f4(size, NORMAL_END);
    float lo = flipped_f4(size < NORMAL_END ? less : 0.0f, copysign_f4(0.0f, h)), more = a * lo;
    float s, z = reduced_bell_f4(a, &s), q = table_slope_f4(BELL_E, z), w = fma_f4(q, z, -fma_f4(q * z, more, more));
    float d = FROM_C_F4(NORMAL, a, a) + lo, c = NORMAL_TABLE_F4[1][PLACE_F4(NORMAL, a)];
    float y = down_to_f4(NORMAL_TABLE_F4, NORMAL_DEGREE, 1, PLACE_F4(NORMAL, a), d) * d, v = c + fma_f4(c + y, w, y);
    uint32_t grid = h < NORMAL_IS_SMALL ? LEAST_NORMAL_F4 : 0;
    return from_bits_f4(bits_f4(side_of_sum_f4(h, s, v, from_bits_f4(grid), 1.0f)) - grid);
}

/* a gelu(gate), as compensated_f4() of gelu in two parts: what is left of the square is in the power, and the last sum as above */
#define GATE_IS_DEEP -9.5f
#define GATE_END 14.625f
VM_INLINE float geglu_by_table_f4(float a, float gate)
{
    float b = at_most_f4(abs_f4(gate), GATE_END), square = b * b, square_lo = fma_f4(b, b, -square);
    float j = fma_f4(square, -BELL_PER, BELL_MAGIC), z = -fma_f4(j, BELL_G, -BELL_MAGIC_G) - square;
    float q = table_slope_f4(BELL_E, z), less = -0.5f * square_lo, w = fma_f4(q, z, fma_f4(q * z, less, less));
    float d = FROM_C_F4(GELU, b, b), c = GELU_TABLE_F4[1][PLACE_F4(GELU, b)];
    float p = down_to_f4(GELU_TABLE_F4, GELU_DEGREE, 1, PLACE_F4(GELU, b), d) * d;
    float more = fma_f4(c + p, w, p), v = c + more, v_lo = (c - v) + more;
    uint32_t up = gate < GATE_IS_DEEP ? (uint32_t)64 << 23 : 0;
    float part = at_most_f4(b, 0.5f) * from_bits_f4((bits_f4(j) << 23) + up), line = at_least_f4(gate, 0.0f);
    float value = fma_f4(-part, v, line), lo = fma_f4(-part, v_lo, fma_f4(-part, v, line - value));
    float unit = gate >= -GATE_END ? from_bits_f4(0x3F800000u - up) : 0.0f;
    return lowered_f4(compensated_f4(a, value, lo), unit);
}

/* All of |x|, held where it ends, next to 0 times a power of it. Where the last piece is for certain: */
#define TANH_LAST 7.0f
/* With what rounding leaves out of products; of the first beyond its end |x| - 1. So far down that it does not matter |x| is held: what is
 * subnormal, or would be, may take long. */
VM_INLINE float tanh_shrink_by_table_f4(float x)
{
    float high = at_most_f4(abs_f4(x), SHRINK_END), a = at_least_f4(high, 0x1p-60f), y = Y_F4(SHRINK, a, at_most_f4(a, TANH_LAST));
    float m = at_most_f4(a, 0.25f), square = m * m, q = m * y, lo = fma_f4(square, fma_f4(m, y, -q), fma_f4(m, m, -square) * q);
    return copysign_f4(fma_f4(square, q, lo) + (abs_f4(x) - high), x);
}
VM_INLINE float tanh_square_by_table_f4(float x)
{
    float a = at_least_f4(at_most_f4(abs_f4(x), TANH_SQUARE_END), 0x1p-80f), y = Y_F4(TANH_SQUARE, a, at_most_f4(a, TANH_LAST));
    float m = at_most_f4(a, 0.25f), held = at_least_f4(m, 0x1p-50f);
    return fma_f4(m * m, y, fma_f4(held, held, -(held * held)) * y);
}

#endif
