/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_TRACK_VOTES_H
#define DC_ELEMENTS_TRACK_VOTES_H

#include <glib.h>

G_BEGIN_DECLS

/* The last assignments of each region that is followed over frames, by its track. Of more regions
 * than the capacity the one seen longest ago is forgotten. Not thread-safe. */
typedef struct DcTrackVotes DcTrackVotes;

#define DC_TRACK_VOTES_MAX 64 /* assignments remembered of one region */

/* One assignment. */
typedef struct {
  guint cluster;
  gfloat confidence;
  gfloat distance;
  guint novel;   /* DcNovelty */
  guint second;  /* second-best cluster, or `cluster` when there is none */
  gfloat margin; /* confidence minus that of `second` */
} DcVote;

/* Remembers at most `capacity` regions, 0: none. */
DcTrackVotes *dc_track_votes_new(guint capacity);
void dc_track_votes_free(DcTrackVotes *votes); /* NULL is ignored */

/* How the assignments of a region vote. */
typedef struct {
  guint window; /* the last assignments that vote, cut at DC_TRACK_VOTES_MAX; 0 and 1: no voting */
  guint lead;   /* votes by which another cluster must lead the one that the region has, as far as
                   the window allows; 0: a tie suffices */
} DcVoteRules;

/* Notes an assignment of the region `key` (see dc_region_track()), and returns what the last ones
 * of it say: the cluster most often chosen (of equals the one chosen last), or the one before as
 * long as that is not led clearly and has votes left. Its confidence is the sum of what its votes
 * had over their number in the window; distance and novelty stay those of `vote`; where another
 * cluster than that of `vote` is elected, this one is second to it, without a margin. */
DcVote dc_track_votes_cast(DcTrackVotes *votes, guint64 key, const DcVote *vote,
                           const DcVoteRules *rules);

/* What dc_track_votes_cast() last returned for `key`; FALSE when it is not remembered. */
gboolean dc_track_votes_last(DcTrackVotes *votes, guint64 key, DcVote *vote);

/* The clusters got new indices: `map` (`clusters` of them) tells the new one of each, G_MAXUINT
 * when it is gone. Votes for a cluster that is gone are forgotten. */
void dc_track_votes_renumber(DcTrackVotes *votes, const guint *map, guint clusters);

/* Forgets all regions. */
void dc_track_votes_clear(DcTrackVotes *votes);

guint dc_track_votes_count(const DcTrackVotes *votes);

G_END_DECLS

#endif
