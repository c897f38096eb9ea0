/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cluster-command.h"

/* Names of the commands, as signals, and of the messages about them. */
static const struct {
  const gchar *command, *done, *undone;
} names[] = {
    [DC_RENAME_CLUSTER] = {"rename-cluster", "cluster-renamed", NULL},
    [DC_MERGE_CLUSTERS] = {"merge-clusters", "clusters-merged", NULL},
    [DC_SPLIT_CLUSTER] = {"split-cluster", "cluster-split", NULL},
    [DC_PIN_CLUSTER] = {"pin-cluster", "cluster-pinned", "cluster-released"},
    [DC_IGNORE_CLUSTER] = {"ignore-cluster", "cluster-ignored", "cluster-heeded"},
};

gboolean
dc_event_is_cluster_command(GstEvent *event)
{
  switch (GST_EVENT_TYPE(event)) {
  case GST_EVENT_CUSTOM_UPSTREAM:
  case GST_EVENT_CUSTOM_DOWNSTREAM:
  case GST_EVENT_CUSTOM_DOWNSTREAM_OOB:
  case GST_EVENT_CUSTOM_BOTH:
  case GST_EVENT_CUSTOM_BOTH_OOB:
    return gst_event_has_name(event, DC_CLUSTER_COMMAND_NAME);
  default:
    return FALSE;
  }
}

DcStatus
dc_cluster_command_read(GstEvent *event, DcClusterCommand *command, DcError *error)
{
  const GstStructure *structure = gst_event_get_structure(event);
  const gchar *name = gst_structure_get_string(structure, "command");
  *command = (DcClusterCommand){
      .cluster = gst_structure_get_string(structure, "cluster"),
      .other = gst_structure_get_string(structure, "other"),
      .label = gst_structure_get_string(structure, "label"),
      .on = TRUE,
  };
  gst_structure_get_boolean(structure, "on", &command->on);
  for (guint kind = 0; kind < G_N_ELEMENTS(names); kind++)
    if (g_strcmp0(name, names[kind].command) == 0) {
      command->kind = (DcClusterCommandKind)kind;
      return DC_OK;
    }
  return dc_error_set(error, DC_ERROR_ARGUMENT,
                      "an event '" DC_CLUSTER_COMMAND_NAME "' has the command '%s': it must be "
                      "rename-cluster, merge-clusters, split-cluster, pin-cluster or "
                      "ignore-cluster",
                      name ? name : "");
}

static GQuark
reason_quark(void)
{
  return g_quark_from_static_string("driftcluster-command-reason");
}

void
dc_cluster_command_refuse(GstEvent *event, const gchar *reason)
{
  gst_mini_object_set_qdata(GST_MINI_OBJECT(event), reason_quark(), g_strdup(reason), g_free);
}

const gchar *
dc_cluster_command_reason(GstEvent *event)
{
  return gst_mini_object_get_qdata(GST_MINI_OBJECT(event), reason_quark());
}

/* `other` with an empty uuid: there is none. */
static void
set_clusters(GstStructure *notice, const DcClusterInfo *before, const DcClusterInfo *after,
             const DcClusterInfo *other, gboolean automatic)
{
  gst_structure_set(notice, "uuid", G_TYPE_STRING, after->uuid, "label", G_TYPE_STRING,
                    after->label, "earlier-label", G_TYPE_STRING, before->label, "automatic",
                    G_TYPE_BOOLEAN, automatic, NULL);
  if (other->uuid[0])
    gst_structure_set(notice, "other-uuid", G_TYPE_STRING, other->uuid, "other-label",
                      G_TYPE_STRING, other->label, NULL);
}

GstStructure *
dc_cluster_command_notice(const DcClusterCommand *command, const DcClusterOutcome *outcome,
                          const DcBufferTimes *times)
{
  const gchar *undone = names[command->kind].undone;
  const gchar *kind = undone && !command->on ? undone : names[command->kind].done;
  GstStructure *notice = dc_notice_new("adapt-centroids", kind, times);
  set_clusters(notice, &outcome->before, &outcome->after, &outcome->other, FALSE);
  return notice;
}

GstStructure *
dc_cluster_change_notice(const DcClusterChange *change, const DcBufferTimes *times)
{
  static const gchar *const kinds[] = {
      [DC_CLUSTER_BORN] = "cluster-born",
      [DC_CLUSTERS_MERGED] = "clusters-merged",
      [DC_CLUSTER_SPLIT] = "cluster-split",
      [DC_CLUSTER_RETIRED] = "cluster-retired",
  };
  GstStructure *notice = dc_notice_new("adapt-centroids", kinds[change->kind], times);
  set_clusters(notice, &change->cluster, &change->cluster, &change->other, TRUE);
  return notice;
}
