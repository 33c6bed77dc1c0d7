#include "ctl/screen.h"

#include "core/util.h"
#include "ctl/term.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

void screen_open(struct screen *s)
{
    static const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        sigaddset(&set, ours[i]);
    sigprocmask(SIG_BLOCK, &set, &s->before);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    s->on = false;
}

void screen_enter(struct screen *s)
{
    term_enter();
    s->on = true;
}

void screen_leave(struct screen *s)
{
    if (s->on)
        term_leave();
    s->on = false;
}

void screen_close(struct screen *s, int signum)
{
    screen_leave(s);
    close(s->signals);
    if (signum)
        raise(signum); /* it ends us as soon as it is let through */
    sigprocmask(SIG_SETMASK, &s->before, NULL);
}

static bool is_end_key(void)
{
    struct pollfd p = {.fd = term_keys(), .events = POLLIN};
    char key;

    return p.fd >= 0 && poll(&p, 1, 0) == 1 && read(p.fd, &key, 1) == 1 && (key == 'q' || key == 'Q' || key == 4);
}

/* The signal that ends us, 0: none. */
static int look_at_signals(struct screen *s, bool *redraw)
{
    struct signalfd_siginfo i;

    if (read(s->signals, &i, sizeof i) != sizeof i)
        return 0;
    *redraw = true;
    if (i.ssi_signo == SIGTSTP) {
        term_leave();
        raise(SIGSTOP);
        if (s->on)
            term_enter();
    }
    return i.ssi_signo == SIGTSTP || i.ssi_signo == SIGWINCH ? 0 : (int)i.ssi_signo;
}

bool screen_ended(struct screen *s, int *signum, bool *redraw)
{
    *signum = look_at_signals(s, redraw);
    return *signum || is_end_key();
}

static bool look(const struct screen *s, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN}, {.fd = term_keys(), .events = POLLIN}};

    return poll(fds, ARRAY_LEN(fds), timeout_ms) > 0;
}

void screen_wait(const struct screen *s, int timeout_ms)
{
    look(s, timeout_ms);
}

bool screen_wants(const struct screen *s)
{
    return look(s, 0);
}

int screen_pause_ms(double due_s, double now_s)
{
    return due_s > now_s ? (int)((due_s - now_s) * 1000) + 1 : 0;
}
