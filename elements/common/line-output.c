/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L /* signals of threads, O_CLOEXEC */
#include "common/line-output.h"

#include "common/line-sink.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct DcLineOutput {
  gint descriptor;
  gboolean owned; /* opened here, hence closed here */
  gboolean waits; /* a pipe, socket or terminal, which may keep a writer waiting */
  gboolean torn;  /* the last line was cut short and needs its line feed */
  GstPoll *poll;  /* only where it waits */
  GstPollFD poll_entry;
};

static void
dc_line_output_set_error(GError **error, gint code, const gchar *what)
{
  g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: %s", what,
              g_strerror(code));
}

/* Non-blocking, because opening a FIFO that nobody reads would wait without end. */
static gint
dc_line_output_open_path(const gchar *path, gboolean append, GError **error)
{
  gint flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  gint descriptor = g_open(path, flags | (append ? 0 : O_TRUNC), 0666);

  if (descriptor < 0 && errno == ENXIO)
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NXIO, "nobody reads it; start its reader first");
  else if (descriptor < 0)
    dc_line_output_set_error(error, errno, "cannot open it for writing");
  return descriptor;
}

static gint
dc_line_output_adopt(const gchar *number, GError **error)
{
  guint64 descriptor = 0;
  gint flags;

  if (!g_ascii_string_to_unsigned(number, 10, 0, G_MAXINT, &descriptor, NULL)) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "'%s' is no descriptor; write fd:// and a number, for example fd://3", number);
    return -1;
  }
  flags = fcntl((gint)descriptor, F_GETFL);
  if (flags < 0) {
    dc_line_output_set_error(error, errno, "the process has no such descriptor");
    return -1;
  }
  if ((flags & O_ACCMODE) == O_RDONLY) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_BADF, "the descriptor is open for reading only");
    return -1;
  }
  return (gint)descriptor;
}

/* Whether the file at `path` ends in the middle of a line, as a crash may have left it. */
static gboolean
dc_line_output_ends_torn(const gchar *path, off_t size)
{
  gint descriptor = size > 0 ? g_open(path, O_RDONLY | O_CLOEXEC, 0) : -1;
  gchar last = '\n';
  gboolean read_it = descriptor >= 0 && pread(descriptor, &last, 1, size - 1) == 1;

  if (descriptor >= 0)
    close(descriptor);
  return read_it && last != '\n';
}

static gboolean
dc_line_output_make_poll(DcLineOutput *output, GError **error)
{
  output->poll = gst_poll_new(TRUE);
  if (!output->poll) {
    g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_MFILE, DC_NO_DESCRIPTORS);
    return FALSE;
  }
  gst_poll_fd_init(&output->poll_entry);
  output->poll_entry.fd = output->descriptor;
  gst_poll_add_fd(output->poll, &output->poll_entry);
  gst_poll_fd_ctl_write(output->poll, &output->poll_entry, TRUE);
  return TRUE;
}

DcLineOutput *
dc_line_output_open(const gchar *location, gboolean append, GError **error)
{
  g_autoptr(DcLineOutput) output = g_new0(DcLineOutput, 1);
  struct stat status;

  if (g_str_equal(location, "-"))
    output->descriptor = dc_line_output_adopt("1", error);
  else if (g_str_has_prefix(location, "fd://"))
    output->descriptor = dc_line_output_adopt(location + strlen("fd://"), error);
  else
    output->descriptor = dc_line_output_open_path(location, append, error);
  if (output->descriptor < 0)
    return NULL;
  output->owned = !g_str_equal(location, "-") && !g_str_has_prefix(location, "fd://");

  if (fstat(output->descriptor, &status) < 0) {
    dc_line_output_set_error(error, errno, "cannot be examined");
    return NULL;
  }
  output->waits = !S_ISREG(status.st_mode);
  output->torn =
      output->owned && !output->waits && dc_line_output_ends_torn(location, status.st_size);
  if (output->waits && !dc_line_output_make_poll(output, error))
    return NULL;
  return g_steal_pointer(&output);
}

/* write(), but a reader that has gone is EPIPE only: the signal that comes with it, which ends a
 * process by default, is held back from this thread and then taken away. */
static gssize
dc_line_output_write_quietly(gint descriptor, const gchar *bytes, gsize length)
{
  static const struct timespec at_once = {0, 0};
  sigset_t pipe_signal, others, pending;
  gssize written;
  gint code;

  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &others);
  written = write(descriptor, bytes, length);
  code = errno;
  if (written < 0 && code == EPIPE && !sigismember(&pending, SIGPIPE))
    while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR)
      ;
  pthread_sigmask(SIG_SETMASK, &others, NULL);
  errno = code;
  return written;
}

/* Writes what the descriptor takes now, after it has become ready. A pipe that is ready has room
 * for PIPE_BUF bytes: with no more than that even a descriptor in blocking mode does not block. */
static gssize
dc_line_output_write_some(DcLineOutput *output, const gchar *bytes, gsize length)
{
  if (!output->waits)
    return write(output->descriptor, bytes, length);
  if (gst_poll_wait(output->poll, GST_CLOCK_TIME_NONE) < 0) {
    if (errno == EBUSY) /* interrupted by dc_line_output_interrupt() */
      errno = ECANCELED;
    return -1;
  }
  return dc_line_output_write_quietly(output->descriptor, bytes, MIN(length, PIPE_BUF));
}

/* Returns how many of the bytes were written: all of them, or fewer with errno set. */
static gsize
dc_line_output_write_all(DcLineOutput *output, const gchar *bytes, gsize length)
{
  gsize done = 0;

  while (done < length) {
    gssize written = dc_line_output_write_some(output, bytes + done, length - done);

    if (written >= 0)
      done += (gsize)written;
    else if (errno != EINTR && errno != EAGAIN)
      break;
  }
  return done;
}

/* Takes the beginning of a line that was cut back out of a file of ours; elsewhere it stays. */
static gboolean
dc_line_output_take_back(DcLineOutput *output, gsize length)
{
  gint code = errno;
  struct stat status;
  gboolean done = output->owned && !output->waits && fstat(output->descriptor, &status) == 0 &&
                  ftruncate(output->descriptor, status.st_size - (off_t)length) == 0;

  errno = code;
  return done;
}

gboolean
dc_line_output_write(DcLineOutput *output, const gchar *line, gsize length, GError **error)
{
  gsize done = 0;

  if (output->torn)
    output->torn = dc_line_output_write_all(output, "\n", 1) < 1;
  if (!output->torn) {
    done = dc_line_output_write_all(output, line, length);
    output->torn = done > 0 && done < length && !dc_line_output_take_back(output, done);
  }
  if (done == length)
    return TRUE;
  if (errno == ECANCELED)
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INTR, "the wait for its reader was interrupted");
  else
    dc_line_output_set_error(error, errno, "cannot write to it");
  return FALSE;
}

void
dc_line_output_interrupt(DcLineOutput *output, gboolean interrupt)
{
  if (output->poll)
    gst_poll_set_flushing(output->poll, interrupt);
}

void
dc_line_output_close(DcLineOutput *output)
{
  if (!output)
    return;
  g_clear_pointer(&output->poll, gst_poll_free);
  if (output->owned && output->descriptor >= 0)
    close(output->descriptor);
  g_free(output);
}
