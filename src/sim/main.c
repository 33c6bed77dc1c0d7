/* fluksosim: a simulated household behind a simulated sensor board on a pseudo-terminal.
 * One poll() loop: the line, the control socket, signals; it sleeps until one of them, or a reply, is due. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "sim/control.h"
#include "sim/options.h"
#include "sim/sim.h"

/* A fast household is not left to pile up more than a second of ours. */
#define CATCH_UP_MS 1000

enum { FD_SIGNAL, FD_LINE, FD_READER, FD_CONTROL, FD_BUSES = FD_CONTROL + CONTROL_FDS };

#define FDS_MAX (FD_BUSES + 2 * BUSES_MAX + 2 * TELES_MAX)

static int64_t clock_ms(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

static int64_t mono_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

/* SIGTERM, SIGINT and SIGHUP as a descriptor. */
static int catch_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int timeout_ms(const struct sim *s, int64_t now_ms)
{
    int64_t due = sim_deadline(s);
    int64_t wait = s->speed > 0 ? CATCH_UP_MS : -1;

    if (due >= 0 && (wait < 0 || due - now_ms < wait))
        wait = due > now_ms ? due - now_ms : 0;
    return (int)wait;
}

/* Until a signal asks to stop. */
static void run(struct sim *s, struct control *control, int signals)
{
    struct pollfd fds[FDS_MAX];
    struct pollfd *lines = &fds[FD_BUSES + 2 * s->buses.n];

    for (;;) {
        fds[FD_SIGNAL] = (struct pollfd){.fd = signals, .events = POLLIN};
        fds[FD_LINE] = (struct pollfd){.fd = s->line.pty.master, .events = POLLIN};
        fds[FD_READER] = (struct pollfd){.fd = s->line.pty.watch, .events = POLLIN};
        control_fds(control, &fds[FD_CONTROL]);
        buses_fds(&s->buses, &fds[FD_BUSES]);
        teles_fds(&s->teles, lines);
        if (poll(fds, FD_BUSES + 2 * (s->buses.n + s->teles.n), timeout_ms(s, mono_ms())) < 0 && errno != EINTR)
            return;
        int64_t now_ms = mono_ms();
        sim_catch_up(s, now_ms);
        if (fds[FD_SIGNAL].revents)
            return;
        if (fds[FD_LINE].revents)
            sim_receive(s, now_ms);
        if (fds[FD_READER].revents)
            pty_reader_gone(&s->line.pty);
        buses_receive(&s->buses, &fds[FD_BUSES]);
        teles_receive(&s->teles, lines);
        sim_send(s, now_ms);
        control_serve(control, &fds[FD_CONTROL], s, now_ms);
    }
}

static void announce(const struct sim *s)
{
    printf("fluksosim: board %s", s->kind->title(s->board));
    if (!s->kind->absent)
        printf(" on %s", s->line.pty.name);
    if (!s->kind->absent && s->opt->link)
        printf(" (link %s)", s->opt->link);
    putchar('\n');
    for (size_t i = 0; i < s->buses.n; i++) {
        const struct bus *b = &s->buses.bus[i];
        printf("fluksosim: bus %zu on %s (link %s), %zu meter%s\n", i + 1, b->pty.name, b->link, b->n_meters,
               b->n_meters == 1 ? "" : "s");
    }
    for (size_t i = 0; i < s->teles.n; i++) {
        const struct tele *l = &s->teles.line[i];
        printf("fluksosim: line %zu on %s (link %s), %s %s at %d baud\n", i + 1, l->pty.name, l->opt->link,
               l->opt->kind->protocol, l->opt->kind->name, l->opt->baud);
    }
    fflush(stdout);
}

static int serve(struct sim *sim, const struct options *opt)
{
    struct control control;
    int signals = catch_signals();

    if (signals < 0 || sim_start(sim, opt, mono_ms(), clock_ms(CLOCK_REALTIME)) < 0)
        return 1;
    if (control_start(&control, opt->control) < 0) {
        fprintf(stderr, "fluksosim: cannot listen at %s: %s\n", opt->control, strerror(errno));
        buses_stop(&sim->buses);
        teles_stop(&sim->teles);
        pty_unplug(&sim->line.pty);
        return 1;
    }
    announce(sim);
    run(sim, &control, signals);
    control_stop(&control);
    sim_stop(sim, mono_ms());
    close(signals);
    return 0;
}

int main(int argc, char **argv)
{
    struct options opt;
    static struct sim sim;
    int rc = options_parse(&opt, argc, argv);

    rc = rc == 0 ? serve(&sim, &opt) : rc < 0 ? 2 : 0;
    options_free(&opt);
    return rc;
}
