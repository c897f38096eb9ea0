/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/gallery.h"

#include "common/cluster-roster.h"
#include "common/gallery-text.h"

#include <string.h>

struct DcGallery {
  guint most;
  gboolean edits;
  gint64 run;           /* time of day at which it began */
  GMutex lock;          /* guards what follows */
  GPtrArray *groups;    /* DcGalleryGroup, in the order in which they came */
  DcSnapshot *clusters; /* as they told last; NULL: not heard */
  DcRoster *colours;    /* gives each cluster the colour that draw-clusters gives it */
  GPtrArray *left;      /* files that the page may name, and is to name no more */
  guint64 admitted;     /* exemplars so far: the last number */
  GstClockTime newest;
};

DcGallery *
dc_gallery_new(guint most, gboolean edits)
{
  DcGallery *gallery = g_new0(DcGallery, 1);

  gallery->most = most;
  gallery->edits = edits;
  gallery->run = g_get_real_time();
  g_mutex_init(&gallery->lock);
  gallery->groups = g_ptr_array_new_with_free_func((GDestroyNotify)dc_gallery_group_free);
  gallery->colours = dc_roster_new();
  gallery->left = g_ptr_array_new_with_free_func(g_free);
  gallery->newest = GST_CLOCK_TIME_NONE;
  return gallery;
}

void
dc_gallery_free(DcGallery *gallery)
{
  if (!gallery)
    return;
  g_ptr_array_unref(gallery->groups);
  g_ptr_array_unref(gallery->left);
  dc_roster_free(gallery->colours);
  dc_snapshot_unref(gallery->clusters);
  g_mutex_clear(&gallery->lock);
  g_free(gallery);
}

/* --- Groups; with the lock held --- */

/* DcExemplarGone. A picture that is not written yet has no file: who writes asks before. */
static void
leave_file(const DcGalleryGroup *group, const DcExemplar *exemplar, gpointer user_data)
{
  DcGallery *gallery = user_data;

  if (exemplar->written)
    g_ptr_array_add(gallery->left, dc_gallery_path(group, exemplar->number));
}

static DcGalleryGroup *
group_at(const DcGallery *gallery, guint place)
{
  return g_ptr_array_index(gallery->groups, place);
}

static void
remove_group(DcGallery *gallery, guint place)
{
  const DcGalleryGroup *group = group_at(gallery, place);

  for (guint i = 0; i < group->exemplars->len; i++)
    leave_file(group, &g_array_index(group->exemplars, DcExemplar, i), gallery);
  g_ptr_array_remove_index(gallery->groups, place);
}

static gboolean
goes_before(const DcGalleryGroup *one, const DcGalleryGroup *other)
{
  gboolean one_gone = one->state == DC_GROUP_GONE, other_gone = other->state == DC_GROUP_GONE;

  return one_gone != other_gone ? one_gone : one->seen < other->seen;
}

static void
make_room(DcGallery *gallery)
{
  guint first = 0;

  if (gallery->groups->len < DC_GALLERY_MOST_GROUPS)
    return;
  for (guint i = 1; i < gallery->groups->len; i++)
    if (goes_before(group_at(gallery, i), group_at(gallery, first)))
      first = i;
  remove_group(gallery, first);
}

static DcGalleryGroup *
find_group(const DcGallery *gallery, const DriftclusterResult *result)
{
  for (guint i = 0; i < gallery->groups->len; i++)
    if (dc_gallery_group_is_of(group_at(gallery, i), result))
      return group_at(gallery, i);
  return NULL;
}

static const DcClusterInfo *
find_cluster(const DcSnapshot *snapshot, const DcGalleryGroup *group)
{
  gsize n = snapshot && group->uuid ? dc_snapshot_clusters(snapshot) : 0;

  for (gsize i = 0; i < n; i++)
    if (strcmp(dc_snapshot_cluster(snapshot, i)->uuid, group->uuid) == 0)
      return dc_snapshot_cluster(snapshot, i);
  return NULL;
}

static DcGalleryGroup *
need_group(DcGallery *gallery, const DriftclusterResult *result)
{
  DcGalleryGroup *group = find_group(gallery, result);
  const DcClusterInfo *cluster;

  if (group)
    return group;
  make_room(gallery);
  group = dc_gallery_group_new(result, dc_roster_count(gallery->colours, result)->colour);
  cluster = find_cluster(gallery->clusters, group);
  group->given = g_strdup(cluster ? cluster->label : NULL);
  group->pinned = cluster && cluster->pinned;
  g_ptr_array_add(gallery->groups, group);
  return group;
}

/* --- Of the streaming thread --- */

gboolean
dc_gallery_note(DcGallery *gallery, const DcSighting *sighting)
{
  DcExemplar exemplar = dc_exemplar(sighting);
  DcGalleryGroup *group;
  gboolean wanted;

  g_mutex_lock(&gallery->lock);
  group = need_group(gallery, sighting->result);
  dc_gallery_group_count(group, sighting);
  if (GST_CLOCK_TIME_IS_VALID(sighting->time) &&
      (!GST_CLOCK_TIME_IS_VALID(gallery->newest) || sighting->time > gallery->newest))
    gallery->newest = sighting->time;
  wanted = !sighting->result->stale && dc_gallery_group_wants(group, &exemplar, gallery->most);
  g_mutex_unlock(&gallery->lock);
  return wanted;
}

guint64
dc_gallery_admit(DcGallery *gallery, const DcSighting *sighting, gint width, gint height,
                 gchar **path)
{
  DcExemplar exemplar = dc_exemplar(sighting);
  DcGalleryGroup *group;

  exemplar.width = width;
  exemplar.height = height;
  g_mutex_lock(&gallery->lock);
  exemplar.number = ++gallery->admitted;
  group = need_group(gallery, sighting->result);
  *path = dc_gallery_path(group, exemplar.number);
  dc_gallery_group_admit(group, &exemplar, gallery->most, leave_file, gallery);
  g_mutex_unlock(&gallery->lock);
  return exemplar.number;
}

/* A label that comes from elsewhere (`labels-file` of assign) stays until a region brings another
 * one. */
static void
take_label(DcGalleryGroup *group, const gchar *label)
{
  if (g_strcmp0(group->label, group->given) == 0) {
    g_free(group->label);
    group->label = g_strdup(label);
  }
  g_free(group->given);
  group->given = g_strdup(label);
}

void
dc_gallery_follow(DcGallery *gallery, DcSnapshot *snapshot)
{
  g_mutex_lock(&gallery->lock);
  dc_snapshot_unref(gallery->clusters);
  gallery->clusters = snapshot ? dc_snapshot_ref(snapshot) : NULL;
  for (guint i = 0; i < gallery->groups->len; i++) {
    DcGalleryGroup *group = group_at(gallery, i);
    const DcClusterInfo *cluster = find_cluster(snapshot, group);

    if (cluster) {
      group->state = cluster->ignored ? DC_GROUP_IGNORED : DC_GROUP_PRESENT;
      group->pinned = cluster->pinned;
      take_label(group, cluster->label);
    } else if (group->uuid) {
      group->state = DC_GROUP_GONE;
    }
  }
  g_mutex_unlock(&gallery->lock);
}

/* --- Of who writes --- */

/* Where the exemplar is; FALSE when it left. With the lock held. */
static gboolean
find_exemplar(const DcGallery *gallery, guint64 number, DcGalleryGroup **group, guint *place)
{
  for (guint i = 0; i < gallery->groups->len; i++) {
    *group = group_at(gallery, i);
    for (*place = 0; *place < (*group)->exemplars->len; ++*place)
      if (g_array_index((*group)->exemplars, DcExemplar, *place).number == number)
        return TRUE;
  }
  return FALSE;
}

gboolean
dc_gallery_wants(DcGallery *gallery, guint64 number)
{
  DcGalleryGroup *group;
  guint place;
  gboolean found;

  g_mutex_lock(&gallery->lock);
  found = find_exemplar(gallery, number, &group, &place);
  g_mutex_unlock(&gallery->lock);
  return found;
}

gboolean
dc_gallery_settle(DcGallery *gallery, guint64 number, gboolean written)
{
  DcGalleryGroup *group;
  guint place;
  gboolean found;

  g_mutex_lock(&gallery->lock);
  found = find_exemplar(gallery, number, &group, &place);
  if (found && written)
    g_array_index(group->exemplars, DcExemplar, place).written = TRUE;
  else if (found)
    g_array_remove_index(group->exemplars, place);
  g_mutex_unlock(&gallery->lock);
  return found && written;
}

void
dc_gallery_write(DcGallery *gallery, const gchar *title, gboolean ended, GString *text,
                 GPtrArray *left)
{
  g_mutex_lock(&gallery->lock);
  const DcGalleryHead head = {.title = title,
                              .ended = ended,
                              .edits = gallery->edits,
                              .run = gallery->run,
                              .written = g_get_real_time(),
                              .newest = gallery->newest};
  dc_gallery_text(&head, gallery->groups, text);
  g_ptr_array_extend_and_steal(left, g_steal_pointer(&gallery->left));
  gallery->left = g_ptr_array_new_with_free_func(g_free);
  g_mutex_unlock(&gallery->lock);
}
