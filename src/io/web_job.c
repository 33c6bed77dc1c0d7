#include "io/web_job.h"

#include "core/util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_CERTS     "/etc/ssl/certs"
#define SYSTEM_CERTS_ENV "SSL_CERT_DIR" /* OpenSSL's own name for it */

static const struct {
    CURLoption option;
    long value;
} settings[] = {
    {CURLOPT_POST, 1},
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_QUICK_EXIT, 1}, /* else the loop would wait for a look-up that is given up */
    {CURLOPT_SSL_VERIFYPEER, 1},
    {CURLOPT_SSL_VERIFYHOST, 2},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_SSL_SESSIONID_CACHE, 0}, /* each connection is checked for itself, */
    {CURLOPT_CA_CACHE_TIMEOUT, 0},    /* against the files as they are then, */
    {CURLOPT_DNS_CACHE_TIMEOUT, 0},   /* and goes to the address as it is then (pitfall 3) */
    {CURLOPT_CONNECTTIMEOUT_MS, WEB_CONNECT_MS},
    {CURLOPT_TIMEOUT_MS, WEB_TOTAL_MS},
};

int web_job_set(const struct web_job *j, const struct curl *c, CURL *easy)
{
    const char *system = getenv(SYSTEM_CERTS_ENV);
    const struct {
        CURLoption option;
        const char *value;
    } texts[] = {
        {CURLOPT_URL, j->url},
        {CURLOPT_PROTOCOLS_STR, "http,https"},
        {CURLOPT_PROXY, ""}, /* none, whatever the environment says */
        {CURLOPT_POSTFIELDS, j->body},
        {CURLOPT_USERAGENT, j->agent},
        {CURLOPT_CAINFO, j->ca_file},
        /* A folder and not the bundle of all: OpenSSL reads the one or two files that it needs. */
        {CURLOPT_CAPATH, j->ca_file ? NULL
                         : system   ? system
                                    : SYSTEM_CERTS},
    };
    int bad = 0;

    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        bad |= c->easy_setopt(easy, settings[i].option, settings[i].value);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        bad |= c->easy_setopt(easy, texts[i].option, texts[i].value);
    bad |= c->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)j->len);
    bad |= c->easy_setopt(easy, CURLOPT_HTTPHEADER, j->headers);
    return bad;
}

static char *copy(const char *text)
{
    return text ? must(strdup(text)) : NULL;
}

static enum web_failure take_url(struct web_job *j, const struct curl *c, const char *url, char *error)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL;
    const char *why = NULL;
    CURLU *u = must(c->url());
    CURLUcode rc = c->url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);

    if (rc != CURLUE_OK || c->url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        why = rc == CURLUE_OK ? "no scheme" : c->url_strerror(rc);
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        why = "it is neither http nor https";
    else if (c->url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
             c->url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        why = "no host";
    else if (c->url_get(u, CURLUPART_USER, &user, 0) != CURLUE_NO_USER ||
             c->url_get(u, CURLUPART_PASSWORD, &user, 0) != CURLUE_NO_PASSWORD)
        why = "it must not hold a user name or password"; /* they would end up in a log, somewhere */
    if (why) {
        snprintf(error, WEB_ERROR_MAX, "the URL cannot be used: %s", why);
    } else {
        j->url = copy(url);
        j->tls = strcmp(scheme, "https") == 0;
        j->host = copy(host);
        j->port = copy(port);
    }
    c->free(scheme);
    c->free(host);
    c->free(port);
    c->free(user);
    c->url_cleanup(u);
    return why ? WEB_OTHER : WEB_NONE;
}

static enum web_failure take_headers(struct web_job *j, const struct curl *c, const struct web_request *r, char *error)
{
    const char *more[] = {"Expect:", /* libcurl would wait for 100 Continue before a longer body */
                          "Content-Type:" /* and call it a form */};
    size_t n_more = ARRAY_LEN(more);

    for (size_t i = 0; i < r->n_headers; i++) {
        const char *text = r->headers[i], *colon = strchr(text, ':');
        if (!colon || colon == text || strpbrk(text, "\r\n")) {
            snprintf(error, WEB_ERROR_MAX, "header %zu is not one line of the form name: value", i + 1);
            return WEB_OTHER;
        }
        if (strncasecmp(text, more[1], strlen(more[1])) == 0)
            n_more = 1;
        j->headers = must(c->slist_append(j->headers, text));
    }
    for (size_t i = 0; i < n_more; i++)
        j->headers = must(c->slist_append(j->headers, more[i]));
    return WEB_NONE;
}

/* Looked at first: a FIFO would stop the loop, and libcurl does not say why a file cannot be read. */
static enum web_failure take_ca_file(struct web_job *j, const char *file, char *error)
{
    struct stat st;
    int err = 0;

    if (!file || !j->tls)
        return WEB_NONE;
    j->ca_file = copy(file);
    if (stat(file, &st) < 0)
        err = errno;
    else if (!S_ISREG(st.st_mode))
        err = EINVAL;
    else if (access(file, R_OK) < 0)
        err = errno;
    if (err)
        snprintf(error, WEB_ERROR_MAX, "ca_file %s: %s", file, strerror(err));
    return err ? WEB_TLS : WEB_NONE;
}

enum web_failure web_job_take(struct web_job *j, const struct curl *c, const struct web_request *r,
                              char error[WEB_ERROR_MAX])
{
    enum web_failure failure = take_url(j, c, r->url, error);

    if (!failure)
        failure = take_headers(j, c, r, error);
    if (!failure)
        failure = take_ca_file(j, r->ca_file, error);
    j->agent = copy(r->user_agent);
    j->len = r->len;
    j->body = must(malloc(r->len + 1));
    if (r->len)
        memcpy(j->body, r->body, r->len);
    j->body[r->len] = '\0';
    return failure;
}

void web_job_clear(struct web_job *j, const struct curl *c)
{
    char *const texts[] = {j->url, j->agent, j->ca_file, j->host, j->port, j->body};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(texts[i]);
    if (j->headers)
        c->slist_free_all(j->headers);
    memset(j, 0, sizeof *j);
}
