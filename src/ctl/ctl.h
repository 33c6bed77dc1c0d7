/* What the verbs of fluksoctl share: how the gateway is reached, how answers are shown, and the exit codes.
 * It never holds a connection: each call opens one and closes it. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "core/util.h"

#include <stdbool.h>
#include <stddef.h>

#define CTL_SOCKET "/run/fluksod/control.sock"

enum ctl_exit {
    CTL_OK,
    CTL_REFUSED,    /* the gateway said no, or what was checked is not good */
    CTL_USAGE,      /* the command line is wrong */
    CTL_UNREACHABLE /* no gateway answered */
};

struct ctl {
    const char *socket;     /* the Unix socket; not looked at when there is a url */
    const char *url;        /* "https://gateway.lan:8443", or NULL: by the socket */
    const char *token_file; /* with url: a file with the bearer token, or NULL */
    const char *ca_file;    /* with url: whom to trust, or NULL: the system's */
    bool json;              /* answers as they come, for scripts */
    bool quiet;             /* of calls and jobs within another: nobody is told anything */
    /* Asked about once a second while a call waits: is it not wanted any more? NULL: it always is. */
    bool (*give_up)(void *ctx);
    void *give_up_ctx;
};

/* A verb. It gets the words behind its name, argc of them, and may change their order; it returns an enum ctl_exit and
 * has told people why when that is not CTL_OK. */
struct verb {
    const char *name; /* "status", "settings get": of one or two words */
    const char *args; /* as the usage shows them */
    const char *help; /* one line; NULL: not shown in the list of verbs */
    const char *more; /* what `help <name>` says beyond that, or NULL */
    int (*run)(struct ctl *c, const struct verb *v, int argc, char **argv);
};

extern const struct verb verbs[];
extern const unsigned verbs_len;

/* Says on standard error what is wrong, if fmt is not NULL, and what the verb takes. Returns CTL_USAGE. */
int verb_usage(const struct verb *v, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* An option of a verb: --name, or -n with its letter. */
struct verb_option {
    const char *name;
    char letter;
    bool *on;           /* set to true, of one without a value */
    const char **value; /* of one with a value */
};

/* Take options out of the words, wherever they stand ("--" ends them), and see that min to max words are left. Returns
 * CTL_OK, else CTL_USAGE and people know why. */
int verb_words(const struct verb *v, int *argc, char **argv, const struct verb_option *options, size_t n, int min,
               int max) MUSTCHECK;

#endif
