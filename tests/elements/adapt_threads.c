/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The threads behind adapt-centroids: the worker that learns and the one that saves. */

#include "common/embedding-worker.h"
#include "common/state-saver.h"

#include "blobs.h"
#include "folder.h"

#include <gst/check/gstcheck.h>
#include <sys/stat.h>

/* --- The worker --- */

/* A handler that waits at a gate, and notes the times of what it handled. */
typedef struct {
  GMutex gate;
  GMutex mutex;
  GCond changed;
  guint begun;
  guint handled;
  GstClockTime times[32];
} Gate;

static void
pass_gate(DriftclusterEmbeddingBlock *block, const DcBufferTimes *times, gpointer user_data)
{
  Gate *gate = user_data;
  (void)block;
  g_mutex_lock(&gate->mutex);
  gate->begun++;
  g_cond_broadcast(&gate->changed);
  g_mutex_unlock(&gate->mutex);
  g_mutex_lock(&gate->gate);
  g_mutex_unlock(&gate->gate);
  g_mutex_lock(&gate->mutex);
  gate->times[gate->handled++] = times->timestamp;
  g_mutex_unlock(&gate->mutex);
}

static void
wait_until_begun(Gate *gate, guint count)
{
  g_mutex_lock(&gate->mutex);
  while (gate->begun < count)
    g_cond_wait(&gate->changed, &gate->mutex);
  g_mutex_unlock(&gate->mutex);
}

static DriftclusterEmbeddingBlock *
new_block(void)
{
  return driftcluster_embedding_block_new(1, 4, BLOBS_ENCODER);
}

static gboolean
push_at(DcEmbeddingWorker *worker, DriftclusterEmbeddingBlock *block, GstClockTime time)
{
  DcBufferTimes times = dc_buffer_times_none();
  times.timestamp = time;
  return dc_embedding_worker_push(worker, block, &times);
}

GST_START_TEST(worker_handles_all_in_order)
{
  Gate gate = {0};
  DriftclusterEmbeddingBlock *block = new_block();
  DcEmbeddingWorker *worker = dc_embedding_worker_new(8, pass_gate, &gate);
  for (guint i = 0; i < 20; i++)
    while (!push_at(worker, block, i))
      g_thread_yield();
  dc_embedding_worker_drain(worker);
  assert_equals_int(gate.handled, 20);
  for (guint i = 0; i < 20; i++)
    assert_equals_uint64(gate.times[i], i);
  dc_embedding_worker_free(worker);
  assert_equals_int(block->ref_count, 1);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

GST_START_TEST(full_queue_refuses_and_never_waits)
{
  Gate gate = {0};
  DriftclusterEmbeddingBlock *block = new_block();
  DcEmbeddingWorker *worker = dc_embedding_worker_new(3, pass_gate, &gate);
  g_mutex_lock(&gate.gate);
  fail_unless(push_at(worker, block, 0));
  wait_until_begun(&gate, 1);
  for (guint i = 1; i <= 3; i++)
    fail_unless(push_at(worker, block, i));
  fail_if(push_at(worker, block, 4));
  assert_equals_int(block->ref_count, 5); /* ours, the one in work and three that wait */
  g_mutex_unlock(&gate.gate);
  dc_embedding_worker_drain(worker);
  assert_equals_int(gate.handled, 4);
  dc_embedding_worker_free(worker);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

GST_START_TEST(flush_forgets_what_waits)
{
  Gate gate = {0};
  DriftclusterEmbeddingBlock *block = new_block();
  DcEmbeddingWorker *worker = dc_embedding_worker_new(8, pass_gate, &gate);
  g_mutex_lock(&gate.gate);
  for (guint i = 0; i < 5; i++)
    fail_unless(push_at(worker, block, i));
  wait_until_begun(&gate, 1);
  dc_embedding_worker_flush(worker);
  assert_equals_int(block->ref_count, 2);
  fail_unless(push_at(worker, block, 9));
  g_mutex_unlock(&gate.gate);
  dc_embedding_worker_drain(worker);
  assert_equals_int(gate.handled, 2);
  assert_equals_uint64(gate.times[0], 0); /* was in work */
  assert_equals_uint64(gate.times[1], 9); /* came after the flush */
  dc_embedding_worker_free(worker);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

GST_START_TEST(worker_can_be_freed_with_work_left)
{
  Gate gate = {0};
  DriftclusterEmbeddingBlock *block = new_block();
  DcEmbeddingWorker *worker = dc_embedding_worker_new(8, pass_gate, &gate);
  for (guint i = 0; i < 8; i++)
    push_at(worker, block, i);
  dc_embedding_worker_free(worker);
  assert_equals_int(block->ref_count, 1);
  driftcluster_embedding_block_unref(block);
  dc_embedding_worker_free(NULL);
}
GST_END_TEST

/* --- The saver --- */

/* A state that tells itself by the number of embeddings, which it is given as `count`. */
static DcState *
state_of(guint count)
{
  Blobs blobs = blobs_of(2, 8);
  DcAdapterConfig config = dc_adapter_config();
  DcAdapter *adapter;
  fail_unless(dc_adapter_new(&config, 8, BLOBS_ENCODER, &adapter, NULL) == DC_OK);
  for (guint i = 0; i < count; i++) {
    gfloat embedding[8];
    DcPushResult pushed;
    blobs_draw(&blobs, i % 2, embedding);
    DcMatrix matrix = dc_matrix(embedding, 1, 8);
    dc_adapter_push(adapter, &matrix, UINT64_MAX, &pushed);
  }
  DcState *state = dc_state_capture(adapter);
  dc_adapter_free(adapter);
  return state;
}

/* How many embeddings the state in `path` holds. */
static guint
count_in(const gchar *path)
{
  DcAdapterConfig config = dc_adapter_config();
  DcAdapter *adapter;
  DcState *state;
  DcError error;
  fail_unless(dc_adapter_new(&config, 8, BLOBS_ENCODER, &adapter, NULL) == DC_OK);
  fail_unless(dc_state_read(path, &state, &error) == DC_OK, "%s", error.message);
  fail_unless(dc_state_restore(state, adapter, &error) == DC_OK, "%s", error.message);
  guint count = (guint)dc_adapter_stats(adapter).accepted;
  dc_state_free(state);
  dc_adapter_free(adapter);
  return count;
}

typedef struct {
  gint written, failed; /* atomic */
  guint64 change;       /* of the last one; read once the saver is drained */
} Outcomes;

static void
count_outcome(const DcSaveOutcome *outcome, gpointer user_data)
{
  Outcomes *outcomes = user_data;
  outcomes->change = outcome->change;
  g_atomic_int_inc(outcome->error.status == DC_OK ? &outcomes->written : &outcomes->failed);
}

GST_START_TEST(saver_writes)
{
  Outcomes outcomes = {0};
  g_autofree gchar *path = g_build_filename(folder, "state", NULL);
  DcStateSaver *saver = dc_state_saver_new(count_outcome, &outcomes);
  dc_state_saver_save(saver, state_of(5), 5, path);
  dc_state_saver_drain(saver);
  assert_equals_int(count_in(path), 5);
  DcError error;
  fail_unless(dc_state_saver_save_and_wait(saver, state_of(7), 7, path, &error) == DC_OK);
  assert_equals_int(count_in(path), 7);
  assert_equals_int(outcomes.written, 2);
  dc_state_saver_free(saver);
  dc_state_saver_free(NULL);
}
GST_END_TEST

/* Reads a pipe to its end. */
static gpointer
empty_pipe(gpointer path)
{
  gchar *bytes = NULL;
  fail_unless(g_file_get_contents(path, &bytes, NULL, NULL));
  g_free(bytes);
  return NULL;
}

GST_START_TEST(newest_state_takes_the_place_of_one_that_waits)
{
  Outcomes outcomes = {0};
  g_autofree gchar *pipe = g_build_filename(folder, "pipe", NULL);
  g_autofree gchar *path = g_build_filename(folder, "state", NULL);
  fail_unless(mkfifo(pipe, 0600) == 0);
  DcStateSaver *saver = dc_state_saver_new(count_outcome, &outcomes);
  dc_state_saver_save(saver, state_of(1), 1, pipe); /* keeps the thread until somebody reads */
  for (guint count = 2; count <= 6; count++)
    dc_state_saver_save(saver, state_of(count), count, path);
  GThread *reader = g_thread_new("reader", empty_pipe, pipe);
  dc_state_saver_drain(saver);
  g_thread_join(reader);
  assert_equals_int(count_in(path), 6);
  assert_equals_uint64(outcomes.change, 6);
  assert_equals_int(outcomes.written, 2);
  dc_state_saver_free(saver);
}
GST_END_TEST

GST_START_TEST(failed_save_is_told_and_returned)
{
  Outcomes outcomes = {0};
  g_autofree gchar *path = g_build_filename(folder, "missing", "state", NULL);
  DcStateSaver *saver = dc_state_saver_new(count_outcome, &outcomes);
  DcError error;
  fail_unless(dc_state_saver_save_and_wait(saver, state_of(1), 1, path, &error) == DC_ERROR_IO);
  fail_unless(strstr(error.message, path) != NULL, "%s", error.message);
  fail_unless(dc_state_saver_save_and_wait(saver, state_of(1), 1, "/dev/full", &error) ==
              DC_ERROR_IO);
  fail_unless(strstr(error.message, "/dev/full") != NULL, "%s", error.message);
  assert_equals_int(outcomes.failed, 2);
  assert_equals_int(outcomes.written, 0);
  dc_state_saver_free(saver);
}
GST_END_TEST

GST_START_TEST(saver_that_is_freed_writes_first)
{
  Outcomes outcomes = {0};
  g_autofree gchar *path = g_build_filename(folder, "state", NULL);
  DcStateSaver *saver = dc_state_saver_new(count_outcome, &outcomes);
  dc_state_saver_save(saver, state_of(3), 3, path);
  dc_state_saver_free(saver);
  assert_equals_int(outcomes.written, 1);
  assert_equals_int(count_in(path), 3);
}
GST_END_TEST

static Suite *
adapt_threads_suite(void)
{
  Suite *suite = suite_create("adapt_threads");
  TCase *worker = tcase_create("embedding-worker");
  tcase_add_test(worker, worker_handles_all_in_order);
  tcase_add_test(worker, full_queue_refuses_and_never_waits);
  tcase_add_test(worker, flush_forgets_what_waits);
  tcase_add_test(worker, worker_can_be_freed_with_work_left);
  suite_add_tcase(suite, worker);
  TCase *saver = tcase_create("state-saver");
  tcase_add_checked_fixture(saver, folder_enter, folder_leave);
  tcase_add_test(saver, saver_writes);
  tcase_add_test(saver, newest_state_takes_the_place_of_one_that_waits);
  tcase_add_test(saver, failed_save_is_told_and_returned);
  tcase_add_test(saver, saver_that_is_freed_writes_first);
  suite_add_tcase(suite, saver);
  return suite;
}

GST_CHECK_MAIN(adapt_threads)
