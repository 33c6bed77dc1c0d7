#include "ctl/term.h"

#include "ctl/say.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

void term_size(size_t *columns, size_t *rows)
{
    struct winsize w = {0};

    *columns = *rows = 0;
    if (!say_on_terminal())
        return;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
        w = (struct winsize){.ws_col = 80, .ws_row = 24};
    *columns = w.ws_col;
    *rows = w.ws_row;
}

/* ---- secrets ---- */

static const int enders[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
static volatile sig_atomic_t caught;

static void on_signal(int signum)
{
    caught = signum;
}

/* Until there is something to read. Signals that are blocked are let in meanwhile, and at no other time: one that came
 * just before a read() would not end it. False: one came. */
static bool await_input(const sigset_t *let_in)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

    return !let_in || ppoll(&in, 1, NULL, let_in) >= 0;
}

/* One line, of standard input as it is; without what ends it. let_in: NULL, or await_input()'s. -1: there was none. */
static ssize_t read_line(char *out, size_t size, const sigset_t *let_in)
{
    size_t n = 0;
    ssize_t got = 0;

    while (n < size - 1 && (got = await_input(let_in) ? read(STDIN_FILENO, out + n, 1) : -1) == 1) {
        if (out[n] == '\n')
            break;
        n++;
    }
    out[n] = '\0';
    return got < 0 || (got == 0 && n == 0) ? -1 : (ssize_t)n;
}

/* As read_line(), from a terminal, with no echo. A signal is let through when the terminal is as it was. */
static ssize_t read_hidden(const char *prompt, char *out, size_t size)
{
    struct termios before, quiet;
    struct sigaction old[ARRAY_LEN(enders)], catch = {.sa_handler = on_signal};
    sigset_t blocked, mask;
    ssize_t n;

    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return -1;
    caught = 0;
    sigemptyset(&blocked);
    for (size_t i = 0; i < ARRAY_LEN(enders); i++)
        sigaddset(&blocked, enders[i]);
    sigprocmask(SIG_BLOCK, &blocked, &mask);
    for (size_t i = 0; i < ARRAY_LEN(enders); i++)
        sigaction(enders[i], &catch, &old[i]);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "%s: ", prompt);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    n = read_line(out, size, &mask);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    for (size_t i = 0; i < ARRAY_LEN(enders); i++)
        sigaction(enders[i], &old[i], NULL);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (caught == SIGTSTP) {
        raise(SIGTSTP);
        return read_hidden(prompt, out, size);
    }
    if (caught)
        raise(caught);
    return caught ? -1 : n;
}

static ssize_t read_all(char *out, size_t size)
{
    size_t n = 0;
    ssize_t got;

    while ((got = read(STDIN_FILENO, out + n, size - 1 - n)) > 0)
        n += (size_t)got;
    if (n && out[n - 1] == '\n')
        n--;
    if (n && out[n - 1] == '\r')
        n--;
    out[n] = '\0';
    return got < 0 ? -1 : (ssize_t)n;
}

int term_secret(const char *prompt, bool all, char **out, size_t *len)
{
    char *text = must(malloc(TERM_SECRET_MAX + 2));
    bool terminal = isatty(STDIN_FILENO) == 1;
    ssize_t n = terminal ? read_hidden(prompt, text, TERM_SECRET_MAX + 2)
                : all    ? read_all(text, TERM_SECRET_MAX + 2)
                         : read_line(text, TERM_SECRET_MAX + 2, NULL);

    *out = text;
    *len = n > 0 ? (size_t)n : 0;
    if (*len > 0 && *len <= TERM_SECRET_MAX && strlen(text) == *len)
        return 0;
    if (*len > TERM_SECRET_MAX)
        say_fail("standard input is longer than %u bytes: nothing is done", TERM_SECRET_MAX);
    else if (*len > 0)
        say_fail("standard input is no text: nothing is done");
    else
        say_fail("nothing was %s: nothing is done", terminal ? "typed" : "given on standard input");
    explicit_bzero(text, TERM_SECRET_MAX + 2);
    free(text);
    *out = NULL;
    return -1;
}

int term_new_secret(const char *what, char **out, size_t *len)
{
    char prompt[64], *again = NULL;
    size_t n;

    snprintf(prompt, sizeof prompt, "New %s", what);
    if (term_secret(prompt, false, out, len) < 0)
        return -1;
    if (isatty(STDIN_FILENO) != 1)
        return 0;
    snprintf(prompt, sizeof prompt, "The same %s again", what);
    int rc = term_secret(prompt, false, &again, &n);
    if (rc == 0 && strcmp(again, *out) != 0) {
        say_fail("the two differ: nothing is done");
        rc = -1;
    }
    term_forget(again);
    if (rc < 0) {
        term_forget(*out);
        *out = NULL;
    }
    return rc;
}

bool term_yes(const char *question)
{
    char line[64];

    if (isatty(STDIN_FILENO) != 1)
        return false;
    fflush(stdout);
    tcflush(STDIN_FILENO, TCIFLUSH); /* what was typed before was no answer */
    fprintf(stderr, "%s [y/N] ", question);
    if (read_line(line, sizeof line, NULL) < 0) {
        fputc('\n', stderr);
        return false;
    }
    return strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
}

void term_forget(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* ---- a screen in place ---- */

static struct {
    bool entered, keys;
    struct termios before;
} screen;

void term_enter(void)
{
    struct termios t;

    if (screen.entered)
        return;
    screen.entered = true;
    screen.keys = tcgetattr(STDIN_FILENO, &screen.before) == 0 && tcgetpgrp(STDIN_FILENO) == getpgrp();
    if (screen.keys) {
        t = screen.before;
        t.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
    }
    /* Another screen, no cursor, no wrapping of long lines. */
    fputs("\x1b[?1049h\x1b[?25l\x1b[?7l", stdout);
    fflush(stdout);
}

void term_leave(void)
{
    if (!screen.entered)
        return;
    screen.entered = false;
    fputs("\x1b[?7h\x1b[?25h\x1b[?1049l", stdout);
    fflush(stdout);
    if (screen.keys)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.before);
    screen.keys = false;
}

int term_keys(void)
{
    return screen.entered && screen.keys ? STDIN_FILENO : -1;
}
