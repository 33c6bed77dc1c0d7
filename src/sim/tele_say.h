/* Telegrams of smart meters, written from the companion standards alone (DSMR P1 2.2 to 5.0.2, eMUCS P1 1.7.1 and what
 * Luxembourg, Sweden, Austria and Hungary make of it; IEC 62056-21; Enedis-NOI-CPT_02E and _54E). It never knows a
 * line or a clock, and shares nothing with what reads them.
 *
 *   p1               dsmr2 dsmr4 dsmr5 be lu se at hu
 *   d0               push     data each second, with units and power (mode D)
 *                    emh      likewise, energies alone, without units
 *                    pull     when it is asked: opening at 300 baud, a changed speed, STX … ETX BCC (mode C)
 *                    echo     likewise, behind a head that sends back what it is told
 *   tic              tri, mono
 *   tic-historique   hc, base, tempo, ejp, tri (hc, three phases) */
#ifndef SIM_TELE_SAY_H
#define SIM_TELE_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"
#include "sim/tele_meter.h"

#define TELE_MAX 4096 /* bytes of a telegram */

struct tele_text {
    size_t len;
    char bytes[TELE_MAX];
};

/* What a meter was made to say beside what it measures. */
struct tele_says {
    bool clock_unset;
    unsigned gas_channel; /* of M-Bus, 1 or 2; 0: none */
    unsigned swaps;       /* another meter, with numbers of its own */
};

struct tele_kind;
typedef void tele_write(const struct tele_kind *k, const struct tele_now *now, const struct tele_says *says,
                        struct tele_text *t);

struct tele_kind {
    const char *protocol, *name;
    int baud;
    int64_t real_ms; /* a real one says so often what it has to say; 0: without a pause */
    bool pull, echo; /* d0 */
    bool sure;       /* it has a check that no single wrong bit passes */
    int64_t read_every_s;
    tele_write *write;
    int variant; /* the writer's own */
};

/* The kind "p1", "p1:be", …: by protocol and name; name NULL: the protocol's own. NULL: there is none. */
const struct tele_kind *tele_kind_find(const char *protocol, const char *name);

/* The ident line of a D0 meter, with its CR LF; speed: the digit of the one that it offers. */
void tele_say_ident(const struct tele_kind *k, char speed, struct tele_text *t);

/* ---- for the writers ---- */

void tele_say(struct tele_text *t, const char *form, ...) PRINTF_LIKE(2, 3);

/* v, which has so many decimals, as so many digits before the point and behind it; what there are more is cut off.
 * Negative numbers have their sign before. */
void tele_say_number(struct tele_text *t, int64_t v, unsigned v_decimals, int whole, unsigned decimals);

/* A stamp, "210227144933W"; winter: the zone has no summer time. */
#define TELE_STAMP 14
void tele_stamp(int64_t unix_s, bool winter, char out[TELE_STAMP]);

uint16_t tele_crc16(const char *bytes, size_t n);

tele_write tele_p1, tele_d0, tele_tic;

enum { P1_DSMR2, P1_DSMR4, P1_DSMR5, P1_BE, P1_LU, P1_SE, P1_AT, P1_HU };
enum { D0_PUSH, D0_EMH, D0_PULL };
enum { TIC_TRI, TIC_MONO, TIC_HC, TIC_BASE, TIC_TEMPO, TIC_EJP, TIC_HC_TRI };

#endif
