/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC */

#include "spill.h"

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIRST_CAPACITY ((gsize)64 << 10)
#define MIB            1048576.0

void
dc_spill_init(DcSpill *spill, gsize most_memory)
{
  *spill = (DcSpill){.most_memory = most_memory, .descriptor = -1};
}

void
dc_spill_clear(DcSpill *spill)
{
  if (spill->mapped)
    munmap(spill->mapped, spill->size);
  if (spill->folder && spill->descriptor >= 0)
    close(spill->descriptor);
  g_free(spill->memory);
  g_free(spill->folder);
  dc_spill_init(spill, 0);
}

static gboolean
refuse_disk(const DcSpill *spill, int reason, GError **error)
{
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO,
              "%s: the data do not fit into memory, and no more than %.1f MiB of them into a "
              "temporary file there: %s; make room, name another folder with the environment "
              "variable TMPDIR, or allow more memory",
              spill->folder, (double)(spill->size - spill->used) / MIB, g_strerror(reason));
  return FALSE;
}

static gboolean
create_file(DcSpill *spill, GError **error)
{
  const char *named = g_getenv("TMPDIR");
  spill->folder = g_strdup(named && *named ? named : "/var/tmp");
  g_autofree char *path = g_build_filename(spill->folder, "driftcluster-XXXXXX", NULL);
  spill->descriptor = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
  if (spill->descriptor < 0)
    return refuse_disk(spill, errno, error);
  g_unlink(path);
  return TRUE;
}

/* Writes what is in memory to the file. */
static gboolean
flush(DcSpill *spill, GError **error)
{
  if (spill->descriptor < 0 && !create_file(spill, error))
    return FALSE;
  gsize written = 0;
  while (written < spill->used) {
    gssize step = write(spill->descriptor, spill->memory + written, spill->used - written);
    if (step < 0 && errno == EINTR)
      continue;
    if (step < 0) {
      int reason = errno;
      spill->used -= written;
      return refuse_disk(spill, reason, error);
    }
    written += (gsize)step;
  }
  spill->used = 0;
  return TRUE;
}

/* Makes the block in memory larger. FALSE when it may not be, or cannot. */
static gboolean
grow(DcSpill *spill)
{
  gsize most = MAX(spill->most_memory, 1);
  if (spill->descriptor >= 0 || spill->capacity >= most)
    return FALSE;
  gsize capacity = spill->capacity > most / 2 ? most : MAX(2 * spill->capacity, FIRST_CAPACITY);
  capacity = MIN(capacity, most);
  gpointer larger = g_try_realloc(spill->memory, capacity);
  if (!larger)
    return FALSE;
  spill->memory = larger;
  spill->capacity = capacity;
  return TRUE;
}

static gboolean
make_room(DcSpill *spill, GError **error)
{
  if (spill->used < spill->capacity || grow(spill))
    return TRUE;
  if (spill->capacity > 0)
    return flush(spill, error);
  g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY, "not enough memory");
  return FALSE;
}

gboolean
dc_spill_append(DcSpill *spill, gconstpointer bytes, gsize size, GError **error)
{
  const guint8 *next = bytes;
  while (size > 0) {
    if (!make_room(spill, error))
      return FALSE;
    gsize step = MIN(size, spill->capacity - spill->used);
    memcpy(spill->memory + spill->used, next, step);
    spill->used += step;
    spill->size += step;
    next += step;
    size -= step;
  }
  return TRUE;
}

gboolean
dc_spill_finish(DcSpill *spill, gpointer *data, GError **error)
{
  *data = spill->memory;
  if (spill->descriptor < 0)
    return TRUE;
  if (!flush(spill, error))
    return FALSE;
  gpointer mapped =
      mmap(NULL, spill->size, PROT_READ | PROT_WRITE, MAP_SHARED, spill->descriptor, 0);
  if (mapped == MAP_FAILED)
    return refuse_disk(spill, errno, error);
  g_clear_pointer(&spill->memory, g_free);
  *data = spill->mapped = mapped;
  return TRUE;
}
