/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_CLUSTER_COMMAND_H
#define DC_ELEMENTS_CLUSTER_COMMAND_H

#include "common/buffer-times.h"
#include "common/cluster-keeper.h"

G_BEGIN_DECLS

/* Commands about clusters as events, and what became of them as messages. */

/* Name of the structure of a custom event that is a command: `command` (string) is the name of an
 * action signal of adapt-centroids, `cluster`, `other` and `label` (string) and `on` (boolean,
 * TRUE when left out) are its arguments. */
#define DC_CLUSTER_COMMAND_NAME "driftcluster-command"

/* Whether `event` is a command. */
gboolean dc_event_is_cluster_command(GstEvent *event);

/* Reads one. The strings belong to the event. DC_ERROR_ARGUMENT when it names no command. */
DcStatus dc_cluster_command_read(GstEvent *event, DcClusterCommand *command, DcError *error);

/* Notes on a command that was refused why it was: who sent it and kept a reference may ask. Nothing
 * else tells it, since an event that is pushed returns no more than whether it was handled. */
void dc_cluster_command_refuse(GstEvent *event, const gchar *reason);

/* NULL: nobody has refused it. Belongs to the event. */
const gchar *dc_cluster_command_reason(GstEvent *event);

/* The message about a command that was carried out, as of `times`. */
GstStructure *dc_cluster_command_notice(const DcClusterCommand *command,
                                        const DcClusterOutcome *outcome,
                                        const DcBufferTimes *times);

/* The message about a change that the adapter made by itself, as of `times`. */
GstStructure *dc_cluster_change_notice(const DcClusterChange *change, const DcBufferTimes *times);

G_END_DECLS

#endif
