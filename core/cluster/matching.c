/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/matching.h"

#include "base/checked.h"
#include "base/memory.h"

#include <math.h>
#include <stdbool.h>

/* Shortest augmenting paths (Jonker and Volgenant 1987): agents are given tasks one agent at a
 * time, each along the cheapest chain of reassignments. Potentials u, v keep every reduced cost
 * -gain - u - v at 0 or above, and at 0 for the pairs made. There are at least as many tasks as
 * agents. */

#define NONE SIZE_MAX

typedef struct {
  const double *gain;
  size_t agents, tasks;
  bool agents_are_rows;
  double *agent_potential; /* u */
  double *task_potential;  /* v */
  double *distance;        /* tasks: the cheapest chain found to each */
  size_t *agent_of;        /* tasks: who has it, or NONE */
  size_t *previous;        /* tasks: the task before it in that chain, or NONE */
  bool *reached;           /* tasks: the chain is final */
} Matching;

static double
cost(const Matching *m, size_t agent, size_t task)
{
  return m->agents_are_rows ? -m->gain[agent * m->tasks + task]
                            : -m->gain[task * m->agents + agent];
}

static void
start_search(Matching *m)
{
  for (size_t task = 0; task < m->tasks; task++) {
    m->distance[task] = INFINITY;
    m->previous[task] = NONE;
    m->reached[task] = false;
  }
}

/* Lengthens the chains that end in `agent`, who would give `from` away (NONE: the new agent).
 * Returns the nearest task not reached yet. */
static size_t
extend_chains(Matching *m, size_t agent, size_t from, double length)
{
  size_t nearest = NONE;
  for (size_t task = 0; task < m->tasks; task++) {
    if (m->reached[task])
      continue;
    double reduced = cost(m, agent, task) - m->agent_potential[agent] - m->task_potential[task];
    if (length + reduced < m->distance[task]) {
      m->distance[task] = length + reduced;
      m->previous[task] = from;
    }
    if (nearest == NONE || m->distance[task] < m->distance[nearest])
      nearest = task;
  }
  return nearest;
}

/* Keeps reduced costs at 0 or above, now that a chain of `length` is used. */
static void
update_potentials(Matching *m, size_t new_agent, double length)
{
  m->agent_potential[new_agent] += length;
  for (size_t task = 0; task < m->tasks; task++)
    if (m->reached[task]) {
      m->agent_potential[m->agent_of[task]] += length - m->distance[task];
      m->task_potential[task] -= length - m->distance[task];
    }
}

static void
give_task_to(Matching *m, size_t new_agent)
{
  start_search(m);
  size_t task = extend_chains(m, new_agent, NONE, 0);
  while (m->agent_of[task] != NONE) {
    m->reached[task] = true;
    task = extend_chains(m, m->agent_of[task], task, m->distance[task]);
  }
  update_potentials(m, new_agent, m->distance[task]);
  for (; m->previous[task] != NONE; task = m->previous[task])
    m->agent_of[task] = m->agent_of[m->previous[task]];
  m->agent_of[task] = new_agent;
}

static bool
matching_init(Matching *m, DcArena *arena, const double *gain, size_t rows, size_t cols)
{
  bool by_rows = rows <= cols;
  *m = (Matching){.gain = gain,
                  .agents_are_rows = by_rows,
                  .agents = by_rows ? rows : cols,
                  .tasks = by_rows ? cols : rows};
  m->agent_potential = dc_arena_take(arena, m->agents, sizeof(double));
  m->task_potential = dc_arena_take(arena, m->tasks, sizeof(double));
  m->distance = dc_arena_take(arena, m->tasks, sizeof(double));
  m->agent_of = dc_arena_take(arena, m->tasks, sizeof(size_t));
  m->previous = dc_arena_take(arena, m->tasks, sizeof(size_t));
  m->reached = dc_arena_take(arena, m->tasks, sizeof(bool));
  if (!m->agent_potential || !m->task_potential || !m->distance || !m->agent_of || !m->previous ||
      !m->reached)
    return false;
  for (size_t agent = 0; agent < m->agents; agent++)
    m->agent_potential[agent] = 0;
  for (size_t task = 0; task < m->tasks; task++) {
    m->task_potential[task] = 0;
    m->agent_of[task] = NONE;
  }
  return true;
}

/* Also whether rows x cols numbers can be. */
static DcStatus
check_gain(const double *gain, size_t rows, size_t cols)
{
  size_t count;
  if (!dc_checked_mul(rows, cols, &count))
    return DC_ERROR_ARGUMENT;
  for (size_t i = 0; i < count; i++)
    if (!(fabs(gain[i]) <= DC_GAIN_MAX))
      return DC_ERROR_NOT_FINITE;
  return DC_OK;
}

static void
read_match(const Matching *m, size_t rows, uint32_t *match)
{
  for (size_t row = 0; row < rows; row++)
    match[row] = DC_UNMATCHED;
  for (size_t task = 0; task < m->tasks; task++)
    if (m->agent_of[task] != NONE && m->agents_are_rows)
      match[m->agent_of[task]] = (uint32_t)task;
    else if (m->agent_of[task] != NONE)
      match[task] = (uint32_t)m->agent_of[task];
}

size_t
dc_match_scratch(size_t rows, size_t cols)
{
  const size_t most = rows < cols ? cols : rows;
  const size_t one = (most * sizeof(double) + DC_ALIGNMENT - 1) / DC_ALIGNMENT * DC_ALIGNMENT;
  return 6 * one; /* the arrays of Matching, none wider than a double */
}

DcStatus
dc_match_in(DcArena *arena, const double *gain, size_t rows, size_t cols, uint32_t *match)
{
  DcStatus status = check_gain(gain, rows, cols);
  if (status != DC_OK)
    return status;
  const size_t mark = arena->used;
  Matching m;
  if (matching_init(&m, arena, gain, rows, cols)) {
    for (size_t agent = 0; agent < m.agents; agent++)
      give_task_to(&m, agent);
    read_match(&m, rows, match);
  } else {
    status = DC_ERROR_MEMORY;
  }
  dc_arena_rewind(arena, mark);
  return status;
}

DcStatus
dc_match(const double *gain, size_t rows, size_t cols, uint32_t *match)
{
  DcStatus status = check_gain(gain, rows, cols);
  if (status != DC_OK)
    return status;
  DcArena arena;
  if (!dc_arena_init(&arena, dc_match_scratch(rows, cols)))
    return DC_ERROR_MEMORY;
  status = dc_match_in(&arena, gain, rows, cols, match);
  dc_arena_clear(&arena);
  return status;
}
