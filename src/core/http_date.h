/* The date of an HTTP header (RFC 9110, 5.6.7) as a Unix second. It takes the one form that servers must send, and
 * never asks a locale, a time zone or a clock. */
#ifndef CORE_HTTP_DATE_H
#define CORE_HTTP_DATE_H

#include <stdint.h>

/* "Tue, 24 Nov 2026 05:47:39 GMT" -> 1795499259. 0 for everything else, NULL included: another form, a day that is not
 * in the calendar or has another name, a time before 1970. A leap second counts as the second after it. */
int64_t http_date_parse(const char *text);

#endif
