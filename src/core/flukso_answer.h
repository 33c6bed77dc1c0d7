/* What the Flukso server's answer to a call means (flukso-api.md), by status, header and body alone.
 * It never acts on it: batch, back-off and globe are the caller's. */
#ifndef CORE_FLUKSO_ANSWER_H
#define CORE_FLUKSO_ANSWER_H

#include "core/answer.h"

/* An answer to a sensor call: measurements or configuration.
 *
 *   200, 204   empty body or {"response":"ok"}                 OK
 *              a text of its database: the stamp is not newer  STALE, last_s
 *              another text, no JSON, JSON without `response`  KEEP
 *   400        HEADERS
 *   401        "Incorrect digest": DIGEST; else PROVISIONING
 *   413        TOO_LARGE
 *   500        ROW (or, when every call gets it, the server's own trouble: who sees all calls decides)
 *   other      SERVER: 5xx, 408, 429, redirections, and whatever else
 *   none       TRANSPORT */
void flukso_answer_sensor(struct answer *out, const struct answer_in *in);

/* An answer to a heartbeat: as above, but a success is OK whatever its body says: flukso_digest_matches() and
 * flukso_reply_heartbeat() judge that. */
void flukso_answer_device(struct answer *out, const struct answer_in *in);

#endif
