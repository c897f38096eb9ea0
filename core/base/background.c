/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/background.h"

static void *
run(void *data)
{
  const DcBackground *background = data;
  background->work(background->data);
  return NULL;
}

bool
dc_background_start(DcBackground *background, void (*work)(void *data), void *data)
{
  background->work = work;
  background->data = data;
  background->running = pthread_create(&background->thread, NULL, run, background) == 0;
  return background->running;
}

void
dc_background_finish(DcBackground *background)
{
  if (background->running)
    pthread_join(background->thread, NULL);
  background->running = false;
}
