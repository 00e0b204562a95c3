/*
 * What one end of a session may have the other connect to.  Whatever is not in the table
 * (rights.c) is refused; what is, needs the owner's consent besides (tunnel_events.allows).
 */
#ifndef TUNNEL_RIGHTS_H
#define TUNNEL_RIGHTS_H

#include "wire/msg.h"

#include <stdbool.h>

/* Whether the client (or else the server) may send an OPEN of this kind. */
bool rights_open(bool client, enum open_kind kind);
/* Whether what was opened as `kind` may lead to a target of the kind `to`. */
bool rights_lead(enum open_kind kind, enum open_kind to);

#endif
