/* The inner half of the HTTP server: from a request's target to its queued answer. Only httpd.c includes
 * this. It never looks at a socket or a clock. */
#ifndef IO_HTTPD_ANSWER_H
#define IO_HTTPD_ANSWER_H

#include "io/httpd.h"
#include "io/mhd_load.h"

struct httpd_routes {
    struct {
        const char *method, *path;
        http_handler handler;
        void *ctx;
    } v[HTTPD_ROUTES];
    size_t n;
};

/* True when a request announces a body. */
bool httpd_has_body(const struct mhd *mhd, struct MHD_Connection *mc);

/* Refuse a request for its body, and close the connection behind the answer: what follows is no request. */
enum MHD_Result httpd_refuse_body(const struct mhd *mhd, struct MHD_Connection *mc);

/* Find the route of a target (as it came, at most HTTPD_TARGET_MAX bytes are looked at) and answer by it. */
enum MHD_Result httpd_answer(const struct httpd_routes *routes, const struct mhd *mhd, struct MHD_Connection *mc,
                             const char *method, const char *target, bool loopback);

#endif
