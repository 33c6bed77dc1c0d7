/* The text of /device/<device>/test/tap (mqtt.md): who this is, in the two lines by which clients know a v3 device, and
 * what the self-test found, in the Test Anything Protocol, version 13. It never runs a test.
 *
 *   TAP version 13
 *   # serial: FLM03E01234
 *   # firmware: 0.1.0
 *   1..8
 *   ok 1 board - it answers on /dev/ttyS0
 *   not ok 2 clock - this host's clock was never set
 *   ok 3 server # SKIP reporting is switched off */
#ifndef CORE_TAP_BODY_H
#define CORE_TAP_BODY_H

#include "core/util.h"

struct jsonw;

/* What stands in the two lines. A control character would end the line: it becomes a space. */
struct tap_who {
    const char *serial, *firmware;
};

/* The two lines alone: as long as there is no result. */
void tap_body_who(struct jsonw *w, const struct tap_who *who);

/* All of it. result: the self-test's, JSON text, terminated: {"checks":[{"name":…,"result":"ok"|"fail"|"skip",
 * "text":…},…]}. 0, or -1 when it is none: nothing was written. */
int tap_body_report(struct jsonw *w, const struct tap_who *who, const char *result) MUSTCHECK;

#endif
