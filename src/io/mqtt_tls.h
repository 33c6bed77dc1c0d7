/* TLS for the MQTT client: an OpenSSL context made of up to three files, and plain words for a handshake that
 * fails. It never opens a connection, never turns a check off and keeps no key: a context is made anew for
 * each connect, so that a replaced certificate counts. */
#ifndef IO_MQTT_TLS_H
#define IO_MQTT_TLS_H

struct ssl_ctx_st;

#define MQTT_TLS_ERROR 256

struct mqtt_tls {
    const char *host, *ca_file;       /* the caller's memory */
    const char *cert_file, *key_file; /* both or none */
    char error[MQTT_TLS_ERROR];       /* the first thing that went wrong; "" while nothing did */
};

/* A client context that checks the broker's certificate against ca_file and host; the caller drops it with
 * SSL_CTX_free(). NULL with t->error set when a file cannot be used. t must outlive the context: what goes
 * wrong in a handshake is noted there. Reads files: for a pool job. */
struct ssl_ctx_st *mqtt_tls_context(struct mqtt_tls *t);

/* Take a line of libmosquitto's log, which is where it leaves OpenSSL's errors. */
void mqtt_tls_note(struct mqtt_tls *t, const char *line);

#endif
