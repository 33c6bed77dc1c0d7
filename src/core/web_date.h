/* The Date of an HTTP answer as a Unix second, without a locale or a time zone.
 * It never reads a clock, and takes the one form that a server may send today. */
#ifndef CORE_WEB_DATE_H
#define CORE_WEB_DATE_H

#include <stdint.h>

/* RFC 9110, 5.6.7, IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT". The Unix second, or 0 when text is NULL, of another
 * form (the two obsolete ones included), no date of the calendar, or before 1970. Whether the name of the day fits is
 * not looked at. A leap second (:60) is the second after it. */
int64_t web_date(const char *text);

#endif
