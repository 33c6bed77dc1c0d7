/* What went wrong with a call, and what to do about it. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/say.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Why the socket takes no connection: an errno, 0 when it does. */
static int why_no_connection(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    int fd, why;

    if (strlen(path) >= sizeof a.sun_path)
        return ENAMETOOLONG;
    if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return ENOTSOCK;
    memcpy(a.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    why = connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ? errno : 0;
    close(fd);
    return why;
}

/* The group that may connect: the socket's, or its folder's where that lets nobody see it. */
static const char *group_of(const char *path)
{
    struct stat st;
    struct group *g = NULL;
    char *folder = must(strdup(path)), *slash = strrchr(folder, '/');

    if (slash)
        *slash = '\0';
    if (stat(path, &st) == 0 || (slash && stat(slash == folder ? "/" : folder, &st) == 0))
        g = getgrgid(st.st_gid);
    free(folder);
    return g ? g->gr_name : NULL;
}

static int socket_unreachable(const char *path, const char *otherwise)
{
    int why = why_no_connection(path);
    const char *group = why == EACCES ? group_of(path) : NULL;

    switch (why) {
    case ENOENT:
    case ENOTDIR:
        say_fail("there is no socket %s: is fluksod running? (systemctl status fluksod; another socket: -s)", path);
        break;
    case ECONNREFUSED:
        say_fail("nobody listens at %s: fluksod has ended (systemctl status fluksod)", path);
        break;
    case ENOTSOCK:
        say_fail("%s is no socket", path);
        break;
    case EACCES:
        if (group)
            say_fail("%s: permission denied: it is for the group %s (sudo adduser %s %s, then log in again)", path,
                     group, getenv("USER") ? getenv("USER") : "USER", group);
        else
            say_fail("%s: permission denied: ask as root (sudo)", path);
        break;
    case ENAMETOOLONG:
        say_fail("%s: the path of a socket has at most 107 bytes", path);
        break;
    default:
        say_fail("%s: %s", path, why ? strerror(why) : otherwise);
    }
    return CTL_UNREACHABLE;
}

int call_unreachable(const struct ctl *c, CURLcode code, const char *errors)
{
    const char *text = *errors ? errors : curl_easy_strerror(code);

    if (!c->url)
        return socket_unreachable(c->socket, text);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        say_fail("%s: %s (--ca-file FILE: its certificate, or who signed it)", c->url, text);
    else
        say_fail("%s: %s", c->url, text);
    return CTL_UNREACHABLE;
}

/* Settings errors, a line each. */
static void print_errors(const cJSON *errors)
{
    const cJSON *e;

    for (e = json_first(errors); e; e = e->next) {
        const char *message = json_text(e, "message", "?"), *allowed = json_text(e, "allowed", NULL);
        bool more = allowed && !strstr(message, allowed);
        char *line = say_format("%s: %s%s%s%s", json_text(e, "path", "?"), message, more ? " (allowed: " : "",
                                more ? allowed : "", more ? ")" : "");
        fprintf(stderr, "%s\n", line);
        free(line);
    }
}

int call_explain(const struct ctl *c, const struct answer *a)
{
    const cJSON *errors = json_get(a->json, "errors");
    const char *text = json_text(a->json, "error", NULL);

    if (c->json) {
        call_print(a);
        return CTL_REFUSED;
    }
    fflush(stdout);
    print_errors(errors);
    if (text)
        say_fail("%s", text);
    else if (a->status == 404)
        say_fail("the gateway does not know this (HTTP 404): is its fluksod older than this fluksoctl?");
    else
        say_fail("the gateway says no: HTTP %d%s%.200s", a->status, a->len ? ": " : "", a->body);
    if (c->url && a->status == 401)
        say_fail("--token-file FILE: a token, made on the gateway by: fluksoctl token add NAME");
    if (c->url && a->status == 403)
        say_fail("a token made with --read-only changes nothing, and some verbs work on the gateway itself only");
    return CTL_REFUSED;
}
