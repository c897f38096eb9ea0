/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapt-centroids-private.h"
#include "common/cluster-command.h"
#include "common/error.h"

enum {
  SIGNAL_RESET,
  SIGNAL_SAVE_STATE,
  SIGNAL_LOAD_STATE,
  SIGNAL_RENAME_CLUSTER,
  SIGNAL_MERGE_CLUSTERS,
  SIGNAL_SPLIT_CLUSTER,
  SIGNAL_PIN_CLUSTER,
  SIGNAL_IGNORE_CLUSTER,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

/* --- Commands --- */

/* TRUE when a command went well; else says what kept it from that. */
static gboolean
gst_adapt_centroids_conclude(GstAdaptCentroids *self, DcStatus status, const DcError *error)
{
  if (status != DC_OK)
    DC_ELEMENT_WARNING(self, error);
  return status == DC_OK;
}

static gboolean
gst_adapt_centroids_reset(GstAdaptCentroids *self)
{
  DcError error;
  DcStatus status = dc_cluster_keeper_reset(self->keeper, &error);
  return gst_adapt_centroids_conclude(self, status, &error);
}

static gboolean
gst_adapt_centroids_save_state(GstAdaptCentroids *self, const gchar *path)
{
  DcError error;
  DcStatus status = dc_state_store_save_as(self->store, path, &error);
  return gst_adapt_centroids_conclude(self, status, &error);
}

static gboolean
gst_adapt_centroids_load_state(GstAdaptCentroids *self, const gchar *path)
{
  DcError error;
  DcStatus status = dc_state_store_load(self->store, path, &error);
  return gst_adapt_centroids_conclude(self, status, &error);
}

/* Carries out a command about clusters, and tells of it. Any thread. */
static DcStatus
gst_adapt_centroids_carry_out(GstAdaptCentroids *self, const DcClusterCommand *command,
                              DcError *error)
{
  DcClusterOutcome outcome;
  DcStatus status = dc_cluster_keeper_command(self->keeper, command, &outcome, error);
  if (status != DC_OK)
    return status;
  GST_OBJECT_LOCK(self);
  DcBufferTimes times = self->newest;
  GST_OBJECT_UNLOCK(self);
  gst_adapt_centroids_post(self, dc_cluster_command_notice(command, &outcome, &times));
  return DC_OK;
}

static gboolean
gst_adapt_centroids_command(GstAdaptCentroids *self, const DcClusterCommand *command)
{
  DcError error;
  DcStatus status = gst_adapt_centroids_carry_out(self, command, &error);
  return gst_adapt_centroids_conclude(self, status, &error);
}

static gboolean
gst_adapt_centroids_rename_cluster(GstAdaptCentroids *self, const gchar *cluster,
                                   const gchar *label)
{
  const DcClusterCommand command = {DC_RENAME_CLUSTER, .cluster = cluster, .label = label};
  return gst_adapt_centroids_command(self, &command);
}

static gboolean
gst_adapt_centroids_merge_clusters(GstAdaptCentroids *self, const gchar *cluster,
                                   const gchar *other)
{
  const DcClusterCommand command = {DC_MERGE_CLUSTERS, .cluster = cluster, .other = other};
  return gst_adapt_centroids_command(self, &command);
}

static gboolean
gst_adapt_centroids_split_cluster(GstAdaptCentroids *self, const gchar *cluster)
{
  const DcClusterCommand command = {DC_SPLIT_CLUSTER, .cluster = cluster};
  return gst_adapt_centroids_command(self, &command);
}

static gboolean
gst_adapt_centroids_pin_cluster(GstAdaptCentroids *self, const gchar *cluster, gboolean pinned)
{
  const DcClusterCommand command = {DC_PIN_CLUSTER, .cluster = cluster, .on = pinned};
  return gst_adapt_centroids_command(self, &command);
}

static gboolean
gst_adapt_centroids_ignore_cluster(GstAdaptCentroids *self, const gchar *cluster, gboolean ignored)
{
  const DcClusterCommand command = {DC_IGNORE_CLUSTER, .cluster = cluster, .on = ignored};
  return gst_adapt_centroids_command(self, &command);
}

gboolean
gst_adapt_centroids_handle_command(GstAdaptCentroids *self, GstEvent *event)
{
  DcClusterCommand command;
  DcError error;
  DcStatus status = dc_cluster_command_read(event, &command, &error);
  if (status == DC_OK)
    status = gst_adapt_centroids_carry_out(self, &command, &error);
  if (!gst_adapt_centroids_conclude(self, status, &error))
    dc_cluster_command_refuse(event, error.message);
  gst_event_unref(event);
  return status == DC_OK;
}

/* --- Signals --- */

/* A signal with a string as its first argument and `second` as its second, of which it has
 * `n_arguments`. */
static guint
gst_adapt_centroids_new_command_of(const gchar *name, GCallback handler, guint n_arguments,
                                   GType second)
{
  return g_signal_new_class_handler(name, GST_TYPE_ADAPT_CENTROIDS,
                                    G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION, handler, NULL, NULL, NULL,
                                    G_TYPE_BOOLEAN, n_arguments, G_TYPE_STRING, second);
}

static guint
gst_adapt_centroids_new_command(const gchar *name, GCallback handler, guint n_arguments)
{
  return gst_adapt_centroids_new_command_of(name, handler, n_arguments, G_TYPE_STRING);
}

static void
gst_adapt_centroids_install_cluster_commands(void)
{
  /**
   * GstAdaptCentroids::rename-cluster:
   * @self: the element
   * @cluster: uuid, label or index of a cluster
   * @label: its new name, 1 to 63 bytes of UTF-8
   *
   * Gives a cluster a name, which it keeps for ever. A cluster with a name is never merged or
   * retired but on command.
   *
   * Returns: whether it has it; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_RENAME_CLUSTER] =
      gst_adapt_centroids_new_command("rename-cluster",
                                      G_CALLBACK(gst_adapt_centroids_rename_cluster), 2);
  /**
   * GstAdaptCentroids::merge-clusters:
   * @self: the element
   * @cluster: uuid, label or index of the cluster that goes on
   * @other: the same of the one that becomes part of it
   *
   * Makes one cluster of two. It has the uuid and the pin of @cluster, and its label, unless only
   * @other was named.
   *
   * Returns: whether they are one; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_MERGE_CLUSTERS] =
      gst_adapt_centroids_new_command("merge-clusters",
                                      G_CALLBACK(gst_adapt_centroids_merge_clusters), 2);
  /**
   * GstAdaptCentroids::split-cluster:
   * @self: the element
   * @cluster: uuid, label or index of a cluster
   *
   * Makes two clusters of one, by 2-means of its remembered embeddings. The larger part goes on
   * with uuid and label.
   *
   * Returns: whether it is split; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_SPLIT_CLUSTER] =
      gst_adapt_centroids_new_command("split-cluster",
                                      G_CALLBACK(gst_adapt_centroids_split_cluster), 1);
  /**
   * GstAdaptCentroids::pin-cluster:
   * @self: the element
   * @cluster: uuid, label or index of a cluster
   * @pinned: whether to hold it
   *
   * Holds the centroid of a cluster where it is, within a quarter of the spread that the cluster
   * has now; or lets it go. A cluster that is held is never merged or retired but on command.
   *
   * Returns: whether it is held, or free; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_PIN_CLUSTER] =
      gst_adapt_centroids_new_command_of("pin-cluster", G_CALLBACK(gst_adapt_centroids_pin_cluster),
                                         2, G_TYPE_BOOLEAN);
  /**
   * GstAdaptCentroids::ignore-cluster:
   * @self: the element
   * @cluster: uuid, label or index of a cluster
   * @ignored: whether to ignore it
   *
   * Marks a cluster as of no interest. Its regions are assigned as before and bear the mark, but
   * are neither drawn nor published, nor labelled for other programs.
   *
   * Returns: whether it is marked as asked for; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_IGNORE_CLUSTER] = gst_adapt_centroids_new_command_of(
      "ignore-cluster", G_CALLBACK(gst_adapt_centroids_ignore_cluster), 2, G_TYPE_BOOLEAN);
}

static void
gst_adapt_centroids_install_state_commands(void)
{
  /**
   * GstAdaptCentroids::reset:
   * @self: the element
   *
   * Forgets the clusters and starts again, from the model file if there is one, else with a
   * warm-up. Nor does the next run go on with them: what #GstAdaptCentroids:state-file held becomes
   * `.previous` with the next save or the stop, until the save after that. To keep it for longer,
   * use #GstAdaptCentroids::save-state first.
   *
   * Returns: whether it could be done; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_RESET] =
      gst_adapt_centroids_new_command("reset", G_CALLBACK(gst_adapt_centroids_reset), 0);
  /**
   * GstAdaptCentroids::save-state:
   * @self: the element
   * @path: (nullable): the file to write; %NULL: #GstAdaptCentroids:state-file
   *
   * Saves the clusters and returns when they are on disk.
   *
   * Returns: whether they are; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_SAVE_STATE] =
      gst_adapt_centroids_new_command("save-state", G_CALLBACK(gst_adapt_centroids_save_state), 1);
  /**
   * GstAdaptCentroids::load-state:
   * @self: the element
   * @path: the file to read
   *
   * Puts a saved state in the place of the clusters there are; before the first embeddings it waits
   * for them, as only they tell whether it belongs to their encoder.
   *
   * Returns: whether the file is valid and fits; else nothing changed and a warning on the bus says
   * why
   *
   * Since: 0.1
   */
  signals[SIGNAL_LOAD_STATE] =
      gst_adapt_centroids_new_command("load-state", G_CALLBACK(gst_adapt_centroids_load_state), 1);
}

void
gst_adapt_centroids_install_commands(void)
{
  gst_adapt_centroids_install_state_commands();
  gst_adapt_centroids_install_cluster_commands();
}
