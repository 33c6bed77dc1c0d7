#include "io/web_explain.h"

#include "core/util.h"

#include <errno.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct words {
    char *at; /* WEB_ERROR_MAX bytes */
    const struct web_trace *t;
};

static void PRINTF_LIKE(2, 3) say(const struct words *w, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(w->at, WEB_ERROR_MAX, fmt, ap);
    va_end(ap);
}

/* ---- certificates ---- */

static enum web_failure explain_certificate(const struct words *w, long verdict)
{
    const struct web_trace *t = w->t;

    switch (verdict) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
        say(w, "the server's certificate is not yet valid (is the clock right?)"); /* pitfall 18 */
        return WEB_NOT_YET_VALID;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        say(w, "the server's certificate has expired");
        return WEB_EXPIRED;
    case X509_V_OK:              /* libcurl itself compares the host, after OpenSSL had no objection, */
    case X509_V_ERR_UNSPECIFIED: /* and before it notes so */
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        say(w, "the server's certificate is for another host, not for %s", t->job->host);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        say(w, "the server's certificate is not signed by %s%s",
            t->job->ca_file ? "ca_file " : "an authority that this system knows",
            t->job->ca_file ? t->job->ca_file : "");
        break;
    default:
        say(w, "the server's certificate is refused: %s", X509_verify_cert_error_string(verdict));
    }
    return WEB_TLS;
}

/* OpenSSL's reason is the last field of a line like "error:0A00010B:SSL routines::wrong version number". */
static enum web_failure explain_handshake(const struct words *w)
{
    const char *line = w->t->detail, *last = strrchr(line, ':');

    if (strstr(line, "SSL_ERROR_SYSCALL") || strstr(line, "unexpected eof") || strstr(line, "Connection reset"))
        say(w, "TLS: broken off by the server");
    else if (strstr(line, "routines:") && last)
        say(w, "TLS: %s", last + 1);
    else
        say(w, "TLS: %s", line[0] ? line : "the handshake failed");
    return WEB_TLS;
}

/* ---- connections ---- */

static enum web_failure explain_connect(const struct words *w, const struct curl *c, CURL *easy)
{
    long err = 0;

    c->easy_getinfo(easy, CURLINFO_OS_ERRNO, &err);
    if (err == ECONNREFUSED)
        say(w, "connection to %s:%s refused", w->t->job->host, w->t->job->port);
    else
        say(w, "no connection to %s:%s: %s", w->t->job->host, w->t->job->port, err ? strerror((int)err) : w->t->detail);
    return WEB_CONNECT;
}

/* Whose silence was it? A kept connection has no phases before the request. */
static enum web_failure explain_timeout(const struct words *w, const struct curl *c, CURL *easy)
{
    const struct web_trace *t = w->t;
    curl_off_t ready_us = 0; /* when the request could go out; 0: never */
    const int connect_s = WEB_CONNECT_MS / 1000, stall_s = WEB_STALL_MS / 1000;

    c->easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    if (!ready_us && !t->opened)
        say(w, "no answer to the look-up of %s within %d s", t->job->host, connect_s);
    else if (!ready_us && !t->connected)
        say(w, "no connection to %s:%s within %d s", t->job->host, t->job->port, connect_s);
    else if (!ready_us)
        say(w, "no TLS handshake with %s:%s within %d s", t->job->host, t->job->port, connect_s);
    else if (!t->stalled)
        say(w, "no complete answer within %d s", WEB_TOTAL_MS / 1000);
    else if (t->reply->answering)
        say(w, "the answer stopped for %d s", stall_s);
    else
        say(w, "no answer within %d s", stall_s);
    return WEB_TIMEOUT;
}

static enum web_failure explain_cut(const struct words *w)
{
    if (w->t->reply->answering)
        say(w, "the answer was cut short");
    else
        say(w, "connection closed by the server without an answer");
    return WEB_CUT;
}

enum web_failure web_explain(const struct curl *c, CURL *easy, CURLcode code, const struct web_trace *t,
                             char error[WEB_ERROR_MAX])
{
    const struct words w = {error, t};
    long verdict = X509_V_OK;

    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        say(&w, "no address found for %s", t->job->host);
        return WEB_NAME;
    case CURLE_COULDNT_CONNECT:
        return explain_connect(&w, c, easy);
    case CURLE_OPERATION_TIMEDOUT:
        return explain_timeout(&w, c, easy);
    case CURLE_PEER_FAILED_VERIFICATION:
        c->easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
        return explain_certificate(&w, verdict);
    case CURLE_SSL_CONNECT_ERROR:
        return explain_handshake(&w);
    case CURLE_SSL_CACERT_BADFILE:
        say(&w, "%s%s: not usable", t->job->ca_file ? "ca_file " : "the system's certificates",
            t->job->ca_file ? t->job->ca_file : "");
        return WEB_TLS;
    case CURLE_OK: /* to libcurl, an end within the headers is one */
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return explain_cut(&w);
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: the scheme was looked at before */
    case CURLE_WEIRD_SERVER_REPLY:
        say(&w, "the answer is not HTTP");
        return WEB_OTHER;
    case CURLE_WRITE_ERROR:
        if (t->reply->too_long) {
            say(&w, "the answer is longer than %d bytes", WEB_BODY_MAX);
            return WEB_TOO_LONG;
        }
        break;
    default:
        break;
    }
    say(&w, "%s", t->detail[0] ? t->detail : c->easy_strerror(code));
    return WEB_OTHER;
}
