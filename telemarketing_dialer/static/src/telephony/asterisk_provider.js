import {registry} from "@web/core/registry";

/**
 * Calls through Asterisk. What the agent asks goes by the desk to the server (`control`);
 * what the line does is heard on the agent's bus: `telemarketing.call` of a call,
 * `telemarketing.dialer` of a person who comes, the telephone and the line.
 */
export class AsteriskProvider {
    name = "asterisk";
    capabilities = new Set([
        "dial",
        "hangup",
        "hold",
        "mute",
        "keys",
        "transfer",
        "third",
        "complete",
        "drop_third",
        "record",
    ]);
    _listeners = new Set();
    // The last word of a call, which may come before the answer that names it.
    _last = null;

    constructor({services}) {
        const {bus_service: bus} = services;
        bus.subscribe("telemarketing.call", (told) => this._heard(told));
        bus.subscribe("telemarketing.dialer", ({what, ...told}) =>
            this._tell({[what]: told})
        );
        // What was told meanwhile may be lost: the server knows who is on the desk.
        bus.addEventListener("BUS:RECONNECT", () => this._tell({missed: true}));
    }

    onState(callback) {
        this._listeners.add(callback);
        return () => this._listeners.delete(callback);
    }

    /** The server has had it dialled already; by click nothing is heard of it. */
    async dial({uuid, instruction}) {
        if (instruction?.action === "click") {
            this._tell({state: "talking", uuid, assumed: true});
            return;
        }
        this._tell({state: "dialling", uuid});
        if (this._last?.uuid === uuid) {
            this._tell(this._last);
        }
    }

    _heard({uuid, state, cause}) {
        this._last = {uuid, state, cause};
        this._tell(this._last);
    }

    _tell(change) {
        for (const callback of this._listeners) {
            callback(change);
        }
    }
}

registry
    .category("telemarketing_telephony_providers")
    .add("asterisk", (env) => new AsteriskProvider(env));
