/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_EMBEDDING_WORKER_H
#define DC_ELEMENTS_EMBEDDING_WORKER_H

#include "common/buffer-times.h"
#include "meta/embedding-meta.h"

G_BEGIN_DECLS

/* A thread that is fed embeddings through a bounded queue, so that who feeds it never waits. */
typedef struct DcEmbeddingWorker DcEmbeddingWorker;

/* Called on the worker's thread for each block, in the order they came, with no lock held. */
typedef void (*DcEmbeddingHandler)(DriftclusterEmbeddingBlock *block, const DcBufferTimes *times,
                                   gpointer user_data);

/* Starts the thread; at most `capacity` blocks wait. */
DcEmbeddingWorker *dc_embedding_worker_new(guint capacity, DcEmbeddingHandler handler,
                                           gpointer user_data);

/* Forgets what waits, lets the block in work finish, and ends the thread. */
void dc_embedding_worker_free(DcEmbeddingWorker *worker);

/* Hands over a reference of `block`; FALSE, and nothing taken, when the queue is full. */
gboolean dc_embedding_worker_push(DcEmbeddingWorker *worker, DriftclusterEmbeddingBlock *block,
                                  const DcBufferTimes *times);

/* Returns when everything pushed so far has been handled or flushed. */
void dc_embedding_worker_drain(DcEmbeddingWorker *worker);

/* Forgets what waits; the block in work is finished by the thread meanwhile. */
void dc_embedding_worker_flush(DcEmbeddingWorker *worker);

G_END_DECLS

#endif
