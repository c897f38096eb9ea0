/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed-properties.h"

#include "common/props.h"
#include "common/region-iter.h"

#define GST_TYPE_EMBED_BACKEND (gst_embed_backend_get_type())

static GType
gst_embed_backend_get_type(void)
{
  static const GEnumValue values[] = {
      {GST_EMBED_BACKEND_AUTO, "The core", "auto"},
      {GST_EMBED_BACKEND_CORE, "The network engine of this plugin", "core"},
      {GST_EMBED_BACKEND_ONNXRUNTIME, "ONNX Runtime, where it is installed", "onnxruntime"},
      {0, NULL, NULL}};
  static gsize type;

  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstEmbedBackend", values));
  return type;
}

static void
gst_embed_install_model_properties(GObjectClass *klass)
{
  /**
   * GstEmbed:model-file:
   *
   * The model file (safetensors of `driftcluster train` or `driftcluster import`, or an ONNX file)
   * whose encoder makes the embeddings; unset or empty: the built-in descriptor.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_MODEL_FILE,
      g_param_spec_string(
          "model-file", "Model file",
          "Model file (safetensors), or an ONNX file, of the encoder; unset: "
          "built-in descriptor of colours and gradients. Changed while running, the "
          "new model takes over between two frames, or the old one stays if it "
          "cannot be used",
          NULL, DC_PARAM_PLAYING));
  /**
   * GstEmbed:backend:
   *
   * What runs the network of the model file; the built-in descriptor is no network. Embeddings are
   * the same but for rounding, and so is the identity of the encoder. `auto` is the core.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_BACKEND,
      g_param_spec_enum("backend", "Back end", "What runs the network of the model file",
                        GST_TYPE_EMBED_BACKEND, DEFAULT_BACKEND, DC_PARAM_READY));
  /**
   * GstEmbed:batch-size:
   *
   * Regions per run of the network, fewer where their patches are large: those of a run take at
   * most 16 MiB, 27 patches of 224 x 224 pixels for instance.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_BATCH_SIZE,
      g_param_spec_uint("batch-size", "Batch size",
                        "Regions of a frame that the network takes in one run, fewer where patches "
                        "are large (16 MiB in all); more regions take several runs",
                        1, DC_ENCODER_MAX_BATCH, DEFAULT_BATCH_SIZE, DC_PARAM_READY));
  /**
   * GstEmbed:threads:
   *
   * Threads of matrix products. OpenBLAS has one setting for the whole process; ONNX Runtime has
   * one for each element.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_THREADS,
      g_param_spec_uint("threads", "Threads",
                        "Threads of matrix products; of the core one setting for the whole "
                        "process, the last element started decides",
                        1, MAX_THREADS, DEFAULT_THREADS, DC_PARAM_READY));
}

static void
gst_embed_install_region_properties(GObjectClass *klass)
{
  /**
   * GstEmbed:inference-region:
   *
   * What is embedded: the frame, the tiles of a grid, or the regions of interest on the buffer. A
   * buffer without any may bring detections of GStreamer's analytics library (1.24 on) instead.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_INFERENCE_REGION,
      g_param_spec_enum("inference-region", "Inference region", "What of each frame is embedded",
                        DC_TYPE_INFERENCE_REGION, DEFAULT_INFERENCE_REGION, DC_PARAM_READY));
  /**
   * GstEmbed:tiles:
   *
   * The grid of inference-region=tiles, as COLUMNSxROWS. #GstEmbed:max-regions does not bound it.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_TILES,
      g_param_spec_string("tiles", "Tiles",
                          "Grid of inference-region=tiles as COLUMNSxROWS, each from 1 to 64",
                          DEFAULT_TILES, DC_PARAM_PLAYING));
  /**
   * GstEmbed:object-class:
   *
   * Embeds only regions of interest of this type; unset or empty: all.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_OBJECT_CLASS,
      g_param_spec_string("object-class", "Object class",
                          "Only regions of interest of this type (the detector's label) are "
                          "embedded; unset: all",
                          NULL, DC_PARAM_PLAYING));
  /**
   * GstEmbed:max-regions:
   *
   * Bound of the regions of interest of one frame; what exceeds it is left out and counted. All
   * tiles of #GstEmbed:tiles are embedded.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_MAX_REGIONS,
      g_param_spec_uint("max-regions", "Maximum regions",
                        "Regions of interest of one frame that are embedded; those beyond are left "
                        "out and counted in stats",
                        1, DRIFTCLUSTER_MAX_REGIONS, DEFAULT_MAX_REGIONS, DC_PARAM_READY));
}

/* Which regions of others are worth a look. */
static void
gst_embed_install_filter_properties(GObjectClass *klass)
{
  /**
   * GstEmbed:min-region-size:
   *
   * Regions of interest that show less than this on the frame, in their width or their height, are
   * left out and counted.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_MIN_REGION_SIZE,
      g_param_spec_uint("min-region-size", "Minimum region size",
                        "Pixels that the shorter side of a region of interest must have, or it is "
                        "left out and counted in stats",
                        1, G_MAXINT, DEFAULT_MIN_REGION_SIZE, DC_PARAM_CONTROLLABLE));
  /**
   * GstEmbed:min-confidence:
   *
   * Regions of interest that their detector is less sure of are left out and counted. The
   * confidence is that of a GstAnalyticsODMtd, or the field `confidence` of the param `detection`
   * of a GstVideoRegionOfInterestMeta, as DL Streamer writes it; a region without passes.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_MIN_CONFIDENCE,
      g_param_spec_double("min-confidence", "Minimum confidence",
                          "Confidence, 0..1, that the detector of a region of interest must have, "
                          "or it is left out and counted in stats; 0: any",
                          0.0, 1.0, DEFAULT_MIN_CONFIDENCE, DC_PARAM_CONTROLLABLE));
}

/* How often a region that is followed is looked at. */
static void
gst_embed_install_track_properties(GObjectClass *klass)
{
  /**
   * GstEmbed:reembed-interval:
   *
   * A region that a tracker follows (its key is told by docs/metadata.md) is embedded anew after
   * this time, or when it has grown by #GstEmbed:reembed-growth; in between it keeps its embedding.
   * adapt-centroids does not learn from one twice.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_REEMBED_INTERVAL,
      g_param_spec_uint64("reembed-interval", "Re-embedding interval",
                          "Stream time in ns after which a followed region of interest is embedded "
                          "anew; 0: on every frame",
                          0, G_MAXUINT64 - 1, DEFAULT_REEMBED_INTERVAL, DC_PARAM_PLAYING));
  /**
   * GstEmbed:reembed-growth:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_REEMBED_GROWTH,
      g_param_spec_double("reembed-growth", "Re-embedding growth",
                          "Growth of its area, as a share, by which a followed region of interest "
                          "is embedded anew before the interval is over",
                          0.0, 1000.0, DEFAULT_REEMBED_GROWTH, DC_PARAM_PLAYING));
  /**
   * GstEmbed:max-tracks:
   *
   * Of more regions the embedding of the one seen longest ago is forgotten.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_MAX_TRACKS,
      g_param_spec_uint("max-tracks", "Maximum tracks",
                        "Followed regions whose last embeddings are remembered, in regions; 0: "
                        "none",
                        0, MAX_TRACKS, DEFAULT_MAX_TRACKS, DC_PARAM_READY));
}

static void
gst_embed_install_time_properties(GObjectClass *klass)
{
  /**
   * GstEmbed:inference-interval:
   *
   * Embeds one frame in so many; the others carry the table of regions without embeddings.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_INFERENCE_INTERVAL,
      g_param_spec_uint("inference-interval", "Inference interval",
                        "One frame in so many is embedded; 1: every frame", 1, G_MAXINT,
                        DEFAULT_INFERENCE_INTERVAL, DC_PARAM_CONTROLLABLE));
  /**
   * GstEmbed:shed-late:
   *
   * Whether a frame that comes too late for the sink passes without inference, to catch up. No
   * frame is dropped. A warning says so once for each time of overload, which ends after ten
   * seconds without such a frame. Turn it off where every run must give the same result.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_SHED_LATE,
      g_param_spec_boolean("shed-late", "Shed late",
                           "Let frames that are too late for the sink pass without inference, to "
                           "catch up; no frame is dropped",
                           DEFAULT_SHED_LATE, DC_PARAM_PLAYING));
  /**
   * GstEmbed:stats:
   *
   * Counters since the element started, each a guint64: `frames`; `regions` found; `embedded`
   * regions; `reused` embeddings of earlier frames (reembed-interval); `skipped` frames
   * (inference-interval, gaps); `shed` frames (too late); `bad-regions` (empty or outside the
   * frame); `small-regions` and `unsure-regions` left out by min-region-size and min-confidence;
   * `surplus-regions` (beyond max-regions); `not-finite` embeddings left out; `unreadable` frames.
   *
   * Since: 0.1
   */
  dc_props_install_stats(
      klass, PROP_STATS,
      "Counters since the start: frames, regions, embedded, reused, skipped, shed, bad-regions, "
      "small-regions, unsure-regions, surplus-regions, not-finite, unreadable (structure "
      "application/x-embed-stats)");
}

void
gst_embed_install_properties(GObjectClass *klass)
{
  gst_embed_install_model_properties(klass);
  gst_embed_install_region_properties(klass);
  gst_embed_install_filter_properties(klass);
  gst_embed_install_track_properties(klass);
  gst_embed_install_time_properties(klass);
  gst_type_mark_as_plugin_api(DC_TYPE_INFERENCE_REGION, 0);
  gst_type_mark_as_plugin_api(GST_TYPE_EMBED_BACKEND, 0);
}
