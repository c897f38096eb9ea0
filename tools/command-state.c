/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster state: looks at state files, exports and merges them. */
#include "command.h"
#include "state-export.h"
#include "store/state_file.h"
#include "stream/absorb.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char *option_output;

static const GOptionEntry inspect_entries[] = {G_OPTION_ENTRY_NULL};
static const GOptionEntry export_entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output,
     "file to write: clusters as .json, or their centroids as .npy", "FILE"},
    G_OPTION_ENTRY_NULL,
};
static const GOptionEntry merge_entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output, "state file to write", "FILE"},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Works on state files of adapt-centroids (state-file, save-state).\n"
    "\n"
    "  driftcluster state inspect FILE                     prints its clusters\n"
    "  driftcluster state export FILE --output X.json      clusters and centroids for programs\n"
    "  driftcluster state export FILE --output X.npy       centroids as a NumPy array\n"
    "  driftcluster state merge A B --output C             one state that knows both\n"
    "\n"
    "`driftcluster state merge --help` tells which clusters of two states are the same.";

static const char inspect_summary[] =
    "Prints the encoder of a state, what was counted, and each cluster: its label (named by a\n"
    "person: in quotes), the embeddings it received, its spread, its shift from where it started\n"
    "in spreads, what was done to it, and its uuid.";

static const char export_summary[] =
    "Writes the clusters of a state for other programs: X.json has everything that is known of\n"
    "them, X.npy the centroids alone, a row each, in the order of the JSON file. The state itself\n"
    "is a safetensors file, which Python reads without any export.";

static const char merge_summary[] =
    "Makes one state of two that were saved with the same encoder, by two cameras for instance.\n"
    "Two clusters are the same when they come from one stream and have one uuid; else when their\n"
    "centroids lie within one spread (the root mean square of both) of each other and the density\n"
    "between their remembered members has no valley. Pairs are made one to one, the nearest in\n"
    "all. What is the same has the uuid of A, the members of both, and the name that a person\n"
    "gave in A, else in B. All other clusters of B are added with their uuids and names; of those\n"
    "that A has too by chance of an equal seed, B's become new ones.";

/* --- reading --- */

static DcAdapter *
open_state(const char *path, size_t times, GError **error)
{
  DcState *state;
  DcAdapter *adapter = NULL;
  DcError core_error;
  if (dc_state_read(path, &state, &core_error) != DC_OK) {
    dc_tools_take_error(&core_error, error);
    return NULL;
  }
  if (dc_state_open(state, times, &adapter, &core_error) != DC_OK)
    dc_tools_take_error(&core_error, error);
  dc_state_free(state);
  return adapter;
}

/* --- inspect --- */

static void
print_cluster(const DcClusterInfo *info)
{
  g_autofree char *label =
      info->named ? g_strdup_printf("\"%s\"", info->label) : g_strdup(info->label);
  printf("  %-24s %10.0f %10.4g %8.2f  %-6s %-7s %-12s %s\n", label, info->mass,
         (double)info->spread, (double)info->shift, info->pinned ? "pinned" : "",
         info->ignored ? "ignored" : "", info->group_label, info->uuid);
}

static void
print_state(const char *path, const DcSnapshot *snapshot, const DcAdapterStats *stats,
            const char *encoder, size_t dim)
{
  printf("state         %s\nencoder       %s\nembedding     %zu numbers\n", path, encoder, dim);
  printf("embeddings    %" PRIu64 " received, %" PRIu64 " rejected, %zu remembered\n",
         stats->accepted, stats->rejected, stats->remembered);
  printf("adaptations   %" PRIu64 "\n", stats->adaptations);
  if (!snapshot) {
    printf("clusters      none: it was saved before the end of the warm-up\n");
    return;
  }
  printf("clusters      %zu\n\n", stats->clusters);
  printf("  %-24s %10s %10s %8s  %-6s %-7s %-12s %s\n", "label", "embeddings", "spread", "shift",
         "", "", "", "uuid");
  for (size_t k = 0; k < stats->clusters; k++)
    print_cluster(dc_snapshot_cluster(snapshot, k));
}

static gboolean
inspect(const char *path, GError **error)
{
  DcState *state;
  DcError core_error;
  if (dc_state_read(path, &state, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  DcAdapter *adapter;
  gboolean well = dc_state_open(state, 1, &adapter, &core_error) == DC_OK;
  if (well) {
    DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
    DcAdapterStats stats = dc_adapter_stats(adapter);
    print_state(path, snapshot, &stats, dc_state_encoder(state), dc_state_dim(state));
    dc_snapshot_unref(snapshot);
    dc_adapter_free(adapter);
  } else {
    dc_tools_take_error(&core_error, error);
  }
  dc_state_free(state);
  return well;
}

/* --- export --- */

static gboolean
export_state(const char *path, GError **error)
{
  DcAdapter *adapter = open_state(path, 1, error);
  if (!adapter)
    return FALSE;
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  gboolean well = FALSE;
  if (snapshot)
    well = dc_state_export(snapshot, option_output, error);
  else
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_READY,
                "%s: it was saved before the end of the warm-up and has no clusters", path);
  if (well)
    printf("%zu clusters: %s\n", dc_snapshot_clusters(snapshot), option_output);
  dc_snapshot_unref(snapshot);
  dc_adapter_free(adapter);
  return well;
}

/* --- merge --- */

/* Whether two names are of one file. */
static gboolean
is_same_file(const char *a, const char *b)
{
  struct stat first, second;
  return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

static gboolean
write_adapter(const DcAdapter *adapter, GError **error)
{
  DcState *state = dc_state_capture(adapter);
  DcError core_error;
  if (!state) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY, "not enough memory for the merged state");
    return FALSE;
  }
  gboolean well = dc_state_write(state, option_output, &core_error) == DC_OK;
  dc_state_free(state);
  return well || dc_tools_take_error(&core_error, error);
}

static gboolean
absorb(DcAdapter *adapter, const DcAdapter *other, const char *a, const char *b, GError **error)
{
  DcAbsorbed absorbed;
  DcError core_error;
  if (dc_adapter_absorb(adapter, other, &absorbed, &core_error) != DC_OK) {
    dc_tools_take_error(&core_error, error);
    g_prefix_error(error, "%s and %s: ", a, b);
    return FALSE;
  }
  if (!write_adapter(adapter, error))
    return FALSE;
  printf("%zu clusters are in both, %zu are added: %zu in %s\n", absorbed.matched, absorbed.added,
         dc_adapter_stats(adapter).clusters, option_output);
  return TRUE;
}

static gboolean
merge(const char *a, const char *b, GError **error)
{
  DcAdapter *adapter = open_state(a, 2, error);
  DcAdapter *other = adapter ? open_state(b, 1, error) : NULL;
  gboolean well = other && absorb(adapter, other, a, b, error);
  dc_adapter_free(adapter);
  dc_adapter_free(other);
  return well;
}

/* --- the command --- */

static int
run_inspect(int argc, char **argv, const char *name, GError **error)
{
  if (!dc_command_parse(&argc, &argv, "FILE", inspect_summary, inspect_entries))
    return DC_EXIT_USAGE;
  if (argc != 2)
    return dc_command_usage(name, "one state file is needed");
  return inspect(argv[1], error) ? DC_EXIT_OK : DC_EXIT_FAILURE;
}

static int
run_export(int argc, char **argv, const char *name, GError **error)
{
  if (!dc_command_parse(&argc, &argv, "FILE", export_summary, export_entries))
    return DC_EXIT_USAGE;
  if (argc != 2)
    return dc_command_usage(name, "one state file is needed");
  if (!option_output || !dc_state_export_is_named(option_output))
    return dc_command_usage(name, "--output X.json or --output X.npy is needed");
  return export_state(argv[1], error) ? DC_EXIT_OK : DC_EXIT_FAILURE;
}

static int
run_merge(int argc, char **argv, const char *name, GError **error)
{
  if (!dc_command_parse(&argc, &argv, "A B", merge_summary, merge_entries))
    return DC_EXIT_USAGE;
  if (argc != 3)
    return dc_command_usage(name, "two state files are needed");
  if (!option_output)
    return dc_command_usage(name, "--output FILE is needed");
  if (is_same_file(argv[1], argv[2]))
    return dc_command_usage(name, "%s and %s are one file: a state cannot be merged with itself",
                            argv[1], argv[2]);
  return merge(argv[1], argv[2], error) ? DC_EXIT_OK : DC_EXIT_FAILURE;
}

int
dc_command_state(int argc, char **argv)
{
  static const struct {
    const char *name, *full;
    int (*run)(int argc, char **argv, const char *name, GError **error);
  } parts[] = {
      {"inspect", "state inspect", run_inspect},
      {"export", "state export", run_export},
      {"merge", "state merge", run_merge},
  };
  for (gsize i = 0; argc > 1 && i < G_N_ELEMENTS(parts); i++)
    if (strcmp(argv[1], parts[i].name) == 0) {
      g_autoptr(GError) error = NULL;
      argv[1] = (char *)parts[i].full;
      int code = parts[i].run(argc - 1, argv + 1, parts[i].full, &error);
      return error ? dc_command_failed(parts[i].full, error) : code;
    }
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "inspect|export|merge ...", summary, inspect_entries))
    return DC_EXIT_USAGE;
  return dc_command_usage(name, "inspect, export or merge is needed%s%s", argc > 1 ? ", not " : "",
                          argc > 1 ? argv[1] : "");
}
