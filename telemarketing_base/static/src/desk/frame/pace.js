/**
 * What goes on by itself on the desk, and how the agent holds it.
 *
 * After a result in an automatic campaign the next person is in the server's answer
 * already (`desk.coming`): the countdown shows them later, it asks for nothing. In a
 * campaign with a preview the call starts when its countdown is over, once and only if
 * nothing hinders it. Whatever the agent begins instead holds the countdown; a network
 * that goes holds it too, so that nobody is rung by surprise when it is back.
 *
 * `desk.countdown` is `{kind: "next" | "dial", until: milliseconds, left: milliseconds
 * while it is held, else 0, held}` or null.
 */

// From this share of a cap on it is told that the time runs out.
const NEARLY = 0.75;

function start(desk, kind, seconds, held = false) {
    const left = seconds * 1000;
    const now = desk.now();
    desk.clock.now = now;
    desk.countdown = {kind, until: now + left, left: held ? left : 0, held};
}

export function stop(desk) {
    desk.coming = false;
    desk.countdown = null;
}

/** The next person waits aside until the countdown is over. */
export function awaitNext(desk, entry, answer) {
    const seconds = desk.campaign?.next_seconds || 0;
    if (entry.next && seconds && answer.call && !desk.call && !answer.lost_seat) {
        desk.coming = answer.call;
        delete answer.call;
        desk.empty = false;
        start(desk, "next", seconds);
    }
}

export function showComing(desk) {
    const {coming} = desk;
    stop(desk);
    // The key that asked for the person must not fall on what stands there now.
    desk.restUntil = desk.now() + 600;
    desk._setCall(coming);
    return true;
}

export function startPreview(desk) {
    const seconds = desk.campaign?.preview_seconds || 0;
    desk.countdown = null;
    if (seconds && !desk.call.interaction && desk.can("dial")) {
        start(desk, "dial", seconds, Boolean(desk.draft.waits));
    }
}

function hold(desk) {
    const {countdown} = desk;
    countdown.left = Math.max(1000, countdown.until - desk.now());
    countdown.held = true;
}

/** The space bar: holds what would go on by itself, and lets it go on. */
export function toggleHold(desk) {
    const {countdown} = desk;
    if (!countdown) {
        return;
    }
    if (countdown.held) {
        const now = desk.now();
        desk.clock.now = now;
        countdown.until = now + countdown.left;
        countdown.held = false;
    } else {
        hold(desk);
    }
    if (countdown.kind === "dial") {
        desk.edit({waits: countdown.held});
    }
}

/** What there is to hold; a person who may not be called is not counted down. */
export function shownCountdown(desk) {
    const {countdown} = desk;
    if (countdown?.kind === "next") {
        return desk.coming && desk.idle ? countdown : null;
    }
    const dials = countdown && desk.phase === "preview" && !desk.dialHindrance;
    return dials ? countdown : null;
}

export function secondsLeft(desk) {
    const {countdown, clock} = desk;
    const left = countdown.held ? countdown.left : countdown.until - clock.now;
    return Math.max(0, Math.ceil(left / 1000));
}

/** How the present wrap-up or pause stands beside its cap: `{left, level}`, seconds
 * (negative: over it) and calm, amber or red; null where there is no cap. */
export function cap(desk) {
    const seconds = {
        wrap_up: desk.campaign?.wrap_up_seconds,
        paused: desk.session.reason_cap_seconds,
    }[desk.phase];
    if (!seconds) {
        return null;
    }
    const left = seconds - desk.phaseSeconds;
    const nearly = desk.phaseSeconds >= seconds * NEARLY ? "amber" : "calm";
    return {left, level: left <= 0 ? "red" : nearly};
}

/** Seconds of pause of the day, the present one included. */
export function pausedToday(desk) {
    const now = desk.phase === "paused" ? desk.phaseSeconds : 0;
    return (desk.figures.paused_seconds || 0) + now;
}

/** Has the agent begun something that a result given by itself would cut off? */
function hasBegun({draft, pending, objection, asking}) {
    return Boolean(
        pending ||
        objection ||
        asking ||
        draft.callback.at ||
        Object.keys(draft.order).length ||
        Object.values(draft.extra).some(Boolean)
    );
}

async function tellOverWrapUp(desk) {
    const {uuid} = desk.draft;
    try {
        desk._apply(await desk._rpc("over_wrap_up", {uuid}));
    } catch {
        // It is for the supervisor; the agent has nothing to mend.
    }
}

function isOverWrapUp(desk) {
    const over = desk.phase === "wrap_up" && cap(desk)?.level === "red";
    return over && !desk.draft.over_cap && desk.takesResults;
}

function overWrapUp(desk) {
    const disposition = desk.disposition(desk.campaign.wrap_up_disposition_id);
    desk.edit({over_cap: true});
    if (disposition?.leaf && !hasBegun(desk) && !desk.missingFor(disposition)) {
        desk.close(disposition.id, true);
    } else {
        tellOverWrapUp(desk);
    }
}

function goOn(desk) {
    if (desk.countdown.kind === "next") {
        showComing(desk);
        return;
    }
    // Tried once: where it is refused, the agent decides.
    const hindered = desk.dialHindrance;
    desk.countdown = null;
    if (!hindered) {
        desk.dial();
    }
}

function isAway({loaded, loggedOut, otherSeat, expired, offline}) {
    return !loaded || loggedOut || otherSeat || expired || offline;
}

/** Once a second. */
export function tick(desk) {
    const away = isAway(desk);
    const runs = desk.countdown && !desk.countdown.held;
    if (runs && (away || desk.menu || desk.pending)) {
        hold(desk);
    } else if (away || desk.busy) {
        return;
    } else if (runs) {
        if (desk.now() >= desk.countdown.until) {
            goOn(desk);
        }
    } else if (isOverWrapUp(desk)) {
        overWrapUp(desk);
    }
}
