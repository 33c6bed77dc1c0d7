/* The inside of service_bus_proxy, for its own files.
 *
 *   bus_proxy.c         where it listens, as the settings say; the service
 *   bus_proxy_client.c  the clients: a request, its turn on the bus, its answer */
#ifndef APP_BUS_PROXY_IMPL_H
#define APP_BUS_PROXY_IMPL_H

#include "app/app.h"
#include "app/buses.h"
#include "core/mb_proxy.h"

#include <stdbool.h>

/*   READS ── a read ──► WAITS ── few others ask ──► ASKS ── answer ──► WRITES ── written ──► READS
 *   READS ── anything else, or no answer in time ────────────────────► WRITES
 *   any: gone, silent for too long, no Modbus, its bus's proxy ends ──► CLOSES */
enum proxy_state { PROXY_READS, PROXY_WAITS, PROXY_ASKS, PROXY_WRITES, PROXY_CLOSES };

struct proxy_client {
    struct proxy_client *next;
    struct bus_proxy *proxy;
    char bus[BUS_KEY];
    bool serial;
    enum proxy_state state;
    int64_t heard_ms; /* monotonic: its last request */
    uv_tcp_t tcp;
    uv_timer_t timer;
    int handles;
    uv_write_t write;
    uint64_t ask;  /* at the bus; 0: none */
    uint64_t turn; /* WAITS: who has the lowest is next */
    struct mb_proxy_request request;
    uint8_t in[MB_PROXY_FRAME], out[MB_PROXY_FRAME];
    size_t in_len;
};

struct proxy_listener {
    struct proxy_line *line; /* not to be used once it closes */
    struct bus_proxy *proxy;
    uv_tcp_t tcp;
};

/* A bus that wants a proxy. */
struct proxy_line {
    struct proxy_line *next;
    struct bus_proxy *proxy;
    char bus[BUS_KEY];
    bool serial;
    char *listen;
    int port;
    bool fresh, told;                /* new; it was said that it cannot listen */
    struct proxy_listener *listener; /* NULL: not yet */
};

struct bus_proxy {
    struct app *app;
    struct proxy_line *lines;
    struct proxy_client *clients;
    size_t n_clients;
    uv_timer_t again;
    size_t handles; /* open ones, and those that close */
    uint64_t requests, answers, refused, failed, turned_away;
    service_done done;
    void *done_ctx;
};

/* A connection waits at this line's listener. */
void proxy_accept(struct proxy_line *l);

/* Close it, once; it is gone when its handles are. */
void proxy_client_close(struct proxy_client *c);

/* A handle is gone. */
void proxy_handle_closed(struct bus_proxy *p);

#endif
