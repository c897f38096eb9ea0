/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _DEFAULT_SOURCE /* sigaction() */
#include "interrupt.h"

#include <signal.h>

static volatile sig_atomic_t interruptions;
static gboolean caught;
static struct sigaction before_int, before_term;

static void
interrupt(int signal_number)
{
  (void)signal_number;
  interruptions = 1;
}

void
dc_interrupt_catch(void)
{
  struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART | SA_RESETHAND};
  sigaction(SIGINT, &action, &before_int);
  sigaction(SIGTERM, &action, &before_term);
  caught = TRUE;
}

void
dc_interrupt_release(void)
{
  if (!caught)
    return;
  sigaction(SIGINT, &before_int, NULL);
  sigaction(SIGTERM, &before_term, NULL);
  caught = FALSE;
}

gboolean
dc_interrupted(void)
{
  return interruptions != 0;
}
