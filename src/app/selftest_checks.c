/* The checks of the self-test. */
#include "app/selftest_impl.h"

#include "core/settings.h"
#include "io/files.h"
#include "io/store.h"
#include "io/sysinfo.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_MIN_MB   10 /* for the database, its log, and a settings file beside the old one */
#define MEMORY_MIN_MB 8
#define TRIAL_BYTES   4096

/* ---- what is known already ---- */

static void by_fact(struct selftest *t, enum fact f, const char *off)
{
    const struct fact_value *v = &t->app->facts.v[f];

    if (!v->on && selftest_again(t))
        return;
    selftest_verdict(t, v->on ? SELFTEST_OK : SELFTEST_FAIL, "%s", v->reason[0] ? v->reason : v->on ? "" : off);
}

void selftest_board(struct selftest *t)
{
    const struct errand *e = &t->app->errands[ERRAND_BOARD_SYNC];
    const char *why = e->idle(e->self);

    if (why)
        selftest_verdict(t, SELFTEST_SKIP, "%s", why);
    else if (t->app->facts.v[FACT_BOARD].on && !t->app->facts.v[FACT_HEARTBEAT].on)
        by_fact(t, FACT_HEARTBEAT, "it answers no polls");
    else
        by_fact(t, FACT_BOARD, "it does not answer yet");
}

void selftest_broker(struct selftest *t)
{
    by_fact(t, FACT_BROKER, "not connected yet");
}

void selftest_clock(struct selftest *t)
{
    const struct clock *c = &t->app->clock;

    app_unix_s(t->app);
    if (c->state == CLOCK_SYNCED)
        selftest_verdict(t, SELFTEST_OK, "confirmed by %s", c->kernel ? "the kernel (NTP)" : "the Flukso server");
    else if (c->state == CLOCK_UNSET)
        selftest_verdict(t, SELFTEST_FAIL, "this host's clock was never set");
    else if (c->server_known && !c->server)
        selftest_verdict(t, SELFTEST_FAIL, "this host's clock and the server's are %lld s apart: set it, or run NTP",
                         (long long)c->ahead_s);
    else
        selftest_verdict(t, SELFTEST_FAIL, "neither NTP nor the Flukso server has confirmed this host's clock");
}

void selftest_network(struct selftest *t)
{
    char address[46], by[16];

    sysinfo_address(address);
    sysinfo_default_route(by);
    if (!address[0])
        selftest_verdict(t, SELFTEST_FAIL, "no interface that is up has an address");
    else if (!by[0])
        selftest_verdict(t, SELFTEST_FAIL, "the address is %s, but there is no default route", address);
    else
        selftest_verdict(t, SELFTEST_OK, "the address is %s, the default route goes by %s", address, by);
}

void selftest_memory(struct selftest *t)
{
    struct sysinfo_memory m;

    sysinfo_memory(&m);
    long long free_mb = (m.free + m.cached + m.buffers) / 1024, total_mb = m.total / 1024;
    if (!m.total)
        selftest_verdict(t, SELFTEST_SKIP, "this host does not tell");
    else
        selftest_verdict(t, free_mb < MEMORY_MIN_MB ? SELFTEST_FAIL : SELFTEST_OK, "%lld MB of %lld MB can be had",
                         free_mb, total_mb);
}

/* ---- the server's name and the server ---- */

struct selftest_lookup {
    uv_getaddrinfo_t req;
    struct selftest *owner;
    bool wanted;
    char host[256];
};

/* The host of a URL, without the brackets of an IPv6 address. False when there is none, or it is too long. */
static bool host_of(const char *url, char host[256])
{
    const char *p = strstr(url, "://");
    size_t n;

    p = p ? p + 3 : url;
    n = strcspn(p, "/?#");
    if (*p == '[') {
        p++;
        n = strcspn(p, "]");
    } else {
        n = strcspn(p, ":/?#");
    }
    return n > 0 && snprintf(host, 256, "%.*s", (int)n, p) < 256;
}

static bool is_address(const char *host)
{
    unsigned char out[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, out) == 1 || inet_pton(AF_INET6, host, out) == 1;
}

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct selftest_lookup *l = req->data;
    struct selftest *t = l->owner;
    char address[INET6_ADDRSTRLEN] = "";

    t->lookup = NULL;
    if (status == 0 && found && found->ai_family == AF_INET)
        uv_ip4_name((const struct sockaddr_in *)(const void *)found->ai_addr, address, sizeof address);
    else if (status == 0 && found)
        uv_ip6_name((const struct sockaddr_in6 *)(const void *)found->ai_addr, address, sizeof address);
    if (l->wanted && status == 0)
        selftest_verdict(t, SELFTEST_OK, "%s is %s", l->host, address);
    else if (l->wanted)
        selftest_verdict(t, SELFTEST_FAIL, "%s: %s", l->host, uv_strerror(status));
    uv_freeaddrinfo(found);
    free(l);
    if (t->closing)
        selftest_closed_one(t);
}

static void look_up(struct selftest *t, const char *host)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct selftest_lookup *l = must(calloc(1, sizeof *l));

    l->owner = t;
    l->wanted = true;
    l->req.data = l;
    snprintf(l->host, sizeof l->host, "%s", host);
    int rc = uv_getaddrinfo(t->app->loop, &l->req, on_lookup, host, NULL, &hints);
    if (rc < 0) {
        free(l);
        selftest_verdict(t, SELFTEST_FAIL, "%s: %s", host, uv_strerror(rc));
        return;
    }
    t->lookup = l;
}

void selftest_name(struct selftest *t)
{
    const struct errand *e = &t->app->errands[ERRAND_SERVER_CALL];
    const char *why = e->idle(e->self);
    char host[256];

    if (why)
        selftest_verdict(t, SELFTEST_SKIP, "%s", why);
    else if (t->lookup)
        selftest_verdict(t, SELFTEST_FAIL, "a look-up that began earlier has not ended");
    else if (!host_of(t->app->settings->flukso.url, host))
        selftest_verdict(t, SELFTEST_FAIL, "flukso.url holds no name");
    else if (is_address(host))
        selftest_verdict(t, SELFTEST_SKIP, "%s is an address", host);
    else
        look_up(t, host);
}

/* It cannot be ended when it has begun: the resolver has time-outs of its own. */
void selftest_name_drop(struct selftest *t)
{
    if (!t->lookup)
        return;
    t->lookup->wanted = false;
    uv_cancel((uv_req_t *)&t->lookup->req);
}

static void on_server_step(void *ctx, int percent, const char *line)
{
    (void)ctx, (void)percent, (void)line;
}

static void on_server(void *ctx, int code, const char *detail)
{
    struct selftest *t = ctx;

    if (code == ERRAND_NONE)
        selftest_verdict(t, SELFTEST_SKIP, "%s", detail);
    else if (code == ERRAND_OK)
        selftest_verdict(t, SELFTEST_OK, "%s answers a heartbeat", t->app->settings->flukso.url);
    else
        selftest_verdict(t, SELFTEST_FAIL, "%s: %s", t->app->settings->flukso.url, detail);
}

void selftest_server(struct selftest *t)
{
    const struct errand *e = &t->app->errands[ERRAND_SERVER_CALL];

    e->start(e->self, &(struct errand_told){.ctx = t, .step = on_server_step, .end = on_server});
}

void selftest_server_drop(struct selftest *t)
{
    const struct errand *e = &t->app->errands[ERRAND_SERVER_CALL];

    e->cancel(e->self);
}

/* ---- the disk ---- */

/* Belongs to the pool job while that runs. */
struct selftest_disk {
    uv_work_t work;
    struct selftest *owner;
    bool wanted;
    char dir[PATH_MAX], file[PATH_MAX];
    int status; /* 0, or a negative errno */
    long long free_mb;
    uint64_t took_ns; /* the write */
};

static void run_disk(uv_work_t *work)
{
    struct selftest_disk *d = work->data;
    static const char text[TRIAL_BYTES];
    struct statvfs fs;
    uint64_t began = uv_hrtime();

    d->status = files_write(d->file, text, sizeof text, 0600);
    d->took_ns = uv_hrtime() - began;
    unlink(d->file);
    d->free_mb = statvfs(d->dir, &fs) == 0 ? (long long)fs.f_bavail * (long long)fs.f_frsize / 1000000 : -1;
}

static void judge_disk(struct selftest *t, const struct selftest_disk *d)
{
    const char *error = t->app->store ? store_error(t->app->store) : NULL;

    if (d->status < 0)
        selftest_verdict(t, SELFTEST_FAIL, "%s: a file cannot be written: %s", d->dir, strerror(-d->status));
    else if (error)
        selftest_verdict(t, SELFTEST_FAIL, "%s", error);
    else if (d->free_mb >= 0 && d->free_mb < DISK_MIN_MB)
        selftest_verdict(t, SELFTEST_FAIL, "%s: only %lld MB are free", d->dir, d->free_mb);
    else
        selftest_verdict(t, SELFTEST_OK, "%s: %lld MB are free, a file was written in %lld ms", d->dir, d->free_mb,
                         (long long)(d->took_ns / 1000000));
}

static void after_disk(uv_work_t *work, int status)
{
    struct selftest_disk *d = work->data;
    struct selftest *t = d->owner;

    t->disk = NULL;
    if (status < 0)
        d->status = status; /* it was called off */
    if (d->wanted)
        judge_disk(t, d);
    free(d);
    if (t->closing)
        selftest_closed_one(t);
}

void selftest_disk(struct selftest *t)
{
    struct selftest_disk *d;

    if (t->disk) {
        selftest_verdict(t, SELFTEST_FAIL, "a write that began earlier has not ended");
        return;
    }
    d = must(calloc(1, sizeof *d));
    d->owner = t;
    d->wanted = true;
    d->work.data = d;
    if (snprintf(d->dir, sizeof d->dir, "%s", t->app->settings->storage.path) >= PATH_MAX ||
        snprintf(d->file, sizeof d->file, "%s/selftest", t->app->settings->storage.path) >= PATH_MAX) {
        free(d);
        selftest_verdict(t, SELFTEST_FAIL, "storage.path is too long");
        return;
    }
    t->disk = d;
    uv_queue_work(t->app->loop, &d->work, run_disk, after_disk);
}

void selftest_disk_drop(struct selftest *t)
{
    if (!t->disk)
        return;
    t->disk->wanted = false;
    uv_cancel((uv_req_t *)&t->disk->work);
}
