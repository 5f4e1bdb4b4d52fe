/* refresh.pml - one refresh token, two nodes and a strict provider: claim, record, send, rotate, lose,
 * seal, commit, crash, stall. docs/mechanisms/refresh.md is the protocol; refresh.test.mjs runs this
 * exhaustively and then without one rule after the other, when spin must find the fault.
 *
 *   WITNESS          a refresh kills the old access token, so it can be asked; else there is none
 *   NO_FENCE         writes do not look at the fence
 *   NO_RECORD        the attempt is not written before it leaves
 *   LONG_CALL        a call may outlast its lease
 *   RELEASE_BY_KEY   whoever ends, gives the lease back, whoever holds it
 *   REFRESH_ANYWAY   who cannot claim sends all the same
 *   WIPE_SEALED      a failure, a hold or a new attempt is written over a reply that was sealed since the claim
 *   FORGET_RISK      a risky try that may have arrived does not count, like one that never left
 *
 * Refresh tokens are numbers; the provider takes `current` and rotates to the next. A stalled node is
 * one that is not scheduled: its lease may lapse at any time but during its call. */

#define NODES 2
#define TOKENS 3 /* the provider rotates from 1 to here */
#ifndef CLAIMS
#define CLAIMS 5
#endif
#define CRASHES 2
#define LOSSES 2
#define REFUSED 255

mtype = { settled, sent, kept, lost };

/* --- the store --- */
byte refresh = 1;
byte kept_reply;    /* the new refresh token in the sealed reply */
mtype stage = settled;
bool risked;        /* the one risky try was made */
byte fence;
byte attempt_fence; /* of the claim whose attempt is recorded */
byte lease;         /* node + 1; 0: free */
bool told;          /* the owner was asked to connect again */

/* --- the provider, and the wire to it --- */
byte current = 1;
bool revoked;
chan wire = [3] of { byte, byte, byte, bool }; /* node, its call, refresh token, risky */
byte reply[NODES];
byte call[NODES];
bool calling[NODES]; /* waits for its reply */
bool on_wire[NODES]; /* the request of that call has not been processed yet */
byte orphans;        /* requests on the wire whose call has ended */

byte risky_seen;     /* risky tries of one refresh token that have arrived */

bool last_moment; /* the old access token is about to end */
byte crashes, losses;

#ifdef NO_FENCE
#define FENCED(f) (true)
#define MINE(f) (true)
#else
#define FENCED(f) (fence == f)
#define MINE(f) (attempt_fence == f)
#endif

/* The reply to the attempt before this claim may be sealed after it, by whoever sent that one and was late. */
#ifdef WIPE_SEALED
#define UNANSWERED (true)
#else
#define UNANSWERED (attempt_fence == mine || stage == found)
#endif

/* Nothing else than a commit takes the place of a sealed reply that is worth something. */
#define KEEPS_THE_REPLY assert(revoked || stage != kept || kept_reply != current)

/* Giving back what one may not hold any more. */
#ifdef RELEASE_BY_KEY
#define NOT_MINE lease = 0
#else
#define NOT_MINE skip
#endif

inline end_call(me)
{
	if
	:: calling[me] && on_wire[me] -> orphans++
	:: else
	fi;
	calling[me] = false;
	on_wire[me] = false;
	reply[me] = 0
}

#define OR_CRASH                                           \
	:: atomic { crashes < CRASHES -> crashes++; end_call(me); } goto idle

active proctype provider()
{
	byte node, number, token, answer;
	bool risky, waits;

end:	do
	:: atomic {
		wire?node, number, token, risky;
		if
		:: risky -> risky_seen++; assert(risky_seen <= 1)
		:: else
		fi;
		if
		:: revoked -> answer = REFUSED
		:: !revoked && token == current -> current++; answer = current
		:: !revoked && token != current ->
			/* A spent refresh token is shown to a strict provider. */
			assert(risky);
			revoked = true;
			answer = REFUSED
		fi;
		waits = calling[node] && call[node] == number;
		if
		:: waits -> on_wire[node] = false; reply[node] = answer
		:: waits && losses < LOSSES -> on_wire[node] = false; losses++
		:: !waits -> orphans--
		fi }
	od
}

/* The lease lapses by the clock; the call's time limit is shorter, so never during the call. */
active proctype clock()
{
end:	do
#ifdef LONG_CALL
	:: atomic { lease != 0 -> lease = 0 }
#else
	:: atomic { lease != 0 && !calling[lease - 1] -> lease = 0 }
#endif
	:: atomic { !last_moment -> last_moment = true }
	od
}

/* No state in which the provider's current refresh token is neither stored nor found by what is
 * recorded about the attempt, and nobody was told. */
active proctype nothing_is_lost()
{
end:	do
	:: atomic {
		!(revoked || told || refresh == current || stage == sent || stage == lost ||
		    (stage == kept && kept_reply == current)) -> assert(false) }
	od
}

active [NODES] proctype node()
{
	byte me = _pid - 3; /* after the three above */
	byte mine, token, got;
	mtype found;
	bool risky, had_risked;

end_idle:
idle:	if
	:: atomic {
		lease == 0 && fence < CLAIMS && !(refresh == TOKENS && stage == settled) ->
		lease = me + 1;
		fence++;
		mine = fence;
		token = refresh; /* read after the claim */
		found = stage;
		got = kept_reply;
		had_risked = risked }
#ifdef REFRESH_ANYWAY
	:: atomic {
		lease != 0 && lease != me + 1 && refresh < TOKENS ->
		mine = fence;
		token = refresh;
		risky = false }
		goto send_now
#endif
	fi;

	/* the plan */
	if
	:: told && found != kept -> goto hold /* a dead refresh token is not shown again */
	:: found == settled && !told -> risky = false
	:: found == kept -> goto commit
	:: (found == sent || found == lost) && !told ->
		if
#ifdef WITNESS
		/* Once what is orphaned has settled, the old access token tells. */
		:: atomic { orphans == 0 -> risky = false;
			if
			:: token == current && !revoked
			:: else -> goto give_up
			fi }
#else
		:: atomic { last_moment && orphans == 0 && !had_risked -> risky = true }
		:: atomic { last_moment && had_risked -> goto give_up }
#endif
		:: goto hold
		fi
	OR_CRASH
	fi;

	/* record */
	if
	:: atomic {
		if
		:: FENCED(mine) && UNANSWERED ->
			KEEPS_THE_REPLY;
#ifndef NO_RECORD
			stage = sent;
#endif
			attempt_fence = mine;
			kept_reply = 0;
			risked = risked || risky
		:: FENCED(mine) && !UNANSWERED -> lease = 0; goto idle /* the next claim finds it */
		:: !FENCED(mine) -> NOT_MINE; goto idle
		fi }
	OR_CRASH
	fi;

	/* send, while enough of the lease is left by the node's own clock; without a connection nothing
	 * leaves, and what was in doubt before is so still */
	if
	:: atomic { lease == me + 1 }
	:: goto ended_unsent
	:: atomic { lease != me + 1 -> goto idle }
	OR_CRASH
	fi;
send_now:
	atomic {
#ifndef REFRESH_ANYWAY
		if
		:: lease == me + 1
		:: else -> goto idle
		fi;
#endif
		call[me]++;
		calling[me] = true;
		on_wire[me] = true;
		wire!me, call[me], token, risky
	}
	if
	:: atomic { reply[me] != 0 -> got = reply[me]; end_call(me) }
	:: atomic { reply[me] == 0 -> end_call(me) } goto ended_without_reply
	OR_CRASH
	fi;
	if
	:: got == REFUSED -> goto refused
	:: else
	fi;

	/* seal; a reply is kept as long as no newer attempt has left, whoever owns the lease now */
	if
	:: atomic {
		if
		:: MINE(mine) -> stage = kept; kept_reply = got
		:: else -> NOT_MINE; goto idle
		fi }
	OR_CRASH
	fi;

commit:
	if
	:: atomic {
		if
		:: FENCED(mine) ->
			refresh = got;
			stage = settled;
			kept_reply = 0;
			risked = false;
			risky_seen = 0;
			attempt_fence = 0;
			told = false;
			lease = 0
		:: else -> NOT_MINE
		fi }
	OR_CRASH
	fi;
	goto idle;

ended_without_reply:
	if
	:: atomic {
		if
		:: FENCED(mine) ->
#ifndef NO_RECORD
			stage = lost;
#endif
#ifdef FORGET_RISK
			risked = had_risked;
#endif
			lease = 0
		:: else -> NOT_MINE
		fi }
	OR_CRASH
	fi;
	goto idle;

ended_unsent:
	if
	:: atomic {
		if
		:: FENCED(mine) ->
			if
			:: found == settled -> stage = settled
			:: else -> stage = lost
			fi;
			risked = had_risked;
			lease = 0
		:: else -> NOT_MINE
		fi }
	OR_CRASH
	fi;
	goto idle;

refused:
	assert(revoked || token != current);
	goto give_up;

give_up:
	if
	:: atomic {
		if
		:: FENCED(mine) && UNANSWERED ->
			KEEPS_THE_REPLY;
			told = true;
			stage = settled;
			lease = 0
		:: FENCED(mine) && !UNANSWERED -> lease = 0
		:: !FENCED(mine) -> NOT_MINE
		fi }
	OR_CRASH
	fi;
	goto idle;

hold:
	if
	:: atomic {
		if
		:: FENCED(mine) && UNANSWERED ->
			KEEPS_THE_REPLY;
			if
			:: found == sent -> stage = lost /* as it was found, not as it is */
			:: else
			fi;
			lease = 0
		:: FENCED(mine) && !UNANSWERED -> lease = 0
		:: !FENCED(mine) -> NOT_MINE
		fi }
	OR_CRASH
	fi;
	goto idle
}
