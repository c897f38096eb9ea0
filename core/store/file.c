/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L

#include "store/file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_LINKS 40 /* as many as Linux follows */

/* What `name` means in the folder that `path` is in. */
static char *
beside(const char *path, const char *name)
{
  const char *slash = name[0] == '/' ? NULL : strrchr(path, '/');
  const int folder = slash ? (int)(slash + 1 - path) : 0;
  const size_t size = (size_t)folder + strlen(name) + 1;
  char *joint = malloc(size);
  if (joint)
    snprintf(joint, size, "%.*s%s", folder, path, name);
  return joint;
}

char *
dc_file_behind_links(const char *path)
{
  char *at = strdup(path);
  for (int links = 0; at && links < MOST_LINKS; links++) {
    char name[PATH_MAX];
    const ssize_t length = readlink(at, name, sizeof name - 1);
    if (length < 0) /* no link, or nothing at all */
      return at;
    name[length] = 0;
    char *next = beside(at, name);
    free(at);
    at = next;
  }
  const int reason = at ? ELOOP : ENOMEM;
  free(at);
  errno = reason;
  return NULL;
}

/* A new file beside `path`, with the permissions that the user's mask asks for (mkstemp() would
 * make a private one). Its name goes to *temporary; -1, with errno and no name, on failure. */
static int
open_temporary(const char *path, char **temporary)
{
  static atomic_uint counter;
  size_t capacity = strlen(path) + 48;
  char *name = malloc(capacity);
  if (!name)
    return -1;
  int descriptor;
  do {
    snprintf(name, capacity, "%s.%ld-%u.tmp", path, (long)getpid(), atomic_fetch_add(&counter, 1));
    descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor < 0 && errno == EEXIST);
  if (descriptor < 0) {
    int reason = errno;
    free(name);
    errno = reason;
    return -1;
  }
  *temporary = name;
  return descriptor;
}

DcStatus
dc_file_create(DcFileWriter *writer, const char *path, DcError *error)
{
  struct stat info;
  int exists = stat(path, &info) == 0;
  /* A device or pipe is written to itself: renaming a file over it would replace it. */
  int direct = exists && !S_ISREG(info.st_mode);
  *writer = (DcFileWriter){.path = direct ? strdup(path) : dc_file_behind_links(path)};
  int descriptor = -1;
  if (direct)
    descriptor = open(path, O_WRONLY | O_CLOEXEC);
  else if (writer->path)
    descriptor = open_temporary(writer->path, &writer->temporary);
  if (exists && !direct && descriptor >= 0)
    (void)fchmod(descriptor, info.st_mode & 0777); /* a file system may know no permissions */
  if (descriptor >= 0)
    writer->stream = fdopen(descriptor, "wb");
  if (writer->path && writer->stream)
    return DC_OK;
  DcStatus status =
      dc_error_set(error, DC_ERROR_IO, "%s: cannot write there: %s", path, strerror(errno));
  if (descriptor >= 0 && !writer->stream)
    close(descriptor);
  dc_file_discard(writer);
  return status;
}

static DcStatus
write_failure(const DcFileWriter *writer, int reason, DcError *error)
{
  return dc_error_set(error, DC_ERROR_IO, "%s: writing failed: %s; an earlier file is unchanged",
                      writer->path, strerror(reason));
}

DcStatus
dc_file_append(DcFileWriter *writer, const void *bytes, size_t size, DcError *error)
{
  if (size == 0 || fwrite(bytes, 1, size, writer->stream) == size)
    return DC_OK;
  DcStatus status = write_failure(writer, errno, error);
  dc_file_discard(writer);
  return status;
}

DcStatus
dc_file_commit(DcFileWriter *writer, DcError *error)
{
  int failed = ferror(writer->stream);
  int reason = failed ? EIO : 0;
  if (fclose(writer->stream) != 0) {
    failed = 1;
    reason = errno;
  }
  writer->stream = NULL;
  if (!failed && writer->temporary && rename(writer->temporary, writer->path) != 0) {
    failed = 1;
    reason = errno;
  }
  DcStatus status = DC_OK;
  if (failed)
    status = write_failure(writer, reason, error);
  else if (writer->temporary)
    writer->temporary[0] = 0; /* it has become the file, there is nothing to remove */
  dc_file_discard(writer);
  return status;
}

static char *
joined(const char *path, const char *suffix)
{
  size_t size = strlen(path) + strlen(suffix) + 1;
  char *name = malloc(size);
  if (name)
    snprintf(name, size, "%s%s", path, suffix);
  return name;
}

static DcStatus
copy_file(const char *from, const char *to, DcError *error)
{
  unsigned char *bytes;
  size_t size;
  DcFileWriter writer = {0};
  DcStatus status = dc_file_read_whole(from, SIZE_MAX, &bytes, &size, error);
  if (!status)
    status = dc_file_create(&writer, to, error);
  if (!status)
    status = dc_file_append(&writer, bytes, size, error);
  if (!status)
    status = dc_file_commit(&writer, error);
  dc_free(bytes);
  return status;
}

/* Gives the old file its second name before the first one is taken from it. */
static DcStatus
keep_old(const DcFileWriter *writer, DcError *error)
{
  char *previous = joined(writer->path, ".previous");
  char *link_name = joined(writer->temporary, ".old"); /* as unique as the temporary one */
  DcStatus status = DC_OK;
  if (!previous || !link_name)
    status = dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory to write it", writer->path);
  else if (link(writer->path, link_name) == 0) {
    if (rename(link_name, previous) != 0)
      status = write_failure(writer, errno, error);
    unlink(link_name); /* still there if the rename failed, or if both were the same file */
  } else if (errno != ENOENT) {
    status = copy_file(writer->path, previous, error); /* a file system without links */
  }
  free(previous);
  free(link_name);
  return status;
}

/* Makes the names in the folder of `path` durable. */
static int
sync_folder(const char *path)
{
  const char *slash = strrchr(path, '/');
  char *folder = slash ? strdup(path) : strdup(".");
  if (!folder)
    return ENOMEM;
  if (slash)
    folder[slash == path ? 1 : slash - path] = 0;
  int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(folder);
  if (descriptor < 0)
    return errno == EACCES ? 0 : errno; /* a folder may be writable but not readable */
  int reason = fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno;
  close(descriptor);
  return reason;
}

DcStatus
dc_file_commit_durably(DcFileWriter *writer, bool keep_previous, DcError *error)
{
  if (!writer->temporary)
    return dc_file_commit(writer, error);
  DcStatus status = DC_OK;
  if (ferror(writer->stream))
    status = write_failure(writer, EIO, error);
  else if (fflush(writer->stream) != 0 || fsync(fileno(writer->stream)) != 0)
    status = write_failure(writer, errno, error);
  else if (keep_previous)
    status = keep_old(writer, error);
  char *path = strdup(writer->path);
  if (status || !path) {
    dc_file_discard(writer);
    free(path);
    return status ? status : dc_error_set(error, DC_ERROR_MEMORY, "no memory to write a file");
  }
  status = dc_file_commit(writer, error);
  int reason = status ? 0 : sync_folder(path);
  if (reason)
    status = dc_error_set(error, DC_ERROR_IO, "%s: written, but the disk does not confirm it: %s",
                          path, strerror(reason));
  free(path);
  return status;
}

DcStatus
dc_file_set_aside(const char *path, DcError *error)
{
  char *file = dc_file_behind_links(path);
  char *previous = file ? joined(file, ".previous") : NULL;
  DcStatus status = DC_OK;
  if (!previous)
    status = dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory to set it aside", path);
  else if (rename(file, previous) != 0 && errno != ENOENT)
    status = dc_error_set(error, DC_ERROR_IO, "%s: cannot be renamed to '%s': %s", path, previous,
                          strerror(errno));
  free(previous);
  free(file);
  return status;
}

void
dc_file_discard(DcFileWriter *writer)
{
  if (writer->stream)
    fclose(writer->stream);
  if (writer->temporary && writer->temporary[0])
    unlink(writer->temporary);
  free(writer->temporary);
  free(writer->path);
  *writer = (DcFileWriter){0};
}
