/* Sines of numbers of any size: what the sinusoids in activations_smooth_apart.pxi are made of.
 *
 * Floats: an angle becomes half-turns, f = u/pi + shift - n, |f| <= 1/2, with sin = (-1)^n sin(pi f). u is the exact product of two
 * numbers. Where m = u 2^-s is whole, so are the turns that 2^s/pi modulo 2 leaves out (Payne and Hanek 1983). The tables
 * have these constants for every size of u, which makes the same operations do for 1 and for the largest number.
 * Doubles: below 2^32 n pi/2 is subtracted, pi/2 in three parts, beyond as floats; both leave an angle r and what it lacks.
 *
 * Numbers: coefficients/smooth.sollya, coefficients/turns.py (the tables).
 */
#ifndef FASTACT_TRIG_H
#define FASTACT_TRIG_H

#include "vmath.h"

static const double WIDE_HI[128] = {
    0x1.45f306dc9c883p-2, -0x1.7419f246c6efbp-1, -0x1.d067c91b1bbebp-1, 0x1.7cc1b727220a9p-2, -0x1.067c91b1bbeadp-1,
    -0x1.9f246c6efab58p-5, -0x1.9f246c6efab58p-3, -0x1.9f246c6efab58p-1, 0x1.836e4e44152a0p-1, -0x1.f246c6efab581p-1,
    0x1.b727220a94fe1p-4, 0x1.b727220a94fe1p-2, -0x1.236377d5ac07bp-2, 0x1.b9391054a7f0ap-1, -0x1.1b1bbead603d9p-1,
    -0x1.b1bbead603d8bp-3, -0x1.b1bbead603d8bp-1, 0x1.391054a7f09d6p-1, 0x1.c882a53f84eb0p-2, -0x1.bbead603d8a83p-3,
    -0x1.bbead603d8a83p-1, 0x1.1054a7f09d5f4p-1, 0x1.054a7f09d5f48p-3, 0x1.054a7f09d5f48p-1, 0x1.529fc2757d1f5p-5,
    0x1.529fc2757d1f5p-3, 0x1.529fc2757d1f5p-1, 0x1.4a7f09d5f47d5p-1, 0x1.29fc2757d1f53p-1, 0x1.4fe13abe8fa9ap-2,
    -0x1.603d8a82e0acbp-1, -0x1.80f62a0b82b2dp-1, 0x1.fc2757d1f534ep-1, -0x1.ec54170565912p-6, -0x1.ec54170565912p-4,
    -0x1.ec54170565912p-2, 0x1.3abe8fa9a6ee0p-4, 0x1.3abe8fa9a6ee0p-2, -0x1.8a82e0acb223fp-1, 0x1.d5f47d4d37703p-1,
    -0x1.505c1596447e5p-2, 0x1.5f47d4d377037p-1, 0x1.7d1f534ddc0dbp-1, 0x1.f47d4d377036ep-1, -0x1.70565911f924fp-4,
    -0x1.70565911f924fp-2, 0x1.1f534ddc0db63p-1, 0x1.f534ddc0db629p-3, 0x1.f534ddc0db629p-1, -0x1.596447e493ad5p-4,
    -0x1.596447e493ad5p-2, 0x1.4d377036d8a56p-1, 0x1.34ddc0db6295ap-1, 0x1.a6ee06db14acdp-2, -0x1.6447e493ad4cep-2,
    0x1.377036d8a5665p-1, 0x1.bb81b6c52b328p-2, -0x1.11f924eb53362p-2, 0x1.dc0db6295993cp-1, -0x1.1f924eb53361ep-2,
    0x1.c0db6295993c4p-1, -0x1.f924eb53361dep-2, 0x1.b6c52b3278872p-6, 0x1.b6c52b3278872p-4, 0x1.b6c52b3278872p-2,
    -0x1.24eb53361de38p-2, 0x1.b6295993c4390p-1, -0x1.275a99b0ef1bfp-1, -0x1.3ad4cd8778df8p-2, 0x1.8a5664f10e410p-1,
    -0x1.d6a66c3bc6fbep-1, 0x1.4acc9e21c8210p-2, -0x1.6a66c3bc6fbe0p-1, -0x1.a99b0ef1bef80p-1, 0x1.5993c439041fep-1,
    0x1.664f10e4107f9p-1, 0x1.993c439041fe5p-1, -0x1.9b0ef1bef806cp-1, 0x1.93c439041fe51p-1, -0x1.b0ef1bef806bap-1,
    0x1.3c439041fe516p-1, 0x1.e21c820ff28b2p-2, -0x1.de37df00d74e3p-4, -0x1.de37df00d74e3p-2, 0x1.0e4107f9458ebp-3,
    0x1.0e4107f9458ebp-1, 0x1.c820ff28b1d5fp-4, 0x1.c820ff28b1d5fp-2, -0x1.bef806ba71508p-3, -0x1.bef806ba71508p-1,
    0x1.041fe5163abdfp-1, 0x1.07f9458eaf7afp-5, 0x1.07f9458eaf7afp-3, 0x1.07f9458eaf7afp-1, 0x1.fe5163abdebbcp-5,
    0x1.fe5163abdebbcp-3, 0x1.fe5163abdebbcp-1, -0x1.ae9c5421443aap-7, -0x1.ae9c5421443aap-5, -0x1.ae9c5421443aap-3,
    -0x1.ae9c5421443aap-1, 0x1.458eaf7aef158p-1, 0x1.163abdebbc562p-1, 0x1.63abdebbc561bp-3, 0x1.63abdebbc561bp-1,
};
static const double WIDE_LO[128] = {
    -0x1.6b01ec5417056p-56, 0x1.29fc2757d1f53p-55, 0x1.4fe13abe8fa9ap-56, 0x1.3f84eafa3ea6ap-56, -0x1.80f62a0b82b2dp-55,
    -0x1.ec54170565912p-62, -0x1.ec54170565912p-60, -0x1.ec54170565912p-58, -0x1.ec54170565912p-56, 0x1.3abe8fa9a6ee0p-58,
    0x1.d5f47d4d37703p-59, 0x1.d5f47d4d37703p-57, -0x1.505c1596447e5p-58, -0x1.505c1596447e5p-56, 0x1.5f47d4d377037p-55,
    0x1.f47d4d377036ep-57, 0x1.f47d4d377036ep-55, -0x1.70565911f924fp-58, -0x1.70565911f924fp-56, 0x1.f534ddc0db629p-59,
    0x1.f534ddc0db629p-57, 0x1.f534ddc0db629p-55, -0x1.596447e493ad5p-58, -0x1.596447e493ad5p-56, 0x1.a6ee06db14acdp-60,
    0x1.a6ee06db14acdp-58, 0x1.a6ee06db14acdp-56, -0x1.6447e493ad4cep-56, 0x1.377036d8a5665p-55, 0x1.bb81b6c52b328p-56,
    -0x1.11f924eb53362p-56, 0x1.dc0db6295993cp-55, -0x1.1f924eb53361ep-56, 0x1.b6c52b3278872p-64, 0x1.b6c52b3278872p-62,
    0x1.b6c52b3278872p-60, 0x1.b6c52b3278872p-58, 0x1.b6c52b3278872p-56, -0x1.24eb53361de38p-56, 0x1.b6295993c4390p-55,
    0x1.b14acc9e21c82p-56, -0x1.3ad4cd8778df8p-56, 0x1.8a5664f10e410p-55, -0x1.d6a66c3bc6fbep-55, 0x1.2b32788720840p-58,
    0x1.2b32788720840p-56, -0x1.a99b0ef1bef80p-55, 0x1.664f10e4107f9p-57, 0x1.664f10e4107f9p-55, 0x1.93c439041fe51p-59,
    0x1.93c439041fe51p-57, 0x1.93c439041fe51p-55, -0x1.b0ef1bef806bap-55, -0x1.8778df7c035d4p-56, 0x1.e21c820ff28b2p-56,
    -0x1.de37df00d74e3p-58, -0x1.de37df00d74e3p-56, 0x1.0e4107f9458ebp-57, 0x1.0e4107f9458ebp-55, 0x1.c820ff28b1d5fp-58,
    0x1.c820ff28b1d5fp-56, -0x1.bef806ba71508p-57, 0x1.07f9458eaf7afp-63, 0x1.07f9458eaf7afp-61, 0x1.07f9458eaf7afp-59,
    0x1.07f9458eaf7afp-57, 0x1.07f9458eaf7afp-55, 0x1.fe5163abdebbcp-59, 0x1.fe5163abdebbcp-57, 0x1.fe5163abdebbcp-55,
    -0x1.ae9c5421443aap-61, -0x1.ae9c5421443aap-59, -0x1.ae9c5421443aap-57, -0x1.ae9c5421443aap-55, 0x1.458eaf7aef158p-55,
    0x1.163abdebbc562p-55, 0x1.63abdebbc561bp-57, 0x1.63abdebbc561bp-55, 0x1.8eaf7aef1586ep-55, -0x1.c5421443a9e49p-55,
    0x1.d5ef5de2b0db9p-56, -0x1.508510ea79237p-57, 0x1.7bd778ac36e49p-58, 0x1.7bd778ac36e49p-56, -0x1.0a21d4f246dc9p-60,
    -0x1.0a21d4f246dc9p-58, -0x1.443a9e48db91cp-61, -0x1.443a9e48db91cp-59, -0x1.443a9e48db91cp-57, -0x1.443a9e48db91cp-55,
    -0x1.10ea79236e471p-55, -0x1.d4f246dc8e2dfp-62, -0x1.d4f246dc8e2dfp-60, -0x1.d4f246dc8e2dfp-58, 0x1.586dc91b8e909p-59,
    0x1.586dc91b8e909p-57, 0x1.586dc91b8e909p-55, 0x1.b7246e3a424ddp-63, 0x1.b7246e3a424ddp-61, 0x1.b7246e3a424ddp-59,
    0x1.b7246e3a424ddp-57, 0x1.b7246e3a424ddp-55, -0x1.236e4716f6c8bp-55, 0x1.c91b8e909374cp-57, 0x1.c91b8e909374cp-55,
};
static const double TURNS[280] = {
    0x0.0p+0, 0x0.0p+0, 0x0.0p+0, 0x0.0p+0, 0x0.0p+0,
    0x0.0p+0, 0x0.0p+0, 0x0.0p+0, 0x0.0p+0, 0x1.4000000000000p-42,
    0x1.45f0000000000p-34, 0x1.45f3000000000p-26, 0x1.45f306d800000p-18, 0x1.45f306dc98000p-10, 0x1.45f306dc9c880p-2,
    0x1.7cc1b727220a0p+0, 0x1.836e4e4415280p-1, 0x1.b727220a94fe0p+0, 0x1.27220a94fe120p+0, 0x1.220a94fe13aa0p+0,
    0x1.529fc2757d000p-5, 0x1.29fc2757d1f40p-1, 0x1.fc2757d1f5340p-1, 0x1.3abe8fa9a6e00p-4, 0x1.abe8fa9a6ee00p+0,
    0x1.e8fa9a6ee06c0p+0, 0x1.f534ddc0db600p-1, 0x1.34ddc0db62940p-1, 0x1.bb81b6c52b300p-2, 0x1.c0db6295993c0p-1,
    0x1.b6c52b3278800p-2, 0x1.b14acc9e21c80p+0, 0x1.4acc9e21c8200p+0, 0x1.993c439041fc0p-1, 0x1.3c439041fe500p-1,
    0x1.0e4107f945800p-3, 0x1.c820ff28b1d40p+0, 0x1.07f9458eaf700p-3, 0x1.fe5163abdeb80p-1, 0x1.28b1d5ef5de20p+0,
    0x1.63abdebbc5600p-1, 0x1.d5ef5de2b0da0p+0, 0x1.ef5de2b0db920p+0, 0x1.5de2b0db92360p+0, 0x1.e2b0db92371c0p+0,
    0x1.61b7246e3a400p-1, 0x1.b7246e3a424c0p-1, 0x1.92371d2126e80p+0, 0x1.b8e909374b800p-3, 0x1.1d2126e970020p+0,
    0x1.2126e97003240p+0, 0x1.26e9700324960p+0, 0x1.d2e006492ee80p-1, 0x1.7003249775040p+0, 0x1.924bba8274000p-7,
    0x1.24977504e8c80p+0, 0x1.2eea09d1921c0p-1, 0x1.7504e8c90e7e0p+0, 0x1.04e8c90e7f0e0p+0, 0x1.d1921cfe1de80p-1,
    0x1.921cfe1deb1c0p-1, 0x1.0e7f0ef58e580p+0, 0x1.fc3bd63962500p-2, 0x1.0ef58e5894d20p+0, 0x1.eb1cb129a73c0p-1,
    0x1.8e5894d39f740p+0, 0x1.62534e7dd1000p-2, 0x1.29a73ee882340p-1, 0x1.a73ee88235f40p-1, 0x1.9f74411afa960p+0,
    0x1.74411afa975c0p+0, 0x1.046bea5d76880p-2, 0x1.1afa975da2420p+0, 0x1.f52ebb4484e80p-1, 0x1.2ebb4484e99c0p-1,
    0x1.5da24274ce380p+0, 0x1.a24274ce38120p+0, 0x1.09d338e04d680p-2, 0x1.d338e04d68b80p-2, 0x1.9c7026b45f7c0p-1,
    0x1.c09ad17df9000p-3, 0x1.35a2fbf209c00p-4, 0x1.5a2fbf209cc80p+0, 0x1.7df904e647500p-3, 0x1.bf209cc8eb1c0p+0,
    0x1.209cc8eb1cc00p+0, 0x1.3991d63983500p-1, 0x1.91d6398353380p-1, 0x1.d639835339f40p-1, 0x1.1cc1a99cfa4e0p+0,
    0x1.835339f49c840p-1, 0x1.a99cfa4e422e0p+0, 0x1.9cfa4e422fc40p+0, 0x1.f49c845f8bbc0p-1, 0x1.3908bf177bf00p-2,
    0x1.08bf177bf2500p-2, 0x1.7e2ef7e4a0e00p-3, 0x1.c5defc941d8e0p+0, 0x1.defc941d8ffc0p+0, 0x1.f9283b1ff8940p-1,
    0x1.283b1ff897fc0p-1, 0x1.d8ffc4bffee00p-4, 0x1.8ffc4bffef020p+0, 0x1.fc4bffef02cc0p+0, 0x1.2fffbc0b30180p-2,
    0x1.ffef02cc07f60p+0, 0x1.ef02cc07f7960p+0, 0x1.02cc07f797880p+0, 0x1.980fef2f11880p-1, 0x1.fde5e2316b000p-6,
    0x1.f79788c5ad040p+0, 0x1.9788c5ad05360p+0, 0x1.88c5ad05368e0p+0, 0x1.8b5a0a6d1f6c0p-1, 0x1.ad05368fb69a0p+0,
    0x1.05368fb69b3e0p+0, 0x1.368fb69b3f660p+0, 0x1.1f6d367ecf240p-1, 0x1.b69b3f6793e40p+0, 0x1.367ecf27cb080p-1,
    0x1.3f6793e584da0p+0, 0x1.6793e584dba60p+0, 0x1.93e584dba7a20p+0, 0x1.e584dba7a31e0p+0, 0x1.84dba7a31fb20p+0,
    0x1.b74f463f669c0p-1, 0x1.a7a31fb34f2e0p+0, 0x1.a31fb34f2ff40p+0, 0x1.1fb34f2ff5160p+0, 0x1.b34f2ff516ba0p+0,
    0x1.4f2ff516ba920p+0, 0x1.2ff516ba93dc0p+0, 0x1.f516ba93dd620p+0, 0x1.16ba93dd63f40p+0, 0x1.7527bac7ebe40p-1,
    0x1.27bac7ebe5f00p-1, 0x1.dd63f5f2f8bc0p+0, 0x1.63f5f2f8bd9e0p+0, 0x1.f5f2f8bd9e820p+0, 0x1.f2f8bd9e839c0p+0,
    0x1.f17b3d0739f40p-1, 0x1.7b3d0739f7880p-1, 0x1.9e839cfbc5280p+0, 0x1.0739f78a52900p-1, 0x1.9cfbc52949740p+0,
    0x1.f78a5292ea680p-1, 0x1.c529497535fc0p+0, 0x1.29497535fdae0p+0, 0x1.497535fdafd80p+0, 0x1.7535fdafd88e0p+0,
    0x1.35fdafd88fc60p+0, 0x1.fdafd88fc6ae0p+0, 0x1.afd88fc6ae840p+0, 0x1.d88fc6ae842a0p+0, 0x1.1f8d5d0856000p-1,
    0x1.c6ae842b01980p+0, 0x1.5d08560330440p-1, 0x1.0856033046fc0p-1, 0x1.580cc11bf1e00p-3, 0x1.0198237e3db40p+0,
    0x1.98237e3db5d40p+0, 0x1.1bf1edaeafc00p-3, 0x1.7e3db5d5f8660p+0, 0x1.edaeafc33ef00p-3, 0x1.b5d5f867de100p+0,
    0x1.d5f867de104c0p+0, 0x1.f867de104d7a0p+0, 0x1.9f784135e8680p-2, 0x1.de104d7a1b0e0p+0, 0x1.04d7a1b0ed400p-4,
    0x1.35e86c3b53c00p-2, 0x1.7a1b0ed4f1c80p+0, 0x1.b0ed4f1c8b000p-4, 0x1.0ed4f1c8b0ae0p+0, 0x1.a9e391615ee40p-1,
    0x1.e391615ee6180p-1, 0x1.c8b0af730d840p+0, 0x1.615ee61b08640p-1, 0x1.5ee61b0865980p-1, 0x1.730d8432ccc20p+0,
    0x1.0d8432ccc2ae0p+0, 0x1.8432ccc2af8a0p+0, 0x1.9666157c52800p-3, 0x1.99855f14a0680p-1, 0x1.855f14a068400p-1,
    0x1.5f14a068408c0p-1, 0x1.8a50342046fe0p+0, 0x1.40d0811bffb00p-2, 0x1.a10237ff62000p-3, 0x1.0237ff6201300p-3,
    0x1.1bffb1009ae00p-2, 0x1.ffd8804d73240p-1, 0x1.ec4026b993980p+0, 0x1.009ae64e62080p-2, 0x1.35cc9cc418100p-3,
    0x1.7327310606140p-1, 0x1.939883030aaa0p+0, 0x1.9883030aab640p+0, 0x1.06061556ca700p-1, 0x1.030aab6539d40p+0,
    0x1.0aab6539d4640p+0, 0x1.56ca73a8c9600p-1, 0x1.6539d464b0700p+0, 0x1.39d464b0713c0p+0, 0x1.d464b0713de00p+0,
    0x1.92c1c4f781180p-2, 0x1.60e27bc08c680p-1, 0x1.c4f78118d6880p-2, 0x1.3de04635a3e20p+0, 0x1.e04635a3e20c0p+0,
    0x1.18d68f8833800p-2, 0x1.ad1f10670d900p-3, 0x1.a3e20ce1b3e60p+0, 0x1.e20ce1b3e6ee0p+0, 0x1.9c367cddce800p-5,
    0x1.c367cddce8080p-1, 0x1.b3e6ee7404940p+0, 0x1.e6ee740495400p+0, 0x1.dce8092a83580p-1, 0x1.d0125506b3880p-2,
    0x1.25506b388e800p-6, 0x1.2a8359c476880p-1, 0x1.41ace23b45ca0p+0, 0x1.ace23b45cb0e0p+0, 0x1.c4768b961ca40p-1,
    0x1.da2e58729b700p-3, 0x1.45cb0e536ed60p+0, 0x1.cb0e536ed7a20p+0, 0x1.0e536ed7a2680p+0, 0x1.4dbb5e89a2a80p-2,
    0x1.6ed7a268ab8c0p+0, 0x1.af44d15719040p-1, 0x1.a268ab8c829e0p+0, 0x1.a2ae320a7d480p-2, 0x1.5719053ea5fc0p-1,
    0x1.8c829f52ff820p+0, 0x1.053ea5ff07040p-1, 0x1.3ea5ff07053c0p-1, 0x1.52ff83829fbe0p+0, 0x1.ff07053f7e300p-1,
    0x1.83829fbf19f40p+0, 0x1.829fbf19f4180p+0, 0x1.3f7e33e832c00p-1, 0x1.bf19f419616e0p+0, 0x1.19f419616f260p+0,
    0x1.f419616f27cc0p+0, 0x1.9616f27cc1800p-4, 0x1.616f27cc193e0p+0, 0x1.6f27cc193edc0p+0, 0x1.27cc193edde00p+0,
    0x1.cc193edde19e0p+0, 0x1.93edde19e9200p-4, 0x1.3edde19e93760p+0, 0x1.bbc33d26ef680p-1, 0x1.e19e9377b58e0p+0,
    0x1.9e9377b58f2e0p+0, 0x1.26ef6b1e5ef80p-1, 0x1.77b58f2f7c4e0p+0, 0x1.b58f2f7c4f9c0p+0, 0x1.8f2f7c4f9d0e0p+0,
    0x1.2f7c4f9d0f9a0p+0, 0x1.7c4f9d0f9ae40p+0, 0x1.3e743e6b95e00p-2, 0x1.9d0f9ae5793e0p+0, 0x1.0f9ae5793f8e0p+0,
    0x1.9ae5793f8ec20p+0, 0x1.caf27f1d87f00p-1, 0x1.793f8ec3f8900p+0, 0x1.3f8ec3f890c80p+0, 0x1.8ec3f890c83e0p+0,
    0x1.87f121907c7c0p-1, 0x1.f890c83e3e120p+0, 0x1.21907c7c24680p-1, 0x1.907c7c246af80p-1, 0x1.f1f091abe9b00p-3,
    0x1.f091abe9bb500p-3, 0x1.2357d376aba00p-4, 0x1.abe9bb55dcb00p-3, 0x1.7d376abb96980p+0, 0x1.376abb9698200p+0,
};

/* floats, in double: u has 48 bits and is below 2^256; *sign is 0.0 or -0.0 */
VM_INLINE double wide_half_turns(double u, double shift, double *sign)
{
    const double magic = 6755399441055744.0;
    uint64_t k = (((bits_f8(at_least_f8(abs_f8(u), 0x1p47)) >> 52) - (1023 + 47)) >> 1) & 127;
    double m = u * from_bits_f8((uint64_t)1023 * 0x10000000000000u - (k << 53));
    double j = fma_f8(m, WIDE_HI[k], shift) + magic;
    *sign = from_bits_f8(bits_f8(j) << 63);
    return fma_f8(m, WIDE_LO[k], fma_f8(m, WIDE_HI[k], shift - (j - magic)));
}
/* the same for |u| < 2^48, bit by bit: the first entries of the tables */
VM_INLINE double usual_half_turns(double u, double shift, double *sign)
{
    const double magic = 6755399441055744.0;
    double j = fma_f8(u, 0x1.45f306dc9c883p-2, shift) + magic;
    *sign = from_bits_f8(bits_f8(j) << 63);
    return fma_f8(u, -0x1.6b01ec5417056p-56, fma_f8(u, 0x1.45f306dc9c883p-2, shift - (j - magic)));
}
/* the same where only a small sin^2/u matters: |u| < 2^41 */
VM_INLINE double wide_near_half_turns(double u)
{
    const double magic = 6755399441055744.0;
    double n = fma_f8(u, 0x1.45f306dc9c883p-2, magic) - magic;
    return fma_f8(u, -0x1.6b01ec5417056p-56, fma_f8(u, 0x1.45f306dc9c883p-2, -n));
}
/* sin(pi f) */
VM_INLINE double wide_sine(double f)
{
    double z = f * f;
    double p = -0x1.cc3205c262b4fp-8;
    p = fma_f8(p, z, 0x1.500fe272b0d01p-4);
    p = fma_f8(p, z, -0x1.32d11177c7fd4p-1);
    p = fma_f8(p, z, 0x1.466bbfbf82872p+1);
    p = fma_f8(p, z, -0x1.4abbce4f10105p+2);
    p = fma_f8(p, z, 0x1.921fb5441e32ap+1);
    return f * p;
}

/* floats, |omega x| below 2^16: omega x = pi n + r, n in the low bits of the result. pi is 0x1.921fb6p+1 - 0x1.77p-24 - 0x1.e973dcp-34:
 * omega x, rounded, less n times the first part is exact, as n times the second part is, and what rounding leaves out joins the third. */
VM_INLINE float near_angle_f4(float x, float omega, float *r)
{
    const float magic = 12582912.0f;
    float j = fma_f4(x, omega * 0x1.45f306p-2f, magic), n = j - magic;
    float u = omega * x, u_lo = fma_f4(omega, x, -u), a = fma_f4(n, -0x1.921fb6p+1f, u);
    float b = fma_f4(n, 0x1.77p-24f, a), b_lo = fma_f4(n, 0x1.77p-24f, a - b);
    float c = b + u_lo, c_lo = u_lo - (c - b);
    *r = c + fma_f4(n, 0x1.e973dcp-34f, b_lo + c_lo);
    return j;
}
/* the same where omega is 1: u_lo is 0 */
VM_INLINE float near_whole_angle_f4(float x, float *r)
{
    const float magic = 12582912.0f;
    float j = fma_f4(x, 0x1.45f306p-2f, magic), n = j - magic;
    float a = fma_f4(n, -0x1.921fb6p+1f, x), b = fma_f4(n, 0x1.77p-24f, a), b_lo = fma_f4(n, 0x1.77p-24f, a - b);
    *r = b + fma_f4(n, 0x1.e973dcp-34f, b_lo);
    return j;
}
/* sin(r), |r| <= pi/2; a last bit less of the second coefficient keeps it from passing 1; its sign turned as often as n, in the low bits of
 * j, says; 0 as the angle u has it */
VM_INLINE float near_sine_f4(float r, float j, float u)
{
    float z = r * r;
    float p = -0x1.d7d1e6p-26f;
    p = fma_f4(p, z, 0x1.74303cp-19f);
    p = fma_f4(p, z, -0x1.a02cep-13f);
    p = fma_f4(p, z, 0x1.111146p-7f);
    p = fma_f4(p, z, -0x1.555556p-3f);
    float y = u == 0.0f ? u : fma_f4(r * z, p, r);                             /* -0 stays -0 */
    return from_bits_f4(bits_f4(y) ^ (bits_f4(j) << 31));
}

/* doubles: x without an even number, exactly; of |x| < 2^80 no more than 2 is left after the second time, of 2^53 after the
 * first. Sums with 1.5 2^54 are multiples of 4, or of 2 where x is. */
VM_INLINE double without_turns_f8(double x)
{
    const double magic = 0x1.8p54;
    return x - ((x + magic) - magic);
}
/* a + b = sum, and what rounding leaves out of it is added to *lo */
VM_INLINE double sum_f8(double a, double b, double *lo)
{
    double sum = a + b, t = sum - a;
    *lo = *lo + ((a - (sum - t)) + (b - t));
    return sum;
}
/* m 2^(8 (k - 14))/pi modulo 2, + *lo; m is whole where k > 14 */
VM_INLINE double turned_f8(double m, uint64_t k, double *lo)
{
    double a = TURNS[k], b = 0x1p-48 * TURNS[k + 6], c = 0x1p-96 * TURNS[k + 12], d = 0x1p-144 * TURNS[k + 18];
    double p = m * a, p_lo = fma_f8(m, a, -p);
    double q = m * b, q_lo = fma_f8(m, b, -q);
    double r = m * c, r_lo = fma_f8(m, c, -r), e = 0.0, small = fma_f8(m, d, r_lo);
    double t = without_turns_f8(sum_f8(p_lo, q, &e));
    double f = sum_f8(without_turns_f8(without_turns_f8(p)), t, &small);
    double rest = sum_f8(sum_f8(e, q_lo, &small), r, &small);
    double sum = sum_f8(f, rest, &small);
    *lo = small;
    return sum;
}
/* times x y/pi modulo 4, times 2 or 4, in quarters of a turn: pi/2 times what is left is r - *less, whatever the size of x y */
VM_INLINE double far_quarter_f8(double x, double y, double times, double *less, double *turns)
{
    const double magic = 6755399441055744.0;
    uint64_t exponents = (bits_f8(abs_f8(x)) >> 52) + (bits_f8(abs_f8(y)) >> 52);
    double least = at_least_f8(from_bits_f8(exponents | 0x4330000000000000u), 0x1p52 + 2046.0);      /* as a number: max */
    uint64_t h = (((bits_f8(least) & 0xFFF) - 2046) >> 4) & 127;
    double half = from_bits_f8((uint64_t)(1023 - 8 * h) << 52);
    double a = x * half, b = y * half, v = a * b, v_lo = fma_f8(a, b, -v);                            /* u = v 2^(16 h) */
    double lo, small, e = 0.0;
    double f = turned_f8(v * 0x1p56, 2 * h + 7, &lo);
    double g = turned_f8(v_lo * 0x1p112, 2 * h, &small);
    f = times * sum_f8(f, g, &e);
    e = times * (e + (lo + small));
    double j = f + magic, part = f - (j - magic);
    double q = part + e, r = q * 0x1.921fb54442d18p+0;
    double q_less = (q - part) - e;
    *turns = j;
    *less = fma_f8(q, -0x1.1a62633145c07p-54, fma_f8(q_less, 0x1.921fb54442d18p+0, fma_f8(q, -0x1.921fb54442d18p+0, r)));
    return r;
}
/* u - u_less = n times pi/2 + r - *less, times 1 or 2, |u| below 2^32, n in the low bits of *turns. u without n times the first part of
 * pi/2 is exact, and so are both differences with what is left out of them, for what is subtracted has no bits below the other's: only
 * the last term is rounded, and r is right however little is left. -0 stays -0. */
VM_INLINE double near_quarters_f8(double times, double u, double u_less, double *less, double *turns)
{
    const double magic = 6755399441055744.0;
    double j = fma_f8(u, 0x1.45f306dc9c883p-1 / times, magic), n = j - magic;
    double whole = fma_f8(n, times * -0x1.921fb54442d18p+0, u);
    double q = n * (times * 0x1.1a62633145c07p-54), q_lo = fma_f8(n, times * 0x1.1a62633145c07p-54, -q);
    double s = whole - u_less, r = s - q;
    *turns = j;
    *less = fma_f8(n, times * -0x1.f1976b7ed8fbcp-110, q_lo) - (((whole - s) - u_less) + ((s - r) - q));
    return r;
}
/* of halves the same, of a u that nothing is missing of, bit by bit */
VM_INLINE double near_half_whole_f8(double u, double *less, double *turns)
{
    const double magic = 6755399441055744.0;
    double j = fma_f8(u, 0x1.45f306dc9c883p-1 / 2.0, magic), n = j - magic;
    double s = fma_f8(n, 2.0 * -0x1.921fb54442d18p+0, u);
    double q = n * (2.0 * 0x1.1a62633145c07p-54), q_lo = fma_f8(n, 2.0 * 0x1.1a62633145c07p-54, -q), r = s - q;
    *turns = j;
    *less = fma_f8(n, 2.0 * -0x1.f1976b7ed8fbcp-110, q_lo) - ((s - r) - q);
    return r;
}
VM_INLINE double near_quarter_f8(double u, double u_less, double *less, double *turns) { return near_quarters_f8(1.0, u, u_less, less, turns); }
VM_INLINE double near_half_f8(double u, double u_less, double *less, double *turns) { return near_quarters_f8(2.0, u, u_less, less, turns); }
/* of quarters the same, |u| below 2^16 */
VM_INLINE float near_quarter_f4(float u, float u_less, float *less, float *turns)
{
    const float magic = 12582912.0f;
    float j = fma_f4(u, 0x1.45f306p-1f, magic), n = j - magic;
    float whole = fma_f4(n, -0x1.921fb6p+0f, u);
    float q = n * -0x1.777a5cp-25f, q_lo = fma_f4(n, -0x1.777a5cp-25f, -q);
    float s = whole - u_less, r = s - q;
    *turns = j;
    *less = fma_f4(n, -0x1.ee59dap-50f, q_lo) - (((whole - s) - u_less) + ((s - r) - q));
    return r;
}
/* x y, or twice that where times is 4, in the one way or the other */
VM_INLINE double quarter_f8(double x, double y, double times, double *less, double *turns)
{
    double u = x * y, near_less, near_turns, far_less, far_turns;
    double near = near_quarter_f8(0.5 * times * u, 0.5 * times * fma_f8(-x, y, u), &near_less, &near_turns);
    double far = far_quarter_f8(x, y, times, &far_less, &far_turns);
    int usual = abs_f8(u) < 0x1p32;
    *less = usual ? near_less : far_less;
    *turns = usual ? near_turns : far_turns;
    return usual ? near : far;
}
/* r - sin(r - less), |r| <= pi/4, and, of its arguments and it, 1 - r^2/2 - cos(r - less), r^2 being rounded. Where r is nearly 0 less
 * may be much of it: then c is less, and (r - less)^2 is right */
VM_INLINE double sine_less_f8(double r, double less)
{
    double z = r * r, z2 = z * z;
    double p = fma_f8(-0x1.5e10c280da162p-33, z, 0x1.ae601e91374d6p-26);
    p = fma_f8(p, z2, fma_f8(-0x1.71de37af35646p-19, z, 0x1.a01a019e9f08cp-13));
    p = fma_f8(p, z2, fma_f8(-0x1.1111111110c7ap-7, z, 0x1.5555555555555p-3));
    return fma_f8(r * z, p, less * fma_f8(-0.5, z, 1.0));
}
/* the sine of turns halves and r, |r| <= pi/2, of which less is left out: there cos(r) needs no more than 1 - r^2/2, which is most wrong
 * where it counts least. Without the roundings of r^3 it is 2.06 ulp next to pi/2, where P is some 0.152. */
VM_INLINE double sine_of_halves_f8(double r, double less, double turns)
{
    double z = r * r, z2 = z * z;
    double p = fma_f8(-0x1.871b939a4c365p-49, z, 0x1.ae39c4b1c6075p-41);
    p = fma_f8(p, z2, fma_f8(-0x1.6123aa90bdc9p-33, z, 0x1.ae64545abcfd9p-26));
    p = fma_f8(p, z2, fma_f8(-0x1.71de3a51c254ep-19, z, 0x1.a01a01a013538p-13));
    p = fma_f8(p, z2, fma_f8(-0x1.11111111110b9p-7, z, 0x1.5555555555555p-3));
    double cube = r * z, cube_lo = fma_f8(r, fma_f8(r, r, -z), fma_f8(r, z, -cube));
    double lost = fma_f8(0x1.38p-3, cube_lo, less * fma_f8(-0.5, z, 1.0));
    return flipped_f8(r - fma_f8(cube, p, lost), from_bits_f8(bits_f8(turns) << 63));
}
VM_INLINE double cosine_less_f8(double r, double less, double c)
{
    double z = r * r, z2 = z * z;
    double p = fma_f8(0x1.9073e56390a19p-37, z, -0x1.1eeb5865374f9p-29);
    p = fma_f8(p, z2, fma_f8(0x1.27e4fa037cc16p-22, z, -0x1.a01a019f38b6dp-16));
    p = fma_f8(p, z2, fma_f8(0x1.6c16c16c168ccp-10, z, -0x1.5555555555555p-5));
    return fma_f8(z2, p, fma_f8(-less, fma_f8(-0.5, c, r), 0.5 * fma_f8(r, r, -z)));
}
VM_INLINE float sine_less_f4(float r, float less)
{
    float z = r * r;
    float p = fma_f4(fma_f4(0x1.9ab01ap-13f, z, -0x1.110bep-7f), z, 0x1.555552p-3f);
    return fma_f4(r * z, p, less * fma_f4(-0.5f, z, 1.0f));
}
VM_INLINE float cosine_less_f4(float r, float less, float c)
{
    float z = r * r;
    float p = fma_f4(fma_f4(-0x1.9bc4a4p-16f, z, 0x1.6c129ap-10f), z, -0x1.555554p-5f);
    return fma_f4(z * z, p, fma_f4(-less, r - c, 0.5f * fma_f4(r, r, -z)));
}
/* the sine of turns quarters and r, of which c and d are left out, as a sum with *rest */
VM_INLINE double sine_of_quarters_f8(double r, double c, double d, double turns, double *rest)
{
    double h = 0.5 * (r * r), w = 1.0 - h;
    double sign = from_bits_f8((bits_f8(turns) >> 1) << 63);
    double part = bits_f8(turns) & 1 ? w : r, small = bits_f8(turns) & 1 ? ((1.0 - w) - h) - d : -c;
    double y = part + small;
    *rest = flipped_f8((part - y) + small, sign);
    return flipped_f8(y, sign);
}
/* that sine, and the cosine */
VM_INLINE float sines_of_quarters_f4(float r, float c, float d, float turns, float *cosine)
{
    float h = 0.5f * (r * r), w = 1.0f - h, s = r - c, t = w + (((1.0f - w) - h) - d);
    uint32_t n = bits_f4(turns);
    *cosine = flipped_f4(n & 1 ? s : t, from_bits_f4((n ^ n >> 1) << 31));
    return flipped_f4(n & 1 ? t : s, from_bits_f4((n >> 1) << 31));
}
VM_INLINE double sines_of_quarters_f8(double r, double c, double d, double turns, double *cosine)
{
    double h = 0.5 * (r * r), w = 1.0 - h, s = r - c, t = w + (((1.0 - w) - h) - d);
    uint64_t n = bits_f8(turns);
    *cosine = flipped_f8(n & 1 ? s : t, from_bits_f8((n ^ n >> 1) << 63));
    return flipped_f8(n & 1 ? t : s, from_bits_f8((n >> 1) << 63));
}
/* 2 y (x c - y/2a)/a, y and c with what rounding leaves out of them */
VM_INLINE double snake_slope_alpha_f8(double x, double alpha, double y, double y_lo, double c, double c_lo)
{
    double inverse = 1.0 / alpha, inverse_lo = fma_f8(-inverse, alpha, 1.0) * inverse;
    double less = y * (0.5 * inverse), less_lo = fma_f8(y, 0.5 * inverse, -less) + fma_f8(y, 0.5 * inverse_lo, y_lo * (0.5 * inverse));
    double whole = x * c, d_lo = fma_f8(x, c, -whole) + x * c_lo - less_lo;
    double d = sum_f8(whole, -less, &d_lo);
    double product = y * d, product_lo = fma_f8(y, d, -product) + fma_f8(y, d_lo, y_lo * d);
    double over = product * inverse, over_lo = fma_f8(product, inverse, -over) + fma_f8(product, inverse_lo, product_lo * inverse);
    double sum = over - over == 0.0 ? over + over_lo : over;
    return abs_f8(alpha * x) < 0x1p-28 ? x * x : sum + sum;
}
/* 1 and that sine: where it is near -1, the square is left */
VM_INLINE double one_plus_sine_f8(double r, double c, double d, double turns, double *rest)
{
    double sign = flipped_f8(1.0, from_bits_f8((bits_f8(turns) >> 1) << 63));
    double base = bits_f8(turns) & 1 ? 1.0 + sign : 1.0, by = bits_f8(turns) & 1 ? -sign : sign;
    double part = bits_f8(turns) & 1 ? 0.5 * (r * r) : r, small = bits_f8(turns) & 1 ? d : -c;
    double y = fma_f8(by, part, base);
    *rest = fma_f8(by, small, fma_f8(by, part, base - y));
    return y;
}
/* sin^2(r + lo) = y + *rest, |r| <= pi/4 */
VM_INLINE double sine_square_f8(double r, double lo, double *rest)
{
    double c = sine_less_f8(r, -lo), s = r - c, y = s * s;
    *rest = fma_f8(s, s, -y) + 2.0 * s * ((r - s) - c);
    return y;
}
/* u + du modulo pi/2 where only a small sin^2/u matters: |u| < 2^51; *odd is 1 where sin^2 is cos^2 of what is left */
VM_INLINE double quarter_turn_f8(double u, double du, double *lo, double *odd)
{
    const double magic = 6755399441055744.0;
    double j = fma_f8(u, 0x1.45f306dc9c883p-1, magic), n = j - magic;
    *odd = from_bits_f8((bits_f8(j) & 1) * 0x3FF0000000000000u);
    *lo = fma_f8(n, -0x1.1a62633145c07p-54, du);
    return fma_f8(n, -0x1.921fb54442d18p+0, u);
}
/* x + (odd +- (square + square_lo))/alpha, |x| being the larger; from |u| = 2^51 on the sine is not known: 1/2, its mean */
VM_INLINE double snake_sum_f8(double x, double u, double alpha, double odd, double square, double square_lo)
{
    int far = !(abs_f8(u) < 0x1p51);
    double side = fma_f8(-2.0, odd, 1.0), v = odd + side * square, v_lo = fma_f8(side, square, odd - v) + side * square_lo;
    double n = far ? 0.5 : v, q = n / alpha, sum = x + q;
    double over = at_most_f8(at_least_f8(1.0 / alpha, -0x1.fffffffffffffp1023), 0x1.fffffffffffffp1023);
    double rest = (q - (sum - x)) + (fma_f8(-q, alpha, n) + v_lo) * over;
    return far || !(abs_f8(sum) <= 0x1.fffffffffffffp1023) ? sum : sum + rest;
}
#endif
