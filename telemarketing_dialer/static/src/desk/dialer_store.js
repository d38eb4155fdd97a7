import {_t} from "@web/core/l10n/translation";
import {patch} from "@web/core/utils/patch";
import {DeskStore} from "@telemarketing_base/desk/desk_store";
import {toMillis} from "@telemarketing_base/desk/desk_format";
import * as pace from "@telemarketing_base/desk/frame/pace";
import {chime} from "./chime";

// Waiting, the server is asked so often who is on the desk: a word may get lost.
const LOOK_EVERY = 15_000;
// A key meant for what stood there before must not classify who has just come.
const POP_REST = 1_500;
// A person who was told of so long ago may be gone: the server is asked first.
const FRESH = 20_000;

/**
 * What the desk knows in campaigns that Asterisk calls for.
 *
 * `waiting`: `{mode, phone, since, reason, next_at}` while somebody may come by itself,
 * else false. `session.phone`: the agent's telephone. `lineNow`: what the line of the
 * call is like; kept with the draft, so that it survives a reload.
 */
patch(DeskStore.prototype, {
    setup() {
        super.setup();
        this.waiting = false;
        this.transferTo = null;
        this.io.known = new Set();
        this.io.nextPop = null;
    },

    // ------------------------------------------------------------------ what is seen
    get onAsterisk() {
        return this.provider === "asterisk";
    },

    /** Does who answers come by itself here? */
    get dials() {
        return Boolean(this.campaign?.dials);
    },

    get phoneState() {
        return this.session.phone?.state || "none";
    },

    /** The telephone was connected or asked for, and is not there. */
    get phoneLost() {
        const phone = this.session.phone;
        const gone = phone?.alive && phone.wanted && phone.state === "none";
        return Boolean(
            gone && phone.reason && this.loaded && !this.otherSeat && !this.loggedOut
        );
    },

    get dialHindrance() {
        const why = super.dialHindrance;
        if (why || !this.onAsterisk || !this.session.phone?.alive) {
            return why;
        }
        return {
            none: _t("Your telephone is not connected."),
            calling: _t("Your telephone rings: pick it up first."),
            up: "",
        }[this.phoneState];
    },

    get lineNow() {
        return this.draft?.line || {};
    },

    get onLine() {
        return ["dialling", "talking"].includes(this.phase);
    },

    get recording() {
        return (
            this.phase === "talking" &&
            this.can("record") &&
            this.lineNow.recording !== false
        );
    },

    // ------------------------------------------------------------------ who comes
    _apply(answer) {
        const {call} = answer;
        if (this.dials && this._isStale(call)) {
            delete answer.call;
        }
        const before = this.call;
        const applied = super._apply(answer);
        if (applied && "waiting" in answer) {
            this.waiting = answer.waiting;
        }
        const came = this.call && this.call.interaction;
        if (applied && this.dials && came && !before) {
            this._arrived();
        }
        return applied;
    },

    /** An answer that was under way when somebody came, or a result was kept. */
    _isStale(call) {
        if (call === false) {
            return this.inCall && this.busy === "next";
        }
        const uuid = call?.interaction?.uuid;
        return Boolean(uuid) && this.kept.some((entry) => entry.uuid === uuid);
    },

    _onLine(change) {
        if (change.pop) {
            this._pop(change.pop);
        } else if (change.phone) {
            this._phoneSays(change.phone);
        } else if (change.line) {
            this._lineSays(change.line);
        } else if (change.missed) {
            this._look();
        } else if (change.cause === "transferred") {
            this._handedOver(change.uuid);
        } else if (this.dials && !this.call && change.state === "talking") {
            // Of a call that this desk was never shown.
            this._look();
        } else {
            super._onLine(change);
        }
    },

    _look() {
        if (this.loaded && !this.offline && !this.otherSeat && !this.loggedOut) {
            this.heartbeat();
        }
    },

    /** A person answered and talks to this agent: there they are, with no request. */
    _pop({call, session}) {
        const {uuid, answered_at: answeredAt} = call.interaction;
        const away = !this.loaded || this.otherSeat || this.loggedOut || this.expired;
        if (away || this.io.known.has(uuid)) {
            return;
        }
        if (this.inCall) {
            // Its result is on the way: they come as soon as it has arrived.
            if (uuid !== this.draft.uuid) {
                this.io.nextPop = {call, session};
            }
            return;
        }
        const at = toMillis(answeredAt);
        if (at && this.now() - at > FRESH) {
            this._look();
            return;
        }
        // What was asked before knows nothing of this person.
        this.generation++;
        this.session = session || this.session;
        this.waiting = false;
        this.empty = false;
        this.notice = this.notice && {...this.notice, undo: null};
        pace.stop(this);
        this._setCall(call);
        this._arrived();
    },

    /** Somebody stands on the desk and talks already. */
    _arrived() {
        const {uuid, ended_at: endedAt} = this.call.interaction;
        const news = !this.io.known.has(uuid);
        this.io.known.add(uuid);
        if (!news || endedAt || !this.loaded) {
            return;
        }
        this.lineState = "talking";
        this.restUntil = this.now() + POP_REST;
        if (this.menu !== "pause") {
            this.menu = "";
        }
        chime();
    },

    _setCall(call) {
        const before = this.draft?.uuid;
        super._setCall(call);
        if (this.draft && this.draft.uuid !== before) {
            this.held = Boolean(this.lineNow.held);
            this.transferTo = null;
        }
    },

    async _sendResult(entry) {
        const sent = await super._sendResult(entry);
        this.io.known.add(entry.uuid);
        const next = this.io.nextPop;
        this.io.nextPop = null;
        if (next && !this.inCall) {
            this._pop(next);
        }
        return sent;
    },

    /** Nobody is fetched: they come. */
    _mayAskAgain() {
        return !this.dials && super._mayAskAgain();
    },

    tick() {
        super.tick();
        const away = this.loggedOut || this.otherSeat || this.expired || this.offline;
        if (
            this.loaded &&
            !away &&
            !this.busy &&
            this.dials &&
            this.phase === "ready" &&
            this.clock.now - this.lastBeat >= LOOK_EVERY
        ) {
            this.heartbeat();
        }
    },

    // ------------------------------------------------------------------ the telephone
    _phoneSays({state, reason}) {
        if (this.session.phone) {
            this.generation++;
            Object.assign(this.session.phone, {state, reason: reason || ""});
            if (this.waiting && this.waiting.phone !== state) {
                this.waiting.phone = state;
                // Why nothing is dialled has changed with it.
                this._look();
            }
        }
    },

    /** Connects or disconnects the agent's telephone; `extension`: of this seat. */
    async connectPhone(on = true, extension = undefined) {
        const kwargs = extension === undefined ? {on} : {on, extension};
        return this.request("phone", "phone", "phone", kwargs);
    },

    // ------------------------------------------------------------------ the line
    _lineSays({uuid, error, passed, ...line}) {
        if (!uuid) {
            this.setError("phone", error || "");
            return;
        }
        if (uuid !== this.draft?.uuid) {
            return;
        }
        if (error) {
            this.setError("call", error);
            return;
        }
        this.edit({line: {...this.lineNow, ...line}});
        if (passed) {
            this._passedOn(passed);
        }
        if ("held" in line) {
            this.held = line.held;
        }
        if (line.third === false && this.menu === "transfer") {
            this.menu = "";
        }
    },

    /** This agent's part in the call is over; `to` says whose turn it is. */
    _passedOn(to) {
        this.menu = "";
        if (to === "campaign") {
            // Its result is of whoever takes the call, or of the person who gives up.
            this.edit({line: {...this.lineNow, passed: true}});
            this.told = _t("They wait for somebody of the other campaign.");
        } else if (to !== "agent") {
            this._end("transferred");
            this.told = _t("They go on without you: give the result.");
        }
    },

    /** A colleague has the person and gives the result: here the next one may come. */
    async _handedOver(uuid) {
        if (uuid !== this.draft?.uuid) {
            return;
        }
        this.io.storage.remove(`draft.${this.draft.target_id}`);
        // It may come back.
        this.io.known.delete(uuid);
        this.menu = "";
        this._setCall(false);
        this.told = _t("The call is with your colleague now.");
        if (this.pauseAfter) {
            await this._act("state", "desk", () => this._pauseNow());
        } else if (this.dials) {
            await this._ask("get_next");
        }
    },

    get takesResults() {
        const waits = this.lineNow.passed && !this.endedAt;
        return super.takesResults && !waits;
    },

    /** Something for the line of the open call; refused, it says why beside the buttons. */
    async command(action, params = {}) {
        if (!this.draft?.dialled) {
            return false;
        }
        const {uuid} = this.draft;
        return Boolean(await this.ask("call", "control", {uuid, action, params}));
    },

    async line(method, ...args) {
        if (!this.onAsterisk) {
            return super.line(method, ...args);
        }
        if (this.onLine && method === "hold") {
            return this.command("hold", {on: !this.held});
        }
    },

    mute() {
        return this.onLine && this.command("mute", {on: !this.lineNow.muted});
    },

    /** Pauses or resumes the recording; `byItself`: with the field that has the focus. */
    async pauseRecording(pause, byItself = false) {
        const {recording, hushed} = this.lineNow;
        const paused = recording === false;
        if (!this.onLine || !this.can("record") || pause === paused) {
            return;
        }
        // What the agent paused goes on when the agent says so.
        if (byItself && !pause && !hushed) {
            return;
        }
        const before = {...this.lineNow};
        this.edit({
            line: {...before, recording: !pause, hushed: pause && byItself},
        });
        if (!(await this.command("record", {pause})) && this.draft) {
            this.edit({line: before});
        }
    },

    async hangup() {
        if (!this.onAsterisk) {
            return super.hangup();
        }
        if (this.onLine && (await this.command("hangup"))) {
            this._end();
        }
    },

    async _hangupQuietly() {
        // The server ends the line of a call that gets its result.
        return this.onAsterisk ? undefined : super._hangupQuietly();
    },

    _end(cause = false) {
        super._end(cause);
        if (["keys", "transfer"].includes(this.menu)) {
            this.menu = "";
        }
    },

    // ------------------------------------------------------------------ to somebody else
    /** Opens what is on the line's buttons, and asks who may be given the call. */
    async openTransfer() {
        if (!this.onLine) {
            return;
        }
        this.menu = this.menu === "transfer" ? "" : "transfer";
        if (this.menu && !this.lineNow.third) {
            this.transferTo = null;
            const {uuid} = this.draft;
            const answer = await this.ask("call", "transfer_choices", {uuid});
            this.transferTo = answer || {agents: [], campaigns: []};
        }
    },
});
