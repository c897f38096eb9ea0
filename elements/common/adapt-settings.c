/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/adapt-settings.h"

#include "common/props.h"

#define DEFAULT_ADAPT         TRUE
#define DEFAULT_SAVE_INTERVAL 0
#define DEFAULT_ASYNC         FALSE
#define DEFAULT_POST_MESSAGES FALSE

#define MAX_CLUSTERS   4096
#define MAX_EMBEDDINGS (1 << 24) /* of the window and of what is counted in embeddings */

GType
dc_method_get_type(void)
{
  static const GEnumValue values[] = {
      {DC_METHOD_TRANSPORT, "One map of the drifted stream back to its source", "transport"},
      {DC_METHOD_ATTENTION, "Attention over the recent past", "attention"},
      {DC_METHOD_K_MEANS, "One step of k-means over the recent past", "k-means"},
      {DC_METHOD_NONE, "Centroids stay where they started", "none"},
      {DC_METHOD_MIXTURE, "An isotropic mixture with running weights, as in AE-CM", "mixture"},
      {DC_METHOD_SECU, "Centres on the unit sphere, moved by hard samples, as in SeCu", "secu"},
      {0, NULL, NULL}};
  static gsize type;

  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstAdaptCentroidsMethod", values));
  return type;
}

GType
dc_align_get_type(void)
{
  static const GEnumValue values[] = {
      {DC_ALIGN_NONE, "Embeddings are read as they come", "none"},
      {DC_ALIGN_MOMENTS, "Mean and variance of each number are kept at those of the start",
       "moments"},
      {0, NULL, NULL}};
  static gsize type;

  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstAdaptCentroidsAlign", values));
  return type;
}

GType
dc_revise_get_type(void)
{
  static const GEnumValue values[] = {
      {DC_REVISE_AUTO, "When it was chosen in a warm-up, or novelty-threshold is set", "auto"},
      {DC_REVISE_NEVER, "Never but on command", "never"},
      {DC_REVISE_ALWAYS, "Also when it was given", "always"},
      {0, NULL, NULL}};
  static gsize type;

  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstAdaptCentroidsRevise", values));
  return type;
}

GType
dc_effort_get_type(void)
{
  static const GEnumValue values[] = {
      {DC_EFFORT_FULL, "Three learning maps, remembered scenes, a search after jumps", "full"},
      {DC_EFFORT_SIMPLE, "One learning map and the source, at a third of the cost", "simple"},
      {0, NULL, NULL}};
  static gsize type;

  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstAdaptCentroidsEffort", values));
  return type;
}

void
dc_adapt_settings_init(DcAdaptSettings *settings)
{
  *settings = (DcAdaptSettings){
      .config = dc_adapter_config(),
      .adapt = DEFAULT_ADAPT,
      .save_interval = DEFAULT_SAVE_INTERVAL,
      .async = DEFAULT_ASYNC,
      .post_messages = DEFAULT_POST_MESSAGES,
  };
  dc_foreign_settings_init(&settings->foreign);
}

void
dc_adapt_settings_clear(DcAdaptSettings *settings)
{
  g_clear_pointer(&settings->model_file, g_free);
  g_clear_pointer(&settings->state_file, g_free);
  g_clear_pointer(&settings->state_id, g_free);
}

static void
set_text(gchar **text, const GValue *value)
{
  g_free(*text);
  *text = g_value_dup_string(value);
}

gboolean
dc_adapt_settings_set(DcAdaptSettings *settings, guint id, const GValue *value)
{
  switch (id) {
  case DC_ADAPT_CLUSTERS:
    settings->config.clusters = g_value_get_uint(value);
    break;
  case DC_ADAPT_MAX_CLUSTERS:
    settings->config.max_clusters = g_value_get_uint(value);
    break;
  case DC_ADAPT_METHOD:
    settings->config.method = (DcMethod)g_value_get_enum(value);
    break;
  case DC_ADAPT_EFFORT:
    settings->config.effort = (DcEffort)g_value_get_enum(value);
    break;
  case DC_ADAPT_ALIGN:
    settings->config.align = (DcAlign)g_value_get_enum(value);
    break;
  case DC_ADAPT_MODEL_FILE:
    set_text(&settings->model_file, value);
    break;
  case DC_ADAPT_WINDOW:
    settings->config.window = g_value_get_uint(value);
    break;
  case DC_ADAPT_INTERVAL:
    settings->config.interval = g_value_get_uint(value);
    break;
  case DC_ADAPT_WARM_UP:
    settings->config.warm_up = g_value_get_uint(value);
    break;
  case DC_ADAPT_ADAPTATION_RATE:
    settings->config.adaptation_rate = g_value_get_double(value);
    break;
  case DC_ADAPT_HALF_LIFE:
    settings->config.half_life = g_value_get_uint64(value);
    break;
  case DC_ADAPT_ADAPT:
    settings->adapt = g_value_get_boolean(value);
    break;
  case DC_ADAPT_STATE_FILE:
    set_text(&settings->state_file, value);
    break;
  case DC_ADAPT_SAVE_INTERVAL:
    settings->save_interval = g_value_get_uint64(value);
    break;
  case DC_ADAPT_STATE_ID:
    set_text(&settings->state_id, value);
    break;
  case DC_ADAPT_ASYNC:
    settings->async = g_value_get_boolean(value);
    break;
  case DC_ADAPT_SEED:
    settings->config.seed = g_value_get_uint64(value);
    break;
  case DC_ADAPT_COARSE_GROUPS:
    settings->config.coarse_groups = g_value_get_uint(value);
    break;
  case DC_ADAPT_REVISE:
    settings->config.revise = (DcRevise)g_value_get_enum(value);
    break;
  case DC_ADAPT_NOVELTY_THRESHOLD:
    settings->config.novelty = g_value_get_double(value);
    break;
  case DC_ADAPT_RETIRE_AFTER:
    settings->config.retire_after = g_value_get_uint64(value);
    break;
  case DC_ADAPT_POST_MESSAGES:
    settings->post_messages = g_value_get_boolean(value);
    break;
  case DC_ADAPT_TENSOR_NAME:
    dc_foreign_settings_set_name(&settings->foreign, value);
    break;
  case DC_ADAPT_TENSOR_REGION:
    dc_foreign_settings_set_region(&settings->foreign, value);
    break;
  default:
    return FALSE;
  }
  return TRUE;
}

gboolean
dc_adapt_settings_get(const DcAdaptSettings *settings, guint id, GValue *value)
{
  switch (id) {
  case DC_ADAPT_CLUSTERS:
    g_value_set_uint(value, settings->config.clusters);
    break;
  case DC_ADAPT_MAX_CLUSTERS:
    g_value_set_uint(value, settings->config.max_clusters);
    break;
  case DC_ADAPT_METHOD:
    g_value_set_enum(value, settings->config.method);
    break;
  case DC_ADAPT_EFFORT:
    g_value_set_enum(value, (gint)settings->config.effort);
    break;
  case DC_ADAPT_ALIGN:
    g_value_set_enum(value, (gint)settings->config.align);
    break;
  case DC_ADAPT_MODEL_FILE:
    g_value_set_string(value, settings->model_file);
    break;
  case DC_ADAPT_WINDOW:
    g_value_set_uint(value, (guint)settings->config.window);
    break;
  case DC_ADAPT_INTERVAL:
    g_value_set_uint(value, (guint)settings->config.interval);
    break;
  case DC_ADAPT_WARM_UP:
    g_value_set_uint(value, (guint)settings->config.warm_up);
    break;
  case DC_ADAPT_ADAPTATION_RATE:
    g_value_set_double(value, settings->config.adaptation_rate);
    break;
  case DC_ADAPT_HALF_LIFE:
    g_value_set_uint64(value, settings->config.half_life);
    break;
  case DC_ADAPT_ADAPT:
    g_value_set_boolean(value, settings->adapt);
    break;
  case DC_ADAPT_STATE_FILE:
    g_value_set_string(value, settings->state_file);
    break;
  case DC_ADAPT_SAVE_INTERVAL:
    g_value_set_uint64(value, settings->save_interval);
    break;
  case DC_ADAPT_STATE_ID:
    g_value_set_string(value, settings->state_id);
    break;
  case DC_ADAPT_ASYNC:
    g_value_set_boolean(value, settings->async);
    break;
  case DC_ADAPT_SEED:
    g_value_set_uint64(value, settings->config.seed);
    break;
  case DC_ADAPT_COARSE_GROUPS:
    g_value_set_uint(value, settings->config.coarse_groups);
    break;
  case DC_ADAPT_REVISE:
    g_value_set_enum(value, (gint)settings->config.revise);
    break;
  case DC_ADAPT_NOVELTY_THRESHOLD:
    g_value_set_double(value, settings->config.novelty);
    break;
  case DC_ADAPT_RETIRE_AFTER:
    g_value_set_uint64(value, settings->config.retire_after);
    break;
  case DC_ADAPT_POST_MESSAGES:
    g_value_set_boolean(value, settings->post_messages);
    break;
  case DC_ADAPT_TENSOR_NAME:
    g_value_set_string(value, settings->foreign.tensor_name);
    break;
  case DC_ADAPT_TENSOR_REGION:
    g_value_set_enum(value, (gint)settings->foreign.tensor_region);
    break;
  default:
    return FALSE;
  }
  return TRUE;
}

/* Which clusters there are, and what is remembered of the stream. */
static void
install_clusters(GObjectClass *klass, const DcAdapterConfig *config)
{
  /**
   * GstAdaptCentroids:clusters:
   *
   * How many clusters are found in the warm-up; 0 has the warm-up choose, and the stream revise
   * what it chose (#GstAdaptCentroids:revise). A model or a state brings
   * a number of its own.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_CLUSTERS,
      g_param_spec_uint("clusters", "Clusters",
                        "Number of clusters; 0: chosen at the end of the warm-up, and revised", 0,
                        MAX_CLUSTERS, config->clusters, DC_PARAM_READY));
  /**
   * GstAdaptCentroids:max-clusters:
   *
   * Bounds the number that the warm-up chooses when #GstAdaptCentroids:clusters is 0, and that
   * #GstAdaptCentroids:revise may come to.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_MAX_CLUSTERS,
      g_param_spec_uint("max-clusters", "Maximum of clusters",
                        "Largest number of clusters that may be chosen, in clusters", 1,
                        MAX_CLUSTERS, config->max_clusters, DC_PARAM_READY));
  /**
   * GstAdaptCentroids:model-file:
   *
   * A model that was trained with a method that clusters: its centroids are where the clusters
   * start, and there is no warm-up. The embeddings must come from the same model.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_MODEL_FILE,
      g_param_spec_string("model-file", "Model file",
                          "Trained model whose centroids the clusters start from; unset: they are "
                          "found in the stream",
                          NULL, DC_PARAM_READY));
  /**
   * GstAdaptCentroids:window:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_WINDOW,
      g_param_spec_uint("window", "Window", "Embeddings remembered, over all clusters", 1,
                        MAX_EMBEDDINGS, (guint)config->window, DC_PARAM_READY));
  /**
   * GstAdaptCentroids:warm-up:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_WARM_UP,
      g_param_spec_uint("warm-up", "Warm-up",
                        "Embeddings in which the first clusters are found; at least as many as "
                        "clusters",
                        1, MAX_EMBEDDINGS, (guint)config->warm_up, DC_PARAM_READY));
  /**
   * GstAdaptCentroids:seed:
   *
   * With equal seed and input, and without #GstAdaptCentroids:async, the output is the same byte
   * for byte.
   *
   * Since: 0.1
   */
  g_object_class_install_property(klass, DC_ADAPT_SEED,
                                  g_param_spec_uint64("seed", "Seed",
                                                      "Start of the random numbers, any number", 0,
                                                      G_MAXUINT64, config->seed, DC_PARAM_READY));
}

/* What is made of the clusters. */
static void
install_hierarchy(GObjectClass *klass, const DcAdapterConfig *config)
{
  /**
   * GstAdaptCentroids:coarse-groups:
   *
   * Groups of clusters, for a label at a coarse level beside that of the cluster. The hierarchy of
   * the clusters (sub-cluster components over their centroids) is cut where it has nearest to so
   * many groups.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_COARSE_GROUPS,
      g_param_spec_uint("coarse-groups", "Coarse groups",
                        "Groups of clusters wanted, in groups; each cluster belongs to one; 0: "
                        "there are none",
                        0, MAX_CLUSTERS, config->coarse_groups, DC_PARAM_CONTROLLABLE));
}

/* Which clusters come and go. */
static void
install_revision(GObjectClass *klass, const DcAdapterConfig *config)
{
  /**
   * GstAdaptCentroids:revise:
   *
   * Whether the number of clusters is revised while the stream goes on: groups of embeddings that
   * fit no cluster are born as new ones, clusters that hold two kinds are split, those that are one
   * are merged, and one that was long out of sight makes room where there are
   * #GstAdaptCentroids:max-clusters. Clusters that are pinned or have a name are neither split nor
   * retired, nor merged into others.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_REVISE,
      g_param_spec_enum("revise", "Revise",
                        "When the number of clusters is revised while the stream goes on",
                        DC_TYPE_REVISE, (gint)config->revise, DC_PARAM_READY));
  /**
   * GstAdaptCentroids:novelty-threshold:
   *
   * Where the number of clusters is revised: the share of a cluster's own members that lie as far
   * out as an embedding must, to be unknown and wait for others of its kind. As that of `assign`, a
   * false-alarm rate. To set it has the number revised also when it was given.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_NOVELTY_THRESHOLD,
      g_param_spec_double("novelty-threshold", "Novelty threshold",
                          "False-alarm rate, 0..1, at which an embedding fits no cluster and may "
                          "belong to a new one; 0: 0.01, and only where the number is revised",
                          0, 1, config->novelty, DC_PARAM_READY));
  /**
   * GstAdaptCentroids:retire-after:
   *
   * Where the number of clusters is revised: how long a cluster may be out of sight. One that is
   * retired is known again when a group is born where it was.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_RETIRE_AFTER,
      g_param_spec_uint64("retire-after", "Retire after",
                          "Stream time in ns out of sight after which a cluster is retired; 0: "
                          "only to make room for another",
                          0, G_MAXUINT64 - 1, config->retire_after, DC_PARAM_READY));
}

/* How the clusters move. */
static void
install_adaptation(GObjectClass *klass, const DcAdapterConfig *config)
{
  /**
   * GstAdaptCentroids:method:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_METHOD,
      g_param_spec_enum("method", "Method", "What proposes where the centroids should move",
                        DC_TYPE_METHOD, config->method, DC_PARAM_PLAYING));
  /**
   * GstAdaptCentroids:effort:
   *
   * With #GstAdaptCentroids:method transport: `simple` follows the stream by one map, which is most
   * of what there is to gain, at a third of the cost; `full` also finds the stream again after
   * jumps and known scenes when they return.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_EFFORT,
      g_param_spec_enum("effort", "Effort", "How much the method transport does", DC_TYPE_EFFORT,
                        config->effort, DC_PARAM_READY));
  /**
   * GstAdaptCentroids:align:
   *
   * For an encoder whose numbers drift while what they tell apart does not: `moments` keeps mean
   * and variance of each number at those of the start. It costs labels where classes come in
   * bursts.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_ALIGN,
      g_param_spec_enum("align", "Align",
                        "What is done about an encoder whose numbers drift, before all else",
                        DC_TYPE_ALIGN, config->align, DC_PARAM_READY));
  /**
   * GstAdaptCentroids:interval:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_INTERVAL,
      g_param_spec_uint("interval", "Interval", "Embeddings from one adaptation to the next", 1,
                        MAX_EMBEDDINGS, (guint)config->interval, DC_PARAM_CONTROLLABLE));
  /**
   * GstAdaptCentroids:adaptation-rate:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_ADAPTATION_RATE,
      g_param_spec_double("adaptation-rate", "Adaptation rate",
                          "Share of the proposed step that is taken, 0..1; a larger one follows "
                          "faster",
                          0, 1, config->adaptation_rate, DC_PARAM_CONTROLLABLE));
  /**
   * GstAdaptCentroids:half-life:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_HALF_LIFE,
      g_param_spec_uint64(
          "half-life", "Half-life",
          "Stream time in ns after which a remembered embedding weighs half; 0: all "
          "weigh the same",
          0, G_MAXUINT64 - 1, config->half_life, DC_PARAM_CONTROLLABLE));
  /**
   * GstAdaptCentroids:adapt:
   *
   * The freeze switch: while it is FALSE embeddings are still remembered and counted, but no
   * centroid moves.
   *
   * Since: 0.1
   */
  g_object_class_install_property(klass, DC_ADAPT_ADAPT,
                                  g_param_spec_boolean("adapt", "Adapt",
                                                       "Whether the centroids move; FALSE freezes "
                                                       "them",
                                                       DEFAULT_ADAPT, DC_PARAM_CONTROLLABLE));
  /**
   * GstAdaptCentroids:async:
   *
   * The streaming thread hands the embeddings to a worker thread and never waits for it; when the
   * worker cannot keep up, embeddings are dropped and counted. Which buffer is the first with new
   * clusters then depends on the speed of the machine.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_ASYNC,
      g_param_spec_boolean("async", "Asynchronous",
                           "Adapt on a thread of its own; video never waits, but the output is not "
                           "reproducible",
                           DEFAULT_ASYNC, DC_PARAM_READY));
}

/* Where the clusters are kept and who is told of them. */
static void
install_keeping(GObjectClass *klass)
{
  /**
   * GstAdaptCentroids:state-file:
   *
   * The clusters and all that is remembered continue from this file, if it exists, and are saved to
   * it: every #GstAdaptCentroids:save-interval, at the end of the stream, and when the element
   * stops. The file before the last save stays as `.previous`. A damaged file is never overwritten:
   * if
   * `.previous` is whole that is taken, and the damaged one kept as `.damaged`.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_STATE_FILE,
      g_param_spec_string("state-file", "State file",
                          "File from which the clusters continue and to which they are saved; "
                          "unset: PAUSED to READY forgets them",
                          NULL, DC_PARAM_READY));
  /**
   * GstAdaptCentroids:save-interval:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_SAVE_INTERVAL,
      g_param_spec_uint64("save-interval", "Save interval",
                          "Stream time in ns from one save to the next; 0: only at the end of the "
                          "stream, at the stop and on command",
                          0, G_MAXUINT64 - 1, DEFAULT_SAVE_INTERVAL, DC_PARAM_PLAYING));
  /**
   * GstAdaptCentroids:state-id:
   *
   * Shares the clusters with every `assign` of the same state-id in this process. There may be one
   * writer of a name at a time.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_STATE_ID,
      g_param_spec_string("state-id", "State ID",
                          "Name under which other branches and pipelines read the clusters; unset: "
                          "only downstream does",
                          NULL, DC_PARAM_READY));
  /**
   * GstAdaptCentroids:post-messages:
   *
   * Posts element messages `adapt-centroids` with `timestamp`, `stream-time`, `running-time`,
   * `duration` and `kind`: `clusters-created` and, at most one per second of stream time, `adapted`
   * (with `version`, `clusters`, `embeddings`, `occupancy-entropy`, `mean-shift`); `state-saved`,
   * `state-loaded` and `state-rejected` (with `location`, the last with `reason`);
   * `separation-lost` and `separation-regained`, when the embeddings no longer tell the clusters
   * apart as they did, and when they do again (like `adapted`, and `margin`, `margin-reference`);
   * `cluster-born`, `cluster-split`, `clusters-merged` and `cluster-retired`, when
   * #GstAdaptCentroids:revise changes which clusters there are (with `uuid`, `label`, where there
   * is another cluster `other-uuid` and `other-label`, and `automatic`, which is FALSE in those
   * about a command);
   * `embeddings-rejected`, once per burst of embeddings that are no numbers (with `rejected`).
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_ADAPT_POST_MESSAGES,
      g_param_spec_boolean("post-messages", "Post messages",
                           "Post messages on the bus about clusters, states and rejected "
                           "embeddings",
                           DEFAULT_POST_MESSAGES, DC_PARAM_PLAYING));
}

void
dc_adapt_settings_install(GObjectClass *klass)
{
  DcAdapterConfig config = dc_adapter_config();
  install_clusters(klass, &config);
  install_hierarchy(klass, &config);
  install_revision(klass, &config);
  install_adaptation(klass, &config);
  install_keeping(klass);
  /**
   * GstAdaptCentroids:tensor-name:
   *
   * Behind another element's inference instead of `embed`: which of its tensors the embeddings are.
   *
   * Since: 0.1
   */
  /**
   * GstAdaptCentroids:tensor-region:
   *
   * What the tensors of a buffer belong to. Those of regions of interest belong to them.
   *
   * Since: 0.1
   */
  dc_foreign_settings_install(klass, DC_ADAPT_TENSOR_NAME, DC_ADAPT_TENSOR_REGION);
  gst_type_mark_as_plugin_api(DC_TYPE_METHOD, 0);
  gst_type_mark_as_plugin_api(DC_TYPE_EFFORT, 0);
  gst_type_mark_as_plugin_api(DC_TYPE_ALIGN, 0);
  gst_type_mark_as_plugin_api(DC_TYPE_REVISE, 0);
}
