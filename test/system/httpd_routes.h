/* Routes of httpd_probe that use all of io/httpd.h. What it listens on is told by the environment:
 *   HTTPD_SOCKET=PATH                                  a Unix socket
 *   HTTPD_TLS=ADDRESS:PORT HTTPD_CERT, HTTPD_KEY=FILE  TLS
 *   HTTPD_GATE=1                                       a gate that goes by the header X-Token
 * SIGUSR2 stops listening on the two and listens anew, with the files as they are then. */
#ifndef TEST_HTTPD_ROUTES_H
#define TEST_HTTPD_ROUTES_H

#include "io/httpd.h"

void routes_start(struct httpd *h, uv_loop_t *loop);

/* Once the server is freed: the answers that are still owed are given now. */
void routes_end(void);

#endif
